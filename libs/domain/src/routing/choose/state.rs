//! Where a case is on its way.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{
    Outcome,
    error::Error,
    event::{Event, Ruled},
    reason::Reason,
    record::Decided,
};
use crate::{
    ids::{PersonId, QueueId},
    time::Timestamp,
};

/// Where a case is on its way. One that never waited is in no queue.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    pub(super) queue: Option<QueueId>,
    pub(super) since: Option<Timestamp>,
    pub(super) step: u8,
    pub(super) decisions: u32,
    pub(super) last: Option<Last>,
    pub(super) excluded: BTreeMap<PersonId, Option<Timestamp>>,
    pub(super) ruled: Option<Arc<Ruled>>,
    pub(super) award: Option<Award>,
    pub(super) recalled: Option<PersonId>,
}

/// What was decided last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Last {
    pub(super) outcome: Outcome,
    pub(super) step: u8,
    pub(super) policy: u64,
    pub(super) now: Timestamp,
}

/// A case that is to be given to somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Award {
    /// By which decision.
    pub decision: u32,
    /// To whom.
    pub agent: PersonId,
    /// Until when.
    pub until: Timestamp,
}

impl State {
    /// The queue in which it waits.
    pub const fn queue(&self) -> Option<&QueueId> {
        self.queue.as_ref()
    }

    /// Since when it waits, or waited last.
    pub const fn since(&self) -> Option<Timestamp> {
        self.since
    }

    /// How many decisions there are.
    pub const fn decisions(&self) -> u32 {
        self.decisions
    }

    /// How many steps of relaxation there were.
    pub const fn step(&self) -> u8 {
        self.step
    }

    /// What the rules said last.
    pub const fn ruled(&self) -> Option<&Arc<Ruled>> {
        self.ruled.as_ref()
    }

    /// To whom it is to be given.
    pub const fn award(&self) -> Option<&Award> {
        self.award.as_ref()
    }

    /// Who was chosen last, if that was the last decision.
    pub fn chosen(&self) -> Option<&PersonId> {
        match &self.last.as_ref()?.outcome {
            Outcome::Chosen { agent, .. } => Some(agent),
            Outcome::Waiting { .. } => None,
        }
    }

    /// Why it waits, by the last decision.
    pub fn waits_for(&self) -> Option<Reason> {
        match self.last.as_ref().filter(|_| self.queue.is_some())?.outcome {
            Outcome::Waiting { reason } => Some(reason),
            Outcome::Chosen { .. } => None,
        }
    }

    /// Whether an agent does not get it at `now`.
    pub fn is_excluded(&self, agent: &PersonId, now: Timestamp) -> bool {
        self.excluded.get(agent).is_some_and(|until| until.is_none_or(|until| now < until))
    }

    /// When the next exclusion is over, after `now`.
    pub fn next_exclusion_end(&self, now: Timestamp) -> Option<Timestamp> {
        self.excluded.values().flatten().copied().filter(|until| *until > now).min()
    }

    pub(super) fn awarded(
        &self,
        at: Timestamp,
        decision: u32,
        agent: PersonId,
        until: Timestamp,
    ) -> Result<Option<Event>, Error> {
        self.queue.as_ref().ok_or(Error::NotQueued)?;
        if decision != self.decisions {
            return Err(Error::Superseded { known: self.decisions });
        }
        if self.chosen() != Some(&agent) {
            return Err(Error::NotChosen);
        }
        if until <= at {
            return Err(Error::Over);
        }
        let known = self.award.as_ref().is_some_and(|award| award.decision == decision);
        Ok((!known).then_some(Event::Awarded { at, decision, agent, until }))
    }

    pub(super) fn record(
        &self,
        at: Timestamp,
        decision: u32,
        decided: Box<Decided>,
    ) -> Result<Vec<Event>, Error> {
        let last = Last::of(&decided);
        if decision == self.decisions && self.last.as_ref() == Some(&last) {
            return Ok(Vec::new());
        }
        let queue = self.queue.as_ref().ok_or(Error::NotQueued)?;
        if self.decisions.checked_add(1) != Some(decision) {
            return Err(Error::Superseded { known: self.decisions });
        }
        if decided.demand.queue != *queue {
            return Err(Error::AnotherQueue);
        }
        decided.demand.check()?;
        // That it still waits for the same is no news, however often it is looked at.
        let is_news = self.last.as_ref().is_none_or(|known| {
            let is_same =
                known.outcome == last.outcome && known.step == last.step && known.policy == last.policy;
            !is_same || matches!(last.outcome, Outcome::Chosen { .. })
        });
        Ok(is_news.then_some(Event::Decided { at, decision, decided }).into_iter().collect())
    }
}

impl Last {
    pub(super) fn of(decided: &Decided) -> Self {
        let outcome = decided.verdict.outcome.clone();
        Self { outcome, step: decided.verdict.step, policy: decided.taken.policy, now: decided.now }
    }
}
