//! `twilio`: SMS and WhatsApp, by the Messages resource.
//!
//! Secret: `auth_token`. Settings: `account_sid`, and `from` or `messaging_service_sid`. Twilio knows no keys, but lists what
//! it has: it is asked for what went to this customer since the reply was released, and the texts are compared. Its own
//! filter by day is not used, since it leaves out what is not sent yet. Where something else went out, or the list goes on,
//! nothing is concluded: Twilio may rewrite texts. Files it fetches from public addresses, which we do not give: there are none.

use domain::delivery::{Failure, Rejection};
use http::{HeaderMap, StatusCode};
use serde_json::Value;

use super::{
    Answered, Call, Outgoing, Promise, Speaker, Told, Unsayable,
    address::{address, with_query},
    answer::{Meaning, after_s, code, id, number, object, plain, sent, text, unexplained, unix},
};
use crate::channels::Config;

/// How it speaks.
pub(super) struct Twilio;

const TOKEN: &str = "auth_token";
const ACCOUNT: &str = "account_sid";
const FROM: &str = "from";
const SERVICE: &str = "messaging_service_sid";

const API: &str = "2010-04-01";
/// How many messages are looked at: with the longest texts, less than the longest answer that is read.
const ASKED_MAX: &str = "200";

impl Speaker for Twilio {
    fn name(&self) -> &'static str {
        "twilio"
    }

    fn base_url(&self) -> &'static str {
        "https://api.twilio.com"
    }

    fn promise(&self) -> Promise {
        Promise::Ask
    }

    fn say(&self, message: &Outgoing<'_>, config: &Config) -> Result<Call, Unsayable> {
        let (account, token) = (config.needed(ACCOUNT)?, config.token(TOKEN)?);
        let from = match config.setting(SERVICE) {
            Some(service) => ("MessagingServiceSid", service),
            None => ("From", config.needed(FROM)?),
        };
        message.only_text()?;
        message.only_private()?;
        let fields = [("To", message.recipient()?), from, ("Body", message.text)];
        let call = Call::form(messages(config.base_url(self), account)?, &fields);
        Ok(call.basic(account, token))
    }

    fn answered(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Answered {
        if let Some(answered) = plain(status) {
            return answered;
        }
        let body = object(body);
        if status.is_success() {
            return sent(body.and_then(|body| id(&body, "/sid")));
        }
        let said = body.as_ref().and_then(|body| code(body, "/code"));
        match body.and_then(|body| number(&body, "/code")).and_then(meaning) {
            Some(meaning) => meaning.answer(said, after_s(headers)),
            None => unexplained(status, headers, said),
        }
    }

    fn ask(&self, message: &Outgoing<'_>, config: &Config) -> Option<Result<Call, Unsayable>> {
        let call = || {
            let (account, token) = (config.needed(ACCOUNT)?, config.token(TOKEN)?);
            let mut query = vec![("To", message.recipient()?), ("PageSize", ASKED_MAX)];
            // Which number a service chose is not known.
            let from = config.setting(FROM).filter(|_| config.setting(SERVICE).is_none());
            query.extend(from.map(|from| ("From", from)));
            let url = with_query(&messages(config.base_url(self), account)?, &query);
            Ok(Call::get(url).basic(account, token))
        };
        Some(call())
    }

    fn told(&self, message: &Outgoing<'_>, status: StatusCode, body: &[u8]) -> Told {
        let Some(body) = object(body).filter(|_| status.is_success()) else { return Told::Nothing };
        let Some(messages) = body["messages"].as_array() else { return Told::Nothing };
        let since_s = message.since_s();
        let recent = |one: &&Value| {
            let outbound = text(one, "/direction").starts_with("outbound");
            // What has no date is not taken for old.
            outbound && unix(text(one, "/date_created")).is_none_or(|created_s| created_s >= since_s)
        };
        let recent: Vec<_> = messages.iter().filter(recent).collect();
        let same = recent.iter().find(|one| text(one, "/body").trim() == message.text.trim());
        match same {
            Some(same) => Told::Has { external_id: id(same, "/sid") },
            None if recent.is_empty() && body["next_page_uri"].is_null() => Told::HasNot,
            None => Told::Nothing,
        }
    }
}

fn messages(base: &str, account: &str) -> Result<String, Unsayable> {
    address(base, &[API, "Accounts", account, "Messages.json"])
}

fn meaning(code: i64) -> Option<Meaning> {
    Some(match code {
        14_107 | 20_429 | 21_611 | 63_018 => Meaning::Later(Failure::RateLimited),
        21_211 | 21_217 | 21_612 | 21_614 | 21_635 | 63_003 | 63_024 => {
            Meaning::Never(Rejection::InvalidRecipient)
        }
        21_610 => Meaning::Never(Rejection::OptedOut),
        63_016 => Meaning::Never(Rejection::WindowClosed),
        21_605 | 21_617 => Meaning::Never(Rejection::TooLong),
        21_602 | 21_619 | 30_007 => Meaning::Never(Rejection::ContentRefused),
        20_003 => Meaning::Never(Rejection::Authentication),
        20_005 | 20_006 | 21_212 | 21_408 | 21_603 | 21_606 | 21_660 | 30_002 => {
            Meaning::Never(Rejection::Forbidden)
        }
        _ => return None,
    })
}
