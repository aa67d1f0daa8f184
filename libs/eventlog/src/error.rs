use crate::{NewEntry, StreamId};

/// Why an append did not happen, or may not have.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Another entry stands at the tail. Nothing was written: read, decide again.
    #[error("the stream has moved on")]
    Conflict,
    /// The body is over [`NewEntry::BODY_MAX`]. Nothing was written.
    #[error("the entry has {0} bytes; at most {max} are allowed", max = NewEntry::BODY_MAX)]
    TooLarge(usize),
    /// The outcome is unknown. Appending the same entry again is harmless.
    #[error(transparent)]
    Log(#[from] Error),
}

/// The log is broken or away.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// Not reachable now; worth a retry.
    #[error("the log is not available: {0}")]
    Unavailable(String),
    /// Reachable, but it cannot be trusted or used as it is configured; an operator must act.
    #[error("the log cannot be used: {0}")]
    Unusable(String),
}

/// A name that not every backend could carry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} must be {rule}")]
pub struct InvalidName {
    what: &'static str,
    rule: String,
}

impl InvalidName {
    pub(crate) fn category() -> Self {
        let max = crate::Category::LEN_MAX;
        Self { what: "a category", rule: format!("1 to {max} of a-z, 0-9 and _") }
    }

    pub(crate) fn stream() -> Self {
        let max = StreamId::ID_LEN_MAX;
        Self { what: "a stream id", rule: format!("1 to {max} of A-Z, a-z, 0-9, _, - and =") }
    }
}
