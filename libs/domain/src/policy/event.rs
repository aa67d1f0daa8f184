//! What happened to the policy, as it is stored.

use serde::{Deserialize, Serialize};

use crate::{stored::Fields, time::Timestamp};

/// What happened to the policy. `at` is when it occurred.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub enum Event {
    /// A document is in force as it stands here.
    #[serde(rename = "policy.document_put")]
    DocumentPut {
        /// When.
        at: Timestamp,
        /// Its kind.
        kind: String,
        /// Its id; the level, if its kind cascades.
        id: String,
        /// Its fields, as they were written.
        body: Fields,
    },
    /// A document is no longer in force.
    #[serde(rename = "policy.document_removed")]
    DocumentRemoved {
        /// When.
        at: Timestamp,
        /// Its kind.
        kind: String,
        /// Its id.
        id: String,
    },
}

crate::stored_format!(
    Event,
    version = version,
    upcast = upcast,
    ["policy.document_put", "policy.document_removed"]
);

/// Every event of the policy still is in its first version.
const fn version(_kind: &str) -> u16 {
    1
}

/// There is nothing older than the first version.
fn upcast(_kind: &str, _from: u16, _fields: Fields) -> Option<Fields> {
    None
}
