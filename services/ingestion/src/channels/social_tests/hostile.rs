//! Noise: anything that JSON can be, samples with anything in them changed, and bodies that are large.

use std::time::{Duration, Instant};

use proptest::{prelude::*, sample::Index};
use serde_json::{Map, Value, json};

use super::{Call, KEY, NAMES, config, samples::samples};
use crate::{
    channels::{Happening, Said},
    intake::limits::{FIELD_VALUE_MAX, ID_MAX},
};
use domain::ids::{CampaignId, FieldId};

/// Keys that connectors look for, so that noise is sometimes looked into.
const KEYS: &[&str] = &[
    "object",
    "entry",
    "changes",
    "messaging",
    "field",
    "value",
    "messages",
    "statuses",
    "id",
    "type",
    "timestamp",
    "events",
    "source",
    "message",
    "text",
    "event",
    "ts",
    "channel",
    "user",
    "update_id",
    "chat",
    "date",
    "from",
    "for_user_id",
    "tweet_create_events",
    "direct_message_events",
    "users",
    "sender",
    "recipient",
    "mid",
    "item",
    "verb",
];

fn any_json() -> impl Strategy<Value = Value> {
    let words = proptest::sample::select(KEYS).prop_map(Value::from);
    let objects =
        ["page", "instagram", "whatsapp_business_account", "event_callback", "add", "comment", "private"];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        proptest::sample::select(objects.to_vec()).prop_map(Value::from),
        words,
    ];
    leaf.prop_recursive(6, 64, 8, |inner| {
        let key = prop_oneof![proptest::sample::select(KEYS).prop_map(str::to_owned), any::<String>()];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            proptest::collection::vec((key, inner), 0..8)
                .prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// What may be promised of whatever was said.
fn check(said: &Said) -> Result<(), TestCaseError> {
    for happening in &said.happenings {
        if let Happening::Message(message) = happening {
            prop_assert!(!message.external_id.is_empty());
            prop_assert!(message.outbound || !message.customer.id.is_empty());
            prop_assert!(message.customer.id.len() <= ID_MAX + "unknown:".len());
            prop_assert!(!message.text.trim().is_empty() || !message.media.is_empty());
            for (name, value) in &message.fields {
                prop_assert!(FieldId::new(name).is_ok(), "{name}");
                prop_assert!((1..=FIELD_VALUE_MAX).contains(&value.len()));
            }
            if let Some(campaign) = &message.campaign {
                prop_assert!(CampaignId::new(campaign).is_ok(), "{campaign}");
            }
        }
    }
    Ok(())
}

fn try_all(body: &[u8]) -> Result<(), TestCaseError> {
    let config = config(KEY, &[]);
    for connector in NAMES {
        for kind in ["application/json", "application/x-www-form-urlencoded"] {
            let call = Call::post(body).header("content-type", kind);
            let _ = call.verify(connector, &config);
            if let Ok(said) = call.read(connector, &config) {
                check(&said)?;
            }
        }
    }
    Ok(())
}

/// Every place in a value, as a pointer.
fn places(value: &Value, at: &str, places: &mut Vec<String>) {
    places.push(at.to_owned());
    match value {
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                self::places(value, &format!("{at}/{index}"), places);
            }
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                let name = name.replace('~', "~0").replace('/', "~1");
                self::places(value, &format!("{at}/{name}"), places);
            }
        }
        _ => {}
    }
}

fn sample_bodies() -> Vec<(&'static str, Value)> {
    let all = NAMES.iter().flat_map(|name| samples(name).into_iter().map(move |sample| (*name, sample)));
    all.filter_map(|(name, sample)| Some((name, serde_json::from_str(&sample.body).ok()?))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_json_is_read_or_refused(value in any_json()) {
        try_all(value.to_string().as_bytes())?;
    }

    #[test]
    fn whatever_is_bytes_is_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..512)) {
        try_all(&body)?;
    }

    #[test]
    fn a_sample_with_other_values_in_it_is_read_or_refused(
        which in any::<Index>(),
        changes in proptest::collection::vec((any::<Index>(), any_json()), 1..4),
    ) {
        let mut bodies = sample_bodies();
        let index = which.index(bodies.len());
        let (connector, mut body) = bodies.swap_remove(index);
        for (place, value) in changes {
            let mut all = Vec::new();
            places(&body, "", &mut all);
            let place = &all[place.index(all.len())];
            *body.pointer_mut(place).unwrap() = value;
        }
        let call = Call::post(body.to_string());
        if let Ok(said) = call.read(connector, &config(KEY, &[])) {
            check(&said)?;
        }
    }

    #[test]
    fn a_sample_with_other_bytes_in_it_is_read_or_refused(
        which in any::<Index>(),
        changes in proptest::collection::vec((any::<Index>(), any::<u8>()), 1..6),
        cut in any::<Index>(),
    ) {
        let mut bodies = sample_bodies();
        let index = which.index(bodies.len());
        let (connector, body) = bodies.swap_remove(index);
        let mut body = body.to_string().into_bytes();
        for (place, byte) in changes {
            let place = place.index(body.len());
            body[place] = byte;
        }
        body.truncate(cut.index(body.len() * 4).max(1));
        if let Ok(said) = Call::post(body).read(connector, &config(KEY, &[])) {
            check(&said)?;
        }
    }
}

