//! What is known of a delivery.

use std::sync::Arc;

use super::values::{Because, GivenUp, Rejection, Request, Return, Unclarity};
use crate::{
    ids::{IdempotencyKey, KeyedHash},
    outbound::Refusal,
    time::Timestamp,
};

/// A delivery, if it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State(pub(super) Option<Delivery>);

/// A delivery that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// What is to be sent.
    pub request: Arc<Request>,
    /// Where it stands.
    pub stage: Stage,
    /// From 1; each replay begins another one.
    pub round: u32,
    /// What became of each part.
    pub parts: Vec<PartState>,
    /// The first attempt since the budget was counted anew.
    pub(super) budget_from: Option<Timestamp>,
}

/// Where a delivery stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It is sent, or to be sent.
    Active,
    /// It was taken back.
    Cancelled,
    /// It was refused before it was sent.
    Refused(Refusal),
    /// The platform rejected it for good: a dead letter.
    Rejected(Rejection),
    /// It was given up: a dead letter.
    GivenUp(GivenUp),
}

/// What became of a part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartState {
    /// The attempts at it, in order; the first is number 1.
    pub attempts: Vec<Attempt>,
    /// How many of them count for the budget: none, if a person has wanted more since.
    pub(super) tries: u32,
    /// In which round it was last chosen to send it again in spite of a doubt.
    pub(super) resent_in: Option<u32>,
    /// How far it came, if the platform took it.
    pub progress: Option<Progress>,
    /// What the platform said when it could not deliver it. Kept beside whatever it said else.
    pub undelivered: Option<Return>,
    /// What the customer's mail server said when it sent it back. Kept likewise.
    pub bounced: Option<Return>,
}

/// How far a part came. Receipts come late and in any order: it only ever rises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Progress {
    /// The platform has it.
    Sent,
    /// The customer's device has it.
    Delivered,
    /// The customer has seen it.
    Read,
}

/// An attempt at a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// In which round it was made.
    pub round: u32,
    /// The key that the platform was told.
    pub key: IdempotencyKey,
    /// When it was about to be made.
    pub started_at: Timestamp,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing yet.
    Running,
    /// The platform took it.
    Sent {
        /// What the platform calls it.
        external: Option<KeyedHash>,
    },
    /// The platform did not take it.
    Failed {
        /// When it said so.
        at: Timestamp,
        /// The earliest that it wants to see it again.
        retry_at: Option<Timestamp>,
    },
    /// The platform did not take it, and will not.
    Rejected,
    /// Nobody knows.
    Unclear(Unclear),
}

/// An outcome that nobody knew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unclear {
    /// Since when.
    pub at: Timestamp,
    /// Why.
    pub reason: Unclarity,
    /// How often the platform was asked in vain.
    pub asks: u32,
    /// When it was last asked.
    pub asked_at: Timestamp,
    /// Since when it does not show it, if it said so.
    pub not_shown_since: Option<Timestamp>,
    /// What allows to send it again.
    pub cleared: Option<Cleared>,
}

/// What allows to send something again whose outcome was unclear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cleared {
    /// The platform has it not.
    Absent,
    /// It was so chosen.
    Resend(Because),
}

impl State {
    /// The delivery, if it is known.
    pub const fn delivery(&self) -> Option<&Delivery> {
        self.0.as_ref()
    }
}

impl Delivery {
    /// Whether it waits among the dead letters.
    pub fn is_dead(&self) -> bool {
        !self.is_sent() && matches!(self.stage, Stage::Rejected(_) | Stage::GivenUp(_))
    }

    /// Whether the platform took all parts.
    pub fn is_sent(&self) -> bool {
        self.parts.iter().all(|part| part.progress.is_some())
    }

    /// Whether nobody knows what came of the part that is to be sent, and no attempt is being made that may tell.
    pub fn is_unclear(&self) -> bool {
        self.running().is_none() && self.current().is_some_and(|(_, part)| part.doubt().is_some())
    }

    /// Whether any attempt was made.
    pub fn has_begun(&self) -> bool {
        self.parts.iter().any(|part| !part.attempts.is_empty())
    }

