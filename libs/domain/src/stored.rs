//! How events are written and read: `{"type":"case.opened","v":1,…}`.
//!
//! `type` and `v` come first, so that a reader knows what it reads before it reads it, and needs no copy. JSON whose keys
//! were put into another order, and older versions, are read as well, through a copy.

mod read;
#[cfg(test)]
mod tests;
mod write;

use serde::{Deserializer, Serializer};

/// The fields of an event between two of its versions.
pub type Fields = serde_json::Map<String, serde_json::Value>;

/// An enum of events in its stored format.
///
/// The enum derives `Serialize` and `Deserialize` with `#[serde(remote = "Self")]`, each variant renamed to its type, and
/// [`stored_format!`](crate::stored_format) makes the rest of it.
pub trait Stored: Sized {
    /// Every type there is, as `<category>.<past tense>`. Each has a golden file in `testdata/events`.
    const TYPES: &'static [&'static str];

    /// The version in which events of this type are written now.
    fn version(kind: &str) -> u16;

    /// The fields of an event of version `from`, as version `from + 1` has them. `None` if there never was such a version.
    fn upcast(kind: &str, from: u16, fields: Fields) -> Option<Fields>;

    /// What serde derived: the variant's name and its fields.
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>;

    /// What serde derived: the variant's name and its fields.
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;
}

/// Writes an event.
pub fn serialize<E: Stored, S: Serializer>(event: &E, serializer: S) -> Result<S::Ok, S::Error> {
    event.write(write::Tagging::new(serializer, E::version))
}

/// Reads an event, whatever its version.
pub fn deserialize<'de, E: Stored, D: Deserializer<'de>>(deserializer: D) -> Result<E, D::Error> {
    deserializer.deserialize_map(read::Event::new())
}

/// Gives an enum of events its stored format: the list of its types, and the version and upcaster of each.
#[macro_export]
macro_rules! stored_format {
    ($event:ty, version = $version:path, upcast = $upcast:path, [$($kind:literal),+ $(,)?]) => {
        impl $event {
            /// Every type there is. Each has a golden file in `testdata/events`.
            pub const TYPES: &'static [&'static str] = &[$($kind),+];
        }

        impl $crate::stored::Stored for $event {
            const TYPES: &'static [&'static str] = <$event>::TYPES;

            fn version(kind: &str) -> u16 {
                $version(kind)
            }

            fn upcast(kind: &str, from: u16, fields: $crate::stored::Fields) -> Option<$crate::stored::Fields> {
                $upcast(kind, from, fields)
            }

            fn write<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                <$event>::serialize(self, serializer)
            }

            fn read<'de, D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                <$event>::deserialize(deserializer)
            }
        }

        impl ::serde::Serialize for $event {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $crate::stored::serialize(self, serializer)
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $event {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::stored::deserialize(deserializer)
            }
        }
    };
}
