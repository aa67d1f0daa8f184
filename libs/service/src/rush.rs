//! Whoever waits at the door goes first: a burst is taken in before the work that nobody waits for goes on.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// So many at once are a rush. Who takes in what comes as fast as it comes never has as many.
const MANY: usize = 16;
/// For how long after so many were there it is still one: between two of them there may be fewer.
const LINGER: Duration = Duration::from_millis(20);
/// For how long work stands back at most. What lasts longer is no burst but the load, and work has its share of it until
/// there was no rush for as long.
pub const BURST_MAX: Duration = Duration::from_secs(2);

/// How many are being taken in by this process. Clones are the same.
#[derive(Clone, Debug)]
pub struct Rush(Arc<Mutex<Door>>);

#[derive(Debug)]
struct Door {
    inside: usize,
    burst: Option<Burst>,
    /// For how long it may last.
    most: Duration,
}

/// The last time that there were many.
#[derive(Clone, Copy, Debug)]
struct Burst {
    began: Instant,
    last: Instant,
}

impl Burst {
    /// When work goes on, if nobody comes any more.
    fn ends(self, most: Duration) -> Instant {
        (self.last + LINGER).min(self.began + most)
    }

    /// Whether there may be another one: work had as much time as it stood back.
    fn is_past(self, now: Instant, most: Duration) -> bool {
        let ends = self.ends(most);
        now >= ends.max(self.last) + (ends - self.began)
    }
}

impl Door {
    /// As long as there are many it is one burst.
    fn go_on(&mut self, now: Instant) {
        if let Some(burst) = self.burst.as_mut().filter(|_| self.inside >= MANY) {
            burst.last = now;
        }
    }

    fn enter(&mut self, now: Instant) {
        self.inside += 1;
        if self.inside == MANY && self.burst.is_none_or(|burst| burst.is_past(now, self.most)) {
            self.burst = Some(Burst { began: now, last: now });
        }
    }
}

/// One who is being taken in, until this is dropped.
#[derive(Debug)]
pub struct Inside(Rush);

impl Default for Rush {
    fn default() -> Self {
        Self::of(BURST_MAX)
    }
}

impl Rush {
    /// One for which work stands back so long at most.
    pub fn of(most: Duration) -> Self {
        Self(Arc::new(Mutex::new(Door { inside: 0, burst: None, most })))
    }

    /// Somebody is being taken in.
    pub fn enter(&self) -> Inside {
        self.change(Door::enter);
        Inside(self.clone())
    }

    /// Whether work that nobody waits for is to stand back.
    pub fn is_on(&self) -> bool {
        self.ends().is_some()
    }

    /// Returns when there is no rush: after [`BURST_MAX`] at the latest.
    pub(crate) async fn over(&self) {
        while let Some(ends) = self.ends() {
            tokio::time::sleep_until(ends).await;
        }
    }

    /// When it ends, if nobody comes any more; nothing, if there is none.
    fn ends(&self) -> Option<Instant> {
        self.change(|door, now| door.burst.map(|burst| burst.ends(door.most)).filter(|ends| now < *ends))
    }

    fn change<T>(&self, change: impl FnOnce(&mut Door, Instant) -> T) -> T {
        let (mut door, now) = (self.0.lock().unwrap_or_else(PoisonError::into_inner), Instant::now());
        door.go_on(now);
        change(&mut door, now)
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.change(|door, _| door.inside -= 1);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{advance, sleep};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn many_at_once_are_waited_for_until_they_are_through() {
        let rush = Rush::default();
        let mut inside: Vec<_> = (1..MANY).map(|_| rush.enter()).collect();
        rush.over().await;
        assert!(!rush.is_on());
        inside.push(rush.enter());
        assert!(rush.is_on());
        let begun = Instant::now();
        let leaving = async {
            sleep(Duration::from_millis(500)).await;
            inside.clear();
        };
        tokio::join!(rush.over(), leaving);
        assert_eq!(begun.elapsed(), Duration::from_millis(500) + LINGER);
    }

    #[tokio::test(start_paused = true)]
    async fn what_lasts_is_no_burst_until_it_has_paused_for_as_long() {
        let rush = Rush::default();
        let enter = || (0..MANY).map(|_| rush.enter()).collect::<Vec<_>>();
        let inside = enter();
        let begun = Instant::now();
        rush.over().await;
        assert_eq!(begun.elapsed(), BURST_MAX);
        for _ in 0..10 {
            advance(BURST_MAX / 4).await;
            assert!(!rush.is_on(), "it lasts");
        }
        drop(inside);
        advance(BURST_MAX / 2).await;
        drop(enter());
        assert!(!rush.is_on(), "it goes on");
        advance(BURST_MAX).await;
        let _inside = enter();
        assert!(rush.is_on(), "it is another one");
    }

    #[tokio::test(start_paused = true)]
    async fn however_it_comes_work_has_half_of_the_time() {
        for (on, off) in [(1_900, 50), (900, 100), (100, 30), (30, 30), (500, 400)] {
            let rush = Rush::default();
            let (mut back, steps) = (0, 60_000);
            let mut inside = Vec::new();
            for step in 0..steps {
                let many = step % (on + off) < on;
                if many && inside.is_empty() {
                    inside = (0..MANY).map(|_| rush.enter()).collect();
                } else if !many {
                    inside.clear();
                }
                back += u32::from(rush.is_on());
                advance(Duration::from_millis(1)).await;
            }
            assert!(back * 100 <= steps * 52, "{back} of {steps} ms with {on} ms on, {off} ms off");
        }
    }
}
