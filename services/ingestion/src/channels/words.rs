//! Lines in our own words, for what has no text: a kind in brackets, and what is said of it.

use crate::intake::limits::{NAME_MAX, SUBJECT_MAX};

/// `[kind] this, that`; `[kind]` if nothing is said.
pub(super) fn line<'a>(kind: &str, said: impl IntoIterator<Item = Option<&'a str>>) -> String {
    let said: Vec<_> = said.into_iter().flatten().map(str::trim).filter(|said| !said.is_empty()).collect();
    if said.is_empty() { format!("[{kind}]") } else { format!("[{kind}] {}", said.join(", ")) }
}

/// `[location] name, address (latitude, longitude)`.
pub(super) fn location(name: Option<&str>, address: Option<&str>, latitude: &str, longitude: &str) -> String {
    format!("{} ({latitude}, {longitude})", line("location", [name, address]))
}

/// The subject of a review: its stars, of five, and its title. A review whose stars change has another body.
pub(super) fn review(stars: usize, title: Option<&str>) -> String {
    const OF: usize = 5;
    let stars = stars.min(OF);
    let drawn = "★".repeat(stars) + &"☆".repeat(OF - stars);
    match title {
        Some(title) => subject(&format!("{drawn} {title}")),
        None => drawn,
    }
}

/// A subject, cut at what one may be: it must not cost the message.
pub(super) fn subject(text: &str) -> String {
    cut(text, SUBJECT_MAX)
}

/// How somebody is called, cut at what a name may be.
pub(super) fn name(text: &str) -> String {
    cut(text, NAME_MAX)
}

/// The beginning of a text, of at most so many bytes.
pub(super) fn cut(text: &str, max: usize) -> String {
    text.get(..text.floor_char_boundary(max)).unwrap_or_default().to_owned()
}
