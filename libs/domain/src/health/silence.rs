//! Whether an account is quieter than it ever is at this time of the week.
//!
//! What used to come in as long a time as nothing has come now is looked up in the account's own past weeks, at the same
//! hours of the week. The middle one of them is believed, so that one week with a campaign, or with an outage, changes
//! nothing. If `n` messages are expected and come independently (Poisson), none comes with the probability `exp(-n)`. They
//! do not come independently: by as much as past weeks vary more than that law lets them, `n` counts for less
//! (the quasi-Poisson's index of dispersion, variance over mean). It is silence when that probability is below one in a
//! million; an account that gets little is judged after a longer time, and never before it is known for some weeks.

use std::collections::BTreeMap;

use crate::time::Timestamp;

/// Past weeks that are looked up.
pub const WEEKS_MAX: u32 = 8;
/// With fewer nothing is said.
pub const WEEKS_MIN: u32 = 4;
/// The longest time that is compared; of a longer one the end is.
pub const TIME_MAX_S: i64 = 7 * 24 * 3_600;
/// The natural logarithm of how unlikely a silence is: 10⁶.
const UNLIKELY: f64 = 13.815_510_557_964_274;

const HOUR_S: i64 = 3_600;
const MICROS: i64 = 1_000_000;
const WEEK_HOURS: i64 = 7 * 24;

/// Messages by the hour in which they came in, in hours since 1970. An hour that is not there had none.
pub type Counts = BTreeMap<i64, u64>;

/// What used to come in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Expected {
    /// How many.
    pub count: f64,
    /// By how much past weeks vary more than chance would have it, at least 1.
    pub dispersion: f64,
    /// In how many past weeks it was looked up.
    pub weeks: u32,
}

impl Expected {
    /// Whether it is silence that nothing came.
    pub fn is_silence(&self) -> bool {
        self.count / self.dispersion >= UNLIKELY
    }
}

/// The hour of an instant, in hours since 1970.
pub fn hour_of(at: Timestamp) -> i64 {
    at.as_microsecond().div_euclid(HOUR_S * MICROS)
}

/// What used to come in between these instants' times of the week. `None`: the account is not known for long enough.
pub fn expected(counts: &Counts, from: Timestamp, to: Timestamp) -> Option<Expected> {
    let from = from.max(to.plus_seconds(-TIME_MAX_S));
    let (first, from_h, to_h) = (*counts.keys().next()?, hours(from), hours(to));
    let mut weeks: Vec<f64> = (1..=i64::from(WEEKS_MAX))
        .map(|week| week * WEEK_HOURS)
        .filter(|ago| hour_of(from) - ago >= first)
        .map(|ago| sum(counts, from_h - as_f64(ago), to_h - as_f64(ago)))
        .collect();
    let known = u32::try_from(weeks.len()).unwrap_or(WEEKS_MAX);
    if known < WEEKS_MIN {
        return None;
    }
    weeks.sort_by(f64::total_cmp);
    // Of two in the middle the lower one.
    let count = weeks.get((weeks.len() - 1) / 2).copied().unwrap_or_default();
    let mean = weeks.iter().sum::<f64>() / f64::from(known);
    let variance = weeks.iter().map(|week| (week - mean).powi(2)).sum::<f64>() / f64::from(known - 1);
    let dispersion = if mean > 0.0 { (variance / mean).max(1.0) } else { 1.0 };
    Some(Expected { count, dispersion, weeks: known })
}

/// What came between these hours; of an hour that lies in it in part, that part.
fn sum(counts: &Counts, from: f64, to: f64) -> f64 {
    let within = |hour: i64| (to.min(as_f64(hour) + 1.0) - from.max(as_f64(hour))).clamp(0.0, 1.0);
    let (first, last) = (whole(from), whole(to));
    if first > last {
        return 0.0;
    }
    counts.range(first..=last).map(|(hour, count)| within(*hour) * as_count(*count)).sum()
}

fn hours(at: Timestamp) -> f64 {
    let micros = at.as_microsecond();
    let (hour, rest) = (micros.div_euclid(HOUR_S * MICROS), micros.rem_euclid(HOUR_S * MICROS));
    as_f64(hour) + as_f64(rest) / as_f64(HOUR_S * MICROS)
}

#[expect(clippy::cast_possible_truncation, reason = "hours since 1970 are few")]
fn whole(hours: f64) -> i64 {
    hours.floor() as i64
}

#[expect(clippy::cast_precision_loss, reason = "hours since 1970, and the microseconds of one, are few")]
fn as_f64(number: i64) -> f64 {
    number as f64
}

#[expect(clippy::cast_precision_loss, reason = "a count of messages is an estimate here")]
fn as_count(number: u64) -> f64 {
    number as f64
}
