//! Deciding whether an agent is there.

use super::{
    AHEAD_MAX_S, RENEWAL_STEP_S,
    error::Error,
    event::Event,
    state::{State, Why},
    values::{Ended, Presence},
};
use crate::{actor::Actor, ids::ReasonCode, time::Timestamp};

impl State {
    pub(super) fn set_presence(
        &self,
        at: Timestamp,
        by: Actor,
        presence: Presence,
        reason: Option<ReasonCode>,
        lease_until: Timestamp,
    ) -> Result<Vec<Event>, Error> {
        let lease_until = match presence {
            Presence::Offline => None,
            Presence::Online | Presence::Away | Presence::Busy | Presence::Break => {
                Some(ahead("lease_until", at, lease_until)?)
            }
        };
        // That the agent was gone in between is not forgotten.
        let mut events = self.expire_lease(at);
        let was_gone = !events.is_empty();
        let is_same = !was_gone && presence == self.presence && reason.as_ref() == self.said();
        match lease_until {
            _ if !is_same => {
                events.push(Event::PresenceSet { at, by, presence, reason, lease_until });
            }
            Some(until) if self.is_worth_an_entry(until) => {
                events.push(Event::LeaseRenewed { at, lease_until: until });
            }
            Some(_) | None => {}
        }
        if presence == Presence::Offline && !was_gone && !events.is_empty() {
            events.extend(self.offers_end(at));
        }
        Ok(events)
    }

    pub(super) fn renew(&self, at: Timestamp, lease_until: Timestamp) -> Result<Vec<Event>, Error> {
        let lease_until = ahead("lease_until", at, lease_until)?;
        if self.presence_at(at) == Presence::Offline {
            return Err(Error::LeaseOver);
        }
        let event = Event::LeaseRenewed { at, lease_until };
        Ok(self.is_worth_an_entry(lease_until).then_some(event).into_iter().collect())
    }

    /// What the end of the lease brings about, at its own time; nothing before.
    pub(super) fn expire_lease(&self, now: Timestamp) -> Vec<Event> {
        let over = self.lease_until.filter(|until| *until <= now);
        let events = |at| [Event::LeaseExpired { at }].into_iter().chain(self.offers_end(at)).collect();
        over.map_or_else(Vec::new, events)
    }

    /// Who is gone does not answer. What was accepted, or needs no answer, may be being claimed: that stays.
    fn offers_end(&self, at: Timestamp) -> impl Iterator<Item = Event> {
        let open = self.reserved.iter().filter(|(_, r)| r.offer.is_some_and(|offer| !offer.accepted));
        open.map(move |(case, reserved)| Event::CapacityReleased {
            at,
            case: *case,
            decision: reserved.decision,
            ended: Ended::Offline,
        })
    }

    fn is_worth_an_entry(&self, until: Timestamp) -> bool {
        self.lease_until.is_none_or(|known| until >= known.plus_seconds(RENEWAL_STEP_S))
    }

    const fn said(&self) -> Option<&ReasonCode> {
        match &self.why {
            Some(Why::Said(reason)) => Some(reason),
            Some(Why::LeaseOver | Why::MissedOffers) | None => None,
        }
    }
}

/// An instant that is ahead, and not too far.
pub(super) fn ahead(field: &'static str, at: Timestamp, until: Timestamp) -> Result<Timestamp, Error> {
    let fits = until > at && until <= at.plus_seconds(AHEAD_MAX_S);
    if fits { Ok(until) } else { Err(Error::UnfitInstant { field, max_s: AHEAD_MAX_S }) }
}
