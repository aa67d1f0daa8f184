//! Beginning and ending: tasks that live as long as the process, and two steps to its end.

use std::{collections::HashMap, future::Future, time::Duration};

use tokio::task::{Id, JoinSet};
use tokio_util::sync::CancellationToken;

/// How long tasks may take to end after the first signal.
pub const DRAIN_LIMIT: Duration = Duration::from_secs(20);

/// The tasks of a process. A task that ends before it was asked to ends the process.
#[derive(Default)]
pub struct Tasks {
    set: JoinSet<()>,
    names: HashMap<Id, &'static str>,
    stop: CancellationToken,
}

/// How the process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Asked to, and everything was finished.
    Drained,
    /// Asked to, but something did not finish in time, or a second signal came.
    Forced,
    /// A task ended although nobody asked.
    Died(String),
}

impl Tasks {
    /// Cancelled when the process is to end.
    pub fn stop(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Adds a task; `name` is told if it dies.
    pub fn spawn(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let id = self.set.spawn(task).id();
        self.names.insert(id, name);
    }

    /// Runs until `signal` or until a task dies, then drains. A second `signal` or [`DRAIN_LIMIT`] ends the draining.
    pub async fn run(mut self, mut signal: impl AsyncFnMut()) -> End {
        let died = tokio::select! {
            () = signal() => None,
            ended = self.set.join_next_with_id() => Some(match ended {
                Some(Ok((id, ()))) => format!("{} ended", self.name(id)),
                // The text of a panic may be about anybody; it was printed where it happened.
                Some(Err(error)) => format!("{} failed", self.name(error.id())),
                None => "there was nothing to do".to_owned(),
            }),
        };
        self.stop.cancel();
        let drained = tokio::select! {
            () = async { while self.set.join_next().await.is_some() {} } => true,
            () = signal() => false,
            () = tokio::time::sleep(DRAIN_LIMIT) => false,
        };
        self.set.abort_all();
        match (died, drained) {
            (Some(what), _) => End::Died(what),
            (None, true) => End::Drained,
            (None, false) => End::Forced,
        }
    }

    fn name(&self, id: Id) -> &'static str {
        self.names.get(&id).copied().unwrap_or("a task")
    }
}

/// The next interrupt or termination signal of the process.
pub async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return std::future::pending().await };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_dies_ends_the_process() {
        let mut tasks = Tasks::default();
        let stop = tasks.stop();
        tasks.spawn("short", async {});
        tasks.spawn("long", async move { stop.cancelled().await });
        assert_eq!(tasks.run(std::future::pending).await, End::Died("short ended".into()));
    }

    #[tokio::test]
    async fn a_task_that_fails_is_named_and_the_others_are_drained() {
        let mut tasks = Tasks::default();
        let (stop, drained) = (tasks.stop(), CancellationToken::new());
        let done = drained.clone();
        tasks.spawn("long", async move {
            stop.cancelled().await;
            done.cancel();
        });
        tasks.spawn("bad", async { panic!("for a test") });
        assert_eq!(tasks.run(std::future::pending).await, End::Died("bad failed".into()));
        assert!(drained.is_cancelled());
        assert_eq!(
            Tasks::default().run(std::future::pending).await,
            End::Died("there was nothing to do".into())
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_end_in_time_is_ended() {
        let mut tasks = Tasks::default();
        tasks.spawn("deaf", std::future::pending());
        let (begun, mut left) = (tokio::time::Instant::now(), 1);
        let end = tasks.run(async || if left > 0 { left -= 1 } else { std::future::pending().await }).await;
        assert_eq!((end, begun.elapsed().as_secs()), (End::Forced, DRAIN_LIMIT.as_secs()));
    }

    #[tokio::test]
    async fn the_first_signal_drains_and_the_second_forces() {
        for (obeys, expected) in [(true, End::Drained), (false, End::Forced)] {
            let mut tasks = Tasks::default();
            let stop = tasks.stop();
            tasks.spawn("work", async move {
                if obeys { stop.cancelled().await } else { std::future::pending().await }
            });
            // One signal only, or one after the other.
            let mut left = if obeys { 1 } else { 2 };
            let end =
                tasks.run(async || if left > 0 { left -= 1 } else { std::future::pending().await }).await;
            assert_eq!(end, expected);
        }
    }
}
