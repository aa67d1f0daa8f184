//! The edge over real HTTP, in front of a real gRPC server.

#![expect(clippy::unwrap_used, reason = "helpers of tests end the test, as tests do")]

mod calls;
mod hostile;
mod http_rules;
mod streams;
mod support;
