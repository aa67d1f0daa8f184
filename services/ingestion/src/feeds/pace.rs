//! When a feed is asked again. No randomness: an account always waits alike, and two hardly ever do.

use std::collections::BTreeSet;

use domain::{ids::AccountId, time::Timestamp};
use jiff::tz::TimeZone;
use sha2::{Digest, Sha256};

use super::{dates, schedule::Schedule};

/// The shortest time between two requests, in seconds, whatever the settings say.
pub const INTERVAL_MIN_S: i64 = 60;
/// The longest rest that a publisher is given, in seconds, whatever it asks for.
pub const REST_MAX_S: i64 = 24 * 60 * 60;
/// How much later hours and days that are left out may make a request, in seconds.
pub const SKIPPED_MAX_S: i64 = 3 * 24 * 60 * 60;
/// The longest wait after failures, in seconds.
pub const BACKOFF_MAX_S: i64 = 24 * 60 * 60;
/// The longest `Retry-After` that is kept, in seconds.
pub const RETRY_AFTER_MAX_S: i64 = 24 * 60 * 60;
/// Of those who say nothing of when they rest.
pub(crate) const NO_SCHEDULE: Schedule =
    Schedule { rest_s: None, skip_hours: BTreeSet::new(), skip_days: BTreeSet::new() };
/// The part of a wait that accounts may differ by.
const JITTER_PART: i64 = 10;
const HOUR_S: i64 = 60 * 60;
/// Doublings after which a wait is at its longest, whatever it began with.
const DOUBLINGS_MAX: u32 = 16;

/// When to ask again after an answer: not before any of the publisher, the server and the settings wants it.
pub(crate) fn after_success(
    account: &AccountId,
    interval_s: i64,
    schedule: &Schedule,
    max_age_s: Option<i64>,
    now: Timestamp,
) -> Timestamp {
    let asked = schedule.rest_s.max(max_age_s).unwrap_or_default().min(REST_MAX_S);
    let wait_s = interval_s.max(asked).max(INTERVAL_MIN_S);
    awake(now.plus_seconds(wait_s + jitter_s(account, wait_s)), schedule)
}

/// When to ask again after so many failures in a row: twice as late each time, up to `longest_s`.
pub(crate) fn after_failure(
    account: &AccountId,
    (interval_s, longest_s): (i64, i64),
    failures: u32,
    retry_after_s: Option<i64>,
    now: Timestamp,
) -> Timestamp {
    let doubled =
        interval_s.max(INTERVAL_MIN_S).saturating_mul(1 << failures.saturating_sub(1).min(DOUBLINGS_MAX));
    // Settings may ask less often than that, but failing is no reason to ask more often.
    let wait_s = doubled.min(longest_s.max(interval_s));
    let wait_s = wait_s.max(retry_after_s.unwrap_or_default().min(RETRY_AFTER_MAX_S));
    now.plus_seconds(wait_s + jitter_s(account, wait_s))
}

/// The first moment of an account: spread over its interval, so that a start asks few at once.
pub(crate) fn first(account: &AccountId, interval_s: i64, now: Timestamp) -> Timestamp {
    now.plus_seconds(jitter_s(account, interval_s.clamp(INTERVAL_MIN_S, REST_MAX_S)))
}

/// `Retry-After` in seconds from now: a number, or a date.
pub(crate) fn retry_after_s(value: &str, now: Timestamp) -> Option<i64> {
    let value = value.trim();
    let seconds = value.parse::<i64>().ok().or_else(|| Some(dates::parse(value)?.seconds_since(now)));
    seconds.filter(|seconds| *seconds > 0)
}

/// How long an answer stays fresh (`Cache-Control: max-age`), in seconds. One that must not be kept at all says nothing of that.
pub(super) fn max_age_s(cache_control: &str) -> Option<i64> {
    let mut directives = cache_control.split(',').map(|directive| directive.trim().to_ascii_lowercase());
    let age =
        directives.find_map(|directive| directive.strip_prefix("max-age=")?.trim_matches('"').parse().ok());
    age.filter(|age: &i64| *age > 0)
}

/// Up to a tenth of a wait, always the same for an account.
fn jitter_s(account: &AccountId, wait_s: i64) -> i64 {
    let digest = Sha256::digest(account.as_str());
    let chosen = i64::from(u16::from_be_bytes([digest[0], digest[1]]));
    (wait_s / JITTER_PART).saturating_mul(chosen) / i64::from(u16::MAX)
}

