//! A message of LINE, by its type.

use domain::time::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::From;
use crate::channels::{
    Happening, Malformed, Media, MediaSource,
    json::{self, At, Decimal, Id},
    wording::{UNSUPPORTED, line, location, note, said},
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    id: Option<Id>,
    #[serde(rename = "type")]
    kind: Option<String>,
    text: Option<String>,
    quoted_message_id: Option<Id>,
    content_provider: Option<Provider>,
    image_set: Option<ImageSet>,
    file_name: Option<String>,
    file_size: Option<u64>,
    title: Option<String>,
    address: Option<String>,
    latitude: Option<Decimal>,
    longitude: Option<Decimal>,
    package_id: Option<Id>,
    sticker_id: Option<Id>,
    #[serde(default)]
    keywords: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Provider {
    original_content_url: Option<String>,
}

/// Images that were sent together.
#[derive(Deserialize)]
struct ImageSet {
    id: Option<Id>,
}

/// What the message says.
pub(super) fn read(
    raw: &RawValue,
    from: From,
    sent_at: Timestamp,
    at: &At<'_>,
) -> Result<Happening, Malformed> {
    let body: Body = json::part(raw, at)?;
    let external_id = at.need_id("id", body.id)?;
    let mut message = from.message(external_id.clone(), sent_at);
    message.reply_to = body.quoted_message_id.and_then(Id::said);
    match at.need("type", body.kind)?.as_str() {
        "text" => message.text = at.need("text", body.text)?,
        "image" | "video" | "audio" | "file" => {
            let elsewhere = body.content_provider.and_then(|provider| said(provider.original_content_url));
            message.media.push(Media {
                source: elsewhere.map_or(MediaSource::Id(external_id), MediaSource::Url),
                name: said(body.file_name),
                media_type: None,
                bytes: body.file_size,
                sha256: None,
            });
            note(&mut message, "album", body.image_set.and_then(|set| set.id?.said()));
        }
        "location" => {
            let (title, address) = (body.title.as_deref(), body.address.as_deref());
            message.text = location(title, address, body.latitude.as_ref(), body.longitude.as_ref());
        }
        "sticker" => {
            let keywords = body.keywords.iter().map(|word| Some(word.as_str()));
            message.text = line("sticker", std::iter::once(body.text.as_deref()).chain(keywords));
            note(&mut message, "sticker-id", body.sticker_id.and_then(Id::said));
            note(&mut message, "sticker-package", body.package_id.and_then(Id::said));
        }
        _ => {}
    }
    if message.text.trim().is_empty() && message.media.is_empty() {
        UNSUPPORTED.clone_into(&mut message.text);
    }
    Ok(Happening::Message(Box::new(message)))
}
