//! What a parser of HTML would need for a document, before it is given one.
//!
//! Parsers do what the rules of HTML say, and some of these take the square of what is written. Nothing here need be exact: it
//! must never say less than what could happen.

use std::collections::HashMap;

use super::feed::limits::{HTML_MAX, TAGS_MAX};

/// Elements that a parser may have to make of elements that were not closed. The rules of HTML open each of them again in
/// every paragraph that follows: a page of a few kilobytes could become millions of elements.
const REOPENED_MAX: usize = 200_000;
/// Elements that a parser may have to look at for all tags together: each tag may make it look at all that are open.
const LOOKED_AT_MAX: usize = 800_000;
/// References to characters: each is a piece of its own, which is appended to the text before it.
const REFERENCES_MAX: usize = 5_000;
/// Attributes of a tag: each is compared with all before it.
const ATTRIBUTES_MAX: usize = 256;
/// Elements that HTML opens again where they were not closed.
const FORMATTING: [&str; 14] =
    ["a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"];
/// Elements within which the end of an element outside is not heard.
const SCOPES: [&str; 11] =
    ["applet", "caption", "marquee", "math", "object", "select", "svg", "table", "td", "template", "th"];
/// Elements that end by themselves where another of their kind begins, or that hold nothing: they stand within each other only
/// as deep as others do.
const SHALLOW: [&str; 24] = [
    "area", "br", "col", "colgroup", "dd", "dt", "embed", "hr", "img", "input", "li", "link", "meta",
    "optgroup", "option", "p", "rp", "rt", "source", "tbody", "tfoot", "thead", "tr", "wbr",
];

/// How many elements are open at a place, as far as their names tell.
#[derive(Default)]
struct Open<'a> {
    by_name: HashMap<&'a str, usize>,
    now: usize,
    most: usize,
    begun: usize,
}

impl<'a> Open<'a> {
    fn count(&mut self, name: &'a str, ends: bool) {
        let open = self.by_name.entry(name).or_default();
        if !ends {
            *open += 1;
            self.now += 1;
            self.begun += 1;
            self.most = self.most.max(self.now);
        } else if *open > 0 {
            *open -= 1;
            self.now -= 1;
        }
    }

    /// At most so many at once. Where ends may not be heard, as many as have begun.
    fn at_once(&self, unheard: bool) -> usize {
        if unheard { self.begun } else { self.most }
    }
}

/// Whether a parser could need more than its share of time and memory.
pub(super) fn is_too_much(html: &str) -> bool {
    if html.len() > HTML_MAX || html.bytes().filter(|&byte| byte == b'&').count() > REFERENCES_MAX {
        return true;
    }
    let lower = html.to_ascii_lowercase();
    let (mut all, mut scoped) = (0_usize, false);
    let (mut formatting, mut deep) = (Open::default(), Open::default());
    for (at, _) in lower.match_indices('<') {
        let tag = &lower[at + 1..];
        let (ends, tag) = tag.strip_prefix('/').map_or((false, tag), |tag| (true, tag));
        let end = tag.bytes().position(|byte| !(byte.is_ascii_alphanumeric() || byte == b'-'));
        let (name, rest) = tag.split_at(end.unwrap_or(tag.len()));
        if name.is_empty() {
            continue;
        }
        all += 1;
        // Whatever the parser takes for a tag begins at one of these places.
        if all > TAGS_MAX || has_many_attributes(rest) {
            return true;
        }
        scoped |= SCOPES.contains(&name);
        if !SHALLOW.contains(&name) {
            deep.count(name, ends);
        }
        if FORMATTING.contains(&name) {
            formatting.count(name, ends);
        }
    }
    all.saturating_mul(formatting.at_once(scoped)) > REOPENED_MAX
        || all.saturating_mul(deep.at_once(scoped)) > LOOKED_AT_MAX
}

/// Whether there are more than [`ATTRIBUTES_MAX`] attributes up to the end of the tag, read as the rules of HTML have it.
fn has_many_attributes(tag: &str) -> bool {
    let blank = |character: char| character.is_ascii_whitespace();
    let mut rest = tag;
    for _ in 0..=ATTRIBUTES_MAX {
        rest = rest.trim_start_matches(|character| blank(character) || character == '/');
        let Some(first) = rest.chars().next().filter(|first| *first != '>') else { return false };
        rest = rest[first.len_utf8()..]
            .trim_start_matches(|character| !blank(character) && !"/>=".contains(character));
        let Some(value) = rest.trim_start_matches(blank).strip_prefix('=') else { continue };
        let value = value.trim_start_matches(blank);
        rest = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => match value[1..].split_once(quote) {
                Some((_, after)) => after,
                None => return false,
            },
            _ => value.trim_start_matches(|character| !blank(character) && character != '>'),
        };
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_counted_as_the_parser_reads_them() {
        let many = |one: &str| has_many_attributes(&one.repeat(ATTRIBUTES_MAX + 1));
        for one in [" a", " a=1", " a='>'", " a = \">\" ", "/a", " a=1/2 ", "a='x'"] {
            assert!(many(one), "{one}");
        }
        for one in [" a>", " a='", "a=b"] {
            assert!(!many(one), "{one}");
        }
        assert!(!has_many_attributes(&format!(" a=\"{}\">", " b".repeat(ATTRIBUTES_MAX * 2))));
    }

    #[test]
    fn an_ordinary_article_is_not_too_much() {
        let paragraph = "<p>One <b>two</b> <a href='https://example.com/a?b=1&amp;c=2' title=\"x\">three</a> &eacute;<br/>\n";
        assert!(!is_too_much(&paragraph.repeat(500)));
        let table = "<tr><td><b>One</b></td><td>2</td></tr>";
        assert!(!is_too_much(&format!("<table>{}</table>", table.repeat(100))));
    }
}
