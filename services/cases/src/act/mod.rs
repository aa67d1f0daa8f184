//! What is done with cases: a request becomes actions, the domain decides on them.

pub mod actions;
pub mod bulk;
pub mod conversations;
pub mod custom_fields;
pub mod customers;
pub mod extras;
pub mod fields;
pub mod insist;
pub mod no;
pub mod open;
pub mod replies;
pub mod request;
pub mod split;
pub mod two;
