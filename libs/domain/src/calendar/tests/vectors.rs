//! The vectors of the SLA clocks, as far as they are about the calendar, and what the documentation promises of edges.

use super::*;

const HOUR: i64 = 3_600_000_000;
const MINUTE: i64 = 60_000_000;

fn after(calendar: &Calendar, from: &str, open: i64) -> String {
    calendar.after(time(from), open).unwrap().to_string()[..16].to_owned()
}

#[test]
fn v1_to_v8() {
    let a = made(office());
    assert_eq!(after(&a, "2026-03-27T15:30:00Z", 2 * HOUR), "2026-03-30T08:30", "V1");
    let nightly = made(weekly("Europe/Paris", "mon-sun", &["22:00-06:00"]));
    assert_eq!(after(&nightly, "2026-03-28T21:00:00Z", 7 * HOUR), "2026-03-29T04:00", "V2");
    let (from, to) = (time("2026-03-28T21:00:00Z"), time("2026-03-29T04:00:00Z"));
    assert_eq!(nightly.between(from, to), 7 * HOUR, "V2");
    assert_eq!(after(&nightly, "2026-10-24T20:00:00Z", 7 * HOUR), "2026-10-25T03:00", "V3");
    assert_eq!(after(&nightly, "2026-10-24T20:00:00Z", 9 * HOUR), "2026-10-25T05:00", "V3");
    let consumed = a.between(time("2026-04-06T07:00:00Z"), time("2026-04-06T09:00:00Z"));
    assert_eq!(consumed, 2 * HOUR, "V4");
    assert_eq!(after(&a, "2026-04-07T08:00:00Z", 8 * HOUR - consumed), "2026-04-07T15:00", "V4");
    let mut easter = office();
    easter.holidays = vec!["FR".parse().unwrap()];
    let easter = made(easter);
    assert_eq!(after(&easter, "2026-04-03T14:00:00Z", 3 * HOUR), "2026-04-07T09:00", "V5");
    let brazil = made(weekly("America/Sao_Paulo", "mon-fri", &["09:00-18:00"]));
    assert_eq!(after(&brazil, "2026-04-03T21:30:00Z", HOUR), "2026-04-06T13:00", "V6");
    assert_eq!(after(&a, "2026-04-04T09:00:00Z", 0), "2026-04-06T07:00", "V7");
    assert_eq!(after(&a, "2026-04-07T10:30:00Z", MINUTE), "2026-04-07T11:01", "V8");
}

#[test]
fn a_shift_belongs_to_the_date_on_which_it_begins() {
    let mut rules = weekly("Europe/Paris", "mon-sun", &["22:00-06:00"]);
    rules.holidays = vec!["FR".parse().unwrap()];
    let nightly = made(rules.clone());
    assert!(nightly.is_open(time("2026-12-25T02:00:00Z")), "begun on the 24th");
    assert!(!nightly.is_open(time("2026-12-25T22:00:00Z")), "it does not begin");
    assert!(!nightly.is_open(time("2026-12-26T02:00:00Z")), "nor does its second half");
    assert_eq!(nightly.next_open(time("2026-12-25T06:00:00Z")), Some(time("2026-12-26T21:00:00Z")));
    let morning = Closing { name: "Christmas".into(), hours: hours(&["00:00-06:00"]) };
    rules.closings.insert(date("2026-12-25"), vec![morning]);
    let cut = made(rules);
    assert_eq!(cut.next_change(time("2026-12-24T22:00:00Z")), Some(time("2026-12-24T23:00:00Z")));
    let exception = cut.exception(date("2026-12-25")).unwrap();
    assert_eq!((exception.why, &*exception.name), (Why::Holiday, "Christmas Day"));
}

