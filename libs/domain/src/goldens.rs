//! What was stored once is read for ever: every event has a golden file, and comes out as it went in.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
    fs,
    path::PathBuf,
};

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    agent, case, contact, conversation, customer, decider::Decider, delivery, health, links, message,
    routing, sla, stored::Stored,
};

#[test]
fn agents() {
    goldens::<agent::State>();
}

#[test]
fn cases() {
    goldens::<case::State>();
}

#[test]
fn channels() {
    goldens::<health::State>();
}

#[test]
fn contacts() {
    goldens::<contact::State>();
}

#[test]
fn conversations() {
    goldens::<conversation::State>();
}

#[test]
fn customers() {
    goldens::<customer::State>();
}

#[test]
fn deliveries() {
    goldens::<delivery::State>();
}

#[test]
fn links_between_cases() {
    goldens::<links::State>();
}

#[test]
fn messages() {
    goldens::<message::State>();
}

#[test]
fn service_levels() {
    goldens::<sla::State>();
}

#[test]
fn ways_of_cases_to_agents() {
    goldens::<routing::choose::State>();
}

fn goldens<D: Decider>()
where
    D::Event: Stored + Serialize + DeserializeOwned + Debug + PartialEq,
{
    assert_eq!(D::Event::TYPES.to_vec(), variants::of::<D::Event>(), "TYPES lists what serde knows");
    let files: BTreeSet<String> =
        files().filter(|name| name.starts_with(&format!("{}.", D::CATEGORY))).collect();
    let types: BTreeSet<String> = D::Event::TYPES.iter().map(|kind| (*kind).to_owned()).collect();
    assert_eq!(files, types, "every type has a file, and every file a type");
    for kind in D::Event::TYPES {
        assert!(kind.starts_with(&format!("{}.", D::CATEGORY)), "{kind}");
        let golden = read(kind);
        let event: D::Event = serde_json::from_str(&golden).unwrap_or_else(|error| panic!("{kind}: {error}"));
        assert_eq!(
            serde_json::to_string_pretty(&event).unwrap() + "\n",
            golden,
            "{kind} comes out as it went in"
        );

        // Somebody may have put the keys into another order: `type` and `v` at the end.
        let fields: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&golden).unwrap();
        let backwards: serde_json::Map<_, _> = fields.into_iter().rev().collect();
        let sorted: BTreeMap<_, _> = backwards.clone().into_iter().collect();
        for text in [serde_json::to_string(&sorted).unwrap(), serde_json::to_string(&backwards).unwrap()] {
            assert_eq!(serde_json::from_str::<D::Event>(&text).unwrap(), event, "{kind} in another order");
        }
        let value = serde_json::Value::Object(backwards);
        assert_eq!(serde_json::from_value::<D::Event>(value).unwrap(), event, "{kind} from a value");

        let later = golden.replacen("\"v\": 1", "\"v\": 2", 1);
        let refused = serde_json::from_str::<D::Event>(&later).unwrap_err().to_string();
        assert!(refused.contains("version"), "{kind} of a version that nobody knows: {refused}");
    }
}

#[expect(clippy::disallowed_methods, reason = "a test may read files")]
fn read(kind: &str) -> String {
    fs::read_to_string(folder().join(format!("{kind}.json")))
        .unwrap_or_else(|error| panic!("{kind}: {error}"))
}

#[expect(clippy::disallowed_methods, reason = "a test may read files")]
fn files() -> impl Iterator<Item = String> {
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
    fs::read_dir(folder()).unwrap().map(name).map(|name| name.strip_suffix(".json").unwrap().to_owned())
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata/events")
}

/// The names of an enum's variants, as serde was told them.
mod variants {
    use serde::de::{Deserializer, Error, Visitor, value};

    use crate::stored::Stored;

    pub fn of<E: Stored>() -> Vec<&'static str> {
        let mut names: &[&str] = &[];
        let _ = E::read(Ask(&mut names));
        names.to_vec()
    }

    struct Ask<'a>(&'a mut &'static [&'static str]);

    impl<'de> Deserializer<'de> for Ask<'_> {
        type Error = value::Error;

        fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, value::Error> {
            Err(value::Error::custom("only asked"))
        }

        fn deserialize_enum<V: Visitor<'de>>(
            self,
            _: &'static str,
            variants: &'static [&'static str],
            _: V,
        ) -> Result<V::Value, value::Error> {
            *self.0 = variants;
            Err(value::Error::custom("only asked"))
        }

        serde::forward_to_deserialize_any! {
            bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct
            newtype_struct seq tuple tuple_struct map struct identifier ignored_any
        }
    }
}
