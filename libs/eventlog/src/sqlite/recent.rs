use std::collections::VecDeque;

use crate::{Category, Entry, NewEntry, Position};

/// Entries that are kept.
const ENTRIES_MAX: usize = 4_096;
/// Bytes of bodies that are kept.
const BYTES_MAX: usize = 8 << 20;

/// The end of the log, in memory: whoever keeps up with the writer need not ask the file.
#[derive(Debug)]
pub(super) struct Recent {
    /// One after the other, without a gap, up to `last`.
    entries: VecDeque<Entry>,
    bytes: usize,
    last: u64,
}

impl Recent {
    /// Nothing yet of a log that ends at `last`.
    pub(super) fn at(last: u64) -> Self {
        Self { entries: VecDeque::new(), bytes: 0, last }
    }

    /// The position of the last entry.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// Takes up what was written. It follows what is here.
    pub(super) fn extend(&mut self, rows: &[(u64, &NewEntry)]) {
        for &(position, NewEntry { id, stream, traceparent, body }) in rows {
            self.bytes += body.len();
            self.last = position;
            self.entries.push_back(Entry {
                position: Position(position),
                id: *id,
                stream: stream.clone(),
                traceparent: traceparent.clone(),
                body: body.clone(),
            });
        }
        while self.entries.len() > ENTRIES_MAX || self.bytes > BYTES_MAX {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.bytes -= oldest.body.len();
        }
    }

    /// The entries after `position` of these categories (of all, if none is named); `None` if some of them may be older
    /// than what is here.
    pub(super) fn after(&self, position: u64, categories: &[Category]) -> Option<Vec<Entry>> {
        let oldest = self.entries.front()?.position.0;
        let skip = usize::try_from((position + 1).checked_sub(oldest)?).ok()?;
        let wanted = |entry: &&Entry| {
            categories.is_empty()
                || categories.iter().any(|category| category.as_str() == entry.stream.category())
        };
        Some(self.entries.iter().skip(skip).filter(wanted).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use uuid::Uuid;

    use super::*;

    fn entry(stream: &str, len: usize) -> NewEntry {
        NewEntry {
            id: Uuid::nil(),
            stream: stream.parse().unwrap(),
            traceparent: None,
            body: Bytes::from(vec![0; len]),
        }
    }

    #[test]
    fn it_answers_only_for_what_it_has_whole() {
        let mut recent = Recent::at(7);
        assert_eq!(recent.after(7, &[]), None, "nothing is known of what may follow");
        let (a, b) = (entry("a-1", 1), entry("b-1", 1));
        recent.extend(&[(8, &a), (9, &b), (10, &a)]);
        let found = |position, categories: &[&str]| {
            let categories: Vec<_> = categories.iter().map(|name| Category::new(name).unwrap()).collect();
            let entries = recent.after(position, &categories)?;
            Some(entries.iter().map(|entry| entry.position.0).collect::<Vec<_>>())
        };
        assert_eq!(found(6, &[]), None);
        assert_eq!(found(7, &[]), Some(vec![8, 9, 10]));
        assert_eq!(found(8, &["a"]), Some(vec![10]));
        assert_eq!(found(7, &["b", "a"]), Some(vec![8, 9, 10]));
        assert_eq!(found(10, &[]), Some(vec![]));
        assert_eq!(recent.last(), 10);
    }

    #[test]
    fn it_is_bounded_in_count_and_bytes() {
        let small = entry("a-1", 1);
        let mut recent = Recent::at(0);
        let rows: Vec<_> = (1..=ENTRIES_MAX as u64 + 5).map(|position| (position, &small)).collect();
        recent.extend(&rows);
        assert_eq!((recent.entries.len(), recent.after(4, &[])), (ENTRIES_MAX, None));
        let large = entry("a-1", BYTES_MAX);
        recent.extend(&[(recent.last() + 1, &large)]);
        assert_eq!((recent.entries.len(), recent.bytes), (1, BYTES_MAX));
    }
}
