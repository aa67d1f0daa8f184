//! `telegram`: the Bot API of Telegram, one update for each call; business accounts that a bot answers for as well.
//!
//! Own samples only: Telegram signs nothing, it repeats a secret that we chose, and no payloads are published.
//!
//! Secret: `secret_token`. A message is called `<chat>:<message>`, one of a business account
//! `business:<connection>:<chat>:<message>`, since both number on their own. A button that was pressed is a message of
//! what is written on it. Posts of a channel are ours: only who runs it can post there. Receipts are not told by the
//! platform, and deletions only of business accounts.

mod content;
mod entities;
mod message;

use http::Method;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::RawValue;

use super::{
    Config, Connector, Happening, Hook, Malformed, Message, Party, Refused, Said,
    json::{self, At, Id},
    signature,
    wording::{self, note, said},
};
use message::{Chat, Keyboard, User, name};

/// The connector.
pub(super) struct Telegram;

const SECRET: &str = "secret_token";
const SIGNATURE: &str = "X-Telegram-Bot-Api-Secret-Token";

impl Connector for Telegram {
    fn name(&self) -> &'static str {
        "telegram"
    }

    fn secrets(&self) -> &'static [&'static str] {
        &[SECRET]
    }

    fn verify(&self, hook: &Hook<'_>, config: &Config) -> Result<(), Refused> {
        if hook.method != Method::POST {
            return Err(Refused::Method);
        }
        let secret = config.secret(SECRET)?;
        let said = hook.header(SIGNATURE).ok_or(Refused::Unsigned(SIGNATURE))?;
        signature::is(said.as_bytes(), secret)
    }

    fn read(&self, hook: &Hook<'_>, _: &Config) -> Result<Said, Malformed> {
        let update: Update<'_> = json::body(hook.body)?;
        At::BODY.need("update_id", update.update_id.as_ref())?;
        let happenings = match update.deleted_business_messages {
            Some(deleted) => deleted.read(&At::BODY.key("deleted_business_messages"))?,
            None => vec![update.read(hook)?],
        };
        Ok(Said { happenings, ..Said::default() })
    }
}

#[derive(Deserialize)]
struct Update<'a> {
    update_id: Option<Id>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    #[serde(borrow)]
    edited_message: Option<&'a RawValue>,
    #[serde(borrow)]
    channel_post: Option<&'a RawValue>,
    #[serde(borrow)]
    edited_channel_post: Option<&'a RawValue>,
    #[serde(borrow)]
    business_message: Option<&'a RawValue>,
    #[serde(borrow)]
    edited_business_message: Option<&'a RawValue>,
    deleted_business_messages: Option<Deleted>,
    message_reaction: Option<Reactions>,
    message_reaction_count: Option<IgnoredAny>,
    callback_query: Option<Pressed>,
    my_chat_member: Option<Membership>,
    chat_member: Option<IgnoredAny>,
    chat_join_request: Option<IgnoredAny>,
    business_connection: Option<IgnoredAny>,
    inline_query: Option<IgnoredAny>,
    chosen_inline_result: Option<IgnoredAny>,
    poll: Option<IgnoredAny>,
    poll_answer: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Deleted {
    business_connection_id: Option<Id>,
    chat: Option<Chat>,
    #[serde(default)]
    message_ids: Vec<Id>,
}

#[derive(Deserialize)]
struct Reactions {
    chat: Option<Chat>,
    message_id: Option<Id>,
    user: Option<User>,
    actor_chat: Option<Chat>,
    date: Option<Id>,
    #[serde(default)]
    new_reaction: Vec<Sign>,
}

#[derive(Deserialize)]
struct Sign {
    #[serde(rename = "type")]
    kind: Option<String>,
    emoji: Option<String>,
    custom_emoji_id: Option<Id>,
}

#[derive(Deserialize)]
struct Membership {
    chat: Option<Chat>,
    from: Option<User>,
    date: Option<Id>,
    new_chat_member: Option<Member>,
}

#[derive(Deserialize)]
struct Member {
    status: Option<String>,
}

/// A button that was pressed.
#[derive(Deserialize)]
struct Pressed {
    id: Option<Id>,
    from: Option<User>,
    data: Option<String>,
    message: Option<Bearer>,
}

/// The message that bears the button.
#[derive(Deserialize)]
struct Bearer {
    message_id: Option<Id>,
    chat: Option<Chat>,
    business_connection_id: Option<Id>,
    reply_markup: Option<Keyboard>,
}

