//! What everybody can read: posts on the wall, comments, posts on a board.

use super::super::node::Node;
use super::super::{Happening, Malformed, Message, Party, words};
use super::attachment;

/// What comments stand under: what it is called in an address, and where an event names its owner and itself.
pub(super) struct Under {
    kind: &'static str,
    owner: &'static str,
    id: &'static str,
}

pub(super) const WALL: Under = Under { kind: "wall", owner: "post_owner_id", id: "post_id" };
pub(super) const BOARD: Under = Under { kind: "topic", owner: "topic_owner_id", id: "topic_id" };
pub(super) const PHOTO: Under = Under { kind: "photo", owner: "photo_owner_id", id: "photo_id" };
pub(super) const VIDEO: Under = Under { kind: "video", owner: "video_owner_id", id: "video_id" };
pub(super) const MARKET: Under = Under { kind: "market", owner: "market_owner_id", id: "item_id" };

impl Under {
    /// What it is called, as in the address of its page: `wall-1_45`. Events of deletion name the owner plainly.
    fn of(&self, object: &Node<'_>) -> Result<String, Malformed> {
        let owner = object.id(self.owner).or_else(|| object.id("owner_id"));
        let owner = owner.ok_or_else(|| object.wrong(self.owner, "a number"))?;
        Ok(format!("{}{owner}_{}", self.kind, object.need_id(self.id)?))
    }
}

/// A comment, new or as it is now.
pub(super) fn written(object: &Node<'_>, under: &Under, group: i64) -> Result<Message, Malformed> {
    let thread = under.of(object)?;
    let id = object.need_id("id")?;
    let mut message = author(object, format!("{thread}_r{id}"), group)?;
    message.reply_to = match object.id("reply_to_comment") {
        Some(parent) => Some(format!("{thread}_r{parent}")),
        None => Some(thread.clone()),
    };
    message.thread_root = Some(thread);
    finish(object, message)
}

/// A comment that is no more.
pub(super) fn deleted(object: &Node<'_>, under: &Under) -> Result<Happening, Malformed> {
    let external_id = format!("{}_r{}", under.of(object)?, object.need_id("id")?);
    Ok(Happening::Deleted { external_id, at: None })
}

/// A post on the wall.
pub(super) fn post(object: &Node<'_>, group: i64) -> Result<Message, Malformed> {
    let id = format!("wall{}_{}", object.need_id("owner_id")?, object.need_id("id")?);
    let mut message = author(object, id.clone(), group)?;
    message.thread_root = Some(id);
    message.field("kind", object.text("post_type"));
    message.forwarded = !object.items("copy_history")?.is_empty();
    let mut message = finish(object, message)?;
    // A suggestion is seen by the community alone until it is published.
    message.public = Some(object.text("post_type") != Some("suggest"));
    Ok(message)
}

fn author(object: &Node<'_>, id: String, group: i64) -> Result<Message, Malformed> {
    let from = object.need_id("from_id")?;
    let outbound = group != 0 && object.number("from_id") == Some(-group);
    let mut message = Message::new(id, Party::new(from), object.need_time("date")?);
    message.outbound = outbound;
    Ok(message)
}

fn finish(object: &Node<'_>, mut message: Message) -> Result<Message, Malformed> {
    object.text("text").unwrap_or_default().clone_into(&mut message.text);
    message.public = Some(true);
    attachment::add(object, &mut message)?;
    if message.text.is_empty() && message.media.is_empty() {
        message.text = words::line("post", []);
    }
    Ok(message)
}
