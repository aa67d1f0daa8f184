//! TikTok: comments under the videos of a business account.
//!
//! Proof: `TikTok-Signature: t=..,s=..`, HMAC-SHA256 with the app's client secret over the time, a dot and the body; the time
//! is within five minutes. An event tells a comment's text only if TikTok sends it; without, it is passed, for the API to be
//! asked.
//!
//! Read and verified by own samples only; no page with the fields of `comment.update` was at hand that could be read.

use http::Method;

use super::node::{self, Node};
use super::{Config, Connector, Happening, Hook, Malformed, Message, Party, Refused, Said, signature};

/// The secret of the app.
const SECRET: &str = "client_secret";

/// The connector.
pub(super) struct Tiktok;

impl Connector for Tiktok {
    fn name(&self) -> &'static str {
        "tiktok"
    }

    fn secrets(&self) -> &'static [&'static str] {
        &[SECRET]
    }

    fn verify(&self, hook: &Hook<'_>, config: &Config) -> Result<(), Refused> {
        let secret = config.secret(SECRET)?;
        if hook.method != Method::POST {
            return Err(Refused::Method);
        }
        let header = hook.header("tiktok-signature").ok_or(Refused::Unsigned("tiktok-signature"))?;
        let value = |name: &str| {
            let mut pairs = header.split(',').filter_map(|pair| pair.trim().split_once('='));
            pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
        };
        let time = value("t").ok_or(Refused::Signature)?;
        let said = value("s").ok_or(Refused::Signature)?;
        signature::is_hex(said, &signature::hmac_sha256(secret, &[time.as_bytes(), b".", hook.body]))?;
        signature::fresh(time, hook.now, signature::WINDOW_S)
    }

    fn read(&self, hook: &Hook<'_>, _: &Config) -> Result<Said, Malformed> {
        let body = node::parse(hook.body)?;
        let root = Node::root(&body, "");
        let happening = match root.need_text("event")? {
            "comment.update" => comment(&root, hook)?,
            "authorization.removed" => Happening::Passed("authorization_removed"),
            _ => Happening::Passed("other_event"),
        };
        Ok(Said { happenings: vec![happening], ..Said::default() })
    }
}

fn comment(root: &Node<'_>, hook: &Hook<'_>) -> Result<Happening, Malformed> {
    // JSON within a text of the JSON.
    let content = node::parse(root.need_text("content")?.as_bytes())
        .map_err(|_| root.wrong("content", "a text that is JSON, nested at most 128 deep"))?;
    let content = Node::root(&content, "content");
    let id = content.need_id("comment_id")?;
    let at = content.time("timestamp").or_else(|| root.time("create_time"));
    match content.need_text("comment_action")? {
        "insert" => {}
        "delete" => return Ok(Happening::Deleted { external_id: id, at }),
        "set_to_hidden" | "set_to_friends_only" | "set_to_public" => {
            return Ok(Happening::Passed("comment_visibility"));
        }
        _ => return Ok(Happening::Passed("other_event")),
    }
    let Some(text) = content.text("text") else { return Ok(Happening::Passed("comment_without_text")) };
    let author = content.id("unique_identifier").or_else(|| content.id("user_id"));
    let customer = Party {
        id: author.unwrap_or_else(|| format!("unknown:{id}")),
        name: content.text("display_name").map(str::to_owned),
        handle: content.text("username").map(str::to_owned),
    };
    let mut message = Message::new(id.clone(), customer, at.unwrap_or(hook.now));
    text.clone_into(&mut message.text);
    let parent = content.id("parent_comment_id").filter(|parent| *parent != id && parent != "0");
    message.thread_root = Some(parent.clone().unwrap_or(id));
    message.reply_to = parent;
    message.public = Some(true);
    message.field("video", content.id("video_id"));
    message.field("account", root.id("user_openid"));
    Ok(message.into())
}
