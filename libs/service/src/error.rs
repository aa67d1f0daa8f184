//! What a caller is told when something is not done. One code each; `google.rpc` details name field, reason and wait.

use std::{borrow::Cow, collections::HashMap, time::Duration};

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::{auth, projection, request, shell::BEYOND, store, token, transact};

/// The domain of every `ErrorInfo`.
pub const ERROR_DOMAIN: &str = "dossier";
/// The longest text of an error, in bytes. Errors travel in HTTP/2 trailers, where a byte becomes up to three: what does not
/// fit there ends the connection with every other call on it. Widely used clients take 8 KiB of trailers.
const MESSAGE_BYTES_MAX: usize = 1024;
/// Names and texts of all fields of one error together, in bytes.
const VIOLATIONS_BYTES_MAX: usize = 1536;
/// What a field that is wrong takes beside its name and text, at most.
const VIOLATION_FRAME_BYTES: usize = 16;
/// With less than this left, fields that are wrong are no longer told.
const VIOLATION_BYTES_MIN: usize = 128;
/// The end of a text that was cut.
const CUT: &str = "…";
/// What a caller should wait before it tries again, where waiting helps.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// Something that was not done, and why.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The request is wrong: which fields, and what each should be.
    #[error("{}", violations(.0))]
    Invalid(Vec<Violation>),
    /// The request is wrong as a whole.
    #[error("{message}")]
    Malformed {
        /// Stable, in upper snake case.
        reason: &'static str,
        /// What and the remedy.
        message: String,
    },
    /// A rule says no.
    #[error("{message}")]
    Refused {
        /// Stable, in upper snake case.
        reason: &'static str,
        /// What and the remedy.
        message: String,
    },
    /// Not there, or not for this caller: which of the two is not told.
    #[error("{what} was not found")]
    NotFound {
        /// `case`, `team` …
        what: &'static str,
    },
    /// Somebody else was faster, or the caller has not seen the latest state.
    #[error("{message}")]
    Aborted {
        /// Stable, in upper snake case.
        reason: &'static str,
        /// What and the remedy.
        message: String,
    },
    /// Nobody knows who calls.
    #[error(transparent)]
    Unauthenticated(#[from] auth::Error),
    /// The caller is known and may not.
    #[error("{0}")]
    Denied(String),
    /// Something is away, or slow. The same request again is harmless.
    #[error("{0}")]
    Unavailable(String),
    /// Our own fault; the text is for the log, the caller gets none of it.
    #[error("internal error: {0}")]
    Internal(String),
}

/// A field that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The path of the field: `filter.status[0]`.
    pub field: String,
    /// What it should be. Never repeats the value.
    pub message: String,
}

impl Error {
    /// One field is wrong.
    pub fn field(field: impl Into<String>, message: impl std::fmt::Display) -> Self {
        Self::Invalid(vec![Violation { field: field.into(), message: message.to_string() }])
    }

    /// A refusal of the rules.
    pub fn refused(reason: &'static str, message: impl std::fmt::Display) -> Self {
        Self::Refused { reason, message: message.to_string() }
    }

    /// The stable reason.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "INVALID_FIELD",
            Self::Malformed { reason, .. } | Self::Refused { reason, .. } | Self::Aborted { reason, .. } => {
                reason
            }
            Self::NotFound { .. } => "NOT_FOUND",
            Self::Unauthenticated(auth::Error::Missing) => "TOKEN_MISSING",
            Self::Unauthenticated(auth::Error::Invalid) => "TOKEN_INVALID",
            Self::Unauthenticated(auth::Error::Expired) => "TOKEN_EXPIRED",
            Self::Denied(_) => "NOT_ALLOWED",
            Self::Unavailable(_) => "UNAVAILABLE",
            Self::Internal(_) => "INTERNAL",
        }
    }

    fn code(&self) -> Code {
        match self {
            Self::Invalid(_) | Self::Malformed { .. } => Code::InvalidArgument,
            Self::Refused { .. } => Code::FailedPrecondition,
            Self::NotFound { .. } => Code::NotFound,
            Self::Aborted { .. } => Code::Aborted,
            Self::Unauthenticated(_) => Code::Unauthenticated,
            Self::Denied(_) => Code::PermissionDenied,
            Self::Unavailable(_) => Code::Unavailable,
            Self::Internal(_) => Code::Internal,
        }
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let mut details = ErrorDetails::new();
        let what = match &error {
            Error::NotFound { what } => HashMap::from([("what".to_owned(), (*what).to_owned())]),
            _ => HashMap::new(),
        };
        details.set_error_info(error.reason(), ERROR_DOMAIN, what);
        if let Some(id) = request::current() {
            details.set_request_info(&*id, "");
        }
        if let Error::Invalid(violations) = &error {
            let mut left = VIOLATIONS_BYTES_MAX;
            for violation in violations {
                let (field, message) = (cut(&violation.field, left / 2), cut(&violation.message, left / 2));
                details.add_bad_request_violation(&*field, &*message);
                left = left.saturating_sub(field.len() + message.len() + VIOLATION_FRAME_BYTES);
                if left < VIOLATION_BYTES_MIN {
                    break;
                }
            }
        }
        if matches!(error, Error::Unavailable(_)) || error.reason() == "CONTENTION" {
            details.set_retry_info(Some(RETRY_AFTER));
        }
        let message = match &error {
            Error::Internal(detail) => {
                tracing::error!(detail, "internal error");
                "internal error; the log has the details under this request's trace".to_owned()
            }
            _ => error.to_string(),
        };
        Self::with_error_details(error.code(), cut(&message, MESSAGE_BYTES_MAX), details)
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Unavailable(message) => Self::Unavailable(message),
            store::Error::Broken(message) => Self::Internal(message),
        }
    }
}

