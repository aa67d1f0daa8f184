//! A customer: the identities of one person, what he allowed and what he refused.
//!
//! Identities on different channels are linked only with the person's consent, and unlinked when it is taken back.

mod event;
mod rules;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use event::Event;
pub use rules::{CONSENTS_MAX, Error, IDENTITIES_MAX, Profile, State};

use crate::{
    decider,
    ids::{AccountId, ChannelKind, ConsentId, IdentityId},
    personal::Personal,
    time::Timestamp,
};

/// An action on a customer, with its time and actor.
pub type Command = decider::Command<Action>;

/// What may be asked of a customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// The first identity: where we met.
    AddIdentity(Box<Identity>),
    /// A further identity, with the consent that allows it.
    LinkIdentity {
        /// The identity.
        identity: Box<Identity>,
        /// A consent to [`Purpose::LinkProfiles`], given before.
        consent: ConsentId,
    },
    /// Names, handles or addresses became known. Sealed text cannot be compared: each time is an event.
    DescribeIdentity(Box<Identity>),
    /// The customer agreed.
    GiveConsent(Consent),
    /// The customer took a consent back. What was linked under it is unlinked.
    RevokeConsent {
        /// The consent.
        consent: ConsentId,
    },
    /// The customer wants no more of this. Remembered after an erasure too.
    OptOut {
        /// Where he said so, and where it holds.
        identity: IdentityId,
        /// What he wants no more of.
        purpose: Purpose,
    },
    /// The customer wants it again.
    OptIn {
        /// Where he said so.
        identity: IdentityId,
        /// What he wants again.
        purpose: Purpose,
    },
    /// The customer's keys are destroyed: what is sealed under them is gone.
    Erase,
}

/// A person on a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Its id.
    pub id: IdentityId,
    /// Our account on which we met.
    pub account: AccountId,
    /// The kind of that account's channel.
    pub channel: ChannelKind,
    /// How the person is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Personal>,
    /// How the channel calls the person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handle: Option<Personal>,
    /// Where the person is reached: an address, a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Personal>,
}

impl Identity {
    /// Whether it says how the person is called, or where he is reached.
    pub const fn is_described(&self) -> bool {
        self.name.is_some() || self.handle.is_some() || self.address.is_some()
    }
}

/// What a customer agreed to, as evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// Its id.
    pub id: ConsentId,
    /// The identity that gave it.
    pub identity: IdentityId,
    /// What for.
    pub purpose: Purpose,
    /// The version of the text that was agreed to.
    pub text_version: u32,
    /// When it was given.
    pub given_at: Timestamp,
}

/// What a customer agrees to, or refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Any contact whatsoever: to refuse it is to refuse all others.
    Any,
    /// Answers and news about his own questions and orders.
    Service,
    /// Offers.
    Marketing,
    /// Questions about his satisfaction.
    Survey,
    /// Joining what we know of him on several channels.
    LinkProfiles,
}
