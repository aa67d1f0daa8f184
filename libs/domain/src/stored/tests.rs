//! A test-only aggregate that has a past.

use serde::{Deserialize, Serialize};

use super::Fields;

/// `cat.fed` is in its third version: first it had `grams`, then `amount_g`, then `portions` as well.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
enum Event {
    #[serde(rename = "cat.fed")]
    Fed { amount_g: u32, portions: u32 },
    #[serde(rename = "cat.named")]
    Named(Name),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Name {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nickname: Option<String>,
}

crate::stored_format!(Event, version = version, upcast = upcast, ["cat.fed", "cat.named"]);

fn version(kind: &str) -> u16 {
    if kind == "cat.fed" { 3 } else { 1 }
}

fn upcast(kind: &str, from: u16, mut fields: Fields) -> Option<Fields> {
    match (kind, from) {
        ("cat.fed", 1) => {
            let grams = fields.remove("grams")?;
            fields.insert("amount_g".into(), grams);
            Some(fields)
        }
        ("cat.fed", 2) => {
            fields.insert("portions".into(), 1.into());
            Some(fields)
        }
        _ => None,
    }
}

#[test]
fn every_version_there_ever_was_is_read() {
    let one = include_str!("testdata/cat.fed.v1.json");
    let two = include_str!("testdata/cat.fed.v2.json");
    let three = include_str!("testdata/cat.fed.json");
    for text in [one, two, three] {
        assert_eq!(
            serde_json::from_str::<Event>(text).unwrap(),
            Event::Fed { amount_g: 80, portions: 1 },
            "{text}"
        );
    }
    let again = serde_json::to_string(&Event::Fed { amount_g: 80, portions: 1 }).unwrap();
    assert_eq!(again, three.trim(), "the newest is what is written");
}

#[test]
fn keys_may_come_in_any_order() {
    for text in [
        r#"{"v":1,"type":"cat.fed","grams":80}"#,
        r#"{"grams":80,"v":1,"type":"cat.fed"}"#,
        r#"{"portions":1,"type":"cat.fed","v":3,"amount_g":80}"#,
        r#"{"type":"cat.fed","portions":1,"v":3,"amount_g":80}"#,
    ] {
        assert_eq!(
            serde_json::from_str::<Event>(text).unwrap(),
            Event::Fed { amount_g: 80, portions: 1 },
            "{text}"
        );
    }
}

#[test]
fn a_variant_that_holds_a_struct_is_as_flat_as_one_with_fields() {
    let event = Event::Named(Name { name: "Mina".to_owned(), nickname: None });
    let text = r#"{"type":"cat.named","v":1,"name":"Mina"}"#;
    assert_eq!(serde_json::to_string(&event).unwrap(), text);
    assert_eq!(serde_json::from_str::<Event>(text).unwrap(), event);
    assert_eq!(serde_json::from_value::<Event>(serde_json::to_value(&event).unwrap()).unwrap(), event);
    assert_eq!(
        serde_json::from_reader::<_, Event>(text.as_bytes()).unwrap(),
        event,
        "from what cannot be borrowed"
    );
}

#[test]
fn what_no_release_wrote_is_refused() {
    for (text, word) in [
        (r#"{"type":"cat.fed","v":4,"amount_g":80,"portions":1}"#, "version"),
        (r#"{"type":"cat.fed","v":0,"grams":80}"#, "version"),
        (r#"{"type":"cat.fed","v":70000,"grams":80}"#, "u16"),
        (r#"{"amount_g":80,"type":"cat.fed","v":70000}"#, "version"),
        (r#"{"type":"cat.fed","v":1}"#, "version"),
        (r#"{"type":"cat.fed","amount_g":80,"portions":1}"#, "missing field `v`"),
        (r#"{"v":3,"amount_g":80,"portions":1}"#, "missing field `type`"),
        (r#"{"type":"cat.shaved","v":1}"#, "unknown variant"),
        (r#"{"type":"cat.fed","v":3,"amount_g":80}"#, "missing field `portions`"),
        (r#"["cat.fed"]"#, "an event"),
    ] {
        let error = serde_json::from_str::<Event>(text).unwrap_err().to_string();
        assert!(error.contains(word), "{text}: {error}");
    }
}
