//! What the streams of a customer's identities tell, put together.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    customer::{self, Event, Identity, Purpose},
    decider::fold,
    ids::{ConsentId, CustomerId, IdentityId},
    personal::Personal,
    time::Timestamp,
};
use eventlog::{Position, StreamId};
use proto::cases::v1 as pb;

use super::wire;

/// What one stream tells.
pub struct Told {
    /// Which stream.
    pub stream: StreamId,
    /// What the domain makes of it.
    pub state: customer::State,
    /// Its last entry that counts.
    pub version: Position,
    /// How they are called, as far as it is known.
    pub described: BTreeMap<IdentityId, Identity>,
    revoked: BTreeMap<ConsentId, Timestamp>,
    opted_out: BTreeMap<(IdentityId, Purpose), Timestamp>,
    erased: BTreeMap<IdentityId, Timestamp>,
}

impl Told {
    /// Nothing yet.
    pub fn of(stream: StreamId) -> Self {
        Self {
            stream,
            state: customer::State::default(),
            version: Position::NONE,
            described: BTreeMap::new(),
            revoked: BTreeMap::new(),
            opted_out: BTreeMap::new(),
            erased: BTreeMap::new(),
        }
    }

    /// What an entry says, in plain text as far as that can be had.
    pub fn tell(&mut self, position: Position, events: &[Event]) {
        self.version = position;
        self.state = fold(std::mem::take(&mut self.state), events);
        for event in events {
            match event {
                Event::IdentityAdded { identity, .. } | Event::IdentityDescribed { identity, .. } => {
                    self.described.insert(identity.id.clone(), (**identity).clone());
                }
                Event::IdentityLinked { identity, .. } => {
                    self.described.entry(identity.id.clone()).or_insert_with(|| (**identity).clone());
                }
                Event::ConsentRevoked { at, consent } => {
                    self.revoked.insert(*consent, *at);
                }
                Event::OptedOut { at, identity, purpose } => {
                    self.opted_out.insert((identity.clone(), *purpose), *at);
                }
                Event::Erased { at, identities } => {
                    self.erased.extend(identities.iter().map(|identity| (identity.clone(), *at)));
                }
                Event::IdentityUnlinked { .. } | Event::ConsentGiven { .. } | Event::OptedIn { .. } => {}
            }
        }
    }
}

/// What is known of a customer: the streams of his identities, and under which consents they are linked.
#[derive(Default)]
pub struct Known {
    /// The streams that have been read.
    pub streams: Vec<Told>,
    /// The identities beside the one that was asked for.
    pub linked: BTreeMap<IdentityId, Option<ConsentId>>,
}

impl Known {
    /// The identities that a stream links with `identity`. Who holds the link is linked by the consent to it.
    pub fn links(&mut self, identity: &IdentityId, told: &Told) {
        let own = told.state.identities.get(identity).and_then(|profile| profile.linked_under);
        for (other, profile) in &told.state.identities {
            if other != identity {
                self.linked.entry(other.clone()).or_insert(profile.linked_under.or(own));
            }
        }
    }

    /// The last entry that counts.
    pub fn position(&self) -> Position {
        self.streams.iter().map(|told| told.version).max().unwrap_or_default()
    }

    /// What is shown of it to who sees these identities. The cases are the caller's to add.
    pub fn view(&self, identity: &IdentityId, seen: &BTreeSet<IdentityId>) -> pb::Customer {
        let linked = self.linked.iter().map(|(identity, consent)| (identity, *consent));
        let identities = [(identity, None)].into_iter().chain(linked).map(|(identity, consent)| {
            let shown = if seen.contains(identity) { self.identity(identity) } else { hidden() };
            let linked_under = consent.map(|consent| consent.to_string()).unwrap_or_default();
            pb::customer::Identity { linked_under, ..shown }
        });
        pb::Customer {
            identities: identities.collect(),
            consents: self.consents(seen),
            opted_out: self.opted_out(seen),
            cases: Vec::new(),
        }
    }

    fn identity(&self, identity: &IdentityId) -> pb::customer::Identity {
        // Its own stream says more than one that links it.
        let own = CustomerId::first_met(identity).to_string();
        let described = self.streams.iter().filter_map(|told| Some((told, told.described.get(identity)?)));
        let described = described.max_by_key(|(told, _)| told.stream.id() == own).map(|(_, known)| known);
        let personal = |value: fn(&Identity) -> &Option<Personal>| {
            described.and_then(|known| value(known).as_ref()).map(ToString::to_string).unwrap_or_default()
        };
        let erased_at = self.streams.iter().find_map(|told| told.erased.get(identity));
        pb::customer::Identity {
            identity: identity.to_string(),
            account: identity.account().to_owned(),
            channel: described.map(|known| known.channel.to_string()).unwrap_or_default(),
            name: personal(|known| &known.name),
            handle: personal(|known| &known.handle),
            address: personal(|known| &known.address),
            erased_at: erased_at.copied().map(wire::time),
            ..pb::customer::Identity::default()
        }
    }

    fn consents(&self, seen: &BTreeSet<IdentityId>) -> Vec<pb::customer::Consent> {
        let all =
            self.streams.iter().flat_map(|told| told.state.consents.values().map(move |one| (told, one)));
        let mut shown: Vec<_> = all.filter(|(_, consent)| seen.contains(&consent.identity)).collect();
        shown.sort_by_key(|(_, consent)| (consent.given_at, consent.id));
        let consent = |(told, consent): (&Told, &customer::Consent)| pb::customer::Consent {
            consent_id: consent.id.to_string(),
            identity: consent.identity.to_string(),
            purpose: wire::purpose(consent.purpose).into(),
            text_version: consent.text_version,
            given_at: Some(wire::time(consent.given_at)),
            revoked_at: told.revoked.get(&consent.id).copied().map(wire::time),
        };
        shown.into_iter().map(consent).collect()
    }

    fn opted_out(&self, seen: &BTreeSet<IdentityId>) -> Vec<pb::customer::OptedOut> {
        let all =
            self.streams.iter().flat_map(|told| told.state.opted_out.iter().map(move |one| (told, one)));
        let shown = all.filter(|(_, (identity, _))| seen.contains(identity));
        let opted_out = |(told, one): (&Told, &(IdentityId, Purpose))| pb::customer::OptedOut {
            identity: one.0.to_string(),
            purpose: wire::purpose(one.1).into(),
            since: told.opted_out.get(one).copied().map(wire::time),
        };
        shown.map(opted_out).collect()
    }
}

/// What is said of an identity to who does not see it.
fn hidden() -> pb::customer::Identity {
    pb::customer::Identity { hidden: true, ..pb::customer::Identity::default() }
}
