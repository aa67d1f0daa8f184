//! What a message of WhatsApp says, by its type. An edited message has the same shape within the edit.

use serde::Deserialize;

use crate::channels::{
    Malformed, Media, MediaSource, Message,
    json::{At, Decimal, Id},
    wording::{UNSUPPORTED, add_line, line, location, note, said},
};

#[derive(Deserialize)]
pub(super) struct Content {
    #[serde(rename = "type")]
    kind: Option<String>,
    context: Option<Context>,
    text: Option<Text>,
    image: Option<File>,
    video: Option<File>,
    audio: Option<File>,
    voice: Option<File>,
    document: Option<File>,
    sticker: Option<File>,
    location: Option<Location>,
    contacts: Option<Vec<Card>>,
    interactive: Option<Interactive>,
    button: Option<Button>,
    order: Option<Order>,
    #[serde(default)]
    errors: Vec<Fault>,
}

#[derive(Deserialize)]
struct Context {
    id: Option<Id>,
    #[serde(default)]
    forwarded: bool,
    #[serde(default)]
    frequently_forwarded: bool,
    referred_product: Option<Product>,
}

#[derive(Deserialize)]
struct Product {
    catalog_id: Option<Id>,
    product_retailer_id: Option<Id>,
}

#[derive(Deserialize)]
struct Text {
    body: Option<String>,
}

#[derive(Deserialize)]
struct File {
    id: Option<Id>,
    caption: Option<String>,
    filename: Option<String>,
    mime_type: Option<String>,
    sha256: Option<String>,
}

#[derive(Deserialize)]
struct Location {
    name: Option<String>,
    address: Option<String>,
    latitude: Option<Decimal>,
    longitude: Option<Decimal>,
}

#[derive(Deserialize)]
struct Card {
    name: Option<CardName>,
    #[serde(default)]
    phones: Vec<Phone>,
    #[serde(default)]
    emails: Vec<Email>,
}

#[derive(Deserialize)]
struct CardName {
    formatted_name: Option<String>,
}

#[derive(Deserialize)]
struct Phone {
    phone: Option<String>,
}

#[derive(Deserialize)]
struct Email {
    email: Option<String>,
}

#[derive(Deserialize)]
struct Interactive {
    #[serde(rename = "type")]
    kind: Option<String>,
    button_reply: Option<Choice>,
    list_reply: Option<Choice>,
    nfm_reply: Option<Form>,
}

#[derive(Deserialize)]
struct Choice {
    id: Option<Id>,
    title: Option<String>,
    description: Option<String>,
}

#[derive(Deserialize)]
struct Form {
    body: Option<String>,
    response_json: Option<String>,
}

#[derive(Deserialize)]
struct Button {
    text: Option<String>,
    payload: Option<String>,
}

#[derive(Deserialize)]
struct Order {
    catalog_id: Option<Id>,
    text: Option<String>,
    #[serde(default)]
    product_items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    product_retailer_id: Option<Id>,
    quantity: Option<Id>,
    item_price: Option<Id>,
    currency: Option<String>,
}

#[derive(Deserialize)]
struct Fault {
    code: Option<Id>,
}

impl Content {
    /// Whether it only says that we may call.
    pub(super) fn is_permission(&self) -> bool {
        let kind = self.interactive.as_ref().and_then(|interactive| interactive.kind.as_deref());
        kind == Some("call_permission_reply")
    }

