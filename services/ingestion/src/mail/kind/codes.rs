//! Codes and addresses in what mail servers say in words.

use super::DIAGNOSTIC_MAX;

/// The first status code (RFC 3463) in `text`. What has more numbers behind it is an address of a server.
pub(crate) fn status(text: &str) -> Option<&str> {
    let words = text.split(|c: char| !c.is_ascii_digit() && c != '.').map(|word| word.trim_matches('.'));
    words.into_iter().find(|word| is_status(word))
}

/// The first status code in `text` that says no.
pub(super) fn failure(text: &str) -> Option<&str> {
    let words = text.split(|c: char| !c.is_ascii_digit() && c != '.').map(|word| word.trim_matches('.'));
    words.into_iter().find(|word| is_status(word) && !word.starts_with('2'))
}

fn is_status(word: &str) -> bool {
    let mut parts = word.split('.');
    let class = parts.next().is_some_and(|class| matches!(class, "2" | "4" | "5"));
    let (subject, detail) = (parts.next(), parts.next());
    let number = |part: Option<&str>| part.is_some_and(|part| (1..=3).contains(&part.len()));
    class && number(subject) && number(detail) && parts.next().is_none()
}

/// The first reply code of SMTP that says no: a number of its own between 400 and 599.
pub(super) fn reply(text: &str) -> Option<u16> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '.' && c != '-');
    let numbers = words.map(|word| word.split('-').next().unwrap_or_default());
    numbers
        .filter(|word| word.len() == 3)
        .filter_map(|word| word.parse().ok())
        .find(|code| (400..600).contains(code))
}

/// The addresses in a line, as they stand.
pub(super) fn addresses(line: &str) -> impl Iterator<Item = &str> {
    let words = line.split(|c: char| {
        c.is_whitespace() || matches!(c, '<' | '>' | '(' | ')' | '[' | ']' | '"' | ',' | ';' | ':' | '`')
    });
    words
        .map(|word| word.trim_matches(|c: char| matches!(c, '.' | '\'' | '!' | '?')))
        .filter(|word| is_address(word))
}

pub(super) fn is_address(word: &str) -> bool {
    const ADDRESS_MAX: usize = 320;
    let Some((local, domain)) = word.rsplit_once('@') else { return false };
    let named = |part: &str| !part.is_empty() && !part.chars().any(|c| c.is_whitespace() || c.is_control());
    word.len() <= ADDRESS_MAX
        && named(local)
        && named(domain)
        && !domain.starts_with('.')
        && !word.contains('/')
}

/// What a server said, on one line, and no longer than is kept.
pub(super) fn said(text: &str) -> Option<String> {
    let mut said = String::new();
    for word in text.split_whitespace() {
        if said.len() + 1 + word.len() > DIAGNOSTIC_MAX {
            break;
        }
        if !said.is_empty() {
            said.push(' ');
        }
        said.push_str(word);
    }
    (!said.is_empty()).then_some(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_told_from_other_numbers() {
        assert_eq!(status("smtp; 550 5.1.1 <a@b>... User unknown"), Some("5.1.1"));
        assert_eq!(status("refused (#4.4.2)."), Some("4.4.2"));
        for text in ["host 5.1.2.3 said", "version 8.14.3", "5.1", "5.1.1234", "", "3.1.1", "5..1.1"] {
            assert_eq!(status(text), None, "{text}");
        }
        assert_eq!(failure("250 2.1.0 ok, 550 5.1.1 no"), Some("5.1.1"));
        assert_eq!(reply("said: 550-5.7.1 no"), Some(550));
        assert_eq!(reply("RCPT TO <a@b>: 452 full"), Some(452));
        for text in ["line 250 ok", "5500", "host 10.0.0.587", "v550x", "127.0.0.1"] {
            assert_eq!(reply(text), None, "{text}");
        }
    }

    #[test]
    fn addresses_are_found_in_words() {
        let found: Vec<_> =
            addresses("<a@b.example>: to 'c.d@e.example'. not @x or y@ or http://u@h/").collect();
        assert_eq!(found, ["a@b.example", "c.d@e.example"]);
        assert_eq!(said("  one\n two "), Some("one two".to_owned()));
        assert_eq!(said(" \n"), None);
        assert!(said(&"word ".repeat(1000)).unwrap().len() <= DIAGNOSTIC_MAX);
    }
}
