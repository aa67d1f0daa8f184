//! What happened between two cases, as it is stored.

use serde::{Deserialize, Serialize};

use super::LinkKind;
use crate::{ids::CaseId, stored::Fields, time::Timestamp};

/// What happened between two cases. `at` is when it occurred.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub enum Event {
    /// One goes on in the other.
    #[serde(rename = "links.merged")]
    Merged {
        /// When.
        at: Timestamp,
        /// The case that ends.
        source: CaseId,
        /// The case in which it goes on; not merged itself.
        target: CaseId,
    },
    /// It goes its own way again.
    #[serde(rename = "links.unmerged")]
    Unmerged {
        /// When.
        at: Timestamp,
        /// The case that had ended.
        source: CaseId,
        /// The case in which it had gone on.
        target: CaseId,
    },
    /// They relate.
    #[serde(rename = "links.linked")]
    Linked {
        /// When.
        at: Timestamp,
        /// How.
        kind: LinkKind,
        /// The one.
        from: CaseId,
        /// The other.
        to: CaseId,
    },
    /// They do not.
    #[serde(rename = "links.unlinked")]
    Unlinked {
        /// When.
        at: Timestamp,
        /// How.
        kind: LinkKind,
        /// The one.
        from: CaseId,
        /// The other.
        to: CaseId,
    },
}

crate::stored_format!(
    Event,
    version = version,
    upcast = upcast,
    ["links.merged", "links.unmerged", "links.linked", "links.unlinked",]
);

/// Every event of the links still is in its first version.
const fn version(_kind: &str) -> u16 {
    1
}

/// There is nothing older than the first version.
fn upcast(_kind: &str, _from: u16, _fields: Fields) -> Option<Fields> {
    None
}
