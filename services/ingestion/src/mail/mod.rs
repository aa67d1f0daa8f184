//! E-mail as a function of its bytes: what a mail says, what kind it is, which thread it belongs to, and how it is shown.
//!
//! Everything here is pure and bounded. What is absent: nothing opens a socket, looks at a clock, or decides about a case.

pub mod headers;
pub mod html;
pub mod kind;
pub mod parse;
pub(crate) mod plain;
pub mod thread;
pub mod token;
pub mod trim;

pub use parse::{Mail, parse};
