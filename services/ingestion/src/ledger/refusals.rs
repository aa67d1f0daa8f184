//! Calls that nobody proved, counted in memory first: whoever calls without a signature is not to decide how often a disk syncs.
//!
//! They are written at most once in [`FLUSH_EVERY`], before the ledger is read, and at an orderly end. A process that is killed
//! loses those of the last [`FLUSH_EVERY`] at most; while the store is away, those since it went.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use domain::time::Timestamp;
use service::store::{self, Store};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{Tally, add, hour_of};

/// How long refusals are gathered before they are written.
pub const FLUSH_EVERY: Duration = Duration::from_secs(1);

/// How many, by hour and account: no more rows than policy has accounts, and one for nobody's, for each hour.
type Counts = BTreeMap<(i64, String), Tally>;

/// Gathers them.
pub(super) struct Refusals {
    store: Store,
    gathered: Mutex<Gathered>,
    /// Something was gathered when nothing was.
    begun: Notify,
    /// Held while they are on their way into the store, where neither the memory nor the store shows them.
    writing: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Gathered {
    counts: Counts,
    /// Nobody will write them any more by himself: each is written at once.
    ended: bool,
}

impl Refusals {
    pub(super) fn new(store: Store) -> Arc<Self> {
        let (gathered, begun, writing) = Default::default();
        Arc::new(Self { store, gathered, begun, writing })
    }

    /// Counts one. In memory when it answers, and in the store soon.
    pub(super) async fn count(
        self: &Arc<Self>,
        account: &str,
        at: Timestamp,
        tally: Tally,
    ) -> Result<(), store::Error> {
        let ended = {
            let mut gathered = self.gathered();
            more(&mut gathered.counts, (hour_of(at), account.to_owned()), tally);
            gathered.ended
        };
        if ended {
            return self.flush().await;
        }
        self.begun.notify_one();
        Ok(())
    }

    /// Writes what was gathered. It goes on when whoever waits for it hangs up: half of a count is none.
    pub(super) async fn flush(self: &Arc<Self>) -> Result<(), store::Error> {
        let own = Arc::clone(self);
        let flushing = tokio::spawn(async move { own.write().await });
        flushing
            .await
            .unwrap_or_else(|_| Err(store::Error::Unavailable("the count of refusals broke off".into())))
    }

    /// Writes them again and again until `stop`, then for the last time.
    pub(super) async fn run(self: Arc<Self>, stop: CancellationToken) {
        let gathering = async {
            loop {
                self.begun.notified().await;
                tokio::time::sleep(FLUSH_EVERY).await;
                if let Err(error) = self.flush().await {
                    tracing::warn!(%error, "refused calls are not counted yet");
                    self.begun.notify_one();
                }
            }
        };
        stop.run_until_cancelled(gathering).await;
        // Calls that are still answered while the process ends are written one by one.
        self.gathered().ended = true;
        if let Err(error) = self.flush().await {
            tracing::warn!(%error, "refused calls are not counted");
        }
    }

    async fn write(&self) -> Result<(), store::Error> {
        let _writing = self.writing.lock().await;
        let counts = std::mem::take(&mut self.gathered().counts);
        if counts.is_empty() {
            return Ok(());
        }
        let written = self.written(&counts).await;
        if written.is_err() {
            let mut gathered = self.gathered();
            for (of, count) in counts {
                more(&mut gathered.counts, of, count);
            }
        }
        written
    }

    async fn written(&self, counts: &Counts) -> Result<(), store::Error> {
        let mut tx = self.store.begin().await?;
        for ((hour, account), count) in counts {
            let (sql, binds) = add(account, *hour, *count);
            tx.execute(sql, &binds).await?;
        }
        tx.commit().await
    }

