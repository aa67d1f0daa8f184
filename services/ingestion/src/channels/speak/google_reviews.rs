//! `google_reviews`: the reply of a business to a review.
//!
//! Secret: `access_token`. Setting: `location` (`accounts/1/locations/2`), where reviews are not called by their whole name. A
//! review has one reply: PUT replaces it, so that twice is once.

use domain::delivery::{Failure, Rejection};
use http::{HeaderMap, Method, StatusCode};
use serde_json::json;

use super::{
    Answered, Call, Outgoing, Promise, Speaker, Unsayable,
    address::address,
    answer::{Meaning, after_s, code, object, plain, text, unexplained},
};
use crate::channels::Config;

/// How it speaks.
pub(super) struct GoogleReviews;

const TOKEN: &str = "access_token";
const LOCATION: &str = "location";
/// As what we call our reply ends.
const REPLY: &str = "/reply";

impl Speaker for GoogleReviews {
    fn name(&self) -> &'static str {
        "google_reviews"
    }

    fn base_url(&self) -> &'static str {
        "https://mybusiness.googleapis.com"
    }

    fn promise(&self) -> Promise {
        Promise::Key
    }

    fn say(&self, message: &Outgoing<'_>, config: &Config) -> Result<Call, Unsayable> {
        let token = config.token(TOKEN)?;
        message.only_text()?;
        message.only_public()?;
        let review = message.answers()?;
        let review = review.strip_suffix(REPLY).unwrap_or(review);
        let review = if review.contains('/') {
            review.to_owned()
        } else {
            format!("{}/reviews/{review}", config.needed(LOCATION)?)
        };
        let parts: Vec<_> = review.split('/').collect();
        let ["accounts", _, "locations", _, "reviews", _] = parts[..] else {
            return Err(Unsayable::Unsupported("a reply to what is not a review of a location"));
        };
        let url = address(config.base_url(self), &[&["v4"], &parts[..], &["reply"]].concat())?;
        let call = Call::json(url, &json!({ "comment": message.text })).by(Method::PUT);
        Ok(call.bearer(token))
    }

    fn answered(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Answered {
        if let Some(answered) = plain(status) {
            return answered;
        }
        let body = object(body);
        if status.is_success() {
            // The reply as it is there now; it has no id.
            let there = body.is_some_and(|body| body["comment"].is_string());
            return if there { Answered::Sent { external_id: None } } else { Answered::Unclear };
        }
        let said = body.as_ref().and_then(|body| code(body, "/error/status"));
        let meaning = match body.as_ref().map(|body| text(body, "/error/status")).unwrap_or_default() {
            "RESOURCE_EXHAUSTED" => Meaning::Later(Failure::RateLimited),
            "UNAUTHENTICATED" => Meaning::Never(Rejection::Authentication),
            "PERMISSION_DENIED" => Meaning::Never(Rejection::Forbidden),
            "NOT_FOUND" => Meaning::Never(Rejection::PlaceGone),
            "INVALID_ARGUMENT" => Meaning::Never(Rejection::Malformed),
            "ABORTED" => Meaning::Unclear,
            _ => return unexplained(status, headers, said),
        };
        meaning.answer(said, after_s(headers))
    }

    /// As the list of reviews calls it.
    fn named(&self, message: &Outgoing<'_>) -> Option<String> {
        let review = message.answers().ok()?;
        Some(format!("{}{REPLY}", review.strip_suffix(REPLY).unwrap_or(review)))
    }
}
