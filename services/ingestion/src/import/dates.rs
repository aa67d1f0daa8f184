//! The forms in which exports write a time. A time without its offset is none of them: it could be any of a day.

use jiff::Timestamp;
use jiff::fmt::strtime;

/// `Tue Oct 31 22:10:47 +0000 2017` and `2015-02-24 11:35:52 -0800`, as the platforms write them.
const FORMS: [&str; 2] = ["%a %b %d %H:%M:%S %z %Y", "%Y-%m-%d %H:%M:%S %z"];

/// Epochs from here on are milliseconds: as seconds this is the year 5138, as milliseconds 1973.
const MILLISECONDS_FROM: i64 = 100_000_000_000;
/// The first second of 1990: no conversation with customers was exported by number before.
const EPOCHS_FROM_S: i64 = 631_152_000;

/// The time that `text` says: RFC 3339, one of [`FORMS`], or an epoch in seconds or milliseconds.
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(number) = text.parse() {
        return epoch(number);
    }
    if let Ok(timestamp) = text.parse() {
        return Some(timestamp);
    }
    FORMS.iter().find_map(|form| strtime::parse(form, text).ok()?.to_timestamp().ok())
}

/// The time of an epoch in seconds, or in milliseconds if it is too large for seconds. A time before [`EPOCHS_FROM_S`] is
/// none: the number is a year or a count.
pub(super) fn epoch(number: i64) -> Option<Timestamp> {
    let time = if number.unsigned_abs() < MILLISECONDS_FROM.unsigned_abs() {
        Timestamp::from_second(number).ok()
    } else {
        Timestamp::from_millisecond(number).ok()
    };
    time.filter(|time| time.as_second() >= EPOCHS_FROM_S)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_says_the_same_moment() {
        for text in [
            "2017-10-31T22:10:47Z",
            "2017-10-31T23:10:47+01:00",
            "2017-10-31t22:10:47z",
            "Tue Oct 31 22:10:47 +0000 2017",
            "2017-10-31 14:10:47 -0800",
            " 1509487847 ",
            "1509487847000",
        ] {
            assert_eq!(parse(text), Some(Timestamp::from_second(1_509_487_847).unwrap()), "{text}");
        }
    }

    #[test]
    fn what_could_be_two_moments_is_none() {
        for text in [
            "",
            "2017-10-31",
            "2017-10-31 22:10:47",
            "2017-10-31T22:10:47",
            "31/10/2017",
            "-",
            "9e9",
            "1e400",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse("99999999999999999"), None, "beyond all calendars");
        assert_eq!(epoch(i64::MIN), None);
        for no_moment in ["2020", "20200131", "0", "-1", "631151999", "631151999999"] {
            assert_eq!(parse(no_moment), None, "{no_moment}");
        }
        assert!(parse("631152000").is_some() && parse("631152000000").is_some());
    }
}
