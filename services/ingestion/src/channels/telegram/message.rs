//! A message of Telegram: who wrote it, where, and what it answers.

use domain::message::EntryPoint;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::RawValue;

use super::{content::Content, person};
use crate::channels::{
    Happening, Malformed, Message, Party,
    json::{self, At, Id},
    wording::{came_by, note},
};

#[derive(Deserialize)]
struct Head {
    message_id: Option<Id>,
    chat: Option<Chat>,
    from: Option<User>,
    /// Who speaks, if it is a chat: a channel, an anonymous administrator.
    sender_chat: Option<Chat>,
    /// The bot that wrote for a business account.
    sender_business_bot: Option<IgnoredAny>,
    business_connection_id: Option<Id>,
    date: Option<Id>,
    edit_date: Option<Id>,
    /// A thread within a group: the message that it began with.
    message_thread_id: Option<Id>,
    reply_to_message: Option<Answered>,
    forward_origin: Option<IgnoredAny>,
    forward_date: Option<IgnoredAny>,
    #[serde(default)]
    is_automatic_forward: bool,
    media_group_id: Option<Id>,
}

#[derive(Deserialize)]
struct Answered {
    message_id: Option<Id>,
    chat: Option<Chat>,
}

#[derive(Deserialize)]
pub(super) struct Chat {
    pub(super) id: Option<Id>,
    #[serde(rename = "type")]
    kind: Option<String>,
    title: Option<String>,
    username: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct User {
    id: Option<Id>,
    first_name: Option<String>,
    last_name: Option<String>,
    username: Option<String>,
    language_code: Option<String>,
}

/// The buttons under a message.
#[derive(Deserialize)]
pub(super) struct Keyboard {
    #[serde(default)]
    inline_keyboard: Vec<Vec<Button>>,
}

#[derive(Deserialize)]
struct Button {
    text: Option<String>,
    callback_data: Option<String>,
}

/// What we call a message: Telegram numbers them within a chat only.
pub(super) fn name(connection: Option<&str>, chat: &str, message: &str) -> String {
    match connection {
        Some(connection) => format!("business:{connection}:{chat}:{message}"),
        None => format!("{chat}:{message}"),
    }
}

/// What the message means.
pub(super) fn read(raw: &RawValue, at: &At<'_>) -> Result<Happening, Malformed> {
    let head: Head = json::part(raw, at)?;
    let chat = at.need("chat", head.chat)?;
    let chat_id = at.key("chat").need_id("id", chat.id.clone())?;
    let connection = head.business_connection_id.and_then(Id::said);
    let called = |id: &str| name(connection.as_deref(), &chat_id, id);
    let external_id = called(&at.need_id("message_id", head.message_id)?);
    let sent_at = at.need_seconds("date", head.date.as_ref())?;
    let edited_at = head.edit_date.as_ref().and_then(Id::seconds);
    let content: Content = json::part(raw, at)?;
    if content.is_of_the_house() {
        return Ok(Happening::Passed("service_message"));
    }
    let from = head.from.as_ref().and_then(|user| user.id.as_ref());
    // In a private chat the chat is called as the customer: who else writes there writes for us.
    let for_business = connection.is_some() && from.is_some_and(|from| from.as_str() != chat_id);
    let outbound = chat.kind.as_deref() == Some("channel")
        || head.is_automatic_forward
        || head.sender_business_bot.is_some()
        || for_business;
    let language = head.from.as_ref().and_then(|user| user.language_code.clone());
    let private = chat.is_private();
    let customer = match (head.sender_chat, head.from) {
        _ if outbound && private => chat.party(&at.key("chat"))?,
        // What a channel says is said to nobody.
        _ if outbound => Party::default(),
        (Some(sender), _) => sender.party(&at.key("sender_chat"))?,
        (None, from) => at.need("from", from)?.party(&at.key("from"))?,
    };
    let mut message = Message::new(external_id, customer, sent_at);
    message.outbound = outbound;
    message.edited_at = edited_at;
    message.public = Some(!private);
    message.forwarded =
        !head.is_automatic_forward && (head.forward_origin.is_some() || head.forward_date.is_some());
    let thread = head.message_thread_id.and_then(Id::said);
    message.thread_root = thread.map(|thread| called(&thread));
    message.reply_to = head.reply_to_message.and_then(|answered| answered.called(&chat_id, &called));
    note(&mut message, "album", head.media_group_id.and_then(Id::said));
    if !outbound {
        note(&mut message, "client-language", language);
    }
    content.say(&mut message, at)?;
    if private && !outbound {
        start(&mut message);
    }
    Ok(Happening::Message(Box::new(message)))
}

/// `/start <payload>`: the customer followed a link of ours, and this is what the link carried.
fn start(message: &mut Message) {
    let mut words = message.text.split_whitespace();
    let command = words.next().unwrap_or_default();
    let is_start = command == "/start" || command.starts_with("/start@");
    if let (true, Some(payload)) = (is_start, words.next().map(str::to_owned)) {
        came_by(message, Some(EntryPoint::MessageUs), Some(payload));
    }
}

impl Answered {
    /// The answered message, if it is one of this chat: those of others are called by ids that we do not know.
    fn called(self, chat: &str, called: &dyn Fn(&str) -> String) -> Option<String> {
        let other = self.chat.and_then(|chat| chat.id).is_some_and(|id| id.as_str() != chat);
        if other { None } else { self.message_id?.said().map(|id| called(&id)) }
    }
}

impl Chat {
    pub(super) fn is_private(&self) -> bool {
        self.kind.as_deref() == Some("private")
    }

    pub(super) fn party(self, at: &At<'_>) -> Result<Party, Malformed> {
        let id = at.need_id("id", self.id)?;
        Ok(person(id, [self.title.or(self.first_name), self.last_name], self.username))
    }
}

impl User {
    pub(super) fn party(self, at: &At<'_>) -> Result<Party, Malformed> {
        let id = at.need_id("id", self.id)?;
        Ok(person(id, [self.first_name, self.last_name], self.username))
    }
}

impl Keyboard {
    /// What is written on the button that carries this.
    pub(super) fn label(&self, data: &str) -> Option<String> {
        let mut buttons = self.inline_keyboard.iter().flatten();
        buttons.find(|button| button.callback_data.as_deref() == Some(data))?.text.clone()
    }
}
