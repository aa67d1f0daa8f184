//! What is read: the read model of cases, a single case out of the log, lists, histories, and changes as they happen.

pub mod attachment;
pub mod customer;
mod fates;
pub mod heard;
pub mod history;
pub mod item;
pub mod known;
pub mod links;
pub mod list;
pub mod numbers;
pub mod one;
pub mod pages;
pub mod people;
pub mod projection;
pub mod query;
pub mod rows;
pub mod search;
pub mod terms;
pub mod watch;
pub mod wire;
pub mod words;
