//! Vonage: the Messages API and the SMS API, in and back, and calls.
//!
//! Proof of the Messages and Voice APIs: a JWT (HS256, the account's signature secret) in the header Authorization, whose
//! `payload_hash` is the SHA-256 of the body. A token without that claim proves only an empty body, since it would go with
//! any other. It ends when it says so, otherwise five minutes after it was issued. Proof of the SMS API: `sig`, HMAC-SHA256
//! over the sorted parameters, with a signed `timestamp`; the MD5, SHA-1 and SHA-512 forms are refused: set the account to
//! SHA-256 HMAC. Webhooks are taken by POST alone: in a GET the token would prove nothing of the parameters.
//!
//! A call that comes in is the message `[call]`, a recording another one of its thread. An answer webhook is answered with no
//! instructions, `[]`: a call that only we answer ends.
//!
//! The JWT is verified by a published vector; `sig` and reading by own samples only.

mod sms;

use http::Method;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use serde_json::Value;

use super::node::{self, Node};
use super::{
    Answer, Config, Connector, Happening, Hook, Malformed, Media, MediaSource, Message, Party, Receipt,
    Refused, Said, Status, signature, wording, words,
};

/// The secret that Vonage calls so.
const SECRET: &str = "signature_secret";

/// The connector.
pub(super) struct Vonage;

#[derive(Deserialize)]
struct Claims {
    iat: Option<i64>,
    exp: Option<i64>,
    payload_hash: Option<String>,
}

impl Connector for Vonage {
    fn name(&self) -> &'static str {
        "vonage"
    }

    fn secrets(&self) -> &'static [&'static str] {
        &[SECRET]
    }

    fn verify(&self, hook: &Hook<'_>, config: &Config) -> Result<(), Refused> {
        let secret = config.secret(SECRET)?;
        if hook.method != Method::POST {
            return Err(Refused::Method);
        }
        match hook.header("authorization").and_then(|value| value.strip_prefix("Bearer ")) {
            Some(token) => jwt(token.trim(), secret, hook),
            None => sms::verify(hook, secret),
        }
    }

    fn read(&self, hook: &Hook<'_>, _: &Config) -> Result<Said, Malformed> {
        let body = if sms::is_form(hook) { sms::as_json(hook) } else { node::parse(hook.body)? };
        let root = Node::root(&body, "");
        let happening = if root.has("message_uuid") {
            if root.has("status") {
                status(&root)?
            } else {
                Happening::Message(Box::new(message(&root, hook)?))
            }
        } else if root.has("msisdn") || root.has("messageId") {
            sms::read(&root, hook)?
        } else if root.has("uuid") || root.has("conversation_uuid") || root.has("recording_url") {
            return call(&root, hook);
        } else {
            return Err(root.wrong("message_uuid", "a text; or messageId, or uuid"));
        };
        Ok(Said { happenings: vec![happening], answer: Answer::Taken })
    }
}

fn jwt(token: &str, secret: &[u8], hook: &Hook<'_>) -> Result<(), Refused> {
    let mut validation = Validation::new(Algorithm::HS256);
    // Times are checked below, by the hook's clock.
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let decoded = jsonwebtoken::decode::<Claims>(token, &DecodingKey::from_secret(secret), &validation);
    let claims = decoded.map_err(|_| Refused::Signature)?.claims;
    match &claims.payload_hash {
        Some(hash) => signature::is_hex(hash, &signature::sha256(hook.body))?,
        None if hook.body.is_empty() => {}
        None => return Err(Refused::Signature),
    }
    let now = hook.now.as_microsecond().div_euclid(1_000_000);
    let early = |at: i64| at > now.saturating_add(signature::WINDOW_S);
    match (claims.exp, claims.iat) {
        (Some(exp), iat) if exp >= now && !iat.is_some_and(early) => Ok(()),
        (None, Some(iat)) if !early(iat) && iat >= now - signature::WINDOW_S => Ok(()),
        _ => Err(Refused::Stale),
    }
}

/// Whoever a webhook names: as text, or as an object of the older form.
fn party(root: &Node<'_>, key: &str) -> Option<String> {
    let older = || {
        let object = root.get(key)?;
        object.id("number").or_else(|| object.id("id"))
    };
    root.id(key).or_else(older)
}

