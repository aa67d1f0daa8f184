//! What hangs at a message, a post or a comment.

use super::super::node::Node;
use super::super::{Malformed, Media, MediaSource, Message};

/// Adds what is attached: files as files, a link as a field, the rest by VK's own name for it.
pub(super) fn add(object: &Node<'_>, message: &mut Message) -> Result<(), Malformed> {
    for attachment in object.items("attachments")? {
        let kind = attachment.need_text("type")?;
        let inner = attachment.need(kind)?;
        match kind {
            "link" => {
                let url = inner.need_text("url")?;
                if message.text.is_empty() {
                    url.clone_into(&mut message.text);
                }
                message.field("link", Some(url));
            }
            _ => message.media.push(media(kind, &inner)?),
        }
    }
    Ok(())
}

fn media(kind: &str, inner: &Node<'_>) -> Result<Media, Malformed> {
    let (url, media_type) = match kind {
        "photo" => (largest(inner, "sizes")?, Some("image/jpeg")),
        "sticker" => (largest(inner, "images")?, Some("image/png")),
        "audio_message" => (inner.text("link_ogg"), Some("audio/ogg")),
        "audio" => (inner.text("url"), Some("audio/mpeg")),
        "doc" | "graffiti" => (inner.text("url"), None),
        _ => (None, None),
    };
    let source = match url {
        Some(url) => MediaSource::Url(url.to_owned()),
        None => {
            let owner = inner.id("owner_id").or_else(|| inner.id("from_id")).unwrap_or_default();
            let id = inner.id("id").or_else(|| inner.id("sticker_id"));
            MediaSource::Id(format!("{kind}{owner}_{}", id.unwrap_or_default()))
        }
    };
    Ok(Media {
        name: inner.text("title").map(str::to_owned),
        media_type: media_type.map(str::to_owned),
        bytes: inner.number("size").and_then(|size| size.try_into().ok()),
        ..Media::new(source)
    })
}

/// The address of the picture with the most points; VK lists them in no order.
fn largest<'a>(inner: &Node<'a>, key: &str) -> Result<Option<&'a str>, Malformed> {
    let points = |node: &Node<'_>| {
        let side = |key| node.number(key).unwrap_or_default();
        side("width").saturating_mul(side("height"))
    };
    Ok(inner.items(key)?.into_iter().max_by_key(points).and_then(|size| size.text("url")))
}
