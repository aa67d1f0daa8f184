//! `standard_webhooks`: replies as webhooks, signed as that specification says.
//!
//! Setting: `callback_url`, where the other side listens; there is no address of its own. Secret: `secret`, one key
//! (`whsec_…`) or several; each signs, so that keys can be changed without a gap. The key of the message is the `webhook-id`,
//! by which a receiver knows what he had before: twice is once.
//!
//! The body is the envelope that the specification recommends. In its `data`, `id` is the key, `customer.id`, `text` and
//! `public` are always there, `subject`, `reply_to`, `thread_root`, `tag`, `template`, `language`, `parameters` (a list),
//! `named` (an object) and `attachments` (each with `name`, `media_type`, `bytes` and `content` in base64) where there are any. A
//! receiver may answer with an object that has an `id`: then that is what the message is called.

use data_encoding::BASE64;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::{
    Answered, Call, File, Files, Outgoing, Promise, Speaker, Unsayable,
    answer::{id, object, plain, unexplained},
};
use crate::channels::{Config, Refused, signature};

/// How it speaks.
pub(super) struct StandardWebhooks;

const SECRET: &str = "secret";
const CALLBACK: &str = "callback_url";
/// What kind of event a reply is.
pub(super) const REPLY: &str = "dossier.reply";
/// How many keys sign.
const KEYS_MAX: usize = 16;
/// As a key begins that can only verify.
const PUBLIC: &str = "whpk_";

impl Speaker for StandardWebhooks {
    fn name(&self) -> &'static str {
        "standard_webhooks"
    }

    fn base_url(&self) -> &'static str {
        ""
    }

    fn promise(&self) -> Promise {
        Promise::Key
    }

    fn files(&self) -> Files {
        Files::Together
    }

    fn say(&self, message: &Outgoing<'_>, config: &Config) -> Result<Call, Unsayable> {
        let timestamp = message.at.to_jiff().to_string();
        let body = json!({ "type": REPLY, "timestamp": timestamp, "data": data(message) });
        signed(&body, message, config)
    }

    fn answered(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Answered {
        answered(status, headers, body)
    }
}

/// What is to be said, to whom, and where.
pub(super) fn data(message: &Outgoing<'_>) -> Value {
    let mut data = json!({
        "id": message.key,
        "customer": { "id": message.to },
        "text": message.text,
        "public": message.public,
    });
    let more = [
        ("subject", message.subject),
        ("reply_to", message.reply_to),
        ("thread_root", message.thread),
        ("tag", message.tag),
        ("template", message.template),
        ("language", message.language),
    ];
    for (name, value) in more {
        if let Some(value) = value {
            data[name] = value.into();
        }
    }
    if !message.parameters.is_empty() {
        data["parameters"] = message.parameters.into();
    }
    for (name, value) in message.named {
        data["named"][name] = value.as_str().into();
    }
    if !message.files.is_empty() {
        data["attachments"] = message.files.iter().map(attachment).collect();
    }
    data
}

fn attachment(file: &File) -> Value {
    json!({
        "name": file.name,
        "media_type": file.media_type,
        "bytes": file.content.len(),
        "content": BASE64.encode(&file.content),
    })
}

/// The call that carries this body.
pub(super) fn signed(body: &Value, message: &Outgoing<'_>, config: &Config) -> Result<Call, Unsayable> {
    let call = Call::json(config.needed(CALLBACK)?.to_owned(), body);
    let time = message.at.as_microsecond().div_euclid(1_000_000).to_string();
    let parts = [message.key.as_bytes(), b".", time.as_bytes(), b".", call.body.as_slice()];
    let sign = |key: Vec<u8>| format!("v1,{}", BASE64.encode(&signature::hmac_sha256(&key, &parts)));
    let signatures: Vec<_> = keys(config)?.into_iter().map(sign).collect();
    let call = call.with("webhook-id", message.key).with("webhook-timestamp", time);
    Ok(call.with("webhook-signature", signatures.join(" ")))
}

fn keys(config: &Config) -> Result<Vec<Vec<u8>>, Refused> {
    let bad = Refused::BadSecret(SECRET);
    let text = std::str::from_utf8(config.secret(SECRET)?).map_err(|_| bad)?;
    let words = text.split_whitespace().filter(|word| !word.starts_with(PUBLIC)).take(KEYS_MAX);
    let key = |word: &str| {
        // The prefix may be left out.
        let key = BASE64.decode(word.strip_prefix("whsec_").unwrap_or(word).as_bytes());
        key.ok().filter(|key| !key.is_empty()).ok_or(bad)
    };
    let keys: Vec<_> = words.map(key).collect::<Result<_, _>>()?;
    if keys.is_empty() { Err(bad) } else { Ok(keys) }
}

/// What the receiver's answer means: any success is one.
pub(super) fn answered(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Answered {
    if let Some(answered) = plain(status) {
        return answered;
    }
    if status.is_success() {
        return Answered::Sent { external_id: object(body).and_then(|body| id(&body, "/id")) };
    }
    unexplained(status, headers, None)
}
