//! WeChat official accounts, and Work WeChat where its messages have the same shape.
//!
//! Proof: `signature`, SHA-1 over the sorted token, timestamp and nonce of the address. It says nothing of the body, so an
//! account ought to be in safe mode: there `msg_signature` covers the body, which is AES-256-CBC with `encoding_aes_key`,
//! and within it the app id that must be ours. An account with that key is taken in safe mode only.
//!
//! The handshake and the encryption are verified by published vectors; messages and events by own samples only.

mod crypto;
mod message;

use http::Method;
use sha1::{Digest, Sha1};

use super::{Answer, Config, Connector, Hook, Malformed, Refused, Said, signature, xml};

/// The secret that both sides sign with.
const TOKEN: &str = "token";

/// The key of the safe mode, in base64 without its padding.
const AES_KEY: &str = "encoding_aes_key";

/// The setting with the app id (Work WeChat: the corp id) that a message in safe mode is for.
const APP_ID: &str = "app_id";

/// The connector.
pub(super) struct Wechat;

impl Connector for Wechat {
    fn name(&self) -> &'static str {
        "wechat"
    }

    fn secrets(&self) -> &'static [&'static str] {
        &[TOKEN]
    }

    fn verify(&self, hook: &Hook<'_>, config: &Config) -> Result<(), Refused> {
        let token = config.secret(TOKEN)?;
        let timestamp = hook.parameter("timestamp").ok_or(Refused::Unsigned("timestamp"))?;
        let nonce = hook.parameter("nonce").ok_or(Refused::Unsigned("nonce"))?;
        let encrypted = encrypted(hook, config)?;
        let name = if encrypted.is_some() { "msg_signature" } else { "signature" };
        let said = hook.parameter(name).ok_or(Refused::Unsigned(name))?;
        let mut parts = vec![token, timestamp.as_bytes(), nonce.as_bytes()];
        parts.extend(encrypted.as_deref().map(str::as_bytes));
        parts.sort_unstable();
        let expected = Sha1::digest(parts.concat());
        signature::is_hex(&said, &expected)?;
        signature::fresh(&timestamp, hook.now, signature::WINDOW_S)?;
        match encrypted {
            Some(encrypted) => crypto::decrypt(&encrypted, config).map(drop),
            None => Ok(()),
        }
    }

    fn read(&self, hook: &Hook<'_>, config: &Config) -> Result<Said, Malformed> {
        let locked = |_| Malformed::new("Encrypt", "what encoding_aes_key opens");
        let opened = match encrypted(hook, config).map_err(locked)? {
            Some(encrypted) => Some(crypto::decrypt(&encrypted, config).map_err(locked)?),
            None => None,
        };
        if hook.method == Method::GET {
            let echo = match opened {
                Some(opened) => String::from_utf8(opened).map_err(|_| Malformed::new("echostr", "a text"))?,
                None => hook.parameter("echostr").unwrap_or_default().into_owned(),
            };
            return Ok(Said { happenings: Vec::new(), answer: Answer::Text("text/plain", echo) });
        }
        let document = xml::parse(opened.as_deref().unwrap_or(hook.body))?;
        let happenings = message::happenings(&document, hook.now)?;
        // Anything else, and WeChat tells the customer that the service is out of order.
        Ok(Said { happenings, answer: Answer::Text("text/plain", "success".to_owned()) })
    }

    fn taken(&self) -> Answer {
        Answer::Text("text/plain", "success".to_owned())
    }
}

/// What is encrypted, if this call is in safe mode: the element `Encrypt` of a body, the `echostr` of Work WeChat.
fn encrypted(hook: &Hook<'_>, config: &Config) -> Result<Option<String>, Refused> {
    if config.secret(AES_KEY).is_err() {
        return Ok(None);
    }
    if hook.method == Method::GET {
        // Official accounts shake hands in the open, also in safe mode.
        let signed = hook.parameter("msg_signature").is_some();
        let echo = hook.parameter("echostr").filter(|_| signed);
        return Ok(echo.map(std::borrow::Cow::into_owned));
    }
    let document = xml::parse(hook.body).map_err(|_| Refused::Unsigned("Encrypt"))?;
    document.text("Encrypt").map(|text| Some(text.to_owned())).ok_or(Refused::Unsigned("Encrypt"))
}
