//! What comes from strangers: garbage, half messages, wrong fields, illegal moves, nasty texts. Each is refused with its
//! reason or kept exactly as it came, and a refusal writes nothing.

mod beyond;
mod bytes;
mod customers;
mod fields;
mod files;
mod hooks;
mod json;
mod moves;
mod texts;
