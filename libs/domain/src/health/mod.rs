//! How a channel account is: whether replies leave it and messages come in.
//!
//! Each account is a stream, `channel-<account>`. It holds what was decided, not every call: [`Watch`] counts what calls come
//! to, [`silence`] compares with past weeks, and both say what to decide. Sending and receiving are judged apart, as one may
//! work without the other; a person may hold the sending whatever else is.
//!
//! While sending is down one reply is tried now and then, and everything else waits. What is absent: what waits spends
//! nothing of its attempts and of its time ([`State::closed_within`]).

mod decide;
mod event;
pub mod silence;
mod state;
#[cfg(test)]
mod tests;
mod values;
mod watch;

pub use decide::{Action, Command};
pub use event::Event;
pub use state::{Door, Held, Side, State, Trouble};
pub use values::{Cause, Evidence, Level, Rules, Sense};
pub use watch::{Sign, Watch};
