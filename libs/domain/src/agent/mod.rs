//! An agent at work: whether somebody is there, what is held, and what may still be taken.
//!
//! One stream for each agent, `agent-<person>`. A case is given in three steps, and each is refused if another one was
//! faster: capacity is reserved here ([`Action::Reserve`]), the case is claimed by compare-and-set on its own stream, and
//! the claim is confirmed here ([`Action::Claim`]). Between the first two the agent may be asked ([`Action::Offer`]).
//!
//! Promises that callers MUST keep, so that nobody holds too much and nothing is lost:
//! - The claim on the case's stream is refused from the reservation's `until` on, and if the case moved since the decision.
//!   Whoever asks the agent claims only once the acceptance is here.
//! - A reservation that is over is released only after the case was looked at: if this decision claimed it, it is
//!   confirmed instead. Until then it takes capacity.
//! - What happens to a case of the agent is brought here ([`Action::Hold`], [`Action::SetConsuming`], [`Action::Drop`]),
//!   whoever did it. That may exceed the capacity: it is true all the same, and nothing new is pushed.
//!
//! What the agent may hold is policy, and comes with the command as it is in force. An agent is there as long as a lease
//! runs: who says nothing is gone at the instant at which it ends, whenever that is noticed.

mod actions;
mod behind;
mod decide;
mod error;
mod event;
mod evolve;
mod presence;
mod state;
#[cfg(test)]
mod tests;
mod values;

pub use actions::{Action, Command};
pub use behind::{Behind, Wait};
pub use error::Error;
pub use event::Event;
pub use state::{Held, Offer, Reservation, State, Why};
pub use values::{Ended, How, Left, Limits, Presence};

/// A lease is prolonged in the log only by as many seconds: a sign of life every few seconds is not worth an entry each.
pub const RENEWAL_STEP_S: i64 = 30;
/// The longest lease and the longest reservation, in seconds.
pub const AHEAD_MAX_S: i64 = 24 * 60 * 60;
/// The most cases that are held or reserved at once, by hand too.
pub const CASES_MAX: usize = 5_000;
