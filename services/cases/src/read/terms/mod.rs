//! Terms: what the search knows of a text. What was said and what is looked for become terms in the same way, here and
//! nowhere else; a store has only to find equal ones.
//!
//! A term is a run of letters or a run of digits, in lower case and without diacritics; everything else ends it. A product
//! code, an address, a tag is therefore found whole, as the phrase of its parts, and by each part. Scripts that put no
//! spaces between words have no words to be found by: there every character makes a term with the one after it, and the
//! last of a run makes one alone, so that any part of what was written is a phrase of terms.
//!
//! A number that was written in groups is a term once more, without what is between them: telephones are written in
//! many ways.

mod characters;
#[cfg(test)]
mod tests;
mod wanted;

use std::{iter::Peekable, str::Chars};

use unicode_normalization::char::{compose, decompose_compatible};

use self::characters::{
    accent, digit, full_width, ignored, in_number, letter, mark, without_accent, without_spaces,
};
pub use self::wanted::{Phrase, wanted};

/// The longest term, in bytes. What is longer is not a word; its beginning is found.
const TERM_MAX: usize = 128;
/// The least and the most digits of a number that is written in groups.
const NUMBER_MIN: usize = 7;
const NUMBER_MAX: usize = 19;

/// The terms of what was said in several parts, with spaces between them.
pub fn terms<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let mut terms = Terms::default();
    for part in parts {
        terms.reserve(part);
        terms.take(part);
        terms.pause('\n');
    }
    terms.text.push_str(&terms.numbers);
    terms.text
}

/// What a term is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Letters,
    Digits,
    /// Of a script without spaces.
    Pairs,
}

/// Terms in the making.
#[derive(Debug, Default)]
struct Terms {
    text: String,
    /// The last term: what it is made of, and where it begins.
    kind: Option<Kind>,
    start: usize,
    /// Whether it is over.
    over: bool,
    /// Characters of the last run without spaces.
    run: usize,
    /// The digits of the number that is being written, and their groups.
    digits: String,
    groups: usize,
    /// The numbers that were written in groups, each after a space.
    numbers: String,
}

impl Terms {
    fn reserve(&mut self, part: &str) {
        // A character of three bytes is written twice, with a space.
        self.text.reserve(if part.is_ascii() { part.len() + part.len() / 8 } else { part.len() * 7 / 3 });
    }

    fn take(&mut self, text: &str) {
        let mut characters = text.chars().peekable();
        while let Some(c) = characters.next() {
            match c {
                'a'..='z' => self.letter(c),
                'A'..='Z' => self.letter(c.to_ascii_lowercase()),
                '0'..='9' => self.digit(c),
                _ if c.is_ascii() => self.pause(c),
                _ => self.other(composed(c, &mut characters)),
            }
        }
    }

    fn other(&mut self, c: char) {
        if ignored(c) {
        } else if let Some(digit) = digit(c) {
            self.digit(digit);
        } else if mark(c) {
            self.mark(c);
        } else if !letter(c) {
            self.pause(c);
        } else if without_spaces(c) {
            self.pair(c);
        } else {
            decompose_compatible(c, |part| self.part(part));
        }
    }

    /// What a character is made of: a letter and what stands above it, the two letters of a ligature.
    fn part(&mut self, c: char) {
        if let Some(digit) = digit(c) {
            self.digit(digit);
        } else if mark(c) {
            self.mark(c);
        } else if !letter(c) {
            self.pause(c);
        } else if without_spaces(c) {
            self.pair(c);
        } else {
            for lower in c.to_lowercase() {
                match without_accent(lower) {
                    Some(letters) => letters.chars().for_each(|letter| self.letter(letter)),
                    None if mark(lower) => self.mark(lower),
                    None => self.letter(lower),
                }
            }
        }
    }

    fn letter(&mut self, c: char) {
        if self.begins(Kind::Letters) {
            self.end_number();
        }
        self.push(c);
    }

    fn digit(&mut self, c: char) {
        if self.begins(Kind::Digits) {
            self.groups += 1;
        }
        self.push(c);
        // One more than may be: then it is known to be none.
        if self.digits.len() <= NUMBER_MAX {
            self.digits.push(c);
        }
    }

    /// A character of a script without spaces.
    fn pair(&mut self, c: char) {
        if self.begins(Kind::Pairs) {
            self.end_number();
            self.run = 0;
        } else {
            self.text.push(c);
            self.text.push(' ');
            self.start = self.text.len();
        }
        self.text.push(c);
        self.run += 1;
    }

    /// A sign that is part of the letter before it: in some scripts a vowel, in others only an accent.
    fn mark(&mut self, c: char) {
        match self.kind.filter(|_| !self.over) {
            _ if accent(c) => {}
            Some(Kind::Letters) => self.push(c),
            Some(Kind::Pairs) => self.pair(c),
            Some(Kind::Digits) | None => {}
        }
    }

    /// What is between terms.
    fn pause(&mut self, c: char) {
        self.over = true;
        if !in_number(c) {
            self.end_number();
        }
    }

    /// Whether a term of this kind begins now, and begins it.
    fn begins(&mut self, kind: Kind) -> bool {
        if !self.over && self.kind == Some(kind) {
            return false;
        }
        if !self.text.is_empty() {
            self.text.push(' ');
        }
        (self.kind, self.start, self.over) = (Some(kind), self.text.len(), false);
        true
    }

    fn push(&mut self, c: char) {
        if self.text.len() - self.start < TERM_MAX {
            self.text.push(c);
        }
    }

    fn end_number(&mut self) {
        if self.groups > 1 && (NUMBER_MIN..=NUMBER_MAX).contains(&self.digits.len()) {
            self.numbers.push(' ');
            self.numbers.push_str(&self.digits);
        }
        self.groups = 0;
        self.digits.clear();
    }
}

/// The character that `c` is one with what follows it: syllables and voiced kana are also written in parts.
fn composed(c: char, following: &mut Peekable<Chars<'_>>) -> char {
    let mut c = full_width(c);
    if !without_spaces(c) {
        return c;
    }
    while let Some(whole) = following.peek().and_then(|next| compose(c, full_width(*next))) {
        c = whole;
        following.next();
    }
    c
}
