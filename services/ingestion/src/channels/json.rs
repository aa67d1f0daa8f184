//! Bodies in JSON, read in bounded depth, and where in them something is wrong.

use std::fmt;

use domain::time::Timestamp;
use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;

use super::Malformed;
use crate::intake::limits::ID_MAX;

/// Values of one body. In memory each of them may be many times its text, and some bodies are read before they are proved.
pub(super) const VALUES_MAX: usize = 500_000;

/// Whether there are no more values than that: a value follows each of these, or there is none.
fn is_bounded(bytes: &[u8]) -> bool {
    let (mut values, mut quoted, mut escaped) = (0, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'[' | b'{' | b',' | b':' if !quoted => values += 1,
            _ => {}
        }
    }
    values <= VALUES_MAX
}

/// The body as a `T`. `serde_json` refuses what is nested deeper than 128; the position of a fault is told, its value is not.
/// The `T` may hold on to the body.
pub(super) fn body<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Malformed> {
    if !is_bounded(bytes) {
        return Err(Malformed::new("body", format_args!("at most {VALUES_MAX} values; send it in parts")));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        let what = match error.classify() {
            serde_json::error::Category::Syntax => "JSON, nested at most 128 deep",
            serde_json::error::Category::Eof => "JSON; it ends too early",
            serde_json::error::Category::Data | serde_json::error::Category::Io => {
                "another shape than the platform describes"
            }
        };
        Malformed::new("body", format_args!("{what} (line {}, column {})", error.line(), error.column()))
    })
}

/// A part of a body that was set aside, as a `T`: so that a part of no concern may have any shape.
pub(super) fn part<'a, T: Deserialize<'a>>(raw: &'a RawValue, at: &At<'_>) -> Result<T, Malformed> {
    serde_json::from_str(raw.get()).map_err(|_| at.malformed("another shape than the platform describes"))
}

/// A place in a body, written as a JSON path only when something is wrong there.
#[derive(Clone, Copy)]
pub(super) struct At<'a>(Option<(&'a At<'a>, Step)>);

#[derive(Clone, Copy)]
enum Step {
    Key(&'static str),
    Index(usize),
}

impl At<'_> {
    /// The body as a whole.
    pub(super) const BODY: At<'static> = At(None);

    /// The field of this name.
    pub(super) const fn key(&self, name: &'static str) -> At<'_> {
        At(Some((self, Step::Key(name))))
    }

    /// The element at this index.
    pub(super) const fn index(&self, index: usize) -> At<'_> {
        At(Some((self, Step::Index(index))))
    }

    /// What is wrong here.
    pub(super) fn malformed(&self, what: impl fmt::Display) -> Malformed {
        let path = if self.0.is_none() { "body".to_owned() } else { self.to_string() };
        Malformed::new(path, what)
    }

    /// The field of this name, which must be there.
    pub(super) fn need<T>(&self, name: &'static str, value: Option<T>) -> Result<T, Malformed> {
        value.ok_or_else(|| self.key(name).malformed("missing: the platform always sends it"))
    }

    /// The id of this name, which must be there and say something.
    pub(super) fn need_id(&self, name: &'static str, id: Option<Id>) -> Result<String, Malformed> {
        self.need(name, id.and_then(Id::said))
    }

    /// The time of this name, in seconds since 1970, which must be there.
    pub(super) fn need_seconds(&self, name: &'static str, time: Option<&Id>) -> Result<Timestamp, Malformed> {
        let time = self.need(name, time)?;
        time.seconds().ok_or_else(|| self.key(name).malformed("seconds since 1970"))
    }

    /// The time of this name, in milliseconds since 1970, which must be there.
    pub(super) fn need_millis(&self, name: &'static str, time: Option<&Id>) -> Result<Timestamp, Malformed> {
        let time = self.need(name, time)?;
        time.millis().ok_or_else(|| self.key(name).malformed("milliseconds since 1970"))
    }
}

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => Ok(()),
            Some((before, Step::Key(name))) if before.0.is_none() => f.write_str(name),
            Some((before, Step::Key(name))) => write!(f, "{before}.{name}"),
            Some((before, Step::Index(index))) => write!(f, "{before}[{index}]"),
        }
    }
}

/// A number or a text, as text: platforms write ids and times as either, and not always as the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id(String);

/// A number as it was written: read as a number, its last digits could change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Decimal(String);

/// The most digits of a number that is shown.
const DIGITS_MAX: usize = 40;

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let digits = raw.get().trim_matches('"');
        let number = digits.len() <= DIGITS_MAX && digits.parse::<f64>().is_ok_and(f64::is_finite);
        if number { Ok(Self(digits.to_owned())) } else { Err(de::Error::custom("a number")) }
    }
}

/// Above this, a time is in milliseconds: as seconds it would be after the year 5000.
const MILLIS_FROM: i64 = 100_000_000_000;

impl Id {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// The id, if it says something, and is no longer than one may be: some are repeated in many messages.
    pub(super) fn said(self) -> Option<String> {
        Some(self.0).filter(|id| (1..=ID_MAX).contains(&id.len()))
    }

    /// As seconds since 1970, with up to six digits after a point.
    pub(super) fn seconds(&self) -> Option<Timestamp> {
        let (whole, fraction) = self.0.split_once('.').unwrap_or((&self.0, ""));
        let digits = fraction.get(..fraction.len().min(6))?;
        if !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let micros: i64 = format!("{digits:0<6}").parse().ok()?;
        let whole: i64 = whole.parse().ok()?;
        Timestamp::from_microsecond(whole.checked_mul(1_000_000)?.checked_add(micros)?)
    }

    /// As milliseconds since 1970.
    pub(super) fn millis(&self) -> Option<Timestamp> {
        let millis: i64 = self.0.parse().ok()?;
        Timestamp::from_microsecond(millis.checked_mul(1_000)?)
    }

    /// As seconds or milliseconds since 1970, whichever it can be: one platform's events differ in it.
    pub(super) fn moment(&self) -> Option<Timestamp> {
        let millis = self.0.parse::<i64>().is_ok_and(|number| number >= MILLIS_FROM);
        if millis { self.millis() } else { self.seconds() }
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl de::Visitor<'_> for Either {
            type Value = Id;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a number")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Id, E> {
                Ok(Id(text.to_owned()))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Id, E> {
                Ok(Id(number.to_string()))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Id, E> {
                Ok(Id(number.to_string()))
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Id, E> {
                Ok(Id(number.to_string()))
            }
        }
        deserializer.deserialize_any(Either)
    }
}
