//! When the clocks of which case have to be looked at again. It is kept in memory: the timer fills it anew when it begins,
//! and whoever looks at a case says when the next look is due.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use domain::{ids::CaseId, time::Timestamp};

/// Cases that are waited for. The latest beyond that are forgotten, and found again in time.
const CASES_MAX: usize = 200_000;

/// Which case is to be looked at when.
#[derive(Default)]
pub struct Schedule(Mutex<Waits>);

#[derive(Default)]
struct Waits {
    by_time: BTreeSet<(Timestamp, CaseId)>,
    by_case: BTreeMap<CaseId, Look>,
    /// The earliest of those that were forgotten for want of room.
    forgotten: Option<Timestamp>,
}

/// The look at a case.
#[derive(Clone, Copy)]
struct Look {
    /// When the next one is due.
    at: Timestamp,
    /// Up to where its stream was known at the last one.
    known_to: u64,
}

impl Schedule {
    /// A case was looked at, its stream up to `known_to`: the next look is at `at`, if there is one.
    pub fn put(&self, id: CaseId, known_to: u64, at: Option<Timestamp>) {
        let waits = &mut *self.waits();
        // Of two looks at the same time that counts which saw more.
        if waits.by_case.get(&id).is_some_and(|look| look.known_to > known_to) {
            return;
        }
        if let Some(before) = waits.by_case.remove(&id) {
            waits.by_time.remove(&(before.at, id));
        }
        let Some(at) = at else { return };
        waits.by_case.insert(id, Look { at, known_to });
        waits.by_time.insert((at, id));
        if waits.by_case.len() > CASES_MAX
            && let Some((at, id)) = waits.by_time.pop_last()
        {
            waits.by_case.remove(&id);
            waits.forgotten = Some(waits.forgotten.map_or(at, |before| before.min(at)));
        }
    }

    /// Puts off a case that could not be looked at.
    pub fn put_off(&self, id: CaseId, at: Timestamp) {
        let known_to = self.waits().by_case.get(&id).map_or(0, |look| look.known_to);
        self.put(id, known_to, Some(at));
    }

    /// Whether a case was looked at with the entry at `position`, and is looked at again.
    pub fn knows(&self, id: CaseId, position: u64) -> bool {
        self.waits().by_case.get(&id).is_some_and(|look| look.known_to >= position)
    }

    /// The cases that are due, the earliest first, so many at most.
    pub fn due(&self, now: Timestamp, most: usize) -> Vec<CaseId> {
        let waits = self.waits();
        waits.by_time.iter().take_while(|(at, _)| *at <= now).take(most).map(|(_, id)| *id).collect()
    }

    /// Whether a case is due that was forgotten.
    pub fn misses(&self, now: Timestamp) -> bool {
        self.waits().forgotten.is_some_and(|at| at <= now)
    }

    /// Forgets everything: it is filled anew.
    pub fn clear(&self) {
        *self.waits() = Waits::default();
    }

    fn waits(&self) -> MutexGuard<'_, Waits> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u128) -> CaseId {
        CaseId(uuid::Uuid::from_u128(n))
    }

    fn at(s: i64) -> Timestamp {
        Timestamp::from_microsecond(s * 1_000_000).unwrap()
    }

    #[test]
    fn a_case_is_due_once_at_its_last_time() {
        let schedule = Schedule::default();
        schedule.put(id(1), 5, Some(at(10)));
        schedule.put(id(2), 6, Some(at(5)));
        schedule.put(id(1), 7, Some(at(20)));
        assert_eq!(schedule.due(at(10), 9), [id(2)]);
        assert_eq!(schedule.due(at(20), 9), [id(2), id(1)]);
        assert_eq!(schedule.due(at(20), 1), [id(2)]);
        assert!(schedule.knows(id(1), 7) && !schedule.knows(id(1), 8));
        schedule.put(id(1), 8, None);
        assert_eq!(schedule.due(at(99), 9), [id(2)]);
    }

    #[test]
    fn who_saw_less_changes_nothing() {
        let schedule = Schedule::default();
        schedule.put(id(1), 7, Some(at(20)));
        schedule.put(id(1), 5, None);
        assert_eq!(schedule.due(at(20), 9), [id(1)]);
        schedule.put_off(id(1), at(30));
        assert_eq!(schedule.due(at(20), 9), []);
        assert_eq!(schedule.due(at(30), 9), [id(1)]);
    }

    #[test]
    fn the_latest_are_forgotten_and_missed_in_time() {
        let schedule = Schedule::default();
        for n in 0..=CASES_MAX {
            schedule.put(id(n as u128), 1, Some(at(i64::try_from(n).unwrap())));
        }
        let last = at(i64::try_from(CASES_MAX).unwrap());
        assert!(!schedule.misses(at(0)) && schedule.misses(last));
        assert_eq!(schedule.due(last, usize::MAX).len(), CASES_MAX);
        schedule.clear();
        assert!(!schedule.misses(last) && schedule.due(last, 9).is_empty());
    }
}
