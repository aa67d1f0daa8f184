//! `messenger`: the Send API, for chats of a Facebook page.
//!
//! Secret: `access_token`, of the page. A reply quotes nothing. The platform knows no keys and cannot be asked.

use http::{HeaderMap, StatusCode};

use super::{Answered, Call, Files, Outgoing, Promise, Speaker, Unsayable, graph};
use crate::channels::Config;

/// How it speaks.
pub(super) struct Messenger;

impl Speaker for Messenger {
    fn name(&self) -> &'static str {
        "messenger"
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
        message.only_private()?;
        graph::say(config.base_url(self), message, (token, config))
    }

    fn answered(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Answered {
        graph::answered(status, headers, body, "/message_id", |_| None)
    }
}
