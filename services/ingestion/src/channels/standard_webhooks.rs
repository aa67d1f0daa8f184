//! Standard Webhooks: the generic way in, for whoever signs as that specification says.
//!
//! The body is what [`super::generic`] reads, either alone or as the `data` of the envelope that the specification
//! recommends (`type`, `timestamp`, `data`). What the body does not name stands in the headers: `webhook-id` is the id of
//! the message, `webhook-timestamp` its time.
//!
//! Proof: `webhook-signature` over id, timestamp and body, in a window of five minutes. The secret `secret` may hold several
//! keys, apart by spaces or lines, so that keys can be changed without a gap: `whsec_…` for HMAC-SHA256 (`v1`), `whpk_…` for
//! Ed25519 (`v1a`).
//!
//! HMAC is verified by a published vector, Ed25519 and the body by own samples only.

use data_encoding::BASE64;
use http::Method;
use ring::signature::{ED25519, UnparsedPublicKey};

use super::generic::{self, Envelope};
use super::node::{self, Node};
use super::{Config, Connector, Hook, Malformed, Refused, Said, signature};

/// The secret: one key or several.
pub(super) const SECRET: &str = "secret";

/// How many signatures of a call, and how many keys of an account, are looked at.
const SIGNATURES_MAX: usize = 16;

/// The connector.
pub(super) struct StandardWebhooks;

impl Connector for StandardWebhooks {
    fn name(&self) -> &'static str {
        "standard_webhooks"
    }

    fn carries_files(&self) -> bool {
        true
    }

    fn secrets(&self) -> &'static [&'static str] {
        &[SECRET]
    }

    fn verify(&self, hook: &Hook<'_>, config: &Config) -> Result<(), Refused> {
        if hook.method != Method::POST {
            return Err(Refused::Method);
        }
        verify(hook, config)
    }

    fn read(&self, hook: &Hook<'_>, _: &Config) -> Result<Said, Malformed> {
        let body = node::parse(hook.body)?;
        let root = Node::root(&body, "");
        let id = hook.header("webhook-id").map(str::to_owned);
        let at = hook.header("webhook-timestamp").and_then(|at| at.parse().ok()).and_then(node::unix);
        let envelope =
            Envelope { kind: root.text("type"), id, at: root.time("timestamp").or(at).unwrap_or(hook.now) };
        let data = root.get("data").unwrap_or(root);
        Ok(Said { happenings: vec![generic::read(&data, &envelope)?], ..Said::default() })
    }
}

/// Whether one of the signatures is by one of the keys.
pub(super) fn verify(hook: &Hook<'_>, config: &Config) -> Result<(), Refused> {
    let keys = keys(config)?;
    let header =
        |name| hook.header(name).filter(|value: &&str| !value.is_empty()).ok_or(Refused::Unsigned(name));
    let id = header("webhook-id")?;
    let time = header("webhook-timestamp")?;
    let said = header("webhook-signature")?;
    let signed = [id.as_bytes(), b".", time.as_bytes(), b".", hook.body];
    let mut verdict = Err(Refused::Signature);
    for key in &keys {
        let expected = match key {
            Key::Secret(secret) => signature::hmac_sha256(secret, &signed),
            Key::Public(_) => Vec::new(),
        };
        let whole = if matches!(key, Key::Public(_)) { signed.concat() } else { Vec::new() };
        for one in said.split(' ').take(SIGNATURES_MAX) {
            let right = match (key, one.split_once(',')) {
                (Key::Secret(_), Some(("v1", one))) => signature::is_base64(one, &expected),
                (Key::Public(key), Some(("v1a", one))) => {
                    let one = BASE64.decode(one.as_bytes()).map_err(|_| Refused::Signature);
                    let key = UnparsedPublicKey::new(&ED25519, key);
                    one.and_then(|one| key.verify(&whole, &one).map_err(|_| Refused::Signature))
                }
                _ => Err(Refused::Signature),
            };
            verdict = verdict.or(right);
        }
    }
    verdict?;
    signature::fresh(time, hook.now, signature::WINDOW_S)
}

enum Key {
    Secret(Vec<u8>),
    Public(Vec<u8>),
}

fn keys(config: &Config) -> Result<Vec<Key>, Refused> {
    let bad = Refused::BadSecret(SECRET);
    let text = std::str::from_utf8(config.secret(SECRET)?).map_err(|_| bad)?;
    let decode = |text: &str| BASE64.decode(text.as_bytes()).ok().filter(|key| !key.is_empty()).ok_or(bad);
    let key = |word: &str| match word.strip_prefix("whpk_") {
        Some(public) => decode(public).map(Key::Public),
        // The prefix may be left out.
        None => decode(word.strip_prefix("whsec_").unwrap_or(word)).map(Key::Secret),
    };
    let keys: Vec<_> = text.split_whitespace().take(SIGNATURES_MAX).map(key).collect::<Result<_, _>>()?;
    if keys.is_empty() { Err(Refused::NoSecret(SECRET)) } else { Ok(keys) }
}
