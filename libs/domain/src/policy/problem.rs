//! What is wrong with a draft, where, and what to do about it.

use std::fmt;

/// What is wrong with a draft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The draft, counted from 0 in the order in which they were given.
    pub draft: usize,
    /// JSON pointer to the field in the draft; empty for the draft itself.
    pub pointer: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.message, self.remedy)
    }
}

/// A problem whose draft is not yet known.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) pointer: String,
    pub(super) message: String,
    pub(super) remedy: String,
}

impl Fault {
    pub(super) fn new(
        pointer: impl Into<String>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { pointer: pointer.into(), message: message.into(), remedy: remedy.into() }
    }

    pub(super) fn of(self, draft: usize) -> Problem {
        let Self { pointer, message, remedy } = self;
        Problem { draft, pointer, message, remedy }
    }
}

/// "did you mean …?" if one of `known` is near, else what is known.
pub(crate) fn suggest<'a>(
    written: &str,
    known: impl IntoIterator<Item = &'a str>,
    what_is_known: &str,
) -> String {
    const SHOWN_MAX: usize = 20;
    /// A longer word is no slip, and comparing it would take its time.
    const WORD_LEN_MAX: usize = 64;
    let known: Vec<&str> = known.into_iter().collect();
    let comparable = known.iter().filter(|_| written.len() <= WORD_LEN_MAX);
    let near = comparable.map(|word| (distance(written, word), *word)).min();
    match near {
        Some((distance, word)) if distance <= 1 + written.chars().count() / 4 => {
            format!("did you mean \"{word}\"?")
        }
        _ if known.is_empty() => format!("there is none yet: add it to {what_is_known}"),
        _ if known.len() <= SHOWN_MAX => format!("{what_is_known}: {}", known.join(", ")),
        _ => {
            format!("{what_is_known}: {} and {} more", known[..SHOWN_MAX].join(", "), known.len() - SHOWN_MAX)
        }
    }
}

/// How many letters must be put in, taken away, changed or swapped with their neighbour to make one word of the other
/// (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let changed = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = changed.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_suggested_and_far_ones_are_listed() {
        let known = ["region", "tier", "team"];
        assert_eq!(suggest("teir", known, "keys"), "did you mean \"tier\"?");
        assert_eq!(suggest("regions", known, "keys"), "did you mean \"region\"?");
        assert_eq!(suggest("colour", known, "keys"), "keys: region, tier, team");
        assert_eq!(suggest("colour", [], "the teams"), "there is none yet: add it to the teams");
    }

    #[test]
    fn distances() {
        for (a, b, expected) in
            [("", "", 0), ("", "abc", 3), ("kitten", "sitting", 3), ("é", "e", 1), ("teir", "tier", 1)]
        {
            assert_eq!(distance(a, b), expected, "{a} {b}");
            assert_eq!(distance(b, a), expected, "{b} {a}");
        }
    }
}
