//! `x`: posts that answer posts, and direct messages.
//!
//! Secret: `access_token`, of the user, by OAuth 2. X knows no keys. It refuses a text that it has already, but does not say
//! whether that is this reply or another one with the same words: it is unclear then, and never taken for sent. But X lists
//! what we wrote: in public with the setting `user_id`, and which post it answers; in private what was said with the
//! customer. Since it may write links and mentions otherwise, nothing is concluded from another text in that place.

use domain::delivery::{Failure, Rejection};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::{
    Answered, Call, Outgoing, Promise, Speaker, Told, Unsayable,
    address::{address, with_query},
    answer::{Meaning, after_s, code, id, number, object, plain, sent, text, unexplained, until},
};
use crate::channels::Config;

/// How it speaks.
pub(super) struct X;

const TOKEN: &str = "access_token";
const USER_ID: &str = "user_id";
/// How many posts or messages are looked at: as many as X gives at once.
const ASKED_MAX: &str = "100";
const RESET: &str = "x-rate-limit-reset";
/// It has such a text already.
const DUPLICATE: i64 = 187;

impl Speaker for X {
    fn name(&self) -> &'static str {
        "x"
    }

    fn base_url(&self) -> &'static str {
        "https://api.x.com"
    }

    fn promise(&self) -> Promise {
        Promise::Ask
    }

    fn say(&self, message: &Outgoing<'_>, config: &Config) -> Result<Call, Unsayable> {
        let token = config.token(TOKEN)?;
        message.only_text()?;
        let base = config.base_url(self);
        let (url, body) = if message.public {
            let reply = json!({ "in_reply_to_tweet_id": message.answers()? });
            (address(base, &["2", "tweets"])?, json!({ "text": message.text, "reply": reply }))
        } else {
            let parts = ["2", "dm_conversations", "with", message.recipient()?, "messages"];
            (address(base, &parts)?, json!({ "text": message.text }))
        };
        Ok(Call::json(url, &body).bearer(token))
    }

    fn answered(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Answered {
        if let Some(answered) = plain(status) {
            return answered;
        }
        let body = object(body);
        if status.is_success() {
            let either = |body: Value| id(&body, "/data/id").or_else(|| id(&body, "/data/dm_event_id"));
            return sent(body.and_then(either));
        }
        if status == StatusCode::TOO_MANY_REQUESTS {
            let reset = || until(headers, headers.get(RESET)?.to_str().ok()?.trim().parse().ok()?);
            return Meaning::Later(Failure::RateLimited).answer(None, after_s(headers).or_else(reset));
        }
        let Some(body) = body else { return unexplained(status, headers, None) };
        let said = code(&body, "/errors/0/code");
        let kind = text(&body, "/type").rsplit('/').next().unwrap_or_default();
        let duplicate = text(&body, "/detail").contains("duplicate content");
        let meaning = match number(&body, "/errors/0/code") {
            Some(DUPLICATE) => Some(Meaning::Unclear),
            _ if duplicate => Some(Meaning::Unclear),
            Some(code) => meaning(code),
            None if kind == "resource-not-found" => Some(Meaning::Never(Rejection::PlaceGone)),
            None => None,
        };
        match meaning {
            Some(meaning) => meaning.answer(said, after_s(headers)),
            None => unexplained(status, headers, said),
        }
    }

    fn ask(&self, message: &Outgoing<'_>, config: &Config) -> Option<Result<Call, Unsayable>> {
        let base = config.base_url(self);
        let url = if message.public {
            let since = jiff::Timestamp::from_second(message.since_s()).ok()?.to_string();
            let query = [
                ("tweet.fields", "created_at,referenced_tweets"),
                ("max_results", ASKED_MAX),
                ("start_time", &since),
            ];
            let url = address(base, &["2", "users", config.setting(USER_ID)?, "tweets"]);
            url.map(|url| with_query(&url, &query))
        } else {
            let query = [
                ("dm_event.fields", "created_at,sender_id,text"),
                ("event_types", "MessageCreate"),
                ("max_results", ASKED_MAX),
            ];
            let url = address(base, &["2", "dm_conversations", "with", message.to, "dm_events"]);
            url.map(|url| with_query(&url, &query))
        };
        Some(url.and_then(|url| Ok(Call::get(url).bearer(config.token(TOKEN)?))))
    }

    fn told(&self, message: &Outgoing<'_>, status: StatusCode, body: &[u8]) -> Told {
        let Some(body) = object(body).filter(|body| status.is_success() && body.get("errors").is_none())
        else {
            return Told::Nothing;
        };
        // Where there is nothing, X leaves the list out, but counts.
        let none = || number(&body, "/meta/result_count").filter(|count| *count == 0).map(|_| Vec::new());
        let Some(all) = body["data"].as_array().cloned().or_else(none) else { return Told::Nothing };
        let created_s = |one: &Value| {
            let created: Option<jiff::Timestamp> = text(one, "/created_at").parse().ok();
            created.map(jiff::Timestamp::as_second)
        };
        let recent = |one: &&Value| created_s(one).is_none_or(|created_s| created_s >= message.since_s());
        let here: Vec<_> = all.iter().filter(recent).filter(|one| is_here(one, message)).collect();
        if let Some(same) = here.iter().find(|one| same_words(text(one, "/text"), message.text)) {
            return Told::Has { external_id: id(same, "/id") };
        }
        // The newest come first: behind an older one there is nothing new.
        let whole = body.pointer("/meta/next_token").is_none() || all.iter().any(|one| !recent(&one));
        if here.is_empty() && whole { Told::HasNot } else { Told::Nothing }
    }
}

/// Whether it is of ours, and where the message would be.
fn is_here(one: &Value, message: &Outgoing<'_>) -> bool {
    if !message.public {
        return text(one, "/sender_id") != message.to;
    }
    let references = one["referenced_tweets"].as_array().map(Vec::as_slice).unwrap_or_default();
    references.iter().any(|post| {
        text(post, "/type") == "replied_to"
            && post["id"].as_str().is_some_and(|id| message.reply_to == Some(id))
    })
}

/// Whether X wrote what we did: with three signs written otherwise, and with mentions before it.
fn same_words(theirs: &str, ours: &str) -> bool {
    let theirs = theirs.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    let (mut theirs, ours) = (theirs.trim(), ours.trim());
    while theirs != ours && theirs.starts_with('@') {
        let Some((_, rest)) = theirs.split_once(' ') else { return false };
        theirs = rest.trim_start();
    }
    theirs == ours
}

fn meaning(code: i64) -> Option<Meaning> {
    Some(match code {
        88 | 185 => Meaning::Later(Failure::RateLimited),
        130 => Meaning::Later(Failure::Unavailable),
        131 => Meaning::Unclear,
        150 | 349 => Meaning::Never(Rejection::BlockedByCustomer),
        17 | 50 | 108 => Meaning::Never(Rejection::InvalidRecipient),
        34 | 144 | 385 => Meaning::Never(Rejection::PlaceGone),
        186 | 354 => Meaning::Never(Rejection::TooLong),
        226 => Meaning::Never(Rejection::ContentRefused),
        32 | 89 | 135 | 215 => Meaning::Never(Rejection::Authentication),
        63 | 64 | 87 | 93 | 179 | 220 | 261 | 326 | 433 => Meaning::Never(Rejection::Forbidden),
        _ => return None,
    })
}
