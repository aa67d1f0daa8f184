//! What is announced: each thing once, and taken back if it turns out to be wrong.

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
};

use super::{
    clock::{self, Clock, Clocks, Key, Reason},
    event::{Cause, Event, Under},
    terms::{SECOND, Warning},
};
use crate::{
    decider::{self, Decider},
    time::Timestamp,
};

/// An action on the announcements of a case, with its time and actor.
pub type Command = decider::Command<Action>;

/// What may be asked of the announcements of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Announces what the clocks say and was not announced, and takes back what they do not say any more.
    Announce {
        /// The clocks, as they are at the command's time.
        clocks: Box<Clocks>,
        /// The version of the time zones with which they were computed.
        time_zones: String,
    },
}

/// What was announced about the clocks of one case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State(BTreeMap<Key, Announced>);

/// What was announced about one clock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Announced {
    /// The warnings.
    pub warned: BTreeSet<Warning>,
    /// The deadline that passed, unless that was retracted.
    pub breached_at: Option<Timestamp>,
    /// How often it was said that one passed.
    pub breaches: u32,
    /// When it was met or cancelled, and why if it was cancelled; unless it runs again.
    pub ended: Option<(Timestamp, Option<Reason>)>,
    /// Up to where the log was known when it was last announced.
    pub known_to: u64,
}

impl State {
    /// What was announced about each clock.
    pub fn announced(&self) -> impl Iterator<Item = (Key, &Announced)> {
        self.0.iter().map(|(key, announced)| (*key, announced))
    }

    fn of(&mut self, key: Key) -> &mut Announced {
        self.0.entry(key).or_default()
    }
}

impl Decider for State {
    const CATEGORY: &'static str = "sla";
    type Command = Command;
    type Event = Event;
    /// What was announced already is nothing.
    type Error = Infallible;

    fn decide(&self, Command { action, .. }: Command) -> Result<Vec<Event>, Infallible> {
        let Action::Announce { clocks, time_zones } = action;
        let none = Announced::default();
        let mut events = Vec::new();
        for clock in clocks.clocks.iter().filter(|clock| clock.timed) {
            let announced = self.0.get(&clock.key).unwrap_or(&none);
            announced.next(clock, &clocks, &time_zones, &mut events);
        }
        // A run that there is not, now that more is known.
        for (key, announced) in &self.0 {
            let exists = clocks.get(*key).is_some_and(|clock| clock.timed);
            if let Some(breached_at) = announced.breached_at.filter(|_| !exists) {
                let cause = clocks.cause(announced.known_to, breached_at);
                events.push(Event::BreachRetracted { at: clocks.at, clock: *key, breached_at, cause });
            }
        }
        Ok(events)
    }

    fn evolve(mut self, event: &Event) -> Self {
        match event {
            Event::Warned { clock, warning, .. } => {
                self.of(*clock).warned.insert(*warning);
            }
            Event::Breached { at, clock, round, known_to, .. } => {
                let announced = self.of(*clock);
                announced.breached_at = Some(*at);
                announced.breaches = *round;
                announced.known_to = *known_to;
            }
            Event::BreachRetracted { clock, .. } => self.of(*clock).breached_at = None,
            Event::Met { at, clock, known_to, .. } => {
                let announced = self.of(*clock);
                announced.ended = Some((*at, None));
                announced.known_to = *known_to;
            }
            Event::Cancelled { at, clock, reason, known_to, .. } => {
                let announced = self.of(*clock);
                announced.ended = Some((*at, Some(*reason)));
                announced.known_to = *known_to;
            }
            Event::Resumed { clock, .. } => self.of(*clock).ended = None,
        }
        self
    }
}

impl Announced {
    /// What is to be announced of a clock.
    fn next(&self, clock: &Clock, clocks: &Clocks, time_zones: &str, events: &mut Vec<Event>) {
        let (now, key, known_to) = (clocks.at, clock.key, clocks.known_to.entry);
        let ended = match clock.state {
            clock::State::Met => clock.stopped.map(|at| (at, None)),
            clock::State::Cancelled(reason) => clock.stopped.map(|at| (at, Some(reason))),
            clock::State::Ok
            | clock::State::AtRisk
            | clock::State::Paused(_)
            | clock::State::Breached
            | clock::State::Measured => None,
        };
        if let Some(breached_at) = self.breached_at.filter(|_| self.breached_at != clock.breached_at) {
            let cause = clocks.cause(self.known_to, breached_at);
            events.push(Event::BreachRetracted { at: now, clock: key, breached_at, cause });
        }
        if let (Some((at, _)), None) = (self.ended, ended) {
            events.push(Event::Resumed {
                at: now,
                clock: key,
                cause: clocks.cause(self.known_to, at.max(now)),
            });
        }
        if let Some(under) = clock.under(time_zones) {
            let due =
                clock.warnings.iter().filter(|(warning, at)| **at <= now && !self.warned.contains(warning));
            for (warning, at) in due.filter(|_| ended.is_none()) {
                events.push(Event::Warned {
                    at: *at,
                    noticed_at: now,
                    clock: key,
                    warning: *warning,
                    due: clock.due,
                    under: under.clone(),
                });
            }
            if let Some(at) = clock.breached_at.filter(|_| self.breached_at != clock.breached_at) {
                let round = self.breaches.saturating_add(1);
                events.push(Event::Breached { at, noticed_at: now, clock: key, round, known_to, under });
            }
        }
        match ended.filter(|_| self.ended != ended) {
            Some((at, None)) => events.push(Event::Met { at, noticed_at: now, clock: key, known_to }),
            Some((at, Some(reason))) => {
                events.push(Event::Cancelled { at, noticed_at: now, clock: key, reason, known_to });
            }
            None => {}
        }
    }
}

impl Clock {
    /// Under what it was computed; of what passed, what held then.
    fn under(&self, time_zones: &str) -> Option<Under> {
        let passed = self.breached_at.and_then(|at| {
            self.segments
                .iter()
                .find(|segment| segment.from <= at && at <= segment.to && segment.terms.is_some())
        });
        let (terms, version, calendar) = match passed {
            Some(segment) => (segment.terms.as_ref()?, segment.version, &segment.calendar),
            None => (self.terms.as_ref()?, self.version, &self.calendar),
        };
        Some(Under {
            policy: terms.policy.clone(),
            version,
            calendar: calendar.clone(),
            target_s: terms.target / SECOND,
            measure: terms.measure,
            time_zones: time_zones.to_owned(),
        })
    }
}

impl Clocks {
    /// The fact behind `known_to` that changed what was so at `then`; the first of those that happened by then.
    fn cause(&self, known_to: u64, then: Timestamp) -> Option<Cause> {
        let new = || self.causes.iter().filter(|(position, _)| position.entry > known_to);
        let found = new().find(|(_, (occurred, _))| *occurred <= then).or_else(|| new().next());
        found.map(|(position, (occurred_at, fact))| Cause {
            fact: *fact,
            occurred_at: *occurred_at,
            entry: position.entry,
        })
    }
}
