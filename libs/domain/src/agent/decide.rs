//! What a command means for an agent.

use super::{
    CASES_MAX, Command,
    actions::Action,
    error::Error,
    event::Event,
    presence::ahead,
    state::{Held, Reservation, State},
    values::{Ended, How, Limits, Presence},
};
use crate::{
    decider::Decider,
    ids::{CaseId, ChannelKind},
    policy::assignment::UNITS_MAX,
    time::Timestamp,
};

impl Decider for State {
    const CATEGORY: &'static str = "agent";
    type Command = Command;
    type Event = Event;
    type Error = Error;

    fn decide(&self, Command { at, by, action }: Command) -> Result<Vec<Event>, Error> {
        match action {
            Action::SetPresence { presence, reason, lease_until } => {
                self.set_presence(at, by, presence, reason, lease_until)
            }
            Action::Renew { lease_until } => self.renew(at, lease_until),
            Action::ExpireLease => Ok(self.expire_lease(at)),
            Action::Drain => Ok(one(!self.draining, Event::DrainingBegun { at, by })),
            Action::Undrain => Ok(one(self.draining, Event::DrainingEnded { at, by })),
            Action::Reserve { case, decision, channel, units, until, how, limits } => {
                if self.held.contains_key(&case) {
                    return Ok(Vec::new());
                }
                match self.reserved.get(&case) {
                    Some(known) if known.decision == decision => return Ok(Vec::new()),
                    Some(_) => return Err(Error::AnotherDecision),
                    None => {}
                }
                let until = ahead("until", at, until)?;
                fit(units)?;
                self.has_room()?;
                self.may_take(at, &channel, units, how, limits)?;
                Ok(vec![Event::CapacityReserved { at, case, decision, channel, units, until, how, limits }])
            }
            Action::Offer { case, decision, until } => self.offer(at, case, decision, until),
            Action::Accept { case, decision } => self.accept(at, case, decision),
            Action::Decline { case, decision, reason } => match self.open(case, decision) {
                None => Ok(Vec::new()),
                Some(Reservation { offer: None, .. }) => Err(Error::NotOffered),
                Some(Reservation { offer: Some(offer), .. }) if offer.accepted => Err(Error::Accepted),
                Some(Reservation { offer: Some(_), .. }) => Ok(vec![
                    Event::OfferDeclined { at, case, decision, reason },
                    Event::CapacityReleased { at, case, decision, ended: Ended::Declined },
                ]),
            },
            Action::TimeOut { case, decision, misses_max } => self.time_out(at, case, decision, misses_max),
            Action::Claim { case, decision } => self.claim(at, case, decision),
            Action::Release { case, decision, ended } => match self.open(case, decision) {
                Some(reserved) if ended == Ended::Expired && at < reserved.until => {
                    Err(Error::TooEarly { until: reserved.until })
                }
                Some(_) => Ok(vec![Event::CapacityReleased { at, case, decision, ended }]),
                None => Ok(Vec::new()),
            },
            Action::Hold { case, channel, units, consumes } => {
                fit(units)?;
                let is_so = |h: &Held| h.channel == channel && h.units == units && h.consumes == consumes;
                match self.held.get(&case) {
                    Some(held) if is_so(held) => return Ok(Vec::new()),
                    Some(_) => {}
                    None => self.has_room()?,
                }
                Ok(vec![Event::CaseHeld { at, case, channel, units, consumes }])
            }
            Action::SetConsuming { case, consumes } => {
                let held = self.held.get(&case).ok_or(Error::NotHeld)?;
                Ok(one(held.consumes != consumes, Event::LoadChanged { at, case, consumes }))
            }
            Action::Drop { case, left } => {
                Ok(one(self.held.contains_key(&case), Event::CaseDropped { at, case, left }))
            }
        }
    }

    fn evolve(self, event: &Event) -> Self {
        self.after(event)
    }
}

impl State {
    fn may_take(
        &self,
        at: Timestamp,
        channel: &ChannelKind,
        units: u32,
        how: How,
        limits: Limits,
    ) -> Result<(), Error> {
        let presence = self.presence_at(at);
        match (how, presence) {
            (How::Manual, _) => return Ok(()),
            (How::Push, Presence::Online) if !limits.push => return Err(Error::NoPush),
            (How::Push, Presence::Online) => {}
            // Who asks for a case is there, whatever else is said.
            (How::Pull, Presence::Online | Presence::Away | Presence::Busy | Presence::Break) => {}
            (How::Push, _) | (How::Pull, Presence::Offline) => return Err(Error::NotOnline(presence)),
        }
        if self.draining {
            return Err(Error::Draining);
        }
        let used = self.used();
        if used.saturating_add(units) > limits.units {
            return Err(Error::AtCapacity { used, units, max: limits.units });
        }
        match limits.at_most {
            Some(max) if self.used_on(channel) >= max => Err(Error::AtChannelLimit { max }),
            Some(_) | None => Ok(()),
        }
    }

