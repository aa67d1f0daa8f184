//! `whatsapp_cloud`: the Cloud API.
//!
//! Secret: `access_token`. Setting: `phone_number_id`, of the number that speaks. Statuses repeat our word, but nobody can be
//! asked for it, and the same word twice is two messages.
//!
//! A file is brought there first, which shows nobody anything and may be done again, and then sent by the id that it got. What
//! is put into a template stands in its body, by position or by name; a file with it is its header.

use domain::delivery::{Failure, Rejection};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::{
    Answered, Call, File, Files, Outgoing, Promise, Speaker, Unsayable,
    answer::{Meaning, id, object},
    graph,
};
use crate::channels::Config;

/// How it speaks.
pub(super) struct WhatsappCloud;

const PHONE_NUMBER_ID: &str = "phone_number_id";

impl Speaker for WhatsappCloud {
    fn name(&self) -> &'static str {
        "whatsapp_cloud"
    }

    fn base_url(&self) -> &'static str {
        graph::BASE
    }

    fn promise(&self) -> Promise {
        Promise::Nothing
    }

    fn files(&self) -> Files {
        Files::Each
    }

    fn upload(
        &self,
        message: &Outgoing<'_>,
        file: &File,
        config: &Config,
    ) -> Option<Result<Call, Unsayable>> {
        let call = || {
            let (token, number) = (config.token(graph::TOKEN)?, config.needed(PHONE_NUMBER_ID)?);
            let url = graph::edge(config.base_url(self), &[number, "media"], config)?;
            let fields = [("messaging_product", "whatsapp"), ("type", file.media_type.as_str())];
            Ok(Call::multipart(url, message.key, &fields, ("file", file)).bearer(token))
        };
        Some(call())
    }

    fn uploaded(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Result<String, Answered> {
        let called = object(body).filter(|_| status.is_success()).and_then(|body| id(&body, "/id"));
        called.ok_or_else(|| graph::answered(status, headers, body, "/id", meaning))
    }

    fn say(&self, message: &Outgoing<'_>, config: &Config) -> Result<Call, Unsayable> {
        let (token, number) = (config.token(graph::TOKEN)?, config.needed(PHONE_NUMBER_ID)?);
        message.only_private()?;
        message.no_tag()?;
        let mut body = json!({
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": message.recipient()?,
            "biz_opaque_callback_data": message.word(),
        });
        if let Some(template) = message.template {
            let language =
                message.language.ok_or(Unsayable::Unsupported("a template without its language"))?;
            let language = locale(language);
            body["type"] = "template".into();
            body["template"] = json!({ "name": template, "language": { "code": language } });
            let components = components(message)?;
            if !components.is_empty() {
                body["template"]["components"] = components.into();
            }
        } else if let Some(file) = message.file()? {
            let (kind, file) = media(file)?;
            body["type"] = kind.into();
            body[kind] = file;
        } else {
            body["type"] = "text".into();
            body["text"] = json!({ "preview_url": false, "body": message.text });
        }
        if let Some(answered) = message.reply_to {
            body["context"] = json!({ "message_id": answered });
        }
        graph::call(config.base_url(self), &[number, "messages"], &body, (token, config))
    }

    fn answered(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Answered {
        graph::answered(status, headers, body, "/messages/0/id", meaning)
    }
}

/// A language as the platform writes it: `pt_BR`, where we write `pt-br`.
fn locale(language: &str) -> String {
    let mut parts = language.split('-');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| {
        let part = if part.len() == 2 { part.to_uppercase() } else { part.to_owned() };
        format!("{all}_{part}")
    })
}

/// A file as a message has it, and what kind of one it is.
fn media(file: &File) -> Result<(&'static str, Value), Unsayable> {
    let id = file.uploaded.as_deref().ok_or(Unsayable::File("it was not brought to the platform"))?;
    Ok(match file.media_type.split('/').next() {
        Some("image") => ("image", json!({ "id": id })),
        Some("audio") => ("audio", json!({ "id": id })),
        Some("video") => ("video", json!({ "id": id })),
        _ => ("document", json!({ "id": id, "filename": file.name })),
    })
}

/// What is put into a template.
fn components(message: &Outgoing<'_>) -> Result<Vec<Value>, Unsayable> {
    let mut components = Vec::new();
    if let Some(file) = message.file()? {
        let (kind, file) = media(file)?;
        let mut header = json!({ "type": kind });
        header[kind] = file;
        components.push(json!({ "type": "header", "parameters": [header] }));
    }
    let placed = message.parameters.iter().map(|text| json!({ "type": "text", "text": text }));
    let named = message.named.iter();
    let named = named.map(|(name, text)| json!({ "type": "text", "parameter_name": name, "text": text }));
    let values: Vec<Value> = placed.chain(named).collect();
    if !values.is_empty() {
        components.push(json!({ "type": "body", "parameters": values }));
    }
    Ok(components)
}

fn meaning(code: i64) -> Option<Meaning> {
    Some(match code {
        131_000 => Meaning::Unclear,
        130_429 | 131_048 | 131_056 | 133_016 => Meaning::Later(Failure::RateLimited),
        131_016 | 131_057 | 133_004 => Meaning::Later(Failure::Unavailable),
        131_047 => Meaning::Never(Rejection::WindowClosed),
        131_021 | 131_026 => Meaning::Never(Rejection::InvalidRecipient),
        131_050 => Meaning::Never(Rejection::OptedOut),
        131_005 => Meaning::Never(Rejection::Authentication),
        130_497 | 131_031 | 131_042 | 131_045 => Meaning::Never(Rejection::Forbidden),
        131_051 => Meaning::Never(Rejection::Unsupported),
        131_053 => Meaning::Never(Rejection::AttachmentRefused),
        131_008 | 131_009 => Meaning::Never(Rejection::Malformed),
        132_000..=132_999 => Meaning::Never(Rejection::TemplateRefused),
        _ => return None,
    })
}
