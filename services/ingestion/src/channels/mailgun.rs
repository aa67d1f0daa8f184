//! Mailgun: mail in by a route, taken apart or raw, and what became of ours by its webhooks.
//!
//! Proof: HMAC-SHA256 with the account's signing key over a time and a token, which stand in the body. It does not cover
//! the rest of the body. Mailgun tries for eight hours, so that the window is as long.
//!
//! Read and verified by own samples only.

use std::borrow::Cow;

use http::Method;
use serde_json::Value;

use super::letter::{self, Letter};
use super::multipart;
use super::node::{self, Node};
use super::{
    Config, Connector, Happening, Hook, Mail, Malformed, Media, MediaSource, Party, Receipt, Refused, Said,
    Status, signature,
};

/// The secret of the account.
const SIGNING_KEY: &str = "signing_key";

/// How long Mailgun goes on trying, and a little.
const WINDOW_S: i64 = 8 * 3600 + signature::WINDOW_S;

/// The connector.
pub(super) struct Mailgun;

impl Connector for Mailgun {
    fn name(&self) -> &'static str {
        "mailgun"
    }

    fn carries_files(&self) -> bool {
        true
    }

    fn secrets(&self) -> &'static [&'static str] {
        &[SIGNING_KEY]
    }

    fn verify(&self, hook: &Hook<'_>, config: &Config) -> Result<(), Refused> {
        let key = config.secret(SIGNING_KEY)?;
        if hook.method != Method::POST {
            return Err(Refused::Method);
        }
        // The proof stands within the body: it has to be read before it can be checked.
        let unsigned = Refused::Unsigned("signature");
        if is_json(hook) {
            let body = node::parse(hook.body).map_err(|_| unsigned)?;
            let proof = Node::root(&body, "").get("signature").ok_or(unsigned)?;
            let (time, token) = (proof.id("timestamp"), proof.text("token"));
            return check(time.as_deref(), token, proof.text("signature"), key, hook);
        }
        let form = Form::of(hook).map_err(|_| unsigned)?;
        let text = |name| form.text(name);
        check(text("timestamp").as_deref(), text("token").as_deref(), text("signature").as_deref(), key, hook)
    }

    fn read(&self, hook: &Hook<'_>, _: &Config) -> Result<Said, Malformed> {
        let happening = if is_json(hook) {
            event(&Node::root(&node::parse(hook.body)?, "").need("event-data")?)?
        } else {
            mail(&Form::of(hook)?, hook)?
        };
        Ok(Said { happenings: vec![happening], ..Said::default() })
    }
}

fn is_json(hook: &Hook<'_>) -> bool {
    hook.header("content-type").is_some_and(|kind| kind.starts_with("application/json"))
}

fn check(
    time: Option<&str>,
    token: Option<&str>,
    said: Option<&str>,
    key: &[u8],
    hook: &Hook<'_>,
) -> Result<(), Refused> {
    let (Some(time), Some(token), Some(said)) = (time, token, said) else {
        return Err(Refused::Unsigned("signature"));
    };
    signature::is_hex(said, &signature::hmac_sha256(key, &[time.as_bytes(), token.as_bytes()]))?;
    signature::fresh(time, hook.now, WINDOW_S)
}

fn event(data: &Node<'_>) -> Result<Happening, Malformed> {
    let contact = || {
        let person = Party::new(data.need_text("recipient")?.to_lowercase());
        Ok(Happening::Contact { person, reachable: false, at: data.time("timestamp") })
    };
    let status = match data.need_text("event")? {
        "accepted" => Status::Sent,
        "delivered" => Status::Delivered,
        "opened" => Status::Read,
        "failed" if data.text("severity") == Some("temporary") => return Ok(Happening::Passed("deferred")),
        "failed" | "rejected" => Status::Failed,
        "unsubscribed" | "complained" => return contact(),
        "clicked" => return Ok(Happening::Passed("click")),
        "stored" => return Ok(Happening::Passed("stored")),
        _ => return Ok(Happening::Passed("other_event")),
    };
    let headers = data.need("message")?.need("headers")?;
    let reason = data.get("delivery-status").and_then(|status| status.id("code"));
    Ok(Happening::Receipt(Receipt {
        external_id: Some(bare(headers.need_text("message-id")?).to_owned()),
        contact: data.text("recipient").map(str::to_lowercase),
        status,
        at: data.need_time("timestamp")?,
        code: reason.or_else(|| data.id("reason")).filter(|_| status == Status::Failed),
        word: None,
    }))
}

fn bare(id: &str) -> &str {
    id.trim().trim_start_matches('<').trim_end_matches('>')
}

/// A form of either kind.
struct Form<'a> {
    fields: Vec<(Cow<'a, str>, Cow<'a, [u8]>)>,
    files: Vec<multipart::Part<'a>>,
}

impl<'a> Form<'a> {
    fn of(hook: &Hook<'a>) -> Result<Self, Malformed> {
        let mut form = Self { fields: Vec::new(), files: Vec::new() };
        let Some(boundary) = multipart::boundary(hook) else {
            form.fields = hook.form().map(|(name, value)| (name, bytes(value))).collect();
            return Ok(form);
        };
        for part in multipart::parts(hook.body, &boundary)? {
            if part.file.is_some() {
                form.files.push(part);
            } else {
                form.fields.push((Cow::Owned(part.name), Cow::Borrowed(part.content)));
            }
        }
        Ok(form)
    }

    fn field(&self, name: &str) -> Option<&[u8]> {
        let found = self.fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_ref()).filter(|value| !value.is_empty())
    }

    fn text(&self, name: &str) -> Option<String> {
        self.field(name).map(|value| String::from_utf8_lossy(value).into_owned())
    }
}

fn bytes(text: Cow<'_, str>) -> Cow<'_, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

fn mail(form: &Form<'_>, hook: &Hook<'_>) -> Result<Happening, Malformed> {
    let envelope_from = form.text("sender");
    let envelope_to: Vec<_> = form.text("recipient").into_iter().collect();
    if let Some(raw) = form.field("body-mime") {
        return Ok(Happening::Mail(Box::new(Mail { raw: raw.to_vec(), envelope_from, envelope_to })));
    }
    let mut headers = String::new();
    if let Some(text) = form.field("message-headers") {
        let wrong = || Malformed::new("message-headers", "an array of pairs in JSON");
        let pairs: Vec<(String, Value)> = serde_json::from_slice(text).map_err(|_| wrong())?;
        for (name, value) in &pairs {
            headers += &letter::header(name, value.as_str().unwrap_or_default());
        }
    }
    let media = form.files.iter().map(|file| Media {
        name: file.file.clone().filter(|name| !name.is_empty()),
        media_type: file.media_type.clone(),
        bytes: file.content.len().try_into().ok(),
        ..Media::new(MediaSource::Content(file.content.to_vec()))
    });
    let (from, subject) = (form.text("from"), form.text("subject"));
    let letter = Letter {
        headers,
        from: from.as_deref(),
        to: form.text("To"),
        cc: form.text("Cc"),
        subject: subject.as_deref(),
        text: form.text("body-plain"),
        html: form.text("body-html"),
        id: form.text("Message-Id").map(|id| bare(&id).to_owned()),
        envelope_from,
        envelope_to,
        media: media.collect(),
    };
    letter.message(hook.now).map(Into::into)
}
