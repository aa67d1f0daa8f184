//! A case (*dossier*): one question of one customer, whatever the channels, from the first message to the closing post.
//!
//! ```text
//! new ──▶ open ⇄ pending            (waits for the customer)
//!           ⇅ ╲⇅
//!           │  on_hold              (waits for a third party, for us, for a lawyer)
//!           ▼
//!        resolved ──▶ closed        resolved goes back to open inside the reopen window; closed never does
//!
//! any but closed ──▶ spam, and back · any ──▶ merged, and back · snooze lies over new, open, pending, on_hold
//! ```

mod action;
mod decide;
mod error;
mod event;
mod evolve;
mod gate;
mod guards;
mod places;
mod speaks;
mod state;
mod status;
mod steps;
#[cfg(test)]
mod tests;
mod values;
mod waiting;
mod whose;

pub use action::{Action, Command};
pub use error::Error;
pub use event::Event;
pub use places::Posted;
pub use state::{Case, Cycle, Hold, Received, Reply, ReplyStatus, State};
pub use status::{ContactStage, HoldKind, ReopenCause, ResumeCause, SilenceReason, Status, WakeCause};
pub use values::{
    Absorbed, ChecklistItem, CycleRule, Escalation, Extras, FieldValue, Guards, Inbound, Opening, Origin,
    Priority, ReplyOutcome, Waiver,
};

use crate::{decider::Decider, ids::RegionId};

/// The most tags of one case.
pub const TAGS_MAX: usize = 100;
/// The most custom fields of one case.
pub const FIELDS_MAX: usize = 200;
/// The most customer's messages in one case; more go to a follow-up case.
pub const MESSAGES_MAX: usize = 20_000;
/// The most messages of ours in one case that were sent elsewhere; more go to a follow-up case.
pub const OUTBOUND_MAX: usize = 20_000;
/// The most replies in one case.
pub const REPLIES_MAX: usize = 10_000;
/// The most notes in one case.
pub const NOTES_MAX: usize = 10_000;
/// The most events of one case, and with them of the commands whose ids it remembers: each has one event at least. Beyond
/// it the case takes only what ends it, and what must be taken always: what became of replies, merges, timers.
pub const EVENTS_MAX: usize = 100_000;
/// How many of them are kept for bringing the case to its end: what joins it, and notes, are refused that much earlier.
pub const EVENTS_RESERVED: usize = 1_000;
/// The most people who are told of one note.
pub const MENTIONS_MAX: usize = 50;
/// The most items of closure checklists that are ticked in one case, under all the policies that it was worked under.
pub const TICKS_MAX: usize = 1_000;
/// The longest title, in bytes.
pub const TITLE_LEN_MAX: usize = 1_000;
/// The longest reply, in bytes.
pub const REPLY_LEN_MAX: usize = 64 * 1024;
/// The longest note, in bytes.
pub const NOTE_LEN_MAX: usize = 32 * 1024;
/// The longest reason in words, in bytes.
pub const REASON_LEN_MAX: usize = 4 * 1024;

impl Decider for State {
    const CATEGORY: &'static str = "case";
    type Command = Command;
    type Event = Event;
    type Error = Error;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Error> {
        decide::decide(self, command)
    }

    fn evolve(self, event: &Event) -> Self {
        evolve::evolve(self, event)
    }

    fn region(&self) -> Option<&RegionId> {
        self.case().map(|case| &case.region)
    }
}
