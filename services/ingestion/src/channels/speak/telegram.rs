//! `telegram`: the Bot API.
//!
//! Secret: `bot_token`. Telegram wants it in the address, which is never printed. A private reply goes to the customer, a
//! public one to the chat of what it answers. A picture goes as a photo, any other file as a document. What came through a business account is answered through it. The platform
//! knows no keys, and a bot cannot read what it sent.

use domain::delivery::{Failure, Rejection};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::{
    Answered, Call, File, Files, Outgoing, Promise, Speaker, Unsayable,
    address::address,
    answer::{Meaning, after_s, id, object, plain, sent, text, unexplained, wait},
};
use crate::channels::Config;

/// How it speaks.
pub(super) struct Telegram;

const TOKEN: &str = "bot_token";
/// Pictures that Telegram shows as such, and up to how many bytes. Others are documents.
const PHOTOS: [&str; 2] = ["image/jpeg", "image/png"];
const PHOTO_MAX: usize = 10 * 1024 * 1024;

/// A message as we call it, taken apart.
#[derive(Clone, Copy)]
struct Name<'a> {
    connection: Option<&'a str>,
    chat: &'a str,
    message: i64,
}

impl Speaker for Telegram {
    fn name(&self) -> &'static str {
        "telegram"
    }

    fn base_url(&self) -> &'static str {
        "https://api.telegram.org"
    }

    fn promise(&self) -> Promise {
        Promise::Nothing
    }

    fn files(&self) -> Files {
        Files::Each
    }

    fn say(&self, message: &Outgoing<'_>, config: &Config) -> Result<Call, Unsayable> {
        let token = config.token(TOKEN)?;
        message.no_template()?;
        message.no_tag()?;
        let file = message.file()?;
        let answered = message.reply_to.and_then(name);
        let chat = match (message.public, answered) {
            (true, Some(answered)) => answered.chat,
            (true, None) => {
                return Err(Unsayable::Unsupported("a public reply needs a message that it answers"));
            }
            (false, _) => message.recipient()?,
        };
        // A message of another chat cannot be answered in this one.
        let answered = answered.filter(|answered| answered.chat == chat);
        let bot = format!("bot{token}");
        if let Some(file) = file {
            return with_file(message, file, chat, answered, (config.base_url(self), &bot));
        }
        let number: Option<i64> = chat.parse().ok();
        let mut body = json!({ "chat_id": number.map_or_else(|| chat.into(), Value::from) });
        body["text"] = message.text.into();
        if let Some(Name { connection, message, .. }) = answered {
            body["reply_parameters"] = json!({ "message_id": message, "allow_sending_without_reply": true });
            if let Some(connection) = connection {
                body["business_connection_id"] = connection.into();
            }
        }
        Ok(Call::json(address(config.base_url(self), &[&bot, "sendMessage"])?, &body))
    }

    fn answered(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Answered {
        if let Some(answered) = plain(status) {
            return answered;
        }
        let Some(body) = object(body) else {
            return if status.is_success() { Answered::Unclear } else { unexplained(status, headers, None) };
        };
        if status.is_success() {
            return sent(called(&body).filter(|_| body["ok"] == true));
        }
        let after_s = wait(&body, "/parameters/retry_after").or_else(|| after_s(headers));
        let described = text(&body, "/description").to_lowercase();
        let code = Some(status.as_str().to_owned());
        match meaning(status, &described, &body) {
            Some(meaning) => meaning.answer(code, after_s),
            None => unexplained(status, headers, code),
        }
    }
}

/// The same of a file.
fn with_file(
    message: &Outgoing<'_>,
    file: &File,
    chat: &str,
    answered: Option<Name<'_>>,
    (base, bot): (&str, &str),
) -> Result<Call, Unsayable> {
    let is_photo = PHOTOS.contains(&file.media_type.as_str()) && file.content.len() <= PHOTO_MAX;
    let (method, field) = if is_photo { ("sendPhoto", "photo") } else { ("sendDocument", "document") };
    let quoted = answered.map(|Name { message, .. }| {
        json!({ "message_id": message, "allow_sending_without_reply": true }).to_string()
    });
    let mut fields = vec![("chat_id", chat)];
    fields.extend(quoted.as_deref().map(|quoted| ("reply_parameters", quoted)));
    let connection = answered.and_then(|answered| answered.connection);
    fields.extend(connection.map(|connection| ("business_connection_id", connection)));
    Ok(Call::multipart(address(base, &[bot, method])?, message.key, &fields, (field, file)))
}

fn name(name: &str) -> Option<Name<'_>> {
    let (connection, name) = match name.strip_prefix("business:") {
        Some(rest) => {
            let (connection, rest) = rest.split_once(':')?;
            (Some(connection), rest)
        }
        None => (None, name),
    };
    let (chat, message) = name.split_once(':')?;
    Some(Name { connection, chat, message: message.parse().ok()? })
}

/// What the message is called that was sent.
fn called(body: &Value) -> Option<String> {
    let (chat, message) = (id(body, "/result/chat/id")?, id(body, "/result/message_id")?);
    Some(match id(body, "/result/business_connection_id") {
        Some(connection) => format!("business:{connection}:{chat}:{message}"),
        None => format!("{chat}:{message}"),
    })
}

/// Telegram explains itself in words.
fn meaning(status: StatusCode, described: &str, body: &Value) -> Option<Meaning> {
    let says = |words: &[&str]| words.iter().any(|words| described.contains(words));
    Some(match status.as_u16() {
        429 => Meaning::Later(Failure::RateLimited),
        // It knows no bot of this token.
        401 | 404 => Meaning::Never(Rejection::Authentication),
        403 if says(&["blocked by the user"]) => Meaning::Never(Rejection::BlockedByCustomer),
        403 if says(&["user is deactivated"]) => Meaning::Never(Rejection::InvalidRecipient),
        403 => Meaning::Never(Rejection::Forbidden),
        400 if id(body, "/parameters/migrate_to_chat_id").is_some() => Meaning::Never(Rejection::PlaceGone),
        400 if says(&["chat not found", "user not found", "peer_id_invalid"]) => {
            Meaning::Never(Rejection::InvalidRecipient)
        }
        413 => Meaning::Never(Rejection::AttachmentRefused),
        400 if says(&["photo_", "image_process_failed", "file must be non-empty", "wrong file"]) => {
            Meaning::Never(Rejection::AttachmentRefused)
        }
        400 if says(&["too long"]) => Meaning::Never(Rejection::TooLong),
        400 if says(&["text is empty"]) => Meaning::Never(Rejection::ContentRefused),
        400 if says(&["topic_closed", "topic_deleted", "thread not found"]) => {
            Meaning::Never(Rejection::PlaceGone)
        }
        400 if says(&["not enough rights", "have no rights"]) => Meaning::Never(Rejection::Forbidden),
        _ => return None,
    })
}
