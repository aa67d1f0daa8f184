//! What customers wrote is shown on terminals, and terminals obey control characters: none gets through.

use std::{borrow::Cow, fmt::Write as _};

/// How a text is to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lines {
    /// On one line: line breaks become blanks.
    One,
    /// As it was written, line breaks included.
    Many,
}

/// `text` with nothing in it that a terminal would obey.
pub fn for_terminal(text: &str, lines: Lines) -> Cow<'_, str> {
    if !text.chars().any(|c| is_active(c) || (lines == Lines::One && c == '\n')) {
        return Cow::Borrowed(text);
    }
    let text = text.replace("\r\n", "\n");
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' if lines == Lines::Many => safe.push('\n'),
            '\n' | '\t' => safe.push(' '),
            c if is_active(c) => safe.extend(c.escape_default()),
            c => safe.push(c),
        }
    }
    Cow::Owned(safe)
}

/// One field of a line of tab-separated values: tabs, line breaks and backslashes are written `\t`, `\n`, `\\`.
pub fn for_tsv(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|c| c == '\\' || c == '\n' || is_active(c)) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '\n' => safe.extend(c.escape_default()),
            c if is_active(c) => safe.extend(c.escape_default()),
            c => safe.push(c),
        }
    }
    Cow::Owned(safe)
}

/// JSON that says the same and has nothing active in it: such characters are only ever inside strings, where `\u` is
/// another way to write them.
pub fn for_json(json: &str) -> Cow<'_, str> {
    if !json.chars().any(|c| is_active(c) && c != '\t') {
        return Cow::Borrowed(json);
    }
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        if is_active(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                let _ = write!(safe, "\\u{unit:04x}");
            }
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

/// Control characters but the line break, those that turn the direction of writing round (a name or an address could
/// show itself as another), and those that nobody sees (two names could look the same, or text hide in another). The
/// joiners stay: scripts and emoji are written with them.
fn is_active(c: char) -> bool {
    (c.is_control() && c != '\n')
        || matches!(c, '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{feff}')
        || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "a\u{1b}]0;owned\u{7}b\u{9b}2Jc\u{202e}d\r\ne\tf\u{7f}";

    #[test]
    fn nothing_active_reaches_a_terminal() {
        let one = for_terminal(HOSTILE, Lines::One);
        assert_eq!(one, "a\\u{1b}]0;owned\\u{7}b\\u{9b}2Jc\\u{202e}d e f\\u{7f}");
        assert!(!one.chars().any(char::is_control));
        let many = for_terminal(HOSTILE, Lines::Many);
        assert_eq!(many.lines().count(), 2);
        assert!(many.chars().all(|c| c == '\n' || !is_active(c)));
        assert!(
            matches!(for_terminal("مرحبا بالعالم 🌍", Lines::One), Cow::Borrowed(_)),
            "no text is changed"
        );
    }

    #[test]
    fn what_nobody_sees_is_shown() {
        for hidden in ['\u{61c}', '\u{200b}', '\u{200e}', '\u{200f}', '\u{feff}', '\u{e0001}', '\u{e007f}'] {
            let text = format!("adm{hidden}in");
            let shown = format!("adm\\u{{{:x}}}in", u32::from(hidden));
            assert_eq!(for_terminal(&text, Lines::One), shown);
            assert_eq!(for_tsv(&text), shown);
            let json = serde_json::to_string(&text).unwrap();
            assert!(for_json(&json).is_ascii());
            assert_eq!(serde_json::from_str::<String>(&for_json(&json)).unwrap(), text);
        }
        for whole in ["می\u{200c}خواهم", "👩\u{200d}💻", "क्\u{200d}ष"] {
            assert_eq!(for_terminal(whole, Lines::One), whole);
        }
    }

    #[test]
    fn a_field_of_tsv_is_one_field() {
        assert_eq!(for_tsv("a\tb\nc\\d"), "a\\tb\\nc\\\\d");
        assert_eq!(for_tsv("plain"), "plain");
        assert!(!for_tsv(HOSTILE).chars().any(char::is_control));
    }

    #[test]
    fn json_stays_the_same_json() {
        let json = serde_json::to_string(HOSTILE).unwrap();
        let safe = for_json(&json);
        assert!(!safe.chars().any(is_active));
        assert_eq!(serde_json::from_str::<String>(&safe).unwrap(), HOSTILE);
    }
}
