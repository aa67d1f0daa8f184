//! The rules of a customer.

use std::collections::{BTreeMap, BTreeSet};

use super::{Action, Command, Consent, Event, Identity, Purpose};
use crate::{
    decider::Decider,
    ids::{AccountId, ChannelKind, ConsentId, IdentityId},
    time::Timestamp,
};

/// The most identities of one customer.
pub const IDENTITIES_MAX: usize = 100;
/// The most consents of one customer, those that were taken back included.
pub const CONSENTS_MAX: usize = 1_000;

/// What is known of a customer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// The identities.
    pub identities: BTreeMap<IdentityId, Profile>,
    /// The consents that were given.
    pub consents: BTreeMap<ConsentId, Consent>,
    /// Those among them that were taken back.
    pub revoked: BTreeSet<ConsentId>,
    /// What the customer wants no more of, and where. Stays after an erasure, or he would be contacted again.
    pub opted_out: BTreeSet<(IdentityId, Purpose)>,
    /// When the keys were destroyed.
    pub erased_at: Option<Timestamp>,
}

/// What is kept of an identity: nothing personal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Our account on which we met.
    pub account: AccountId,
    /// The kind of that account's channel.
    pub channel: ChannelKind,
    /// The consent under which it was linked; none for the first.
    pub linked_under: Option<ConsentId>,
    /// Whether a name, a handle or an address became known: of somebody who has only been spoken of, none is.
    pub described: bool,
}

/// Why a customer refuses. The texts say what and what to do about it, and nobody's data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no such customer.
    #[error("there is no such customer: add its first identity")]
    Unknown,
    /// It has an identity already.
    #[error("the customer has an identity already: link others with a consent")]
    ConsentNeeded,
    /// There is no such identity here.
    #[error("the identity is not one of this customer: add or link it first")]
    UnknownIdentity,
    /// There is no such consent here.
    #[error("there is no such consent: record it first")]
    UnknownConsent,
    /// There is another consent of this id.
    #[error("there is another consent of this id: take a new id")]
    ConsentDiffers,
    /// The consent was taken back.
    #[error("the consent was taken back: ask for a new one")]
    ConsentRevoked,
    /// The consent is for something else.
    #[error("the consent is for another purpose: ask for one to link profiles")]
    ConsentForAnotherPurpose,
    /// The customer wants no contact whatsoever.
    #[error("the customer opted out of everything here: he must take back that first")]
    OptedOutOfAll,
    /// The customer was erased.
    #[error("the customer was erased: begin a new customer")]
    Erased,
    /// There is too much of something.
    #[error("{what}: at most {max}")]
    LimitExceeded {
        /// Of what.
        what: &'static str,
        /// How much there may be.
        max: usize,
    },
}

impl State {
    /// Whether messages for this purpose must not be sent to this identity.
    pub fn is_opted_out(&self, identity: &IdentityId, purpose: Purpose) -> bool {
        [purpose, Purpose::Any].iter().any(|purpose| self.opted_out.contains(&(identity.clone(), *purpose)))
    }

    /// A consent that holds.
    pub fn consent(&self, id: ConsentId) -> Option<&Consent> {
        self.consents.get(&id).filter(|consent| !self.revoked.contains(&consent.id))
    }
}

impl Error {
    /// The stable code of the refusal, for callers.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unknown => "CUSTOMER_UNKNOWN",
            Self::ConsentNeeded => "CONSENT_NEEDED",
            Self::UnknownIdentity => "IDENTITY_UNKNOWN",
            Self::UnknownConsent => "CONSENT_UNKNOWN",
            Self::ConsentDiffers => "CONSENT_DIFFERS",
            Self::ConsentRevoked => "CONSENT_REVOKED",
            Self::ConsentForAnotherPurpose => "CONSENT_PURPOSE_DIFFERS",
            Self::OptedOutOfAll => "OPTED_OUT_OF_ALL",
            Self::Erased => "CUSTOMER_ERASED",
            Self::LimitExceeded { .. } => "LIMIT_EXCEEDED",
        }
    }
}

impl Decider for State {
    const CATEGORY: &'static str = "customer";
    type Command = Command;
    type Event = Event;
    type Error = Error;

    fn decide(&self, Command { at, action, .. }: Command) -> Result<Vec<Event>, Error> {
        match (self.erased_at, action) {
            (None, Action::AddIdentity(identity)) => self.add(at, identity),
            (None, Action::LinkIdentity { identity, consent }) => self.link(at, identity, consent),
            (None, Action::DescribeIdentity(identity)) => {
                self.known(&identity.id)?;
                Ok(vec![Event::IdentityDescribed { at, identity }])
            }
            (None, Action::GiveConsent(consent)) => self.give(at, consent),
            (None, Action::RevokeConsent { consent }) => self.revoke(at, consent),
            // A refusal must be heard after an erasure too; a permission must not outlive one.
            (None | Some(_), Action::OptOut { identity, purpose }) => {
                self.known(&identity)?;
                let already = self.opted_out.contains(&(identity.clone(), purpose));
                Ok(if already { Vec::new() } else { vec![Event::OptedOut { at, identity, purpose }] })
            }
            (None, Action::OptIn { identity, purpose }) => self.opt_in(at, &identity, purpose),
            (None, Action::Erase) if self.identities.is_empty() => Err(Error::Unknown),
            (None, Action::Erase) => {
                Ok(vec![Event::Erased { at, identities: self.identities.keys().cloned().collect() }])
            }
            (Some(_), Action::Erase) => Ok(Vec::new()),
            (
                Some(_),
                Action::AddIdentity(_)
                | Action::LinkIdentity { .. }
                | Action::DescribeIdentity(_)
                | Action::GiveConsent(_)
                | Action::RevokeConsent { .. }
                | Action::OptIn { .. },
            ) => Err(Error::Erased),
        }
    }

