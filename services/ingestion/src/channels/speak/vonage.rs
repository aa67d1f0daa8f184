//! `vonage`: the Messages API.
//!
//! Secret: `jwt`, or `api_secret` with the setting `api_key`. Settings: `from`, and `channel` where that is not `sms`. The
//! key goes along as `client_ref`, which statuses repeat; but nobody can be asked for it, and twice is two messages.

use domain::delivery::{Failure, Rejection};
use http::{HeaderMap, StatusCode};
use serde_json::json;

use super::{
    Answered, Call, Outgoing, Promise, Speaker, Unsayable,
    address::address,
    answer::{Meaning, after_s, id, object, plain, sent, text, unexplained},
};
use crate::channels::Config;

/// How it speaks.
pub(super) struct Vonage;

const JWT: &str = "jwt";
const API_KEY: &str = "api_key";
const API_SECRET: &str = "api_secret";
const CHANNEL: &str = "channel";
const FROM: &str = "from";
const SMS: &str = "sms";

impl Speaker for Vonage {
    fn name(&self) -> &'static str {
        "vonage"
    }

    fn base_url(&self) -> &'static str {
        "https://api.nexmo.com"
    }

    fn promise(&self) -> Promise {
        Promise::Nothing
    }

    fn say(&self, message: &Outgoing<'_>, config: &Config) -> Result<Call, Unsayable> {
        let from = config.needed(FROM)?;
        let key = config.setting(API_KEY);
        let secret = config.token(if key.is_some() { API_SECRET } else { JWT })?;
        message.only_text()?;
        message.only_private()?;
        let channel = config.setting(CHANNEL).unwrap_or(SMS);
        let mut body = json!({
            "channel": channel,
            "message_type": "text",
            "to": message.recipient()?,
            "from": from,
            "text": message.text,
            "client_ref": message.key,
        });
        if let Some(answered) = message.reply_to.filter(|_| channel == "whatsapp") {
            body["context"] = json!({ "message_uuid": answered });
        }
        let call = Call::json(address(config.base_url(self), &["v1", "messages"])?, &body);
        Ok(match key {
            Some(key) => call.basic(key, secret),
            None => call.bearer(secret),
        })
    }

    fn answered(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Answered {
        if let Some(answered) = plain(status) {
            return answered;
        }
        let body = object(body);
        if status.is_success() {
            return sent(body.and_then(|body| id(&body, "/message_uuid")));
        }
        // The code is the end of an address in the documentation: `…/errors#1240`.
        let said = body.as_ref().and_then(|body| text(body, "/type").rsplit_once('#')).map(|(_, code)| code);
        let number: Option<i64> = said.and_then(|code| code.parse().ok());
        let code = number.map(|number| number.to_string());
        match number.and_then(meaning) {
            Some(meaning) => meaning.answer(code, after_s(headers)),
            None => unexplained(status, headers, code),
        }
    }
}

fn meaning(code: i64) -> Option<Meaning> {
    Some(match code {
        1_030 => Meaning::Unclear,
        1_000 | 1_460 => Meaning::Later(Failure::RateLimited),
        1_170 | 1_250 | 1_260 | 1_300 => Meaning::Never(Rejection::InvalidRecipient),
        1_240 => Meaning::Never(Rejection::OptedOut),
        1_340 => Meaning::Never(Rejection::WindowClosed),
        1_022 => Meaning::Never(Rejection::TemplateRefused),
        1_210 => Meaning::Never(Rejection::ContentRefused),
        1_120 | 1_290 | 1_420 => Meaning::Never(Rejection::Forbidden),
        1_400 => Meaning::Never(Rejection::Unsupported),
        1_010 | 1_020 | 1_021 => Meaning::Never(Rejection::Malformed),
        _ => return None,
    })
}
