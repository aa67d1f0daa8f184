//! Links in a text.

/// A link, as byte offsets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Up to where X shortens it: it takes fewer scripts for part of a link than browsers do.
    pub(super) shortened_to: usize,
    /// Whether it says that it is a link, by its scheme.
    pub(super) sure: bool,
}

const SCHEMES: [&str; 2] = ["https://", "http://"];
/// The longest top-level domain that is looked for, in bytes.
const TOP_LEVEL_LEN: std::ops::RangeInclusive<usize> = 2..=24;

/// The links of a text, in order, none over another: what begins with `http://` or `https://`, and what looks like
/// a domain.
pub(super) fn find(text: &str) -> Vec<Link> {
    let mut links = Vec::new();
    let mut offset = 0;
    for word in text.split(is_delimiter) {
        in_word(word, offset, &mut links);
        // The delimiter may be of several bytes.
        offset += word.len();
        offset += text.get(offset..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
    }
    links
}

fn is_delimiter(c: char) -> bool {
    c.is_whitespace() || c.is_control() || "<>\"«»“”„".contains(c)
}

fn in_word(word: &str, offset: usize, links: &mut Vec<Link>) {
    let mut rest_from = 0;
    while let Some(start) = scheme(word, rest_from) {
        bare(&word[rest_from..start], offset + rest_from, links);
        let end = end_of(word, start);
        let link = &word[start..end];
        if SCHEMES.iter().any(|scheme| link.len() == scheme.len()) {
            // A scheme and nothing behind it.
            rest_from = end;
            continue;
        }
        links.push(Link {
            start: offset + start,
            end: offset + end,
            shortened_to: offset + start + link.find(|c| !is_shortened(c)).unwrap_or(link.len()),
            sure: true,
        });
        rest_from = end;
    }
    bare(&word[rest_from..], offset + rest_from, links);
}

/// Where the next scheme begins that does not stand behind a Latin letter: other scripts may have no spaces.
fn scheme(word: &str, from: usize) -> Option<usize> {
    let mut before = word[..from].chars().next_back();
    for (at, c) in word[from..].char_indices() {
        let begins = || SCHEMES.iter().any(|scheme| starts_with(&word[from + at..], scheme));
        if matches!(c, 'h' | 'H') && !before.is_some_and(|c: char| c.is_ascii_alphanumeric()) && begins() {
            return Some(from + at);
        }
        before = Some(c);
    }
    None
}

fn starts_with(text: &str, scheme: &str) -> bool {
    text.get(..scheme.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(scheme))
}

/// Where the link that begins at `start` ends: before another one in a list, and without the punctuation of the sentence.
fn end_of(word: &str, start: usize) -> usize {
    let body =
        start + SCHEMES.iter().find(|scheme| starts_with(&word[start..], scheme)).map_or(0, |s| s.len());
    let another = word[body..].char_indices().find(|(at, c)| {
        let rest = &word[body + at + c.len_utf8()..];
        matches!(c, ',' | ';' | '|') && SCHEMES.iter().any(|scheme| starts_with(rest, scheme))
    });
    let mut end = another.map_or(word.len(), |(at, _)| body + at);
    let (mut open, mut closed) = (0usize, 0usize);
    for b in word[body..end].bytes() {
        open += usize::from(b == b'(');
        closed += usize::from(b == b')');
    }
    while let Some(last) = word[body..end].chars().next_back() {
        match last {
            ')' if closed > open => closed -= 1,
            '.' | ',' | ';' | ':' | '!' | '?' | '…' | '\'' | '’' | '*' | '_' | '~' | ']' | '}' | '|' => {}
            _ => break,
        }
        end -= last.len_utf8();
    }
    end
}

/// Whether X takes it for a part of a link: ASCII, Latin with accents, Cyrillic.
const fn is_shortened(c: char) -> bool {
    c.is_ascii_graphic() || matches!(c, '\u{c0}'..='\u{24f}' | '\u{300}'..='\u{36f}' | '\u{400}'..='\u{4ff}')
}

/// Domains without a scheme: `example.com/path`.
fn bare(piece: &str, offset: usize, links: &mut Vec<Link>) {
    let mut at = offset;
    for part in piece.split_inclusive(|c: char| !c.is_ascii() || ",;|()[]{}!*'".contains(c)) {
        let end = part.len() - part.chars().next_back().filter(|c| is_cut(*c)).map_or(0, char::len_utf8);
        let body = part[..end].trim_end_matches(['.', ':', '?', '_', '~']);
        let lead = body.len() - body.trim_start_matches(['.', ':', '_', '-', '/', '~']).len();
        let candidate = &body[lead..];
        if is_domain(candidate) {
            let (start, end) = (at + lead, at + lead + candidate.len());
            links.push(Link { start, end, shortened_to: end, sure: false });
        }
        at += part.len();
    }
}

fn is_cut(c: char) -> bool {
    !c.is_ascii() || ",;|()[]{}!*'".contains(c)
}

fn is_domain(text: &str) -> bool {
    let host = text.split(['/', '?', '#', ':']).next().unwrap_or_default();
    let label = |label: &str| {
        !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let top = |top: &str| TOP_LEVEL_LEN.contains(&top.len()) && top.bytes().all(|b| b.is_ascii_alphabetic());
    host.rsplit_once('.').is_some_and(|(rest, last)| top(last) && rest.split('.').all(label))
}

#[cfg(test)]
mod tests;
