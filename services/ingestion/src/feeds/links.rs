//! Where an element leads.

use super::{
    feed::{Enclosure, limits::ADDRESS_MAX},
    html,
    scope::Scope,
    xml::Element,
};

/// What the links of an element lead to.
#[derive(Default)]
pub(super) struct Links {
    pub(super) page: Option<String>,
    /// The page that an id says it is.
    pub(super) permanent: Option<String>,
    pub(super) answers: Vec<String>,
    pub(super) files: Vec<Enclosure>,
}

impl Links {
    pub(super) fn add(&mut self, link: &Element, scope: &Scope) {
        let relation = link.attribute("rel").unwrap_or("alternate");
        // RSS has the address between the tags.
        let text = link.text();
        let between = Some(&*text).filter(|_| relation == "alternate");
        let Some(target) = link.attribute("href").or(between) else { return };
        let relation = relation.strip_prefix("http://www.iana.org/assignments/relation/").unwrap_or(relation);
        match relation {
            "alternate" => self.page = self.page.take().or_else(|| page(scope, target)),
            "replies" => self.answers.extend(page(scope, target)),
            "enclosure" => self.files.extend(enclosure(link, scope, "href")),
            _ => {}
        }
    }
}

pub(super) fn enclosure(element: &Element, scope: &Scope, url: &str) -> Option<Enclosure> {
    Some(Enclosure {
        url: page(scope, element.attribute(url)?)?,
        media_type: element.attribute("type").and_then(html::one_line),
        bytes: element
            .attribute("length")
            .or_else(|| element.attribute("filesize"))
            .and_then(|size| size.parse().ok()),
    })
}

/// An address that may be shown as a link: absolute, of the web.
pub(super) fn page(scope: &Scope, reference: &str) -> Option<String> {
    let reference = reference.trim();
    if reference.is_empty() || reference.len() > ADDRESS_MAX {
        return None;
    }
    let url = scope.base.join(reference).ok()?;
    let shown = matches!(url.scheme(), "http" | "https") && url.as_str().len() <= ADDRESS_MAX;
    shown.then(|| url.into())
}
