//! Which case of a queue comes first.

use std::cmp::Reverse;

use crate::{case::Priority, ids::CaseId, time::Timestamp};

/// A case that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Which.
    pub case: CaseId,
    /// Its priority.
    pub priority: Priority,
    /// When the next of its clocks is due, if one runs.
    pub due: Option<Timestamp>,
    /// Since when it waits. What is requeued keeps its age.
    pub since: Timestamp,
}

/// Puts the case first that comes first: by priority, then the earliest due (what is never due last), then age, then id.
///
/// For each `aging_s` that it waits a case stands one priority higher, above the highest too, so that none waits for ever:
/// see [`ahead_at_most_until`]. With 0 the priority is as it is written, and a low one may starve.
pub fn order(queue: &mut [Waiting], now: Timestamp, aging_s: i64) {
    queue.sort_unstable_by_key(|waiting| {
        let due = waiting.due.unwrap_or(Timestamp::MAX);
        (Reverse(waiting.level(now, aging_s)), due, waiting.since, waiting.case)
    });
}

/// From when on nothing that comes goes before a case of this priority that waits since `since`, whatever its own priority
/// is; never without aging. So it waits for no more cases than came before that instant.
pub fn ahead_at_most_until(priority: Priority, since: Timestamp, aging_s: i64) -> Option<Timestamp> {
    let steps = rank(Priority::Urgent) - rank(priority) + 1;
    (aging_s > 0).then(|| since.plus_seconds(aging_s.saturating_mul(steps)))
}

impl Waiting {
    fn level(&self, now: Timestamp, aging_s: i64) -> i64 {
        let waited = now.seconds_since(self.since).max(0);
        rank(self.priority) + waited.checked_div(aging_s.max(0)).unwrap_or(0)
    }
}

const fn rank(priority: Priority) -> i64 {
    match priority {
        Priority::Low => 0,
        Priority::Normal => 1,
        Priority::High => 2,
        Priority::Urgent => 3,
    }
}
