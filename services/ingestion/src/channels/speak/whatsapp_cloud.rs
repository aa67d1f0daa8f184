//! `whatsapp_cloud`: the Cloud API.
//!
//! Secret: `access_token`. Setting: `phone_number_id`, of the number that speaks. Statuses repeat the key, but nobody can be
//! asked for it, and the same key twice is two messages. Templates are sent without parameters.

use domain::delivery::{Failure, Rejection};
use http::{HeaderMap, StatusCode};
use serde_json::json;

use super::{Answered, Call, Outgoing, Promise, Speaker, Unsayable, answer::Meaning, graph};
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

    fn say(&self, message: &Outgoing<'_>, config: &Config) -> Result<Call, Unsayable> {
        let (token, number) = (config.token(graph::TOKEN)?, config.needed(PHONE_NUMBER_ID)?);
        message.only_private()?;
        message.no_tag()?;
        let mut body = json!({
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": message.recipient()?,
            "biz_opaque_callback_data": message.key,
        });
        if let Some(template) = message.template {
            let language =
                message.language.ok_or(Unsayable::Unsupported("a template without its language"))?;
            // The platform writes `pt_BR` where the rest of the world writes `pt-BR`.
            let language = language.replace('-', "_");
            body["type"] = "template".into();
            body["template"] = json!({ "name": template, "language": { "code": language } });
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
        131_008 | 131_009 => Meaning::Never(Rejection::Malformed),
        132_000..=132_999 => Meaning::Never(Rejection::TemplateRefused),
        _ => return None,
    })
}
