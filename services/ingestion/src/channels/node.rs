//! A JSON document, walked by name. What is needed and not there is told by its path.

use std::fmt::Display;

use domain::time::Timestamp;
use serde_json::Value;

use super::{Malformed, json};

/// Times above this are in milliseconds: in seconds they would lie after the year 5000.
const SECONDS_MAX: i64 = 100_000_000_000;

/// A value and where it stands. A field that is null is not there.
#[derive(Clone, Debug)]
pub(super) struct Node<'a> {
    value: &'a Value,
    path: String,
}

/// The body as JSON.
pub(super) fn parse(bytes: &[u8]) -> Result<Value, Malformed> {
    json::body(bytes)
}

impl<'a> Node<'a> {
    /// The whole document; paths begin with this name, which may be empty.
    pub(super) fn root(value: &'a Value, name: &str) -> Self {
        Self { value, path: name.to_owned() }
    }

    /// The path of a field.
    pub(super) fn path(&self, key: &str) -> String {
        match (self.path.as_str(), key) {
            ("", key) => key.to_owned(),
            (path, "") => path.to_owned(),
            (path, key) => format!("{path}.{key}"),
        }
    }

    /// What is wrong with a field.
    pub(super) fn wrong(&self, key: &str, what: impl Display) -> Malformed {
        let path = self.path(key);
        Malformed::new(if path.is_empty() { "body" } else { &path }, what)
    }

    /// The value itself.
    pub(super) fn value(&self) -> &'a Value {
        self.value
    }

    fn field(&self, key: &str) -> Option<&'a Value> {
        self.value.get(key).filter(|value| !value.is_null())
    }

    /// Whether there is such a field.
    pub(super) fn has(&self, key: &str) -> bool {
        self.field(key).is_some()
    }

    /// A field, with what it holds.
    pub(super) fn get(&self, key: &str) -> Option<Self> {
        self.field(key).map(|value| Self { value, path: self.path(key) })
    }

    /// A field that must be an object.
    pub(super) fn need(&self, key: &str) -> Result<Self, Malformed> {
        self.get(key).filter(|node| node.value.is_object()).ok_or_else(|| self.wrong(key, "an object"))
    }

    /// What an array holds; of an array that is not there, nothing. What is null is left out.
    pub(super) fn items(&self, key: &str) -> Result<Vec<Self>, Malformed> {
        match self.field(key) {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => Ok(Self::each(items, &self.path(key))),
            Some(_) => Err(self.wrong(key, "an array")),
        }
    }

    /// What the document holds, if it is an array.
    pub(super) fn elements(&self) -> Result<Vec<Self>, Malformed> {
        match self.value {
            Value::Array(items) => Ok(Self::each(items, &self.path)),
            _ => Err(self.wrong("", "an array")),
        }
    }

    fn each(items: &'a [Value], path: &str) -> Vec<Self> {
        let numbered = items.iter().enumerate().filter(|(_, value)| !value.is_null());
        numbered.map(|(at, value)| Self { value, path: format!("{path}[{at}]") }).collect()
    }

    /// A text that says something.
    pub(super) fn text(&self, key: &str) -> Option<&'a str> {
        self.field(key).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// A text that somebody wrote: it may be blank.
    pub(super) fn written(&self, key: &str) -> Option<&'a str> {
        self.field(key).and_then(Value::as_str)
    }

    /// A text that must be there.
    pub(super) fn need_text(&self, key: &str) -> Result<&'a str, Malformed> {
        self.text(key).ok_or_else(|| self.wrong(key, "a text"))
    }

    /// A name or number, as text: platforms write the same id as both.
    pub(super) fn id(&self, key: &str) -> Option<String> {
        match self.field(key)? {
            Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    /// A name or number that must be there.
    pub(super) fn need_id(&self, key: &str) -> Result<String, Malformed> {
        self.id(key).ok_or_else(|| self.wrong(key, "a text or a number"))
    }

    /// A whole number, also one that is written as text.
    pub(super) fn number(&self, key: &str) -> Option<i64> {
        match self.field(key)? {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// Whether a field says yes.
    pub(super) fn flag(&self, key: &str) -> bool {
        self.field(key).is_some_and(|value| match value {
            Value::Bool(yes) => *yes,
            Value::Number(number) => number.as_i64() == Some(1),
            Value::String(text) => text.eq_ignore_ascii_case("true") || text == "1",
            _ => false,
        })
    }

    /// A time: RFC 3339, or seconds or milliseconds since 1970, as number or text.
    pub(super) fn time(&self, key: &str) -> Option<Timestamp> {
        match self.field(key)? {
            Value::String(text) => text.parse().ok().or_else(|| unix(text.trim().parse().ok()?)),
            Value::Number(number) => match number.as_i64() {
                Some(number) => unix(number),
                None => fraction(number.as_f64()?),
            },
            _ => None,
        }
    }

    /// A time that must be there.
    pub(super) fn need_time(&self, key: &str) -> Result<Timestamp, Malformed> {
        self.time(key).ok_or_else(|| self.wrong(key, "a time: RFC 3339, or seconds since 1970"))
    }
}

/// Seconds, or milliseconds, since 1970.
pub(super) fn unix(number: i64) -> Option<Timestamp> {
    let unit = if number.abs() > SECONDS_MAX { 1_000 } else { 1_000_000 };
    Timestamp::from_microsecond(number.checked_mul(unit)?)
}

/// Seconds since 1970 with a fraction.
fn fraction(seconds: f64) -> Option<Timestamp> {
    // Out of range saturates, and is refused after.
    #[expect(clippy::cast_possible_truncation, reason = "a float as integer saturates")]
    let microsecond = (seconds * 1e6) as i64;
    Timestamp::from_microsecond(microsecond)
}
