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
mod event;
mod values;

pub use action::{Action, Command};
pub use event::Event;
pub use values::{
    Absorbed, ChecklistItem, ContactStage, CycleRule, Escalation, FieldValue, Guards, HoldKind, Inbound,
    Opening, Origin, Priority, ReopenCause, ReplyOutcome, ResumeCause, SilenceReason, Status, Waiver,
    WakeCause,
};
