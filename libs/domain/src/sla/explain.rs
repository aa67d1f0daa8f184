//! Why a clock says what it says: every while that counted or did not.

use super::{
    clock::{Clock, Reason, Segment, Standing},
    terms::{Book, Edition, Measure},
};
use crate::{
    case::Status,
    ids::{CalendarId, SlaId},
    time::Timestamp,
};

/// The most intervals of one explanation. Whoever wants more asks for a shorter time.
pub const INTERVALS_MAX: usize = 10_000;

/// Why time counted, or did not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The clock ran.
    Counted,
    /// The clock ran, and its calendar was closed.
    OutsideHours,
    /// The case was in a status that pauses the clock.
    Paused(Status),
    /// Nobody awaited it.
    Stopped(Reason),
}

/// A while that counted as a whole, or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interval {
    /// From.
    pub from: Timestamp,
    /// To.
    pub to: Timestamp,
    /// Why.
    pub why: Why,
    /// The version of the policy.
    pub version: u64,
    /// The policy, if one held.
    pub policy: Option<SlaId>,
    /// In what time it counts.
    pub measure: Measure,
    /// The calendar; none: always open.
    pub calendar: Option<CalendarId>,
}

/// Every while of a clock, in order and without a gap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explanation {
    /// The whiles.
    pub intervals: Vec<Interval>,
    /// Whether there are more than [`INTERVALS_MAX`], and the later ones are left out.
    pub is_cut: bool,
}

impl Clock {
    /// Every while of this clock that counted or did not, and why. `book` is that of the replay.
    pub fn explain(&self, book: &Book) -> Explanation {
        let fallback = Edition::default();
        let mut explanation = Explanation::default();
        for segment in &self.segments {
            let edition = book.0.get(&segment.version).unwrap_or(&fallback);
            segment.explain(edition, &mut explanation);
        }
        explanation
    }
}

impl Segment {
    fn explain(&self, edition: &Edition, explanation: &mut Explanation) {
        let why = match self.standing {
            Standing::Counted => Why::Counted,
            Standing::Paused(status) => Why::Paused(status),
            Standing::Stopped(reason) => Why::Stopped(reason),
        };
        let measure = self.terms.as_ref().map_or(Measure::Business, |terms| terms.measure);
        if why != Why::Counted || measure == Measure::Calendar {
            return explanation.add(self.interval(self.from, self.to, why, measure));
        }
        let calendar = edition.calendar_named(self.calendar.as_ref());
        let mut done = self.from;
        for (open, close) in calendar.intervals(self.from, self.to) {
            if explanation.is_cut {
                return;
            }
            explanation.add(self.interval(done, open, Why::OutsideHours, measure));
            explanation.add(self.interval(open, close, Why::Counted, measure));
            done = close;
        }
        explanation.add(self.interval(done, self.to, Why::OutsideHours, measure));
    }

    fn interval(&self, from: Timestamp, to: Timestamp, why: Why, measure: Measure) -> Interval {
        let policy = self.terms.as_ref().map(|terms| terms.policy.clone());
        Interval { from, to, why, version: self.version, policy, measure, calendar: self.calendar.clone() }
    }
}

impl Explanation {
    fn add(&mut self, interval: Interval) {
        if interval.to <= interval.from {
            return;
        }
        if self.intervals.len() < INTERVALS_MAX {
            self.intervals.push(interval);
        } else {
            self.is_cut = true;
        }
    }
}
