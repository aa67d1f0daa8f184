//! Stand-in with the calendar's interface, until the calendar itself is merged.
use crate::time::Timestamp;
use jiff::{
    Span,
    civil::{Date, Time, Weekday},
    tz::TimeZone,
};
use std::collections::BTreeSet;

/// Opening hours.
#[derive(Clone, Debug, PartialEq)]
pub struct Calendar {
    zone: Option<TimeZone>,
    days: Vec<(Weekday, Time, Time)>,
    closed: BTreeSet<Date>,
}

impl Calendar {
    /// 24x7.
    pub fn always() -> Self {
        Self { zone: None, days: Vec::new(), closed: BTreeSet::new() }
    }
    /// From parts.
    pub fn stand_in(zone: &str, days: Vec<(Weekday, Time, Time)>, closed: BTreeSet<Date>) -> Self {
        Self { zone: TimeZone::get(zone).ok(), days, closed }
    }
    /// Of a policy.
    pub fn of(_: &crate::policy::Set, _: &crate::ids::CalendarId) -> Option<Self> {
        None
    }
    fn spans(&self, from: Timestamp) -> impl Iterator<Item = (Timestamp, Timestamp)> {
        let zone = self.zone.clone().unwrap_or(TimeZone::UTC);
        let first = from.to_jiff().to_zoned(zone.clone()).date().saturating_sub(Span::new().days(1));
        (0..4000_i64)
            .flat_map(move |n| {
                let date = first.saturating_add(Span::new().days(n));
                let mut found: Vec<_> = self
                    .days
                    .iter()
                    .filter(|(day, ..)| *day == date.weekday() && !self.closed.contains(&date))
                    .map(|(_, a, b)| {
                        let until = if b <= a { date.saturating_add(Span::new().days(1)) } else { date };
                        let at = |d: Date, t: Time| {
                            Timestamp::from(
                                zone.to_timestamp(d.to_datetime(t)).unwrap_or(jiff::Timestamp::MAX),
                            )
                        };
                        (at(date, *a), at(until, *b))
                    })
                    .collect();
                found.sort();
                found
            })
            .filter(move |(_, b)| *b > from)
            .map(move |(a, b)| (a.max(from), b))
    }
    /// Open.
    pub fn is_open(&self, at: Timestamp) -> bool {
        self.next_open(at) == Some(at)
    }
    /// Next open.
    pub fn next_open(&self, from: Timestamp) -> Option<Timestamp> {
        if self.zone.is_none() {
            return Some(from);
        }
        self.spans(from).next().map(|(a, _)| a)
    }
    /// After.
    pub fn after(&self, from: Timestamp, open_micros: i64) -> Option<Timestamp> {
        if self.zone.is_none() {
            return Timestamp::from_microsecond(from.as_microsecond().saturating_add(open_micros));
        }
        if open_micros == 0 {
            return self.next_open(from);
        }
        let mut left = open_micros;
        for (a, b) in self.spans(from) {
            let len = b.as_microsecond() - a.as_microsecond();
            if len >= left {
                return Timestamp::from_microsecond(a.as_microsecond() + left);
            }
            left -= len;
        }
        None
    }
    /// Between.
    pub fn between(&self, from: Timestamp, to: Timestamp) -> i64 {
        self.intervals(from, to).map(|(a, b)| b.as_microsecond() - a.as_microsecond()).sum()
    }
    /// Intervals.
    pub fn intervals(&self, from: Timestamp, to: Timestamp) -> impl Iterator<Item = (Timestamp, Timestamp)> {
        let all = self.zone.is_none() && to > from;
        let some = (self.zone.is_some() && to > from).then(|| self.spans(from));
        all.then_some((from, to)).into_iter().chain(
            some.into_iter().flatten().take_while(move |(a, _)| *a < to).map(move |(a, b)| (a, b.min(to))),
        )
    }
}
