//! Reactions: what an entry makes a service do. Ids are derived from the entry, so twice is once.

mod parked;
mod work;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use eventlog::{Category, Entry, EventLog, Position};
use futures_util::StreamExt;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    backoff, further,
    health::{Pulse, Standing},
    lease::{Lease, RENEWAL},
    rush::Rush,
    store::{self, Store},
};
use work::Work;

/// Entries that are read at once.
pub const BATCH_MAX: usize = 1_000;
/// Entries that are taken up and not done. A lane that waits holds the others up only when so many have come since.
pub const WINDOW_MAX: usize = 20_000;
/// Attempts after which an entry that waits is told of.
pub const WAITS_FROM: u32 = 5;
/// Lanes that are worked on side by side; those that wait for another attempt do not count.
pub const LANES_MAX: usize = 64;

/// How long what is under way may take to come to its end when the process is to end. Shorter than all tasks may take together.
pub const FINISH_MAX: Duration = Duration::from_secs(15);
const _: () = assert!(
    FINISH_MAX.as_secs() < crate::lifecycle::DRAIN_LIMIT.as_secs(),
    "there is time left to end in order"
);

/// How often a position is stored behind which nothing was done: to pass over the same entries again is nothing lost.
pub const PASSING: Duration = Duration::from_millis(250);
/// How often somebody who waits looks for what another process has done.
const ELSEWHERE: Duration = Duration::from_millis(50);

/// What a service does because of what it reads in the log.
#[async_trait::async_trait]
pub trait Reaction: Send + Sync + 'static {
    /// The name under which its position is kept.
    fn name(&self) -> &'static str;
    /// What it follows.
    fn categories(&self) -> Vec<Category>;
    /// Whether an entry is of any concern; all are, unless it says otherwise. One that is not is passed over, for much
    /// less than it costs to be taken up. The answer must be the same each time.
    fn wants(&self, _entry: &Entry) -> bool {
        true
    }
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
    /// There is nothing to be done about it before so much time has passed. That is no failure, and nobody is told; nothing
    /// after it in its lane is done before. It may be asked again earlier.
    #[error("not before {0:?}")]
    Rest(Duration),
    /// It can never be taken up by this version: set aside, and told. It is tried again when a process takes the
    /// reaction over, which may be of a version that can.
    #[error("{0}")]
    Never(String),
}

/// Runs one reaction.
pub struct Runner<R> {
    reaction: R,
    log: Arc<dyn EventLog>,
    control: Store,
    lease: Lease,
    rush: Rush,
    done: watch::Sender<Position>,
    tried: watch::Sender<Position>,
    /// Up to where somebody waits for it.
    wanted: watch::Sender<Position>,
    pulse: Pulse,
    /// Entries that are tried again and again, with the reason of the last time.
    waiting: Mutex<BTreeMap<Position, (String, String)>>,
}

/// A reaction, whatever it does, for operators.
#[async_trait::async_trait]
pub trait AnyReaction: Send + Sync {
    /// The name under which its position is kept.
    fn name(&self) -> &'static str;
    /// Up to where everything is done, as far as this process knows.
    fn position(&self) -> Position;
    /// The same, to be waited on.
    fn done(&self) -> watch::Receiver<Position>;
    /// Entries that were set aside: stream, position and reason, the oldest first.
    async fn parked(&self) -> Result<Vec<(String, u64, String)>, store::Error>;
    /// Entries that this process tries again and again: stream, position and reason, the oldest first.
    fn waiting(&self) -> Vec<(String, Position, String)>;
    /// That it fails as a whole, if it does.
    fn standing(&self) -> Option<Standing>;
}

#[async_trait::async_trait]
impl<R: Reaction> AnyReaction for Runner<R> {
    fn name(&self) -> &'static str {
        self.reaction.name()
    }

    fn position(&self) -> Position {
        *self.done.borrow()
    }

    fn done(&self) -> watch::Receiver<Position> {
        Self::done(self)
    }

    async fn parked(&self) -> Result<Vec<(String, u64, String)>, store::Error> {
        Self::parked(self).await
    }

    fn waiting(&self) -> Vec<(String, Position, String)> {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting
            .iter()
            .map(|(position, (stream, reason))| (stream.clone(), *position, reason.clone()))
            .collect()
    }

    fn standing(&self) -> Option<Standing> {
        self.pulse.standing()
    }
}

impl<R: Reaction> Runner<R> {
    /// A runner that keeps its position in `control` and works only while it holds `lease`.
    pub fn new(reaction: R, log: Arc<dyn EventLog>, control: Store, lease: Lease) -> Self {
        let (done, tried) = (watch::Sender::new(Position::NONE), watch::Sender::new(Position::NONE));
        Self {
            reaction,
            log,
            control,
            lease,
            rush: Rush::default(),
            done,
            tried,
            wanted: watch::Sender::default(),
            pulse: Pulse::default(),
            waiting: Mutex::default(),
        }
    }

    /// The same, which stands back while there is a rush, unless somebody waits for it.
    #[must_use]
    pub fn behind(self, rush: &Rush) -> Self {
        Self { rush: rush.clone(), ..self }
    }

    /// Up to where everything is done; for those who wait for an effect.
    pub fn done(&self) -> watch::Receiver<Position> {
        self.done.subscribe()
    }

