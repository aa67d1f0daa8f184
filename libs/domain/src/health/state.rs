//! What is known of a channel account.

use std::collections::VecDeque;

use super::{
    event::Event,
    values::{Cause, Evidence, Level},
};
use crate::{actor::Actor, channel::Direction, ids::ReasonCode, time::Timestamp};

/// How many times of waiting are remembered. What waited through more of them has its time counted.
const CLOSED_MAX: usize = 64;

/// How an account is. One of which nothing is known is up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    outgoing: Side,
    incoming: Side,
    held: Option<Held>,
    throttled_until: Option<Timestamp>,
    /// Since when nothing is sent.
    closed_since: Option<Timestamp>,
    /// When nothing was sent, the last times.
    closed: VecDeque<(Timestamp, Timestamp)>,
}

/// How one direction is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Side {
    /// How well it works.
    pub level: Level,
    /// What is wrong, if something is.
    pub trouble: Option<Trouble>,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Why.
    pub cause: Cause,
    /// On what that was decided.
    pub evidence: Evidence,
    /// Since when it is not up.
    pub since: Timestamp,
    /// How often it went down since.
    pub round: u32,
    /// When one reply may be tried, if it is down.
    pub retry_at: Timestamp,
}

/// That a person stopped the sending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Since when.
    pub since: Timestamp,
    /// Who.
    pub by: Actor,
    /// Why.
    pub reason: ReasonCode,
}

/// Whether something may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// It may.
    Open,
    /// Not before this instant: the platform wants to be called less often.
    Throttled(Timestamp),
    /// From this instant on one may be tried: decide that first.
    Shut(Timestamp),
    /// One may be tried.
    Trial,
    /// A person stopped it.
    Held,
}

impl State {
    /// One direction.
    pub const fn side(&self, direction: Direction) -> &Side {
        match direction {
            Direction::Out => &self.outgoing,
            Direction::In => &self.incoming,
        }
    }

    /// How the account is: as its worse direction.
    pub fn level(&self) -> Level {
        self.outgoing.level.max(self.incoming.level)
    }

    /// That a person stopped the sending.
    pub const fn held(&self) -> Option<&Held> {
        self.held.as_ref()
    }

    /// Until when the platform wants nothing, if that is not over at `now`.
    pub fn throttled_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.throttled_until.filter(|until| *until > now)
    }

    /// Whether something may be sent at `now`.
    pub fn door(&self, now: Timestamp) -> Door {
        if self.held.is_some() {
            return Door::Held;
        }
        match (self.outgoing.level, &self.outgoing.trouble) {
            (Level::Down, Some(trouble)) => Door::Shut(trouble.retry_at),
            (Level::Recovering, _) => Door::Trial,
            (Level::Up | Level::Degraded | Level::Down, _) => {
                self.throttled_until(now).map_or(Door::Open, Door::Throttled)
            }
        }
    }

    /// Whether nothing was sent at `at`, but for what was tried.
    pub fn was_closed(&self, at: Timestamp) -> bool {
        self.closed_since.is_some_and(|since| since <= at)
            || self.closed.iter().any(|(from, to)| (*from..*to).contains(&at))
    }

    /// For how many seconds of this time nothing was sent.
    pub fn closed_within(&self, from: Timestamp, to: Timestamp) -> i64 {
        let now = self.closed_since.map(|since| (since, to));
        let overlap =
            |(since, until): (Timestamp, Timestamp)| until.min(to).seconds_since(since.max(from)).max(0);
        self.closed.iter().copied().chain(now).map(overlap).fold(0, i64::saturating_add)
    }

    /// When sending was last let go on, if it goes on.
    pub fn opened_at(&self) -> Option<Timestamp> {
        self.closed.back().map(|(_, to)| *to).filter(|_| self.closed_since.is_none())
    }

    fn side_mut(&mut self, direction: Direction) -> &mut Side {
        match direction {
            Direction::Out => &mut self.outgoing,
            Direction::In => &mut self.incoming,
        }
    }

    /// The state after an event.
    pub(super) fn after(mut self, event: &Event) -> Self {
        match event {
            Event::Degraded { at, direction, cause, evidence } => {
                let trouble = Trouble {
                    cause: *cause,
                    evidence: evidence.clone(),
                    since: *at,
                    round: 0,
                    retry_at: *at,
                };
                *self.side_mut(*direction) = Side { level: Level::Degraded, trouble: Some(trouble) };
            }
            Event::WentDown { at, direction, cause, evidence, round, retry_at } => {
                let side = self.side_mut(*direction);
                let since = side.trouble.as_ref().map_or(*at, |trouble| trouble.since);
                let trouble = Trouble {
                    cause: *cause,
                    evidence: evidence.clone(),
                    since,
                    round: *round,
                    retry_at: *retry_at,
                };
                *side = Side { level: Level::Down, trouble: Some(trouble) };
            }
            Event::Recovering { direction, .. } => self.side_mut(*direction).level = Level::Recovering,
            Event::CameUp { direction, .. } => *self.side_mut(*direction) = Side::default(),
            Event::Throttled { until, .. } => self.throttled_until = Some(*until),
            Event::Held { at, by, reason } => {
                let since = self.held.as_ref().map_or(*at, |held| held.since);
                self.held = Some(Held { since, by: by.clone(), reason: reason.clone() });
            }
            Event::Released { .. } => self.held = None,
        }
        self.note(event.at())
    }

    /// Remembers when nothing is sent.
    fn note(mut self, at: Timestamp) -> Self {
        let is_closed = self.held.is_some() || self.outgoing.level >= Level::Recovering;
        match (is_closed, self.closed_since) {
            (true, None) => self.closed_since = Some(at),
            (false, Some(since)) => {
                self.closed.push_back((since, at));
                if self.closed.len() > CLOSED_MAX {
                    self.closed.pop_front();
                }
                self.closed_since = None;
            }
            (true, Some(_)) | (false, None) => {}
        }
        self
    }
}

impl Event {
    /// When.
    pub const fn at(&self) -> Timestamp {
        match self {
            Self::Degraded { at, .. }
            | Self::WentDown { at, .. }
            | Self::Recovering { at, .. }
            | Self::CameUp { at, .. }
            | Self::Throttled { at, .. }
            | Self::Held { at, .. }
            | Self::Released { at, .. } => *at,
        }
    }
}
