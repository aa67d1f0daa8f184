//! What an element takes over from those around it.

use url::Url;

use super::{address::Address, feed::limits::ADDRESS_MAX, read, xml::Element};

/// Where relative addresses lead from and which language is spoken, at a place of a document.
#[derive(Clone, Debug)]
pub(super) struct Scope {
    pub(super) base: Url,
    pub(super) language: Option<String>,
}

impl Scope {
    pub(super) fn of_document(address: &Address) -> Self {
        Self { base: address.url().clone(), language: None }
    }

    /// As it is in `element`. A base that is none of the web is not taken over.
    pub(super) fn within(&self, element: &Element) -> Self {
        let base = element.xml("base").filter(|base| base.len() <= ADDRESS_MAX);
        let base = base.and_then(|base| self.base.join(base).ok());
        let base = base
            .filter(|base| matches!(base.scheme(), "http" | "https") && base.as_str().len() <= ADDRESS_MAX);
        let language = match element.xml("lang") {
            // An empty one takes back what is said around it.
            Some("") => None,
            Some(language) => read::language(language).or_else(|| self.language.clone()),
            None => self.language.clone(),
        };
        Self { base: base.unwrap_or_else(|| self.base.clone()), language }
    }
}
