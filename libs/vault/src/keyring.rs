use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use moka::sync::Cache;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    Error, KeyStore, Record, StoredKey, Tombstone,
    cipher::{DataKey, Secret, random_id},
    together::Together,
};

/// Bounds of the cache of unwrapped keys.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most keys held in memory.
    pub keys_cached: u64,
    /// The longest that a key may be used after it was fetched, and so the longest that a process which never
    /// hears of an erasure can still open what was erased.
    pub key_ttl: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { keys_cached: 100_000, key_ttl: Duration::from_secs(300) }
    }
}

/// The data keys: wrapped in their store, unwrapped in a bounded cache.
pub(crate) struct Keyring {
    store: Arc<dyn KeyStore>,
    wrapping: Secret,
    cache: Cache<Uuid, Known>,
    /// The live keys of subjects, where nobody else can destroy them.
    live: Option<Cache<String, Arc<DataKey>>>,
    lookups: Together<BTreeSet<String>, Result<Arc<[StoredKey]>, String>>,
    /// Grows with every [`Keyring::forget`], so that a key fetched before it is not cached after it.
    forgotten: AtomicU64,
}

/// What is known of a key that is named in a value.
#[derive(Clone)]
pub(crate) enum Known {
    Live(Arc<DataKey>),
    Destroyed {
        subject: Arc<str>,
    },
    /// The store's copy does not unwrap.
    Damaged,
}

impl Known {
    pub(crate) fn subject(&self) -> Option<&str> {
        match self {
            Self::Live(key) => Some(&key.subject),
            Self::Destroyed { subject } => Some(subject),
            Self::Damaged => None,
        }
    }
}

impl Keyring {
    /// How often a key that another process destroys between its creation and our use is created again.
    const CREATE_ATTEMPTS_MAX: usize = 5;

    pub(crate) fn new(store: Arc<dyn KeyStore>, wrapping: Secret, limits: Limits) -> Self {
        let cache = Cache::builder().max_capacity(limits.keys_cached).time_to_live(limits.key_ttl).build();
        let live = store.is_ours_alone().then(|| Cache::new(limits.keys_cached));
        Self { store, wrapping, cache, live, lookups: Together::default(), forgotten: AtomicU64::new(0) }
    }

    /// The live key of one subject, created if absent.
    pub(crate) async fn live(&self, subject: &str) -> Result<Arc<DataKey>, Error> {
        let keys = self.live_of(BTreeSet::from([subject.to_owned()])).await?;
        keys.into_values().next().ok_or_else(|| Error::keys_away("it answered no key"))
    }

    /// What is known of one key; nothing if the store never heard of it.
    pub(crate) async fn known_one(&self, id: Uuid) -> Result<Option<Known>, Error> {
        Ok(self.known(BTreeSet::from([id])).await?.remove(&id))
    }

    /// The live keys of these subjects, created if absent.
    ///
    /// The store is asked every time, for all who ask at once, unless it is ours alone: a cached key may have been
    /// destroyed by another process, and what was sealed under it would be lost.
    pub(crate) async fn live_of(
        &self,
        mut absent: BTreeSet<String>,
    ) -> Result<HashMap<String, Arc<DataKey>>, Error> {
        let mut keys = HashMap::new();
        if let Some(live) = &self.live {
            let cached = absent.iter().filter_map(|subject| Some((subject.clone(), live.get(subject)?)));
            keys.extend(cached);
            absent.retain(|subject| !keys.contains_key(subject));
        }
        if absent.is_empty() {
            return Ok(keys);
        }
        let mark = self.forgotten.load(Ordering::SeqCst);
        let fetched = self.fetch(absent).await?;
        if let Some(live) = &self.live {
            for (subject, key) in &fetched {
                live.insert(subject.clone(), Arc::clone(key));
            }
            if self.forgotten.load(Ordering::SeqCst) != mark {
                fetched.keys().for_each(|subject| live.invalidate(subject));
            }
        }
        keys.extend(fetched);
        Ok(keys)
    }