impl From<projection::Error> for Error {
    fn from(error: projection::Error) -> Self {
        match error {
            projection::Error::Store(error) => error.into(),
            other => Self::Unavailable(other.to_string()),
        }
    }
}

impl From<eventlog::Error> for Error {
    fn from(error: eventlog::Error) -> Self {
        Self::Unavailable(error.to_string())
    }
}

/// A refusal with a stable code, as every aggregate's error is.
pub trait Refusal: std::error::Error + Sized {
    /// Stable, in upper snake case.
    fn code(&self) -> &'static str;

    /// What the caller is told.
    fn into_error(self) -> Error {
        Error::Refused { reason: self.code(), message: self.to_string() }
    }
}

macro_rules! refusals {
    ($($error:ty),*) => {$(
        impl Refusal for $error {
            fn code(&self) -> &'static str {
                <$error>::code(self)
            }
        }
    )*};
}

refusals!(
    domain::agent::Error,
    domain::case::Error,
    domain::conversation::Error,
    domain::customer::Error,
    domain::delivery::Error,
    domain::links::Error,
    domain::message::Error,
    domain::routing::choose::Error
);

impl<R: Refusal> From<transact::Error<R>> for Error {
    fn from(error: transact::Error<R>) -> Self {
        use transact::Error as E;
        let message = error.to_string();
        match error {
            E::Refused(refusal) => refusal.into_error(),
            E::Stale { .. } => Self::Aborted { reason: "STALE_POSITION", message },
            E::Beyond => Self::field("expected_position", BEYOND),
            E::CommandIdReused => Self::Malformed { reason: "COMMAND_ID_REUSED", message },
            E::Contention => Self::Aborted { reason: "CONTENTION", message },
            E::TooLarge(_) => Self::Malformed { reason: "TOO_LARGE", message },
            E::Unavailable(_) => Self::Unavailable(message),
            E::Unreadable(_) => Self::Refused { reason: "STREAM_PARKED", message },
        }
    }
}

impl token::Invalid {
    /// As the error of a field.
    pub fn field(self, field: &str) -> Error {
        Error::field(field, self)
    }
}

/// A text of at most so many bytes, cut where a character ends.
fn cut(text: &str, bytes_max: usize) -> Cow<'_, str> {
    if text.len() <= bytes_max {
        return text.into();
    }
    let end = text.floor_char_boundary(bytes_max.saturating_sub(CUT.len()));
    format!("{}{CUT}", &text[..end]).into()
}

