//! A message of a chat, its edits, and buttons that were pressed.

use domain::{message::EntryPoint, time::Timestamp};
use serde::Deserialize;

use super::{
    attachment::Attachment,
    event::{Referral, Sides},
};
use crate::channels::{
    Happening, Malformed, Message, Party,
    json::{At, Id},
    wording::{UNSUPPORTED, add_line, note, said},
};

#[derive(Deserialize)]
pub(super) struct Body {
    mid: Option<Id>,
    text: Option<String>,
    #[serde(default)]
    pub(super) is_echo: bool,
    #[serde(default)]
    is_deleted: bool,
    #[serde(default)]
    attachments: Vec<Attachment>,
    quick_reply: Option<QuickReply>,
    reply_to: Option<ReplyTo>,
    referral: Option<Referral>,
    prior_message: Option<Prior>,
    app_id: Option<Id>,
}

#[derive(Deserialize)]
struct QuickReply {
    payload: Option<String>,
}

#[derive(Deserialize)]
struct ReplyTo {
    mid: Option<Id>,
    story: Option<Story>,
}

#[derive(Deserialize)]
struct Story {
    id: Option<Id>,
    url: Option<String>,
}

/// What we had sent before the person could be named.
#[derive(Deserialize)]
struct Prior {
    source: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Edit {
    mid: Option<Id>,
    text: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Postback {
    mid: Option<Id>,
    title: Option<String>,
    payload: Option<String>,
    referral: Option<Referral>,
}

/// What the message means.
pub(super) fn read(
    body: Body,
    sides: Sides,
    sent_at: Timestamp,
    at: &At<'_>,
) -> Result<Happening, Malformed> {
    let external_id = at.need_id("mid", body.mid)?;
    if body.is_deleted {
        return Ok(Happening::Deleted { external_id, at: Some(sent_at) });
    }
    let mut message = private(external_id, sides, sent_at);
    message.text = body.text.unwrap_or_default();
    for (index, attachment) in body.attachments.into_iter().enumerate() {
        attachment.say(index == 0, &mut message);
    }
    if message.text.trim().is_empty() && message.media.is_empty() {
        UNSUPPORTED.clone_into(&mut message.text);
    }
    note(&mut message, "payload", body.quick_reply.and_then(|reply| reply.payload));
    if let Some(ReplyTo { mid, story }) = body.reply_to {
        message.reply_to = mid.and_then(Id::said);
        if let Some(story) = story {
            note(&mut message, "story-id", story.id.and_then(Id::said));
            note(&mut message, "story-url", story.url);
        }
    }
    if let Some(referral) = body.referral {
        referral.say(&mut message);
    }
    if body.prior_message.is_some_and(|prior| prior.source.as_deref() == Some("checkbox_plugin")) {
        message.entry_point = Some(EntryPoint::CheckboxPlugin);
    }
    note(&mut message, "app-id", body.app_id.and_then(Id::said));
    Ok(Happening::Message(Box::new(message)))
}

impl Edit {
    /// The message as it is now.
    pub(super) fn read(
        self,
        sides: Sides,
        edited_at: Timestamp,
        at: &At<'_>,
    ) -> Result<Happening, Malformed> {
        let mut message = private(at.need_id("mid", self.mid)?, sides, edited_at);
        message.text = at.need("text", self.text)?;
        message.edited_at = Some(edited_at);
        Ok(Happening::Message(Box::new(message)))
    }
}

impl Postback {
    /// Who presses a button says what is written on it.
    pub(super) fn read(self, customer: Party, sent_at: Timestamp) -> Happening {
        // Older versions of the API do not name it: one person presses one button in a millisecond.
        let unnamed = || format!("postback:{}:{}", customer.id, sent_at.as_microsecond() / 1_000);
        let external_id = self.mid.and_then(Id::said).unwrap_or_else(unnamed);
        let mut message = private(external_id, Sides { customer, outbound: false }, sent_at);
        let label = said(self.title).or_else(|| said(self.payload.clone()));
        add_line(&mut message.text, label.as_deref().unwrap_or("[button]"));
        note(&mut message, "payload", self.payload);
        if let Some(referral) = self.referral {
            referral.say(&mut message);
        }
        Happening::Message(Box::new(message))
    }
}

fn private(external_id: String, sides: Sides, sent_at: Timestamp) -> Message {
    let mut message = Message::new(external_id, sides.customer, sent_at);
    message.outbound = sides.outbound;
    message.public = Some(false);
    message
}
