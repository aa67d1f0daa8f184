//! `slack`: the Web API.
//!
//! Secret: `bot_token`. A public reply goes into the thread of what it answers, a private one to the customer alone. Each
//! message carries its key as metadata, so that Slack can be asked for it; that needs the scope that reads the channel's
//! history; what is shared there as a file carries none, so that files are not sent. What is written is text: nothing in it becomes a mention or a link with another name.

use domain::delivery::{Failure, Rejection};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::{
    Answered, Call, Outgoing, Promise, Speaker, Told, Unsayable,
    address::{address, with_query},
    answer::{Meaning, after_s, code, id, object, plain, text, unexplained},
};
use crate::channels::Config;

/// How it speaks.
pub(super) struct Slack;

const TOKEN: &str = "bot_token";
/// How many messages are looked at for one of ours.
const ASKED_MAX: &str = "200";
/// What our metadata is called.
const EVENT_TYPE: &str = "dossier_reply";

/// Where a message goes.
struct Place<'a> {
    channel: &'a str,
    thread: Option<&'a str>,
}

impl Speaker for Slack {
    fn name(&self) -> &'static str {
        "slack"
    }

    fn base_url(&self) -> &'static str {
        "https://slack.com"
    }

    fn promise(&self) -> Promise {
        Promise::Ask
    }

    fn say(&self, message: &Outgoing<'_>, config: &Config) -> Result<Call, Unsayable> {
        let token = config.token(TOKEN)?;
        message.only_text()?;
        let Place { channel, thread } = place(message)?;
        let mut body = json!({
            "channel": channel,
            "text": escaped(message.text),
            "unfurl_links": false,
            "unfurl_media": false,
            "metadata": { "event_type": EVENT_TYPE, "event_payload": { "key": message.key } },
        });
        if let Some(thread) = thread {
            body["thread_ts"] = thread.into();
        }
        let url = address(config.base_url(self), &["api", "chat.postMessage"])?;
        Ok(Call::json(url, &body).bearer(token))
    }

    fn answered(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Answered {
        if let Some(answered) = plain(status) {
            return answered;
        }
        let body = object(body);
        let Some(body) = body.filter(|_| status.is_success()) else {
            return if status.is_success() { Answered::Unclear } else { unexplained(status, headers, None) };
        };
        match body.get("ok") {
            Some(Value::Bool(true)) => match (id(&body, "/channel"), id(&body, "/ts")) {
                (Some(channel), Some(ts)) => Answered::Sent { external_id: Some(format!("{channel}:{ts}")) },
                _ => Answered::Unclear,
            },
            Some(Value::Bool(false)) => {
                meaning(text(&body, "/error")).answer(code(&body, "/error"), after_s(headers))
            }
            _ => Answered::Unclear,
        }
    }

    fn ask(&self, message: &Outgoing<'_>, config: &Config) -> Option<Result<Call, Unsayable>> {
        let Place { channel, thread } = place(message).ok()?;
        // A chat with a person has a channel of its own, which we do not know before he writes there.
        if channel == message.to {
            return None;
        }
        let oldest = message.since_s().to_string();
        let mut query = vec![
            ("channel", channel),
            ("limit", ASKED_MAX),
            ("include_all_metadata", "true"),
            ("oldest", oldest.as_str()),
        ];
        query.extend(thread.map(|thread| ("ts", thread)));
        let method = if thread.is_some() { "conversations.replies" } else { "conversations.history" };
        let call = || {
            let url = address(config.base_url(self), &["api", method])?;
            Ok(Call::get(with_query(&url, &query)).bearer(config.token(TOKEN)?))
        };
        Some(call())
    }

    fn told(&self, message: &Outgoing<'_>, status: StatusCode, body: &[u8]) -> Told {
        let Some(body) = object(body).filter(|body| status.is_success() && body["ok"] == true) else {
            return Told::Nothing;
        };
        let Some(messages) = body["messages"].as_array() else { return Told::Nothing };
        let ours = messages.iter().find(|one| text(one, "/metadata/event_payload/key") == message.key);
        match (ours, place(message)) {
            (Some(ours), Ok(Place { channel, .. })) => {
                Told::Has { external_id: id(ours, "/ts").map(|ts| format!("{channel}:{ts}")) }
            }
            // What is not on this page may be on the next.
            (None, Ok(_)) if body["has_more"] == false => Told::HasNot,
            _ => Told::Nothing,
        }
    }
}

fn place<'a>(message: &Outgoing<'a>) -> Result<Place<'a>, Unsayable> {
    let answered = message.reply_to.and_then(|name| name.split_once(':'));
    // A slash command is called by its trigger: it stands in no channel.
    let answered = answered.filter(|(channel, _)| *channel != "command");
    let root = message.thread.and_then(|name| name.split_once(':'));
    match answered {
        Some((channel, ts)) if message.public => {
            let root = root.filter(|(of, _)| *of == channel);
            Ok(Place { channel, thread: Some(root.map_or(ts, |(_, ts)| ts)) })
        }
        // The ids of direct channels begin with a D.
        Some((channel, _)) if channel.starts_with('D') => Ok(Place { channel, thread: None }),
        None if message.public => {
            Err(Unsayable::Unsupported("a public reply needs a message that it answers"))
        }
        _ => Ok(Place { channel: message.recipient()?, thread: None }),
    }
}

/// The three signs that Slack reads as its own.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn meaning(error: &str) -> Meaning {
    match error {
        // Slack says of these that a part of it may have been done.
        "fatal_error" | "internal_error" | "" => Meaning::Unclear,
        "ratelimited" | "rate_limited" | "message_limit_exceeded" => Meaning::Later(Failure::RateLimited),
        "service_unavailable" | "team_added_to_org" | "request_timeout" => {
            Meaning::Later(Failure::Unavailable)
        }
        "invalid_auth" | "not_authed" | "token_revoked" | "token_expired" | "account_inactive" => {
            Meaning::Never(Rejection::Authentication)
        }
        "missing_scope"
        | "not_in_channel"
        | "restricted_action"
        | "no_permission"
        | "access_denied"
        | "ekm_access_denied"
        | "not_allowed_token_type"
        | "org_login_required"
        | "team_access_not_granted"
        | "restricted_action_read_only_channel"
        | "restricted_action_thread_only_channel"
        | "restricted_action_non_threadable_channel"
        | "restricted_action_thread_locked" => Meaning::Never(Rejection::Forbidden),
        "channel_not_found" | "user_not_found" | "users_not_found" | "user_disabled" | "cannot_dm_bot" => {
            Meaning::Never(Rejection::InvalidRecipient)
        }
        "is_archived" | "thread_not_found" | "message_not_found" => Meaning::Never(Rejection::PlaceGone),
        "msg_too_long" => Meaning::Never(Rejection::TooLong),
        "no_text" | "markdown_text_conflict" => Meaning::Never(Rejection::ContentRefused),
        "invalid_arguments"
        | "invalid_json"
        | "json_not_object"
        | "invalid_post_type"
        | "missing_post_type"
        | "invalid_charset"
        | "invalid_form_data"
        | "invalid_metadata_format"
        | "invalid_metadata_schema"
        | "metadata_too_large" => Meaning::Never(Rejection::Malformed),
        _ => Meaning::Never(Rejection::Other),
    }
}
