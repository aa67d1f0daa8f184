//! Read models: each entry counts once, because its position is stored with its effect.

use std::{collections::HashSet, sync::Arc, time::Duration};

use eventlog::{Category, Entry, EventLog, Position, StreamId};
use futures_util::{StreamExt, TryStreamExt};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    backoff,
    envelope::Unreadable,
    store::{self, Schema, Sql, Store, Tx, Value},
};

/// Entries that are applied in one transaction.
pub const BATCH_MAX: usize = 2_000;
/// Entries of one parked stream that are applied together when it can be read again.
const PARKED_MAX: usize = 100_000;

/// How a read model follows from the log.
#[async_trait::async_trait]
pub trait Projection: Send + Sync + 'static {
    /// What an entry is, once read.
    type Item: Send + Sync;

    /// The name with its version: `cases_v1`. Another version is another read model.
    fn name(&self) -> &'static str;
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
}

/// One generation of a read model: its store and how far it has come.
pub struct ReadModel<P> {
    /// Where it is kept.
    pub store: Store,
    /// What fills it.
    pub projection: Arc<P>,
    applied: watch::Sender<Position>,
}

const CREATE: Sql = Sql {
    sqlite: "create table if not exists projection (name text primary key, position integer not null) strict",
    postgres: "create table if not exists projection (name text primary key, position bigint not null)",
};
const CREATE_PARKED: Sql = Sql {
    sqlite: "create table if not exists parked (position integer primary key, stream text not null, reason text) strict",
    postgres: "create table if not exists parked (position bigint primary key, stream text not null, reason text)",
};

impl<P: Projection> ReadModel<P> {
    /// Takes up a read model where it was left.
    pub async fn open(store: Store, projection: Arc<P>) -> Result<Self, store::Error> {
        store.execute(CREATE, &[]).await?;
        store.execute(CREATE_PARKED, &[]).await?;
        let name = projection.name();
        store
            .execute(
                "insert into projection (name, position) values ($1, 0) on conflict do nothing",
                &[name.into()],
            )
            .await?;
        let model = Self { store, projection, applied: watch::Sender::new(Position::NONE) };
        model.refresh().await?;
        Ok(model)
    }

    /// How far the read model has come, as far as this replica knows.
    pub fn position(&self) -> Position {
        *self.applied.borrow()
    }

    /// Returns once everything up to `position` is applied, or `false` when `limit` is over.
    pub async fn wait_for(&self, position: Position, limit: Duration) -> bool {
        let mut applied = self.applied.subscribe();
        let reached = applied.wait_for(|now| *now >= position);
        matches!(tokio::time::timeout(limit, reached).await, Ok(Ok(_)))
    }

    /// Reads the stored position: another replica may have moved it.
    pub async fn refresh(&self) -> Result<Position, store::Error> {
        let rows = self
            .store
            .query("select position from projection where name = $1", &[self.projection.name().into()])
            .await?;
        let stored = Position(rows.first().map_or(0, |row| row.count(0)));
        self.applied.send_if_modified(|now| {
            let newer = stored > *now;
            *now = stored.max(*now);
            newer
        });
        Ok(stored)
    }

    /// Follows the log until `stop`. Several replicas may run it: each batch counts once.
    pub async fn run(self: Arc<Self>, log: Arc<dyn EventLog>, stop: CancellationToken) {
        let mut failures = 0;
        while !stop.is_cancelled() {
            let end = tokio::select! {
                () = stop.cancelled() => return,
                end = self.follow(log.as_ref(), &mut failures) => end,
            };
            match end {
                Ok(()) => {}
                Err(error) => {
                    failures += 1;
                    tracing::warn!(projection = self.projection.name(), %error, failures, "the read model stands still; trying again");
                    backoff::wait(failures, Duration::from_millis(50), Duration::from_secs(5)).await;
                }
            }
        }
    }

    async fn follow(&self, log: &dyn EventLog, failures: &mut u32) -> Result<(), Error> {
        self.unpark(log).await?;
        let after = self.refresh().await?;
        let mut entries = log.follow(after, &self.projection.categories()).ready_chunks(BATCH_MAX);
        let mut parked = self.parked_streams().await?;
        let mut from = after;
        while let Some(batch) = entries.next().await {
            let mut broken = None;
            let batch: Vec<Entry> = batch
                .into_iter()
                .map_while(|entry| entry.map_err(|error| broken = Some(error)).ok())
                .collect();
            let mut batch = batch;
            while let Some(to) = batch.last().map(|last| last.position) {
                match self.apply(from, &batch, &mut parked).await {
                    Ok(()) => {
                        from = to;
                        break;
                    }
                    Err(Error::Overtaken) => {
                        from = self.refresh().await?;
                        parked = self.parked_streams().await?;
                        batch.retain(|entry| entry.position > from);
                    }
                    Err(error) => return Err(error),
                }
            }
            *failures = 0;
            if let Some(error) = broken {
                return Err(error.into());
            }
        }
        Ok(())
    }

