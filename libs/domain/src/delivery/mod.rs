//! A reply on its way to the customer: what was meant before each attempt, and what came of it.
//!
//! One stream for each reply, `delivery-<reply id>`. The intent is durable before an attempt and its result after it. A
//! crash between the two leaves an attempt without a result: its outcome is *unclear*, and stays so until somebody knows
//! better. What is unclear is sent again only if that cannot reach the customer twice, or if a policy or a person says so.

mod actions;
mod decide;
mod error;
mod event;
mod evolve;
mod next;
mod results;
mod state;
mod status;
#[cfg(test)]
mod tests;
mod values;
mod why;

pub use actions::{Action, Command};
pub use error::Error;
pub use event::Event;
pub use next::{Next, Rules, backoff};
pub use state::{Attempt, Cleared, Delivery, Outcome, PartState, Progress, Stage, State, Unclear};
pub use status::Status;
pub use values::{
    Answer, Basis, Because, External, Failure, GivenUp, Part, Receipt, Rejection, Request, Return, Unclarity,
};

/// The most parts of one reply.
pub const PARTS_MAX: usize = 50;
/// The most attempts at one reply, those after replays included: more would be a fault that repeats itself.
pub const ATTEMPTS_MAX: usize = 1_000;
/// How often one attempt may be asked about in vain.
pub const ASKS_MAX: u32 = 100;
/// How often one reply may come back from the dead letters.
pub const REPLAYS_MAX: u32 = 100;
