use proptest::prelude::*;

use super::super::silence::{Counts, Expected, TIME_MAX_S, WEEKS_MIN, expected, hour_of};
use super::*;

const HOUR: i64 = 3_600;
const WEEK: i64 = 7 * 24 * HOUR;

/// So many in each hour of so many weeks before `now`, but for the last `quiet` hours.
fn steady(now: Timestamp, weeks: i64, quiet: i64, count: impl Fn(i64) -> u64) -> Counts {
    let last = hour_of(now) - quiet;
    (last - weeks * 7 * 24..=last).map(|hour| (hour, count(hour))).collect()
}

fn looked_up(counts: &Counts, now: Timestamp, quiet_s: i64) -> Option<Expected> {
    expected(counts, now.plus_seconds(-quiet_s), now)
}

#[test]
fn nothing_is_said_before_an_account_is_known() {
    let now = at(100 * WEEK);
    assert_eq!(looked_up(&Counts::new(), now, HOUR), None);
    assert_eq!(looked_up(&steady(now, 3, 2, |_| 1_000), now, HOUR), None);
    let known = looked_up(&steady(now, 5, 2, |_| 1_000), now, HOUR).unwrap();
    assert!(known.is_silence() && known.weeks >= WEEKS_MIN, "{known:?}");
}

#[test]
fn a_busy_account_is_judged_soon_and_a_small_one_late() {
    let now = at(100 * WEEK);
    let silent = |per_hour: u64, quiet_s: i64| {
        looked_up(&steady(now, 9, 30, |_| per_hour), now, quiet_s).unwrap().is_silence()
    };
    // 60 in an hour: 13.8 are due after 14 minutes.
    assert_eq!((silent(60, 13 * 60), silent(60, 14 * 60)), (false, true));
    // One in an hour: after 14 hours.
    assert_eq!((silent(1, 13 * HOUR), silent(1, 14 * HOUR)), (false, true));
    assert!(!silent(0, 24 * HOUR));
}

#[test]
fn nights_are_not_silence() {
    let now = at(100 * WEEK + 6 * HOUR);
    // From 8 to 20 o'clock 50 in an hour; at night nothing.
    let by_day = |hour: i64| if (8..20).contains(&hour.rem_euclid(24)) { 50 } else { 0 };
    let counts = steady(now, 9, 10, by_day);
    assert_eq!(looked_up(&counts, now, 10 * HOUR).unwrap().count, 0.0);
    let noon = at(100 * WEEK + 12 * HOUR);
    let counts = steady(noon, 9, 4, by_day);
    assert!(looked_up(&counts, noon, 3 * HOUR).unwrap().is_silence());
}

#[test]
fn one_strange_week_changes_nothing() {
    let now = at(100 * WEEK);
    let campaign = |hour: i64| if hour < hour_of(now) - 7 * 24 * 7 { 9_000 } else { 2 };
    let with = looked_up(&steady(now, 8, 3, campaign), now, 3 * HOUR).unwrap();
    assert!((with.count - 6.0).abs() < 1e-9, "{with:?}");
    // What varies as much is no proof, however much the middle is.
    assert!(with.dispersion > 1_000.0);
    let outage = |hour: i64| if hour < hour_of(now) - 7 * 24 * 7 { 0 } else { 100 };
    let with = looked_up(&steady(now, 8, 3, outage), now, 3 * HOUR).unwrap();
    assert!((with.count - 300.0).abs() < 1e-9, "{with:?}");
}

#[test]
fn a_long_silence_is_compared_with_its_end() {
    let now = at(100 * WEEK);
    let counts = steady(now, 8, 24, |_| 1);
    let long = expected(&counts, at(0), now).unwrap();
    let week = looked_up(&counts, now, TIME_MAX_S);
    assert_eq!(Some(long), week);
}

proptest! {
    /// Whatever the counts and times are: no panic, nothing below nothing, and the longer the silence the more was due.
    #[test]
    fn any_counts_and_times_give_an_answer_or_none(
        counts in proptest::collection::btree_map(-5_000i64..5_000, any::<u32>().prop_map(u64::from), 0..60),
        end in -20_000_000i64..20_000_000, short in 0i64..800_000, more in 0i64..800_000,
    ) {
        let (to, middle) = (at(end), at(end - short));
        let (one, other) = (expected(&counts, middle, to), expected(&counts, at(end - short - more), to));
        for known in [one, other].into_iter().flatten() {
            prop_assert!(known.count >= 0.0 && known.count.is_finite());
            prop_assert!(known.dispersion >= 1.0 && known.dispersion.is_finite());
        }
        if let (Some(one), Some(other)) = (one, other) && one.weeks == other.weeks {
            prop_assert!(other.count >= one.count - 1e-6);
        }
        let _ = expected(&counts, Timestamp::MAX, Timestamp::MIN);
        let _ = expected(&counts, Timestamp::MIN, Timestamp::MAX);
    }
}
