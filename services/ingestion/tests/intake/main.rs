//! The intake through its front door: what is submitted, how often and in whatever order, and what is in the log then.

#![expect(clippy::unwrap_used, reason = "a helper that cannot go on fails the test that called it")]

mod crash;
mod grpc;
mod hostile;
mod ledger;
mod order;
mod property;
mod redelivery;
mod stored;
mod threads;
mod world;