    fn offer(
        &self,
        at: Timestamp,
        case: CaseId,
        decision: u32,
        until: Timestamp,
    ) -> Result<Vec<Event>, Error> {
        let Some(reserved) = self.reservation(case, decision)? else { return Ok(Vec::new()) };
        if reserved.offer.is_some() {
            return Ok(Vec::new());
        }
        let until = ahead("until", at, until)?;
        if until > reserved.until {
            return Err(Error::UnfitInstant { field: "until", max_s: reserved.until.seconds_since(at) });
        }
        let presence = self.presence_at(at);
        if presence == Presence::Offline {
            return Err(Error::NotOnline(presence));
        }
        Ok(vec![Event::CaseOffered { at, case, decision, until }])
    }

    fn accept(&self, at: Timestamp, case: CaseId, decision: u32) -> Result<Vec<Event>, Error> {
        let Some(reserved) = self.reservation(case, decision)? else { return Ok(Vec::new()) };
        match reserved.offer {
            None => Err(Error::NotOffered),
            Some(offer) if offer.accepted => Ok(Vec::new()),
            Some(offer) if offer.until <= at => Err(Error::OfferOver { since: offer.until }),
            Some(_) => Ok(vec![Event::OfferAccepted { at, case, decision }]),
        }
    }

    fn time_out(
        &self,
        at: Timestamp,
        case: CaseId,
        decision: u32,
        misses_max: u32,
    ) -> Result<Vec<Event>, Error> {
        let Some(reserved) = self.open(case, decision) else { return Ok(Vec::new()) };
        let offer = match reserved.offer {
            None => return Err(Error::NotOffered),
            Some(offer) if offer.accepted => return Ok(Vec::new()),
            Some(offer) if at < offer.until => return Err(Error::TooEarly { until: offer.until }),
            Some(offer) => offer,
        };
        let (at, misses) = (offer.until, self.misses.saturating_add(1));
        let mut events = vec![
            Event::OfferTimedOut { at, case, decision, misses },
            Event::CapacityReleased { at, case, decision, ended: Ended::TimedOut },
        ];
        if misses >= misses_max && self.presence == Presence::Online {
            events.push(Event::SentAway { at, misses });
        }
        Ok(events)
    }

    fn claim(&self, at: Timestamp, case: CaseId, decision: u32) -> Result<Vec<Event>, Error> {
        let Some(reserved) = self.reservation(case, decision)? else { return Ok(Vec::new()) };
        if reserved.offer.is_some_and(|offer| !offer.accepted) {
            return Err(Error::NotAccepted);
        }
        Ok(vec![Event::CaseClaimed { at, case, decision }])
    }

    /// The reservation; nothing if the agent has the case already.
    fn reservation(&self, case: CaseId, decision: u32) -> Result<Option<&Reservation>, Error> {
        match self.reserved.get(&case) {
            Some(reserved) if reserved.decision == decision => Ok(Some(reserved)),
            Some(_) => Err(Error::AnotherDecision),
            None if self.held.contains_key(&case) => Ok(None),
            None => Err(Error::NotReserved),
        }
    }

    /// The reservation of this decision, if it still stands: what has ended cannot end again.
    fn open(&self, case: CaseId, decision: u32) -> Option<&Reservation> {
        self.reserved.get(&case).filter(|reserved| reserved.decision == decision)
    }

    fn has_room(&self) -> Result<(), Error> {
        let fits = self.held.len() + self.reserved.len() < CASES_MAX;
        if fits { Ok(()) } else { Err(Error::LimitExceeded { max: CASES_MAX }) }
    }
}

fn one(is_news: bool, event: Event) -> Vec<Event> {
    is_news.then_some(event).into_iter().collect()
}

fn fit(units: u32) -> Result<(), Error> {
    if (1..=UNITS_MAX).contains(&units) { Ok(()) } else { Err(Error::UnfitUnits { max: UNITS_MAX }) }
}
