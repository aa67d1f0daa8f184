//! Replies out.
