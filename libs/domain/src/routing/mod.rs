//! Routing: to which queue a case goes, and to which agent.

pub mod choose;
pub mod plan;
pub mod rules;
