//! What results and receipts mean: facts, taken in every stage.

use super::{
    ASKS_MAX,
    error::Error,
    event::Event,
    state::{Attempt, Cleared, Delivery, Outcome, Progress},
    values::{Answer, External, Failure, Receipt, Rejection, Unclarity},
};
use crate::{
    actor::Actor,
    ids::{KeyedHash, ReasonCode},
    time::Timestamp,
};

impl Delivery {
    pub(super) fn sent(
        &self,
        at: Timestamp,
        part: u16,
        attempt: u32,
        external: Option<External>,
    ) -> Result<Vec<Event>, Error> {
        Ok(match self.attempt(part, attempt)?.outcome {
            Outcome::Sent { .. } => Vec::new(),
            // Whatever was said before: here is the proof.
            Outcome::Running | Outcome::Failed { .. } | Outcome::Rejected | Outcome::Unclear(_) => {
                vec![Event::PartSent { at, part, attempt, external }]
            }
        })
    }

    pub(super) fn outcome_unclear(
        &self,
        at: Timestamp,
        part: u16,
        attempt: u32,
        reason: Unclarity,
    ) -> Result<Vec<Event>, Error> {
        let running = self.attempt(part, attempt)?.outcome == Outcome::Running;
        let event = Event::OutcomeUnclear { at, part, attempt, reason };
        Ok(if running { vec![event] } else { Vec::new() })
    }

    pub(super) fn failed(
        &self,
        at: Timestamp,
        part: u16,
        attempt: u32,
        reason: Failure,
        code: Option<ReasonCode>,
        retry_at: Option<Timestamp>,
    ) -> Result<Vec<Event>, Error> {
        let is_news = self.attempt(part, attempt)?.is_open();
        let event = Event::AttemptFailed { at, part, attempt, reason, code, retry_at };
        Ok(if is_news { vec![event] } else { Vec::new() })
    }

    pub(super) fn rejected(
        &self,
        at: Timestamp,
        part: u16,
        attempt: u32,
        reason: Rejection,
        code: Option<ReasonCode>,
    ) -> Result<Vec<Event>, Error> {
        let is_news = self.attempt(part, attempt)?.is_open();
        let event = Event::AttemptRejected { at, part, attempt, reason, code };
        Ok(if is_news { vec![event] } else { Vec::new() })
    }

    pub(super) fn clarify(
        &self,
        at: Timestamp,
        by: Actor,
        part: u16,
        attempt: u32,
        answer: Answer,
    ) -> Result<Vec<Event>, Error> {
        let unclear = match &self.attempt(part, attempt)?.outcome {
            Outcome::Running => return Err(Error::Running),
            Outcome::Sent { .. } | Outcome::Failed { .. } | Outcome::Rejected => return Ok(Vec::new()),
            Outcome::Unclear(unclear) => unclear,
        };
        let sent = match &answer {
            Answer::Has { external } => {
                Some(Event::PartSent { at, part, attempt, external: external.clone() })
            }
            Answer::HasNot if unclear.cleared == Some(Cleared::Absent) => return Ok(Vec::new()),
            Answer::NotShown { ask } | Answer::Nothing { ask }
                if unclear.cleared == Some(Cleared::Absent) || *ask <= unclear.asks =>
            {
                return Ok(Vec::new());
            }
            Answer::NotShown { ask } | Answer::Nothing { ask } if *ask > ASKS_MAX => {
                return Err(Error::LimitExceeded {
                    what: "questions about an attempt",
                    max: ASKS_MAX as usize,
                });
            }
            Answer::HasNot | Answer::NotShown { .. } | Answer::Nothing { .. } => None,
        };
        Ok([Event::Clarified { at, by, part, attempt, answer }].into_iter().chain(sent).collect())
    }

    pub(super) fn receipt(
        &self,
        at: Timestamp,
        external: &KeyedHash,
        receipt: Receipt,
    ) -> Result<Vec<Event>, Error> {
        let found = (1..).zip(&self.parts).find(|(_, part)| part.externals().any(|hash| hash == external));
        let (part, state) = found.ok_or(Error::UnknownMessage)?;
        let is_below = |progress| state.progress < Some(progress);
        Ok(match receipt {
            Receipt::Delivered if is_below(Progress::Delivered) => vec![Event::Delivered { at, part }],
            Receipt::Read if is_below(Progress::Read) => vec![Event::Read { at, part }],
            Receipt::Undelivered(cause) if state.undelivered.is_none() => {
                vec![Event::Undelivered { at, part, cause }]
            }
            Receipt::Bounced(cause) if state.bounced.is_none() => vec![Event::Bounced { at, part, cause }],
            Receipt::Sent
            | Receipt::Delivered
            | Receipt::Read
            | Receipt::Undelivered(_)
            | Receipt::Bounced(_) => Vec::new(),
        })
    }
}

impl Attempt {
    /// Whether it may still turn out that the platform did not take it.
    const fn is_open(&self) -> bool {
        matches!(self.outcome, Outcome::Running | Outcome::Unclear(_))
    }
}
