//! What is decided about two cases at once: merges and links. One stream per site, which sees cycles and races; the
//! streams of the cases follow by derived commands.

mod event;
mod rules;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use event::Event;
pub use rules::{ABSORBED_MAX, BRINGS_MAX, Error, LINKS_MAX, State};

use crate::{decider, ids::CaseId};

/// An action on the links of a site, with its time and actor.
pub type Command = decider::Command<Action>;

/// What may be asked about two cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Lets one case go on in another.
    Merge {
        /// The case that ends.
        source: CaseId,
        /// The case that goes on; if that is merged itself, the one in which it goes on.
        target: CaseId,
        /// Whether the source was found closed.
        source_closed: bool,
        /// Whether the target, followed to its end, was found closed.
        target_closed: bool,
        /// Whether both were found to be of the same customer.
        same_customer: bool,
        /// Whether the caller wants it though the customers differ.
        confirmed: bool,
        /// How many tags, customers, conversations and places the source was found to bring.
        brings: usize,
    },
    /// Takes a merge back.
    Unmerge {
        /// The case that had ended.
        source: CaseId,
    },
    /// Says how one case relates to another.
    Link {
        /// How.
        kind: LinkKind,
        /// The one.
        from: CaseId,
        /// The other.
        to: CaseId,
    },
    /// Takes that back.
    Unlink {
        /// How.
        kind: LinkKind,
        /// The one.
        from: CaseId,
        /// The other.
        to: CaseId,
    },
}

/// How one case relates to another. Read "from … to".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkKind {
    /// Is a part of. A case has one parent at most, and is nobody's ancestor and descendant at once.
    ChildOf,
    /// Asks the same as.
    DuplicateOf,
    /// Would not be there without: an incident. Never in a circle.
    CausedBy,
}

impl LinkKind {
    /// As the stored format has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ChildOf => "child_of",
            Self::DuplicateOf => "duplicate_of",
            Self::CausedBy => "caused_by",
        }
    }
}
