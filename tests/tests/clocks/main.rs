//! What is promised of cases, and what becomes of it, through the whole platform.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

mod promised;
mod site;