    /// Whether the customer may have got something twice: a part was sent by more than one attempt.
    pub fn is_duplicated(&self) -> bool {
        let sent = |attempt: &&Attempt| matches!(attempt.outcome, Outcome::Sent { .. });
        self.parts.iter().any(|part| part.attempts.iter().filter(sent).count() > 1)
    }

    /// The key that the platform is told at the next attempt at a part (from 1).
    ///
    /// All attempts of a round tell the same. After a replay it is another one, for platforms that repeat their last answer
    /// to a key; but not if one of the attempts before may have got through.
    pub fn key_of(&self, part: u16) -> IdempotencyKey {
        let fresh = || IdempotencyKey::derive(self.request.key.0, &format!("{part}.{}", self.round));
        let Some(state) = self.part(part) else { return fresh() };
        match state.attempts.last() {
            Some(last) if last.round == self.round || state.may_be_taken() => last.key,
            Some(_) | None => fresh(),
        }
    }

    /// A part, by its number from 1.
    pub fn part(&self, part: u16) -> Option<&PartState> {
        self.parts.get(usize::from(part).checked_sub(1)?)
    }

    /// The first part that is not sent, and its number.
    pub(super) fn current(&self) -> Option<(u16, &PartState)> {
        (1..).zip(&self.parts).find(|(_, part)| part.progress.is_none())
    }

    /// Since when its time is counted: the first attempt, until a person wants more.
    pub const fn tried_since(&self) -> Option<Timestamp> {
        self.budget_from
    }

    /// The part that is to be sent next.
    pub fn next_part(&self) -> Option<&PartState> {
        self.current().map(|(_, part)| part)
    }

    /// The attempt that is being made, with the numbers of its part and its own.
    pub(super) fn running(&self) -> Option<(u16, u32, &Attempt)> {
        (1..).zip(&self.parts).find_map(|(number, part)| {
            let attempt = (1..).zip(&part.attempts).find(|(_, a)| a.outcome == Outcome::Running)?;
            Some((number, attempt.0, attempt.1))
        })
    }
}

impl PartState {
    /// An attempt, by its number from 1.
    pub fn attempt(&self, attempt: u32) -> Option<&Attempt> {
        self.attempts.get(usize::try_from(attempt).ok()?.checked_sub(1)?)
    }

    /// How many attempts there were.
    pub(super) fn made(&self) -> u32 {
        u32::try_from(self.attempts.len()).unwrap_or(u32::MAX)
    }

    /// The last attempt of which nobody knows whether it was taken, and its number; none once any is known to be.
    pub(super) fn doubt(&self) -> Option<(u32, &Attempt, &Unclear)> {
        if self.progress.is_some() {
            return None;
        }
        let all = (1..).zip(&self.attempts).filter_map(|(number, attempt)| match &attempt.outcome {
            Outcome::Unclear(unclear) if unclear.cleared != Some(Cleared::Absent) => {
                Some((number, attempt, unclear))
            }
            Outcome::Unclear(_)
            | Outcome::Running
            | Outcome::Sent { .. }
            | Outcome::Failed { .. }
            | Outcome::Rejected => None,
        });
        all.last()
    }

    /// Whether there is a doubt in spite of which nobody has chosen, in this round and since it arose, to send again.
    pub(super) fn is_blocked(&self, round: u32) -> bool {
        let is_new = self.attempts.last().is_some_and(
            |last| matches!(&last.outcome, Outcome::Unclear(unclear) if unclear.cleared.is_none()),
        );
        self.doubt().is_some() && (is_new || self.resent_in != Some(round))
    }

    fn may_be_taken(&self) -> bool {
        self.attempts.iter().any(|attempt| match &attempt.outcome {
            Outcome::Unclear(unclear) => unclear.cleared != Some(Cleared::Absent),
            Outcome::Running | Outcome::Sent { .. } => true,
            Outcome::Failed { .. } | Outcome::Rejected => false,
        })
    }

    /// What the platform calls it: more than one, if it was sent more than once.
    pub fn externals(&self) -> impl Iterator<Item = &KeyedHash> {
        self.attempts.iter().filter_map(|attempt| match &attempt.outcome {
            Outcome::Sent { external } => external.as_ref(),
            Outcome::Running | Outcome::Failed { .. } | Outcome::Rejected | Outcome::Unclear(_) => None,
        })
    }
}
