//! Instants, as the log writes them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An instant in UTC, to the microsecond.
///
/// Written as RFC 3339 with exactly six digits, `2026-11-22T10:00:00.000000Z`, so that the text of two instants sorts as
/// the instants do. Finer digits are cut off on the way in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(jiff::Timestamp);

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const UNIX_EPOCH: Self = Self(jiff::Timestamp::UNIX_EPOCH);
    /// The earliest instant that can be written: the year 0, so that years have four digits.
    pub const MIN: Self = Self(jiff::Timestamp::constant(-62_167_219_200, 0));
    /// The latest instant that can be written, in the year 9999.
    pub const MAX: Self = Self(jiff::Timestamp::constant(253_402_207_200, 0));

    /// The instant so many microseconds after 1970, if it can be written.
    pub fn from_microsecond(microsecond: i64) -> Option<Self> {
        let at = jiff::Timestamp::from_microsecond(microsecond).ok().map(Self);
        at.filter(|at| (Self::MIN..=Self::MAX).contains(at))
    }

    /// Microseconds since 1970.
    pub fn as_microsecond(self) -> i64 {
        self.0.as_microsecond()
    }

    /// As the calendar library wants it.
    pub const fn to_jiff(self) -> jiff::Timestamp {
        self.0
    }

    /// So many seconds later (earlier, if negative); stops at the first and last instants that can be written.
    #[must_use]
    pub fn plus_seconds(self, seconds: i64) -> Self {
        let microsecond = seconds.saturating_mul(1_000_000).saturating_add(self.as_microsecond());
        Self::from_microsecond(microsecond).unwrap_or(if seconds < 0 { Self::MIN } else { Self::MAX })
    }

    /// Whole seconds from `earlier` to `self`; negative if `earlier` is later.
    pub fn seconds_since(self, earlier: Self) -> i64 {
        (self.as_microsecond() - earlier.as_microsecond()).div_euclid(1_000_000)
    }
}

/// Not an RFC 3339 instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an RFC 3339 time with its offset, as 2026-11-22T10:00:00Z")]
pub struct Invalid;

impl From<jiff::Timestamp> for Timestamp {
    fn from(at: jiff::Timestamp) -> Self {
        // Towards the past, before 1970 too, so that cutting off never changes the order of two instants.
        let microsecond = at.as_nanosecond().div_euclid(1_000);
        let cut = i64::try_from(microsecond).ok().and_then(Self::from_microsecond);
        cut.unwrap_or(if microsecond < 0 { Self::MIN } else { Self::MAX })
    }
}

impl From<Timestamp> for jiff::Timestamp {
    fn from(at: Timestamp) -> Self {
        at.0
    }
}

impl FromStr for Timestamp {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let at = text.parse::<jiff::Timestamp>().map_err(|_| Invalid)?;
        if (Self::MIN.0..=Self::MAX.0).contains(&at) { Ok(Self::from(at)) } else { Err(Invalid) }
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.6}", self.0)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = Timestamp;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an RFC 3339 time")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Timestamp, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests;
