//! What is attached to a message of a chat: files, and things that are no files.

use serde::Deserialize;

use crate::channels::{
    Media, MediaSource, Message,
    json::{Decimal, Id},
    wording::{add_line, line, location, note, said},
};

#[derive(Deserialize)]
pub(super) struct Attachment {
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    payload: Option<Payload>,
    /// Of links, in older versions of the API.
    title: Option<String>,
    url: Option<String>,
}

#[derive(Default, Deserialize)]
struct Payload {
    url: Option<String>,
    title: Option<String>,
    sticker_id: Option<Id>,
    coordinates: Option<Coordinates>,
    #[serde(default)]
    elements: Vec<Element>,
    product: Option<Product>,
}

#[derive(Default, Deserialize)]
struct Coordinates {
    lat: Option<Decimal>,
    long: Option<Decimal>,
}

#[derive(Deserialize)]
struct Product {
    #[serde(default)]
    elements: Vec<Element>,
}

#[derive(Deserialize)]
struct Element {
    id: Option<Id>,
    title: Option<String>,
}

impl Attachment {
    /// Says it in the message. `first`: nothing was attached before it.
    pub(super) fn say(self, first: bool, message: &mut Message) {
        let kind = self.kind.unwrap_or_default();
        let payload = self.payload.unwrap_or_default();
        let title = said(payload.title).or(said(self.title));
        let url = said(payload.url).or(said(self.url));
        match (kind.as_str(), url) {
            ("location", _) => {
                let at = payload.coordinates.unwrap_or_default();
                let place = location(title.as_deref(), None, at.lat.as_ref(), at.long.as_ref());
                add_line(&mut message.text, &place);
            }
            // A link is mostly in the text as well. Looked for once, so that many of them cost no more than one.
            ("fallback", Some(url)) if first && message.text.contains(&url) => {}
            ("fallback", url) => {
                add_line(&mut message.text, &line("link", [title.as_deref(), url.as_deref()]));
            }
            ("template", url) => {
                let products = payload.product.map(|product| product.elements).unwrap_or_default();
                let elements = payload.elements.iter().chain(&products);
                let titles = elements.map(|e| e.title.as_deref().or(e.id.as_ref().map(Id::as_str)));
                let said = [title.as_deref(), url.as_deref()].into_iter().chain(titles);
                add_line(&mut message.text, &line("template", said));
            }
            (kind, Some(url)) => {
                if kind == "story_mention" {
                    add_line(&mut message.text, "[mentioned in a story]");
                }
                note(message, "sticker-id", payload.sticker_id.and_then(Id::said));
                message.media.push(Media {
                    source: MediaSource::Url(url),
                    name: title,
                    media_type: None,
                    bytes: None,
                    sha256: None,
                });
            }
            (_, None) => add_line(&mut message.text, &line("attachment", [title.as_deref()])),
        }
    }
}
