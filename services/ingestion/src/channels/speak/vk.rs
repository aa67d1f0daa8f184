//! `vk`: messages of a community, and comments where it was commented.
//!
//! Secret: `access_token`, of the community (comments: one that may comment); VK wants it in the form, which is never
//! printed. VK compares `random_id` with the last messages of one hour: for that long it knows a key. A comment that was
//! made is answered with its number alone, without what it stands under: it stays unnamed.

use domain::delivery::{Failure, Rejection};
use http::{HeaderMap, StatusCode};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{
    Answered, Call, Outgoing, Promise, Speaker, Unsayable,
    address::address,
    answer::{Meaning, after_s, code, id, number, object, plain, sent, unexplained},
};
use crate::channels::Config;

/// How it speaks.
pub(super) struct Vk;

const TOKEN: &str = "access_token";
/// The version of the API that this was written for.
const VERSION: &str = "5.199";
/// Less than the hour in which VK compares, in seconds.
const KEY_KNOWN_S: i64 = 50 * 60;

/// What can be commented: as its address begins, the method, how the method calls its owner and itself.
const PLACES: &[(&str, &str, &str, &str)] = &[
    ("wall", "wall.createComment", "owner_id", "post_id"),
    ("topic", "board.createComment", "group_id", "topic_id"),
    ("photo", "photos.createComment", "owner_id", "photo_id"),
    ("video", "video.createComment", "owner_id", "video_id"),
    ("market", "market.createComment", "owner_id", "item_id"),
];

impl Speaker for Vk {
    fn name(&self) -> &'static str {
        "vk"
    }

    fn base_url(&self) -> &'static str {
        "https://api.vk.com"
    }

    fn promise(&self) -> Promise {
        Promise::Key
    }

    fn key_known_s(&self) -> i64 {
        KEY_KNOWN_S
    }

    fn say(&self, message: &Outgoing<'_>, config: &Config) -> Result<Call, Unsayable> {
        let token = config.token(TOKEN)?;
        message.only_text()?;
        let (method, fields) = if message.public { comment(message)? } else { chat(message)? };
        let mut fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        fields.extend([("message", message.text), ("v", VERSION), ("access_token", token)]);
        Ok(Call::form(address(config.base_url(self), &["method", method])?, &fields))
    }

    fn answered(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Answered {
        if let Some(answered) = plain(status) {
            return answered;
        }
        let body = object(body);
        let Some(body) = body.filter(|_| status.is_success()) else {
            return if status.is_success() { Answered::Unclear } else { unexplained(status, headers, None) };
        };
        // Of several receivers each has an error of its own; there is only one.
        for (error, said) in
            [("/error/error_code", "/error"), ("/response/0/error/code", "/response/0/error")]
        {
            if body.pointer(said).is_some() {
                let meaning = number(&body, error).map_or(Meaning::Unclear, meaning);
                return meaning.answer(code(&body, error), after_s(headers));
            }
        }
        match body.get("response") {
            Some(Value::Array(_)) => {
                let peer = id(&body, "/response/0/peer_id");
                let number = id(&body, "/response/0/conversation_message_id");
                sent(peer.zip(number).map(|(peer, number)| format!("{peer}:{number}")))
            }
            // A comment: this is its number.
            Some(Value::Number(_)) => Answered::Sent { external_id: None },
            Some(Value::Object(made)) if made.contains_key("comment_id") => {
                Answered::Sent { external_id: None }
            }
            _ => Answered::Unclear,
        }
    }
}

type Fields = Vec<(&'static str, String)>;

fn chat(message: &Outgoing<'_>) -> Result<(&'static str, Fields), Unsayable> {
    // In a chat of several, the peer is the chat.
    let peer = message.reply_to.and_then(|name| name.split_once(':')).map(|(peer, _)| peer);
    let peer = peer.map_or_else(|| message.recipient(), Ok)?;
    // A list would be as good as a number.
    if peer.parse::<i64>().is_err() {
        return Err(Unsayable::Unsupported("a customer whose id is no number"));
    }
    let random = random_id(message.key).to_string();
    // Only the plural tells how the conversation counts the message, by which we call it.
    Ok(("messages.send", vec![("peer_ids", peer.to_owned()), ("random_id", random)]))
}

fn comment(message: &Outgoing<'_>) -> Result<(&'static str, Fields), Unsayable> {
    let nowhere = Unsayable::Unsupported("a public reply to what cannot be commented");
    let answers = message.answers()?;
    let (place, comment) = match answers.split_once("_r") {
        Some((place, comment)) => (place, Some(comment)),
        None => (answers, None),
    };
    let known = PLACES.iter().find_map(|place_kind| Some((place_kind, place.strip_prefix(place_kind.0)?)));
    let Some(((kind, method, owner_name, id_name), rest)) = known else { return Err(nowhere) };
    let Some((owner, id)) = rest.split_once('_') else { return Err(nowhere) };
    let numbers = [Some(owner), Some(id), comment];
    if numbers.into_iter().flatten().any(|number| number.parse::<i64>().is_err()) {
        return Err(nowhere);
    }
    let group = owner.strip_prefix('-');
    let mut fields = vec![(*id_name, id.to_owned()), ("guid", message.key.to_owned())];
    match *kind {
        "topic" => {
            fields.push((*owner_name, group.unwrap_or(owner).to_owned()));
            fields.push(("from_group", "1".to_owned()));
        }
        "wall" => {
            fields.push((*owner_name, owner.to_owned()));
            // On a wall, the group is named that speaks.
            fields.extend(group.map(|group| ("from_group", group.to_owned())));
        }
        _ => {
            fields.push((*owner_name, owner.to_owned()));
            fields.push(("from_group", "1".to_owned()));
        }
    }
    // A board has no answers to answers.
    if let Some(comment) = comment.filter(|_| *kind != "topic") {
        fields.push(("reply_to_comment", comment.to_owned()));
    }
    Ok((*method, fields))
}

/// A number from 1 to 2³¹ − 1 that is always the same for a key. VK does not compare zero.
fn random_id(key: &str) -> u32 {
    let [a, b, c, d, ..]: [u8; 32] = Sha256::digest(key.as_bytes()).into();
    (u32::from_be_bytes([a, b, c, d]) & 0x7fff_ffff).max(1)
}

fn meaning(code: i64) -> Meaning {
    match code {
        // Unknown, and a fault of theirs: nobody says at which point.
        1 | 10 => Meaning::Unclear,
        6 | 9 | 14 | 29 | 223 => Meaning::Later(Failure::RateLimited),
        900..=902 => Meaning::Never(Rejection::BlockedByCustomer),
        914 => Meaning::Never(Rejection::TooLong),
        4 | 5 | 27 | 28 => Meaning::Never(Rejection::Authentication),
        7 | 15 | 203 | 212 | 213 | 917 => Meaning::Never(Rejection::Forbidden),
        18 | 936 => Meaning::Never(Rejection::InvalidRecipient),
        222 => Meaning::Never(Rejection::ContentRefused),
        8 | 100 | 113 => Meaning::Never(Rejection::Malformed),
        3 | 23 => Meaning::Never(Rejection::Unsupported),
        _ => Meaning::Never(Rejection::Other),
    }
}
