//! What an agent is after what was decided.

use super::{
    event::Event,
    state::{Held, Offer, Reservation, State, Why},
    values::Presence,
};
use crate::{ids::CaseId, time::Timestamp};

impl State {
    pub(super) fn after(mut self, event: &Event) -> Self {
        match event {
            Event::PresenceSet { at, by: _, presence, reason, lease_until } => {
                self.become_present(*presence, reason.clone().map(Why::Said), *at);
                self.lease_until = *lease_until;
                if *presence == Presence::Online {
                    self.misses = 0;
                }
            }
            Event::LeaseRenewed { at: _, lease_until } => self.lease_until = Some(*lease_until),
            Event::LeaseExpired { at } => {
                self.become_present(Presence::Offline, Some(Why::LeaseOver), *at);
                self.lease_until = None;
            }
            Event::SentAway { at, misses: _ } => {
                self.become_present(Presence::Away, Some(Why::MissedOffers), *at);
            }
            Event::DrainingBegun { .. } => self.draining = true,
            Event::DrainingEnded { .. } => self.draining = false,
            Event::CapacityReserved { at: _, case, decision, channel, units, until, how, limits: _ } => {
                let (decision, units, until, how) = (*decision, *units, *until, *how);
                let reservation =
                    Reservation { decision, channel: channel.clone(), units, until, how, offer: None };
                self.reserved.insert(*case, reservation);
                self.idle_since = None;
            }
            Event::CaseOffered { at: _, case, decision: _, until } => {
                if let Some(reserved) = self.reserved.get_mut(case) {
                    reserved.offer = Some(Offer { until: *until, accepted: false });
                }
            }
            Event::OfferAccepted { at: _, case, decision: _ } => {
                if let Some(offer) = self.reserved.get_mut(case).and_then(|r| r.offer.as_mut()) {
                    offer.accepted = true;
                }
                self.misses = 0;
            }
            // What it does to the reservation is an event of its own.
            Event::OfferDeclined { .. } => self.misses = 0,
            Event::OfferTimedOut { misses, .. } => self.misses = *misses,
            Event::CaseClaimed { at, case, decision: _ } => {
                if let Some(Reservation { channel, units, .. }) = self.reserved.remove(case) {
                    self.held.insert(*case, Held { channel, units, consumes: true, since: *at });
                }
                self.last_assigned = self.last_assigned.max(Some(*at));
            }
            Event::CapacityReleased { at, case, .. } => {
                self.reserved.remove(case);
                self.note_idle(*at);
            }
            Event::CaseHeld { at, case, channel, units, consumes } => {
                self.reserved.remove(case);
                self.hold(
                    *at,
                    *case,
                    Held { channel: channel.clone(), units: *units, consumes: *consumes, since: *at },
                );
            }
            Event::LoadChanged { at, case, consumes } => {
                if let Some(held) = self.held.get_mut(case) {
                    held.consumes = *consumes;
                }
                self.note_idle(*at);
            }
            Event::CaseDropped { at, case, left: _ } => {
                self.held.remove(case);
                self.note_idle(*at);
            }
        }
        self
    }

    fn become_present(&mut self, presence: Presence, why: Option<Why>, at: Timestamp) {
        // Who comes from a break has not waited for work meanwhile.
        if presence == Presence::Online && self.presence != Presence::Online && self.is_idle() {
            self.idle_since = Some(at);
        }
        if presence != self.presence || self.since.is_none() {
            self.since = Some(at);
        }
        self.presence = presence;
        self.why = why;
    }

    fn hold(&mut self, at: Timestamp, case: CaseId, held: Held) {
        let known = self.held.get(&case).map(|known| known.since);
        if known.is_none() {
            self.last_assigned = self.last_assigned.max(Some(at));
        }
        self.held.insert(case, Held { since: known.unwrap_or(at), ..held });
        self.note_idle(at);
    }

    fn note_idle(&mut self, at: Timestamp) {
        self.idle_since = if self.is_idle() { self.idle_since.or(Some(at)) } else { None };
    }
}
