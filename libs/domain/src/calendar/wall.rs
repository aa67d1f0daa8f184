//! From what a clock on the wall shows to instants, in microseconds since 1970.

use jiff::{
    SignedDuration, Timestamp,
    civil::{Date, DateTime, Time},
    tz::{AmbiguousOffset, Offset, TimeZone},
};

use super::{DAY_MICROS, hours::DAY_MIN};

const MINUTE_MICROS: i64 = 60 * 1_000_000;
const SECOND_MICROS: i64 = 1_000_000;
/// Hours end on the next day at the latest, and no clock is put by more than a day.
const AROUND_DAYS: i64 = 3;

/// A time zone over some days.
pub(super) struct Wall<'z> {
    zone: &'z TimeZone,
    /// The offset, if no clock is put in these days: then nothing has to be looked up.
    steady: Option<Offset>,
}

impl<'z> Wall<'z> {
    /// For hours that begin or end between two instants.
    pub(super) fn new(zone: &'z TimeZone, from: i64, to: i64) -> Self {
        let from = instant(from - AROUND_DAYS * DAY_MICROS);
        let to = instant(to + AROUND_DAYS * DAY_MICROS);
        let change = zone.following(from).next();
        let steady = change.is_none_or(|change| change.timestamp() > to).then(|| zone.to_offset(from));
        Self { zone, steady }
    }

    /// The first instant at which the wall shows so many minutes of a date or, where it skips them, more.
    pub(super) fn start(&self, date: Date, minutes: u16) -> i64 {
        if let Some(offset) = self.steady {
            return steady(date, minutes, offset);
        }
        let wall = civil(date, minutes);
        match self.zone.to_ambiguous_timestamp(wall).offset() {
            AmbiguousOffset::Unambiguous { offset } => at(wall, offset),
            AmbiguousOffset::Fold { before, .. } => at(wall, before),
            AmbiguousOffset::Gap { before, .. } => self.change(wall, before),
        }
    }

    /// The instant after the last at which the wall shows less than so many minutes of a date.
    pub(super) fn end(&self, date: Date, minutes: u16) -> i64 {
        if let Some(offset) = self.steady {
            return steady(date, minutes, offset);
        }
        // Looked at from just below: where a fold begins, what is less is shown only once.
        let wall = civil(date, minutes).saturating_sub(SignedDuration::from_micros(1));
        match self.zone.to_ambiguous_timestamp(wall).offset() {
            AmbiguousOffset::Unambiguous { offset } => at(wall, offset) + 1,
            AmbiguousOffset::Fold { after, .. } => at(wall, after) + 1,
            AmbiguousOffset::Gap { before, .. } => self.change(wall, before),
        }
    }

    /// When clocks are put forward over what the wall would have shown.
    fn change(&self, wall: DateTime, before: Offset) -> i64 {
        // By the clock that was not put, it lies at or behind the change.
        let behind = at(wall, before);
        let change = self.zone.preceding(instant(behind + 1)).next();
        change.map_or(behind, |change| change.timestamp().as_microsecond())
    }
}

/// The date that the wall shows at an instant.
pub(super) fn date(zone: &TimeZone, at: i64) -> Date {
    zone.to_datetime(instant(at)).date()
}

fn steady(date: Date, minutes: u16, offset: Offset) -> i64 {
    at(date.to_datetime(Time::midnight()), offset) + i64::from(minutes) * MINUTE_MICROS
}

fn civil(date: Date, minutes: u16) -> DateTime {
    let date = if minutes < DAY_MIN { date } else { date.tomorrow().unwrap_or(Date::MAX) };
    let minutes = minutes % DAY_MIN;
    // Both are below 24 and 60.
    let (hour, minute) = (i8::try_from(minutes / 60).unwrap_or(0), i8::try_from(minutes % 60).unwrap_or(0));
    date.at(hour, minute, 0, 0)
}

fn at(wall: DateTime, offset: Offset) -> i64 {
    const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
    let micros = i64::try_from(wall.duration_since(EPOCH).as_micros()).unwrap_or(i64::MAX / 2);
    micros - i64::from(offset.seconds()) * SECOND_MICROS
}

fn instant(micros: i64) -> Timestamp {
    let end = if micros < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_microsecond(micros).unwrap_or(end)
}
