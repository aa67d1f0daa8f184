//! What is done with cases: a request becomes actions, the domain decides on them.

pub mod actions;
pub mod fields;
pub mod no;
pub mod request;
pub mod special;
