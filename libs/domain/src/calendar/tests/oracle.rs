//! The arithmetic against a slow oracle that looks at every minute. A failure prints its seed and the smallest calendar.

use std::collections::BTreeMap;

use jiff::{
    ToSpan,
    civil::DateTime,
    tz::{TimeZone, TimeZoneDatabase},
};
use proptest::{collection::vec, prelude::*, sample::select};

use super::*;

const MINUTE: i64 = 60_000_000;
/// So many minutes the oracle looks at: 16 days.
const WINDOW: usize = 16 * 24 * 60;

/// Zones, each with a day around which something odd happens.
const PLACES: [(&str, &str); 13] = [
    ("Europe/Paris", "2026-03-29"),
    ("Europe/Paris", "2026-10-25"),
    ("Australia/Lord_Howe", "2026-04-05"),
    ("Australia/Lord_Howe", "2026-10-04"),
    ("Asia/Kathmandu", "2026-06-01"),
    ("Pacific/Apia", "2011-12-30"),
    ("America/Sao_Paulo", "2018-11-04"),
    ("America/Sao_Paulo", "2018-02-18"),
    ("Africa/Casablanca", "2026-02-15"),
    ("Africa/Casablanca", "2026-03-22"),
    ("Antarctica/Troll", "2026-03-29"),
    ("Antarctica/Troll", "2026-10-25"),
    ("America/St_Johns", "2006-10-29"),
];

fn some_hours() -> impl Strategy<Value = Vec<Hours>> + Clone {
    let one = (0u16..96, 1u16..97).prop_map(|(start, long)| {
        let end = start + long.min(96);
        let end = if end > 96 { end - 96 } else { end };
        let text = format!("{:02}:{:02}-{:02}:{:02}", start / 4, start % 4 * 15, end / 4, end % 4 * 15);
        text.parse::<Hours>().unwrap()
    });
    vec(one, 0..4)
}

/// Rules, and the day around which they are looked at.
fn some_rules() -> impl Strategy<Value = (Rules, Date)> {
    let days = (-8i64..9, some_hours());
    (
        select(&PLACES[..]),
        proptest::array::uniform7(some_hours()),
        vec(days.clone(), 0..3),
        vec(days, 0..3),
        any::<bool>(),
    )
        .prop_map(|((zone, day), week, closed, special, french)| {
            let (mut rules, day) = (Rules::new(zone).unwrap(), date(day));
            rules.week = week;
            if french {
                rules.holidays = vec!["FR".parse().unwrap(), "CH-GE".parse().unwrap()];
            }
            for (days, hours) in closed {
                rules.closings.insert(day + days.days(), vec![Closing { name: "Closed".into(), hours }]);
            }
            for (days, hours) in special {
                rules.special.insert(day + days.days(), Special { name: "Special".into(), hours });
            }
            (rules, day)
        })
        .prop_filter("it opens", |(rules, _)| Calendar::new(rules.clone()).is_ok())
}

