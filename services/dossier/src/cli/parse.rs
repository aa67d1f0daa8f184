//! What people write on the command line, as values. Errors say what it should be.

use std::{collections::BTreeMap, time::Duration};

use http::Uri;
use jiff::{SignedDuration, Span, Timestamp, tz::TimeZone};
use proto::cases::v1::{FieldValue, Waiver, field_value::Kind};

/// The longest timeout.
const TIMEOUT_MAX: Duration = Duration::from_secs(24 * 3_600);

/// A server's address: `http://HOST:PORT` or `https://…`.
pub fn server(text: &str) -> Result<Uri, String> {
    let form = || "write it as http://HOST:PORT or https://HOST:PORT".to_owned();
    let uri: Uri = text.parse().map_err(|_| form())?;
    match (uri.scheme_str(), uri.host()) {
        (Some("http" | "https"), Some(host)) if !host.is_empty() => Ok(uri),
        _ => Err(form()),
    }
}

/// A length of time: `30s`, `2m`, or a number of seconds.
pub fn duration(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().map(SignedDuration::from_secs);
    let parsed = seconds.ok().or_else(|| text.parse().ok());
    let duration = parsed.and_then(|duration| Duration::try_from(duration).ok());
    match duration {
        Some(duration) if !duration.is_zero() && duration <= TIMEOUT_MAX => Ok(duration),
        _ => Err("write a length of time such as 30s or 2m, at most 24h".to_owned()),
    }
}

/// An instant: RFC 3339 with its offset.
pub fn instant(text: &str) -> Result<prost_types::Timestamp, String> {
    let time: Timestamp = text.parse().map_err(|_| {
        "write a time with its offset, such as 2026-03-01T09:00:00Z or 2026-03-01T09:00+01:00".to_owned()
    })?;
    Ok(proto_time(time))
}

/// An instant to come: RFC 3339, or how long from now (`2h`, `3d`).
pub fn until(text: &str) -> Result<prost_types::Timestamp, String> {
    until_from(text, Timestamp::now())
}

fn until_from(text: &str, now: Timestamp) -> Result<prost_types::Timestamp, String> {
    let form =
        || "write a time with its offset (2026-03-01T09:00:00Z) or how long from now (2h, 3d)".to_owned();
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(proto_time(time));
    }
    let span: Span = text.parse().map_err(|_| form())?;
    let then = now.to_zoned(TimeZone::UTC).checked_add(span).map_err(|_| form())?;
    if then.timestamp() <= now {
        return Err("it must be later than now".to_owned());
    }
    Ok(proto_time(then.timestamp()))
}

/// A command id: a UUID.
pub fn command_id(text: &str) -> Result<String, String> {
    let id: uuid::Uuid = text.parse().map_err(|_| "write a UUID".to_owned())?;
    Ok(id.to_string())
}

/// A custom field: `NAME=VALUE`, or `NAME:KIND=VALUE` with the kinds text, number, flag, date, choice.
pub fn field(text: &str) -> Result<(String, FieldValue), String> {
    let form = || "write NAME=VALUE, or NAME:KIND=VALUE with text, number, flag, date or choice".to_owned();
    let (name, value) = text.split_once('=').ok_or_else(form)?;
    let (name, kind) = name.split_once(':').unwrap_or((name, "text"));
    if name.is_empty() {
        return Err(form());
    }
    let kind = match kind {
        "text" => Kind::Text(value.to_owned()),
        "choice" => Kind::Choice(value.to_owned()),
        "number" => {
            let number = value.parse().ok().filter(|number: &f64| number.is_finite());
            Kind::Number(number.ok_or_else(|| format!("{name}: write a number"))?)
        }
        "flag" => Kind::Flag(value.parse().map_err(|_| format!("{name}: write true or false"))?),
        "date" => {
            let date: jiff::civil::Date =
                value.parse().map_err(|_| format!("{name}: write a date, YYYY-MM-DD"))?;
            Kind::Date(date.to_string())
        }
        _ => return Err(form()),
    };
    Ok((name.to_owned(), FieldValue { kind: Some(kind) }))
}

/// The fields that were given, and those to clear.
pub fn fields(set: Vec<(String, FieldValue)>, clear: Vec<String>) -> BTreeMap<String, FieldValue> {
    let cleared = clear.into_iter().map(|name| (name, FieldValue { kind: None }));
    cleared.chain(set).collect()
}

/// What is put into a template: `NAME=VALUE`, where a number is a place in it.
pub fn param(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && !value.trim().is_empty() => {
            Ok((name.to_owned(), value.to_owned()))
        }
        _ => Err("write NAME=VALUE, or 1=VALUE, 2=VALUE … where the template counts its places".to_owned()),
    }
}

