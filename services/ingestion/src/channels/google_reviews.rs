//! Google reviews: what Pub/Sub pushes of a business profile, and the reviews themselves, which are asked for.
//!
//! Proof: the `token` in the address that the subscription was given, compared with the secret `verify_token`. A push can also
//! be signed by Google (a JWT of OpenID Connect); its keys have to be fetched from Google, so that it is not looked at here.
//! A push names a review and says nothing of it: it is passed, for [`reviews`] to read what the API then gives.
//!
//! The list of reviews is read as published; the push by own samples only.

use data_encoding::BASE64;
use http::Method;

use super::node::{self, Node};
use super::{Config, Connector, Happening, Hook, Malformed, Message, Party, Refused, Said, signature, words};

/// The secret in the address.
const VERIFY_TOKEN: &str = "verify_token";

/// The connector.
pub(super) struct GoogleReviews;

impl Connector for GoogleReviews {
    fn name(&self) -> &'static str {
        "google_reviews"
    }

    fn secrets(&self) -> &'static [&'static str] {
        &[VERIFY_TOKEN]
    }

    fn verify(&self, hook: &Hook<'_>, config: &Config) -> Result<(), Refused> {
        let secret = config.secret(VERIFY_TOKEN)?;
        if hook.method != Method::POST {
            return Err(Refused::Method);
        }
        let said = hook.parameter("token").ok_or(Refused::Unsigned("token"))?;
        signature::is(said.as_bytes(), secret)
    }

    fn read(&self, hook: &Hook<'_>, _: &Config) -> Result<Said, Malformed> {
        let body = node::parse(hook.body)?;
        let message = Node::root(&body, "").need("message")?;
        let data = BASE64.decode(message.need_text("data")?.as_bytes());
        let data = data.map_err(|_| message.wrong("data", "base64"))?;
        let data = node::parse(&data).map_err(|_| message.wrong("data", "JSON in base64"))?;
        let data = Node::root(&data, "message.data");
        let kind = data.text("type").or_else(|| data.text("notificationType"));
        let passed = match kind.ok_or_else(|| data.wrong("type", "a text"))? {
            "NEW_REVIEW" => "review_written",
            "UPDATED_REVIEW" => "review_changed",
            _ => "other_event",
        };
        Ok(Said { happenings: vec![Happening::Passed(passed)], ..Said::default() })
    }
}

/// The reviews on a page that the API gave, and the answers to them. An entry that is null says nothing. Google never says who
/// wrote a review: each is by somebody of his own, who is called as his review.
pub fn reviews(page: &[u8]) -> Result<Vec<Happening>, Malformed> {
    let body = node::parse(page)?;
    let root = Node::root(&body, "");
    let mut happenings = Vec::new();
    for item in root.items("reviews")? {
        let id = item.id("name").map_or_else(|| item.need_id("reviewId"), Ok)?;
        let reviewer = item.get("reviewer");
        let name = reviewer.as_ref().filter(|reviewer| !reviewer.flag("isAnonymous"));
        let customer = Party {
            name: name.and_then(|reviewer| reviewer.text("displayName")).map(str::to_owned),
            ..Party::new(id.clone())
        };
        let mut review = Message::new(id.clone(), customer.clone(), item.need_time("createTime")?);
        item.text("comment").unwrap_or_default().clone_into(&mut review.text);
        review.edited_at = item.time("updateTime").filter(|at| *at > review.sent_at);
        review.public = Some(true);
        review.thread_root = Some(id.clone());
        let stars = rating(&item)?;
        review.subject = Some(words::review(stars, None));
        review.field("rating", Some(stars.to_string()));
        let written_at = review.sent_at;
        happenings.push(review.into());
        if let Some(reply) = item.get("reviewReply") {
            let at = reply.time("updateTime").unwrap_or(written_at);
            let mut answer = Message::new(format!("{id}/reply"), customer, at);
            reply.need_text("comment")?.clone_into(&mut answer.text);
            answer.outbound = true;
            answer.public = Some(true);
            answer.thread_root = Some(id.clone());
            answer.reply_to = Some(id);
            happenings.push(answer.into());
        }
    }
    Ok(happenings)
}

fn rating(item: &Node<'_>) -> Result<usize, Malformed> {
    match item.need_text("starRating")? {
        "ONE" => Ok(1),
        "TWO" => Ok(2),
        "THREE" => Ok(3),
        "FOUR" => Ok(4),
        "FIVE" => Ok(5),
        _ => Err(item.wrong("starRating", "ONE to FIVE")),
    }
}
