//! What every service is made of: commands to entries, entries to read models and reactions, and the way in and out.

pub mod auth;
pub mod backoff;
pub mod clock;
pub mod conformance;
pub mod digest;
pub mod envelope;
pub mod erasures;
pub mod error;
pub mod grpc;
pub mod health;
pub mod http;
pub mod lease;
pub mod lifecycle;
mod malformed;
mod metered;
pub mod models;
pub mod operations;
pub mod peers;
pub mod policies;
pub mod projection;
pub mod reaction;
pub mod request;
pub mod rush;
pub mod shell;
pub mod store;
pub mod telemetry;
pub mod token;
pub mod transact;

pub use error::{Error, Refusal};

/// A position that only grows.
pub fn further(known: &tokio::sync::watch::Sender<eventlog::Position>, position: eventlog::Position) {
    known.send_if_modified(|known| {
        let newer = position > *known;
        *known = position.max(*known);
        newer
    });
}
