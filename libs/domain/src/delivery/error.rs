//! Why a delivery refuses.

use crate::{outbound::Refusal, time::Timestamp};

/// Why a delivery refuses. The texts say what and what to do about it, and nobody's data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no such delivery.
    #[error("there is no such delivery: queue it first")]
    Unknown,
    /// The stream is another reply's.
    #[error("this is the delivery of another reply: take the stream of this one")]
    AnotherReply,
    /// There is nothing to send.
    #[error("parts: at least one, each with a text, an attachment or a template")]
    Empty,
    /// There is too much of something.
    #[error("{what}: at most {max}")]
    LimitExceeded {
        /// Of what.
        what: &'static str,
        /// How much there may be.
        max: usize,
    },
    /// An attempt was made already.
    #[error("it has begun and cannot be taken back: write another reply")]
    Begun,
    /// It was taken back.
    #[error("it was taken back: write another reply")]
    Cancelled,
    /// It was refused.
    #[error("it was refused: {0}; then replay it")]
    Refused(Refusal),
    /// It is a dead letter.
    #[error("it is among the dead letters: replay it first")]
    Dead,
    /// It is not a dead letter.
    #[error("it is neither refused nor among the dead letters: there is nothing to replay")]
    NotDead,
    /// All of it is sent, or this part is.
    #[error("it is sent already")]
    AlreadySent,
    /// There is no such part.
    #[error("part: there is no such part")]
    UnknownPart,
    /// There was no such attempt.
    #[error("attempt: there was no such attempt: start it first")]
    UnknownAttempt,
    /// There was no such round.
    #[error("round: there was no such round")]
    UnknownRound,
    /// Another part or attempt comes first.
    #[error("another part or attempt comes first: ask what is next")]
    OutOfOrder,
    /// An attempt is being made.
    #[error("an attempt is being made: wait for its result")]
    Running,
    /// It is too early.
    #[error("it is too early: wait until {until}")]
    TooEarly {
        /// Until when.
        until: Timestamp,
    },
    /// Nobody knows what came of the last attempt.
    #[error("nobody knows whether it was sent: ask the platform, or let a person choose")]
    OutcomeUnclear,
    /// What came of the attempt is clear.
    #[error("what came of this attempt is clear: there is nothing to choose")]
    NotUnclear,
    /// Nothing allows it.
    #[error("basis: neither a message nor a consent of the customer allows it")]
    NoBasis,
    /// The platform calls no part of it so.
    #[error("external id: no part of this delivery is called so (yet): try again when its result is known")]
    UnknownMessage,
}

impl Error {
    /// The stable code of the refusal, for callers.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unknown => "DELIVERY_UNKNOWN",
            Self::AnotherReply => "DELIVERY_OF_ANOTHER_REPLY",
            Self::Empty => "DELIVERY_EMPTY",
            Self::LimitExceeded { .. } => "LIMIT_EXCEEDED",
            Self::Begun => "DELIVERY_BEGUN",
            Self::Cancelled => "DELIVERY_CANCELLED",
            Self::Refused(_) => "DELIVERY_REFUSED",
            Self::Dead => "DELIVERY_DEAD",
            Self::NotDead => "DELIVERY_NOT_DEAD",
            Self::AlreadySent => "DELIVERY_ALREADY_SENT",
            Self::UnknownPart => "DELIVERY_PART_UNKNOWN",
            Self::UnknownAttempt => "DELIVERY_ATTEMPT_UNKNOWN",
            Self::UnknownRound => "DELIVERY_ROUND_UNKNOWN",
            Self::OutOfOrder => "DELIVERY_OUT_OF_ORDER",
            Self::Running => "DELIVERY_RUNNING",
            Self::TooEarly { .. } => "DELIVERY_TOO_EARLY",
            Self::OutcomeUnclear => "DELIVERY_OUTCOME_UNCLEAR",
            Self::NotUnclear => "DELIVERY_NOT_UNCLEAR",
            Self::NoBasis => "DELIVERY_NO_BASIS",
            Self::UnknownMessage => "DELIVERY_MESSAGE_UNKNOWN",
        }
    }
}
