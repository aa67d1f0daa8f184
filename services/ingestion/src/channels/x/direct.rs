//! Direct messages on X.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{User, post::File};
use crate::channels::{
    Happening, Malformed, Message, Party, Receipt, Status,
    json::{self, At, Id},
    wording::{UNSUPPORTED, note, unescape},
};

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: Option<String>,
    id: Option<Id>,
    created_timestamp: Option<Id>,
    message_create: Option<Created>,
}

#[derive(Deserialize)]
struct Created {
    sender_id: Option<Id>,
    target: Option<Target>,
    message_data: Option<Data>,
}

#[derive(Default, Deserialize)]
struct Target {
    recipient_id: Option<Id>,
}

#[derive(Deserialize)]
struct Data {
    text: Option<String>,
    attachment: Option<Attachment>,
    quick_reply_response: Option<QuickReply>,
}

#[derive(Deserialize)]
struct Attachment {
    media: Option<File>,
}

#[derive(Deserialize)]
struct QuickReply {
    metadata: Option<String>,
}

#[derive(Deserialize)]
struct Seen {
    sender_id: Option<Id>,
    created_timestamp: Option<Id>,
}

/// A message that was sent, to us or by us.
pub(super) fn sent(
    raw: &RawValue,
    own: &str,
    users: &BTreeMap<String, User>,
    at: &At<'_>,
) -> Result<Happening, Malformed> {
    let event: Event = json::part(raw, at)?;
    if event.kind.as_deref() != Some("message_create") {
        return Ok(Happening::Passed("other_direct_event"));
    }
    let external_id = at.need_id("id", event.id)?;
    let sent_at = at.need_millis("created_timestamp", event.created_timestamp.as_ref())?;
    let created = at.need("message_create", event.message_create)?;
    let at = at.key("message_create");
    let sender = at.need_id("sender_id", created.sender_id)?;
    let outbound = sender == own;
    let other = if outbound {
        let recipient = created.target.unwrap_or_default().recipient_id;
        at.key("target").need_id("recipient_id", recipient)?
    } else {
        sender
    };
    let customer = match users.get(&other).cloned() {
        Some(user) => Party { id: other, name: user.name, handle: user.screen_name },
        None => Party { id: other, ..Party::default() },
    };
    let data = at.need("message_data", created.message_data)?;
    let mut message = Message::new(external_id, customer, sent_at);
    message.outbound = outbound;
    message.public = Some(false);
    message.text = unescape(&data.text.unwrap_or_default());
    message.media = data.attachment.and_then(|attached| attached.media?.media()).into_iter().collect();
    if message.text.trim().is_empty() && message.media.is_empty() {
        UNSUPPORTED.clone_into(&mut message.text);
    }
    note(&mut message, "payload", data.quick_reply_response.and_then(|reply| reply.metadata));
    Ok(Happening::Message(Box::new(message)))
}

/// The other one has read all that he was sent until now.
pub(super) fn read(raw: &RawValue, own: &str, at: &At<'_>) -> Result<Happening, Malformed> {
    let seen: Seen = json::part(raw, at)?;
    let reader = at.need_id("sender_id", seen.sender_id)?;
    if reader == own {
        return Ok(Happening::Passed("own_reading"));
    }
    let at = at.need_millis("created_timestamp", seen.created_timestamp.as_ref())?;
    let (contact, status) = (Some(reader), Status::Read);
    Ok(Happening::Receipt(Receipt { external_id: None, contact, status, at, code: None, word: None }))
}