    fn gathered(&self) -> MutexGuard<'_, Gathered> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn more(counts: &mut Counts, of: (i64, String), tally: Tally) {
    let known = counts.entry(of).or_default();
    known.duplicate = known.duplicate.saturating_add(tally.duplicate);
    known.rejected = known.rejected.saturating_add(tally.rejected);
    known.held_back = known.held_back.saturating_add(tally.held_back);
}

#[cfg(test)]
mod tests {
    use service::shell::Stores;
    use tempfile::TempDir;

    use super::*;
    use crate::ledger::{UNKNOWN_ACCOUNT, open_kept};

    async fn refusals() -> (Arc<Refusals>, TempDir) {
        let folder = TempDir::new().unwrap();
        let store = open_kept(&Stores::Folder(folder.path().to_owned())).await.unwrap();
        (Refusals::new(store), folder)
    }

    /// What the store has: the rows, and how many they count.
    async fn stored(refusals: &Refusals) -> (usize, u64) {
        let rows = refusals.store.query("select rejected from tally", &[]).await.unwrap();
        (rows.len(), rows.iter().map(|row| row.count(0)).sum())
    }

    async fn count(refusals: &Arc<Refusals>, times: u64) {
        for n in 0..times {
            let account = if n % 2 == 0 { "care" } else { UNKNOWN_ACCOUNT };
            let one = Tally { rejected: 1, ..Tally::default() };
            refusals.count(account, Timestamp::UNIX_EPOCH, one).await.unwrap();
        }
    }

    #[tokio::test]
    async fn what_is_refused_is_written_together_and_once() {
        let (refusals, _folder) = refusals().await;
        count(&refusals, 1_000).await;
        assert_eq!(stored(&refusals).await, (0, 0), "none of them cost a write");
        let (one, other) = tokio::join!(refusals.flush(), refusals.flush());
        assert!(one.is_ok() && other.is_ok());
        assert_eq!(stored(&refusals).await, (2, 1_000));
        count(&refusals, 2).await;
        refusals.flush().await.unwrap();
        assert_eq!(stored(&refusals).await, (2, 1_002));
    }

    #[tokio::test]
    async fn whoever_hangs_up_while_they_are_written_takes_none_away() {
        let (refusals, _folder) = refusals().await;
        count(&refusals, 10).await;
        let mut waiting = Box::pin(refusals.flush());
        assert!(futures_util::poll!(&mut waiting).is_pending());
        drop(waiting);
        refusals.flush().await.unwrap();
        assert_eq!(stored(&refusals).await, (2, 10));
    }

    #[tokio::test]
    async fn at_the_end_they_are_written_and_what_comes_after_it_at_once() {
        let (refusals, _folder) = refusals().await;
        count(&refusals, 3).await;
        let stop = CancellationToken::new();
        stop.cancel();
        Arc::clone(&refusals).run(stop).await;
        assert_eq!(stored(&refusals).await, (2, 3));
        count(&refusals, 1).await;
        assert_eq!(stored(&refusals).await, (2, 4));
    }

    #[tokio::test]
    async fn what_cannot_be_written_now_is_written_later() {
        let (refusals, _folder) = refusals().await;
        let store = &refusals.store;
        let rename = |sql: &'static str| async move { store.execute(sql, &[]).await.unwrap() };
        rename("alter table tally rename to away").await;
        count(&refusals, 4).await;
        assert!(refusals.flush().await.is_err());
        count(&refusals, 2).await;
        rename("alter table away rename to tally").await;
        refusals.flush().await.unwrap();
        assert_eq!(stored(&refusals).await, (2, 6));
    }

    #[tokio::test]
    async fn they_are_written_without_being_asked_for() {
        let (refusals, _folder) = refusals().await;
        let stop = CancellationToken::new();
        let running = tokio::spawn(Arc::clone(&refusals).run(stop.clone()));
        count(&refusals, 5).await;
        let written = async {
            while stored(&refusals).await != (2, 5) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(20 * FLUSH_EVERY, written).await.unwrap();
        stop.cancel();
        running.await.unwrap();
    }
}
