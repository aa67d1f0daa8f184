use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use uuid::Uuid;

use super::{KeyStore, Record, StoredKey, Tombstone, now_us};
use crate::Error;

/// Keys in memory, gone with the process: for simulations and tests, where nothing may touch a disk.
#[derive(Default)]
pub struct MemoryKeys(Mutex<State>);

#[derive(Default)]
struct State {
    check: Option<Vec<u8>>,
    live: HashMap<String, StoredKey>,
    records: HashMap<Uuid, Record>,
}

#[async_trait]
impl KeyStore for MemoryKeys {
    async fn is_new(&self) -> Result<bool, Error> {
        Ok(self.state().check.is_none())
    }

    async fn check(&self, candidate: Vec<u8>) -> Result<Vec<u8>, Error> {
        Ok(self.state().check.get_or_insert(candidate).clone())
    }

    async fn live(&self, subjects: &[String]) -> Result<Vec<StoredKey>, Error> {
        let state = self.state();
        Ok(subjects.iter().filter_map(|subject| state.live.get(subject)).cloned().collect())
    }

    async fn create(&self, candidates: Vec<StoredKey>) -> Result<Vec<StoredKey>, Error> {
        let mut state = self.state();
        let state = &mut *state;
        let keys = candidates.into_iter().map(|candidate| {
            let key = state.live.entry(candidate.subject.clone()).or_insert(candidate);
            state.records.insert(key.id, Record::Live(key.clone()));
            key.clone()
        });
        Ok(keys.collect())
    }

    async fn get(&self, ids: &[Uuid]) -> Result<Vec<Record>, Error> {
        let state = self.state();
        Ok(ids.iter().filter_map(|id| state.records.get(id)).cloned().collect())
    }

    async fn destroy(&self, subjects: &[String]) -> Result<Vec<Tombstone>, Error> {
        let mut state = self.state();
        for subject in subjects {
            if let Some(StoredKey { id, subject, .. }) = state.live.remove(subject) {
                let tombstone = Tombstone::from_row(id, subject, now_us());
                state.records.insert(id, Record::Destroyed(tombstone));
            }
        }
        let tombstones = state.records.values().filter_map(|record| match record {
            Record::Destroyed(tombstone) if subjects.contains(&tombstone.subject) => Some(tombstone.clone()),
            Record::Destroyed(_) | Record::Live(_) => None,
        });
        Ok(tombstones.collect())
    }
}

impl MemoryKeys {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
