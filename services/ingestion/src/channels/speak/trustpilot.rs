//! `trustpilot`: the reply of a company to a review.
//!
//! Secret: `access_token`, of a business user. Setting: `author_business_user_id`, where the API wants one. A review has one
//! reply: the same again replaces it, so that twice is once.

use http::{HeaderMap, StatusCode};
use serde_json::json;

use super::{
    Answered, Call, Outgoing, Promise, Speaker, Unsayable,
    address::address,
    answer::{plain, unexplained},
};
use crate::channels::Config;

/// How it speaks.
pub(super) struct Trustpilot;

const TOKEN: &str = "access_token";
const AUTHOR: &str = "author_business_user_id";

impl Speaker for Trustpilot {
    fn name(&self) -> &'static str {
        "trustpilot"
    }

    fn base_url(&self) -> &'static str {
        "https://api.trustpilot.com"
    }

    fn promise(&self) -> Promise {
        Promise::Key
    }

    fn say(&self, message: &Outgoing<'_>, config: &Config) -> Result<Call, Unsayable> {
        let token = config.token(TOKEN)?;
        message.only_text()?;
        message.only_public()?;
        let mut body = json!({ "message": message.text });
        if let Some(author) = config.setting(AUTHOR) {
            body["authorBusinessUserId"] = author.into();
        }
        let url = address(config.base_url(self), &["v1", "private", "reviews", message.answers()?, "reply"])?;
        Ok(Call::json(url, &body).bearer(token))
    }

    fn answered(&self, status: StatusCode, headers: &HeaderMap, _: &[u8]) -> Answered {
        if let Some(answered) = plain(status) {
            return answered;
        }
        // A reply has no id, and the answer no body.
        if status.is_success() {
            return Answered::Sent { external_id: None };
        }
        unexplained(status, headers, None)
    }

    /// As the list of reviews calls it.
    fn named(&self, message: &Outgoing<'_>) -> Option<String> {
        message.answers().ok().map(|review| format!("{review}/reply"))
    }
}
