//! Against a contract that uses all that proto3 JSON has.

use prost::Message;
use prost_reflect::{DescriptorPool, ReflectMessage, SerializeOptions};
use serde_json::json;

use super::*;
use crate::sample::{self, Random};

fn descriptor() -> MessageDescriptor {
    sample::pool().get_message_by_name("sample.v1.Sample").unwrap()
}

fn decode(document: &serde_json::Value) -> Result<DynamicMessage, Mismatch> {
    decode_text(&document.to_string())
}

fn decode_text(document: &str) -> Result<DynamicMessage, Mismatch> {
    message(&descriptor(), Json::parse(document.as_bytes()).unwrap())
}

fn encode(message: &DynamicMessage) -> serde_json::Value {
    message.serialize_with_options(serde_json::value::Serializer, &SerializeOptions::new()).unwrap()
}

/// The message as a service has it: without the fields that were set to their default.
fn on_the_wire(message: &DynamicMessage) -> DynamicMessage {
    DynamicMessage::decode(message.descriptor(), &*message.encode_to_vec()).unwrap()
}

/// The same document again, as answers write it.
#[track_caller]
fn keeps(document: &serde_json::Value) {
    assert_eq!(encode(&decode(document).unwrap()), *document);
}

#[track_caller]
fn becomes(document: &serde_json::Value, other: &serde_json::Value) {
    assert_eq!(encode(&decode(document).unwrap()), *other);
}

#[track_caller]
fn refuses(document: &serde_json::Value, path: &str, words: &str) {
    let mismatch = decode(document).unwrap_err();
    assert_eq!(mismatch.path, path, "{mismatch}");
    assert!(mismatch.message.contains(words), "{mismatch}");
}

#[test]
fn every_kind_of_value_comes_and_goes() {
    keeps(&json!({
        "small": -5, "large": "-9223372036854775808", "count": 4294967295_u32, "total": "18446744073709551615",
        "ratio": 1.5, "measure": -0.25, "yes": true, "someText": "ünï\u{0}", "blob": "3q2+7w==",
        "colour": "COLOUR_BLUE", "colours": ["COLOUR_RED", "COLOUR_UNSPECIFIED"],
        "inner": { "someText": "x", "inner": {} }, "children": [{}, { "small": 1 }],
        "zigzag": -7, "fixed": "-8", "otherName": "by its JSON name",
    }));
    keeps(&json!({ "labels": { "": "empty", "a b": "" } }));
    keeps(&json!({ "byNumber": { "-3": { "small": 1 } } }));
    keeps(&json!({ "byFlag": { "true": 1.5 } }));
    keeps(&json!({ "byCount": { "7": "COLOUR_RED" } }));
    keeps(&json!({ "measure": "NaN", "ratio": "-Infinity" }));
    keeps(&json!({ "maybe": "" }));
    keeps(&json!({ "name": "" }));
    keeps(&json!({ "number": "0" }));
    keeps(&json!({ "nested": {} }));
}

#[test]
fn well_known_types_have_their_own_forms() {
    keeps(&json!({
        "at": "2026-01-31T09:30:00Z", "lasts": "90.500s", "mask": "a,bC.d", "object": { "a": [1.0, null, "x"] },
        "anything": null, "list": [true, {}], "wrapped": "5", "wrappedText": "", "empty": {}, "wrappedBytes": "AA==",
        "any": { "@type": "type.googleapis.com/google.protobuf.Duration", "value": "1s" },
        "times": ["1969-12-31T23:59:59.500Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z"],
    }));
    becomes(&json!({ "at": "2026-01-31T10:30:00+01:00" }), &json!({ "at": "2026-01-31T09:30:00Z" }));
    for bad in [
        json!("yesterday"),
        json!("2026-02-30T00:00:00Z"),
        json!("10000-01-01T00:00:00Z"),
        json!(5),
        json!({}),
    ] {
        refuses(&json!({ "inner": { "at": bad } }), "inner.at", "should be an RFC 3339 time");
    }
    refuses(&json!({ "times": ["2026-01-31T09:30:00Z", null] }), "times[1]", "RFC 3339");
    refuses(&json!({ "lasts": "1h" }), "lasts", "seconds with an `s`");
    refuses(&json!({ "empty": { "x": 1 } }), "empty", "an empty object");
    refuses(&json!({ "any": { "@type": "type.googleapis.com/no.Such" } }), "any", "`@type`");
    refuses(&json!({ "wrapped": "x" }), "wrapped", "a whole number");
}

#[test]
fn lenient_where_the_mapping_is() {
    becomes(&json!({ "some_text": "as in the contract" }), &json!({ "someText": "as in the contract" }));
    becomes(
        &json!({ "small": "12", "large": 12, "count": 1.0, "total": 12e2 }),
        &json!({
            "small": 12, "large": "12", "count": 1, "total": "1200",
        }),
    );
    becomes(&json!({ "measure": "1.5e3" }), &json!({ "measure": 1500.0 }));
    becomes(&json!({ "blob": "3q2-7w" }), &json!({ "blob": "3q2+7w==" }));
    becomes(&json!({ "colour": 2 }), &json!({ "colour": "COLOUR_BLUE" }));
    becomes(
        &json!({ "small": null, "inner": null, "labels": null, "children": null, "name": null }),
        &json!({}),
    );
    becomes(&json!({ "name": null, "number": 1 }), &json!({ "number": "1" }));
}

