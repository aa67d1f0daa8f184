//! The way of a case to its agent, through the whole platform.

mod given;
mod json;
mod organisation;
mod program;
