//! What platforms answer, as far as it is the same on all of them.

use domain::delivery::{Failure, Rejection};
use http::{HeaderMap, StatusCode, header};
use serde_json::Value;

use super::Answered;
use crate::intake::limits::ID_MAX;

/// The longest wait that a platform is believed, in seconds.
const AFTER_MAX_S: u64 = 24 * 3_600;
/// The longest code that is kept, in bytes.
const CODE_MAX: usize = 64;

/// What a platform's own code means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// It passes.
    Later(Failure),
    /// It stays.
    Never(Rejection),
    /// It may have the message all the same.
    Unclear,
}

impl Meaning {
    /// The answer with this meaning.
    pub(super) fn answer(self, code: Option<String>, after_s: Option<u64>) -> Answered {
        match self {
            Self::Later(reason) => Answered::Later { reason, after_s },
            Self::Never(reason) => Answered::Never { reason, code },
            Self::Unclear => Answered::Unclear,
        }
    }
}

/// What a status says without any explanation: that nobody knows. `None`: the body says more.
pub(super) fn plain(status: StatusCode) -> Option<Answered> {
    match status {
        // Only the platform's own code says that it took nothing. Without one it may be from a proxy, whose upstream broke after
        // it took the message.
        StatusCode::SERVICE_UNAVAILABLE => None,
        StatusCode::REQUEST_TIMEOUT => Some(Answered::Unclear),
        status if status.is_success() || status.is_client_error() => None,
        // Redirects as well: after a POST, some of them say that it was taken.
        _ => Some(Answered::Unclear),
    }
}

/// What a status says where the body explains nothing that we know.
pub(super) fn unexplained(status: StatusCode, headers: &HeaderMap, code: Option<String>) -> Answered {
    if let Some(answered) = plain(status) {
        return answered;
    }
    let meaning = match status {
        StatusCode::TOO_MANY_REQUESTS => Meaning::Later(Failure::RateLimited),
        StatusCode::TOO_EARLY => Meaning::Later(Failure::Unavailable),
        StatusCode::UNAUTHORIZED => Meaning::Never(Rejection::Authentication),
        StatusCode::FORBIDDEN | StatusCode::PAYMENT_REQUIRED => Meaning::Never(Rejection::Forbidden),
        StatusCode::NOT_FOUND | StatusCode::GONE => Meaning::Never(Rejection::PlaceGone),
        StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_ACCEPTABLE | StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            Meaning::Never(Rejection::Unsupported)
        }
        StatusCode::PAYLOAD_TOO_LARGE => Meaning::Never(Rejection::TooLong),
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => Meaning::Never(Rejection::Malformed),
        // It is at odds with something that is there already: perhaps with itself.
        StatusCode::CONFLICT => Meaning::Unclear,
        status if status.is_client_error() => Meaning::Never(Rejection::Other),
        _ => Meaning::Unclear,
    };
    meaning.answer(code, after_s(headers))
}

/// After how many seconds it may be tried again.
pub(super) fn after_s(headers: &HeaderMap) -> Option<u64> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let after_s = text.parse().ok().or_else(|| until(headers, unix(text)?));
    after_s.map(|after_s| after_s.min(AFTER_MAX_S))
}

/// How many seconds there are until a time in seconds since 1970, by the platform's own clock.
pub(super) fn until(headers: &HeaderMap, unix_s: i64) -> Option<u64> {
    let now = unix(headers.get(header::DATE)?.to_str().ok()?)?;
    let apart = u64::try_from(unix_s.checked_sub(now)?).unwrap_or(0);
    Some(apart.min(AFTER_MAX_S))
}

/// A wait that stands in a body.
pub(super) fn wait(value: &Value, pointer: &str) -> Option<u64> {
    value.pointer(pointer)?.as_u64().map(|after_s| after_s.min(AFTER_MAX_S))
}

/// A date as headers and mails have it, in seconds since 1970.
pub(super) fn unix(date: &str) -> Option<i64> {
    let date = jiff::fmt::rfc2822::DateTimeParser::new().relaxed_weekday(true).parse_timestamp(date);
    date.ok().map(jiff::Timestamp::as_second)
}

/// The body, if it is an object of JSON. `serde_json` refuses what is nested deeper than 128.
pub(super) fn object(body: &[u8]) -> Option<Value> {
    serde_json::from_slice(body).ok().filter(Value::is_object)
}

/// An id, written as a text or a number.
pub(super) fn id(value: &Value, pointer: &str) -> Option<String> {
    let id = match value.pointer(pointer)? {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    Some(id).filter(|id| (1..=ID_MAX).contains(&id.len()))
}

/// A code, written as a text or a number; only what cannot be somebody's words.
pub(super) fn code(value: &Value, pointer: &str) -> Option<String> {
    let fits = |code: &String| {
        code.len() <= CODE_MAX
            && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
    };
    id(value, pointer).filter(fits)
}

/// A number, written as one or as a text.
pub(super) fn number(value: &Value, pointer: &str) -> Option<i64> {
    match value.pointer(pointer)? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// A text; nothing, if there is none.
pub(super) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// It is sent if it has an id: without one, it is unclear what became of it.
pub(super) fn sent(external_id: Option<String>) -> Answered {
    match external_id {
        None => Answered::Unclear,
        external_id => Answered::Sent { external_id },
    }
}
