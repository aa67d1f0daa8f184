//! How long a text is, as a channel counts it, and how it is cut to fit.

mod atom;
mod gsm;
mod link;
mod split;
#[cfg(test)]
mod tests;
mod weighted;

use serde::{Deserialize, Serialize};

use atom::Atom;
pub use split::{Error, TEXT_BYTES_MAX, split};

/// In what a channel counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// What a reader takes for one character (extended grapheme clusters, UAX #29).
    Graphemes,
    /// Unicode scalar values.
    Scalars,
    /// UTF-16 code units.
    Utf16,
    /// Bytes of UTF-8.
    Bytes,
    /// Messages that the network bills. In GSM 03.38: 160 septets, or 153 in each of several, those of the extension table
    /// counting two. If any character is outside of it, in UCS-2: 70 units, or 67. No escape sequence and no surrogate
    /// pair is torn apart.
    SmsSegments,
    /// As X counts, after NFC: one for the scalar values 0–4351, 8192–8205, 8208–8223 and 8242–8247, two for all others, two
    /// for an emoji of however many, 23 for a link. X knows by its list of top-level domains whether `word.word` is a link;
    /// we take it for one, and count it as whichever is longer, so as never to send what is refused.
    Weighted,
}

/// How long a text is.
pub fn count(text: &str, unit: Unit) -> usize {
    match unit {
        Unit::Scalars => text.chars().count(),
        Unit::Utf16 => text.encode_utf16().count(),
        Unit::Bytes => text.len(),
        Unit::Graphemes | Unit::SmsSegments | Unit::Weighted => {
            let mut counter = Counter::new(unit);
            atom::atoms(text).for_each(|atom| counter.push(text, &atom));
            counter.count()
        }
    }
}

/// Counts a text that grows. The count never falls, so that a prefix that does not fit never fits with more.
struct Counter {
    unit: Unit,
    total: usize,
    sms: gsm::Sms,
}

impl Counter {
    const fn new(unit: Unit) -> Self {
        Self { unit, total: 0, sms: gsm::Sms::new() }
    }

    /// Adds what comes next in `text`.
    fn push(&mut self, text: &str, atom: &Atom) {
        let piece = text.get(atom.start..atom.end).unwrap_or_default();
        self.total += match self.unit {
            // A link is one atom of many graphemes.
            Unit::Graphemes if atom.link.is_some() => atom::graphemes(piece),
            Unit::Graphemes => 1,
            Unit::Scalars => piece.chars().count(),
            Unit::Utf16 => piece.encode_utf16().count(),
            Unit::Bytes => piece.len(),
            Unit::Weighted => weighted::of(text, atom),
            Unit::SmsSegments => {
                piece.chars().for_each(|c| self.sms.push(c));
                0
            }
        };
    }

    const fn count(&self) -> usize {
        match self.unit {
            Unit::SmsSegments => self.sms.segments(),
            Unit::Graphemes | Unit::Scalars | Unit::Utf16 | Unit::Bytes | Unit::Weighted => self.total,
        }
    }
}
