//! The rules of a calendar: which hours a local date has, and why.

use std::{borrow::Cow, collections::BTreeMap};

use jiff::{
    ToSpan,
    civil::{Date, Weekday},
    tz::{TimeZone, TimeZoneDatabase},
};

use super::{
    OPENS_WITHIN_DAYS, blocks,
    holidays::{Holidays, Place},
    hours::Hours,
    wall,
};
use crate::ids::Invalid;

/// Hours that began so many days before may go on.
const BEFORE_DAYS: i64 = 2;
/// The years over which a calendar is looked at before it is taken.
const LOOKED_AT: (i16, i16) = (2000, 2100);

/// The rules of a calendar.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    zone: TimeZone,
    /// The hours that begin on each day of the week, from Monday.
    pub week: [Vec<Hours>; 7],
    /// The places whose holidays are kept.
    pub holidays: Vec<Place>,
    /// Days that are closed, as a whole or in part.
    pub closings: BTreeMap<Date, Vec<Closing>>,
    /// Days with hours of their own, whatever their weekday has and whether or not they are holidays.
    pub special: BTreeMap<Date, Special>,
}

/// A closing of one local date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closing {
    /// What it is called.
    pub name: String,
    /// Which hours are taken away; none: no hours begin on that date.
    pub hours: Vec<Hours>,
}

/// A local date with hours of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Special {
    /// What it is called.
    pub name: String,
    /// The hours that begin on it, instead of any others.
    pub hours: Vec<Hours>,
}

/// What makes a date another than others of its weekday.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exception<'c> {
    /// Of which kind it is.
    pub why: Why,
    /// What it is called.
    pub name: Cow<'c, str>,
}

/// What makes a date another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It has hours of its own.
    Special,
    /// It is closed.
    Closed,
    /// It is a holiday.
    Holiday,
    /// It is closed for some hours.
    ClosedInPart,
}

/// It would be closed for longer than a calendar may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it does not open from {from} on for more than {OPENS_WITHIN_DAYS} days")]
pub struct Never {
    /// The last date on which it was open, or the first that was looked at.
    pub from: Date,
}

impl Rules {
    /// Rules without hours, in a time zone of the IANA database that is built in.
    pub fn new(time_zone: &str) -> Result<Self, Invalid> {
        const RULE: &str = "a name of the IANA database, such as Europe/Paris";
        let zone = TimeZoneDatabase::bundled().get(time_zone);
        Ok(Self {
            zone: zone.map_err(|_| Invalid { what: "a time zone", rule: RULE })?,
            week: Default::default(),
            holidays: Vec::new(),
            closings: BTreeMap::new(),
            special: BTreeMap::new(),
        })
    }

    /// Its time zone.
    pub const fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The hours of a day of the week.
    pub fn of_weekday(&mut self, day: Weekday) -> &mut Vec<Hours> {
        &mut self.week[usize::from(day.to_monday_zero_offset().unsigned_abs())]
    }

    /// What makes a date another than others of its weekday, if something does.
    pub fn exception(&self, date: Date) -> Option<Exception<'_>> {
        let named = |why, name: &str| Some(Exception { why, name: Cow::Owned(name.to_owned()) });
        let closing =
            |whole: bool| self.closings.get(&date)?.iter().find(|closing| closing.hours.is_empty() == whole);
        if let Some(special) = self.special.get(&date) {
            return named(Why::Special, &special.name);
        }
        if let Some(closing) = closing(true) {
            return named(Why::Closed, &closing.name);
        }
        if let Some(name) = Holidays::of(&self.holidays, date, date).name(date) {
            return named(Why::Holiday, name);
        }
        closing(false).and_then(|closing| named(Why::ClosedInPart, &closing.name))
    }

    /// Every date whose hours may reach into the time between two instants, with the hours that begin on it and those
    /// that a closing in part takes away.
    pub(super) fn days(
        &self,
        from: i64,
        to: i64,
    ) -> impl Iterator<Item = (Date, &[Hours], impl Iterator<Item = &Hours>)> {
        let first = wall::date(&self.zone, from).saturating_sub(BEFORE_DAYS.days());
        let last = wall::date(&self.zone, to).saturating_add(1.day());
        let holidays = Holidays::of(&self.holidays, first, last);
        first.series(1.day()).take_while(move |date| *date <= last).map(move |date| {
            let closings = self.closings.get(&date).into_iter().flatten();
            (date, self.hours(date, &holidays), closings.flat_map(|closing| &closing.hours))
        })
    }

    /// The hours that begin on a date, before anything is taken away in part.
    fn hours(&self, date: Date, holidays: &Holidays) -> &[Hours] {
        if let Some(special) = self.special.get(&date) {
            return &special.hours;
        }
        let closings = self.closings.get(&date).into_iter().flatten();
        if closings.into_iter().any(|closing| closing.hours.is_empty()) || holidays.name(date).is_some() {
            return &[];
        }
        &self.week[usize::from(date.weekday().to_monday_zero_offset().unsigned_abs())]
    }

    /// Whether it opens often enough, whatever the day.
    ///
    /// Looked at by date over a hundred years and around each date that the rules name.
    pub(super) fn opens(&self) -> Result<(), Never> {
        let named = || self.closings.keys().chain(self.special.keys());
        let year = |year: i16| Date::new(year, 1, 1).unwrap_or(Date::ZERO);
        let spare = (OPENS_WITHIN_DAYS + 1).days();
        let first = named().min().map_or(Date::MAX, |date| date.saturating_sub(spare)).min(year(LOOKED_AT.0));
        let last = named().max().map_or(Date::MIN, |date| date.saturating_add(spare)).max(year(LOOKED_AT.1));
        let holidays = Holidays::of(&self.holidays, first, last);
        let mut closed_from = first;
        let mut closed = 0;
        for date in first.series(1.day()).take_while(|date| *date <= last) {
            if self.opens_on(date, &holidays) {
                (closed_from, closed) = (date, 0);
            } else {
                closed += 1;
            }
            if closed > OPENS_WITHIN_DAYS - 2 {
                return Err(Never { from: closed_from });
            }
        }
        Ok(())
    }

    /// Whether some of the hours that begin on a date are left when closings in part are taken away.
    fn opens_on(&self, date: Date, holidays: &Holidays) -> bool {
        let hours = self.hours(date, holidays);
        let Some(closings) = self.closings.get(&date) else { return !hours.is_empty() };
        let taken: Vec<Hours> = closings.iter().flat_map(|closing| closing.hours.iter().copied()).collect();
        let spans = |hours: &[Hours]| {
            hours.iter().map(|hours| (i64::from(hours.start_min()), i64::from(hours.end_min()))).collect()
        };
        blocks::leaves(spans(hours), spans(&taken))
    }
}
