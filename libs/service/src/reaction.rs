//! Reactions: what an entry makes a service do. Ids are derived from the entry, so twice is once.

use std::{collections::HashMap, sync::Arc, time::Duration};

use eventlog::{Category, Entry, EventLog, Position};
use futures_util::{StreamExt, stream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::{
    backoff,
    lease::{Lease, RENEWAL},
    store::{self, Store},
    telemetry,
};

/// Entries that are taken up before the position is stored.
pub const BATCH_MAX: usize = 1_000;
/// Lanes that are worked on side by side.
pub const LANES_MAX: usize = 64;

/// What a service does because of what it reads in the log.
#[async_trait::async_trait]
pub trait Reaction: Send + Sync + 'static {
    /// The name under which its position is kept.
    fn name(&self) -> &'static str;
    /// What it follows.
    fn categories(&self) -> Vec<Category>;
    /// Entries of one lane are taken up one after the other, in the order of the log.
    fn lane(&self, entry: &Entry) -> String;
    /// Takes up one entry.
    async fn react(&self, entry: &Entry) -> Result<(), Error>;
}

/// Why an entry was not taken up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Something is away: tried again until it is back, and nothing after it in its lane is done before.
    #[error("{0}")]
    Later(String),
    /// It can never be taken up by this version: set aside, and told.
    #[error("{0}")]
    Never(String),
}

/// Runs one reaction.
pub struct Runner<R> {
    reaction: R,
    log: Arc<dyn EventLog>,
    control: Store,
    lease: Lease,
    done: watch::Sender<Position>,
}

impl<R: Reaction> Runner<R> {
    /// A runner that keeps its position in `control` and works only while it holds `lease`.
    pub fn new(reaction: R, log: Arc<dyn EventLog>, control: Store, lease: Lease) -> Self {
        Self { reaction, log, control, lease, done: watch::Sender::new(Position::NONE) }
    }

    /// Up to where everything is done; for those who wait for an effect.
    pub fn done(&self) -> watch::Receiver<Position> {
        self.done.subscribe()
    }

    /// Works until `stop`.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut failures = 0;
        loop {
            let active = tokio::select! {
                () = stop.cancelled() => break,
                active = self.lease.acquire() => active,
            };
            let end = match active {
                Ok(true) => tokio::select! {
                    () = stop.cancelled() => break,
                    () = self.lost_lease() => Ok(()),
                    end = self.follow(&mut failures) => end,
                },
                Ok(false) => {
                    tokio::select! {
                        () = stop.cancelled() => break,
                        () = tokio::time::sleep(RENEWAL) => {}
                    }
                    self.refresh().await.map(|_| ()).map_err(|error| Error::Later(error.to_string()))
                }
                Err(error) => Err(Error::Later(error.to_string())),
            };
            if let Err(error) = end {
                failures += 1;
                tracing::warn!(reaction = self.reaction.name(), %error, failures, "the reaction stands still; trying again");
                backoff::wait(failures, Duration::from_millis(50), Duration::from_secs(5)).await;
            }
        }
        if let Err(error) = self.lease.release().await {
            tracing::debug!(%error, "the lease was not released; it ends by itself");
        }
    }

    /// Renews the lease; returns when it is lost.
    async fn lost_lease(&self) {
        let mut every = tokio::time::interval(RENEWAL);
        loop {
            every.tick().await;
            if !matches!(self.lease.acquire().await, Ok(true)) {
                return;
            }
        }
    }

    async fn refresh(&self) -> Result<Position, store::Error> {
        let rows = self
            .control
            .query("select position from checkpoint where name = $1", &[self.reaction.name().into()])
            .await?;
        let position = Position(rows.first().map_or(0, |row| row.count(0)));
        self.done.send_replace(position);
        Ok(position)
    }

    async fn follow(&self, failures: &mut u32) -> Result<(), Error> {
        let after = self.refresh().await.map_err(later)?;
        let mut entries = self.log.follow(after, &self.reaction.categories()).ready_chunks(BATCH_MAX);
        while let Some(batch) = entries.next().await {
            let mut broken = None;
            let batch: Vec<Entry> = batch
                .into_iter()
                .map_while(|entry| entry.map_err(|error| broken = Some(error)).ok())
                .collect();
            let Some(to) = batch.last().map(|last| last.position) else {
                return Err(Error::Later(broken.map_or_else(String::new, |error| error.to_string())));
            };
            self.take_up(batch).await?;
            self.store_position(to).await.map_err(later)?;
            *failures = 0;
            if let Some(error) = broken {
                return Err(later(error));
            }
        }
        Ok(())
    }

    async fn take_up(&self, batch: Vec<Entry>) -> Result<(), Error> {
        let mut lanes: HashMap<String, Vec<Entry>> = HashMap::new();
        let mut order = Vec::new();
        for entry in batch {
            let lane = self.reaction.lane(&entry);
            if !lanes.contains_key(&lane) {
                order.push(lane.clone());
            }
            lanes.entry(lane).or_default().push(entry);
        }
        let lanes = order.into_iter().filter_map(|lane| lanes.remove(&lane));
        let mut ends = stream::iter(lanes.map(|lane| self.lane(lane))).buffer_unordered(LANES_MAX);
        while let Some(end) = ends.next().await {
            end?;
        }
        Ok(())
    }

    async fn lane(&self, entries: Vec<Entry>) -> Result<(), Error> {
        for entry in entries {
            // What follows from an entry belongs to the trace of whoever wrote it.
            let span =
                tracing::info_span!("react", reaction = self.reaction.name(), position = entry.position.0);
            telemetry::continue_trace(&span, entry.traceparent.as_deref());
            match self.reaction.react(&entry).instrument(span).await {
                Ok(()) => {}
                Err(Error::Never(reason)) => self.park(&entry, &reason).await.map_err(later)?,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn park(&self, entry: &Entry, reason: &str) -> Result<(), store::Error> {
        tracing::error!(reaction = self.reaction.name(), position = entry.position.0, stream = %entry.stream, reason, "an entry was set aside");
        let binds = [
            self.reaction.name().into(),
            entry.position.0.into(),
            entry.stream.as_str().into(),
            reason.into(),
        ];
        let sql = "insert into parked_reaction (name, position, stream, reason) values ($1, $2, $3, $4) on conflict do nothing";
        self.control.execute(sql, &binds).await.map(|_| ())
    }

    async fn store_position(&self, to: Position) -> Result<(), store::Error> {
        let sql = "insert into checkpoint (name, position) values ($1, $2) \
                   on conflict (name) do update set position = excluded.position \
                   where checkpoint.position < excluded.position";
        self.control.execute(sql, &[self.reaction.name().into(), to.0.into()]).await?;
        self.done.send_replace(to);
        Ok(())
    }
}

fn later(error: impl std::fmt::Display) -> Error {
    Error::Later(error.to_string())
}
