//! The older SMS API: its signature, its messages, its delivery receipts.

use std::collections::BTreeMap;

use domain::time::Timestamp;
use serde_json::{Map, Value};

use super::super::node::{self, Node};
use super::super::{
    Happening, Hook, Malformed, Message, Party, Receipt, Refused, Status, signature, wording,
};

/// Whether the body is a form; otherwise it is JSON.
pub(super) fn is_form(hook: &Hook<'_>) -> bool {
    hook.header("content-type").is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"))
}

/// The form as the JSON that it would be otherwise. What is there twice has its first value.
pub(super) fn as_json(hook: &Hook<'_>) -> Value {
    let mut object = Map::new();
    for (name, value) in hook.form() {
        object.entry(name).or_insert_with(|| Value::String(value.into_owned()));
    }
    Value::Object(object)
}

/// Whether `sig` is of the other parameters: their names sorted, `&name=value` of each, where `&` and `=` in a value are
/// `_`; and whether their timestamp is of now.
pub(super) fn verify(hook: &Hook<'_>, secret: &[u8]) -> Result<(), Refused> {
    let body = if is_form(hook) {
        as_json(hook)
    } else {
        // The signature stands within the JSON: it has to be read before it can be checked.
        node::parse(hook.body).map_err(|_| Refused::Unsigned("authorization"))?
    };
    let unsigned = Refused::Unsigned("authorization");
    let body = body.as_object().filter(|body| body.contains_key("sig")).ok_or(unsigned)?;
    let mut parameters = BTreeMap::new();
    for (name, value) in body {
        let value = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(yes) => yes.to_string(),
            // What is not flat is not signed this way.
            Value::Null | Value::Array(_) | Value::Object(_) => return Err(Refused::Signature),
        };
        parameters.insert(name.as_str(), value);
    }
    let said = parameters.remove("sig").ok_or(unsigned)?;
    let mut signed = String::new();
    for (name, value) in &parameters {
        signed.extend(["&", name, "=", &value.replace(['&', '='], "_")]);
    }
    signature::is_hex(&said, &signature::hmac_sha256(secret, &[signed.as_bytes()]))?;
    let timestamp = parameters.get("timestamp").ok_or(Refused::Stale)?;
    signature::fresh(timestamp, hook.now, signature::WINDOW_S)
}

pub(super) fn read(root: &Node<'_>, hook: &Hook<'_>) -> Result<Happening, Malformed> {
    let id = root.need_id("messageId")?;
    let at = time(root).unwrap_or(hook.now);
    if let Some(status) = root.text("status") {
        let status = match status {
            "accepted" => Status::Sent,
            "delivered" => Status::Delivered,
            "failed" | "rejected" | "expired" => Status::Failed,
            // Buffered: neither here nor there. Unknown: so it is.
            _ => return Ok(Happening::Passed("message_progress")),
        };
        let code = root.id("err-code").filter(|_| status == Status::Failed);
        return Ok(Happening::Receipt(Receipt {
            external_id: Some(id),
            contact: root.id("msisdn"),
            status,
            at,
            code,
            word: None,
        }));
    }
    let mut message = Message::new(id, Party::new(root.need_id("msisdn")?), at);
    message.field("to", root.id("to"));
    if let Some(text) = root.id("text") {
        message.text = text;
    } else if root.id("data").is_some() || root.written("text").is_none() {
        // A binary SMS: its bytes, in hexadecimal.
        message.text = root.need_id("data")?;
        message.field("encoding", Some("hex"));
    }
    if root.flag("concat") {
        // The parts of a long SMS come one by one; who shows them can put them together.
        message.field("part", root.id("concat-part"));
        message.field("parts", root.id("concat-total"));
        message.field("parts-of", root.id("concat-ref"));
    }
    wording::seen(&mut message);
    Ok(Happening::Message(Box::new(message)))
}

/// `2026-11-22 10:00:00`, in UTC.
fn time(root: &Node<'_>) -> Option<Timestamp> {
    let text = root.text("message-timestamp")?;
    let civil: jiff::civil::DateTime = text.parse().ok()?;
    civil.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp().into())
}
