//! What may be asked of a delivery.

use super::values::{Answer, Because, External, Failure, GivenUp, Receipt, Rejection, Request, Unclarity};
use crate::{
    decider,
    ids::{KeyedHash, ReasonCode},
    outbound::Refusal,
    time::Timestamp,
};

/// An action on a delivery, with its time and actor.
pub type Command = decider::Command<Action>;

/// What may be asked of a delivery. Parts and attempts count from 1, rounds from 1: each replay begins another round.
///
/// Results are facts: they are taken in every stage, of every attempt, each once, and late ones too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Takes a reply over. Without a basis it is refused at once, and that is kept.
    Queue(Box<Request>),
    /// Takes it back before it began: undo send.
    Cancel,
    /// Does not send it, for a reason that was found before.
    Refuse {
        /// The round that is refused.
        round: u32,
        /// Why.
        refusal: Refusal,
    },
    /// Means to make an attempt. Who gets no event for it MUST NOT send: somebody else means to, or did.
    StartAttempt {
        /// The part.
        part: u16,
        /// The attempt: one more than there were.
        attempt: u32,
        /// If the outcome of the one before is unclear: why it is made all the same.
        resend: Option<Because>,
    },
    /// The platform took it.
    ReportSent {
        /// The part.
        part: u16,
        /// The attempt.
        attempt: u32,
        /// What the platform calls it.
        external: Option<External>,
    },
    /// The platform did not take it, and may later.
    ReportFailed {
        /// The part.
        part: u16,
        /// The attempt.
        attempt: u32,
        /// Why.
        reason: Failure,
        /// As the platform says it.
        code: Option<ReasonCode>,
        /// The earliest that the platform wants to see it again.
        retry_at: Option<Timestamp>,
    },
    /// The platform did not take it, and never will.
    ReportRejected {
        /// The part.
        part: u16,
        /// The attempt.
        attempt: u32,
        /// Why.
        reason: Rejection,
        /// As the platform says it.
        code: Option<ReasonCode>,
    },
    /// Nobody knows whether the platform took it.
    ReportUnclear {
        /// The part.
        part: u16,
        /// The attempt.
        attempt: u32,
        /// Why.
        reason: Unclarity,
    },
    /// The platform was asked about an unclear outcome, or a person looked.
    Clarify {
        /// The part.
        part: u16,
        /// The attempt.
        attempt: u32,
        /// What it says.
        answer: Answer,
    },
    /// A person wants it sent again though its outcome is unclear. Attempts and time are counted anew.
    Resend {
        /// The part.
        part: u16,
        /// The last attempt: whoever chooses knows of it.
        attempt: u32,
    },
    /// Puts it among the dead letters. What is unclear is given up by a person only.
    GiveUp {
        /// The round that is given up.
        round: u32,
        /// Why.
        reason: GivenUp,
    },
    /// Tries again what was refused, rejected or given up. Attempts and time are counted anew; what is unclear stays so.
    Replay {
        /// The round that is over.
        round: u32,
    },
    /// Word of a message that the platform took.
    TakeReceipt {
        /// What the platform calls it.
        external: KeyedHash,
        /// What became of it.
        receipt: Receipt,
    },
}
