//! The stored form of an entry, which is read for ever.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::collections::BTreeSet;

use bytes::Bytes;
use eventlog::{Entry, Position};
use serde_json::Value;
use service::{
    conformance::ShelfEvent,
    envelope::{Envelope, Origin, VERSION},
};
use uuid::Uuid;

const GOLDEN: &str = include_str!("../testdata/entry.json");
const SCHEMA: &str = include_str!("../../../proto/envelope.schema.json");

/// Optional in both: the others are in every entry.
const OPTIONAL: [&str; 6] = ["region", "on_behalf_of", "reason", "request_id", "causation", "correlation"];

#[test]
fn the_golden_entry_is_read_and_written_as_it_stands() {
    let envelope = Envelope::<ShelfEvent>::of(&entry(GOLDEN)).unwrap();
    assert_eq!((envelope.v, envelope.origin, envelope.policy_version), (VERSION, Origin::Live, 12));
    assert_eq!((envelope.actor.id.as_str(), envelope.region.as_deref()), ("ana", Some("fr")));
    assert!(matches!(&envelope.events[..], [ShelfEvent::Put { .. }, ShelfEvent::Counted { amount: 3 }]));
    assert_eq!(serde_json::to_string_pretty(&envelope).unwrap() + "\n", GOLDEN);
    // A reader of all categories keeps every member, in its order.
    let any = Envelope::<Value>::of(&entry(GOLDEN)).unwrap();
    assert_eq!(serde_json::to_string_pretty(&any).unwrap() + "\n", GOLDEN);
}

#[test]
fn what_is_absent_is_not_written_and_what_is_new_is_ignored() {
    let mut entry_with: Value = serde_json::from_str(GOLDEN).unwrap();
    for name in OPTIONAL {
        entry_with.as_object_mut().unwrap().shift_remove(name).unwrap();
    }
    let text = entry_with.to_string();
    let envelope = Envelope::<ShelfEvent>::of(&entry(&text)).unwrap();
    assert_eq!(serde_json::to_string(&envelope).unwrap(), text);
    entry_with["of_tomorrow"] = Value::Bool(true);
    assert_eq!(Envelope::<ShelfEvent>::of(&entry(&entry_with.to_string())).unwrap(), envelope);
}

#[test]
fn the_schema_has_exactly_the_members_of_the_golden_entry() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let golden: Value = serde_json::from_str(GOLDEN).unwrap();
    let optional = BTreeSet::from(OPTIONAL);
    for (part, schema, golden, optional) in [
        ("entry", &schema, &golden, optional),
        ("actor", &schema["properties"]["actor"], &golden["actor"], BTreeSet::new()),
        ("command", &schema["properties"]["command"], &golden["command"], BTreeSet::new()),
    ] {
        let members: BTreeSet<&str> = golden.as_object().unwrap().keys().map(String::as_str).collect();
        let known: BTreeSet<&str> =
            schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        let required: BTreeSet<&str> =
            schema["required"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
        assert_eq!(known, members, "{part}");
        assert_eq!(required, members.difference(&optional).copied().collect(), "{part}");
    }
    // What may be chosen is what can be written.
    for (part, known) in [
        ("origin", &schema["properties"]["origin"]),
        ("actor", &schema["properties"]["actor"]["properties"]["kind"]),
    ] {
        for choice in known["enum"].as_array().unwrap() {
            let mut with = golden.clone();
            match part {
                "origin" => with["origin"] = choice.clone(),
                _ => with["actor"]["kind"] = choice.clone(),
            }
            Envelope::<ShelfEvent>::of(&entry(&with.to_string())).unwrap();
        }
    }
}

#[test]
fn what_cannot_be_read_is_named_by_its_place_and_not_by_its_text() {
    let without = |name: &str| {
        let mut value: Value = serde_json::from_str(GOLDEN).unwrap();
        value.as_object_mut().unwrap().remove(name).unwrap();
        value.to_string()
    };
    let names: Value = serde_json::from_str(SCHEMA).unwrap();
    for name in names["required"].as_array().unwrap() {
        let end = Envelope::<ShelfEvent>::of(&entry(&without(name.as_str().unwrap())));
        assert!(end.is_err(), "{name}");
    }
    let secret = GOLDEN.replace("shelf.put", "hunter2");
    let text = Envelope::<ShelfEvent>::of(&entry(&secret)).unwrap_err().to_string();
    assert!(text.contains("entry 9 of shelf-1") && !text.contains("hunter2"), "{text}");
}

fn entry(body: &str) -> Entry {
    Entry {
        position: Position(9),
        id: Uuid::from_u128(1),
        stream: "shelf-1".parse().unwrap(),
        traceparent: None,
        body: Bytes::copy_from_slice(body.as_bytes()),
    }
}
