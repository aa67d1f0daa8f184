//! What stores, read models and the command path must do, for every backend: one function per promise.
//!
//! Each function uses names of its own, so that all can run on one database, and panics with what was broken.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

pub mod leases;
pub mod projections;
pub mod reactions;
pub mod rebuilds;
mod shelf;
pub mod tables;
pub mod world;

pub use shelf::{Full, Shelf, ShelfCommand, ShelfEvent};

use std::{env, pin::pin, sync::Arc, task::Poll};

use domain::{
    actor::{Actor, Kind},
    ids::{ActorId, AuthMethod},
};
use uuid::Uuid;
use vault::{MemoryKeys, SiteKey, Vault};

use crate::transact::Meta;

/// The seed of this run, printed: `DOSSIER_TEST_SEED`, or a new one.
pub fn seed() -> u64 {
    let given = env::var("DOSSIER_TEST_SEED").ok();
    let seed = given.map_or_else(|| Uuid::new_v4().as_u64_pair().0, |text| text.parse().unwrap());
    eprintln!("DOSSIER_TEST_SEED={seed}");
    seed
}

/// A vault in memory.
pub async fn vault() -> Arc<Vault> {
    let key = SiteKey::generate().unwrap();
    Arc::new(Vault::unlock(&key, Arc::new(MemoryKeys::default())).await.unwrap())
}

/// A command of nobody in particular, with this id.
pub fn meta(command_id: Uuid) -> Meta {
    let actor = Actor::new(Kind::Human, ActorId::new("ana").unwrap(), AuthMethod::new("token").unwrap());
    Meta::new(command_id, "digest", actor)
}

/// Gives a call up after so many polls, as a process does that dies, or a server whose caller is gone.
pub async fn cut<T>(polls: u64, call: impl Future<Output = T>) -> Option<T> {
    let mut call = pin!(call);
    let mut left = polls;
    std::future::poll_fn(move |context| {
        let Some(less) = left.checked_sub(1) else { return Poll::Ready(None) };
        left = less;
        call.as_mut().poll(context).map(Some)
    })
    .await
}
