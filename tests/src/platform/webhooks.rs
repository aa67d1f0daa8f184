//! Systems that are called back: they know what they had by the id of the webhook.

use serde_json::json;

use super::{
    Taken,
    call::{Answer, Call, File, text},
    kind::Kind,
};

/// Standard Webhooks, and CloudEvents over it.
pub(super) struct Webhooks;

impl Kind for Webhooks {
    fn is_at(&self, path: &str) -> bool {
        path.starts_with("/callback")
    }

    fn said(&self, call: &Call, _: &[File]) -> Taken {
        let data = &call.json()["data"];
        let key = call.header("webhook-id");
        Taken { to: text(&data["customer"]["id"]), text: text(&data["text"]), key, ..Taken::default() }
    }

    fn took(&self, taken: &Taken, _: bool) -> Answer {
        Answer::new(200, json!({"id": taken.id}))
    }
}
