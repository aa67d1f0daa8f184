//! Messages between a person and the community.

use super::super::node::Node;
use super::super::{Happening, Malformed, Message, Party, words};
use super::attachment;

/// A message; `reply`: one of ours. Since version 5.103 of the API it stands one deeper.
pub(super) fn read(object: &Node<'_>, reply: bool) -> Result<Message, Malformed> {
    let inner = object.get("message").filter(|inner| inner.value().is_object());
    let message = inner.as_ref().unwrap_or(object);
    let peer = message.need_id("peer_id")?;
    let outbound = reply || message.flag("out");
    // In a chat of several, the conversation is the peer's and the author is one of them.
    let customer = if outbound { peer.clone() } else { message.need_id("from_id")? };
    let mut read = Message::new(id(message, &peer)?, Party::new(customer), message.need_time("date")?);
    read.outbound = outbound;
    message.text("text").unwrap_or_default().clone_into(&mut read.text);
    read.edited_at = message.time("update_time").filter(|at| *at >= read.sent_at);
    read.reply_to = match message.get("reply_message") {
        Some(parent) => Some(id(&parent, &peer)?),
        None => None,
    };
    read.forwarded = !message.items("fwd_messages")?.is_empty();
    attachment::add(message, &mut read)?;
    if let Some(place) = message.get("geo").and_then(|geo| geo.get("coordinates")) {
        let (latitude, longitude) = (place.need_id("latitude")?, place.need_id("longitude")?);
        if read.text.is_empty() {
            read.text = words::location(None, None, &latitude, &longitude);
        }
        read.field("latitude", Some(latitude));
        read.field("longitude", Some(longitude));
    }
    read.field("button-payload", message.text("payload"));
    read.field("peer", Some(peer).filter(|peer| *peer != read.customer.id));
    read.came_by(message.text("ref"));
    read.field("referral-source", message.text("ref_source"));
    if read.text.is_empty() && read.media.is_empty() {
        // An invitation to a chat, a forwarded message without words: it says only that it is there.
        read.text = words::line(if read.forwarded { "forwarded" } else { "message" }, []);
    }
    Ok(read)
}

/// Messages of a community have no number of their own that the other side knows: they are counted in each conversation.
fn id(message: &Node<'_>, peer: &str) -> Result<String, Malformed> {
    Ok(format!("{peer}:{}", message.need_id("conversation_message_id")?))
}

/// A sign that somebody put to a message, or took back. When is not said; the event has a name.
pub(super) fn reaction(object: &Node<'_>, event: Option<String>) -> Result<Happening, Malformed> {
    Ok(Happening::Reaction {
        external_id: format!("{}:{}", object.need_id("peer_id")?, object.need_id("cmid")?),
        by: Party::new(object.need_id("reacted_id")?),
        sign: object.id("reaction_id"),
        at: None,
        event,
    })
}