    /// Returns once everything up to `position` is done, by whichever process works, or `false` when `limit` is over. What
    /// this one tries again and again is not waited for.
    pub async fn wait_for(&self, position: Position, limit: Duration) -> bool {
        further(&self.wanted, position);
        let mut tried = self.tried.subscribe();
        let reached = async {
            while *tried.borrow_and_update() < position {
                tokio::select! {
                    _ = tried.changed() => {}
                    // Another process may be the one that works; what it has done stands in the store.
                    () = tokio::time::sleep(ELSEWHERE) => drop(self.refresh().await),
                }
            }
        };
        tokio::time::timeout(limit, reached).await.is_ok()
    }

    /// Works until `stop`; then nothing more is taken up, and what is under way comes to its end, or is cut after
    /// [`FINISH_MAX`].
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let too_long = async {
            stop.cancelled().await;
            tokio::time::sleep(FINISH_MAX).await;
        };
        tokio::select! {
            () = self.work(&stop) => {}
            () = too_long => tracing::warn!(reaction = self.reaction.name(), "what was under way is cut"),
        }
        if let Err(error) = self.lease.release().await {
            tracing::debug!(%error, "the lease was not released; it ends by itself");
        }
    }

    async fn work(&self, stop: &CancellationToken) {
        let mut failures = 0;
        while !stop.is_cancelled() {
            let Err(error) = self.turn(&mut failures, stop).await else { continue };
            failures += 1;
            self.pulse.failed(&error, failures);
            tracing::warn!(reaction = self.reaction.name(), %error, failures, "the reaction stands still; trying again");
            let wait = backoff::wait(failures, Duration::from_millis(50), Duration::from_secs(5));
            stop.run_until_cancelled(wait).await;
        }
    }

    /// Works while it holds the lease, or waits a while for it.
    async fn turn(&self, failures: &mut u32, stop: &CancellationToken) -> Result<(), Error> {
        let Some(held) = stop.run_until_cancelled(self.lease.acquire()).await else { return Ok(()) };
        if held.map_err(later)? {
            // Who has lost it may be cut: another works already.
            return tokio::select! {
                () = self.lost_lease() => Ok(()),
                end = self.follow(failures, stop) => end,
            };
        }
        let waited = stop.run_until_cancelled(async {
            self.nothing_waits();
            self.refresh().await.map_err(later)?;
            *failures = 0;
            self.pulse.well();
            self.lease.clock().sleep(RENEWAL).await;
            Ok(())
        });
        waited.await.unwrap_or(Ok(()))
    }

    /// Renews the lease; returns when it is lost.
    async fn lost_lease(&self) {
        loop {
            self.lease.clock().sleep(RENEWAL).await;
            if !matches!(self.lease.acquire().await, Ok(true)) {
                return;
            }
        }
    }

    /// Ends with an error, or after `stop`.
    async fn follow(&self, failures: &mut u32, stop: &CancellationToken) -> Result<(), Error> {
        let begin = async { Ok((self.refresh().await.map_err(later)?, self.parked_entries().await?)) };
        let Some(begun) = stop.run_until_cancelled(begin).await else { return Ok(()) };
        let (mut stored, parked) = begun?;
        self.nothing_waits();
        let mut work = Work::new(self, stored);
        work.add_parked(parked);
        self.pulse.trying();
        let mut entries = self.log.follow(stored, &self.reaction.categories()).ready_chunks(BATCH_MAX);
        // At most one, beside the work: it need not wait for the store.
        let mut storing = futures_util::stream::FuturesUnordered::new();
        let mut wanted = self.wanted.subscribe();
        let mut passing = tokio::time::interval(PASSING);
        passing.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let back = self.rush.is_on() && *wanted.borrow_and_update() <= work.tried();
            if !back {
                work.start();
            }
            let done = work.done();
            further(&self.tried, work.tried());
            let storable = done > stored && storing.is_empty();
            if storable && work.wanted_to() > stored {
                storing.push(self.store_position(done));
            }
            tokio::select! {
                () = stop.cancelled() => break,
                chunk = entries.next(), if !back && work.window() < WINDOW_MAX => {
                    let chunk = chunk.ok_or_else(|| later("the log has ended"))?;
                    for entry in chunk {
                        let entry = entry.map_err(later)?;
                        if self.reaction.wants(&entry) { work.add(entry) } else { work.pass(&entry) }
                    }
                    *failures = 0;
                    self.pulse.well();
                }
                Some(end) = storing.next() => stored = end.map_err(later)?,
                _ = passing.tick(), if storable && storing.is_empty() => {
                    storing.push(self.store_position(done));
                }
                () = work.step() => {}
                () = self.rush.over(), if back => {}
                _ = wanted.changed(), if back => {}
            }
        }
        work.finish().await;
        let done = work.done();
        if work.wanted_to() > stored && done > stored {
            self.store_position(done).await.map_err(later)?;
        }
        Ok(())
    }

    async fn refresh(&self) -> Result<Position, store::Error> {
        let sql = "select position from checkpoint where name = $1";
        let rows = self.control.query(sql, &[self.reaction.name().into()]).await?;
        let position = Position(rows.first().map_or(0, |row| row.count(0)));
        self.reached(position);
        Ok(position)
    }

    async fn store_position(&self, to: Position) -> Result<Position, store::Error> {
        let sql = "insert into checkpoint (name, position) values ($1, $2) \
                   on conflict (name) do update set position = excluded.position \
                   where checkpoint.position < excluded.position";
        self.control.execute(sql, &[self.reaction.name().into(), to.0.into()]).await?;
        self.reached(to);
        Ok(to)
    }

    fn reached(&self, position: Position) {
        further(&self.done, position);
        further(&self.tried, position);
    }
}

fn later(error: impl std::fmt::Display) -> Error {
    Error::Later(error.to_string())
}
