//! The platform as a value: every role of a site in one process, or some of them.
//!
//! The binary's command line is beside this in `cli`; tests begin here.

pub mod keys;
pub mod platform;
pub mod sample;
pub mod serve;
pub mod up;

/// Here, and not beside `main`: whatever runs the platform, a benchmark too, runs it with the memory that it has in service.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;
