//! What happened to a delivery, as it is stored.

use serde::{Deserialize, Serialize};

use super::values::{Answer, Because, External, Failure, GivenUp, Rejection, Request, Return, Unclarity};
use crate::{
    actor::Actor,
    ids::{IdempotencyKey, ReasonCode},
    outbound::Refusal,
    stored::Fields,
    time::Timestamp,
};

/// What happened to a delivery. `at` is when it occurred.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub enum Event {
    /// A reply was taken over.
    #[serde(rename = "delivery.queued")]
    Queued {
        /// When.
        at: Timestamp,
        /// Who wants it sent.
        by: Actor,
        /// What is to be sent.
        request: Box<Request>,
    },
    /// It was taken back before it began.
    #[serde(rename = "delivery.cancelled")]
    Cancelled {
        /// When.
        at: Timestamp,
        /// By whom.
        by: Actor,
    },
    /// It was not sent, for a reason that was found before.
    #[serde(rename = "delivery.refused")]
    Refused {
        /// When.
        at: Timestamp,
        /// In which round.
        round: u32,
        /// Why.
        refusal: Refusal,
    },
    /// An attempt is about to be made.
    #[serde(rename = "delivery.attempt_started")]
    AttemptStarted {
        /// When.
        at: Timestamp,
        /// The part.
        part: u16,
        /// The attempt.
        attempt: u32,
        /// The key that the platform is told.
        key: IdempotencyKey,
    },
    /// The platform took a part.
    #[serde(rename = "delivery.part_sent")]
    PartSent {
        /// When.
        at: Timestamp,
        /// The part.
        part: u16,
        /// The attempt.
        attempt: u32,
        /// What the platform calls it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        external: Option<External>,
    },
    /// An attempt failed that may go well later.
    #[serde(rename = "delivery.attempt_failed")]
    AttemptFailed {
        /// When.
        at: Timestamp,
        /// The part.
        part: u16,
        /// The attempt.
        attempt: u32,
        /// Why.
        reason: Failure,
        /// As the platform says it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<ReasonCode>,
        /// The earliest that the platform wants to see it again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_at: Option<Timestamp>,
    },
    /// An attempt failed for good.
    #[serde(rename = "delivery.attempt_rejected")]
    AttemptRejected {
        /// When.
        at: Timestamp,
        /// The part.
        part: u16,
        /// The attempt.
        attempt: u32,
        /// Why.
        reason: Rejection,
        /// As the platform says it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<ReasonCode>,
    },
    /// Nobody knows what came of an attempt.
    #[serde(rename = "delivery.outcome_unclear")]
    OutcomeUnclear {
        /// When.
        at: Timestamp,
        /// The part.
        part: u16,
        /// The attempt.
        attempt: u32,
        /// Why.
        reason: Unclarity,
    },
    /// The platform, or a person who looked, said what came of an attempt.
    #[serde(rename = "delivery.clarified")]
    Clarified {
        /// When.
        at: Timestamp,
        /// Who asked or looked.
        by: Actor,
        /// The part.
        part: u16,
        /// The attempt.
        attempt: u32,
        /// What it says.
        answer: Answer,
    },
    /// It is sent again though the outcome of this attempt, or of one before it, is unclear.
    #[serde(rename = "delivery.resend_chosen")]
    ResendChosen {
        /// When.
        at: Timestamp,
        /// Who chose.
        by: Actor,
        /// The part.
        part: u16,
        /// The last attempt.
        attempt: u32,
        /// Why.
        because: Because,
    },
    /// It was given up: it is a dead letter.
    #[serde(rename = "delivery.given_up")]
    GivenUp {
        /// When.
        at: Timestamp,
        /// Who gave it up.
        by: Actor,
        /// In which round.
        round: u32,
        /// Why.
        reason: GivenUp,
    },
    /// It is tried again.
    #[serde(rename = "delivery.replayed")]
    Replayed {
        /// When.
        at: Timestamp,
        /// Who wants it.
        by: Actor,
        /// The round that begins.
        round: u32,
    },
    /// The customer's device has a part.
    #[serde(rename = "delivery.delivered")]
    Delivered {
        /// When.
        at: Timestamp,
        /// The part.
        part: u16,
    },
    /// The customer has seen a part.
    #[serde(rename = "delivery.read")]
    Read {
        /// When.
        at: Timestamp,
        /// The part.
        part: u16,
    },
    /// The platform could not deliver a part that it had taken.
    #[serde(rename = "delivery.undelivered")]
    Undelivered {
        /// When.
        at: Timestamp,
        /// The part.
        part: u16,
        /// Why.
        cause: Return,
    },
    /// The customer's mail server sent a part back.
    #[serde(rename = "delivery.bounced")]
    Bounced {
        /// When.
        at: Timestamp,
        /// The part.
        part: u16,
        /// Why.
        cause: Return,
    },
}

crate::stored_format!(
    Event,
    version = version,
    upcast = upcast,
    [
        "delivery.queued",
        "delivery.cancelled",
        "delivery.refused",
        "delivery.attempt_started",
        "delivery.part_sent",
        "delivery.attempt_failed",
        "delivery.attempt_rejected",
        "delivery.outcome_unclear",
        "delivery.clarified",
        "delivery.resend_chosen",
        "delivery.given_up",
        "delivery.replayed",
        "delivery.delivered",
        "delivery.read",
        "delivery.undelivered",
        "delivery.bounced",
    ]
);

/// Every event of a delivery still is in its first version.
const fn version(_kind: &str) -> u16 {
    1
}

/// There is nothing older than the first version.
fn upcast(_kind: &str, _from: u16, _fields: Fields) -> Option<Fields> {
    None
}