/// For each minute of a window, whether it is open.
///
/// It knows nothing of gaps and folds: hours have begun once the wall has shown their start or more, and have not ended as
/// long as it will show less than their end.
fn minutes(rules: &Rules, zone: &TimeZone, from: i64) -> Vec<bool> {
    const AROUND: usize = 4 * 24 * 60;
    let wall: Vec<DateTime> = (0..WINDOW + 2 * AROUND)
        .map(|minute| from + (minute as i64 - AROUND as i64) * MINUTE)
        .map(|at| zone.to_datetime(jiff::Timestamp::from_microsecond(at).unwrap()))
        .collect();
    let mut shown = wall.clone();
    for index in 1..shown.len() {
        shown[index] = shown[index].max(shown[index - 1]);
    }
    let mut to_come = wall.clone();
    for index in (0..wall.len() - 1).rev() {
        to_come[index] = to_come[index].min(to_come[index + 1]);
    }
    let holidays =
        |date: Date| rules.holidays.iter().any(|place| place.holidays(date.year()).contains_key(&date));
    let mut known: BTreeMap<Date, (Vec<Hours>, Vec<Hours>)> = BTreeMap::new();
    let mut of = |date: Date| {
        let compute = || {
            let closings: Vec<&Closing> = rules.closings.get(&date).into_iter().flatten().collect();
            let closed = closings.iter().any(|closing| closing.hours.is_empty()) || holidays(date);
            let week = &rules.week[date.weekday().to_monday_zero_offset() as usize];
            let open = match rules.special.get(&date) {
                Some(special) => special.hours.clone(),
                None if closed => Vec::new(),
                None => week.clone(),
            };
            (open, closings.iter().flat_map(|closing| closing.hours.clone()).collect())
        };
        known.entry(date).or_insert_with(compute).clone()
    };
    let at = |date: Date, minutes: u16| date.at(0, 0, 0, 0) + i64::from(minutes).minutes();
    (AROUND..AROUND + WINDOW)
        .map(|index| {
            let (mut open, mut closed) = (false, false);
            for before in 0..4 {
                let date = wall[index].date() - (before - 1).days();
                let (hours, taken) = of(date);
                let within = |hours: &Hours| {
                    shown[index] >= at(date, hours.start_min()) && to_come[index] < at(date, hours.end_min())
                };
                open |= hours.iter().any(within);
                closed |= taken.iter().any(within);
            }
            open && !closed
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// Every minute is open or not as the oracle says, and everything else follows from that.
    #[test]
    fn as_the_oracle_says(
        (rules, day) in some_rules(),
        picks in vec((0..WINDOW, 0..WINDOW, 0i64..MINUTE), 12),
    ) {
        let zone = TimeZoneDatabase::bundled().get(rules.zone().iana_name().unwrap()).unwrap();
        let from = (day - 8.days()).at(0, 0, 0, 0).to_zoned(TimeZone::UTC).unwrap().timestamp().as_microsecond();
        let open = minutes(&rules, &zone, from);
        let calendar = made(rules);
        let at = |minute: usize| Timestamp::from_microsecond(from + minute as i64 * MINUTE).unwrap();
        for (minute, open) in open.iter().enumerate() {
            prop_assert_eq!(calendar.is_open(at(minute)), *open, "{}", at(minute));
        }
        for (a, b, micros) in picks {
            let (a, b) = (a.min(b), a.max(b));
            let count = open[a..b].iter().filter(|open| **open).count() as i64;
            prop_assert_eq!(calendar.between(at(a), at(b)), count * MINUTE, "{} {}", at(a), at(b));
            let intervals: Vec<_> = calendar.intervals(at(a), at(b)).collect();
            prop_assert!(intervals.windows(2).all(|two| two[0].1 < two[1].0));
            let sum: i64 = intervals.iter().map(|(from, to)| to.as_microsecond() - from.as_microsecond()).sum();
            prop_assert_eq!(sum, count * MINUTE);
            if let Some(next) = (a..WINDOW).find(|minute| open[*minute]) {
                prop_assert_eq!(calendar.next_open(at(a)), Some(at(next)));
            }
            if let Some(next) = (a..WINDOW).find(|minute| open[*minute] != open[a]) {
                prop_assert_eq!(calendar.next_change(at(a)), Some(at(next)));
            }
            // Within a minute, too: so many open minutes and some of the next.
            let wanted = count * MINUTE + micros;
            let mut left = wanted;
            let end = (a..WINDOW).find_map(|minute| {
                let here = if open[minute] { MINUTE } else { 0 };
                let found = (left > 0 && left <= here).then(|| from + minute as i64 * MINUTE + left);
                left -= here;
                found
            });
            if let Some(end) = end {
                prop_assert_eq!(calendar.after(at(a), wanted), Timestamp::from_microsecond(end));
            }
        }
    }

    /// What holds of any calendar, at any instant.
    #[test]
    fn laws((rules, day) in some_rules(), from in -30i64..30, micros in 0i64..86_400_000_000, open in 1i64..2_000_000_000_000, steps in vec(0i64..40_000_000_000_000, 2)) {
        let calendar = made(rules);
        let start = day.at(0, 0, 0, 0).to_zoned(TimeZone::UTC).unwrap().timestamp().as_microsecond();
        let at = |micros: i64| Timestamp::from_microsecond(micros).unwrap();
        let from = at(start + from * 86_400_000_000 + micros);
        let end = calendar.after(from, open).unwrap();
        prop_assert_eq!(calendar.between(from, end), open);
        prop_assert!(calendar.between(from, at(end.as_microsecond() - 1)) < open, "the first such instant");
        prop_assert!(calendar.after(from, open + 1).unwrap() > end, "monotone");
        let (b, c) = (at(from.as_microsecond() + steps[0]), at(from.as_microsecond() + steps[0] + steps[1]));
        prop_assert_eq!(calendar.between(from, b) + calendar.between(b, c), calendar.between(from, c));
        let part = calendar.after(from, open / 2 + 1).unwrap();
        prop_assert_eq!(calendar.after(part, open), calendar.after(from, open / 2 + 1 + open), "one after the other");
        let next = calendar.next_open(from).unwrap();
        prop_assert!(calendar.is_open(next) && next >= from && calendar.between(from, next) == 0);
        prop_assert_eq!(calendar.is_open(from), next == from);
        if let Some(change) = calendar.next_change(from) {
            prop_assert!(change > from && calendar.is_open(change) != calendar.is_open(from));
        }
    }
}