/// Each place of each sample taken away, one at a time.
#[test]
fn a_sample_without_one_of_its_parts_is_read_or_refused() {
    let mut tried = 0;
    for (connector, body) in sample_bodies() {
        let mut all = Vec::new();
        places(&body, "", &mut all);
        for place in all {
            let mut body = body.clone();
            let (parent, name) = place.rsplit_once('/').unwrap_or_default();
            match body.pointer_mut(parent) {
                Some(Value::Object(fields)) => {
                    fields.remove(&name.replace("~1", "/").replace("~0", "~"));
                }
                Some(Value::Array(values)) => {
                    values.remove(name.parse().unwrap());
                }
                _ => continue,
            }
            tried += 1;
            match Call::post(body.to_string()).read(connector, &config(KEY, &[])) {
                Ok(said) => check(&said).unwrap(),
                // A path of the body, and nothing that was sent.
                Err(malformed) => assert!(
                    malformed.path.bytes().all(|b| b.is_ascii_alphanumeric() || b"._[]".contains(&b)),
                    "{connector}: {}",
                    malformed.path
                ),
            }
        }
    }
    println!("{tried} samples without a part");
    assert!(tried > 1_000);
}

/// How long a large body of many things may take, without optimisation on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn large_bodies_are_read_in_good_time() {
    let long = "x".repeat(200_000);
    let many = |item: Value, count: usize| Value::from(vec![item; count]);
    let people = |count: usize| -> Vec<Value> {
        (0..count).map(|n| json!({"wa_id": n.to_string(), "profile": {"name": "N"}})).collect()
    };
    let entity = json!({"type": "text_link", "offset": 3, "length": 4, "url": "https://a.example"});
    let bodies = [
        (
            "whatsapp_cloud",
            json!({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [{
            "field": "messages", "value": {"contacts": people(10_000), "messages": many(json!({
                "id": "m", "from": "9999", "timestamp": "1700000000", "type": "text", "text": {"body": "hi"}}), 10_000)}}]}]}),
        ),
        (
            "whatsapp_cloud",
            json!({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [{
            "field": "messages", "value": {
                "contacts": [{"wa_id": "1", "profile": {"name": long}}],
                "messages": many(json!({"id": "m", "from": "1", "timestamp": "1700000000", "type": "text",
                    "text": {"body": "hi"}}), 10_000)}}]}]}),
        ),
        (
            "messenger",
            json!({"object": "page", "entry": [{"id": "1", "messaging": [{
            "sender": {"id": long}, "recipient": {"id": "1"}, "timestamp": 1_700_000_000_000_i64,
            "delivery": {"mids": many(json!("m"), 10_000), "watermark": 1_700_000_000_000_i64}}]}]}),
        ),
        (
            "messenger",
            json!({"object": "page", "entry": [{"id": "1", "messaging": [{
            "sender": {"id": "2"}, "recipient": {"id": "1"}, "timestamp": 1_700_000_000_000_i64,
            "message": {"mid": "m", "text": long, "attachments": many(json!({
                "type": "fallback", "payload": {"url": "https://a.example"}}), 10_000)}}]}]}),
        ),
        (
            "facebook_page",
            json!({"object": "page", "entry": [{"id": "1", "time": 1_700_000_000, "changes": [{
            "field": "feed", "value": {"item": "post", "verb": "add", "post_id": "p", "from": {"id": "2"},
                "photos": (0..20_000).map(|n| json!(n.to_string())).collect::<Vec<_>>()}}]}]}),
        ),
        (
            "x",
            json!({"for_user_id": "1", "users": {"2": {"id": "2", "name": long}},
            "direct_message_events": many(json!({"type": "message_create", "id": "d",
                "created_timestamp": "1700000000000", "message_create": {"sender_id": "2",
                "target": {"recipient_id": "1"}, "message_data": {"text": "hi"}}}), 10_000)}),
        ),
        (
            "telegram",
            json!({"update_id": 1, "message": {"message_id": 1, "date": 1_700_000_000,
            "chat": {"id": 2, "type": "private"}, "from": {"id": 2}, "text": long, "entities": many(entity, 20_000)}}),
        ),
        (
            "slack",
            json!({"type": "event_callback", "event": {"type": "message", "channel": "C1", "user": "U1",
            "ts": "1700000000.000100", "text": "<".repeat(400_000)}}),
        ),
        (
            "slack",
            json!({"type": "event_callback", "event": {"type": "message", "channel": "C1", "user": "U1",
            "ts": "1700000000.000100", "text": "<a|b>&amp;".repeat(40_000)}}),
        ),
        (
            "line",
            json!({"events": many(json!({"type": "message", "timestamp": 1_700_000_000_000_i64,
            "source": {"userId": "U"}, "message": {"id": "1", "type": "text", "text": "hi"}}), 20_000)}),
        ),
    ];
    for (connector, body) in bodies {
        let body = body.to_string();
        let began = Instant::now();
        let said = Call::post(body.clone()).read(connector, &config(KEY, &[]));
        let took = began.elapsed();
        println!("{connector}: {} bytes in {took:?}", body.len());
        assert!(took < PATIENCE, "{connector}: {took:?}");
        if let Ok(said) = said {
            let kept: usize = said.happenings.iter().map(size).sum();
            assert!(kept < body.len() * 10 + 1_000_000, "{connector}: {} bytes became {kept}", body.len());
        }
    }
}

fn size(happening: &Happening) -> usize {
    format!("{happening:?}").len() / 2
}

#[test]
fn deep_json_is_refused() {
    for connector in NAMES {
        for (open, close) in [("[", "]"), ("{\"entry\":", "}"), ("{\"events\":[", "]}"), ("{\"event\":", "}")]
        {
            let body = format!("{}0{}", open.repeat(100_000), close.repeat(100_000));
            let read = Call::post(body).read(connector, &config(KEY, &[]));
            assert!(read.is_err(), "{connector}");
        }
    }
}
