//! `youtube`: replies to comments.
//!
//! Secret: `access_token`, of the channel. Replies stand under the first comment of a thread, whichever they answer. YouTube
//! knows no keys, but lists the replies, and gives the text as it was written only to who wrote it: so ours are known.

use domain::delivery::{Failure, Rejection};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::{
    Answered, Call, Outgoing, Promise, Speaker, Told, Unsayable,
    address::{address, with_query},
    answer::{Meaning, after_s, code, id, object, plain, sent, text, unexplained},
};
use crate::channels::Config;

/// How it speaks.
pub(super) struct Youtube;

const TOKEN: &str = "access_token";
/// How many replies are looked at: as many as YouTube gives at once.
const ASKED_MAX: &str = "100";

impl Speaker for Youtube {
    fn name(&self) -> &'static str {
        "youtube"
    }

    fn base_url(&self) -> &'static str {
        "https://www.googleapis.com"
    }

    fn promise(&self) -> Promise {
        Promise::Ask
    }

    fn say(&self, message: &Outgoing<'_>, config: &Config) -> Result<Call, Unsayable> {
        let token = config.token(TOKEN)?;
        message.only_text()?;
        message.only_public()?;
        let body = json!({ "snippet": { "parentId": parent(message)?, "textOriginal": message.text } });
        let url = with_query(&comments(config.base_url(self))?, &[("part", "snippet")]);
        Ok(Call::json(url, &body).bearer(token))
    }

    fn answered(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Answered {
        if let Some(answered) = plain(status) {
            return answered;
        }
        let body = object(body);
        if status.is_success() {
            return sent(body.and_then(|body| id(&body, "/id")));
        }
        let said = body.as_ref().and_then(|body| code(body, "/error/errors/0/reason"));
        match said.as_deref().and_then(meaning) {
            Some(meaning) => meaning.answer(said, after_s(headers)),
            None => unexplained(status, headers, said),
        }
    }

    fn ask(&self, message: &Outgoing<'_>, config: &Config) -> Option<Result<Call, Unsayable>> {
        let call = || {
            let parameters = [
                ("part", "snippet"),
                ("parentId", parent(message)?),
                ("maxResults", ASKED_MAX),
                ("textFormat", "plainText"),
            ];
            let url = with_query(&comments(config.base_url(self))?, &parameters);
            Ok(Call::get(url).bearer(config.token(TOKEN)?))
        };
        Some(call())
    }

    fn told(&self, message: &Outgoing<'_>, status: StatusCode, body: &[u8]) -> Told {
        let Some(body) = object(body).filter(|_| status.is_success()) else { return Told::Nothing };
        let Some(items) = body["items"].as_array() else { return Told::Nothing };
        let since_s = message.since_s();
        let same = |one: &&Value| {
            let published: Option<jiff::Timestamp> = text(one, "/snippet/publishedAt").parse().ok();
            let ours = one.pointer("/snippet/textOriginal").and_then(Value::as_str);
            ours.is_some_and(|ours| ours.trim() == message.text.trim())
                && published.is_none_or(|published| published.as_second() >= since_s)
        };
        match items.iter().find(same) {
            Some(same) => Told::Has { external_id: id(same, "/id") },
            None if body.get("nextPageToken").is_none() => Told::HasNot,
            None => Told::Nothing,
        }
    }
}

/// The first comment of the thread: replies are called by it and themselves.
fn parent<'a>(message: &Outgoing<'a>) -> Result<&'a str, Unsayable> {
    let answers = message.answers()?;
    Ok(answers.split_once('.').map_or(answers, |(first, _)| first))
}

fn comments(base: &str) -> Result<String, Unsayable> {
    address(base, &["youtube", "v3", "comments"])
}

fn meaning(reason: &str) -> Option<Meaning> {
    Some(match reason {
        // It may pass, and nobody says at which point it failed.
        "processingFailure" | "backendError" => Meaning::Unclear,
        "quotaExceeded" | "dailyLimitExceeded" | "rateLimitExceeded" | "userRateLimitExceeded" => {
            Meaning::Later(Failure::RateLimited)
        }
        "authError" | "authorizationRequired" | "required" => Meaning::Never(Rejection::Authentication),
        "forbidden" | "ineligibleAccount" | "insufficientPermissions" | "accessNotConfigured" => {
            Meaning::Never(Rejection::Forbidden)
        }
        "parentCommentNotFound"
        | "parentCommentIsPrivate"
        | "commentNotFound"
        | "videoNotFound"
        | "commentsDisabled" => Meaning::Never(Rejection::PlaceGone),
        "commentTextTooLong" => Meaning::Never(Rejection::TooLong),
        "commentTextRequired" => Meaning::Never(Rejection::ContentRefused),
        "operationNotSupported" => Meaning::Never(Rejection::Unsupported),
        "invalidCommentMetadata" | "parentIdMissing" | "badRequest" => Meaning::Never(Rejection::Malformed),
        _ => return None,
    })
}