fn message(root: &Node<'_>, hook: &Hook<'_>) -> Result<Message, Malformed> {
    let from = party(root, "from").ok_or_else(|| root.wrong("from", "a text"))?;
    let name = root.get("profile").and_then(|profile| profile.text("name").map(str::to_owned));
    let customer = Party { name, ..Party::new(from) };
    let at = root.time("timestamp").unwrap_or(hook.now);
    let mut message = Message::new(root.need_id("message_uuid")?, customer, at);
    message.field("to", party(root, "to"));
    message.field("channel", root.id("channel"));
    if let Some(context) = root.get("context") {
        message.reply_to = context.id("message_uuid");
    }
    let kind = root.need_text("message_type")?;
    match kind {
        "text" => {
            let text = root.written("text").ok_or_else(|| root.wrong("text", "a text"))?;
            text.clone_into(&mut message.text);
        }
        "image" | "audio" | "video" | "file" | "vcard" | "sticker" => {
            let file = root.need(kind)?;
            let url = MediaSource::Url(file.need_text("url")?.to_owned());
            let name = file.text("name").map(str::to_owned);
            message.media.push(Media { name, bytes: size(&file), ..Media::new(url) });
            let caption = file.text("caption").or_else(|| root.text("text"));
            caption.unwrap_or_default().clone_into(&mut message.text);
        }
        "location" => {
            let place = root.need("location")?;
            let (latitude, longitude) = (place.need_id("lat")?, place.need_id("long")?);
            message.text = words::location(place.text("name"), place.text("address"), &latitude, &longitude);
            message.field("latitude", Some(latitude));
            message.field("longitude", Some(longitude));
            message.field("place", place.text("name"));
            message.field("address", place.text("address"));
        }
        "reply" => {
            let reply = root.need("reply")?;
            reply.text("title").unwrap_or_default().clone_into(&mut message.text);
            message.field("button-payload", reply.id("id"));
        }
        "button" => {
            let button = root.need("button")?;
            button.text("text").unwrap_or_default().clone_into(&mut message.text);
            message.field("button-payload", button.id("payload"));
        }
        other => {
            // Better a message that says only its kind than none: somebody wrote to us.
            message.text = words::line(other, [root.text("text")]);
        }
    }
    if let Some(referral) = root.get("whatsapp").and_then(|whatsapp| whatsapp.get("referral")) {
        let ad = referral.text("source_type") == Some("ad");
        message.entry_point = ad.then_some(domain::message::EntryPoint::ClickToChatAd);
        message.came_by(referral.id("source_id"));
        message.field("referral-url", referral.text("source_url"));
        message.field("referral-headline", referral.text("headline"));
        message.field("referral-body", referral.text("body"));
    }
    wording::seen(&mut message);
    Ok(message)
}

fn size(file: &Node<'_>) -> Option<u64> {
    file.number("size").and_then(|size| size.try_into().ok())
}

fn status(root: &Node<'_>) -> Result<Happening, Malformed> {
    let status = match root.need_text("status")? {
        "submitted" => Status::Sent,
        "delivered" => Status::Delivered,
        "read" => Status::Read,
        "rejected" | "undeliverable" | "failed" => Status::Failed,
        _ => return Ok(Happening::Passed("other_status")),
    };
    let code = root.get("error").and_then(|error| error.id("title").or_else(|| error.id("code")));
    Ok(Happening::Receipt(Receipt {
        external_id: Some(root.need_id("message_uuid")?),
        contact: party(root, "to"),
        status,
        at: root.need_time("timestamp")?,
        code: code.filter(|_| status == Status::Failed),
        word: None,
    }))
}

fn call(root: &Node<'_>, hook: &Hook<'_>) -> Result<Said, Malformed> {
    let at = root.time("timestamp").unwrap_or(hook.now);
    let said = |happening, answer| Ok(Said { happenings: vec![happening], answer });
    if let Some(url) = root.text("recording_url") {
        let call = root.need_id("conversation_uuid")?;
        let customer = party(root, "from").unwrap_or_else(|| call.clone());
        let mut message = Message::new(root.need_id("recording_uuid")?, Party::new(customer), at);
        message.reply_to = Some(call.clone());
        message.thread_root = Some(call);
        message.media.push(Media { bytes: size(root), ..Media::new(MediaSource::Url(url.to_owned())) });
        message.field("to", party(root, "to"));
        return said(Happening::Message(Box::new(message)), Answer::Taken);
    }
    let answers = !root.has("status") && !root.has("dtmf") && !root.has("speech") && !root.has("reason");
    if !answers || !root.has("from") {
        let input = root.has("dtmf") || root.has("speech");
        let passed = if input { "call_input" } else { "call_progress" };
        return said(Happening::Passed(passed), Answer::Taken);
    }
    let from = party(root, "from").ok_or_else(|| root.wrong("from", "a text"))?;
    let call = root.need_id("conversation_uuid")?;
    let mut message = Message::new(call.clone(), Party::new(from), at);
    message.text = words::line("call", []);
    message.thread_root = Some(call);
    message.field("to", party(root, "to"));
    message.field("leg", root.id("uuid"));
    said(
        Happening::Message(Box::new(message)),
        Answer::Text("application/json", Value::Array(Vec::new()).to_string()),
    )
}
