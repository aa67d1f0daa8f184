//! What is decided about a channel account.

use std::convert::Infallible;

use super::{
    event::Event,
    state::{State, Trouble},
    values::{Cause, Evidence, Level, Rules, Sense},
};
use crate::{
    channel::Direction,
    decider::{self, Decider},
    ids::ReasonCode,
    time::Timestamp,
};

/// An action on a channel account, with its time and actor.
pub type Command = decider::Command<Action>;

/// What may be decided about a channel account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// It works, and not as it should.
    Degrade {
        /// Sending or receiving.
        direction: Direction,
        /// Why.
        cause: Cause,
        /// On what that is decided.
        evidence: Evidence,
    },
    /// It does not work.
    GoDown {
        /// Sending or receiving.
        direction: Direction,
        /// Why.
        cause: Cause,
        /// On what that is decided.
        evidence: Evidence,
        /// How it is tried whether it works again.
        rules: Rules,
    },
    /// Tries one reply. Who gets no event for it, and finds it not recovering, MUST NOT try: it is too early.
    Try,
    /// It works again, as far as this sense can tell: what another one noticed stays.
    Recover {
        /// Sending or receiving.
        direction: Direction,
        /// What says so.
        sense: Sense,
    },
    /// Nothing is sent before this instant.
    Throttle {
        /// Until when.
        until: Timestamp,
    },
    /// Stops the sending.
    Hold {
        /// Why.
        reason: ReasonCode,
    },
    /// Lets it go on.
    Release,
}

impl Decider for State {
    const CATEGORY: &'static str = "channel";
    type Command = Command;
    type Event = Event;
    /// What is not to be decided yet, or is so already, is nothing.
    type Error = Infallible;

    fn decide(&self, Command { at, by, action }: Command) -> Result<Vec<Event>, Infallible> {
        let event = match action {
            Action::Degrade { direction, cause, evidence } => match self.side(direction).level {
                Level::Up => Some(Event::Degraded { at, direction, cause, evidence }),
                Level::Degraded | Level::Recovering | Level::Down => None,
            },
            Action::GoDown { direction, cause, evidence, rules } => match self.side(direction).level {
                Level::Down => None,
                Level::Up | Level::Degraded | Level::Recovering => {
                    let before = self.side(direction).trouble.as_ref().map_or(0, |trouble| trouble.round);
                    let round = before.saturating_add(1);
                    let retry_at = rules.retry_at(at, round);
                    Some(Event::WentDown { at, direction, cause, evidence, round, retry_at })
                }
            },
            Action::Try => match (self.side(Direction::Out).level, &self.side(Direction::Out).trouble) {
                (Level::Down, Some(Trouble { retry_at, round, .. }))
                    if at >= *retry_at && self.held().is_none() =>
                {
                    Some(Event::Recovering { at, direction: Direction::Out, round: *round })
                }
                (Level::Up | Level::Degraded | Level::Recovering | Level::Down, _) => None,
            },
            Action::Recover { direction, sense } => self.recover(at, direction, sense),
            Action::Throttle { until } => (until > at
                && self.throttled_until(at).is_none_or(|known| until > known))
            .then_some(Event::Throttled { at, until }),
            Action::Hold { reason } => {
                self.held().is_none_or(|held| held.reason != reason).then_some(Event::Held { at, by, reason })
            }
            Action::Release => self.held().is_some().then_some(Event::Released { at, by }),
        };
        Ok(event.into_iter().collect())
    }

    fn evolve(self, event: &Event) -> Self {
        self.after(event)
    }
}

impl State {
    fn recover(&self, at: Timestamp, direction: Direction, sense: Sense) -> Option<Event> {
        let side = self.side(direction);
        let Trouble { cause, since, .. } = side.trouble.as_ref()?;
        let is_proof = match (side.level, direction) {
            (Level::Up, _) => false,
            // What was under way when it went down says nothing of now: that is tried.
            (Level::Down, Direction::Out) => false,
            (Level::Degraded | Level::Recovering, _) | (Level::Down, Direction::In) => cause.sense() == sense,
        };
        is_proof.then_some(Event::CameUp { at, direction, cause: *cause, since: *since })
    }
}
