//! The forms in which feeds write a time.

use domain::time::Timestamp;
use jiff::{civil, fmt::rfc2822, fmt::strtime, tz::TimeZone};

/// The longest date, in bytes.
const DATE_MAX: usize = 100;
/// RFC 2822 as many write it: names in full, or without the day's.
const RFC_2822: rfc2822::DateTimeParser = rfc2822::DateTimeParser::new().relaxed_weekday(true);
/// How others write a time with its offset.
const WITH_OFFSET: [&str; 4] =
    ["%A, %d %B %Y %H:%M:%S %z", "%d %B %Y %H:%M:%S %z", "%a %b %d %H:%M:%S %z %Y", "%Y-%m-%d %H:%M:%S %z"];
/// How others write a time without one.
const WITHOUT_OFFSET: [&str; 5] = [
    "%a %b %d %H:%M:%S %Y",
    "%a, %d %b %Y %H:%M:%S",
    "%d %b %Y %H:%M:%S",
    "%A, %d %B %Y %H:%M:%S",
    "%m/%d/%Y %H:%M:%S",
];
/// How others write a day.
const DAYS: [&str; 4] = ["%a, %d %b %Y", "%d %b %Y", "%B %d, %Y", "%Y%m%d"];

/// The instant that `text` means: RFC 3339 and what else the W3C's note on dates allows, RFC 822 and its successors. What does
/// not say its offset is UTC, a day or a month is its beginning: when something was published matters less than that it is
/// found.
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if text.is_empty() || text.len() > DATE_MAX {
        return None;
    }
    if text.as_bytes()[0].is_ascii_digit()
        && let Some(at) = w3c(text)
    {
        return Some(at);
    }
    let zoned = RFC_2822.parse_timestamp(text).ok();
    let zoned = zoned
        .or_else(|| WITH_OFFSET.iter().find_map(|form| strtime::parse(form, text).ok()?.to_timestamp().ok()));
    if let Some(at) = zoned {
        return Some(at.into());
    }
    // The names of zones that nobody agrees on; what stands before them is known to half a day.
    let (local, zone) = text.rsplit_once(' ').unwrap_or((text, ""));
    let named = !zone.is_empty() && zone.bytes().all(|byte| byte.is_ascii_alphabetic());
    let texts = [Some(text), named.then_some(local)];
    texts.into_iter().flatten().find_map(|text| {
        let time = WITHOUT_OFFSET.iter().find_map(|form| strtime::parse(form, text).ok()?.to_datetime().ok());
        let day = || DAYS.iter().find_map(|form| strtime::parse(form, text).ok()?.to_date().ok());
        utc(time.or_else(|| Some(day()?.into()))?)
    })
}

/// `2003`, `2003-12`, `2003-12-31`, `2003-12-31T10:14:55`, with or without an offset, fractions and seconds.
fn w3c(text: &str) -> Option<Timestamp> {
    if let Ok(at) = text.parse::<jiff::Timestamp>() {
        return Some(at.into());
    }
    if let Some(at) = without_seconds(text).and_then(|text| text.parse::<jiff::Timestamp>().ok()) {
        return Some(at.into());
    }
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    match text.split('-').collect::<Vec<_>>()[..] {
        [year] if year.len() == 4 && digits(year) => utc(day(year, "1")?),
        [year, month] if year.len() == 4 && digits(year) && month.len() == 2 && digits(month) => {
            utc(day(year, month)?)
        }
        _ => utc(text.parse::<civil::DateTime>().ok()?),
    }
}

fn day(year: &str, month: &str) -> Option<civil::DateTime> {
    Some(civil::Date::new(year.parse().ok()?, month.parse().ok()?, 1).ok()?.into())
}

/// `2003-12-31T10:14Z` with its seconds, which RFC 3339 wants.
fn without_seconds(text: &str) -> Option<String> {
    const MINUTES: usize = "2003-12-31T10:14".len();
    let (time, offset) = text.split_at_checked(MINUTES)?;
    let is_offset = offset.starts_with(['Z', 'z', '+', '-']);
    is_offset.then(|| format!("{time}:00{offset}"))
}

fn utc(local: civil::DateTime) -> Option<Timestamp> {
    Some(local.to_zoned(TimeZone::UTC).ok()?.timestamp().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_says_the_same_moment() {
        let expected = "2003-12-31T10:14:55Z".parse().ok();
        for text in [
            "2003-12-31T10:14:55Z",
            "2003-12-31T10:14:55.00Z",
            "2003-12-31T02:14:55-08:00",
            "2003-12-31T18:14:55+08:00",
            "2003-12-31T10:14:55",
            "2003-12-31 10:14:55",
            "2003-12-31 12:14:55 +0200",
            "Wed, 31 Dec 2003 10:14:55 GMT",
            "Wed, 31 Dec 2003 10:14:55 UT",
            "Tue, 31 Dec 2003 10:14:55 +0000",
            "31 Dec 2003 10:14:55 Z",
            "31 Dec 03 05:14:55 EST",
            "Wed, 31 Dec 2003 10:14:55",
            "Wed, 31 Dec 2003 10:14:55 MESZ",
            "Wednesday, 31 December 2003 10:14:55 +0000",
            "Wed Dec 31 10:14:55 +0000 2003",
            "Wed Dec 31 10:14:55 2003",
            "  2003-12-31T10:14:55Z\n",
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_less_exact_is_its_beginning() {
        for (text, expected) in [
            ("2003-12-31T10:14Z", "2003-12-31T10:14:00Z"),
            ("2003-12-31T10:14+01:00", "2003-12-31T09:14:00Z"),
            ("2003-12-31", "2003-12-31T00:00:00Z"),
            ("20031231", "2003-12-31T00:00:00Z"),
            ("2003-12", "2003-12-01T00:00:00Z"),
            ("2003", "2003-01-01T00:00:00Z"),
            ("Wed, 31 Dec 2003", "2003-12-31T00:00:00Z"),
            ("31 Dec 2003", "2003-12-31T00:00:00Z"),
            ("Wed, 31 Dec 2003 10:14 GMT", "2003-12-31T10:14:00Z"),
        ] {
            assert_eq!(parse(text), expected.parse().ok(), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "yesterday",
            "99999999999",
            "2003-13-01",
            "31/31/2003 10:00:00",
            "Wed, 99 Dec 2003 10:14:55 GMT",
            "é",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse(&"2003-12-31T10:14:55Z".repeat(10)), None);
    }
}