impl Update<'_> {
    fn read(self, hook: &Hook<'_>) -> Result<Happening, Malformed> {
        let messages = [
            ("message", self.message),
            ("edited_message", self.edited_message),
            ("channel_post", self.channel_post),
            ("edited_channel_post", self.edited_channel_post),
            ("business_message", self.business_message),
            ("edited_business_message", self.edited_business_message),
        ];
        if let Some((name, raw)) = messages.into_iter().find_map(|(name, raw)| Some((name, raw?))) {
            return message::read(raw, &At::BODY.key(name));
        }
        if let Some(reactions) = self.message_reaction {
            return reactions.read(&At::BODY.key("message_reaction"));
        }
        if let Some(pressed) = self.callback_query {
            return pressed.read(hook, &At::BODY.key("callback_query"));
        }
        if let Some(membership) = self.my_chat_member {
            return membership.read(&At::BODY.key("my_chat_member"));
        }
        let others = [
            (self.message_reaction_count, "reactions_counted"),
            (self.chat_member, "membership"),
            (self.chat_join_request, "membership"),
            (self.business_connection, "business_connection"),
            (self.inline_query, "inline_query"),
            (self.chosen_inline_result, "inline_query"),
            (self.poll, "poll"),
            (self.poll_answer, "poll"),
        ];
        let known = others.into_iter().find_map(|(other, name)| other.map(|_| name));
        Ok(Happening::Passed(known.unwrap_or("other_update")))
    }
}

impl Deleted {
    fn read(self, at: &At<'_>) -> Result<Vec<Happening>, Malformed> {
        let chat = self.chat.and_then(|chat| chat.id);
        let chat = at.key("chat").need_id("id", chat)?;
        let connection = at.need_id("business_connection_id", self.business_connection_id)?;
        let ids = self.message_ids.into_iter().filter_map(Id::said);
        let deleted = ids.map(|id| name(Some(&connection), &chat, &id));
        Ok(deleted.map(|external_id| Happening::Deleted { external_id, at: None }).collect())
    }
}

impl Reactions {
    fn read(self, at: &At<'_>) -> Result<Happening, Malformed> {
        let chat = at.key("chat").need_id("id", self.chat.and_then(|chat| chat.id))?;
        let id = at.need_id("message_id", self.message_id)?;
        let by = match (self.user, self.actor_chat) {
            (Some(user), _) => user.party(&at.key("user"))?,
            (None, Some(chat)) => chat.party(&at.key("actor_chat"))?,
            (None, None) => return Err(at.key("user").malformed("missing: the platform always sends it")),
        };
        let signs: Vec<String> = self.new_reaction.into_iter().filter_map(Sign::text).collect();
        let sign = said(Some(signs.join(" ")));
        let when = at.need_seconds("date", self.date.as_ref())?;
        Ok(Happening::Reaction { external_id: name(None, &chat, &id), by, sign, at: Some(when), event: None })
    }
}

impl Sign {
    /// Emoji of their own have no text: they are named by their kind.
    fn text(self) -> Option<String> {
        let custom = self.custom_emoji_id.and_then(Id::said).map(|id| format!("custom:{id}"));
        said(self.emoji).or(custom).or(said(self.kind))
    }
}

impl Membership {
    fn read(self, at: &At<'_>) -> Result<Happening, Malformed> {
        if !self.chat.is_some_and(|chat| chat.is_private()) {
            return Ok(Happening::Passed("membership"));
        }
        let status = self.new_chat_member.and_then(|member| member.status);
        let reachable = match at.key("new_chat_member").need("status", status)?.as_str() {
            "kicked" | "left" => false,
            "member" => true,
            _ => return Ok(Happening::Passed("membership")),
        };
        let person = at.need("from", self.from)?.party(&at.key("from"))?;
        let when = at.need_seconds("date", self.date.as_ref())?;
        Ok(Happening::Contact { person, reachable, at: Some(when) })
    }
}

impl Pressed {
    fn read(self, hook: &Hook<'_>, at: &At<'_>) -> Result<Happening, Malformed> {
        let id = at.need_id("id", self.id)?;
        let customer = at.need("from", self.from)?.party(&at.key("from"))?;
        // When it was pressed is not said.
        let mut message = Message::new(format!("callback:{id}"), customer, hook.now);
        let label = match (&self.message, &self.data) {
            (Some(Bearer { reply_markup: Some(keyboard), .. }), Some(data)) => keyboard.label(data),
            _ => None,
        };
        message.text = label.or_else(|| said(self.data.clone())).unwrap_or_else(|| "[button]".to_owned());
        note(&mut message, "payload", self.data);
        if let Some(bearer) = self.message {
            let private = bearer.chat.as_ref().is_none_or(Chat::is_private);
            message.public = Some(!private);
            let chat = bearer.chat.and_then(|chat| chat.id).and_then(Id::said);
            if let (Some(chat), Some(id)) = (chat, bearer.message_id.and_then(Id::said)) {
                let connection = bearer.business_connection_id.and_then(Id::said);
                message.reply_to = Some(name(connection.as_deref(), &chat, &id));
            }
        }
        Ok(Happening::Message(Box::new(message)))
    }
}

fn person(id: String, name: [Option<String>; 2], handle: Option<String>) -> Party {
    let name: Vec<_> = name.into_iter().filter_map(said).collect();
    Party { id, name: wording::name(Some(name.join(" "))), handle: wording::name(handle) }
}
