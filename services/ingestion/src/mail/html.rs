//! A mail's HTML as it may be shown to the person who answers it.
//!
//! What is left has no script, no style, no form, and nothing that is loaded from elsewhere when it is looked at: a
//! picture of another server tells its sender who read the mail, when and where. Such a picture keeps its address in
//! [`REMOTE`], for a person to load it on a click; a picture that came with the mail keeps its `cid:`.

use std::collections::HashSet;
use std::{borrow::Cow, panic};

use ammonia::{Builder, UrlRelative};

/// The attribute that holds the address of a picture that was not loaded.
pub const REMOTE: &str = "data-remote-src";

/// The HTML of one mail, in bytes.
pub const HTML_MAX: usize = 2 * 1024 * 1024;

/// Elements of one mail: so many levels there can be at most.
pub const TAGS_MAX: usize = 20_000;

/// Elements that stand open at once.
pub const DEPTH_MAX: usize = 500;

/// References to characters of one mail, half ones included: each is a piece of its own, which the parser appends to the text
/// before it.
pub const REFERENCES_MAX: usize = 20_000;

/// What a link or a picture may begin with. A picture by `http` is kept from being loaded below.
const SCHEMES: [&str; 5] = ["http", "https", "mailto", "tel", "cid"];

/// What stands for a remote picture's scheme until its attribute has got its other name.
const MARK: &str = "remote:";

/// Why HTML is not shown. Its mail's text can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is more of it than is looked at.
    #[error("the HTML is longer than {HTML_MAX} bytes; show the text of the mail")]
    TooLong,
    /// It is made to keep whoever reads it busy.
    #[error(
        "the HTML has more than {TAGS_MAX} elements, more than {DEPTH_MAX} in each other, or more than {REFERENCES_MAX} \
         references to characters; show the text of the mail"
    )]
    TooNested,
    /// The parser could not bear it.
    #[error("the HTML cannot be read; show the text of the mail")]
    Unreadable,
}

/// What of `html` may be shown.
pub fn sanitised(html: &str) -> Result<String, Error> {
    if html.len() > HTML_MAX {
        return Err(Error::TooLong);
    }
    if is_nested(html) || html.bytes().filter(|byte| *byte == b'&').count() > REFERENCES_MAX {
        return Err(Error::TooNested);
    }
    let clean = || renamed(&builder().clean(html).to_string());
    panic::catch_unwind(clean).map_err(|_| Error::Unreadable)
}

/// An upper bound for how deep it is: end tags that are left out, or are none, do not lower it.
fn is_nested(html: &str) -> bool {
    const EMPTY: [&str; 6] = ["br", "img", "hr", "meta", "link", "input"];
    let mut depth = 0_usize;
    let mut tags = 0;
    for tag in html.split('<').skip(1) {
        tags += 1;
        let name = tag.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        if tag.starts_with('/') {
            depth = depth.saturating_sub(1);
        } else if !name.is_empty() && !EMPTY.iter().any(|empty| empty.eq_ignore_ascii_case(name)) {
            depth += 1;
        }
        if tags > TAGS_MAX || depth > DEPTH_MAX {
            return true;
        }
    }
    false
}

fn builder() -> Builder<'static> {
    let mut builder = Builder::default();
    builder
        .rm_tags(["map", "area"])
        .add_clean_content_tags([
            "head", "title", "form", "select", "textarea", "object", "iframe", "noscript", "svg", "math",
        ])
        .url_schemes(HashSet::from(SCHEMES))
        .url_relative(UrlRelative::Deny)
        .link_rel(Some("noopener noreferrer nofollow"))
        .attribute_filter(|element, attribute, value| match (element, attribute) {
            ("img", "src") => picture(value),
            // A link leads to a page or a person; what came with the mail is no page.
            ("a", "href") => (!is(value, "cid:")).then_some(Cow::Borrowed(value)),
            // Nobody is helped by an address that cannot be seen.
            (_, "cite") => None,
            _ => Some(Cow::Borrowed(value)),
        });
    builder
}

fn picture(address: &str) -> Option<Cow<'_, str>> {
    if is(address, "cid:") {
        Some(Cow::Borrowed(address))
    } else if is(address, "http:") || is(address, "https:") {
        Some(Cow::Owned(format!("{MARK}{address}")))
    } else {
        None
    }
}

fn is(address: &str, scheme: &str) -> bool {
    let address = address.trim_start();
    address.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
}

/// Gives the attribute of each marked picture its other name. The HTML was written by the sanitiser, so that quotes are
/// closed and no text has a `<` in it.
fn renamed(html: &str) -> String {
    let mark = format!(" src=\"{MARK}");
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(start) = rest.find("<img") {
        let (before, tag) = rest.split_at(start);
        let (tag, after) = tag.split_at(tag_end(tag));
        out.push_str(before);
        match outside_quotes(tag, &mark) {
            Some(at) => {
                let (head, tail) = tag.split_at(at);
                out.push_str(head);
                out.push_str(&format!(" {REMOTE}=\"{}", &tail[mark.len()..]));
            }
            None => out.push_str(tag),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Behind the `>` that ends the tag.
fn tag_end(tag: &str) -> usize {
    let mut quoted = false;
    for (at, byte) in tag.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b'>' if !quoted => return at + 1,
            _ => {}
        }
    }
    tag.len()
}

fn outside_quotes(tag: &str, mark: &str) -> Option<usize> {
    let mut quoted = false;
    for (at, byte) in tag.bytes().enumerate() {
        if byte == b'"' {
            quoted = !quoted;
        } else if !quoted && tag[..].is_char_boundary(at) && tag[at..].starts_with(mark) {
            return Some(at);
        }
    }
    None
}

#[cfg(test)]
mod tests;
