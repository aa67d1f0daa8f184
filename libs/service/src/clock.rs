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
