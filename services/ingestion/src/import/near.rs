//! What somebody may have meant who wrote a name that does not exist.

/// One mistake in so many letters is a slip; more is another name.
const LETTERS_PER_SLIP: usize = 3;

/// How many near names are told.
const NEAR_TOLD: usize = 3;

/// Longer names are not compared: the distance costs the product of the lengths.
const NEAR_LENGTH_MAX: usize = 64;

/// The end of an error message that tells `near`.
pub(super) fn did_you_mean(near: &[String]) -> String {
    if near.is_empty() { String::new() } else { format!(": did you mean {}?", near.join(" or ")) }
}

/// The candidates that look like `name`, the most alike first.
pub(super) fn near<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Vec<String> {
    let wanted = name.to_lowercase();
    let mut near: Vec<_> = candidates
        .filter_map(|candidate| Some((likeness(&wanted, &candidate.to_lowercase())?, candidate)))
        .collect();
    near.sort_unstable();
    near.dedup();
    near.into_iter().take(NEAR_TOLD).map(|(_, candidate)| candidate.to_owned()).collect()
}

/// 0 for the same, more for less alike, nothing for what is no help.
fn likeness(a: &str, b: &str) -> Option<usize> {
    if a.is_empty() || b.is_empty() || a.len().max(b.len()) > NEAR_LENGTH_MAX {
        return None;
    }
    let distance = distance(a, b);
    let part = a.contains(b) || b.contains(a);
    (part || distance <= a.chars().count() / LETTERS_PER_SLIP).then_some(distance)
}

/// Levenshtein's distance: insertions, removals and replacements of single characters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_alike_comes_first_and_strangers_never() {
        assert_eq!(near("sent", ["sent_at", "text", "language"].into_iter()), ["sent_at"]);
        assert_eq!(near("AUTOR", ["Author", "name"].into_iter()), ["Author"]);
        assert!(near("zzzz", ["text", ""].into_iter()).is_empty());
        assert!(near(&"x".repeat(100), ["x"].into_iter()).is_empty());
    }
}
