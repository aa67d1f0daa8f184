//! Our own words for what happened, in JSON: what a system says that has no connector of its own.
//!
//! One object; `type` says what happened, the other fields are those of [`Happening`]. Times are RFC 3339, or seconds or
//! milliseconds since 1970. What is not needed may be left out or null; what is not known is not looked at.
//!
//! | `type` | needed | may be there |
//! |---|---|---|
//! | `message` | `id`¹, `customer.id`, `sent_at`¹, one of `text`, `subject`, `media` | `customer.name`, `customer.handle`, `outbound`, `edited_at`, `reply_to`, `thread_root`, `public`, `language`, `forwarded`, `entry_point`², `campaign`, `fields` (an object of texts; names of a-z, 0-9 and `-`) |
//! | `message.deleted` | `id` | `at` |
//! | `reaction` | `id`, `by.id` | `sign` (without: taken back), `at`, `by.name`, `by.handle` |
//! | `receipt` | `status` (`sent`, `delivered`, `read`, `failed`), `at`¹, and `id` or `contact` | `code` |
//! | `contact` | `person.id`, `reachable` | `at`, `person.name`, `person.handle` |
//!
//! An element of `media` has a `url`, or its `content` in base64, or an `id`; and perhaps `name`, `media_type`, `bytes`,
//! `sha256`. ¹ The envelope's stands in for it. ² As events write it: `click_to_chat_ad`, `checkbox_plugin`, `message_us`,
//! `customer_chat`, `send_message`, `web_authenticated`.

use data_encoding::BASE64;
use domain::{message::EntryPoint, time::Timestamp};
use serde::Deserialize;
use serde_json::Value;

use super::node::Node;
use super::{Happening, Malformed, Media, MediaSource, Message, Party, Receipt, Status, wording};

/// The longest name of a field, in bytes.
const FIELD_NAME_MAX: usize = 64;

/// What stands in for what the object does not say.
pub(super) struct Envelope<'a> {
    /// What happened.
    pub(super) kind: Option<&'a str>,
    /// What the event is called, and a message that says no id.
    pub(super) id: Option<String>,
    /// When it happened.
    pub(super) at: Timestamp,
}

/// What the object says.
pub(super) fn read(data: &Node<'_>, envelope: &Envelope<'_>) -> Result<Happening, Malformed> {
    if !data.value().is_object() {
        return Err(data.wrong("", "an object"));
    }
    let kind = data.text("type").or(envelope.kind).ok_or_else(|| data.wrong("type", "a text"))?;
    match kind.strip_prefix("dossier.").unwrap_or(kind) {
        "message" => message(data, envelope).map(Into::into),
        "message.deleted" => Ok(Happening::Deleted { external_id: data.need_id("id")?, at: data.time("at") }),
        "reaction" => Ok(Happening::Reaction {
            external_id: data.need_id("id")?,
            by: party(&data.need("by")?)?,
            sign: data.text("sign").map(str::to_owned),
            at: data.time("at"),
            event: envelope.id.clone(),
        }),
        "receipt" => receipt(data, envelope),
        "contact" => Ok(Happening::Contact {
            person: party(&data.need("person")?)?,
            reachable: flag(data, "reachable")?.ok_or_else(|| data.wrong("reachable", "true or false"))?,
            at: data.time("at"),
        }),
        _ => Ok(Happening::Passed("other_event")),
    }
}

fn party(node: &Node<'_>) -> Result<Party, Malformed> {
    Ok(Party { id: node.need_id("id")?, name: node.id("name"), handle: node.id("handle") })
}

/// True or false and nothing else: what decides who may be written to is not guessed.
fn flag(node: &Node<'_>, key: &str) -> Result<Option<bool>, Malformed> {
    match node.get(key).map(|node| node.value()) {
        None => Ok(None),
        Some(Value::Bool(yes)) => Ok(Some(*yes)),
        Some(_) => Err(node.wrong(key, "true or false")),
    }
}

