//! Trustpilot: reviews of a company, when they are written, changed and deleted; and [`reviews`] of the list that is asked for.
//!
//! Proof: what the address that Trustpilot was given carries, a user and password or a `token`; Trustpilot signs nothing.
//! The stars are the field `rating`, and drawn in the subject.
//!
//! Read by own samples in the shape that Trustpilot publishes.

use http::Method;

use super::node::{self, Node};
use super::{Config, Connector, Happening, Hook, Malformed, Message, Party, Refused, Said, signature, words};

/// The secret in the address: `user:password`, or the value of `token`.
const TOKEN: &str = "token";

/// The connector.
pub(super) struct Trustpilot;

impl Connector for Trustpilot {
    fn name(&self) -> &'static str {
        "trustpilot"
    }

    fn secrets(&self) -> &'static [&'static str] {
        &[TOKEN]
    }

    fn verify(&self, hook: &Hook<'_>, config: &Config) -> Result<(), Refused> {
        let secret = config.secret(TOKEN)?;
        if hook.method != Method::POST {
            return Err(Refused::Method);
        }
        signature::carries(hook, secret)
    }

    fn read(&self, hook: &Hook<'_>, _: &Config) -> Result<Said, Malformed> {
        let body = node::parse(hook.body)?;
        let root = Node::root(&body, "");
        if !root.has("events") {
            return Err(root.wrong("events", "an array"));
        }
        let events = root.items("events")?;
        let happenings = events.iter().map(|event| read(event, hook)).collect::<Result<_, _>>()?;
        Ok(Said { happenings, ..Said::default() })
    }

    fn lists(&self) -> &'static [&'static str] {
        &["events"]
    }
}

fn read(event: &Node<'_>, hook: &Hook<'_>) -> Result<Happening, Malformed> {
    match event.need_text("eventName")? {
        "service-review-created" | "service-review-updated" => {
            review(&event.need("eventData")?).map(Into::into)
        }
        "service-review-deleted" => {
            let data = event.need("eventData")?;
            let at = data.time("deletedAt").unwrap_or(hook.now);
            Ok(Happening::Deleted { external_id: data.need_id("id")?, at: Some(at) })
        }
        name if name.starts_with("product-review-") => Ok(Happening::Passed("product_review")),
        _ => Ok(Happening::Passed("other_event")),
    }
}

/// The reviews on a page that the API gave, and the answers to them. An entry that is null says nothing.
pub fn reviews(page: &[u8]) -> Result<Vec<Happening>, Malformed> {
    let body = node::parse(page)?;
    let mut happenings = Vec::new();
    for item in Node::root(&body, "").items("reviews")? {
        let review = review(&item)?;
        let (id, customer, written_at) =
            (review.external_id.clone(), review.customer.clone(), review.sent_at);
        happenings.push(review.into());
        if let Some(reply) = item.get("companyReply") {
            let at = reply.time("updatedAt").or_else(|| reply.time("createdAt")).unwrap_or(written_at);
            let mut answer = Message::new(format!("{id}/reply"), customer, at);
            reply.need_text("text")?.clone_into(&mut answer.text);
            answer.outbound = true;
            answer.public = Some(true);
            answer.reply_to = Some(id);
            happenings.push(answer.into());
        }
    }
    Ok(happenings)
}

fn review(data: &Node<'_>) -> Result<Message, Malformed> {
    let consumer = data.need("consumer")?;
    let name = consumer.text("name").or_else(|| consumer.text("displayName"));
    let customer = Party { name: name.map(str::to_owned), ..Party::new(consumer.need_id("id")?) };
    let mut message = Message::new(data.need_id("id")?, customer, data.need_time("createdAt")?);
    data.text("text").unwrap_or_default().clone_into(&mut message.text);
    message.edited_at = data.time("updatedAt").filter(|at| *at > message.sent_at);
    message.in_language(data.text("language"));
    message.public = Some(true);
    let stars = data.number("stars").and_then(|stars| usize::try_from(stars).ok());
    let stars = stars.filter(|stars| (1..=5).contains(stars));
    let stars = stars.ok_or_else(|| data.wrong("stars", "a number from 1 to 5"))?;
    message.subject = Some(words::review(stars, data.text("title")));
    message.field("rating", Some(stars.to_string()));
    message.field("reference", data.id("referenceId"));
    message.field("location", data.id("locationId"));
    message.field("link", data.text("link"));
    message.field("verified", data.has("isVerified").then(|| data.flag("isVerified").to_string()));
    Ok(message)
}
