//! Calendars, as an operator writes them: see [`crate::calendar`] for what they mean.
//!
//! ```toml
//! [[calendar]]
//! id = "paris"
//! name = "Paris, office hours"
//! time_zone = "Europe/Paris"
//! hours = { mon-thu = ["09:00-12:00", "13:00-17:00"], fri = ["09:00-12:00"] }
//! holidays = ["FR"]
//! closed = [{ date = "2026-05-15", name = "Bridge" }, { date = "2026-06-01", name = "Meeting", hours = ["14:00-16:00"] }]
//! special = [{ date = "2026-12-24", name = "Christmas Eve", hours = ["09:00-12:00"] }]
//! ```

use std::{any::Any, collections::BTreeMap, sync::Arc};

use jiff::civil::Date;
use serde::Deserialize;
use serde_json::Value;

use super::{
    kinds::Kind,
    problem::Fault,
    schema::{
        Shape::{Checked, List, Map, OneOf, Table, Text},
        optional, required, time_zone,
    },
    set::Set,
};
use crate::{
    calendar::{Calendar, Closing, Hours, Rules, Special, holidays::Place, weekdays},
    ids::{CalendarId, Invalid},
    stored::Fields,
};

pub(super) const KIND: Kind = Kind {
    name: "calendar",
    group: "calendar",
    cascades: false,
    defaults: Fields::new,
    fields: &[
        required("name", Text(NAME_LEN_MAX)),
        required("time_zone", Checked(time_zone)),
        optional("mode", OneOf(&["weekly", "always"])),
        optional("hours", Map(|text| weekdays(text).map(drop), &HOURS)),
        optional("holidays", List(&Checked(|text| text.parse::<Place>().map(drop)))),
        optional(
            "closed",
            List(&Table(&[
                required("date", Checked(date)),
                required("name", Text(NAME_LEN_MAX)),
                optional("hours", HOURS),
            ])),
        ),
        optional(
            "special",
            List(&Table(&[
                required("date", Checked(date)),
                required("name", Text(NAME_LEN_MAX)),
                required("hours", HOURS),
            ])),
        ),
    ],
    view,
    check,
};

const HOURS: super::schema::Shape = List(&Checked(|text| text.parse::<Hours>().map(drop)));
const NAME_LEN_MAX: usize = 200;
/// The most hours that begin on one day, the most days that are closed or special, the most places: what is more than that
/// is a slip, and takes its time.
const HOURS_MAX: usize = 24;
const DATES_MAX: usize = 1_000;
const PLACES_MAX: usize = 40;
/// The years in which a day may be closed or special.
const YEARS: std::ops::RangeInclusive<i16> = 2000..=2100;