#[test]
fn edges_in_gaps_and_folds() {
    // Clocks go from 02:00 to 03:00 on 29 March and from 03:00 to 02:00 on 25 October.
    let open = |texts: &[&str], from: &str, to: &str| {
        let calendar = made(weekly("Europe/Paris", "mon-sun", texts));
        let line = |(from, to): (Timestamp, Timestamp)| {
            format!("{}-{}", &from.to_string()[11..16], &to.to_string()[11..16])
        };
        calendar.intervals(time(from), time(to)).map(line).collect::<Vec<_>>()
    };
    let gap = |texts: &[&str]| open(texts, "2026-03-29T00:00:00Z", "2026-03-29T12:00:00Z");
    assert_eq!(gap(&["02:30-05:00"]), ["01:00-03:00"], "from the change on");
    assert_eq!(gap(&["01:30-02:30"]), ["00:30-01:00"], "until the change");
    assert_eq!(gap(&["02:10-02:50"]), [""; 0], "it does not happen");
    let fold = |texts: &[&str]| open(texts, "2026-10-24T22:00:00Z", "2026-10-25T12:00:00Z");
    assert_eq!(fold(&["02:30-05:00"]), ["00:30-04:00"], "from the first time on");
    assert_eq!(fold(&["01:30-02:30"]), ["23:30-01:30"], "until the last time");
    assert_eq!(
        fold(&["00:00-02:00"]),
        ["22:00-00:00"],
        "what begins there twice is not shown twice from below"
    );
    assert_eq!(fold(&["03:00-04:00"]), ["02:00-03:00"]);
}

#[test]
fn always_is_always() {
    let always = Calendar::always();
    let (from, to) = (time("2026-04-04T09:00:00Z"), time("2031-04-04T09:00:00Z"));
    assert_eq!(always.between(from, to), to.as_microsecond() - from.as_microsecond());
    assert_eq!(
        (always.after(from, 5), always.next_change(from)),
        (Timestamp::from_microsecond(from.as_microsecond() + 5), None)
    );
    assert_eq!(always.intervals(from, to).collect::<Vec<_>>(), [(from, to)]);
    assert_eq!(always.intervals(to, from).count(), 0);
    let week = made(weekly("UTC", "mon-sun", &["00:00-24:00"]));
    assert_eq!(week.between(from, to), always.between(from, to));
    assert_eq!(week.next_change(from), None);
    assert_eq!(week.intervals(from, to).collect::<Vec<_>>(), [(from, to)]);
}

#[test]
fn the_ends_of_time_and_much_of_it_are_bounded() {
    let a = made(office());
    assert_eq!(a.after(Timestamp::MAX, HOUR), None);
    assert_eq!(a.after(time("2026-01-01T00:00:00Z"), i64::MAX), None);
    assert!(a.between(Timestamp::MIN, Timestamp::MAX) > 0);
    assert_eq!(a.between(Timestamp::MAX, Timestamp::MIN), 0);
    let _ = (a.next_open(Timestamp::MAX), a.next_change(Timestamp::MIN), a.is_open(Timestamp::MIN));
    assert!(time_zone_version().starts_with("20") && !super::super::holidays::version().is_empty());
}

#[test]
fn a_calendar_that_stays_closed_is_none() {
    assert!(Calendar::new(Rules::new("UTC").unwrap()).is_err());
    let mut sundays = weekly("UTC", "sun", &["10:00-12:00"]);
    let closing = || vec![Closing { name: "Works".into(), hours: Vec::new() }];
    let closed = |weeks: i64| {
        let sunday = |week: i64| date("2026-01-04") + jiff::Span::new().weeks(week);
        (0..weeks).map(|week| (sunday(week), closing())).collect()
    };
    sundays.closings = closed(52);
    assert!(Calendar::new(sundays.clone()).is_ok());
    sundays.closings = closed(60);
    assert_eq!(Calendar::new(sundays).unwrap_err().from, date("2025-12-28"));
    // Of the one day a year it is a holiday.
    let mut easter = Rules::new("UTC").unwrap();
    easter.holidays = vec!["FR".parse().unwrap()];
    assert!(Calendar::new(easter).is_err());
}
