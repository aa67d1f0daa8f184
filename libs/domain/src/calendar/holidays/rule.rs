//! One rule: on which date of a year a holiday falls.

use jiff::civil::{Date, Weekday};
use serde::{Deserialize, Deserializer, de::Error as _};

use super::{easter, plus};
use crate::calendar::hours::weekdays;

/// A holiday and when it is kept.
#[derive(Deserialize)]
pub(super) struct Rule {
    pub(super) name: String,
    #[serde(flatten)]
    when: When,
    /// So many days behind what `when` says.
    #[serde(default)]
    plus: i16,
    /// The first year in which it is kept.
    #[serde(default)]
    since: Option<i16>,
    /// The last one.
    #[serde(default)]
    until: Option<i16>,
    /// Years between in which it is not kept.
    #[serde(default)]
    except: Vec<i16>,
    /// On a weekend, it is kept so many days later, too.
    #[serde(default)]
    also: Moved,
    /// On a weekend, it is kept so many days later instead.
    #[serde(default)]
    instead: Moved,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum When {
    /// `MM-DD`.
    On(MonthDay),
    /// So many days from the Sunday of Easter.
    Easter(i16),
    /// The nth such day of a month; -1 is the last.
    Nth(i8, Day, i8),
    /// The first such day on or after a day of the year.
    From(Day, MonthDay),
    /// These dates and no others.
    Dates(Vec<Date>),
}

/// By how many days a holiday is moved that falls on a weekend; 0: it is not.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Moved {
    sat: i16,
    sun: i16,
}

struct Day(Weekday);

struct MonthDay(i8, i8);

impl Rule {
    /// Every date of a year on which it is kept, and those to which it moves from there.
    pub(super) fn each(&self, year: i16, mut kept: impl FnMut(Date)) {
        if self.since.is_some_and(|since| year < since)
            || self.until.is_some_and(|until| year > until)
            || self.except.contains(&year)
        {
            return;
        }
        for date in self.when.of(year).into_iter().filter_map(|date| plus(date, self.plus)) {
            let instead = self.instead.of(date);
            kept(plus(date, instead).unwrap_or(date));
            if let Some(also) = Some(self.also.of(date)).filter(|days| *days != 0) {
                plus(date, also).into_iter().for_each(&mut kept);
            }
        }
    }
}

impl When {
    fn of(&self, year: i16) -> Vec<Date> {
        let day = |month_day: &MonthDay| Date::new(year, month_day.0, month_day.1).ok();
        let one = match self {
            Self::On(month_day) => day(month_day),
            Self::Easter(days) => easter(year).and_then(|easter| plus(easter, *days)),
            Self::Nth(nth, weekday, month) => {
                let first = Date::new(year, *month, 1).ok();
                first.and_then(|first| first.nth_weekday_of_month(*nth, weekday.0).ok())
            }
            Self::From(weekday, month_day) => {
                day(month_day).and_then(|day| plus(day, i16::from(day.weekday().until(weekday.0))))
            }
            Self::Dates(dates) => return dates.iter().copied().filter(|date| date.year() == year).collect(),
        };
        one.into_iter().collect()
    }
}

impl Moved {
    fn of(&self, date: Date) -> i16 {
        match date.weekday() {
            Weekday::Saturday => self.sat,
            Weekday::Sunday => self.sun,
            _ => 0,
        }
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let days = weekdays(&String::deserialize(deserializer)?).map_err(D::Error::custom)?;
        days.first().copied().map(Self).ok_or_else(|| D::Error::custom("no day"))
    }
}

impl<'de> Deserialize<'de> for MonthDay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let read = |text: &str| {
            let (month, day) = text.split_once('-')?;
            Some(Self(month.parse().ok()?, day.parse().ok()?))
        };
        read(&text).ok_or_else(|| D::Error::custom("no day of the year"))
    }
}
