//! What the end-to-end tests are made of: real servers, the whole platform as a value, and clients for it.
//!
//! Tests run on real servers. `tests/run` provides them; without them a test fails and says so.

pub mod browser;
pub mod desk;
pub mod faults;
pub mod http;
pub mod interposed;
pub mod listing;
pub mod mail_server;
pub mod mailbox;
pub mod platform;
pub mod program;
pub mod real_data;
pub mod servers;
pub mod world;
