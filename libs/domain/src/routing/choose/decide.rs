//! The way of a case to its agent: what is decided about it.

use std::sync::Arc;

use super::{
    demand::Relax,
    error::Error,
    event::{Event, Gone, Ruled},
    record::Decided,
    state::{Award, Last, State},
};
use crate::{
    agent::Ended,
    decider::{self, Decider},
    ids::{PersonId, QueueId},
    time::Timestamp,
};

/// The most agents that are excluded from one case at a time.
const EXCLUDED_MAX: usize = 1_000;

/// An action on the way of a case, with its time and actor.
pub type Command = decider::Command<Action>;

/// What may be decided about the way of a case.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Notes what the rules say that the case needs.
    Rule(Box<Ruled>),
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
    /// Gives it to who was chosen. The case's stream has the last word.
    Award {
        /// By which decision: the last one.
        decision: u32,
        /// To whom: who was chosen.
        agent: PersonId,
        /// Until when.
        until: Timestamp,
    },
    /// Nothing came of a choice.
    EndAward {
        /// Of which decision.
        decision: u32,
        /// Why.
        ended: Ended,
    },
    /// Takes it back from an agent who is gone.
    Recall {
        /// From whom.
        agent: PersonId,
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

impl Decider for State {
    const CATEGORY: &'static str = "routing";
    type Command = Command;
    type Event = Event;
    type Error = Error;

    fn decide(&self, Command { at, by: _, action }: Command) -> Result<Vec<Event>, Error> {
        let event = match action {
            Action::Rule(ruled) => {
                let is_news = self.ruled.as_deref() != Some(&*ruled);
                is_news.then_some(Event::Ruled { at, ruled })
            }
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
            Action::Award { decision, agent, until } => self.awarded(at, decision, agent, until)?,
            Action::EndAward { decision, ended } => {
                let is_chosen = self.decisions == decision && self.chosen().is_some();
                (is_chosen && self.queue.is_some()).then_some(Event::AwardEnded { at, decision, ended })
            }
            Action::Recall { agent } => {
                let is_news = self.recalled.as_ref() != Some(&agent) && self.queue.is_none();
                is_news.then_some(Event::Recalled { at, agent })
            }
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
            Event::Ruled { at: _, ruled } => self.ruled = Some(Arc::new((**ruled).clone())),
            Event::Queued { at: _, queue, since } => {
                self.queue = Some(queue.clone());
                self.since = Some(*since);
                // Who did not want it in one queue may want it in another, and what another one gave up is not given up.
                (self.step, self.last, self.award, self.recalled) = (0, None, None, None);
                self.excluded.clear();
            }
            Event::Relaxed { at: _, step, relax: _ } => self.step = *step,
            Event::Decided { at: _, decision, decided } => {
                self.decisions = *decision;
                self.last = Some(Last::of(decided));
                self.award = None;
            }
            Event::Awarded { at: _, decision, agent, until } => {
                self.award = Some(Award { decision: *decision, agent: agent.clone(), until: *until });
            }
            Event::AwardEnded { .. } => (self.award, self.last) = (None, None),
            Event::Recalled { at: _, agent } => self.recalled = Some(agent.clone()),
            Event::AgentExcluded { at: _, agent, until } => {
                self.excluded.insert(agent.clone(), *until);
            }
            Event::LeftQueue { .. } => (self.queue, self.award) = (None, None),
        }
        self
    }
}
