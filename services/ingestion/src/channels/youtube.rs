//! YouTube: what its hub pushes, and comments, which it does not push.
//!
//! The hub (PubSubHubbub) tells of uploads only: proof is `X-Hub-Signature` over the body with the secret of the
//! subscription, SHA-1 as YouTube's hub makes it or SHA-256; a challenge is answered when its `hub.verify_token` is ours.
//! Comments are asked for: [`comments`] reads a page of `commentThreads.list` or `comments.list`.
//!
//! Pages of comments are read as published; the hub's calls by own samples only.

use http::Method;

use super::node::{self, Node};
use super::{
    Answer, Config, Connector, Happening, Hook, Malformed, Message, Party, Refused, Said, letter, signature,
    xml,
};

/// The secret of the subscription.
const SECRET: &str = "hub_secret";

/// What we said to the hub, so that it says it again.
const VERIFY_TOKEN: &str = "verify_token";

/// The longest challenge that is answered, in bytes.
const CHALLENGE_MAX: usize = 1_024;

/// The connector.
pub(super) struct Youtube;

impl Connector for Youtube {
    fn name(&self) -> &'static str {
        "youtube"
    }

    fn secrets(&self) -> &'static [&'static str] {
        &[SECRET, VERIFY_TOKEN]
    }

    fn verify(&self, hook: &Hook<'_>, config: &Config) -> Result<(), Refused> {
        if hook.method == Method::GET {
            let said = hook.parameter("hub.verify_token").ok_or(Refused::Unsigned("hub.verify_token"))?;
            return signature::is(said.as_bytes(), config.secret(VERIFY_TOKEN)?);
        }
        let secret = config.secret(SECRET)?;
        let header = "x-hub-signature";
        let said = hook.header(header).ok_or(Refused::Unsigned(header))?;
        match said.split_once('=') {
            Some(("sha1", said)) => signature::is_hex(said, &signature::hmac_sha1(secret, &[hook.body])),
            Some(("sha256", said)) => signature::is_hex(said, &signature::hmac_sha256(secret, &[hook.body])),
            _ => Err(Refused::Signature),
        }
    }

    fn read(&self, hook: &Hook<'_>, _: &Config) -> Result<Said, Malformed> {
        if hook.method == Method::GET {
            // A refusal of the hub carries no challenge.
            let Some(challenge) = hook.parameter("hub.challenge") else {
                return Ok(Said {
                    happenings: vec![Happening::Passed("subscription")],
                    answer: Answer::Taken,
                });
            };
            if challenge.len() > CHALLENGE_MAX {
                return Err(Malformed::new("hub.challenge", format_args!("at most {CHALLENGE_MAX} bytes")));
            }
            let happenings = vec![Happening::Passed("subscription")];
            return Ok(Said { happenings, answer: Answer::Text("text/plain", challenge.into_owned()) });
        }
        let document = xml::parse(hook.body)?;
        let passed = if document.has("deleted-entry") {
            "upload_deleted"
        } else if document.has("entry") {
            "upload"
        } else {
            "other_event"
        };
        Ok(Said { happenings: vec![Happening::Passed(passed)], answer: Answer::Taken })
    }
}

/// The comments on a page that the API gave. A comment by the channel itself is one of ours; a page of `comments.list`
/// does not name the channel, there all are taken as from customers.
pub fn comments(page: &[u8]) -> Result<Vec<Happening>, Malformed> {
    let body = node::parse(page)?;
    let root = Node::root(&body, "");
    let kind = root.need_text("kind")?;
    let mut happenings = Vec::new();
    for item in root.items("items")? {
        match kind {
            "youtube#commentThreadListResponse" => thread(&item, &mut happenings)?,
            "youtube#commentListResponse" => {
                let parent = item.need("snippet")?.id("parentId");
                happenings.push(comment(&item, parent.as_deref(), None)?.into());
            }
            _ => return Err(root.wrong("kind", "a list of comments or of threads of comments")),
        }
    }
    Ok(happenings)
}

fn thread(item: &Node<'_>, happenings: &mut Vec<Happening>) -> Result<(), Malformed> {
    let id = item.need_id("id")?;
    let snippet = item.need("snippet")?;
    let mut first = comment(&snippet.need("topLevelComment")?, None, None)?;
    first.public = snippet.has("isPublic").then(|| snippet.flag("isPublic")).or(first.public);
    first.field("video", snippet.id("videoId"));
    let asked_by = first.customer.clone();
    happenings.push(first.into());
    if let Some(replies) = item.get("replies") {
        for reply in replies.items("comments")? {
            let mut reply = comment(&reply, Some(&id), Some(&asked_by))?;
            reply.field("video", snippet.id("videoId"));
            happenings.push(reply.into());
        }
    }
    Ok(())
}

fn comment(item: &Node<'_>, parent: Option<&str>, asked_by: Option<&Party>) -> Result<Message, Malformed> {
    let id = item.need_id("id")?;
    let snippet = item.need("snippet")?;
    let author = snippet.get("authorChannelId").and_then(|author| author.id("value"));
    let channel = snippet.id("channelId");
    let outbound = author.is_some() && author == channel;
    let name = snippet.text("authorDisplayName").map(str::to_owned);
    let author = Party {
        // Of a person who has left YouTube, nothing tells one from another.
        id: author.unwrap_or_else(|| format!("unknown:{id}")),
        handle: name.clone().filter(|name| name.starts_with('@')),
        name,
    };
    let customer = asked_by.filter(|_| outbound).cloned().unwrap_or(author);
    let mut message = Message::new(id.clone(), customer, snippet.need_time("publishedAt")?);
    message.outbound = outbound;
    message.text = match snippet.text("textOriginal") {
        Some(text) => text.to_owned(),
        // Only the author is shown what he wrote; others get it as HTML.
        None => letter::html_to_text(snippet.need_text("textDisplay")?),
    };
    message.edited_at = snippet.time("updatedAt").filter(|at| *at > message.sent_at);
    message.thread_root = Some(parent.unwrap_or(&id).to_owned());
    message.reply_to = parent.map(str::to_owned);
    message.public = Some(true);
    message.field("video", snippet.id("videoId"));
    message.field("channel", channel);
    message.field("moderation", snippet.text("moderationStatus"));
    Ok(message)
}
