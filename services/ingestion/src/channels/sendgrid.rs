//! SendGrid: mail in by Inbound Parse, taken apart or raw, and what became of ours by its event webhook.
//!
//! Proof of events: ECDSA (P-256, SHA-256) over time and body with the secret `public_key` that SendGrid shows. Events are
//! sent again for a day, so that the window is a day. Proof of mail in: the same signature where SendGrid is told to make
//! it, otherwise what the address carries: a user and password, or a `token`.
//!
//! Signatures are verified by published vectors; both forms of mail in are read as published, events by the vector's body and
//! own samples.

mod events;

use std::borrow::Cow;
use std::collections::BTreeMap;

use data_encoding::BASE64;
use http::Method;
use mail_parser::decoders::charsets::map::charset_decoder;
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use serde_json::Value;

use super::letter::Letter;
use super::multipart::{self, Part};
use super::node::{self, Node};
use super::{
    Config, Connector, Happening, Hook, Mail, Malformed, Media, MediaSource, Refused, Said, signature,
};

/// The key that events are signed with: a SubjectPublicKeyInfo in base64.
const PUBLIC_KEY: &str = "public_key";

/// The secret in the address: `user:password`, or the value of `token`.
const TOKEN: &str = "token";

/// How long SendGrid goes on trying, and a little.
const WINDOW_S: i64 = 24 * 3600 + signature::WINDOW_S;

/// What stands before the point in a SubjectPublicKeyInfo of P-256, in bytes.
const KEY_PREFIX: usize = 26;

/// The connector.
pub(super) struct Sendgrid;

impl Connector for Sendgrid {
    fn name(&self) -> &'static str {
        "sendgrid"
    }

    /// Which one is needed depends on what is sent here.
    fn carries_files(&self) -> bool {
        true
    }

    fn secrets(&self) -> &'static [&'static str] {
        &[]
    }

    fn verify(&self, hook: &Hook<'_>, config: &Config) -> Result<(), Refused> {
        if hook.method != Method::POST {
            return Err(Refused::Method);
        }
        let header = "x-twilio-email-event-webhook-signature";
        let Some(said) = hook.header(header) else {
            // Events are always signed: what carries only a token must be mail.
            let mail = multipart::boundary(hook).is_some();
            return if mail {
                signature::carries(hook, config.secret(TOKEN)?)
            } else {
                Err(Refused::Unsigned(header))
            };
        };
        let time = hook.header("x-twilio-email-event-webhook-timestamp");
        let time = time.ok_or(Refused::Unsigned("x-twilio-email-event-webhook-timestamp"))?;
        let bad = Refused::BadSecret(PUBLIC_KEY);
        let key = BASE64.decode(config.secret(PUBLIC_KEY)?.trim_ascii()).map_err(|_| bad)?;
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key.get(KEY_PREFIX..).ok_or(bad)?);
        let said = BASE64.decode(said.as_bytes()).map_err(|_| Refused::Signature)?;
        let signed = [time.as_bytes(), hook.body].concat();
        key.verify(&signed, &said).map_err(|_| Refused::Signature)?;
        signature::fresh(time, hook.now, WINDOW_S)
    }

    fn read(&self, hook: &Hook<'_>, _: &Config) -> Result<Said, Malformed> {
        let happenings = match multipart::boundary(hook) {
            Some(boundary) => vec![mail(&multipart::parts(hook.body, &boundary)?, hook)?],
            None => events::read(&node::parse(hook.body)?)?,
        };
        Ok(Said { happenings, ..Said::default() })
    }

    fn lists(&self) -> &'static [&'static str] {
        &[""]
    }
}

fn mail(parts: &[Part<'_>], hook: &Hook<'_>) -> Result<Happening, Malformed> {
    let fields: BTreeMap<&str, &Part<'_>> =
        parts.iter().rev().map(|part| (part.name.as_str(), part)).collect();
    let json = |name: &str| {
        let part = fields.get(name)?;
        serde_json::from_slice::<Value>(part.content).ok()
    };
    let envelope = json("envelope").unwrap_or_default();
    let envelope = Node::root(&envelope, "envelope");
    let envelope_from = envelope.text("from").map(str::to_owned);
    let envelope_to =
        envelope.items("to")?.iter().filter_map(|to| to.value().as_str().map(str::to_owned)).collect();
    if let Some(raw) = fields.get("email") {
        let raw = raw.content.to_vec();
        return Ok(Happening::Mail(Box::new(Mail { raw, envelope_from, envelope_to })));
    }
    let charsets = json("charsets").unwrap_or_default();
    let text = |name: &str| {
        let part = fields.get(name)?;
        let charset = charsets.get(name).and_then(Value::as_str);
        Some(decoded(part.content, charset).into_owned()).filter(|text| !text.is_empty())
    };
    let names = json("attachment-info").unwrap_or_default();
    let media = parts.iter().filter(|part| is_attachment(&part.name)).map(|part| {
        let info = names.get(&part.name);
        let said = |key: &str| info.and_then(|info| info.get(key)).and_then(Value::as_str).map(str::to_owned);
        Media {
            name: said("filename").or_else(|| part.file.clone()),
            media_type: said("type").or_else(|| part.media_type.clone()),
            bytes: part.content.len().try_into().ok(),
            ..Media::new(MediaSource::Content(part.content.to_vec()))
        }
    });
    let (from, subject) = (text("from"), text("subject"));
    let letter = Letter {
        headers: text("headers").unwrap_or_default(),
        from: from.as_deref(),
        to: text("to"),
        cc: text("cc"),
        subject: subject.as_deref(),
        text: text("text"),
        html: text("html"),
        envelope_from,
        envelope_to,
        media: media.collect(),
        ..Letter::default()
    };
    let mut message = letter.message(hook.now)?;
    message.field("spf", text("SPF"));
    message.field("dkim", text("dkim"));
    message.field("spam-score", text("spam_score"));
    Ok(message.into())
}

fn is_attachment(name: &str) -> bool {
    let number = name.strip_prefix("attachment").unwrap_or_default();
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// The text in the charset that it is said to be in.
fn decoded<'a>(bytes: &'a [u8], charset: Option<&str>) -> Cow<'a, str> {
    let decoder = charset.filter(|name| !name.eq_ignore_ascii_case("utf-8"));
    match decoder.and_then(|name| charset_decoder(name.as_bytes())) {
        Some(decode) => Cow::Owned(decode(bytes)),
        None => String::from_utf8_lossy(bytes),
    }
}
