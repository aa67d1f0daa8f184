//! When a publisher wants to be asked again, as the feed says it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::xml::Element;

/// Seconds of a minute, an hour and a day.
const MINUTE_S: i64 = 60;
const HOUR_S: i64 = 60 * MINUTE_S;
const DAY_S: i64 = 24 * HOUR_S;
/// Nobody who says that a feed rests longer is believed, in seconds; and nobody can say that it never changes.
const REST_MAX_S: i64 = 366 * DAY_S;
/// Hours of a day, and days of a week, that may be left out: one is left.
const HOURS_MAX: usize = 23;
const DAYS_MAX: usize = 6;

/// What a feed says about when to ask for it again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// For how long it does not change (`ttl`, `sy:updatePeriod` by `sy:updateFrequency`), in seconds.
    pub rest_s: Option<i64>,
    /// Hours of the day, in UTC, at which it does not change (`skipHours`). Never all of them.
    pub skip_hours: BTreeSet<i8>,
    /// Days of the week, Monday 1 to Sunday 7, on which it does not change (`skipDays`). Never all of them.
    pub skip_days: BTreeSet<i8>,
}

/// Reads a schedule, element after element of a channel.
#[derive(Default)]
pub(super) struct Reading {
    schedule: Schedule,
    period_s: Option<i64>,
    frequency: Option<i64>,
}

impl Reading {
    /// The minutes of `ttl`.
    pub(super) fn ttl(&mut self, element: &Element) {
        let minutes = element.text().parse::<i64>().ok().filter(|minutes| *minutes > 0);
        let rest_s = minutes.map(|minutes| minutes.saturating_mul(MINUTE_S).min(REST_MAX_S));
        self.schedule.rest_s = self.schedule.rest_s.max(rest_s);
    }

    pub(super) fn update_period(&mut self, element: &Element) {
        self.period_s = match &*element.text().to_lowercase() {
            "hourly" => Some(HOUR_S),
            "daily" => Some(DAY_S),
            "weekly" => Some(7 * DAY_S),
            "monthly" => Some(30 * DAY_S),
            "yearly" => Some(365 * DAY_S),
            _ => None,
        };
    }

    /// How often in the period.
    pub(super) fn update_frequency(&mut self, element: &Element) {
        self.frequency = element.text().parse().ok().filter(|frequency| *frequency > 0);
    }

    pub(super) fn skip_hours(&mut self, element: &Element) {
        let hours = element.elements().filter(|hour| &*hour.name == "hour");
        // Some count from 1 to 24.
        let hours =
            hours.filter_map(|hour| hour.text().parse::<i8>().ok()).filter(|hour| (0..=24).contains(hour));
        let hours: BTreeSet<i8> = hours.map(|hour| hour % 24).collect();
        if hours.len() <= HOURS_MAX {
            self.schedule.skip_hours = hours;
        }
    }

    pub(super) fn skip_days(&mut self, element: &Element) {
        const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
        let days = element.elements().filter(|day| &*day.name == "day").filter_map(|day| {
            let name = day.text().to_lowercase();
            let at = DAYS.iter().position(|day| name.starts_with(day))?;
            i8::try_from(at + 1).ok()
        });
        let days: BTreeSet<i8> = days.collect();
        if days.len() <= DAYS_MAX {
            self.schedule.skip_days = days;
        }
    }

    pub(super) fn done(mut self) -> Schedule {
        // The defaults of the module: once in a day.
        if self.period_s.is_some() || self.frequency.is_some() {
            let rest_s = self.period_s.unwrap_or(DAY_S) / self.frequency.unwrap_or(1);
            self.schedule.rest_s = self.schedule.rest_s.max(Some(rest_s).filter(|rest_s| *rest_s > 0));
        }
        self.schedule
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feeds::{feed::Flaws, xml};

    fn schedule(channel: &str) -> Schedule {
        let root = xml::read(&format!("<channel>{channel}</channel>"), &mut Flaws::default()).unwrap();
        let mut reading = Reading::default();
        for element in root.elements() {
            match &*element.name {
                "ttl" => reading.ttl(element),
                "updateperiod" => reading.update_period(element),
                "updatefrequency" => reading.update_frequency(element),
                "skiphours" => reading.skip_hours(element),
                "skipdays" => reading.skip_days(element),
                name => panic!("{name}"),
            }
        }
        reading.done()
    }

    #[test]
    fn the_longest_rest_counts() {
        for (channel, rest_s) in [
            ("", None),
            ("<ttl>90</ttl>", Some(5_400)),
            ("<ttl> 90\n</ttl>", Some(5_400)),
            ("<ttl>-1</ttl>", None),
            ("<ttl>9223372036854775807</ttl>", Some(REST_MAX_S)),
            ("<ttl>soon</ttl>", None),
            ("<updatePeriod>hourly</updatePeriod><updateFrequency>2</updateFrequency>", Some(1_800)),
            ("<updatePeriod>hourly</updatePeriod><ttl>5</ttl>", Some(3_600)),
            ("<updateFrequency>4</updateFrequency>", Some(21_600)),
            ("<updateFrequency>0</updateFrequency>", None),
            ("<updateFrequency>9223372036854775807</updateFrequency>", None),
        ] {
            assert_eq!(schedule(channel).rest_s, rest_s, "{channel}");
        }
    }

    #[test]
    fn hours_and_days_that_are_left_out_never_are_all() {
        let found = schedule(
            "<skipHours><hour>0</hour><hour>24</hour><hour>7</hour><hour>99</hour></skipHours>\
             <skipDays><day>Saturday</day><day>sun</day><day>x</day></skipDays>",
        );
        assert_eq!(found.skip_hours, BTreeSet::from([0, 7]));
        assert_eq!(found.skip_days, BTreeSet::from([6, 7]));
        let all: String = (0..24).map(|hour| format!("<hour>{hour}</hour>")).collect();
        assert_eq!(schedule(&format!("<skipHours>{all}</skipHours>")), Schedule::default());
    }
}
