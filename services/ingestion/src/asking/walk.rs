//! How far a list was read whose newest entries come first. Pure.
//!
//! A **walk** goes from the newest entry back to what is known already, over as many rounds as it needs; only at its end does
//! [`Walk::done`] move, so that nothing is left out however it is interrupted. It goes on a little further than it must
//! ([`OVERLAP_S`]), as platforms show some entries late. What was handed over is known by its digest and not handed over again.
//!
//! What is changed without becoming the newest is not on that way: so the **sweep** goes on behind it through all of the list,
//! a page a round, again and again.

use std::collections::{BTreeMap, HashSet, VecDeque};

use domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// How much further a walk goes than it must, in seconds.
pub(super) const OVERLAP_S: i64 = 60 * 60;
/// Digests that are remembered. Beyond, what comes again is found to be a duplicate by the log.
const SEEN_MAX: usize = 2_048;
/// Entries of which it is remembered where their own lists go on.
const INNER_MAX: usize = 100;

/// The cursor of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Walk {
    /// All up to here is taken, by the platform's time.
    done: Option<Timestamp>,
    /// The newest entry of the walk that is under way.
    newest: Option<Timestamp>,
    /// Where the walk that is under way goes on. None: it begins with the newest.
    page: Option<String>,
    /// Where the sweep goes on. None: behind the next walk.
    sweep: Option<String>,
    /// Where the lists within entries go on of which more is there than one round asks for, by the digest of what is there.
    inner: BTreeMap<String, String>,
    /// Digests of what was handed over, oldest first.
    seen: VecDeque<String>,
    /// The same, to be looked up.
    #[serde(skip)]
    known: HashSet<String>,
}

/// Where a walk is after a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reached {
    /// It goes on with the next page.
    On,
    /// All is known from here on.
    Known,
}

impl Walk {
    /// Where the list within an entry goes on; none: it begins.
    pub(super) fn inner(&self, digest: &str) -> Option<&str> {
        self.inner.get(digest).map(String::as_str)
    }

    /// The list within an entry goes on with this page; none: it is at its end, or begins again.
    pub(super) fn inner_goes_on(&mut self, digest: &str, page: Option<String>) {
        match page {
            Some(page) => self.inner.insert(digest.to_owned(), page),
            None => self.inner.remove(digest),
        };
        // Those of entries that have changed since are never asked for again.
        while self.inner.len() > INNER_MAX {
            self.inner.pop_first();
        }
    }

    /// As it was remembered.
    pub(super) fn resumed(mut self) -> Self {
        self.known = self.seen.iter().cloned().collect();
        self
    }

    /// The page to ask for; none: the first.
    pub(super) fn page(&self) -> Option<&str> {
        self.page.as_deref()
    }

    /// The page of the sweep, if one is under way.
    pub(super) fn swept(&self) -> Option<&str> {
        self.sweep.as_deref()
    }

    /// Whether this was handed over.
    pub(super) fn has_seen(&self, digest: &str) -> bool {
        self.known.contains(digest)
    }

    /// This was handed over.
    pub(super) fn saw(&mut self, digest: String) {
        if !self.known.insert(digest.clone()) {
            return;
        }
        self.seen.push_back(digest);
        while self.seen.len() > SEEN_MAX {
            if let Some(oldest) = self.seen.pop_front() {
                self.known.remove(&oldest);
            }
        }
    }

    /// All of a page of the walk is taken, whose entries are of these times; `next` follows it.
    pub(super) fn walked(&mut self, times: &[Timestamp], next: Option<String>) -> Reached {
        self.newest = self.newest.max(times.iter().max().copied());
        let until = self.done.map(|done| done.plus_seconds(-OVERLAP_S));
        let known = until.is_some_and(|until| times.iter().any(|at| *at < until));
        if !known && let Some(next) = next {
            self.page = Some(next);
            return Reached::On;
        }
        self.done = self.done.max(self.newest.take());
        self.page = None;
        if self.sweep.is_none() {
            self.sweep = next;
        }
        Reached::Known
    }

    /// All of a page of the sweep is taken; `next` follows it.
    pub(super) fn sweep(&mut self, next: Option<String>) {
        self.sweep = next;
    }

    /// The platform does not know its own pages any more: the walk begins again. What it had done stays so.
    pub(super) fn lost(&mut self) {
        (self.page, self.newest, self.sweep) = (None, None, None);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(s: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH.plus_seconds(s)
    }

    #[test]
    fn a_walk_goes_back_to_what_is_known_and_moves_on_at_its_end_only() {
        let mut walk = Walk::default();
        assert_eq!(walk.walked(&[at(90_000), at(80_000)], Some("2".into())), Reached::On);
        assert_eq!((walk.done, walk.page()), (None, Some("2")));
        assert_eq!(walk.walked(&[at(70_000)], None), Reached::Known);
        assert_eq!((walk.done, walk.page(), walk.swept()), (Some(at(90_000)), None, None));
        // Within the overlap it goes on.
        assert_eq!(walk.walked(&[at(95_000), at(88_000)], Some("2".into())), Reached::On);
        assert_eq!(walk.walked(&[at(86_000)], Some("3".into())), Reached::Known);
        assert_eq!((walk.done, walk.swept()), (Some(at(95_000)), Some("3")));
    }

    #[test]
    fn what_is_lost_begins_again_and_leaves_nothing_out() {
        let mut walk = Walk::default();
        walk.walked(&[at(9_000)], None);
        walk.walked(&[at(50_000)], Some("2".into()));
        walk.lost();
        assert_eq!((walk.done, walk.page()), (Some(at(9_000)), None));
        assert_eq!(walk.walked(&[at(50_000)], Some("2".into())), Reached::On);
    }

    proptest! {
        #[test]
        fn the_memory_of_a_walk_is_bounded(digests in proptest::collection::vec("[a-z]{1,3}", 0..5_000)) {
            let mut walk = Walk::default();
            for digest in &digests {
                walk.saw(digest.clone());
                prop_assert!(walk.has_seen(digest));
            }
            prop_assert!(walk.seen.len() <= SEEN_MAX && walk.seen.len() == walk.known.len());
            let kept: Walk = serde_json::from_value(serde_json::to_value(&walk).unwrap()).unwrap();
            prop_assert_eq!(kept.resumed(), walk);
        }
    }
}
