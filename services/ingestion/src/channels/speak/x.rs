//! `x`: posts that answer posts, and direct messages.
//!
//! Secret: `access_token`, of the user, by OAuth 2. X knows no keys. It refuses a text that it has already, but does not say
//! whether that is this reply or another one with the same words: it is unclear then, and never taken for sent.

use domain::delivery::{Failure, Rejection};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::{
    Answered, Call, Outgoing, Promise, Speaker, Unsayable,
    address::address,
    answer::{Meaning, after_s, code, id, number, object, plain, sent, text, unexplained, until},
};
use crate::channels::Config;

/// How it speaks.
pub(super) struct X;

const TOKEN: &str = "access_token";
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
        Promise::Nothing
    }

    fn say(&self, message: &Outgoing<'_>, config: &Config) -> Result<Call, Unsayable> {
        message.only_text()?;
        let base = config.base_url(self);
        let (url, body) = if message.public {
            let reply = json!({ "in_reply_to_tweet_id": message.answers()? });
            (address(base, &["2", "tweets"])?, json!({ "text": message.text, "reply": reply }))
        } else {
            let parts = ["2", "dm_conversations", "with", message.recipient()?, "messages"];
            (address(base, &parts)?, json!({ "text": message.text }))
        };
        Ok(Call::json(url, &body).bearer(config.token(TOKEN)?))
    }

    fn answered(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Answered {
        if let Some(answered) = plain(status, headers) {
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