/// A calendar as it is written.
#[derive(Deserialize)]
struct Written {
    time_zone: String,
    #[serde(default)]
    mode: Mode,
    #[serde(default)]
    hours: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    holidays: Vec<String>,
    #[serde(default)]
    closed: Vec<Day>,
    #[serde(default)]
    special: Vec<Day>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Mode {
    #[default]
    Weekly,
    Always,
}

#[derive(Deserialize)]
struct Day {
    date: Date,
    name: String,
    #[serde(default)]
    hours: Vec<String>,
}

impl Set {
    /// A calendar.
    pub fn calendar(&self, id: &CalendarId) -> Option<&Calendar> {
        self.document("calendar", id.as_str())?.view()
    }
}

fn view(_: &str, body: &Fields) -> Option<Arc<dyn Any + Send + Sync>> {
    let calendar = calendar(&written(body)?).ok()?;
    Some(Arc::new(calendar) as _)
}

fn check(_: &Set, _: &str, body: &Fields) -> Vec<Fault> {
    let Some(written) = written(body) else { return Vec::new() };
    let mut faults = Vec::new();
    match written.mode {
        Mode::Weekly if written.hours.is_empty() => faults.push(Fault::new(
            "",
            "a calendar by the week has no \"hours\"",
            "add them: hours = { mon-fri = [\"09:00-17:00\"] }; or mode = \"always\"",
        )),
        Mode::Always if !written.hours.is_empty() => faults.push(Fault::new(
            "/hours",
            "this calendar is open always, and has hours",
            "take the hours away, or mode = \"always\"",
        )),
        Mode::Weekly | Mode::Always => {}
    }
    let mut seen = Vec::new();
    for (key, hours) in &written.hours {
        for day in weekdays(key).unwrap_or_default() {
            if seen.contains(&day) {
                let remedy = "name each day once: its hours stand in one list";
                faults.push(Fault::new(
                    format!("/hours/{key}"),
                    "a day of it is named elsewhere too",
                    remedy,
                ));
            }
            seen.push(day);
        }
        faults.extend(apart(&format!("/hours/{key}"), hours));
    }
    faults.extend(too_many("/holidays", written.holidays.len(), PLACES_MAX));
    for (field, days) in [("closed", &written.closed), ("special", &written.special)] {
        faults.extend(too_many(&format!("/{field}"), days.len(), DATES_MAX));
        for (index, day) in days.iter().enumerate().take(DATES_MAX) {
            let here = format!("/{field}/{index}");
            if days[..index].iter().any(|other| other.date == day.date) {
                let message = format!("{} stands twice", day.date);
                faults.push(Fault::new(format!("{here}/date"), message, "make one of them"));
            }
            let closes = |other: &&Day| other.date == day.date && other.hours.is_empty();
            if field == "special" && written.closed.iter().any(|other| closes(&other)) {
                let message = format!("{} is closed as a whole, too", day.date);
                faults.push(Fault::new(format!("{here}/date"), message, "take one of them away"));
            }
            faults.extend(apart(&format!("{here}/hours"), &day.hours));
        }
    }
    if faults.is_empty() {
        faults.extend(calendar(&written).err());
    }
    faults
}

/// What the fields mean; at fault is one that would not open.
fn calendar(written: &Written) -> Result<Calendar, Fault> {
    let plain = written.holidays.is_empty() && written.closed.is_empty() && written.special.is_empty();
    if written.mode == Mode::Always && plain {
        return Ok(Calendar::always());
    }
    let unreadable =
        |_: Invalid| Fault::new("", "it cannot be read", "compare it with the reference of its kind");
    let hours =
        |texts: &[String]| texts.iter().map(|text| text.parse()).collect::<Result<Vec<Hours>, Invalid>>();
    let mut rules = Rules::new(&written.time_zone).map_err(unreadable)?;
    if written.mode == Mode::Always {
        rules.week = std::array::from_fn(|_| vec![Hours::DAY]);
    }
    for (key, texts) in &written.hours {
        for day in weekdays(key).map_err(unreadable)? {
            rules.of_weekday(day).extend(hours(texts).map_err(unreadable)?);
        }
    }
    for code in &written.holidays {
        rules.holidays.push(code.parse().map_err(unreadable)?);
    }
    for Day { date, name, hours: texts } in &written.closed {
        let closing = Closing { name: name.clone(), hours: hours(texts).map_err(unreadable)? };
        rules.closings.entry(*date).or_default().push(closing);
    }
    for Day { date, name, hours: texts } in &written.special {
        let special = Special { name: name.clone(), hours: hours(texts).map_err(unreadable)? };
        rules.special.insert(*date, special);
    }
    Calendar::new(rules).map_err(|never| {
        let remedy =
            "a clock would wait there for ever: give hours to a day, or take holidays or closings away";
        Fault::new("/hours", never.to_string(), remedy)
    })
}

fn written(body: &Fields) -> Option<Written> {
    serde_json::from_value(Value::Object(body.clone())).ok()
}

/// Hours of one day that overlap, or are too many.
fn apart(pointer: &str, texts: &[String]) -> Vec<Fault> {
    let mut faults = too_many(pointer, texts.len(), HOURS_MAX);
    let hours: Vec<Option<Hours>> = texts.iter().take(HOURS_MAX).map(|text| text.parse().ok()).collect();
    for (index, one) in hours.iter().enumerate() {
        let before = hours[..index].iter().flatten();
        if let Some(other) = before.copied().find(|other| one.is_some_and(|one| one.overlaps(*other))) {
            let message = format!("these hours overlap with {other}");
            faults.push(Fault::new(format!("{pointer}/{index}"), message, "make one of them, or part them"));
        }
    }
    faults
}

fn too_many(pointer: &str, count: usize, max: usize) -> Vec<Fault> {
    let fault = || Fault::new(pointer, format!("there are {count}"), format!("give at most {max}"));
    if count > max { vec![fault()] } else { Vec::new() }
}

fn date(text: &str) -> Result<(), Invalid> {
    const RULE: &str = "a local date from 2000 to 2100, such as 2027-01-31";
    let date = text.parse::<Date>().ok().filter(|date| YEARS.contains(&date.year()) && text.len() == 10);
    date.map(drop).ok_or(Invalid { what: "a day", rule: RULE })
}