    /// The live keys of these subjects from the store, created if absent.
    async fn fetch(&self, mut absent: BTreeSet<String>) -> Result<HashMap<String, Arc<DataKey>>, Error> {
        let mut keys = HashMap::new();
        let mut found = self.look_up(&absent).await?;
        for _ in 0..Self::CREATE_ATTEMPTS_MAX {
            for stored in found {
                absent.remove(&stored.subject);
                let key = self.unwrap(stored)?;
                keys.insert(key.subject.to_string(), key);
            }
            if absent.is_empty() {
                return Ok(keys);
            }
            let candidates = absent.iter().map(|subject| self.new_key(subject)).collect::<Result<_, _>>()?;
            found = self.store.create(candidates).await?;
        }
        Err(Error::keys_away("new keys are destroyed as fast as they are made"))
    }

    async fn look_up(&self, subjects: &BTreeSet<String>) -> Result<Vec<StoredKey>, Error> {
        let live = |asked: Vec<BTreeSet<String>>| async move {
            let asked: BTreeSet<String> = asked.into_iter().flatten().collect();
            let found = self.store.live(&Vec::from_iter(asked)).await;
            found.map(Arc::from).map_err(Error::reason)
        };
        let found = self.lookups.ask(subjects.clone(), live).await.map_err(Error::keys_away)?;
        Ok(found.iter().filter(|key| subjects.contains(&key.subject)).cloned().collect())
    }

    pub(crate) async fn known(&self, ids: BTreeSet<Uuid>) -> Result<HashMap<Uuid, Known>, Error> {
        let mut keys = HashMap::with_capacity(ids.len());
        let mut missing = Vec::new();
        for id in ids {
            match self.cache.get(&id) {
                Some(known) => drop(keys.insert(id, known)),
                None => missing.push(id),
            }
        }
        if missing.is_empty() {
            return Ok(keys);
        }
        let mark = self.forgotten.load(Ordering::SeqCst);
        for record in self.store.get(&missing).await? {
            let id = record.id();
            let known = match record {
                Record::Live(stored) => self.unwrap(stored).map_or(Known::Damaged, Known::Live),
                Record::Destroyed(tombstone) => Known::Destroyed { subject: tombstone.subject.into() },
            };
            if !matches!(known, Known::Damaged) {
                self.cache.insert(id, known.clone());
            }
            keys.insert(id, known);
        }
        if self.forgotten.load(Ordering::SeqCst) != mark {
            missing.iter().for_each(|id| self.cache.invalidate(id));
        }
        Ok(keys)
    }

    /// Destroys the keys of these subjects, in the store and here.
    pub(crate) async fn destroy(&self, subjects: &[String]) -> Result<Vec<Tombstone>, Error> {
        let tombstones = self.store.destroy(subjects).await?;
        self.forget(subjects);
        Ok(tombstones)
    }

    /// Drops the keys of these subjects from the cache.
    pub(crate) fn forget(&self, subjects: &[String]) {
        // First the mark, then the sweep: whoever fetched before it and caches after the sweep sees the mark.
        self.forgotten.fetch_add(1, Ordering::SeqCst);
        if let Some(live) = &self.live {
            subjects.iter().for_each(|subject| live.invalidate(subject));
        }
        for (id, known) in &self.cache {
            if known.subject().is_some_and(|subject| subjects.iter().any(|s| s == subject)) {
                self.cache.invalidate(&*id);
            }
        }
        self.cache.run_pending_tasks();
    }

    fn new_key(&self, subject: &str) -> Result<StoredKey, Error> {
        let id = random_id()?;
        let wrapped = self.wrapping.encrypt_joined(Secret::random()?.expose(), &wrap_aad(id, subject))?;
        Ok(StoredKey { id, subject: subject.to_owned(), wrapped })
    }

    fn unwrap(&self, stored: StoredKey) -> Result<Arc<DataKey>, Error> {
        let StoredKey { id, subject, wrapped } = stored;
        let secret = self.wrapping.decrypt_joined(&wrapped, &wrap_aad(id, &subject));
        let secret = secret.map(Zeroizing::new).and_then(|bytes| Secret::from_slice(&bytes));
        let secret = secret.ok_or_else(|| {
            Error::Unusable(format!("key {id} is damaged in the key store; restore its backup"))
        })?;
        Ok(Arc::new(DataKey { id, subject: subject.into(), secret }))
    }
}

fn wrap_aad(id: Uuid, subject: &str) -> Vec<u8> {
    format!("{id}|{subject}").into_bytes()
}
