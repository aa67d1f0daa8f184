//! `instagram`: the chats of a professional account, and replies to comments on what it shows.
//!
//! Secret: `access_token`, of the account. With a token of a page, set `base_url` to Facebook's API. A private reply to a comment opens a chat with whoever wrote it; the platform allows
//! one for each comment. Files it would fetch from a public
//! address, which we do not give: there are none. It knows no keys and cannot be asked.

use http::{HeaderMap, StatusCode};
use serde_json::json;

use super::{
    Answered, Call, Outgoing, Promise, Speaker, Unsayable,
    answer::{id, object},
    graph,
};
use crate::channels::Config;

/// How it speaks.
pub(super) struct Instagram;

impl Speaker for Instagram {
    fn name(&self) -> &'static str {
        "instagram"
    }

    fn base_url(&self) -> &'static str {
        "https://graph.instagram.com"
    }

    fn promise(&self) -> Promise {
        Promise::Nothing
    }

    fn say(&self, message: &Outgoing<'_>, config: &Config) -> Result<Call, Unsayable> {
        let token = config.token(graph::TOKEN)?;
        message.no_template()?;
        message.no_files()?;
        let base = config.base_url(self);
        if message.public {
            message.no_tag()?;
            let body = json!({ "message": message.text });
            return graph::call(base, &[message.answers()?, "replies"], &body, (token, config));
        }
        graph::call(base, &["me", "messages"], &graph::chat(message)?, (token, config))
    }

    fn answered(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Answered {
        // A comment has an `id`, a message of a chat a `message_id`.
        let chat = object(body).is_some_and(|body| id(&body, "/message_id").is_some());
        let place = if chat { "/message_id" } else { "/id" };
        graph::answered(status, headers, body, place, |_| None)
    }
}
