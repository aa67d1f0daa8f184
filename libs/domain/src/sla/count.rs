//! The arithmetic of a count: when it passes a threshold, and how much it is.

use super::{clock::Both, terms::Measure};
use crate::{calendar::Calendar, time::Timestamp};

/// How much counted, since it last began from nothing, in microseconds.
#[derive(Clone, Copy, Default)]
pub(super) struct Lanes {
    /// In the time in which the target counted then.
    pub(super) bound: i64,
    /// In both times.
    pub(super) both: Both,
}

impl Lanes {
    /// Adds, and says how much counts towards the target; business time, where there is none.
    pub(super) fn add(&mut self, both: Both, measure: Option<Measure>) -> i64 {
        let counts = match measure.unwrap_or_default() {
            Measure::Business => both.business,
            Measure::Calendar => both.calendar,
        };
        self.bound = self.bound.saturating_add(counts);
        self.both = self.both.plus(both);
        counts
    }
}

impl Both {
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            business: self.business.saturating_add(other.business),
            calendar: self.calendar.saturating_add(other.calendar),
        }
    }
}

/// When a count passes a threshold.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Crossing {
    /// It was reached exactly where something else began. It is passed if the count goes on there.
    reached: Option<Timestamp>,
    passed: Option<Timestamp>,
}

impl Crossing {
    /// Goes on counting up to `to`, with `missing` left to the threshold. What is met at the very deadline is in time, so
    /// that the threshold is passed only before `to`.
    pub(super) fn step(
        &mut self,
        missing: i64,
        to: Option<Timestamp>,
        advance: impl Fn(i64) -> Option<Timestamp>,
    ) {
        if self.passed.is_some() {
            return;
        }
        let reached = self.reached.take();
        let at = if missing > 0 { advance(missing) } else { reached.or_else(|| advance(0)) };
        match (at, to) {
            (Some(at), Some(to)) if at == to => self.reached = Some(at),
            (Some(at), Some(to)) if at > to => {}
            (Some(at), _) => self.passed = Some(at),
            (None, _) => {}
        }
    }

    /// The count does not go on where it was.
    pub(super) fn pass_over(&mut self) {
        self.reached = None;
    }

    /// When it was passed, or will be if nothing changes.
    pub(super) fn passed(self) -> Option<Timestamp> {
        self.passed
    }
}

impl Measure {
    /// The instant at which so much has counted since `from`.
    pub(super) fn advance(self, calendar: &Calendar, from: Timestamp, length: i64) -> Option<Timestamp> {
        match self {
            Self::Business => calendar.after(from, length),
            Self::Calendar => Timestamp::from_microsecond(from.as_microsecond().saturating_add(length)),
        }
    }
}
