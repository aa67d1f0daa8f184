//! Cutting a text into parts, each of which fits.

use unicode_segmentation::UnicodeSegmentation as _;

use super::{
    Counter, Unit,
    atom::{Atom, atoms},
    count,
};

/// The longest text that is cut, in bytes: more than an entry of the log can hold.
pub const TEXT_BYTES_MAX: usize = 256 * 1024;

/// How often a part is made shorter because it counts more alone than within the text: after that it is one atom.
const SHORTENINGS_MAX: usize = 64;

/// Why a text cannot be cut so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is longer than any text that is stored.
    #[error("the text is longer than {max} bytes: shorten it")]
    TextTooLong {
        /// How long it may be.
        max: usize,
    },
    /// It would take more parts.
    #[error("the text does not fit into {max} parts: shorten it")]
    TooManyParts {
        /// How many there may be.
        max: usize,
    },
    /// A link, or one character, is longer than a part.
    #[error("a link or a character of the text is longer than the {max} that a part may have: shorten it")]
    Indivisible {
        /// How long a part may be.
        max: usize,
    },
}

/// Cuts a text into at most `parts_max` parts, each of at most `max` units.
///
/// It is cut between paragraphs if that leaves a part at least half full, else between sentences, else between words, and
/// within a word only if nothing else helps; if that takes too many parts, parts are filled up more. Never within a
/// grapheme or a link. The parts are pieces of the text in its order, none of them empty; what is left out is white
/// space at the cuts and at the ends. Blank text has no parts.
pub fn split(text: &str, max: usize, unit: Unit, parts_max: usize) -> Result<Vec<&str>, Error> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(Error::TextTooLong { max: TEXT_BYTES_MAX });
    }
    let pieces = Pieces::new(text);
    for care in [Care::Sense, Care::Words, Care::Graphemes] {
        if let Some(parts) = pieces.cut(max, unit, parts_max, care)? {
            return Ok(parts);
        }
    }
    Err(Error::TooManyParts { max: parts_max })
}

/// How much is given for cutting at a good place.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Care {
    /// Up to half a part, for the end of a paragraph or a sentence.
    Sense,
    /// As much as it takes for the end of a word.
    Words,
    /// Nothing.
    Graphemes,
}

/// What is between an atom and what follows it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Border {
    Grapheme,
    Word,
    Sentence,
    Paragraph,
}

struct Pieces<'t> {
    text: &'t str,
    atoms: Vec<Atom>,
    /// What is behind each atom.
    borders: Vec<Border>,
}

impl<'t> Pieces<'t> {
    fn new(text: &'t str) -> Self {
        let atoms: Vec<Atom> = atoms(text).collect();
        let mut sentences = text.split_sentence_bound_indices().map(|(at, _)| at).peekable();
        let mut borders = vec![Border::Grapheme; atoms.len()];
        let mut index = 0;
        while index < atoms.len() {
            let after = atoms.iter().skip(index + 1).take_while(|atom| atom.space).count();
            let next = index + 1 + after;
            let end = atoms[index].end;
            let resumes = atoms.get(next).map_or(text.len(), |atom| atom.start);
            while sentences.next_if(|at| *at < end).is_some() {}
            let sentence_ends = sentences.peek().is_some_and(|at| *at <= resumes);
            borders[index] = border(&text[end..resumes], sentence_ends);
            index = next;
        }
        Self { text, atoms, borders }
    }

    /// The parts; none if it takes too many.
    fn cut(
        &self,
        max: usize,
        unit: Unit,
        parts_max: usize,
        care: Care,
    ) -> Result<Option<Vec<&'t str>>, Error> {
        let mut parts = Vec::new();
        let mut from = self.skip_space(0);
        while from < self.atoms.len() {
            if parts.len() == parts_max {
                return Ok(None);
            }
            let to = self.end_that_fits(from, max, unit, care).ok_or(Error::Indivisible { max })?;
            parts.push(self.piece(from, to));
            from = self.skip_space(to);
        }
        Ok(Some(parts))
    }

    fn skip_space(&self, from: usize) -> usize {
        from + self.atoms.iter().skip(from).take_while(|atom| atom.space).count()
    }

    fn piece(&self, from: usize, to: usize) -> &'t str {
        &self.text[self.atoms[from].start..self.atoms[to - 1].end]
    }

    /// Behind which atom the part that begins at `from` ends; none if not even one atom fits. What was no link within the
    /// text may be one in a part that begins or ends in the middle of its word, and count more.
    fn end_that_fits(&self, from: usize, max: usize, unit: Unit, care: Care) -> Option<usize> {
        let over = |to| count(self.piece(from, to), unit).saturating_sub(max);
        let mut limit = max;
        for _ in 0..SHORTENINGS_MAX {
            let Some(to) = self.end_of_part(from, limit, unit, care) else { break };
            match over(to) {
                0 => return Some(to),
                over => limit = limit.saturating_sub(over),
            }
        }
        (over(from + 1) == 0).then_some(from + 1)
    }

    /// Behind which atom the part that begins at `from` ends, as the text counts; none if not even one atom fits.
    fn end_of_part(&self, from: usize, max: usize, unit: Unit, care: Care) -> Option<usize> {
        let mut counter = Counter::new(unit);
        let mut fits = None;
        // The last border of each kind, or of a better one.
        let (mut paragraph, mut sentence, mut word) = (None, None, None);
        let mut all = true;
        for (index, atom) in self.atoms.iter().enumerate().skip(from) {
            counter.push(self.text, atom);
            if atom.space {
                continue;
            }
            if counter.count() > max {
                all = false;
                break;
            }
            let end = Some(index + 1);
            let border = self.borders[index];
            fits = end;
            paragraph = if border >= Border::Paragraph { end } else { paragraph };
            sentence = if border >= Border::Sentence { end } else { sentence };
            word = if border >= Border::Word { end } else { word };
        }
        let fits = fits?;
        if all {
            return Some(fits);
        }
        let bytes = |to: usize| self.atoms[to - 1].end - self.atoms[from].start;
        let good = |to: Option<usize>| to.filter(|to| bytes(*to) * 2 >= bytes(fits));
        let cut = match care {
            Care::Sense => good(paragraph).or_else(|| good(sentence)).or(word),
            Care::Words => word,
            Care::Graphemes => None,
        };
        Some(cut.unwrap_or(fits))
    }
}

/// What a run of white space is worth, or its absence.
fn border(space: &str, sentence_ends: bool) -> Border {
    let lines = space.replace("\r\n", "\n").chars().filter(|c| is_line_break(*c)).count();
    if lines > 1 || space.contains('\u{2029}') {
        Border::Paragraph
    } else if lines == 1 || sentence_ends {
        Border::Sentence
    } else if space.chars().all(is_glue) {
        Border::Grapheme
    } else {
        Border::Word
    }
}

const fn is_line_break(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// White space at which nothing is cut: `20 €`, `Vraiment ?`. True of no white space at all.
const fn is_glue(c: char) -> bool {
    matches!(c, '\u{a0}' | '\u{2007}' | '\u{202f}')
}
