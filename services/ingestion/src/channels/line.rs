//! `line`: the Messaging API of LINE, with users, groups and rooms.
//!
//! Verified by a published vector of its signature and by a published payload with most kinds of events.
//!
//! Secret: `channel_secret`. Files have no address: they are to be asked for by the message's id, unless they are elsewhere.
//! A button that was pressed (`postback`) is a message of what the button carries. A second delivery carries the same ids.
//! What another module answers (`standby`) is passed over. Receipts are not told by the platform.

mod message;

use domain::time::Timestamp;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::{
    Config, Connector, Happening, Hook, Malformed, Message, Party, Refused, Said,
    json::{self, At, Id},
    signature,
    wording::{add_line, note},
};

/// The connector.
pub(super) struct Line;

const SECRET: &str = "channel_secret";
const SIGNATURE: &str = "X-Line-Signature";

impl Connector for Line {
    fn name(&self) -> &'static str {
        "line"
    }

    fn secrets(&self) -> &'static [&'static str] {
        &[SECRET]
    }

    fn verify(&self, hook: &Hook<'_>, config: &Config) -> Result<(), Refused> {
        if hook.method != http::Method::POST {
            return Err(Refused::Method);
        }
        let secret = config.secret(SECRET)?;
        let said = hook.header(SIGNATURE).ok_or(Refused::Unsigned(SIGNATURE))?;
        signature::is_base64(said, &signature::hmac_sha256(secret, &[hook.body]))
    }

    fn read(&self, hook: &Hook<'_>, _: &Config) -> Result<Said, Malformed> {
        let body: Body<'_> = json::body(hook.body)?;
        let events = At::BODY.need("events", body.events)?;
        let at = At::BODY.key("events");
        let mut happenings = Vec::with_capacity(events.len());
        for (index, raw) in events.iter().enumerate() {
            happenings.push(read_event(raw, &at.index(index))?);
        }
        // The console tries an address by a call without events.
        if happenings.is_empty() {
            happenings.push(Happening::Passed("handshake"));
        }
        Ok(Said { happenings, ..Said::default() })
    }

    fn lists(&self) -> &'static [&'static str] {
        &["events"]
    }
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    events: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(rename = "type")]
    kind: Option<String>,
    mode: Option<String>,
    timestamp: Option<Id>,
    #[serde(rename = "webhookEventId")]
    webhook_event_id: Option<Id>,
    source: Option<Source>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    #[serde(borrow)]
    postback: Option<&'a RawValue>,
    unsend: Option<Unsend>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Source {
    user_id: Option<Id>,
    group_id: Option<Id>,
    room_id: Option<Id>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Unsend {
    message_id: Option<Id>,
}

#[derive(Deserialize)]
struct Postback {
    data: Option<String>,
    #[serde(default)]
    params: Option<serde_json::Map<String, Value>>,
}

/// Who wrote, and where.
struct From {
    customer: Party,
    /// A group or a room, which others read.
    group: Option<String>,
}

fn read_event(raw: &RawValue, at: &At<'_>) -> Result<Happening, Malformed> {
    let event: Event<'_> = json::part(raw, at)?;
    let kind = at.need("type", event.kind)?;
    let passed = match kind.as_str() {
        "message" | "postback" if event.mode.as_deref() == Some("standby") => Some("standby"),
        "message" | "postback" | "unsend" | "follow" | "unfollow" => None,
        "join" | "leave" | "memberJoined" | "memberLeft" => Some("membership"),
        "beacon" => Some("beacon"),
        "accountLink" => Some("account_linked"),
        "videoPlayComplete" => Some("video_played"),
        "delivery" => Some("delivery"),
        "membership" => Some("subscription"),
        "module" | "activated" | "deactivated" | "botSuspended" | "botResumed" => Some("app_changed"),
        _ => Some("other_event"),
    };
    if let Some(name) = passed {
        return Ok(Happening::Passed(name));
    }
    let when = at.need_millis("timestamp", event.timestamp.as_ref())?;
    if kind == "unsend" {
        let unsent = event.unsend.unwrap_or_default();
        let external_id = at.key("unsend").need_id("messageId", unsent.message_id)?;
        return Ok(Happening::Deleted { external_id, at: Some(when) });
    }
    let from = from(event.source, at)?;
    match kind.as_str() {
        "message" => message::read(at.need("message", event.message)?, from, when, &at.key("message")),
        "postback" => {
            let external_id = at.need_id("webhookEventId", event.webhook_event_id)?;
            postback(at.need("postback", event.postback)?, external_id, from, when, &at.key("postback"))
        }
        kind => Ok(Happening::Contact { person: from.customer, reachable: kind == "follow", at: Some(when) }),
    }
}

fn from(source: Option<Source>, at: &At<'_>) -> Result<From, Malformed> {
    let source = at.need("source", source)?;
    let group = source.group_id.or(source.room_id).and_then(Id::said);
    // In a group, LINE names only who has agreed to it; the group is who can be answered.
    let id = source.user_id.and_then(Id::said).or_else(|| group.clone());
    let id = at.key("source").need("userId", id)?;
    Ok(From { customer: Party { id, ..Party::default() }, group })
}

fn postback(
    raw: &RawValue,
    external_id: String,
    from: From,
    when: Timestamp,
    at: &At<'_>,
) -> Result<Happening, Malformed> {
    let Postback { data, params } = json::part(raw, at)?;
    let params = params.unwrap_or_default();
    if params.contains_key("newRichMenuAliasId") {
        return Ok(Happening::Passed("menu_switched"));
    }
    let mut message = from.message(external_id, when);
    message.text = at.need("data", data.clone())?;
    for (name, value) in &params {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        add_line(&mut message.text, &format!("{name}: {value}"));
    }
    if message.text.trim().is_empty() {
        "[button]".clone_into(&mut message.text);
    }
    note(&mut message, "payload", data);
    Ok(Happening::Message(Box::new(message)))
}

impl From {
    fn message(self, external_id: String, sent_at: Timestamp) -> Message {
        let mut message = Message::new(external_id, self.customer, sent_at);
        message.public = Some(self.group.is_some());
        note(&mut message, "group-id", self.group);
        message
    }
}
