//! X's count (its published configuration, version 3).

use unicode_normalization::UnicodeNormalization as _;
use unicode_segmentation::UnicodeSegmentation as _;

use super::{atom::Atom, link::Link};

/// What a link counts, however long it is.
const LINK: usize = 23;
/// What an emoji counts, of however many scalar values it is made.
const EMOJI: usize = 2;

/// What the next atom of `text` counts.
pub(super) fn of(text: &str, atom: &Atom) -> usize {
    let piece = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    match atom.link.as_deref() {
        None => grapheme(piece(atom.start, atom.end)),
        Some(Link { start, shortened_to, sure, .. }) => {
            let link = piece(*start, *shortened_to);
            let weight = if *sure { LINK } else { LINK.max(words(link)) };
            // What X does not take for a part of the link, and what clings to it.
            words(piece(atom.start, *start)) + weight + words(piece(*shortened_to, atom.end))
        }
    }
}

fn words(text: &str) -> usize {
    text.graphemes(true).map(grapheme).sum()
}

fn grapheme(text: &str) -> usize {
    match text.len() {
        0 | 1 => text.len(),
        _ if is_emoji(text) => EMOJI,
        _ => text.nfc().map(scalar).sum(),
    }
}

const fn scalar(c: char) -> usize {
    match c as u32 {
        0..=4351 | 8192..=8205 | 8208..=8223 | 8242..=8247 => 1,
        _ => 2,
    }
}

/// Whether a grapheme is an emoji of several scalar values: a keycap, a flag, one with a skin tone or joined of several.
fn is_emoji(grapheme: &str) -> bool {
    const TEXT_STYLE: char = '\u{fe0e}';
    const EMOJI_STYLE: char = '\u{fe0f}';
    const KEYCAP: char = '\u{20e3}';
    if grapheme.contains(TEXT_STYLE) {
        return false;
    }
    if grapheme.contains([KEYCAP, EMOJI_STYLE]) {
        return true;
    }
    // The blocks of pictographs; other scripts join their letters with the same joiner.
    grapheme.chars().next().is_some_and(|c| {
        matches!(c, '\u{2190}'..='\u{2bff}' | '\u{3030}' | '\u{303d}' | '\u{3297}' | '\u{3299}' | '\u{1f000}'..='\u{1faff}')
    })
}