/// A file that the case has: `ITEM`, or `ITEM:NUMBER` with its number there, from 1.
pub fn present(text: &str) -> Result<(String, u32), String> {
    let form = || "write ITEM or ITEM:NUMBER, as `dossier case show` names the file".to_owned();
    let (item, number) = text.split_once(':').unwrap_or((text, "1"));
    let index = number.parse::<u32>().ok().and_then(|number| number.checked_sub(1));
    match index {
        Some(index) if !item.is_empty() => Ok((item.to_owned(), index)),
        _ => Err(form()),
    }
}

/// A place that gets no closing post: `PLACE=REASON`.
pub fn waiver(text: &str) -> Result<Waiver, String> {
    match text.split_once('=') {
        Some((place, reason)) if !place.is_empty() && !reason.trim().is_empty() => {
            Ok(Waiver { place: place.to_owned(), reason: reason.to_owned() })
        }
        _ => Err("write PLACE=REASON".to_owned()),
    }
}

/// As the contracts have it.
pub fn proto_time(time: Timestamp) -> prost_types::Timestamp {
    // Before 1970 the fraction counts back in jiff, and forward in protobuf.
    let nanos = time.as_nanosecond();
    let seconds = nanos.div_euclid(1_000_000_000);
    prost_types::Timestamp {
        seconds: i64::try_from(seconds).unwrap_or(i64::MAX),
        nanos: i32::try_from(nanos.rem_euclid(1_000_000_000)).unwrap_or(0),
    }
}

/// As the contracts have it, the other way.
pub fn time(time: Option<&prost_types::Timestamp>) -> Option<Timestamp> {
    time.and_then(|time| Timestamp::new(time.seconds, time.nanos).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_urls() {
        assert!(server("http://127.0.0.1:7401").is_ok());
        assert!(server("https://care.example.org").is_ok());
        for wrong in ["127.0.0.1:7401", "ftp://x", "http://", "", "localhost"] {
            assert!(server(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn lengths_of_time() {
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("90"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("1m 30s"), Ok(Duration::from_secs(90)));
        for wrong in ["0", "-3s", "soon", "", "25h"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn instants_to_come() {
        let now: Timestamp = "2026-03-01T09:00:00Z".parse().unwrap();
        let then = |text: &str| until_from(text, now).map(|then| time(Some(&then)).unwrap().to_string());
        assert_eq!(then("2h").unwrap(), "2026-03-01T11:00:00Z");
        assert_eq!(then("3d").unwrap(), "2026-03-04T09:00:00Z");
        assert_eq!(then("2026-04-01T09:00+02:00").unwrap(), "2026-04-01T07:00:00Z");
        assert!(then("-2h").is_err());
        assert!(then("tomorrow").is_err());
        assert!(then("2026-04-01T09:00").is_err(), "whose nine o'clock?");
    }

    #[test]
    fn times_before_1970_keep_their_fraction() {
        let early: Timestamp = "1969-12-31T23:59:59.25Z".parse().unwrap();
        let proto = proto_time(early);
        assert_eq!((proto.seconds, proto.nanos), (-1, 250_000_000));
        assert_eq!(time(Some(&proto)), Some(early));
    }

    #[test]
    fn fields_have_a_kind() {
        let kind = |text: &str| field(text).unwrap().1.kind.unwrap();
        assert_eq!(kind("plan=a=b"), Kind::Text("a=b".to_owned()));
        assert_eq!(kind("seats:number=3.5"), Kind::Number(3.5));
        assert_eq!(kind("vip:flag=true"), Kind::Flag(true));
        assert_eq!(kind("due:date=2026-03-01"), Kind::Date("2026-03-01".to_owned()));
        assert_eq!(kind("plan:choice=gold"), Kind::Choice("gold".to_owned()));
        for wrong in ["plan", "=x", "a:b=c", "a:number=NaN", "a:flag=yes", "a:date=1.3."] {
            assert!(field(wrong).is_err(), "{wrong}");
        }
        let all = fields(vec![field("a=1").unwrap()], vec!["b".to_owned()]);
        assert_eq!(all["b"], FieldValue { kind: None });
        assert!(waiver("x=").is_err());
    }

    #[test]
    fn values_and_files_of_replies() {
        assert_eq!(param("order_id=a=b"), Ok(("order_id".to_owned(), "a=b".to_owned())));
        assert_eq!(present("m7:2"), Ok(("m7".to_owned(), 1)));
        assert_eq!(present("m7"), Ok(("m7".to_owned(), 0)));
        for wrong in ["", "=x", "x=", "x"] {
            assert!(param(wrong).is_err(), "{wrong}");
        }
        for wrong in ["", ":1", "m7:0", "m7:x", "m7:"] {
            assert!(present(wrong).is_err(), "{wrong}");
        }
    }
}