fn violations(list: &[Violation]) -> String {
    list.iter().map(|v| format!("{}: {}", v.field, v.message)).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every() -> Vec<(Error, Code, &'static str)> {
        let message = || "what and the remedy".to_owned();
        vec![
            (Error::field("filter.status[0]", "must be one of …"), Code::InvalidArgument, "INVALID_FIELD"),
            (
                Error::Malformed { reason: "TOO_LARGE", message: message() },
                Code::InvalidArgument,
                "TOO_LARGE",
            ),
            (Error::refused("STALE_REPLY", message()), Code::FailedPrecondition, "STALE_REPLY"),
            (Error::NotFound { what: "case" }, Code::NotFound, "NOT_FOUND"),
            (Error::Aborted { reason: "CONTENTION", message: message() }, Code::Aborted, "CONTENTION"),
            (
                Error::Aborted { reason: "STALE_POSITION", message: message() },
                Code::Aborted,
                "STALE_POSITION",
            ),
            (auth::Error::Missing.into(), Code::Unauthenticated, "TOKEN_MISSING"),
            (auth::Error::Invalid.into(), Code::Unauthenticated, "TOKEN_INVALID"),
            (auth::Error::Expired.into(), Code::Unauthenticated, "TOKEN_EXPIRED"),
            (Error::Denied(message()), Code::PermissionDenied, "NOT_ALLOWED"),
            (Error::Unavailable(message()), Code::Unavailable, "UNAVAILABLE"),
            (Error::Internal("the password is hunter2".to_owned()), Code::Internal, "INTERNAL"),
        ]
    }

    #[test]
    fn every_error_has_a_code_a_reason_and_a_wait_where_waiting_helps() {
        for (error, code, reason) in every() {
            let waits = matches!(reason, "UNAVAILABLE" | "CONTENTION");
            let status = Status::from(error.clone());
            let details = status.get_error_details();
            let info = details.error_info().unwrap();
            assert_eq!(
                (status.code(), info.reason.as_str(), info.domain.as_str()),
                (code, reason, ERROR_DOMAIN)
            );
            let wait = details.retry_info().and_then(|info| info.retry_delay);
            assert_eq!(wait, waits.then_some(RETRY_AFTER), "{reason}");
            assert!(!status.message().contains("hunter2") && !status.message().is_empty());
        }
    }

    #[test]
    fn every_field_that_is_wrong_is_named() {
        let violation = |field: &str| Violation { field: field.to_owned(), message: "is wrong".to_owned() };
        let status = Status::from(Error::Invalid(vec![violation("a"), violation("b.c")]));
        let details = status.get_error_details();
        let named = &details.bad_request().unwrap().field_violations;
        assert_eq!(named.iter().map(|named| named.field.as_str()).collect::<Vec<_>>(), ["a", "b.c"]);
        assert_eq!(status.message(), "a: is wrong; b.c: is wrong");
    }

    /// As `MAX_HEADER_LIST_SIZE` counts them: names, values, and 32 bytes for each.
    #[test]
    fn every_error_fits_into_trailers() {
        for letter in ["x", "é", "\u{1f600}", "%", "\n"] {
            let long = letter.repeat(100_000);
            let violation = || Violation { field: long.clone(), message: long.clone() };
            let many =
                (0..1_000).map(|_| Violation { field: letter.repeat(100), message: letter.repeat(30) });
            for error in [
                Error::Denied(long.clone()),
                Error::field("", &long),
                Error::field(&long, ""),
                Error::Invalid(vec![violation(), violation()]),
                Error::Invalid(many.collect()),
            ] {
                let status = Status::from(error);
                let answer = status.clone().into_http::<()>();
                let size: usize = answer.headers().iter().map(|(k, v)| k.as_str().len() + v.len() + 32).sum();
                assert!(size <= 8 << 10, "{letter:?}: {size} bytes");
                assert!(status.message().ends_with(CUT), "{}", status.message());
            }
        }
        let all = Status::from(Error::field("path", "x".repeat(600)));
        let details = all.get_error_details();
        assert_eq!(details.bad_request().unwrap().field_violations[0].description.len(), 600);
        assert_eq!(all.message(), format!("path: {}", "x".repeat(600)));
        assert_eq!((cut("äöü", 6), cut("äöü!", 6), cut("äöü!", 5)), ("äöü".into(), "ä…".into(), "ä…".into()));
    }

    #[test]
    fn what_became_of_a_command_is_told_apart() {
        use domain::case;
        use transact::Error as E;
        let told = |error: E<case::Error>| {
            let error = Error::from(error);
            (error.code(), error.reason())
        };
        assert_eq!(told(E::Stale { actual: eventlog::Position(1) }), (Code::Aborted, "STALE_POSITION"));
        assert_eq!(told(E::Beyond), (Code::InvalidArgument, "INVALID_FIELD"));
        assert_eq!(told(E::CommandIdReused), (Code::InvalidArgument, "COMMAND_ID_REUSED"));
        assert_eq!(told(E::Contention), (Code::Aborted, "CONTENTION"));
        assert_eq!(told(E::TooLarge(1)), (Code::InvalidArgument, "TOO_LARGE"));
        assert_eq!(told(E::Unavailable(String::new())), (Code::Unavailable, "UNAVAILABLE"));
        let (away, broken) = (store::Error::Unavailable(String::new()), store::Error::Broken(String::new()));
        assert_eq!(
            (Error::from(away).code(), Error::from(broken).code()),
            (Code::Unavailable, Code::Internal)
        );
    }
}
