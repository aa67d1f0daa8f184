//! One message of WhatsApp: what it says, or does to another one.

use domain::message::EntryPoint;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Contacts, content::Content};
use crate::channels::{
    Happening, Malformed, Message, Party,
    json::{self, At, Id},
    wording::{came_by, note, said},
};

#[derive(Deserialize)]
struct Head<'a> {
    id: Option<Id>,
    from: Option<Id>,
    /// The sender, where he shows no number.
    from_user_id: Option<Id>,
    to: Option<Id>,
    to_user_id: Option<Id>,
    group_id: Option<Id>,
    timestamp: Option<Id>,
    #[serde(rename = "type")]
    kind: Option<String>,
    referral: Option<Referral>,
    reaction: Option<Reaction>,
    #[serde(borrow)]
    edit: Option<Edit<'a>>,
    revoke: Option<Revoke>,
}

#[derive(Deserialize)]
struct Referral {
    source_type: Option<String>,
    source_id: Option<Id>,
    source_url: Option<String>,
    headline: Option<String>,
    ctwa_clid: Option<String>,
}

#[derive(Default, Deserialize)]
struct Reaction {
    message_id: Option<Id>,
    emoji: Option<String>,
}

#[derive(Default, Deserialize)]
struct Edit<'a> {
    original_message_id: Option<Id>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Revoke {
    original_message_id: Option<Id>,
}

/// What the message means. `echo`: it was sent from the business' own app.
pub(super) fn read(
    raw: &RawValue,
    contacts: &Contacts,
    echo: bool,
    at: &At<'_>,
) -> Result<Happening, Malformed> {
    let head: Head<'_> = json::part(raw, at)?;
    let sent_at = at.need_seconds("timestamp", head.timestamp.as_ref())?;
    let user_id = if echo { head.to_user_id } else { head.from_user_id }.and_then(Id::said);
    let number = if echo { head.to } else { head.from }.and_then(Id::said);
    let customer = || -> Result<_, Malformed> {
        let id = at.need(if echo { "to" } else { "from" }, number.or_else(|| user_id.clone()))?;
        Ok(contacts.party(id, user_id.as_deref()))
    };
    let (external_id, raw, edited) = match at.need("type", head.kind)?.as_str() {
        "reaction" => {
            let at = at.key("reaction");
            let Reaction { message_id, emoji } = head.reaction.unwrap_or_default();
            // In an echo, the business is who reacts; it is not named.
            let by = if echo { Party::default() } else { customer()? };
            let external_id = at.need_id("message_id", message_id)?;
            return Ok(Happening::Reaction {
                external_id,
                by,
                sign: said(emoji),
                at: Some(sent_at),
                event: None,
            });
        }
        "revoke" => {
            let original = head.revoke.and_then(|revoke| revoke.original_message_id);
            let external_id = at.key("revoke").need_id("original_message_id", original)?;
            return Ok(Happening::Deleted { external_id, at: Some(sent_at) });
        }
        "system" => return Ok(Happening::Passed("person_changed")),
        "request_welcome" => return Ok(Happening::Passed("chat_opened")),
        "edit" => {
            let at = at.key("edit");
            let Edit { original_message_id, message } = head.edit.unwrap_or_default();
            (at.need_id("original_message_id", original_message_id)?, at.need("message", message)?, true)
        }
        _ => (at.need_id("id", head.id)?, raw, false),
    };
    let edit = at.key("edit");
    let content_at = if edited { edit.key("message") } else { *at };
    let content: Content = json::part(raw, &content_at)?;
    if content.is_permission() {
        return Ok(Happening::Passed("call_permission"));
    }
    let mut message = Message::new(external_id, customer()?, sent_at);
    message.outbound = echo;
    message.edited_at = edited.then_some(sent_at);
    let group = head.group_id.and_then(Id::said);
    message.public = Some(group.is_some());
    note(&mut message, "group-id", group);
    note(&mut message, "user-id", user_id);
    content.say(&mut message, &content_at)?;
    refer(&mut message, head.referral);
    Ok(Happening::Message(Box::new(message)))
}

/// How the customer came, if an advertisement or a post brought him.
fn refer(message: &mut Message, referral: Option<Referral>) {
    let Some(referral) = referral else { return };
    let entry_point = match referral.source_type.as_deref() {
        Some("ad") => Some(EntryPoint::ClickToChatAd),
        Some("post") => Some(EntryPoint::SendMessage),
        _ => None,
    };
    came_by(message, entry_point, referral.source_id.and_then(Id::said));
    note(message, "referral-url", referral.source_url);
    note(message, "referral-headline", referral.headline);
    note(message, "click-id", referral.ctwa_clid);
}
