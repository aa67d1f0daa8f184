//! CloudEvents 1.0 over HTTP, structured, in batches and binary: the generic way in, for whoever speaks that.
//!
//! `data` is what [`super::generic`] reads; what it does not name stands in the event: `type` says what happened
//! (`dossier.message`, or plainly `message`), `time` when. A message without an id of its own is called by the event's
//! `source` and `id`, which CloudEvents makes unique together. Events of other types, and data that is not JSON, are passed.
//!
//! Proof: the headers of Standard Webhooks with the secret `secret`, or else `Authorization: Bearer` with the secret
//! `bearer`. The former sign the body and not the attributes of a binary event; there the signed `webhook-id` must be the
//! event's id, and `source`, `type` and `time` are worth what the connection is.
//!
//! The envelope is read from published events; proof and data by own samples only.

use std::borrow::Cow;

use data_encoding::BASE64;
use domain::time::Timestamp;
use http::Method;
use serde_json::Value;

use super::generic::{self, Envelope};
use super::node::{self, Node};
use super::{Config, Connector, Happening, Hook, Malformed, Refused, Said, signature, standard_webhooks};

/// The secret that a caller shows who signs nothing.
const BEARER: &str = "bearer";

/// The connector.
pub(super) struct CloudEvents;

/// How an event stands in a call.
#[derive(PartialEq)]
enum Mode {
    Structured,
    Batched,
    Binary,
}

/// The attributes of an event.
struct Attributes<'a> {
    id: Cow<'a, str>,
    source: Cow<'a, str>,
    kind: Cow<'a, str>,
    content: Option<Cow<'a, str>>,
    at: Timestamp,
}

impl Connector for CloudEvents {
    fn name(&self) -> &'static str {
        "cloudevents"
    }

    /// One of two is enough, so that none has to be there.
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
        if hook.header("webhook-signature").is_none() {
            let said = hook.header("authorization").ok_or(Refused::Unsigned("webhook-signature"))?;
            let (scheme, said) = said.split_once(' ').ok_or(Refused::Signature)?;
            let secret = config.secret(BEARER)?;
            let known = scheme.eq_ignore_ascii_case("bearer");
            return if known {
                signature::is(said.trim().as_bytes(), secret)
            } else {
                Err(Refused::Signature)
            };
        }
        standard_webhooks::verify(hook, config)?;
        let bound = mode(hook) != Mode::Binary || hook.header("ce-id") == hook.header("webhook-id");
        if bound { Ok(()) } else { Err(Refused::Signature) }
    }

    fn read(&self, hook: &Hook<'_>, _: &Config) -> Result<Said, Malformed> {
        let mode = mode(hook);
        let happenings = match mode {
            Mode::Binary => vec![binary(hook)?],
            Mode::Structured => vec![structured(&Node::root(&node::parse(hook.body)?, ""), hook)?],
            Mode::Batched => {
                let body = node::parse(hook.body)?;
                let events = Node::root(&body, "").elements()?;
                events.iter().map(|event| structured(event, hook)).collect::<Result<_, _>>()?
            }
        };
        Ok(Said { happenings, ..Said::default() })
    }

    fn lists(&self) -> &'static [&'static str] {
        &[""]
    }
}

fn mode(hook: &Hook<'_>) -> Mode {
    let kind = hook.header("content-type").unwrap_or_default().to_ascii_lowercase();
    if kind.starts_with("application/cloudevents-batch") {
        Mode::Batched
    } else if kind.starts_with("application/cloudevents") {
        Mode::Structured
    } else {
        Mode::Binary
    }
}

fn structured(event: &Node<'_>, hook: &Hook<'_>) -> Result<Happening, Malformed> {
    version(event.need_text("specversion")?).map_err(|what| event.wrong("specversion", what))?;
    let attributes = Attributes {
        id: event.need_text("id")?.into(),
        source: event.need_text("source")?.into(),
        kind: event.need_text("type")?.into(),
        content: event.text("datacontenttype").map(Cow::from),
        at: event.time("time").unwrap_or(hook.now),
    };
    if let Some(data) = event.text("data_base64") {
        let data = BASE64.decode(data.as_bytes()).map_err(|_| event.wrong("data_base64", "base64"))?;
        return attributes.read_bytes(&data, &event.path("data_base64"));
    }
    match event.get("data") {
        // Text that is JSON: some write it so.
        Some(data) if data.value().is_string() => {
            let text = data.value().as_str().unwrap_or_default();
            attributes.read_bytes(text.as_bytes(), &event.path("data"))
        }
        Some(data) => attributes.read(&data),
        None => attributes.read(&Node::root(&Value::Null, &event.path("data"))),
    }
}

fn binary(hook: &Hook<'_>) -> Result<Happening, Malformed> {
    let header = |name: &str| hook.header(name).map(decoded).filter(|value| !value.is_empty());
    let need = |name: &str| header(name).ok_or_else(|| Malformed::new(name, "a header that says something"));
    version(&need("ce-specversion")?).map_err(|what| Malformed::new("ce-specversion", what))?;
    let attributes = Attributes {
        id: need("ce-id")?,
        source: need("ce-source")?,
        kind: need("ce-type")?,
        content: hook.header("content-type").map(Cow::from),
        at: header("ce-time").and_then(|time| time.parse().ok()).unwrap_or(hook.now),
    };
    attributes.read_bytes(hook.body, "body")
}

/// Attributes in headers are percent-encoded.
fn decoded(value: &str) -> Cow<'_, str> {
    // As in a form, but that a plus is a plus.
    if !value.contains('%') {
        return value.into();
    }
    let value = value.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    let pair = form_urlencoded::parse(value.as_bytes()).next();
    Cow::Owned(pair.map(|(name, _)| name.into_owned()).unwrap_or_default())
}

fn version(version: &str) -> Result<(), &'static str> {
    if version == "1.0" { Ok(()) } else { Err("1.0") }
}

impl Attributes<'_> {
    fn is_known(&self) -> bool {
        let kind = self.kind.strip_prefix("dossier.").unwrap_or(&self.kind);
        matches!(kind, "message" | "message.deleted" | "reaction" | "receipt" | "contact")
    }

    fn read_bytes(&self, bytes: &[u8], path: &str) -> Result<Happening, Malformed> {
        if !self.is_known() {
            return Ok(Happening::Passed("other_event"));
        }
        let content = self.content.as_deref().unwrap_or("application/json");
        let content = content.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if !(content == "application/json" || content.ends_with("+json")) {
            return Ok(Happening::Passed("other_content"));
        }
        let data = node::parse(bytes).map_err(|_| Malformed::new(path, "JSON, nested at most 128 deep"))?;
        self.read(&Node::root(&data, if path == "body" { "" } else { path }))
    }

    fn read(&self, data: &Node<'_>) -> Result<Happening, Malformed> {
        if !self.is_known() {
            return Ok(Happening::Passed("other_event"));
        }
        // A source is a reference to something and has no spaces: two pairs are never one name.
        let id = Some(format!("{} {}", self.source, self.id));
        generic::read(data, &Envelope { kind: Some(&self.kind), id, at: self.at })
    }
}
