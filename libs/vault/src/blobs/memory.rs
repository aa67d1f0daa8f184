use std::{
    collections::BTreeMap,
    ops::Bound,
    sync::{Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use async_trait::async_trait;
use bytes::Bytes;

use super::{BlobRef, BlobStore, Listed, Owner};
use crate::Error;

/// Blobs in memory, gone with the process: for simulations and tests.
#[derive(Default)]
pub struct MemoryBlobs(Mutex<BTreeMap<BlobRef, (Bytes, SystemTime)>>);

#[async_trait]
impl BlobStore for MemoryBlobs {
    async fn put(&self, reference: &BlobRef, sealed: Bytes) -> Result<(), Error> {
        self.blobs().entry(reference.clone()).or_insert_with(|| (sealed, SystemTime::now()));
        Ok(())
    }

    async fn get(&self, reference: &BlobRef) -> Result<Option<Bytes>, Error> {
        Ok(self.blobs().get(reference).map(|(sealed, _)| sealed.clone()))
    }

    async fn delete(&self, reference: &BlobRef) -> Result<(), Error> {
        self.blobs().remove(reference);
        Ok(())
    }

    async fn delete_of(&self, owners: &[Owner]) -> Result<(), Error> {
        self.blobs().retain(|reference, _| !owners.contains(&reference.owner));
        Ok(())
    }

    async fn list(&self, after: Option<&BlobRef>, limit: usize) -> Result<Vec<Listed>, Error> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let blobs = self.blobs();
        let listed = blobs.range::<BlobRef, _>((from, Bound::Unbounded)).take(limit).map(
            |(reference, (_, stored_at))| Listed { reference: reference.clone(), stored_at: *stored_at },
        );
        Ok(listed.collect())
    }
}

impl MemoryBlobs {
    fn blobs(&self) -> MutexGuard<'_, BTreeMap<BlobRef, (Bytes, SystemTime)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
