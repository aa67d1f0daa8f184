//! A log that fails now and then, stores, and a read model of shelves.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use domain::decider::fold;
use eventlog::{Category, Entry, EventLog, Faults, Position, SimLog, StreamId};
use futures_util::TryStreamExt;
use uuid::Uuid;
use vault::{Blobs, MemoryBlobs, Vault};

use super::{Full, Shelf, ShelfCommand, ShelfEvent, meta, vault};
use crate::{
    auth::Authenticator,
    clock::{Clock, ManualClock, SystemClock},
    envelope::{Envelope, Unreadable},
    projection::{Error, Projection, ReadModel},
    rush::Rush,
    shell::{Shell, Stores},
    store::{self, Schema, Sql, Store, Tx},
    transact::Transactor,
};

/// Longer than any test waits.
pub const LONG: Duration = Duration::from_secs(3600);
/// Longer than anything takes that a test waits for.
pub const WAIT_MAX: Duration = Duration::from_secs(60);
/// What an old version cannot read: this amount.
pub const UNLUCKY: u64 = 13;

/// The surroundings of one test.
pub struct World {
    /// Where stores are.
    pub stores: Stores,
    /// The log.
    pub log: Arc<dyn EventLog>,
    vault: Arc<Vault>,
    transactor: Transactor<Shelf>,
    commands: AtomicU64,
}

impl World {
    /// With these stores, and a log that fails as `seed` says.
    pub async fn new(stores: Stores, seed: u64) -> Self {
        let log: Arc<dyn EventLog> = Arc::new(SimLog::new(seed, Faults::STORM));
        let vault = vault().await;
        let transactor = Transactor::new("site", Arc::clone(&log), Arc::clone(&vault), Arc::new(SystemClock));
        Self { stores, log, vault, transactor, commands: AtomicU64::default() }
    }

    /// Counts `amount` on a shelf; answers where.
    pub async fn count(&self, shelf: u64, amount: u64) -> Position {
        let id = Uuid::from_u64_pair(7, self.commands.fetch_add(1, Ordering::Relaxed));
        let count = |_: &_, _| Ok::<_, Full>(vec![ShelfCommand::Count(amount)]);
        loop {
            if let Ok(outcome) = self.transactor.execute(&shelf_stream(shelf), &meta(id), count).await {
                return outcome.position;
            }
        }
    }

    /// Counts something on a few shelves, `entries` times; answers the last position.
    pub async fn count_some(&self, entries: u64) -> Position {
        let mut last = Position::NONE;
        for n in 0..entries {
            last = self.count(n % 5, n % 11).await;
        }
        last
    }

    /// What a service is given here.
    pub fn shell(&self, replica: &str, clock: &ManualClock) -> Shell {
        let clock: Arc<dyn Clock> = Arc::new(clock.clone());
        Shell {
            site: "site".parse().unwrap(),
            number_prefix: "S".into(),
            epoch: 1,
            log: Arc::clone(&self.log),
            vault: Arc::clone(&self.vault),
            blobs: Arc::new(Blobs::new(Arc::clone(&self.vault), Arc::new(MemoryBlobs::default()))),
            clock,
            stores: self.stores.clone(),
            auth: Arc::new(Authenticator::new([]).unwrap()),
            replica: replica.into(),
            rush: Rush::default(),
        }
    }

    /// A replica of the read model called `name`.
    pub async fn model(&self, name: &'static str, shelves: Shelves) -> Arc<ReadModel<Shelves>> {
        self.model_behind(name, shelves, &Rush::default()).await
    }

    /// The same, which stands back for a rush.
    pub async fn model_behind(
        &self,
        name: &'static str,
        shelves: Shelves,
        rush: &Rush,
    ) -> Arc<ReadModel<Shelves>> {
        let shelves = Shelves { name, ..shelves };
        let store = self.stores.open(name, shelves.schema()).await.unwrap();
        Arc::new(ReadModel::open(store, Arc::new(shelves)).await.unwrap().behind(rush))
    }

