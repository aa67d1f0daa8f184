//! Whoever waits at the door goes first: while many are being taken in, work that nobody waits for stands back.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::sync::Notify;

/// So many at once are a rush. Who takes in what comes as fast as it comes never has as many.
const MANY: usize = 16;
/// For how long work stands back at most; then some of it is done, and it stands back again.
pub(crate) const STAND_BACK_MAX: Duration = Duration::from_millis(200);

/// How many are being taken in by this process. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Rush(Arc<Door>);

#[derive(Debug, Default)]
struct Door {
    inside: AtomicUsize,
    fewer: Notify,
}

/// One who is being taken in, until this is dropped.
#[derive(Debug)]
pub struct Inside(Arc<Door>);

impl Rush {
    /// Somebody is being taken in.
    pub fn enter(&self) -> Inside {
        self.0.inside.fetch_add(1, Ordering::Relaxed);
        Inside(Arc::clone(&self.0))
    }

    /// Whether there are many at once.
    pub fn is_on(&self) -> bool {
        self.0.inside.load(Ordering::Relaxed) >= MANY
    }

    /// Returns when there are not many, or `limit` is over.
    pub(crate) async fn over(&self, limit: Duration) {
        let over = async {
            loop {
                let fewer = self.0.fewer.notified();
                if !self.is_on() {
                    return;
                }
                fewer.await;
            }
        };
        // Either way there is something to do.
        drop(tokio::time::timeout(limit, over).await);
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        if self.0.inside.fetch_sub(1, Ordering::Relaxed) == MANY {
            self.0.fewer.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn many_at_once_are_waited_for_but_not_for_ever() {
        let rush = Rush::default();
        let mut inside: Vec<_> = (1..MANY).map(|_| rush.enter()).collect();
        assert!(!rush.is_on());
        rush.over(STAND_BACK_MAX).await;
        inside.push(rush.enter());
        assert!(rush.is_on());
        let begun = tokio::time::Instant::now();
        rush.over(STAND_BACK_MAX).await;
        assert_eq!(begun.elapsed(), STAND_BACK_MAX);
        let leaving = async {
            tokio::time::sleep(Duration::from_millis(5)).await;
            inside.clear();
        };
        tokio::join!(rush.over(STAND_BACK_MAX), leaving);
        assert_eq!(begun.elapsed(), STAND_BACK_MAX + Duration::from_millis(5));
        assert!(!rush.is_on());
    }
}
