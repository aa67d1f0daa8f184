//! The choice of an agent.
