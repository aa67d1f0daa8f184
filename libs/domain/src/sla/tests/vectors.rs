//! The vectors: instants that an independent time-zone library gave.

use jiff::civil::date;

use super::*;

/// The deadline of a resolution.
fn due(calendar: Calendar, start: &str, seconds: i64) -> Timestamp {
    let mut policy = policy("vector");
    policy.targets.insert(Kind::Resolution, target(seconds, Measure::Business));
    let clocks = Story::default().asked(start).clocks(&book(vec![policy], calendar), start);
    clock(&clocks, Kind::Resolution).due.expect("a deadline")
}

#[test]
fn v1_over_a_weekend_in_which_summer_time_begins() {
    assert_eq!(due(paris(&[]), "2026-03-27T16:30:00+01:00", 2 * 3600), at("2026-03-30T08:30:00Z"));
}

#[test]
fn v2_a_night_of_seven_hours() {
    assert_eq!(due(nightly(), "2026-03-28T22:00:00+01:00", 7 * 3600), at("2026-03-29T06:00:00+02:00"));
}

#[test]
fn v3_a_night_of_nine_hours() {
    assert_eq!(due(nightly(), "2026-10-24T22:00:00+02:00", 7 * 3600), at("2026-10-25T04:00:00+01:00"));
    assert_eq!(due(nightly(), "2026-10-24T22:00:00+02:00", 9 * 3600), at("2026-10-25T06:00:00+01:00"));
}

#[test]
fn v4_a_pause_over_a_night() {
    let book = book(vec![usual()], paris(&[]));
    let story = Story::default()
        .asked("2026-04-06T09:00:00+02:00")
        .status("2026-04-06T11:00:00+02:00", Status::Pending)
        .status("2026-04-07T10:00:00+02:00", Status::Open);
    let resolution = clock(&story.clocks(&book, "2026-04-07T10:00:00+02:00"), Kind::Resolution);
    assert_eq!((resolution.consumed, resolution.remaining), (2 * HOUR, Some(6 * HOUR)));
    assert_eq!(resolution.due, Some(at("2026-04-07T17:00:00+02:00")));
}

#[test]
fn v5_a_holiday() {
    let easter = paris(&[date(2026, 4, 6)]);
    assert_eq!(due(easter, "2026-04-03T16:00:00+02:00", 3 * 3600), at("2026-04-07T11:00:00+02:00"));
}

#[test]
fn v6_on_the_other_side_of_the_world() {
    assert_eq!(due(sao_paulo(), "2026-04-03T21:30:00Z", 3600), at("2026-04-06T13:00:00Z"));
}

#[test]
fn v7_no_time_at_all_on_a_weekend() {
    assert_eq!(due(paris(&[]), "2026-04-04T11:00:00+02:00", 0), at("2026-04-06T09:00:00+02:00"));
}

#[test]
fn v8_a_minute_in_the_lunch_break() {
    assert_eq!(due(paris(&[]), "2026-04-07T12:30:00+02:00", 60), at("2026-04-07T13:01:00+02:00"));
}

#[test]
fn calendar_time_counts_weekends() {
    let mut policy = policy("vector");
    policy.targets.insert(Kind::Resolution, target(3 * 24 * 3600, Measure::Calendar));
    let start = "2026-04-03T16:00:00+02:00";
    let clocks = Story::default().asked(start).clocks(&book(vec![policy], paris(&[])), start);
    let resolution = clock(&clocks, Kind::Resolution);
    assert_eq!(resolution.due, Some(at("2026-04-06T16:00:00+02:00")));
    assert_eq!(resolution.due_both.calendar, resolution.due);
    // 72 open hours at 7 a day are ten days and two hours more.
    assert_eq!(resolution.due_both.business, Some(at("2026-04-20T10:00:00+02:00")));
}
