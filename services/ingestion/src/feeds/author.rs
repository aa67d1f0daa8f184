//! Who wrote something, in all the ways in which feeds write it.

use super::{feed::Author, html, links, scope::Scope, xml::Element};

/// The longest mail address, in bytes (RFC 5321).
const EMAIL_MAX: usize = 254;

/// The author whom an element names: with elements for name, address and page as Atom has them, or in one text.
pub(super) fn of(element: &Element, scope: &Scope) -> Option<Author> {
    let mut author = Author::default();
    let mut structured = false;
    for part in element.elements() {
        let text = part.text();
        match &*part.name {
            "name" => author.name = author.name.or_else(|| html::one_line(&text)),
            "email" => author.email = author.email.or_else(|| email(&text)),
            "uri" | "url" | "homepage" => author.uri = author.uri.or_else(|| links::page(scope, &text)),
            _ => continue,
        }
        structured = true;
    }
    if !structured {
        author = written(&element.text());
    }
    (author != Author::default()).then_some(author)
}

/// `me@example.com (Name)`, `Name <me@example.com>`, `Name (me@example.com)`, either alone.
fn written(text: &str) -> Author {
    let Some(line) = html::one_line(text) else { return Author::default() };
    for (open, close) in [('(', ')'), ('<', '>')] {
        let Some((outside, inside)) = line.strip_suffix(close).and_then(|line| line.rsplit_once(open)) else {
            continue;
        };
        let (outside, inside) = (outside.trim(), inside.trim());
        let (name, address) = match (email(outside), email(inside)) {
            (Some(address), _) => (inside, address),
            (None, Some(address)) => (outside, address),
            (None, None) => continue,
        };
        return Author { name: html::one_line(name), email: Some(address), uri: None };
    }
    match email(&line) {
        Some(address) => Author { email: Some(address), ..Author::default() },
        None => {
            let (address, name): (Vec<_>, Vec<_>) = line.split(' ').partition(|word| email(word).is_some());
            match address[..] {
                // `me@example.com Name`, as nobody specified it.
                [address] => {
                    Author { name: html::one_line(&name.join(" ")), email: email(address), uri: None }
                }
                _ => Author { name: Some(line), ..Author::default() },
            }
        }
    }
}

/// A mail address, by its form; in lower case.
fn email(text: &str) -> Option<String> {
    let text = text.trim();
    let text = text.strip_prefix("mailto:").unwrap_or(text);
    let (local, host) = text.rsplit_once('@')?;
    let plain = |part: &str| {
        !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || "()<>,;:\"".contains(c))
    };
    let is_address =
        text.len() <= EMAIL_MAX && plain(local) && plain(host) && host.contains('.') && !local.contains('@');
    is_address.then(|| text.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_and_address_are_told_apart() {
        for (text, name, address) in [
            ("Ann", Some("Ann"), None),
            ("Ann.B@example.com", None, Some("ann.b@example.com")),
            ("ann@example.com (Ann B)", Some("Ann B"), Some("ann@example.com")),
            ("Ann B (ann@example.com)", Some("Ann B"), Some("ann@example.com")),
            ("Ann B <ann@example.com>", Some("Ann B"), Some("ann@example.com")),
            ("ann@example.com Ann B", Some("Ann B"), Some("ann@example.com")),
            ("Ann (of the mill)", Some("Ann (of the mill)"), None),
            ("a@b@example.com", Some("a@b@example.com"), None),
            ("ann @ example", Some("ann @ example"), None),
            (" ", None, None),
        ] {
            let expected = Author { name: name.map(Into::into), email: address.map(Into::into), uri: None };
            assert_eq!(written(text), expected, "{text}");
        }
    }
}
