//! Who waits for an answer, and when a person first gave one. Of what was said elsewhere only when it was said counts: an
//! import may bring an answer before its question.

use std::sync::Arc;

use super::state::{Case, Waiting};
use crate::{ids::CaseId, time::Timestamp};

impl Case {
    /// The customer asked something, then. It waits, unless the answer of a person came here before it.
    pub(super) fn ask(&mut self, then: Timestamp) {
        self.asked_since = self.asked_since.into_iter().chain([then]).min();
        match self.answered_elsewhere_since(then) {
            Some(at) => self.responded(at),
            None => self.wait(then, None),
        }
    }

    pub(super) fn wait(&mut self, since: Timestamp, source: Option<CaseId>) {
        Arc::make_mut(&mut self.unanswered).insert(self.joined, Waiting { since, source });
    }

    /// The reply of a person was sent: it answers what had joined when it was released.
    pub(super) fn answer_here(&mut self, at: Timestamp, up_to: u32) {
        if self.answer(|ordinal, _| ordinal <= up_to) {
            self.responded(at);
        }
    }

    /// A person answered elsewhere, then: all that had been said by then, whether it is here already or comes later.
    pub(super) fn answer_elsewhere(&mut self, then: Timestamp) {
        Arc::make_mut(&mut self.answered_elsewhere).insert(then);
        let waited = self.answer(|_, waiting| waiting.since <= then);
        if waited || self.asked_since.is_some_and(|asked| asked <= then) {
            self.responded(then);
        }
    }

    /// A new cycle began. What an earlier one left unanswered is none of its concern.
    pub(super) fn ask_anew(&mut self) {
        let settled = self.settled;
        Arc::make_mut(&mut self.unanswered).retain(|ordinal, _| *ordinal > settled);
        self.asked_after = self.asked_after.max(settled);
        self.asked_since = self.first_that_asked();
        let first = self.asked_since.and_then(|asked| self.answered_elsewhere_since(asked));
        self.cycle.first_response_at = first;
    }

    /// What was asked up to now is left without an answer on purpose.
    pub(super) fn ask_no_more(&mut self) {
        self.unanswered = Arc::default();
        self.asked_after = self.joined;
        self.asked_since = None;
    }

    /// When the first of the messages was sent that ask for a response in this cycle.
    pub(super) fn first_that_asked(&self) -> Option<Timestamp> {
        let asking = self.messages.values().filter(|message| message.asks() && !message.answered);
        asking.filter(|message| message.ordinal > self.asked_after).map(|message| message.sent_at).min()
    }

    fn answered_elsewhere_since(&self, then: Timestamp) -> Option<Timestamp> {
        self.answered_elsewhere.range(then..).next().copied()
    }

    /// Whether something waited that `answers` says.
    fn answer(&mut self, answers: impl Fn(u32, &Waiting) -> bool) -> bool {
        let unanswered = Arc::make_mut(&mut self.unanswered);
        let waiting = unanswered.len();
        unanswered.retain(|ordinal, waiting| !answers(*ordinal, waiting));
        unanswered.len() < waiting
    }

    fn responded(&mut self, at: Timestamp) {
        let first = &mut self.cycle.first_response_at;
        *first = Some(first.map_or(at, |first| first.min(at)));
    }
}