    /// Says it in the message.
    pub(super) fn say(self, message: &mut Message, at: &At<'_>) -> Result<(), Malformed> {
        if let Some(context) = self.context {
            message.reply_to = context.id.and_then(Id::said);
            message.forwarded = context.forwarded || context.frequently_forwarded;
            if context.frequently_forwarded {
                note(message, "frequently-forwarded", Some("true".to_owned()));
            }
            if let Some(product) = context.referred_product {
                note(message, "product-id", product.product_retailer_id.and_then(Id::said));
                note(message, "catalog-id", product.catalog_id.and_then(Id::said));
            }
        }
        match at.need("type", self.kind)?.as_str() {
            "text" => message.text = at.key("text").need("body", self.text.and_then(|text| text.body))?,
            "image" => attach(message, "image", self.image, at)?,
            "video" => attach(message, "video", self.video, at)?,
            "audio" => attach(message, "audio", self.audio, at)?,
            "voice" => attach(message, "voice", self.voice, at)?,
            "document" => attach(message, "document", self.document, at)?,
            "sticker" => attach(message, "sticker", self.sticker, at)?,
            "location" => {
                let place = at.need("location", self.location)?;
                let (name, address) = (place.name.as_deref(), place.address.as_deref());
                message.text = location(name, address, place.latitude.as_ref(), place.longitude.as_ref());
            }
            "contacts" => {
                for card in at.need("contacts", self.contacts)? {
                    add_line(&mut message.text, &card.line());
                }
            }
            "interactive" => at.need("interactive", self.interactive)?.say(message),
            "button" => {
                let button = at.need("button", self.button)?;
                message.text = said(button.text).or_else(|| button.payload.clone()).unwrap_or_default();
                note(message, "payload", button.payload);
            }
            "order" => at.need("order", self.order)?.say(message),
            _ => {
                let code = self.errors.into_iter().find_map(|fault| fault.code?.said());
                note(message, "error-code", code);
            }
        }
        if message.text.trim().is_empty() && message.media.is_empty() {
            message.text = UNSUPPORTED.to_owned();
        }
        Ok(())
    }
}

fn attach(
    message: &mut Message,
    kind: &'static str,
    file: Option<File>,
    at: &At<'_>,
) -> Result<(), Malformed> {
    let file = at.need(kind, file)?;
    message.text = file.caption.unwrap_or_default();
    message.media.push(Media {
        source: MediaSource::Id(at.key(kind).need_id("id", file.id)?),
        name: said(file.filename),
        media_type: said(file.mime_type),
        bytes: None,
        sha256: file.sha256.as_deref().and_then(hexadecimal),
    });
    Ok(())
}

/// A SHA-256 in lower-case hexadecimal; WhatsApp writes it in base64.
fn hexadecimal(sha256: &str) -> Option<String> {
    use data_encoding::{BASE64, HEXLOWER, HEXLOWER_PERMISSIVE};
    let bytes = HEXLOWER_PERMISSIVE.decode(sha256.as_bytes()).or_else(|_| BASE64.decode(sha256.as_bytes()));
    bytes.ok().filter(|bytes| bytes.len() == 32).map(|bytes| HEXLOWER.encode(&bytes))
}

impl Card {
    fn line(&self) -> String {
        let name = self.name.as_ref().and_then(|name| name.formatted_name.as_deref());
        let phones = self.phones.iter().map(|phone| phone.phone.as_deref());
        let emails = self.emails.iter().map(|email| email.email.as_deref());
        line("contact", std::iter::once(name).chain(phones).chain(emails))
    }
}

impl Interactive {
    fn say(self, message: &mut Message) {
        if let Some(choice) = self.button_reply.or(self.list_reply) {
            let id = choice.id.and_then(Id::said);
            message.text = said(choice.title).or_else(|| id.clone()).unwrap_or_default();
            add_line(&mut message.text, choice.description.as_deref().unwrap_or_default());
            note(message, "payload", id);
        }
        if let Some(form) = self.nfm_reply {
            message.text = form.body.unwrap_or_default();
            add_line(&mut message.text, &answers(form.response_json.as_deref().unwrap_or_default()));
        }
    }
}

/// What was entered in a form: a line for each field. The token of the form says nothing to a reader.
fn answers(response: &str) -> String {
    let Ok(fields) = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(response) else {
        return response.to_owned();
    };
    let mut text = String::new();
    for (name, value) in fields.iter().filter(|(name, _)| *name != "flow_token") {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        add_line(&mut text, &format!("{name}: {value}"));
    }
    text
}

impl Order {
    fn say(self, message: &mut Message) {
        message.text = self.text.unwrap_or_default();
        for item in &self.product_items {
            let text = |id: &'_ Option<Id>| id.as_ref().map(|id| id.as_str().to_owned()).unwrap_or_default();
            let (quantity, product) = (text(&item.quantity), text(&item.product_retailer_id));
            let price =
                format!("{} {}", text(&item.item_price), item.currency.as_deref().unwrap_or_default());
            let line = line("order", [Some(format!("{quantity} x {product}").as_str()), Some(&price)]);
            add_line(&mut message.text, &line);
        }
        note(message, "catalog-id", self.catalog_id.and_then(Id::said));
    }
}
