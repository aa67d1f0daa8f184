//! Every parser of what strangers write, against what nobody ought to write: none panics, none hangs, none takes more memory than
//! a multiple of what it is given, and no HTML comes out of one that does anything.
//!
//! A connector or a speaker is in it as soon as it is registered; it then needs samples in `testdata/channels/<name>`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

mod bent;
mod bombs;
#[path = "../../src/feeds/tests/danger.rs"]
mod danger;
mod html;
mod memory;
mod parsers;
mod pieces;
mod samples;
mod watch;

/// Counts what is allocated, so that a bound on memory can be a test.
#[global_allocator]
static ALLOCATOR: peak_alloc::PeakAlloc = peak_alloc::PeakAlloc;
