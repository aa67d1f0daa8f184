//! `wechat`: the customer service messages of an official account.
//!
//! Secret: `access_token`. WeChat wants it in the address, which is never printed. It is valid for two hours and must be
//! renewed outside. The platform says nothing but that it has a message; it knows no keys and cannot be asked.

use domain::delivery::{Failure, Rejection};
use http::{HeaderMap, StatusCode};
use serde_json::json;

use super::{
    Answered, Call, Outgoing, Promise, Speaker, Unsayable,
    address::{address, with_query},
    answer::{Meaning, after_s, code, number, object, plain, unexplained},
};
use crate::channels::Config;

/// How it speaks.
pub(super) struct Wechat;

const TOKEN: &str = "access_token";

impl Speaker for Wechat {
    fn name(&self) -> &'static str {
        "wechat"
    }

    fn base_url(&self) -> &'static str {
        "https://api.weixin.qq.com"
    }

    fn promise(&self) -> Promise {
        Promise::Nothing
    }

    fn say(&self, message: &Outgoing<'_>, config: &Config) -> Result<Call, Unsayable> {
        let token = config.token(TOKEN)?;
        message.only_text()?;
        message.only_private()?;
        let body = json!({
            "touser": message.recipient()?,
            "msgtype": "text",
            "text": { "content": message.text },
        });
        let url = address(config.base_url(self), &["cgi-bin", "message", "custom", "send"])?;
        Ok(Call::json(with_query(&url, &[(TOKEN, token)]), &body))
    }

    fn answered(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Answered {
        if let Some(answered) = plain(status) {
            return answered;
        }
        if !status.is_success() {
            return unexplained(status, headers, None);
        }
        let Some(body) = object(body) else { return Answered::Unclear };
        match number(&body, "/errcode") {
            Some(0) => Answered::Sent { external_id: None },
            Some(error) => meaning(error).answer(code(&body, "/errcode"), after_s(headers)),
            None => Answered::Unclear,
        }
    }
}

fn meaning(code: i64) -> Meaning {
    match code {
        // Busy: nobody says at which point.
        -1 => Meaning::Unclear,
        45_009 | 45_011 | 45_047 => Meaning::Later(Failure::RateLimited),
        45_015 => Meaning::Never(Rejection::WindowClosed),
        40_003 => Meaning::Never(Rejection::InvalidRecipient),
        // He does not follow the account any more.
        43_004 => Meaning::Never(Rejection::BlockedByCustomer),
        45_002 => Meaning::Never(Rejection::TooLong),
        40_001 | 40_013 | 40_014 | 41_001 | 42_001 => Meaning::Never(Rejection::Authentication),
        48_001 | 48_004 | 50_002 | 61_004 | 40_164 => Meaning::Never(Rejection::Forbidden),
        44_004 | 87_009 | 87_014 => Meaning::Never(Rejection::ContentRefused),
        40_008 => Meaning::Never(Rejection::Unsupported),
        47_001 | 44_002 => Meaning::Never(Rejection::Malformed),
        _ => Meaning::Never(Rejection::Other),
    }
}
