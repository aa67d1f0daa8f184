//! Hours of a day and days of a week, as an operator writes them.

use std::{fmt, str::FromStr};

use jiff::civil::Weekday;

use crate::ids::Invalid;

/// Minutes of a day on the wall.
pub(super) const DAY_MIN: u16 = 24 * 60;

/// Hours on the wall, from the local date on which they begin: `09:00-12:30`; over midnight, `22:00-06:00`.
///
/// An end that is not after its start is on the next day; `24:00` is the end of the day.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hours {
    start_min: u16,
    end_min: u16,
}

impl Hours {
    /// The whole day, midnight to midnight.
    pub const DAY: Self = Self { start_min: 0, end_min: DAY_MIN };

    /// When they begin, in minutes from midnight: 0 to 1439.
    pub const fn start_min(self) -> u16 {
        self.start_min
    }

    /// When they end, in minutes from the midnight before they begin; more than 1440 if that is on the next day.
    pub const fn end_min(self) -> u16 {
        self.end_min
    }

    /// Whether both have a minute in common.
    pub const fn overlaps(self, other: Self) -> bool {
        self.start_min < other.end_min && other.start_min < self.end_min
    }
}

impl FromStr for Hours {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        const RULE: &str = "HH:MM-HH:MM, such as 09:00-12:30, 18:00-24:00 or, over midnight, 22:00-06:00";
        let read = || {
            let (start, end) = text.split_once('-')?;
            let (start_min, end_min) = (minutes(start)?, minutes(end)?);
            let end_min = if end_min > start_min { end_min } else { end_min + DAY_MIN };
            (start_min < DAY_MIN).then_some(Self { start_min, end_min })
        };
        read().ok_or(Invalid { what: "hours of a day", rule: RULE })
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = if self.end_min > DAY_MIN { self.end_min - DAY_MIN } else { self.end_min };
        write!(f, "{:02}:{:02}-{:02}:{:02}", self.start_min / 60, self.start_min % 60, end / 60, end % 60)
    }
}

impl fmt::Debug for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The days that a key of a week means: `mon`, or `mon-fri` with all between.
pub fn weekdays(text: &str) -> Result<Vec<Weekday>, Invalid> {
    const RULE: &str = "mon, tue, wed, thu, fri, sat or sun, or several in a row, such as mon-fri";
    let read = || {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (first, last) = (weekday(first)?, weekday(last)?);
        let days = i32::from(first.until(last));
        Some((0..=days).map(|day| first.wrapping_add(day)).collect())
    };
    read().ok_or(Invalid { what: "a day of the week", rule: RULE })
}

fn weekday(text: &str) -> Option<Weekday> {
    let day = match text {
        "mon" => Weekday::Monday,
        "tue" => Weekday::Tuesday,
        "wed" => Weekday::Wednesday,
        "thu" => Weekday::Thursday,
        "fri" => Weekday::Friday,
        "sat" => Weekday::Saturday,
        "sun" => Weekday::Sunday,
        _ => return None,
    };
    Some(day)
}

/// Minutes from midnight of `HH:MM`, `24:00` among them.
fn minutes(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let two = |text: &str| {
        (text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse::<u16>().ok())?
    };
    let (hour, minute) = (two(hour)?, two(minute)?);
    let minutes = hour * 60 + minute;
    (minute < 60 && minutes <= DAY_MIN).then_some(minutes)
}