    fn evolve(mut self, event: &Event) -> Self {
        match event {
            Event::IdentityAdded { identity, .. } => self.take(identity, None),
            Event::IdentityLinked { identity, consent, .. } => self.take(identity, Some(*consent)),
            Event::IdentityDescribed { identity, .. } => {
                if let Some(profile) = self.identities.get_mut(&identity.id) {
                    profile.described |= identity.is_described();
                }
            }
            Event::IdentityUnlinked { identity, .. } => {
                self.identities.remove(identity);
            }
            Event::ConsentGiven { consent, .. } => {
                self.consents.insert(consent.id, consent.clone());
            }
            Event::ConsentRevoked { consent, .. } => {
                self.revoked.insert(*consent);
            }
            Event::OptedOut { identity, purpose, .. } => {
                self.opted_out.insert((identity.clone(), *purpose));
            }
            Event::OptedIn { identity, purpose, .. } => self
                .opted_out
                .retain(|(who, what)| who != identity || (*what != *purpose && *purpose != Purpose::Any)),
            Event::Erased { at, .. } => self.erased_at = Some(*at),
        }
        self
    }
}

impl State {
    fn add(&self, at: Timestamp, identity: Box<Identity>) -> Result<Vec<Event>, Error> {
        match (self.identities.contains_key(&identity.id), self.identities.is_empty()) {
            (true, _) => Ok(Vec::new()),
            (false, true) => Ok(vec![Event::IdentityAdded { at, identity }]),
            (false, false) => Err(Error::ConsentNeeded),
        }
    }

    fn link(&self, at: Timestamp, identity: Box<Identity>, id: ConsentId) -> Result<Vec<Event>, Error> {
        if self.identities.contains_key(&identity.id) {
            return Ok(Vec::new());
        }
        let consent = self.consents.get(&id).ok_or(Error::UnknownConsent)?;
        if self.revoked.contains(&id) {
            return Err(Error::ConsentRevoked);
        }
        if consent.purpose != Purpose::LinkProfiles {
            return Err(Error::ConsentForAnotherPurpose);
        }
        if self.identities.len() >= IDENTITIES_MAX {
            return Err(Error::LimitExceeded { what: "identities of a customer", max: IDENTITIES_MAX });
        }
        Ok(vec![Event::IdentityLinked { at, identity, consent: id }])
    }

    fn give(&self, at: Timestamp, consent: Consent) -> Result<Vec<Event>, Error> {
        match self.consents.get(&consent.id) {
            Some(known) if *known == consent => return Ok(Vec::new()),
            Some(_) => return Err(Error::ConsentDiffers),
            None => self.known(&consent.identity)?,
        }
        if self.consents.len() >= CONSENTS_MAX {
            return Err(Error::LimitExceeded { what: "consents of a customer", max: CONSENTS_MAX });
        }
        Ok(vec![Event::ConsentGiven { at, consent }])
    }

    fn revoke(&self, at: Timestamp, id: ConsentId) -> Result<Vec<Event>, Error> {
        if !self.consents.contains_key(&id) {
            return Err(Error::UnknownConsent);
        }
        if self.revoked.contains(&id) {
            return Ok(Vec::new());
        }
        let under = self.identities.iter().filter(|(_, profile)| profile.linked_under == Some(id));
        let unlinked = under.map(|(identity, _)| Event::IdentityUnlinked {
            at,
            identity: identity.clone(),
            consent: id,
        });
        Ok([Event::ConsentRevoked { at, consent: id }].into_iter().chain(unlinked).collect())
    }

    fn opt_in(&self, at: Timestamp, identity: &IdentityId, purpose: Purpose) -> Result<Vec<Event>, Error> {
        self.known(identity)?;
        let refuses = |purpose| self.opted_out.contains(&(identity.clone(), purpose));
        let event = Event::OptedIn { at, identity: identity.clone(), purpose };
        match purpose {
            Purpose::Any => {
                let refuses_something = self.opted_out.iter().any(|(who, _)| who == identity);
                Ok(if refuses_something { vec![event] } else { Vec::new() })
            }
            Purpose::Service | Purpose::Marketing | Purpose::Survey | Purpose::LinkProfiles => {
                match (refuses(Purpose::Any), refuses(purpose)) {
                    (true, _) => Err(Error::OptedOutOfAll),
                    (false, true) => Ok(vec![event]),
                    (false, false) => Ok(Vec::new()),
                }
            }
        }
    }

    fn known(&self, identity: &IdentityId) -> Result<(), Error> {
        if self.identities.contains_key(identity) { Ok(()) } else { Err(Error::UnknownIdentity) }
    }

    fn take(&mut self, identity: &Identity, linked_under: Option<ConsentId>) {
        let profile = Profile {
            account: identity.account.clone(),
            channel: identity.channel.clone(),
            linked_under,
            described: identity.is_described(),
        };
        self.identities.insert(identity.id.clone(), profile);
    }
}
