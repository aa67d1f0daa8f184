//! The state after an event. Total: an event that fits nothing changes nothing.

use std::sync::Arc;

use super::{
    event::Event,
    state::{Attempt, Cleared, Delivery, Outcome, PartState, Progress, Stage, State, Unclear},
    values::{Answer, Because, Request},
};
use crate::ids::IdempotencyKey;
use crate::time::Timestamp;

impl State {
    pub(super) fn after(self, event: &Event) -> Self {
        match (self.0, event) {
            (None, Event::Queued { request, .. }) => Self(Some(Delivery::new(request))),
            (None, _) => Self(None),
            (Some(mut delivery), event) => {
                delivery.take(event);
                Self(Some(delivery))
            }
        }
    }
}

impl Delivery {
    fn new(request: &Request) -> Self {
        Self {
            parts: vec![PartState::default(); request.parts.len()],
            request: Arc::new(request.clone()),
            stage: Stage::Active,
            round: 1,
            budget_from: None,
        }
    }

    fn take(&mut self, event: &Event) {
        match event {
            Event::Queued { .. } => {}
            Event::Cancelled { .. } => self.stage = Stage::Cancelled,
            Event::Refused { refusal, .. } => self.stage = Stage::Refused(refusal.clone()),
            Event::AttemptStarted { at, part, attempt, key } => self.start(*at, *part, *attempt, *key),
            Event::PartSent { part, attempt, external, .. } => {
                let Some(state) = self.part_mut(*part) else { return };
                let Some(made) = state.attempt_mut(*attempt) else { return };
                let external = external.as_ref().map(|external| external.hash.clone());
                made.outcome = Outcome::Sent { external };
                state.rise(Progress::Sent);
            }
            Event::AttemptFailed { at, part, attempt, retry_at, .. } => {
                self.settle(*part, *attempt, Outcome::Failed { at: *at, retry_at: *retry_at });
            }
            Event::AttemptRejected { part, attempt, reason, .. } => {
                let was_last = self.part(*part).is_some_and(|state| state.made() == *attempt);
                self.settle(*part, *attempt, Outcome::Rejected);
                // As long as another attempt may have got through, it is not over.
                let is_over =
                    self.part(*part).is_some_and(|state| state.progress.is_none() && state.doubt().is_none());
                if was_last && is_over && self.stage == Stage::Active {
                    self.stage = Stage::Rejected(*reason);
                }
            }
            Event::OutcomeUnclear { at, part, attempt, reason } => {
                let (reason, asked_at) = (*reason, *at);
                let unclear =
                    Unclear { at: *at, reason, asks: 0, asked_at, not_shown_since: None, cleared: None };
                self.settle(*part, *attempt, Outcome::Unclear(unclear));
            }
            Event::Clarified { at, part, attempt, answer, .. } => {
                let Some(unclear) = self.unclear_mut(*part, *attempt) else { return };
                match answer {
                    // What is sent is said by the event behind this one.
                    Answer::Has { .. } => {}
                    Answer::HasNot => unclear.cleared = Some(Cleared::Absent),
                    Answer::NotShown { ask } | Answer::Nothing { ask } => {
                        unclear.asks = unclear.asks.max(*ask);
                        unclear.asked_at = *at;
                        if let Answer::NotShown { .. } = answer {
                            unclear.not_shown_since.get_or_insert(*at);
                        }
                    }
                }
            }
            Event::ResendChosen { part, attempt, because, .. } => {
                if let Some(unclear) = self.unclear_mut(*part, *attempt) {
                    unclear.cleared.get_or_insert(Cleared::Resend(*because));
                }
                let round = self.round;
                if let Some(state) = self.part_mut(*part) {
                    state.resent_in = Some(round);
                }
                if *because == Because::Chosen {
                    self.count_anew(*part);
                }
            }
            Event::GivenUp { reason, .. } => self.stage = Stage::GivenUp(*reason),
            Event::Replayed { round, .. } => {
                self.stage = Stage::Active;
                self.round = self.round.max(*round);
                (1..).zip(0..self.parts.len()).for_each(|(part, _)| self.count_anew(part));
            }
            Event::Delivered { part, .. } => self.rise(*part, Progress::Delivered),
            Event::Read { part, .. } => self.rise(*part, Progress::Read),
            Event::Undelivered { part, cause, .. } => {
                if let Some(state) = self.part_mut(*part) {
                    state.undelivered.get_or_insert_with(|| cause.clone());
                }
            }
            Event::Bounced { part, cause, .. } => {
                if let Some(state) = self.part_mut(*part) {
                    state.bounced.get_or_insert_with(|| cause.clone());
                }
            }
        }
    }

    fn start(&mut self, at: Timestamp, part: u16, attempt: u32, key: IdempotencyKey) {
        let round = self.round;
        let Some(state) = self.part_mut(part).filter(|state| state.made().checked_add(1) == Some(attempt))
        else {
            return;
        };
        state.attempts.push(Attempt { round, key, started_at: at, outcome: Outcome::Running });
        state.tries = state.tries.saturating_add(1);
        self.budget_from.get_or_insert(at);
    }

    /// Sets what came of an attempt, unless it is known to be sent.
    fn settle(&mut self, part: u16, attempt: u32, outcome: Outcome) {
        let made = self.part_mut(part).and_then(|state| state.attempt_mut(attempt));
        if let Some(made) = made.filter(|made| !matches!(made.outcome, Outcome::Sent { .. })) {
            made.outcome = outcome;
        }
    }

    fn rise(&mut self, part: u16, progress: Progress) {
        if let Some(state) = self.part_mut(part) {
            state.rise(progress);
        }
    }

    fn count_anew(&mut self, part: u16) {
        if let Some(state) = self.part_mut(part) {
            state.tries = 0;
        }
        self.budget_from = None;
    }

    fn unclear_mut(&mut self, part: u16, attempt: u32) -> Option<&mut Unclear> {
        match &mut self.part_mut(part)?.attempt_mut(attempt)?.outcome {
            Outcome::Unclear(unclear) => Some(unclear),
            Outcome::Running | Outcome::Sent { .. } | Outcome::Failed { .. } | Outcome::Rejected => None,
        }
    }

    fn part_mut(&mut self, part: u16) -> Option<&mut PartState> {
        self.parts.get_mut(usize::from(part).checked_sub(1)?)
    }
}

impl PartState {
    fn attempt_mut(&mut self, attempt: u32) -> Option<&mut Attempt> {
        self.attempts.get_mut(usize::try_from(attempt).ok()?.checked_sub(1)?)
    }

    fn rise(&mut self, progress: Progress) {
        self.progress = self.progress.max(Some(progress));
    }
}
