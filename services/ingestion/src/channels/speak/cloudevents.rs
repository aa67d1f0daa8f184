//! `cloudevents`: replies as CloudEvents 1.0 in structured JSON, signed as Standard Webhooks says.
//!
//! Settings: `callback_url`, where the other side listens; `source`, what our events call us (`dossier` otherwise). Secret:
//! `secret`, as [`super::standard_webhooks`] has it; `data` is the same as well. The key of the message is the event's `id`
//! and the `webhook-id`: twice is once.

use http::{HeaderMap, StatusCode};
use serde_json::json;

use super::{
    Answered, Call, Files, Outgoing, Promise, Speaker, Unsayable,
    standard_webhooks::{self, REPLY},
};
use crate::channels::Config;

/// How it speaks.
pub(super) struct CloudEvents;

const SOURCE: &str = "source";
const OURSELVES: &str = "dossier";
const MEDIA_TYPE: &str = "application/cloudevents+json";

impl Speaker for CloudEvents {
    fn name(&self) -> &'static str {
        "cloudevents"
    }

    fn base_url(&self) -> &'static str {
        ""
    }

    fn promise(&self) -> Promise {
        Promise::Key
    }

    fn files(&self) -> Files {
        Files::Together
    }

    fn say(&self, message: &Outgoing<'_>, config: &Config) -> Result<Call, Unsayable> {
        let event = json!({
            "specversion": "1.0",
            "id": message.key,
            "source": config.setting(SOURCE).filter(|source| !source.is_empty()).unwrap_or(OURSELVES),
            "type": REPLY,
            "time": message.at.to_jiff().to_string(),
            "datacontenttype": "application/json",
            "data": standard_webhooks::data(message),
        });
        let mut call = standard_webhooks::signed(&event, message, config)?;
        for (name, value) in &mut call.headers {
            if *name == "content-type" {
                MEDIA_TYPE.clone_into(value);
            }
        }
        Ok(call)
    }

    fn answered(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Answered {
        standard_webhooks::answered(status, headers, body)
    }
}