    /// What a read model holds that has applied every entry once and in order, up to `position`.
    pub async fn expected(&self, position: Position) -> Vec<(String, u64, u64, String)> {
        let mut rows = Vec::new();
        for shelf in 0..6 {
            let stream = shelf_stream(shelf);
            let entries: Vec<Entry> = self.log.read(&stream).try_collect().await.unwrap();
            let entries: Vec<_> = entries.iter().filter(|entry| entry.position <= position).collect();
            if entries.is_empty() {
                continue;
            }
            let state = entries.iter().fold(Shelf::default(), |state, entry| {
                fold(state, &Envelope::<ShelfEvent>::of(entry).unwrap().events)
            });
            let trail = entries.iter().map(|entry| format!("{} ", entry.position)).collect();
            rows.push((stream.to_string(), entries.len() as u64, state.sum, trail));
        }
        rows
    }
}

/// What is in the read model.
pub async fn rows(store: &Store) -> Vec<(String, u64, u64, String)> {
    let rows = store.query(ROWS, &[]).await.unwrap();
    rows.iter().map(|row| (row.string(0), row.count(1), row.count(2), row.string(3))).collect()
}

/// The stream of a shelf.
pub fn shelf_stream(n: u64) -> StreamId {
    format!("shelf-{n}").parse().unwrap()
}

const ROWS: Sql = Sql::same("select stream, entries, sum, trail from shelf order by stream");

/// How many entries each shelf has, what was counted, and in which order.
#[derive(Clone, Default)]
pub struct Shelves {
    /// Under which it is kept.
    pub name: &'static str,
    /// A version that can read [`UNLUCKY`].
    pub newer: bool,
    /// Nothing can be applied while this is set.
    pub broken: Arc<AtomicBool>,
}

#[async_trait::async_trait]
impl Projection for Shelves {
    type Item = (StreamId, Vec<ShelfEvent>);

    fn name(&self) -> &'static str {
        self.name
    }

    fn schema(&self) -> Schema {
        static SQLITE: sqlx::migrate::Migrator = sqlx::migrate!("testdata/shelf/sqlite");
        static POSTGRES: sqlx::migrate::Migrator = sqlx::migrate!("testdata/shelf/postgres");
        Schema { sqlite: &SQLITE, postgres: &POSTGRES }
    }

    fn anew(&self) -> Self {
        self.clone()
    }

    fn categories(&self) -> Vec<Category> {
        vec![Category::new("shelf").unwrap()]
    }

    fn tables(&self) -> &'static [(&'static str, Sql)] {
        &[("shelf", ROWS)]
    }

    fn read(&self, entry: &Entry) -> Result<Self::Item, Unreadable> {
        let events = Envelope::<ShelfEvent>::of(entry)?.events;
        let unlucky = events.iter().any(|event| matches!(event, ShelfEvent::Counted { amount: UNLUCKY }));
        if unlucky && !self.newer {
            let reason = "of a later version".to_owned();
            return Err(Unreadable { position: entry.position.0, stream: entry.stream.to_string(), reason });
        }
        Ok((entry.stream.clone(), events))
    }

    async fn apply(&self, tx: &mut Tx, items: Vec<(Position, Self::Item)>) -> Result<(), Error> {
        // One statement for each: slow, so that replicas meet in the middle.
        for (position, (stream, events)) in items {
            if self.broken.load(Ordering::Relaxed) {
                return Err(store::Error::Broken("for a test".to_owned()).into());
            }
            let sum = fold(Shelf::default(), &events).sum;
            let sql = "insert into shelf (stream, entries, sum, trail) values ($1, 1, $2, $3) \
                       on conflict (stream) do update set entries = shelf.entries + 1, \
                       sum = shelf.sum + excluded.sum, trail = shelf.trail || excluded.trail";
            let binds = [stream.as_str().into(), sum.into(), format!("{position} ").into()];
            tx.execute(sql, &binds).await?;
        }
        Ok(())
    }
}
