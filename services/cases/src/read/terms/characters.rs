//! What a character is to the search. Unicode says most of it; what stands here is where it leaves the choice to us.

use unicode_normalization::char::{canonical_combining_class, decompose_compatible, is_combining_mark};

/// The zeros of the digits that customers write numbers with, beside ours: Arabic, Persian, Devanagari, Bengali,
/// Gurmukhi, Gujarati, Tamil, Telugu, Kannada, Malayalam, Thai, Lao, Tibetan, Burmese, Khmer, full width.
const ZEROS: [char; 16] = [
    '\u{660}', '\u{6f0}', '\u{966}', '\u{9e6}', '\u{a66}', '\u{ae6}', '\u{be6}', '\u{c66}', '\u{ce6}',
    '\u{d66}', '\u{e50}', '\u{ed0}', '\u{f20}', '\u{1040}', '\u{17e0}', '\u{ff10}',
];

/// The digit that `c` is, as ours.
pub fn digit(c: char) -> Option<char> {
    if c.is_ascii() {
        return c.is_ascii_digit().then_some(c);
    }
    let value = |zero: &char| u32::from(c).checked_sub(u32::from(*zero)).filter(|value| *value < 10);
    ZEROS.iter().find_map(value).and_then(|value| char::from_digit(value, 10))
}

/// Whether `c` is written by scripts that put no spaces between words. Korean does, but what stands between its spaces
/// is a word with all that is hung on to it.
pub fn without_spaces(c: char) -> bool {
    matches!(c,
        // Thai, Lao; Burmese; Khmer.
        '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}'
        // Hangul, in parts and whole.
        | '\u{1100}'..='\u{11ff}' | '\u{a960}'..='\u{a97f}' | '\u{ac00}'..='\u{d7ff}'
        // Iteration marks of Han, kana, bopomofo; Han.
        | '\u{3005}'..='\u{3007}' | '\u{3040}'..='\u{312f}' | '\u{31a0}'..='\u{31bf}' | '\u{31f0}'..='\u{31ff}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{1b000}'..='\u{1b16f}' | '\u{20000}'..='\u{3ffff}')
}

/// Whether `c` is part of a word.
pub fn letter(c: char) -> bool {
    // The apostrophes that Unicode calls letters are written as others are, which are none.
    c.is_alphanumeric() && !matches!(c, '\u{2b9}'..='\u{2bf}')
}

/// Whether `c` is nothing without the character before it.
pub fn mark(c: char) -> bool {
    is_combining_mark(c)
}

/// Whether a mark is one that people leave out: accents, and the points of Hebrew and Arabic. Vowels and tones of other
/// scripts are not.
pub fn accent(c: char) -> bool {
    matches!(canonical_combining_class(c), 10..=35 | 200..=240) || matches!(c, '\u{20d0}'..='\u{20ff}')
}

/// Whether `c` only says how others are to be shown: soft hyphens, joiners, directions, variants, and the Arabic stretch.
pub fn ignored(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{640}' | '\u{180b}'..='\u{180e}' | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{e0100}'..='\u{e01ef}')
}

/// Letters in lower case that have an accent of which Unicode says that it cannot be taken off, or that are two.
pub const fn without_accent(c: char) -> Option<&'static str> {
    Some(match c {
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        'ø' => "o",
        'ł' => "l",
        'đ' | 'ð' => "d",
        'þ' => "th",
        'ı' => "i",
        'ς' => "σ",
        _ => return None,
    })
}

/// Whether a number goes on after `c`.
pub fn in_number(c: char) -> bool {
    matches!(c, ' ' | '-' | '.' | '/' | '(' | ')' | '\u{a0}' | '\u{2010}'..='\u{2013}' | '\u{202f}')
}

/// Kana and Hangul of half width as they are else.
pub fn full_width(c: char) -> char {
    let mut full = c;
    if matches!(c, '\u{ff66}'..='\u{ffdc}') {
        decompose_compatible(c, |part| full = part);
    }
    full
}
