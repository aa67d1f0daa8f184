//! How far a mailbox was read. Pure.
//!
//! UIDs grow, and mean something only under one UIDVALIDITY: under another, all begins anew, and mails that were taken before
//! are found to be duplicates by their Message-ID. Some servers show a mail later than one with a higher UID: so the last
//! UIDs are looked at again ([`OVERLAP`]).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// UIDs before the last one that are looked at again.
pub(super) const OVERLAP: u32 = 100;

/// The cursor of a mailbox.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Cursor {
    uid_validity: u32,
    /// All up to here were looked at.
    last: u32,
    /// Those of the overlap that are done with.
    done: BTreeSet<u32>,
    /// The one that could not be fetched, and in how many rounds.
    failed: Option<(u32, u32)>,
    /// The one that was taken just now.
    #[serde(skip)]
    taken: Option<u32>,
}

impl Cursor {
    /// The mailbox is of this UIDVALIDITY: under another one, all begins anew.
    pub(super) fn within(&mut self, uid_validity: u32) {
        if self.uid_validity != uid_validity {
            *self = Self { uid_validity, ..Self::default() };
        }
    }

    /// The first UID to look at.
    pub(super) fn begin(&self) -> u32 {
        self.last.saturating_sub(OVERLAP).saturating_add(1)
    }

    /// Whether this one is done with.
    pub(super) fn has(&self, uid: u32) -> bool {
        uid < self.begin() || self.done.contains(&uid)
    }

    /// This one could not be fetched; in how many rounds now, one after the other.
    pub(super) fn failed(&mut self, uid: u32) -> u32 {
        let before = self.failed.filter(|(failed, _)| *failed == uid).map_or(0, |(_, rounds)| rounds);
        let rounds = before.saturating_add(1);
        self.failed = Some((uid, rounds));
        rounds
    }

    /// This one is in the log.
    pub(super) fn taken(&mut self, uid: u32) {
        self.taken = Some(uid);
    }

    /// This one is done with, and all before it. Whether it was taken.
    pub(super) fn pass(&mut self, uid: u32) -> bool {
        self.done.insert(uid);
        self.failed = self.failed.filter(|(failed, _)| *failed != uid);
        self.looked_at(uid);
        self.taken.take() == Some(uid)
    }

    /// All up to here are done with.
    pub(super) fn looked_at(&mut self, uid: u32) {
        self.last = self.last.max(uid);
        let begin = self.begin();
        self.done = self.done.split_off(&begin);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn another_validity_begins_anew() {
        let mut cursor = Cursor::default();
        cursor.within(7);
        cursor.pass(300);
        assert_eq!((cursor.begin(), cursor.has(300), cursor.has(250)), (201, true, false));
        cursor.within(7);
        assert!(cursor.has(300));
        cursor.within(8);
        assert_eq!((cursor.begin(), cursor.has(300)), (1, false));
    }

    #[test]
    fn only_what_was_taken_just_now_was_taken() {
        let mut cursor = Cursor::default();
        cursor.taken(3);
        assert!(cursor.pass(3));
        assert!(!cursor.pass(4));
    }

    #[test]
    fn only_rounds_that_failed_at_the_same_one_are_counted_together() {
        let mut cursor = Cursor::default();
        assert_eq!([cursor.failed(3), cursor.failed(3), cursor.failed(4), cursor.failed(3)], [1, 2, 1, 1]);
        let kept = serde_json::to_value(&cursor).unwrap();
        let mut cursor: Cursor = serde_json::from_value(kept).unwrap();
        assert_eq!(cursor.failed(3), 2);
        cursor.pass(3);
        assert_eq!(cursor.failed(3), 1);
    }

    proptest! {
        /// Each round sees what the server shows then, passes some of it in order, and may be cut off: in the end each UID was
        /// passed exactly once, as long as none appears later than the overlap allows.
        #[test]
        fn every_uid_is_passed_once(
            late in proptest::collection::btree_set(1_u32..OVERLAP, 0..20),
            cuts in proptest::collection::vec(0_usize..30, 1..60),
        ) {
            let all: Vec<u32> = (1..=OVERLAP).collect();
            let mut cursor = Cursor::default();
            cursor.within(1);
            let mut passed = Vec::new();
            for (round, cut) in cuts.iter().chain(&[usize::MAX, usize::MAX]).enumerate() {
                let shown = all.iter().filter(|uid| round >= cuts.len() || !late.contains(uid));
                let new: Vec<u32> = shown.copied().filter(|uid| *uid >= cursor.begin() && !cursor.has(*uid)).collect();
                for uid in new.into_iter().take(*cut) {
                    cursor.pass(uid);
                    passed.push(uid);
                }
                // What is kept is what goes on.
                cursor = serde_json::from_value(serde_json::to_value(&cursor).unwrap()).unwrap();
            }
            passed.sort_unstable();
            prop_assert_eq!(passed, all);
            prop_assert!(cursor.done.len() <= OVERLAP as usize);
        }
    }
}