#[test]
fn refusals_name_the_field_and_what_it_should_be() {
    refuses(&json!([]), "", "should be an object, but is an array");
    refuses(
        &json!({ "colour": "COLOUR_GREEN" }),
        "colour",
        "one of COLOUR_UNSPECIFIED, COLOUR_RED, COLOUR_BLUE",
    );
    refuses(&json!({ "colours": ["COLOUR_RED", 9] }), "colours[1]", "one of");
    refuses(&json!({ "colour": null, "colours": [null] }), "colours[0]", "one of");
    refuses(
        &json!({ "inner": { "children": [{}, { "nosuch": 1 }] } }),
        "inner.children[1].nosuch",
        "no such field",
    );
    refuses(&json!({ "small": 2147483648_u32 }), "small", "between -2147483648 and 2147483647");
    refuses(&json!({ "count": -1 }), "count", "between 0 and 4294967295");
    refuses(&json!({ "total": "18446744073709551616" }), "total", "between 0 and");
    refuses(&json!({ "large": 1.5 }), "large", "a whole number");
    refuses(&json!({ "large": " 1" }), "large", "a whole number");
    refuses(&json!({ "large": "9".repeat(500_000) }), "large", "a whole number");
    refuses(&json!({ "measure": "inf" }), "measure", "a number");
    refuses(&json!({ "ratio": 1e300 }), "ratio", "32 bits");
    refuses(&json!({ "yes": "true" }), "yes", "true or false, but is a string");
    refuses(&json!({ "someText": 5 }), "some_text", "a string, but is a number");
    refuses(&json!({ "blob": "***" }), "blob", "base64");
    refuses(&json!({ "blob": "3q2+7w-_" }), "blob", "base64");
    refuses(&json!({ "children": {} }), "children", "an array, but is an object");
    refuses(&json!({ "labels": [] }), "labels", "an object, but is an array");
    refuses(&json!({ "labels": { "a": null } }), "labels[a]", "a string, but is null");
    refuses(&json!({ "byNumber": { "x": {} } }), "by_number[x]", "a whole number");
    refuses(&json!({ "byNumber": { "1": {}, "01": {} } }), "by_number[01]", "twice");
    refuses(&json!({ "byFlag": { "yes": 1 } }), "by_flag[yes]", "true or false");
}

#[test]
fn one_thing_is_not_said_twice() {
    refuses(&json!({ "someText": "", "some_text": "" }), "some_text", "twice");
    refuses(&json!({ "name": "x", "number": 1 }), "number", "excludes `name`");
    refuses(&json!({ "nested": {}, "name": "" }), "name", "excludes `nested`");
}

#[test]
fn an_error_repeats_no_value_and_no_more_of_a_name_than_fits() {
    let mismatch = decode(&json!({ "small": "secret", })).unwrap_err().to_string();
    assert!(!mismatch.contains("secret"), "{mismatch}");
    let long = format!("{}\n", "x".repeat(1000));
    let mismatch = decode(&json!({ &long: 1 })).unwrap_err();
    assert_eq!(mismatch.path, format!("{}…", "x".repeat(NAME_SHOWN_MAX)));
    assert_eq!(decode(&json!({ "a\nb": 1 })).unwrap_err().path, r"a\nb");
}

#[test]
fn as_deep_as_json_may_be() {
    let deep = |depth: usize| format!("{}{}", "{\"inner\":".repeat(depth - 1) + "{}", "}".repeat(depth - 1));
    let message = decode_text(&deep(crate::json::NESTING_MAX)).unwrap();
    assert_eq!(encode(&on_the_wire(&message)).to_string(), deep(crate::json::NESTING_MAX));
    assert!(Json::parse(deep(crate::json::NESTING_MAX + 1).as_bytes()).is_err());
}

/// What an answer says, a request may say: writing a message and reading it gives the message.
#[test]
fn random_messages_of_all_contracts_come_back_as_they_were() {
    let seed = Random::seed();
    let mut random = Random::new(seed);
    let contracts = DescriptorPool::decode(proto::DESCRIPTORS).unwrap();
    let all: Vec<_> = contracts
        .all_messages()
        .filter(|message| message.package_name().starts_with("dossier.") && !message.is_map_entry())
        .chain([descriptor()])
        .collect();
    assert!(all.len() > 80, "the contracts were found");
    for descriptor in all {
        for _ in 0..20 {
            let original = random.message(&descriptor, 0);
            let document = encode(&original).to_string();
            let again = message(&descriptor, Json::parse(document.as_bytes()).unwrap())
                .unwrap_or_else(|mismatch| panic!("seed {seed}: {mismatch} in {document}"));
            // Not `assert_eq`: a message's debug form shows its descriptor, which is endless if it contains itself.
            assert!(on_the_wire(&again) == on_the_wire(&original), "seed {seed}: {document}");
        }
    }
}
