//! Read models: each entry counts once, because its position is stored with its effect.

mod digest;
mod parked;

use std::{convert::Infallible, sync::Arc, time::Duration};

use eventlog::{Category, Entry, EventLog, Position};
use futures_util::{FutureExt, StreamExt};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    backoff,
    envelope::Unreadable,
    further,
    health::{Pulse, Standing},
    rush::Rush,
    store::{self, Schema, Sql, Store, Tx},
};

/// Entries that are applied in one transaction.
pub const BATCH_MAX: usize = 2_000;
/// How long entries are gathered at the end of a busy log, unless somebody waits for them: each batch is a transaction.
const GATHER: Duration = Duration::from_millis(100);
/// Entries of a batch from which on the log is busy.
const BUSY: usize = 8;

/// How a read model follows from the log.
#[async_trait::async_trait]
pub trait Projection: Send + Sync + Sized + 'static {
    /// What an entry is, once read.
    type Item: Send + Sync;

    /// The name with its version: `cases_v1`. Another version is another read model.
    fn name(&self) -> &'static str;
    /// The same for another store. What is remembered of one is not true of the other: two generations that are filled at
    /// the same time would take it from each other again and again.
    fn anew(&self) -> Self;
    /// The tables.
    fn schema(&self) -> Schema;
    /// What it follows.
    fn categories(&self) -> Vec<Category>;
    /// Every table with the columns that order its rows, for a digest of the whole.
    fn tables(&self) -> &'static [(&'static str, Sql)];
    /// Reads one entry. An entry that cannot be read parks its stream.
    fn read(&self, entry: &Entry) -> Result<Self::Item, Unreadable>;
    /// Applies items in order. Only what depends on the log and on what is stored may decide the result.
    async fn apply(&self, tx: &mut Tx, items: Vec<(Position, Self::Item)>) -> Result<(), Error>;
}

/// Why a batch was not applied.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store did not take it.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The log did not answer.
    #[error(transparent)]
    Log(#[from] eventlog::Error),
    /// The vault did not answer.
    #[error("the vault did not answer: {0}")]
    Vault(String),
    /// Another replica has applied it already.
    #[error("another replica is ahead")]
    Overtaken,
    /// Somebody rebuilds this read model already.
    #[error("a rebuild of it is going on")]
    Rebuilding,
}

/// One generation of a read model: its store and how far it has come.
pub struct ReadModel<P> {
    /// Where it is kept.
    pub store: Store,
    /// What fills it.
    pub projection: Arc<P>,
    applied: watch::Sender<Position>,
    /// Up to where somebody waits for it.
    wanted: watch::Sender<Position>,
    rush: Rush,
    alive: DropGuard,
    pulse: Pulse,
}

const CREATE: Sql = Sql {
    sqlite: "create table if not exists projection (name text primary key, position integer not null) strict",
    postgres: "create table if not exists projection (name text primary key, position bigint not null)",
};
impl<P: Projection> ReadModel<P> {
    /// Takes up a read model where it was left.
    pub async fn open(store: Store, projection: Arc<P>) -> Result<Self, store::Error> {
        let name = projection.name();
        let mut tx = store.begin_alone(name).await?;
        tx.execute(CREATE, &[]).await?;
        tx.execute(parked::CREATE, &[]).await?;
        let insert = "insert into projection (name, position) values ($1, 0) on conflict do nothing";
        tx.execute(insert, &[name.into()]).await?;
        tx.commit().await?;
        let applied = watch::Sender::new(Position::NONE);
        let model = Self {
            store,
            projection,
            applied,
            wanted: watch::Sender::default(),
            rush: Rush::default(),
            alive: CancellationToken::new().drop_guard(),
            pulse: Pulse::default(),
        };
        model.refresh().await?;
        Ok(model)
    }

    /// The same, which stands back while there is a rush, unless somebody waits for it.
    #[must_use]
    pub fn behind(self, rush: &Rush) -> Self {
        Self { rush: rush.clone(), ..self }
    }

    /// How far the read model has come, as far as this replica knows.
    pub fn position(&self) -> Position {
        *self.applied.borrow()
    }

    /// The same, for those who follow it without hurry: entries are gathered as if nobody waited. Ends with the read model.
    pub fn positions(&self) -> watch::Receiver<Position> {
        self.applied.subscribe()
    }

    /// Returns once everything up to `position` is applied, or `false` when `limit` is over.
    pub async fn wait_for(&self, position: Position, limit: Duration) -> bool {
        further(&self.wanted, position);
        let mut applied = self.applied.subscribe();
        let reached = applied.wait_for(|now| *now >= position);
        matches!(tokio::time::timeout(limit, reached).await, Ok(Ok(_)))
    }

    /// Reads the stored position: another replica may have moved it.
    pub async fn refresh(&self) -> Result<Position, store::Error> {
        let stored = self.stored().await?;
        self.reached(stored);
        Ok(stored)
    }

    async fn stored(&self) -> Result<Position, store::Error> {
        let sql = "select position from projection where name = $1";
        let rows = self.store.query(sql, &[self.projection.name().into()]).await?;
        Ok(Position(rows.first().map_or(0, |row| row.count(0))))
    }

    /// That it fails again and again, if it does.
    pub fn standing(&self) -> Option<Standing> {
        self.pulse.standing()
    }

    /// Cancelled when nobody uses this read model any more.
    pub(crate) fn gone(&self) -> CancellationToken {
        self.alive.token().clone()
    }

    fn reached(&self, position: Position) {
        further(&self.applied, position);
    }

    /// Returns when somebody waits for what comes after `from`.
    async fn is_wanted(&self, from: Position) {
        // The sender is ours: it is there as long as this waits.
        self.wanted.subscribe().wait_for(|wanted| *wanted > from).await.ok();
    }

