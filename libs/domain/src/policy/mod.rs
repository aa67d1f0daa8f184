//! Policy: what an organisation decides about itself, as documents that it keeps in files and applies.
//!
//! A document has a kind and an id: `team/billing`, `account/support-mail`. A kind is one file beside this one and one
//! line in [`kinds`]; it declares its fields once, and reading, checking, comparing and showing follow from that.
//! Documents of a kind that cascades stand at a [`Level`] instead of an id: what a region sets takes the place of what
//! its parent or the whole organisation set, a team of what its region set, unless the field is locked above.
//!
//! Files are checked as a whole, into a [`Set`]; only a whole set can be applied.

pub mod account;
pub mod agent;
pub mod assignment;
pub mod calendar;
pub mod case;
pub mod channel;
pub mod organisation;
pub mod queue;
pub mod routing_rule;
pub mod sla;

mod cascade;
mod check;
mod document;
mod event;
mod kinds;
mod problem;
mod schema;
mod set;
mod show;
mod state;
#[cfg(test)]
mod tests;

pub use cascade::{Effective, Setting};
pub use document::{Document, Draft, Key, Level};
pub use event::Event;
pub use kinds::names as kind_names;
pub use problem::Problem;
pub(crate) use problem::suggest;
pub use set::Set;
pub use show::{Change, Changed, PATH_BYTES_MAX, Shown, UnknownPath};
pub use state::{Error, State};

use crate::decider;

/// An action on the policy, with its time and actor.
pub type Command = decider::Command<Action>;

/// The most documents that a site may have.
pub const DOCUMENTS_MAX: usize = 20_000;
/// The longest document, in bytes of its JSON.
pub const DOCUMENT_LEN_MAX: usize = 64 * 1024;

/// What may be asked of the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Puts a whole set into force: what is new or changed is put, what is not in it any more is removed.
    Apply {
        /// All documents that shall be in force.
        set: Set,
    },
}
