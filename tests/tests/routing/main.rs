//! The way of a case to its agent, through the whole platform.

mod given;
mod hands;
mod json;
mod matchers;
mod organisation;
mod program;
mod waiting;
