//! What a search wants: its words and phrases, as terms.

use super::{
    Kind, Terms,
    characters::{digit, in_number},
};

/// What encloses a phrase.
const QUOTES: [char; 4] = ['"', '“', '”', '„'];

/// Terms that follow each other in one text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phrase {
    terms: String,
    /// Whether the last term may go on: it is one character of a script without spaces.
    open: bool,
}

/// Something that must be found: all of its phrases, or the number that they are together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// A word, a phrase in quotes, or the groups of a number.
    pub phrases: Vec<Phrase>,
    /// The number without anything between its groups.
    pub number: Option<Phrase>,
}

/// What `text` looks for: every word, and phrases in quotes. Nothing in it is an operator.
pub fn wanted(text: &str) -> Vec<Wanted> {
    let mut wanted = Vec::new();
    for (i, part) in text.split(QUOTES).enumerate() {
        if i % 2 == 1 {
            wanted.extend(Wanted::of(&[part]));
            continue;
        }
        let words: Vec<&str> = part.split_whitespace().collect();
        // A number may be written with spaces; one with its country's sign begins anew.
        for words in words.chunk_by(|one, next| number(one) && number(next) && !next.starts_with('+')) {
            wanted.extend(Wanted::of(words));
        }
    }
    wanted
}

fn number(word: &str) -> bool {
    let mut digits = word.chars().filter(|c| !in_number(*c) && *c != '+').peekable();
    digits.peek().is_some() && digits.all(|c| digit(c).is_some())
}

impl Wanted {
    fn of(words: &[&str]) -> Option<Self> {
        let phrases: Vec<Phrase> = words.iter().filter_map(|word| Phrase::of(word)).collect();
        let number = words.iter().all(|word| number(word)).then(|| {
            let mut terms = Terms::default();
            terms.take(&words.join(" "));
            terms.end_number();
            terms.numbers.trim_start().to_owned()
        });
        let number = number.filter(|number| !number.is_empty()).map(|terms| Phrase { terms, open: false });
        (!phrases.is_empty()).then_some(Self { phrases, number })
    }
}

impl Phrase {
    fn of(text: &str) -> Option<Self> {
        let mut terms = Terms::default();
        terms.take(text);
        let pairs = terms.kind == Some(Kind::Pairs);
        if pairs && terms.run > 1 {
            // In the text the run may go on: its last character need not be alone.
            terms.text.truncate(terms.start - 1);
        }
        let open = pairs && terms.run == 1;
        (!terms.text.is_empty()).then_some(Self { terms: terms.text, open })
    }

    /// Its terms, as FTS5 asks for all of them.
    pub fn fts5(&self) -> String {
        let terms: Vec<String> = self.terms.split(' ').map(|term| format!("\"{term}\"")).collect();
        terms.join(" ") + if self.open { "*" } else { "" }
    }

    /// Its terms, as PostgreSQL asks for all of them.
    pub fn tsquery(&self) -> String {
        let terms: Vec<String> = self.terms.split(' ').map(|term| format!("'{term}'")).collect();
        terms.join(" & ") + if self.open { ":*" } else { "" }
    }

    /// What must stand in the terms of a text, with a space before and after them, so that the phrase does; nothing if
    /// one term is all there is to it.
    pub fn in_order(&self) -> Option<String> {
        let close = if self.open { "" } else { " " };
        self.terms.contains(' ').then(|| format!(" {}{close}", self.terms))
    }
}
