//! Time as a parameter.

use std::{sync::Arc, time::Duration};

use domain::time::Timestamp;
use tokio::sync::watch;

/// Where a service takes the time from.
#[async_trait::async_trait]
pub trait Clock: Send + Sync {
    /// Now, in microseconds.
    fn now(&self) -> Timestamp;
    /// Returns when `instant` has come.
    async fn wait_until(&self, instant: Timestamp);
    /// Returns when so much time has passed, whatever the calendar does meanwhile.
    async fn sleep(&self, duration: Duration) {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        let end = Timestamp::from_microsecond(self.now().as_microsecond().saturating_add(micros));
        self.wait_until(end.unwrap_or(Timestamp::MAX)).await;
    }
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

/// Instants further away are waited for in steps, so that a machine that slept wakes up in time.
const STEP_MAX: Duration = Duration::from_secs(30);

#[async_trait::async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        jiff::Timestamp::now().into()
    }

    async fn wait_until(&self, instant: Timestamp) {
        loop {
            let left = instant.as_microsecond() - self.now().as_microsecond();
            let Ok(left @ 1..) = u64::try_from(left) else { return };
            tokio::time::sleep(Duration::from_micros(left).min(STEP_MAX)).await;
        }
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// A clock that a test moves.
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<watch::Sender<Timestamp>>);

impl ManualClock {
    /// Stands at `start` until it is moved.
    pub fn new(start: Timestamp) -> Self {
        Self(Arc::new(watch::Sender::new(start)))
    }

    /// Moves to `instant` and wakes whoever waited for it.
    pub fn set(&self, instant: Timestamp) {
        self.0.send_replace(instant);
    }
}

#[async_trait::async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.borrow()
    }

    async fn wait_until(&self, instant: Timestamp) {
        // The sender lives as long as this clock, so that waiting cannot fail.
        let _ = self.0.subscribe().wait_for(|now| *now >= instant).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_manual_clock_wakes_whoever_waited_long_enough() {
        let clock = ManualClock::new(Timestamp::UNIX_EPOCH);
        let waiting = {
            let clock = clock.clone();
            tokio::spawn(async move { clock.wait_until(Timestamp::UNIX_EPOCH.plus_seconds(10)).await })
        };
        let sleeping = {
            let clock = clock.clone();
            tokio::spawn(async move { clock.sleep(Duration::from_secs(11)).await })
        };
        tokio::task::yield_now().await;
        clock.set(Timestamp::UNIX_EPOCH.plus_seconds(9));
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        clock.set(Timestamp::UNIX_EPOCH.plus_seconds(10));
        waiting.await.unwrap();
        assert!(!sleeping.is_finished());
        clock.set(Timestamp::UNIX_EPOCH.plus_seconds(60));
        sleeping.await.unwrap();
        // What is over is not waited for.
        clock.wait_until(Timestamp::UNIX_EPOCH).await;
        clock.sleep(Duration::ZERO).await;
    }

    #[tokio::test]
    async fn the_clock_of_the_machine_waits_for_what_comes_only() {
        let now = SystemClock.now();
        SystemClock.wait_until(now).await;
        SystemClock.wait_until(Timestamp::MIN).await;
        let soon = Timestamp::from_microsecond(SystemClock.now().as_microsecond() + 2_000).unwrap();
        SystemClock.wait_until(soon).await;
        assert!(SystemClock.now() >= soon);
    }
}
