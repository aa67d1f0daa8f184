//! Where a mail begins that an answer repeats: "On … wrote:", a block of header fields, a line of dashes with words.

use super::{is_quoted, next, words};

/// Lines that a program breaks "On … wrote:" into at the most.
const LINES_MAX: usize = 5;

/// Bytes of it at the most.
const BYTES_MAX: usize = 600;

/// Lines of a block of header fields, with those that are broken.
const BLOCK_MAX: usize = 10;

/// Fields that make a block.
const FIELDS_MIN: usize = 3;

/// The line behind a header like "On … wrote:" that begins at `at`.
pub(super) fn end(lines: &[&str], at: usize) -> Option<usize> {
    let first = bare(lines[at]);
    let mut joined = String::new();
    for end in at..lines.len().min(at + LINES_MAX) {
        let line = bare(lines[end]);
        if line.is_empty() || (end > at && (is_quoted(lines[end]) || !may_go_on(first))) {
            return None;
        }
        if joined.len() + line.len() > BYTES_MAX {
            return None;
        }
        if !joined.is_empty() {
            joined.push(' ');
        }
        joined.push_str(line);
        if line.ends_with([':', '：']) {
            let quoted = next(lines, end + 1).is_some_and(|follows| is_quoted(lines[follows]));
            return says_who_wrote(&joined.to_lowercase(), quoted).then_some(end + 1);
        }
    }
    None
}

/// A header in several lines says in the first that it is one.
fn may_go_on(first: &str) -> bool {
    let lower = first.to_lowercase();
    starts_as_header(&lower) || (has_year(&lower) && lower.contains(|c: char| c.is_numeric()))
}

fn starts_as_header(lower: &str) -> bool {
    words::STARTS.iter().any(|start| lower.starts_with(start)) || lower.starts_with(|c: char| c.is_numeric())
}

/// Somebody, some time, and a word for writing; or enough of it that no word is needed.
fn says_who_wrote(lower: &str, quoted: bool) -> bool {
    let written = words::WROTE.iter().any(|word| has_word(lower, word));
    let numbers = lower.contains(|c: char| c.is_numeric());
    let address = lower.contains('@');
    let dated = has_year(lower) || has_time(lower);
    let last = lower.trim_end_matches([':', '：', ' ']);
    let written_last = words::WROTE.iter().any(|word| last.ends_with(word));
    (written && starts_as_header(lower) && numbers)
        || (written && dated && (address || quoted))
        || (written_last && quoted)
        || (dated && address && has_year(lower) && has_time(lower))
}

/// Whether the word stands there for itself. Scripts without blanks between words have none around it.
fn has_word(text: &str, word: &str) -> bool {
    let spaced = word.starts_with(|c: char| c < '\u{0e00}');
    text.match_indices(word).any(|(at, found)| {
        let before = text[..at].chars().next_back();
        let after = text[at + found.len()..].chars().next();
        !spaced || !(before.is_some_and(char::is_alphabetic) || after.is_some_and(char::is_alphabetic))
    })
}

fn has_year(text: &str) -> bool {
    let mut numbers = text.split(|c: char| !c.is_numeric());
    numbers.any(|number| {
        let count = number.chars().count();
        (count == 4 && (number.starts_with("19") || number.starts_with("20") || !number.is_ascii()))
            || count == 8
    })
}

fn has_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let colons =
        bytes.iter().enumerate().filter(|(_, byte)| matches!(byte, b':' | b'.' | b'h')).map(|(at, _)| at);
    colons.into_iter().any(|at| at > 0 && digit(at - 1) && digit(at + 1) && digit(at + 2) && !digit(at + 3))
}

/// Without what programs put before a header, and without marks of writing direction.
fn bare(line: &str) -> &str {
    let hidden = |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
    let line = line.trim_matches(|c: char| c.is_whitespace() || hidden(c) || c == '*' || c == '|');
    line.strip_prefix("- ").map_or(line, str::trim_start)
}

/// Whether a block of header fields begins here: From, Sent, To, Subject, in whatever language.
pub(super) fn is_block(lines: &[&str], at: usize) -> bool {
    if !matches!(field(lines[at]), Some(Field::From | Field::Sent)) {
        return false;
    }
    let mut seen = Vec::new();
    let mut blank = 0;
    for line in lines[at..].iter().take(BLOCK_MAX) {
        blank += usize::from(line.trim().is_empty());
        if blank > 1 {
            break;
        }
        if let Some(field) = field(line)
            && !seen.contains(&field)
        {
            seen.push(field);
        }
    }
    seen.len() >= FIELDS_MIN && seen.contains(&Field::From)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    From,
    Sent,
    To,
    Copy,
    Subject,
}

fn field(line: &str) -> Option<Field> {
    const NAME_MAX: usize = 60;
    let line = bare(line);
    let end = line.find([':', '：']).filter(|end| *end <= NAME_MAX)?;
    let name = line[..end].trim_matches(|c: char| c.is_whitespace() || c == '*').to_lowercase();
    let is = |names: &[&str]| names.contains(&name.as_str());
    if is(&words::FROM) {
        Some(Field::From)
    } else if is(&words::SENT) {
        Some(Field::Sent)
    } else if is(&words::TO) {
        Some(Field::To)
    } else if is(&words::COPY) {
        Some(Field::Copy)
    } else if is(&words::SUBJECT) {
        Some(Field::Subject)
    } else {
        None
    }
}

/// `-----Original Message-----`, in whatever language.
pub(super) fn is_separator(line: &str) -> bool {
    const SEPARATOR_MAX: usize = 120;
    let line = line.trim();
    if line.len() > SEPARATOR_MAX {
        return false;
    }
    let stroke = |c: char| matches!(c, '-' | '_' | '=' | '*' | '—' | '–' | '─' | '#') || c.is_whitespace();
    let inner = line.trim_matches(stroke);
    let ruled = line.len() - inner.len() >= 2;
    let lower = inner.trim_end_matches(':').trim_end().to_lowercase();
    (ruled && words::SEPARATORS.contains(&lower.as_str())) || words::FORWARDS.contains(&lower.as_str())
}
