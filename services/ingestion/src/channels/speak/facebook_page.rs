//! `facebook_page`: the chats of a page, and comments under what is said in public.
//!
//! Secret: `access_token`, of the page. A private reply to a comment opens a chat with whoever wrote it; the platform allows
//! one for each comment. Files go to chats alone. It knows no keys and cannot be asked.

use http::{HeaderMap, StatusCode};
use serde_json::json;

use super::{
    Answered, Call, Files, Outgoing, Promise, Speaker, Unsayable,
    answer::{id, object},
    graph,
};
use crate::channels::Config;

/// How it speaks.
pub(super) struct FacebookPage;

impl Speaker for FacebookPage {
    fn name(&self) -> &'static str {
        "facebook_page"
    }

    fn base_url(&self) -> &'static str {
        graph::BASE
    }

    fn promise(&self) -> Promise {
        Promise::Nothing
    }

    fn files(&self) -> Files {
        Files::Each
    }

    fn say(&self, message: &Outgoing<'_>, config: &Config) -> Result<Call, Unsayable> {
        let token = config.token(graph::TOKEN)?;
        message.no_template()?;
        let base = config.base_url(self);
        if message.public {
            message.no_tag()?;
            message.no_files()?;
            let body = json!({ "message": message.text });
            return graph::call(base, &[message.answers()?, "comments"], &body, (token, config));
        }
        graph::say(base, message, (token, config))
    }

    fn answered(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Answered {
        // A comment has an `id`, a message of a chat a `message_id`.
        let chat = object(body).is_some_and(|body| id(&body, "/message_id").is_some());
        let place = if chat { "/message_id" } else { "/id" };
        graph::answered(status, headers, body, place, |_| None)
    }
}
