//! How an agent is.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::values::{How, Presence};
use crate::{
    ids::{CaseId, ChannelKind, ReasonCode},
    time::Timestamp,
};

/// How an agent is. Who was never heard of is offline and has nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    pub(super) presence: Presence,
    pub(super) why: Option<Why>,
    pub(super) since: Option<Timestamp>,
    pub(super) lease_until: Option<Timestamp>,
    pub(super) draining: bool,
    pub(super) reserved: BTreeMap<CaseId, Reservation>,
    pub(super) held: BTreeMap<CaseId, Held>,
    pub(super) misses: u32,
    pub(super) last_assigned: Option<Timestamp>,
    pub(super) idle_since: Option<Timestamp>,
}

/// Why the presence is as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Why {
    /// It was said so.
    Said(ReasonCode),
    /// The agent said nothing any more.
    LeaseOver,
    /// The agent did not answer offers.
    MissedOffers,
}

/// Capacity that is reserved for a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// By which of the case's decisions.
    pub decision: u32,
    /// The kind of the case's channel.
    pub channel: ChannelKind,
    /// How much.
    pub units: u32,
    /// Until when the case must be claimed.
    pub until: Timestamp,
    /// Who wants it.
    pub how: How,
    /// What the agent was asked.
    pub offer: Option<Offer>,
}

/// What an agent was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// Until when he may answer.
    pub until: Timestamp,
    /// Whether he took it.
    pub accepted: bool,
}

/// A case that the agent has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The kind of its channel.
    pub channel: ChannelKind,
    /// What it takes.
    pub units: u32,
    /// Whether its status takes it.
    pub consumes: bool,
    /// Since when the agent has it.
    pub since: Timestamp,
}

impl State {
    /// Whether the agent is there at `now`: a lease that is over ends that, whether or not it was noticed.
    pub fn presence_at(&self, now: Timestamp) -> Presence {
        if self.is_lapsed(now) { Presence::Offline } else { self.presence }
    }

    /// Why the presence is as it was last decided.
    pub const fn why(&self) -> Option<&Why> {
        self.why.as_ref()
    }

    /// Since when the presence is as it was last decided.
    pub const fn since(&self) -> Option<Timestamp> {
        self.since
    }

    /// When the lease ends, if one runs.
    pub const fn lease_until(&self) -> Option<Timestamp> {
        self.lease_until
    }

    /// Whether the agent takes nothing new.
    pub const fn is_draining(&self) -> bool {
        self.draining
    }

    /// What is reserved, by case.
    pub const fn reserved(&self) -> &BTreeMap<CaseId, Reservation> {
        &self.reserved
    }

    /// What the agent has, by case.
    pub const fn held(&self) -> &BTreeMap<CaseId, Held> {
        &self.held
    }

    /// How many offers in a row were not answered.
    pub const fn misses(&self) -> u32 {
        self.misses
    }

    /// When the agent last was given a case.
    pub const fn last_assigned(&self) -> Option<Timestamp> {
        self.last_assigned
    }

    /// Since when nothing takes units of the agent. `None`: something does, or the agent never was there.
    pub const fn idle_since(&self) -> Option<Timestamp> {
        self.idle_since
    }

    /// How many units are taken. What is reserved is taken until it is released, even if its time is over.
    pub fn used(&self) -> u32 {
        let held = self.held.values().filter(|held| held.consumes).map(|held| held.units);
        held.chain(self.reserved.values().map(|reserved| reserved.units)).fold(0, u32::saturating_add)
    }

    /// How many cases of a channel take units.
    pub fn used_on(&self, channel: &ChannelKind) -> u32 {
        let held = self.held.values().filter(|held| held.consumes && held.channel == *channel).count();
        let reserved = self.reserved.values().filter(|reserved| reserved.channel == *channel).count();
        u32::try_from(held + reserved).unwrap_or(u32::MAX)
    }

    /// When a timer should look again: at the end of the lease, of an offer, of a reservation.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let open = |reserved: &Reservation| reserved.offer.filter(|offer| !offer.accepted);
        let ends = self.reserved.values().map(|r| open(r).map_or(r.until, |offer| offer.until.min(r.until)));
        ends.chain(self.lease_until).min()
    }

    pub(super) fn is_lapsed(&self, now: Timestamp) -> bool {
        self.lease_until.is_some_and(|until| until <= now)
    }

    /// Whether nothing takes units.
    pub(super) fn is_idle(&self) -> bool {
        self.reserved.is_empty() && self.held.values().all(|held| !held.consumes)
    }
}
