//! The rules of Dossier, and nothing else.
//!
//! No clock, no random numbers, no I/O, no async: a decision is a function of the events so far and of a command, which
//! brings the time, the ids and everything that had to be looked up. `.clippy.toml` beside this crate holds that.
//!
//! Each aggregate is a module with the same words in it: `Action` (what may be asked), [`Command`](decider::Command)
//! (an action with its time and actor), `Event` (the stored format), `State`, `Error`.

pub mod actor;
pub mod agent;
pub mod calendar;
pub mod case;
pub mod channel;
pub mod condition;
pub mod contact;
pub mod conversation;
pub mod customer;
pub mod decider;
pub mod delivery;
#[cfg(test)]
mod goldens;
pub mod health;
pub mod ids;
pub mod links;
pub mod message;
pub mod outbound;
pub mod personal;
pub mod policy;
pub mod routing;
pub mod sla;
pub mod stored;
pub mod time;
