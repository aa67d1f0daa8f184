//! How full the box of an account's dead letters is, and whether there is room for one more.

use super::super::read::Loses;

/// Dead letters of an account that are kept.
pub const LETTERS_MAX: u64 = 10_000;
/// Bytes of all of them.
pub const LETTERS_BYTES_MAX: u64 = 1 << 30;
/// Alike letters that are kept as examples where nobody's words are lost with the rest.
pub const EXAMPLES_MAX: u64 = 20;
/// From so many hundredths of its room on, a box is said to fill up.
pub const WARNED_FROM: u64 = 80;
/// One part of so many of what other letters leave is the room of alike ones: a stream of them leaves as much to others.
const SHARE: u64 = 2;
/// Kinds of an account that are counted each; what is of yet another one is counted as [`OTHERS`].
pub(super) const KINDS_MAX: u64 = 200;
/// The kind of what is of too many kinds.
pub(super) const OTHERS: &str = "*";
/// Bytes of a kind: it is part of a key.
const KIND_MAX: usize = 512;

/// What is kept of an account, and of one kind of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filled {
    pub(crate) letters: u64,
    pub(crate) bytes: u64,
    pub(crate) alike: u64,
    pub(crate) alike_bytes: u64,
}

/// What becomes of one more letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    Kept,
    Counted,
    Full,
}

impl Filled {
    /// The room of alike letters, those among them that are kept: how many, and how many bytes.
    fn share(self) -> (u64, u64) {
        let left = |max: u64, all: u64, alike: u64| max.saturating_sub(all.saturating_sub(alike)) / SHARE;
        (left(LETTERS_MAX, self.letters, self.alike), left(LETTERS_BYTES_MAX, self.bytes, self.alike_bytes))
    }

    /// Whether one more of the kind has room.
    pub(super) fn room(self, bytes: u64, loses: Loses) -> Room {
        let (letters_max, bytes_max) = self.share();
        let fits = self.alike < letters_max && self.alike_bytes.saturating_add(bytes) <= bytes_max;
        match loses {
            Loses::Words if fits => Room::Kept,
            Loses::Words => Room::Full,
            Loses::Notice if fits && self.alike < EXAMPLES_MAX => Room::Kept,
            Loses::Notice => Room::Counted,
        }
    }

    /// How full it is, in hundredths: the box, or the room of the kind, whichever is fuller.
    pub(crate) fn percent(self) -> u64 {
        let (letters_max, bytes_max) = self.share();
        let of = |part: u64, max: u64| part.saturating_mul(100).checked_div(max).unwrap_or_default();
        let all = of(self.letters, LETTERS_MAX).max(of(self.bytes, LETTERS_BYTES_MAX));
        let alike = of(self.alike, letters_max).max(of(self.alike_bytes, bytes_max));
        all.max(alike).min(100)
    }
}

/// What makes letters alike: the place and the reason, without the numbers in them, which are of one body.
pub(super) fn kind(path: &str, reason: &str) -> String {
    let mut kind = masked(&format!("{path} {reason}"));
    kind.truncate(kind.floor_char_boundary(KIND_MAX));
    kind
}

/// A text without its numbers.
pub(super) fn masked(text: &str) -> String {
    let mut masked = String::new();
    let mut number = false;
    for letter in text.chars() {
        let digit = letter.is_ascii_digit();
        match (digit, number) {
            (true, true) => {}
            (true, false) => masked.push('#'),
            (false, _) => masked.push(letter),
        }
        number = digit;
    }
    masked
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn alike_is_what_differs_in_numbers_only() {
        let at = |index: u32, line: u32| kind(&format!("entry[{index}].id"), &format!("JSON (line {line})"));
        assert_eq!(at(7, 10), at(120, 3));
        assert_eq!(at(7, 10), "entry[#].id JSON (line #)");
        assert_ne!(kind("entry[0].id", "missing"), kind("entry[0].from", "missing"));
        assert!(kind(&"é".repeat(KIND_MAX), "").len() <= KIND_MAX);
    }

    /// Lets letters of `kinds` come one after the other until none is kept any more; how many are of each.
    fn filled(kinds: usize, loses: Loses) -> Vec<u64> {
        let mut kept = vec![0; kinds];
        for kind in 0..kinds {
            loop {
                let (letters, alike) = (kept.iter().sum(), kept[kind]);
                let box_of = Filled { letters, bytes: letters, alike, alike_bytes: alike };
                if box_of.room(1, loses) != Room::Kept {
                    break;
                }
                kept[kind] += 1;
            }
        }
        kept
    }

    #[test]
    fn no_stream_of_alike_letters_fills_the_box() {
        assert_eq!(filled(4, Loses::Words), [5_000, 2_500, 1_250, 625]);
        assert_eq!(filled(3, Loses::Notice), [EXAMPLES_MAX; 3]);
    }

    #[test]
    fn what_loses_words_is_never_only_counted_and_a_notice_never_waits() {
        let full = Filled { letters: LETTERS_MAX, bytes: 1, alike: 5_000, alike_bytes: 1 };
        assert_eq!(full.room(1, Loses::Words), Room::Full);
        assert_eq!(full.room(1, Loses::Notice), Room::Counted);
        let heavy =
            Filled { letters: 1, bytes: LETTERS_BYTES_MAX / 2, alike: 1, alike_bytes: LETTERS_BYTES_MAX / 2 };
        assert_eq!((heavy.room(1, Loses::Words), heavy.percent()), (Room::Full, 100));
        assert_eq!(Filled { alike: 0, alike_bytes: 0, ..heavy }.room(1, Loses::Words), Room::Kept);
    }

    #[test]
    fn it_is_as_full_as_its_fullest_kind() {
        let of = |letters, alike| Filled { letters, bytes: 0, alike, alike_bytes: 0 }.percent();
        assert_eq!(of(0, 0), 0);
        assert_eq!(of(3_999, 3_999), 79);
        assert_eq!(of(4_000, 4_000), WARNED_FROM);
        assert_eq!(of(8_000, 1), WARNED_FROM);
    }

    proptest! {
        #[test]
        fn nothing_is_kept_beyond_the_box(
            (letters, alike) in (0..=LETTERS_MAX + 5).prop_flat_map(|letters| (Just(letters), 0..=letters)),
            (bytes, alike_bytes) in (0..=LETTERS_BYTES_MAX + 5).prop_flat_map(|bytes| (Just(bytes), 0..=bytes)),
            more in 1..LETTERS_BYTES_MAX,
        ) {
            let box_of = Filled { letters, bytes, alike, alike_bytes };
            for loses in [Loses::Words, Loses::Notice] {
                if box_of.room(more, loses) == Room::Kept {
                    prop_assert!(letters < LETTERS_MAX && bytes + more <= LETTERS_BYTES_MAX);
                }
            }
            prop_assert!(box_of.percent() <= 100);
        }
    }
}
