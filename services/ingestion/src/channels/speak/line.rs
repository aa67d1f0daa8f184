//! `line`: push messages of the Messaging API.
//!
//! Secret: `channel_access_token`. LINE knows a key for a day: a second message of the same key is answered with what it
//! has. LINE fetches files from public addresses, which we do not give: there are none.
//! A reply quotes nothing: for that LINE wants a token of the message, not its id. In groups only those are answered
//! whose customer is the group: LINE does not let a message name its group.

use domain::delivery::{Failure, Rejection};
use http::{HeaderMap, StatusCode};
use serde_json::json;

use super::{
    Answered, Call, Outgoing, Promise, Speaker, Unsayable,
    address::address,
    answer::{Meaning, after_s, id, object, plain, text, unexplained},
};
use crate::channels::Config;

/// How it speaks.
pub(super) struct Line;

const TOKEN: &str = "channel_access_token";
const RETRY_KEY: &str = "x-line-retry-key";
const ACCEPTED: &str = "x-line-accepted-request-id";

impl Speaker for Line {
    fn name(&self) -> &'static str {
        "line"
    }

    fn base_url(&self) -> &'static str {
        "https://api.line.me"
    }

    fn promise(&self) -> Promise {
        Promise::Key
    }

    fn say(&self, message: &Outgoing<'_>, config: &Config) -> Result<Call, Unsayable> {
        let token = config.token(TOKEN)?;
        message.only_text()?;
        let to = message.recipient()?;
        // Groups are called C…, rooms R…, people U….
        if message.public && to.starts_with('U') {
            return Err(Unsayable::Unsupported("a reply in a group to somebody who is named"));
        }
        let body = json!({ "to": to, "messages": [{ "type": "text", "text": message.text }] });
        let url = address(config.base_url(self), &["v2", "bot", "message", "push"])?;
        Ok(Call::json(url, &body).with(RETRY_KEY, message.key).bearer(token))
    }

    fn answered(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Answered {
        if let Some(answered) = plain(status) {
            return answered;
        }
        let body = object(body);
        let has_it = status == StatusCode::CONFLICT && headers.contains_key(ACCEPTED);
        if status.is_success() || has_it {
            // The status says that it was taken; ids came to the API later.
            let external_id = body.as_ref().and_then(|body| id(body, "/sentMessages/0/id"));
            let readable = body.is_some() || has_it;
            return if readable { Answered::Sent { external_id } } else { Answered::Unclear };
        }
        let said = body.as_ref().map(|body| text(body, "/message")).unwrap_or_default();
        let details = body.as_ref().map(|body| text(body, "/details/0/property")).unwrap_or_default();
        let meaning = match status.as_u16() {
            429 => Meaning::Later(Failure::RateLimited),
            400 if said.contains("'to'") || details == "to" => Meaning::Never(Rejection::InvalidRecipient),
            _ => return unexplained(status, headers, None),
        };
        meaning.answer(None, after_s(headers))
    }
}
