//! What the APIs of Meta's platforms share: their addresses, and how they explain what went wrong.
//!
//! The setting `api_version` names another version than the one that this was written for.

use domain::delivery::{Failure, Rejection};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::{
    Answered, Call, File, Outgoing, Unsayable,
    address::address,
    answer::{Meaning, after_s, code, id, number, object, plain, sent, unexplained},
};
use crate::channels::Config;

/// The secret: a token of the page, of the account or of a system user.
pub(super) const TOKEN: &str = "access_token";
/// Where the API is.
pub(super) const BASE: &str = "https://graph.facebook.com";

const API_VERSION: &str = "api_version";
const VERSION: &str = "v23.0";

/// The code for a message outside of the reply window, of one that a permission is missing for, and the like.
const NOT_PERMITTED: i64 = 10;
/// With that code: the reply window is closed. One for Messenger, one for Instagram.
const WINDOW_CLOSED: [i64; 2] = [2_018_278, 2_534_022];
/// The person cannot be reached at the moment.
const UNAVAILABLE: i64 = 1_545_041;
/// There is nobody of this id.
const NOBODY: i64 = 2_018_001;
/// There is no object of this id.
const NOTHING: i64 = 33;

/// A call of JSON at an edge of the API.
pub(super) fn call(
    base: &str,
    parts: &[&str],
    body: &Value,
    (token, config): (&str, &Config),
) -> Result<Call, Unsayable> {
    Ok(Call::json(edge(base, parts, config)?, body).bearer(token))
}

/// The address of an edge of the API.
pub(super) fn edge(base: &str, parts: &[&str], config: &Config) -> Result<String, Unsayable> {
    let version = config.setting(API_VERSION).unwrap_or(VERSION);
    address(base, &[&[version], parts].concat())
}

/// A message in a chat, or a file in one.
pub(super) fn say(
    base: &str,
    message: &Outgoing<'_>,
    (token, config): (&str, &Config),
) -> Result<Call, Unsayable> {
    const PARTS: [&str; 2] = ["me", "messages"];
    let mut body = chat(message)?;
    let Some(file) = message.file()? else { return call(base, &PARTS, &body, (token, config)) };
    if body["recipient"].get("comment_id").is_some() {
        return Err(Unsayable::File("a comment is answered with words first"));
    }
    body["message"] = json!({ "attachment": { "type": kind(file), "payload": {} } });
    let body = body.as_object().map(|body| body.iter().map(|(name, value)| (name.as_str(), written(value))));
    let fields: Vec<_> = body.into_iter().flatten().collect();
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let url = edge(base, &PARTS, config)?;
    Ok(Call::multipart(url, message.key, &fields, ("filedata", file)).bearer(token))
}

/// What kind of attachment a file is.
fn kind(file: &File) -> &'static str {
    match file.media_type.split('/').next() {
        Some("image") => "image",
        Some("audio") => "audio",
        Some("video") => "video",
        _ => "file",
    }
}

/// A value of JSON in a field of a form.
fn written(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A message in a chat; with a tag, outside of the reply window.
pub(super) fn chat(message: &Outgoing<'_>) -> Result<Value, Unsayable> {
    let mut body =
        json!({ "recipient": { "id": message.recipient()? }, "message": { "text": message.text } });
    match message.tag {
        Some(tag) => {
            body["messaging_type"] = "MESSAGE_TAG".into();
            body["tag"] = tag.to_uppercase().into();
        }
        None => body["messaging_type"] = "RESPONSE".into(),
    }
    // Who commented is not known in the chats: there, his comment stands for him.
    if let Some(comment) = message.reply_to.filter(|id| is_comment(id)) {
        body["recipient"] = json!({ "comment_id": comment });
    }
    Ok(body)
}

/// Whether a message is a comment: those of chats are no numbers.
fn is_comment(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_')
}

/// What the answer means, with the place of the id in it.
pub(super) fn answered(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    place: &str,
    own: fn(i64) -> Option<Meaning>,
) -> Answered {
    if let Some(answered) = plain(status) {
        return answered;
    }
    let body = object(body);
    if status.is_success() {
        return sent(body.and_then(|body| id(&body, place)));
    }
    let Some(body) = body else { return unexplained(status, headers, None) };
    let said = code(&body, "/error/code");
    let subcode = number(&body, "/error/error_subcode");
    let meaning = number(&body, "/error/code").and_then(|code| own(code).or_else(|| shared(code, subcode)));
    match meaning {
        Some(meaning) => meaning.answer(said, after_s(headers)),
        None => unexplained(status, headers, said),
    }
}

/// What the codes mean that are the same on all of Meta's platforms.
fn shared(code: i64, subcode: Option<i64>) -> Option<Meaning> {
    Some(match (code, subcode) {
        // Something went wrong, and nobody says at which point; a repetition was seen.
        (1 | 2 | 506, _) => Meaning::Unclear,
        (1200, _) => Meaning::Later(Failure::Unavailable),
        (4 | 17 | 32 | 341 | 613 | 80_000..=80_014, _) => Meaning::Later(Failure::RateLimited),
        (551, _) | (_, Some(UNAVAILABLE)) => Meaning::Later(Failure::RecipientUnavailable),
        (NOT_PERMITTED, Some(subcode)) if WINDOW_CLOSED.contains(&subcode) => {
            Meaning::Never(Rejection::WindowClosed)
        }
        (100, Some(NOBODY)) => Meaning::Never(Rejection::InvalidRecipient),
        (100, Some(NOTHING)) | (803, _) => Meaning::Never(Rejection::PlaceGone),
        (100, _) => Meaning::Never(Rejection::Malformed),
        (0 | 102 | 190, _) => Meaning::Never(Rejection::Authentication),
        (3 | NOT_PERMITTED | 200..=299 | 368, _) => Meaning::Never(Rejection::Forbidden),
        _ => return None,
    })
}