/// The moment, or the first later one at which the feed is not said to rest.
fn awake(at: Timestamp, schedule: &Schedule) -> Timestamp {
    let rests = |at: Timestamp| {
        let at = at.to_jiff().to_zoned(TimeZone::UTC);
        schedule.skip_hours.contains(&at.hour())
            || schedule.skip_days.contains(&at.weekday().to_monday_one_offset())
    };
    let later = (0..=SKIPPED_MAX_S / HOUR_S).map(|hours| at.plus_seconds(hours * HOUR_S));
    later.into_iter().find(|at| !rests(*at)).unwrap_or_else(|| at.plus_seconds(SKIPPED_MAX_S))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(id: &str) -> AccountId {
        id.parse().unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    const HOURLY: i64 = HOUR_S;

    #[test]
    fn the_longest_wait_that_anybody_asks_for_counts_within_bounds() {
        let now = at("2026-03-02T10:00:00Z");
        let rest = |rest_s| Schedule { rest_s, ..Schedule::default() };
        let account = account("press");
        for (interval_s, rest_s, max_age_s, expected_s) in [
            (HOURLY, None, None, HOURLY),
            (HOURLY, Some(2 * HOUR_S), None, 2 * HOUR_S),
            (HOURLY, Some(60), Some(3 * HOUR_S), 3 * HOUR_S),
            (HOURLY, Some(i64::MAX), None, REST_MAX_S),
            (HOURLY, None, Some(i64::MAX), REST_MAX_S),
            (0, None, None, INTERVAL_MIN_S),
            (i64::MIN, Some(-5), Some(-5), INTERVAL_MIN_S),
        ] {
            let wait_s =
                after_success(&account, interval_s, &rest(rest_s), max_age_s, now).seconds_since(now);
            assert!(
                (expected_s..=expected_s + expected_s / JITTER_PART).contains(&wait_s),
                "{wait_s} {expected_s}"
            );
        }
    }

    #[test]
    fn failures_wait_twice_as_long_each_time_up_to_a_day() {
        let now = at("2026-03-02T10:00:00Z");
        let account = account("press");
        let mut before = 0;
        for failures in 1..40 {
            let wait_s =
                after_failure(&account, (HOURLY, BACKOFF_MAX_S), failures, None, now).seconds_since(now);
            assert!(
                wait_s >= before && wait_s <= BACKOFF_MAX_S + BACKOFF_MAX_S / JITTER_PART,
                "{failures}: {wait_s}"
            );
            before = wait_s;
        }
        assert!(before >= BACKOFF_MAX_S);
        let asked =
            after_failure(&account, (HOURLY, BACKOFF_MAX_S), 1, Some(5 * HOUR_S), now).seconds_since(now);
        assert!((5 * HOUR_S..6 * HOUR_S).contains(&asked));
        let asked = after_failure(&account, (HOURLY, BACKOFF_MAX_S), u32::MAX, Some(i64::MAX), now)
            .seconds_since(now);
        assert!(asked <= RETRY_AFTER_MAX_S + RETRY_AFTER_MAX_S / JITTER_PART);
        // Whoever is asked once a week is not asked daily because of a failure.
        assert!(
            after_failure(&account, (7 * 24 * HOUR_S, BACKOFF_MAX_S), 1, None, now).seconds_since(now)
                >= 7 * 24 * HOUR_S
        );
    }

    #[test]
    fn an_account_always_waits_alike_and_others_otherwise() {
        let waits: Vec<_> = (0..50).map(|n| jitter_s(&account(&format!("feed-{n}")), HOURLY)).collect();
        assert_eq!(
            waits,
            (0..50).map(|n| jitter_s(&account(&format!("feed-{n}")), HOURLY)).collect::<Vec<_>>()
        );
        assert!(waits.iter().all(|wait| (0..=HOURLY / JITTER_PART).contains(wait)));
        assert!(waits.iter().collect::<BTreeSet<_>>().len() > 30);
    }

    #[test]
    fn hours_and_days_of_rest_are_left_out() {
        let schedule = Schedule { rest_s: None, skip_hours: [10, 11].into(), skip_days: [6, 7].into() };
        // A Monday, and a Saturday.
        assert_eq!(awake(at("2026-03-02T10:30:00Z"), &schedule), at("2026-03-02T12:30:00Z"));
        assert_eq!(awake(at("2026-03-07T08:30:00Z"), &schedule), at("2026-03-09T00:30:00Z"));
        assert_eq!(awake(at("2026-03-02T09:30:00Z"), &schedule), at("2026-03-02T09:30:00Z"));
        let long = Schedule { skip_days: [1, 2, 3, 4, 5, 6].into(), ..Schedule::default() };
        let start = at("2026-03-02T10:30:00Z");
        assert_eq!(awake(start, &long), start.plus_seconds(SKIPPED_MAX_S));
    }

    #[test]
    fn headers_are_read_or_left() {
        let now = at("2026-03-02T10:00:00Z");
        for (value, expected) in [
            ("120", Some(120)),
            (" 120 ", Some(120)),
            ("Mon, 02 Mar 2026 11:00:00 GMT", Some(3_600)),
            ("Mon, 02 Mar 2026 09:00:00 GMT", None),
            ("-1", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(retry_after_s(value, now), expected, "{value}");
        }
        for (value, expected) in [
            ("max-age=600", Some(600)),
            ("public, Max-Age=600, must-revalidate", Some(600)),
            ("max-age=\"600\"", Some(600)),
            ("s-maxage=600", None),
            ("max-age=0", None),
            ("max-age=-1", None),
            ("max-age=99999999999999999999", None),
            ("no-store", None),
        ] {
            assert_eq!(max_age_s(value), expected, "{value}");
        }
    }
}
