//! What a text is made of when it is cut: graphemes and links, none of which is torn.

use std::iter::Peekable;

use unicode_segmentation::{GraphemeIndices, UnicodeSegmentation as _};

use super::link::{self, Link};

/// A grapheme, or a link with the graphemes that reach into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Atom {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) link: Option<Box<Link>>,
    /// Whether it is white space, which goes at a cut.
    pub(super) space: bool,
}

/// The atoms of a text, in order and without gaps.
pub(super) fn atoms(text: &str) -> impl Iterator<Item = Atom> {
    Atoms {
        graphemes: text.grapheme_indices(true).peekable(),
        links: link::find(text).into_iter().peekable(),
    }
}

/// How many graphemes there are.
pub(super) fn graphemes(text: &str) -> usize {
    text.graphemes(true).count()
}

struct Atoms<'t> {
    graphemes: Peekable<GraphemeIndices<'t>>,
    links: Peekable<std::vec::IntoIter<Link>>,
}

impl Iterator for Atoms<'_> {
    type Item = Atom;

    fn next(&mut self) -> Option<Atom> {
        let (start, first) = self.graphemes.next()?;
        let mut end = start + first.len();
        let mut link = None;
        // A mark before a link may be one grapheme with its first letter, and one after it with its last.
        while let Some(next) = self.links.next_if(|link| link.start < end) {
            while let Some((at, more)) = self.graphemes.next_if(|(at, _)| *at < next.end) {
                end = at + more.len();
            }
            link = link.or_else(|| Some(Box::new(next)));
        }
        let space = link.is_none() && first.chars().all(char::is_whitespace);
        Some(Atom { start, end, link, space })
    }
}
