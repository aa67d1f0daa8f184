//! VK: the Callback API of a community, its messages, its wall, its boards and the comments under what it shows.
//!
//! Proof: the `secret` that stands in every body. VK signs nothing, neither the body nor a time. The question that VK asks
//! before anything else, `confirmation`, may come without it: it has no effect, and is answered with the setting
//! `confirmation` that VK shows for the address.
//!
//! Read and verified by own samples only.

mod attachment;
mod comment;
mod message;

use http::Method;

use super::node::{self, Node};
use super::{
    Answer, Config, Connector, Happening, Hook, Malformed, Party, Receipt, Refused, Said, Status, signature,
};

/// The secret that stands in the body.
const SECRET: &str = "secret";

/// The setting with the answer to VK's question.
const CONFIRMATION: &str = "confirmation";

const TEXT: &str = "text/plain";

/// The connector.
pub(super) struct Vk;

impl Connector for Vk {
    fn name(&self) -> &'static str {
        "vk"
    }

    fn secrets(&self) -> &'static [&'static str] {
        &[SECRET]
    }

    fn verify(&self, hook: &Hook<'_>, config: &Config) -> Result<(), Refused> {
        let secret = config.secret(SECRET)?;
        if hook.method != Method::POST {
            return Err(Refused::Method);
        }
        // The proof stands within the JSON: it has to be read before it can be checked.
        let body = node::parse(hook.body).map_err(|_| Refused::Unsigned(SECRET))?;
        let root = Node::root(&body, "");
        match root.text(SECRET) {
            Some(said) => signature::is(said.as_bytes(), secret),
            None if root.text("type") == Some("confirmation") => Ok(()),
            None => Err(Refused::Unsigned(SECRET)),
        }
    }

    fn read(&self, hook: &Hook<'_>, config: &Config) -> Result<Said, Malformed> {
        let body = node::parse(hook.body)?;
        let root = Node::root(&body, "");
        let kind = root.need_text("type")?;
        if kind == "confirmation" {
            let answer = config.setting(CONFIRMATION).ok_or_else(|| {
                Malformed::new(
                    "type",
                    "known: the account lacks the setting `confirmation`, the text that VK shows",
                )
            })?;
            let happenings = vec![Happening::Passed("confirmation")];
            return Ok(Said { happenings, answer: Answer::Text(TEXT, answer.to_owned()) });
        }
        let happening = happening(kind, &root, hook)?;
        Ok(Said { happenings: vec![happening], answer: Answer::Text(TEXT, "ok".to_owned()) })
    }

    fn taken(&self) -> Answer {
        Answer::Text(TEXT, "ok".to_owned())
    }
}

/// Which kind of thing comments stand under, from the name of their event, and what was done to one.
const COMMENTS: [(&str, &comment::Under); 5] = [
    ("wall_reply_", &comment::WALL),
    ("board_post_", &comment::BOARD),
    ("photo_comment_", &comment::PHOTO),
    ("video_comment_", &comment::VIDEO),
    ("market_comment_", &comment::MARKET),
];

fn happening(kind: &str, root: &Node<'_>, hook: &Hook<'_>) -> Result<Happening, Malformed> {
    let group = root.number("group_id").unwrap_or_default();
    let comment = COMMENTS.iter().find_map(|(prefix, under)| Some((kind.strip_prefix(prefix)?, *under)));
    if let Some((done, under)) = comment {
        let object = root.need("object")?;
        return match done {
            "new" | "edit" | "restore" => comment::written(&object, under, group).map(Into::into),
            "delete" => comment::deleted(&object, under),
            _ => Ok(Happening::Passed("other_event")),
        };
    }
    Ok(match kind {
        "message_new" | "message_edit" => message::read(&root.need("object")?, false)?.into(),
        "message_reply" => message::read(&root.need("object")?, true)?.into(),
        "message_allow" | "message_deny" => Happening::Contact {
            person: Party::new(root.need("object")?.need_id("user_id")?),
            reachable: kind == "message_allow",
            at: Some(hook.now),
        },
        "message_read" => Happening::Receipt(Receipt {
            // Everything up to this one was read.
            external_id: None,
            contact: Some(root.need("object")?.need_id("from_id")?),
            status: Status::Read,
            at: hook.now,
            code: None,
            word: None,
        }),
        "message_reaction_event" => message::reaction(&root.need("object")?, root.id("event_id"))?,
        "message_event" => Happening::Passed("button"),
        "message_typing_state" => Happening::Passed("typing"),
        "wall_post_new" => comment::post(&root.need("object")?, group)?.into(),
        "wall_repost" => Happening::Passed("repost"),
        "like_add" | "like_remove" => Happening::Passed("like"),
        "group_join" | "group_leave" => Happening::Passed("membership"),
        _ => Happening::Passed("other_event"),
    })
}
