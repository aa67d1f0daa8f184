//! What a call said, as JSON that samples can state: what is empty is left out.

use data_encoding::BASE64;
use serde_json::{Map, Value, json};

use super::super::{Answer, Happening, Malformed, MediaSource, Message, Party, Said, Status};

pub(super) fn outcome(outcome: &Result<Said, Malformed>) -> Value {
    match outcome {
        Err(malformed) => json!({ "malformed": malformed.path }),
        Ok(said) => {
            let mut shown = json!({ "happenings": happenings(&said.happenings) });
            if let Answer::Text(kind, text) = &said.answer {
                shown["answer"] = json!([kind, text]);
            }
            shown
        }
    }
}

pub(super) fn happenings(happenings: &[Happening]) -> Vec<Value> {
    happenings.iter().map(happening).collect()
}

fn happening(happening: &Happening) -> Value {
    match happening {
        Happening::Message(message) => json!({ "message": self::message(message) }),
        Happening::Deleted { external_id, at } => {
            json!({ "deleted": full([("id", json!(external_id)), ("at", json!(at))]) })
        }
        Happening::Reaction { external_id, by, sign, at, event } => json!({ "reaction": full([
            ("id", json!(external_id)), ("by", party(by)), ("sign", json!(sign)), ("at", json!(at)),
            ("event", json!(event)),
        ]) }),
        Happening::Receipt(receipt) => json!({ "receipt": full([
            ("id", json!(receipt.external_id)),
            ("contact", json!(receipt.contact)),
            ("status", json!(match receipt.status {
                Status::Sent => "sent",
                Status::Delivered => "delivered",
                Status::Read => "read",
                Status::Failed => "failed",
            })),
            ("at", json!(receipt.at)),
            ("code", json!(receipt.code)),
        ]) }),
        Happening::Contact { person, reachable, at } => json!({ "contact": full([
            ("person", party(person)), ("reachable", json!(if *reachable { "yes" } else { "no" })), ("at", json!(at)),
        ]) }),
        Happening::Marketing { person, allowed, at } => json!({ "marketing": full([
            ("person", party(person)), ("allowed", json!(if *allowed { "yes" } else { "no" })), ("at", json!(at)),
        ]) }),
        Happening::Mail(mail) => json!({ "mail": full([
            ("raw", json!(String::from_utf8_lossy(&mail.raw))),
            ("from", json!(mail.envelope_from)),
            ("to", json!(mail.envelope_to)),
        ]) }),
        Happening::Passed(name) => json!({ "passed": name }),
    }
}

fn party(party: &Party) -> Value {
    full([("id", json!(party.id)), ("name", json!(party.name)), ("handle", json!(party.handle))])
}

fn message(message: &Message) -> Value {
    let media: Vec<_> = message
        .media
        .iter()
        .map(|media| {
            let (key, source) = match &media.source {
                MediaSource::Id(id) => ("id", id.clone()),
                MediaSource::Url(url) => ("url", url.clone()),
                MediaSource::Content(content) => ("content", BASE64.encode(content)),
            };
            full([
                (key, json!(source)),
                ("name", json!(media.name)),
                ("type", json!(media.media_type)),
                ("bytes", json!(media.bytes)),
                ("sha256", json!(media.sha256)),
            ])
        })
        .collect();
    full([
        ("id", json!(message.external_id)),
        ("customer", party(&message.customer)),
        ("outbound", json!(message.outbound)),
        ("text", json!(message.text)),
        ("subject", json!(message.subject)),
        ("sent_at", json!(message.sent_at)),
        ("edited_at", json!(message.edited_at)),
        ("reply_to", json!(message.reply_to)),
        ("thread_root", json!(message.thread_root)),
        ("public", json!(message.public.map(|public| if public { "yes" } else { "no" }))),
        ("language", json!(message.language)),
        ("media", json!(media)),
        ("forwarded", json!(message.forwarded)),
        ("entry_point", json!(message.entry_point)),
        ("campaign", json!(message.campaign)),
        ("fields", json!(message.fields)),
    ])
}

fn full<const N: usize>(pairs: [(&str, Value); N]) -> Value {
    let says = |value: &Value| match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        Value::Bool(true) | Value::Number(_) => true,
    };
    let pairs = pairs.into_iter().filter(|(_, value)| says(value));
    Value::Object(pairs.map(|(key, value)| (key.to_owned(), value)).collect::<Map<_, _>>())
}