/// A time that may be left out, but must be one if it is there.
fn time(node: &Node<'_>, key: &str) -> Result<Option<Timestamp>, Malformed> {
    if node.has(key) { node.need_time(key).map(Some) } else { Ok(None) }
}

fn receipt(data: &Node<'_>, envelope: &Envelope<'_>) -> Result<Happening, Malformed> {
    let status = match data.need_text("status")? {
        "sent" => Status::Sent,
        "delivered" => Status::Delivered,
        "read" => Status::Read,
        "failed" => Status::Failed,
        _ => return Err(data.wrong("status", "sent, delivered, read or failed")),
    };
    let (external_id, contact) = (data.id("id"), data.id("contact"));
    if external_id.is_none() && contact.is_none() {
        return Err(data.wrong("id", "a text; or contact"));
    }
    let at = time(data, "at")?.unwrap_or(envelope.at);
    Ok(Happening::Receipt(Receipt { external_id, contact, status, at, code: data.id("code"), word: None }))
}

fn message(data: &Node<'_>, envelope: &Envelope<'_>) -> Result<Message, Malformed> {
    let id = data.id("id").or_else(|| envelope.id.clone()).ok_or_else(|| data.wrong("id", "a text"))?;
    let sent_at = time(data, "sent_at")?.unwrap_or(envelope.at);
    let mut message = Message::new(id, party(&data.need("customer")?)?, sent_at);
    message.outbound = flag(data, "outbound")?.unwrap_or_default();
    message.forwarded = flag(data, "forwarded")?.unwrap_or_default();
    message.public = flag(data, "public")?;
    data.text("text").unwrap_or_default().clone_into(&mut message.text);
    message.subject = data.text("subject").map(str::to_owned);
    message.edited_at = time(data, "edited_at")?;
    message.reply_to = data.id("reply_to");
    message.thread_root = data.id("thread_root");
    message.in_language(data.text("language"));
    message.came_by(data.id("campaign"));
    if let Some(point) = data.get("entry_point") {
        let point = EntryPoint::deserialize(point.value());
        message.entry_point =
            Some(point.map_err(|_| data.wrong("entry_point", "an entry point that is known"))?);
    }
    for file in data.items("media")? {
        message.media.push(media(&file)?);
    }
    if let Some(fields) = data.get("fields") {
        let fields = fields.value().as_object().ok_or_else(|| data.wrong("fields", "an object"))?;
        for (name, value) in fields {
            if !is_field_name(name) {
                return Err(data.wrong("fields", "named by 1 to 64 of a-z, 0-9 and '-'"));
            }
            let value = value.as_str().ok_or_else(|| data.wrong("fields", "an object of texts"))?;
            message.field(name, Some(value));
        }
    }
    // A blank text is one; without any, what was written may stand where it is not looked for.
    if data.written("text").is_none() && message.subject.is_none() && message.media.is_empty() {
        return Err(data.wrong("text", "a text; or subject, or media"));
    }
    wording::seen(&mut message);
    Ok(message)
}

fn is_field_name(name: &str) -> bool {
    let character = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    (1..=FIELD_NAME_MAX).contains(&name.len()) && name.bytes().all(character)
}

fn media(file: &Node<'_>) -> Result<Media, Malformed> {
    let source = match (file.text("url"), file.text("content"), file.id("id")) {
        (Some(url), None, None) => MediaSource::Url(url.to_owned()),
        (None, Some(content), None) => {
            let content = BASE64.decode(content.as_bytes());
            MediaSource::Content(content.map_err(|_| file.wrong("content", "base64"))?)
        }
        (None, None, Some(id)) => MediaSource::Id(id),
        _ => return Err(file.wrong("url", "a text; or content, or id, but one of them only")),
    };
    Ok(Media {
        source,
        name: file.text("name").map(str::to_owned),
        media_type: file.text("media_type").map(str::to_owned),
        bytes: file.number("bytes").and_then(|bytes| bytes.try_into().ok()),
        sha256: file.text("sha256").map(str::to_ascii_lowercase),
    })
}
