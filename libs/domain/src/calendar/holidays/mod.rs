//! Public holidays, by country and part of a country: `FR`, `FR-972`, `DE-BE`, `GB-ENG`.
//!
//! What is a holiday where stands in `holidays.json` beside this file, as rules and not as dates: a day of the year, so many
//! days from Easter, the third Monday of a month. Days that follow from sightings of the moon are not in there: they are
//! announced, and a calendar names them as closed. School and bank holidays are none.

use std::{collections::BTreeMap, fmt, str::FromStr, sync::LazyLock};

use jiff::{ToSpan, civil::Date};
use serde::Deserialize;

use crate::ids::Invalid;

mod rule;

use rule::Rule;

static DATA: LazyLock<Data> =
    LazyLock::new(|| serde_json::from_str(include_str!("holidays.json")).unwrap_or_default());

#[derive(Default, Deserialize)]
struct Data {
    version: String,
    places: BTreeMap<String, Entry>,
}

/// What is kept in one place. A part of a country keeps what the country keeps, too.
#[derive(Deserialize)]
struct Entry {
    name: String,
    #[serde(default)]
    days: Vec<Rule>,
    /// Names of the country's days that are not kept there.
    #[serde(default)]
    without: Vec<String>,
}

/// The version of the data: it changes with every rule.
pub fn version() -> &'static str {
    &DATA.version
}

/// All places, in order, each with its name.
pub fn places() -> impl Iterator<Item = (&'static str, &'static str)> {
    DATA.places.iter().map(|(code, entry)| (code.as_str(), entry.name.as_str()))
}

/// A country or a part of one, whose holidays are known: ISO 3166-1 and 3166-2.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place(&'static str);

impl Place {
    /// Its code.
    pub const fn code(self) -> &'static str {
        self.0
    }

    /// Its holidays of a year, by date; two that fall together have the name of one of them.
    pub fn holidays(self, year: i16) -> BTreeMap<Date, &'static str> {
        let mut days = BTreeMap::new();
        // What is moved from a weekend may come to lie in the year before or after.
        for year in year.saturating_sub(1)..=year.saturating_add(1) {
            let part = DATA.places.get(self.0);
            let without = part.map_or(&[][..], |part| &part.without);
            let country = self.0.split_once('-').and_then(|(country, _)| DATA.places.get(country));
            let of_country = country.into_iter().flat_map(|country| &country.days);
            let kept = of_country.filter(|rule| !without.contains(&rule.name));
            for rule in kept.chain(part.into_iter().flat_map(|part| &part.days)) {
                rule.each(year, |date| {
                    days.entry(date).or_insert(rule.name.as_str());
                });
            }
        }
        days.retain(|date, _| date.year() == year);
        days
    }
}

impl FromStr for Place {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        const RULE: &str = "a country or a part of one in ISO 3166, such as FR, FR-972, DE-BE or GB-ENG, whose \
                            holidays are known here; write the dates of others under closed";
        let known = DATA.places.get_key_value(text);
        known.map(|(code, _)| Self(code)).ok_or(Invalid { what: "a place with holidays", rule: RULE })
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// The holidays of some places over some time.
pub(super) struct Holidays(BTreeMap<Date, &'static str>);

impl Holidays {
    pub(super) fn of(places: &[Place], first: Date, last: Date) -> Self {
        let years = || first.year()..=last.year();
        Self(places.iter().flat_map(|place| years().flat_map(|year| place.holidays(year))).collect())
    }

    pub(super) fn name(&self, date: Date) -> Option<&'static str> {
        self.0.get(&date).copied()
    }
}

/// The Sunday of Easter in the Gregorian calendar (the computus of Meeus, Jones and Butcher).
fn easter(year: i16) -> Option<Date> {
    let y = i32::from(year);
    let (a, b, c) = (y.rem_euclid(19), y.div_euclid(100), y.rem_euclid(100));
    let (d, e, g) = (b / 4, b % 4, (8 * b + 13) / 25);
    let h = (19 * a + b - d - g + 15) % 30;
    let (i, k, m) = (c / 4, c % 4, (a + 11 * h) / 319);
    let r = (2 * e + 2 * i - k - h + m + 32) % 7;
    let month = (h - m + r + 90) / 25;
    let day = (h - m + r + month + 19) % 32;
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

fn plus(date: Date, days: i16) -> Option<Date> {
    date.checked_add(i64::from(days).days()).ok()
}
