//! What happened to a customer, as it is stored.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Consent, Identity, Purpose};
use crate::{
    ids::{ConsentId, IdentityId},
    stored::Fields,
    time::Timestamp,
};

/// What happened to a customer. `at` is when it occurred.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub enum Event {
    /// The first identity became known.
    #[serde(rename = "customer.identity_added")]
    IdentityAdded {
        /// When.
        at: Timestamp,
        /// The identity.
        identity: Box<Identity>,
    },
    /// A further identity was linked.
    #[serde(rename = "customer.identity_linked")]
    IdentityLinked {
        /// When.
        at: Timestamp,
        /// The identity.
        identity: Box<Identity>,
        /// The consent that allows it.
        consent: ConsentId,
    },
    /// Names, handles or addresses became known.
    #[serde(rename = "customer.identity_described")]
    IdentityDescribed {
        /// When.
        at: Timestamp,
        /// The identity, with what became known.
        identity: Box<Identity>,
    },
    /// An identity was unlinked.
    #[serde(rename = "customer.identity_unlinked")]
    IdentityUnlinked {
        /// When.
        at: Timestamp,
        /// The identity.
        identity: IdentityId,
        /// The consent that was taken back.
        consent: ConsentId,
    },
    /// The customer agreed.
    #[serde(rename = "customer.consent_given")]
    ConsentGiven {
        /// When.
        at: Timestamp,
        /// To what.
        consent: Consent,
    },
    /// The customer took a consent back.
    #[serde(rename = "customer.consent_revoked")]
    ConsentRevoked {
        /// When.
        at: Timestamp,
        /// The consent.
        consent: ConsentId,
    },
    /// The customer wants no more of this.
    #[serde(rename = "customer.opted_out")]
    OptedOut {
        /// When.
        at: Timestamp,
        /// Where it holds.
        identity: IdentityId,
        /// What he wants no more of.
        purpose: Purpose,
    },
    /// The customer wants it again.
    #[serde(rename = "customer.opted_in")]
    OptedIn {
        /// When.
        at: Timestamp,
        /// Where it holds.
        identity: IdentityId,
        /// What he wants again.
        purpose: Purpose,
    },
    /// The customer's keys are destroyed. Every reader forgets what it has in plain text.
    #[serde(rename = "customer.erased")]
    Erased {
        /// When.
        at: Timestamp,
        /// The identities whose keys are destroyed.
        identities: BTreeSet<IdentityId>,
    },
}

crate::stored_format!(
    Event,
    version = version,
    upcast = upcast,
    [
        "customer.identity_added",
        "customer.identity_linked",
        "customer.identity_described",
        "customer.identity_unlinked",
        "customer.consent_given",
        "customer.consent_revoked",
        "customer.opted_out",
        "customer.opted_in",
        "customer.erased",
    ]
);

/// Every event of a customer still is in its first version.
const fn version(_kind: &str) -> u16 {
    1
}

/// There is nothing older than the first version.
fn upcast(_kind: &str, _from: u16, _fields: Fields) -> Option<Fields> {
    None
}
