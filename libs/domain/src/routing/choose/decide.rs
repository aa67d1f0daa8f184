//! The way of a case to its agent: what is decided about it.

use std::collections::BTreeMap;

use super::{
    Outcome,
    demand::{Relax, Unfit},
    event::{Event, Gone},
    reason::Reason,
    record::Decided,
};
use crate::{
    decider::{self, Decider},
    ids::{PersonId, QueueId},
    time::Timestamp,
};

/// The most agents that are excluded from one case at a time.
const EXCLUDED_MAX: usize = 1_000;

/// An action on the way of a case, with its time and actor.
pub type Command = decider::Command<Action>;

/// What may be decided about the way of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Puts it into a queue, or into another one.
    Enqueue {
        /// Which.
        queue: QueueId,
        /// Since when it waits, as far as the caller knows.
        since: Timestamp,
        /// Whether it is the same wait as before: what comes back from an agent or changes its queue keeps the greater age.
        /// What was resolved and is open again waits anew.
        keeps_age: bool,
    },
    /// A step of relaxation may be due.
    Relax {
        /// The how many-th, from 1.
        step: u8,
        /// What is given up.
        relax: Relax,
        /// When it is due.
        due: Timestamp,
    },
    /// Records a decision.
    Decide {
        /// Its number: one more than [`State::decisions`]. Of two matchers that decide at once only one has it.
        decision: u32,
        /// The decision.
        decided: Box<Decided>,
    },
    /// Somebody declined it, or did not answer.
    Exclude {
        /// Who.
        agent: PersonId,
        /// Until when; as long as the case is in the queue if there is no such time.
        until: Option<Timestamp>,
    },
    /// The case does not wait any more.
    Leave {
        /// Why.
        gone: Gone,
    },
}

/// Where a case is on its way. One that never waited is in no queue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    queue: Option<QueueId>,
    since: Option<Timestamp>,
    step: u8,
    decisions: u32,
    last: Option<Last>,
    excluded: BTreeMap<PersonId, Option<Timestamp>>,
}

/// What was decided last.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Last {
    outcome: Outcome,
    step: u8,
    policy: u64,
    now: Timestamp,
}

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
            Self::AnotherQueue => "ROUTING_ANOTHER_QUEUE",
            Self::TooEarly { .. } => "ROUTING_TOO_EARLY",
            Self::OutOfOrder { .. } => "ROUTING_OUT_OF_ORDER",
            Self::Unfit(_) | Self::LimitExceeded { .. } => "LIMIT_EXCEEDED",
        }
    }
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

    fn record(&self, at: Timestamp, decision: u32, decided: Box<Decided>) -> Result<Vec<Event>, Error> {
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
    fn of(decided: &Decided) -> Self {
        let outcome = decided.verdict.outcome.clone();
        Self { outcome, step: decided.verdict.step, policy: decided.taken.policy, now: decided.now }
    }
}

impl Decider for State {
    const CATEGORY: &'static str = "routing";
    type Command = Command;
    type Event = Event;
    type Error = Error;

    fn decide(&self, Command { at, by: _, action }: Command) -> Result<Vec<Event>, Error> {
        let event = match action {
            Action::Enqueue { queue, since, keeps_age } => {
                let known = self.since.filter(|_| keeps_age);
                let since = known.map_or(since, |known| known.min(since));
                (self.queue.as_ref() != Some(&queue)).then_some(Event::Queued { at, queue, since })
            }
            Action::Relax { step, relax: _, due: _ } if step <= self.step => None,
            Action::Relax { step, relax, due } => {
                self.queue.as_ref().ok_or(Error::NotQueued)?;
                let next = self.step.saturating_add(1);
                if step != next {
                    return Err(Error::OutOfOrder { next });
                }
                if at < due {
                    return Err(Error::TooEarly { until: due });
                }
                Some(Event::Relaxed { at: due, step, relax })
            }
            Action::Decide { decision, decided } => return self.record(at, decision, decided),
            Action::Exclude { agent, until } => {
                self.queue.as_ref().ok_or(Error::NotQueued)?;
                let known = self.excluded.get(&agent);
                if known.is_none() && self.excluded.len() >= EXCLUDED_MAX {
                    return Err(Error::LimitExceeded { max: EXCLUDED_MAX });
                }
                (known != Some(&until)).then_some(Event::AgentExcluded { at, agent, until })
            }
            Action::Leave { gone } => self.queue.is_some().then_some(Event::LeftQueue { at, gone }),
        };
        Ok(event.into_iter().collect())
    }

    fn evolve(mut self, event: &Event) -> Self {
        match event {
            Event::Queued { at: _, queue, since } => {
                self.queue = Some(queue.clone());
                self.since = Some(*since);
                // Who did not want it in one queue may want it in another, and what another one gave up is not given up.
                (self.step, self.last) = (0, None);
                self.excluded.clear();
            }
            Event::Relaxed { at: _, step, relax: _ } => self.step = *step,
            Event::Decided { at: _, decision, decided } => {
                self.decisions = *decision;
                self.last = Some(Last::of(decided));
            }
            Event::AgentExcluded { at: _, agent, until } => {
                self.excluded.insert(agent.clone(), *until);
            }
            Event::LeftQueue { .. } => self.queue = None,
        }
        self
    }
}
