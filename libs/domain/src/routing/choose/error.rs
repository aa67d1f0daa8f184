//! Why the way of a case is not changed.

use super::demand::Unfit;
use crate::time::Timestamp;

/// Why the way of a case is not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The case does not wait.
    #[error("the case waits in no queue: put it into one first")]
    NotQueued,
    /// Another decision was faster.
    #[error("decision: {known} are known, the next one is {}: decide again", known.saturating_add(1))]
    Superseded {
        /// How many there are.
        known: u32,
    },
    /// The decision chose another one, or nobody.
    #[error("agent: the decision did not choose this one: decide again")]
    NotChosen,
    /// It is too late for it.
    #[error("until: it is over: decide again")]
    Over,
    /// The decision is about another queue.
    #[error("decided: the case waits in another queue: decide again")]
    AnotherQueue,
    /// It is too early.
    #[error("it is too early: wait until {until}")]
    TooEarly {
        /// Until when.
        until: Timestamp,
    },
    /// Steps come one after the other.
    #[error("step: the next one is {next}")]
    OutOfOrder {
        /// Which is next.
        next: u8,
    },
    /// The decision is too large.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// Too many are excluded.
    #[error("agent: at most {max} are excluded from a case: requeue it")]
    LimitExceeded {
        /// How many may be.
        max: usize,
    },
}

impl Error {
    /// The stable code of the refusal, for callers.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotQueued => "ROUTING_NOT_QUEUED",
            Self::Superseded { .. } => "ROUTING_SUPERSEDED",
            Self::NotChosen => "ROUTING_NOT_CHOSEN",
            Self::Over => "ROUTING_OVER",
            Self::AnotherQueue => "ROUTING_ANOTHER_QUEUE",
            Self::TooEarly { .. } => "ROUTING_TOO_EARLY",
            Self::OutOfOrder { .. } => "ROUTING_OUT_OF_ORDER",
            Self::Unfit(_) | Self::LimitExceeded { .. } => "LIMIT_EXCEEDED",
        }
    }
}