    /// Applies what is missing up to `position`, which is one of an entry that it follows.
    pub async fn catch_up(&self, log: &dyn EventLog, position: Position) -> Result<(), Error> {
        let mut parked = self.parked_streams().await?;
        let mut from = self.refresh().await?;
        if from >= position {
            return Ok(());
        }
        let mut entries = log.follow(from, &self.projection.categories());
        while from < position {
            let Some(entry) = entries.try_next().await? else { break };
            let to = entry.position;
            self.apply(from, &[entry], &mut parked).await?;
            from = to;
        }
        Ok(())
    }

    /// Applies entries that follow `from`, in one transaction with the new position.
    pub async fn apply(
        &self,
        from: Position,
        batch: &[Entry],
        parked: &mut HashSet<StreamId>,
    ) -> Result<(), Error> {
        let Some(last) = batch.last() else { return Ok(()) };
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
        let mut waiting = Vec::new();
        let mut items = Vec::with_capacity(batch.len());
        for entry in batch {
            if parked.contains(&entry.stream) {
                waiting.push((entry, None));
                continue;
            }
            match self.projection.read(entry) {
                Ok(item) => items.push((entry.position, item)),
                Err(error) => {
                    tracing::error!(projection = self.projection.name(), %error, "a stream is parked");
                    parked.insert(entry.stream.clone());
                    waiting.push((entry, Some(error.reason)));
                }
            }
        }
        for (entry, reason) in waiting {
            let binds = [entry.position.0.into(), entry.stream.as_str().into(), reason.into()];
            tx.execute(
                "insert into parked (position, stream, reason) values ($1, $2, $3) on conflict do nothing",
                &binds,
            )
            .await?;
        }
        self.projection.apply(&mut tx, items).await?;
        tx.commit().await?;
        self.applied.send_replace(last.position);
        Ok(())
    }

    /// Streams that wait for a version that can read them, with the reason.
    pub async fn parked(&self) -> Result<Vec<(String, u64, String)>, store::Error> {
        let sql =
            "select stream, min(position), max(coalesce(reason, '')) from parked group by stream order by 2";
        let rows = self.store.query(sql, &[]).await?;
        Ok(rows.iter().map(|row| (row.string(0), row.count(1), row.string(2))).collect())
    }

    async fn parked_streams(&self) -> Result<HashSet<StreamId>, store::Error> {
        Ok(self.parked().await?.iter().filter_map(|(stream, ..)| stream.parse().ok()).collect())
    }

    /// Applies the parked entries of every stream that can be read by now, in order.
    async fn unpark(&self, log: &dyn EventLog) -> Result<(), Error> {
        for (stream, first, _) in self.parked().await? {
            let Ok(id) = stream.parse::<StreamId>() else { continue };
            let upto = self.position();
            let entries: Vec<Entry> = log
                .read(&id)
                .try_filter(|entry| std::future::ready(entry.position.0 >= first && entry.position <= upto))
                .take(PARKED_MAX)
                .try_collect()
                .await?;
            let items: Result<Vec<_>, Unreadable> =
                entries.iter().map(|entry| Ok((entry.position, self.projection.read(entry)?))).collect();
            let Ok(items) = items else { continue };
            let mut tx = self.store.begin().await?;
            tx.execute("delete from parked where stream = $1", &[stream.as_str().into()]).await?;
            self.projection.apply(&mut tx, items).await?;
            tx.commit().await?;
            tracing::info!(projection = self.projection.name(), stream, "a parked stream was applied");
        }
        Ok(())
    }

    /// A digest of every row of every table: equal read models have equal digests.
    pub async fn digest(&self) -> Result<String, store::Error> {
        let mut hasher = crate::digest::Rows::default();
        for (table, sql) in self.projection.tables() {
            hasher.table(table);
            for row in self.store.query(*sql, &[]).await? {
                hasher.row(row.values().iter().map(|value| match value {
                    Value::Int(v) => v.map(|v| v.to_string()),
                    Value::Real(v) => v.map(|v| v.to_string()),
                    Value::Text(v) => v.clone(),
                    Value::Bytes(v) => v.as_ref().map(|v| format!("{v:?}")),
                }));
            }
        }
        Ok(hasher.finish())
    }
}