    /// Follows the log until `stop`. Several replicas may run it: each batch counts once.
    pub async fn run(self: Arc<Self>, log: Arc<dyn EventLog>, stop: CancellationToken) {
        stop.run_until_cancelled(self.follow_for_ever(log.as_ref())).await;
    }

    async fn follow_for_ever(&self, log: &dyn EventLog) {
        let mut failures = 0;
        loop {
            let Err(error) = self.follow(log, &mut failures).await;
            failures += 1;
            self.pulse.failed(&error, failures);
            tracing::warn!(projection = self.projection.name(), %error, failures, "the read model stands still; trying again");
            backoff::wait(failures, Duration::from_millis(50), Duration::from_secs(5)).await;
        }
    }

    /// Ends with an error only.
    async fn follow(&self, log: &dyn EventLog, failures: &mut u32) -> Result<Infallible, Error> {
        // In this order: what another replica parks later is noticed, because it moves the position.
        let mut from = self.stored().await?;
        self.unpark(log).await?;
        self.reached(from);
        self.pulse.trying();
        let mut entries = log.follow(from, &self.projection.categories()).ready_chunks(BATCH_MAX);
        let mut busy = false;
        loop {
            tokio::select! {
                () = self.rush.over() => {}
                () = self.is_wanted(from) => {}
            }
            let chunk = match entries.next().now_or_never() {
                Some(chunk) => chunk,
                None => {
                    if busy {
                        // An error means that the time is over.
                        tokio::time::timeout(GATHER, self.is_wanted(from)).await.ok();
                    }
                    entries.next().await
                }
            };
            let (batch, broken) = whole(chunk);
            busy = batch.len() >= BUSY;
            from = self.take_up(log, from, batch).await?;
            match broken {
                None => {
                    *failures = 0;
                    self.pulse.well();
                }
                Some(error) => return Err(error.into()),
            }
        }
    }

    /// Applies what is missing up to `position`, which is one of an entry that it follows.
    pub async fn catch_up(&self, log: &dyn EventLog, position: Position) -> Result<(), Error> {
        let mut from = self.refresh().await?;
        if from >= position {
            return Ok(());
        }
        let mut entries = log.follow(from, &self.projection.categories()).ready_chunks(BATCH_MAX);
        while from < position {
            let (mut batch, broken) = whole(entries.next().await);
            let beyond = batch.last().is_some_and(|last| last.position > position);
            batch.retain(|entry| entry.position <= position);
            from = self.take_up(log, from, batch).await?;
            if beyond {
                break;
            }
            if let Some(error) = broken {
                return Err(error.into());
            }
        }
        Ok(())
    }

    /// Applies what of a batch is not applied yet; answers up to where everything is.
    async fn take_up(
        &self,
        log: &dyn EventLog,
        mut from: Position,
        mut batch: Vec<Entry>,
    ) -> Result<Position, Error> {
        loop {
            // Another replica may be ahead by more than this batch.
            batch.retain(|entry| entry.position > from);
            let Some(to) = batch.last().map(|last| last.position) else { return Ok(from) };
            let waiting = match self.apply(from, &batch).await {
                Ok(waiting) => {
                    from = to;
                    waiting
                }
                Err(Error::Overtaken) => {
                    let stored = self.stored().await?;
                    if stored <= from {
                        // The store went back, to a copy of yesterday perhaps: what lies between is not in this batch.
                        return Err(Error::Overtaken);
                    }
                    from = stored;
                    true
                }
                Err(error) => return Err(error),
            };
            // What another version has parked, this one may be able to read.
            if waiting {
                self.unpark(log).await?;
            }
            self.reached(from);
        }
    }

    /// Applies entries that follow `from`, in one transaction with the new position. Answers whether some of them wait
    /// in a parked stream; then nobody who waits for the position is told yet.
    pub async fn apply(&self, from: Position, batch: &[Entry]) -> Result<bool, Error> {
        let Some(last) = batch.last() else { return Ok(false) };
        let mut tx = self.store.begin().await?;
        let moved = tx
            .execute(
                "update projection set position = $3 where name = $1 and position = $2",
                &[self.projection.name().into(), from.0.into(), last.position.0.into()],
            )
            .await?;
        if moved == 0 {
            return Err(Error::Overtaken);
        }
        let mut parked = parked::streams(&mut tx).await?;
        let mut waiting = false;
        let mut items = Vec::with_capacity(batch.len());
        for entry in batch {
            let reason = if parked.contains(entry.stream.as_str()) {
                None
            } else {
                match self.projection.read(entry) {
                    Ok(item) => {
                        items.push((entry.position, item));
                        continue;
                    }
                    Err(error) => {
                        tracing::error!(projection = self.projection.name(), %error, "a stream is parked");
                        parked.insert(entry.stream.to_string());
                        Some(error.reason)
                    }
                }
            };
            waiting = true;
            parked::put(&mut tx, entry, reason).await?;
        }
        self.projection.apply(&mut tx, items).await?;
        tx.commit().await?;
        if !waiting {
            self.reached(last.position);
        }
        Ok(waiting)
    }
}

/// The entries before the first error, and the error.
fn whole(chunk: Option<Vec<Result<Entry, eventlog::Error>>>) -> (Vec<Entry>, Option<eventlog::Error>) {
    let Some(chunk) = chunk else {
        return (Vec::new(), Some(eventlog::Error::Unavailable("the log has ended".to_owned())));
    };
    let mut broken = None;
    let entries =
        chunk.into_iter().map_while(|entry| entry.map_err(|error| broken = Some(error)).ok()).collect();
    (entries, broken)
}
