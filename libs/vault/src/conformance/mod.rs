//! One suite for every backend: a function per promise of [`KeyStore`](crate::KeyStore) and
//! [`BlobStore`](crate::BlobStore).
//!
//! Each function uses names of its own, so that all can run on one store, at once and again.

pub mod blobs;
pub mod keys;

use crate::Error;

/// Whether a promise was kept.
pub type Outcome = Result<(), Broken>;

/// A promise that a backend did not keep.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// What was found instead of what is promised.
    #[error("broken promise: {0}")]
    Promise(&'static str),
    /// The backend failed.
    #[error(transparent)]
    Failed(#[from] Error),
}

fn ensure(kept: bool, promise: &'static str) -> Outcome {
    if kept { Ok(()) } else { Err(Broken::Promise(promise)) }
}
