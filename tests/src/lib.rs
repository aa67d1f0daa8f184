//! What the end-to-end tests are made of.
//!
//! Tests run on real servers. `tests/run` provides them; without them a test fails and says so.

pub mod servers;
