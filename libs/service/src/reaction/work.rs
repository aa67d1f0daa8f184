//! What is taken up and not done: lanes side by side, each in order.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    future::Future,
    pin::Pin,
    sync::PoisonError,
    time::Duration,
};

use eventlog::{Entry, Position};
use futures_util::{StreamExt, stream::FuturesUnordered};
use tracing::Instrument;

use super::{Error, LANES_MAX, Reaction, Runner, WAITS_FROM};
use crate::{backoff, telemetry};

/// The entries between what is stored as done and what was read last.
pub(super) struct Work<'r, R> {
    runner: &'r Runner<R>,
    read_to: Position,
    wanted_to: Position,
    open: BTreeSet<Position>,
    /// Those of them that have not failed again and again: what is to be done soon.
    soon: BTreeSet<Position>,
    /// Of each lane that has a task: what comes after it.
    lanes: HashMap<String, VecDeque<Task>>,
    ready: VecDeque<(String, Task)>,
    running: FuturesUnordered<Boxed<'r, (String, Task, End)>>,
    resting: FuturesUnordered<Boxed<'r, (String, Task)>>,
}

/// After this an entry that rests is asked again, however long it wanted to: a clock may have been set.
const REST_MAX: Duration = Duration::from_secs(60);

type Boxed<'r, T> = Pin<Box<dyn Future<Output = T> + Send + 'r>>;

/// One entry to be taken up.
struct Task {
    entry: Entry,
    failures: u32,
    parked: bool,
}

/// What one attempt came to.
enum End {
    Done,
    Later,
    Rest(Duration),
}

impl<'r, R: Reaction> Work<'r, R> {
    /// Nothing, after `from`.
    pub(super) fn new(runner: &'r Runner<R>, from: Position) -> Self {
        Self {
            runner,
            read_to: from,
            wanted_to: from,
            open: BTreeSet::new(),
            soon: BTreeSet::new(),
            lanes: HashMap::new(),
            ready: VecDeque::new(),
            running: FuturesUnordered::new(),
            resting: FuturesUnordered::new(),
        }
    }

    /// How many entries are taken up and not done.
    pub(super) fn window(&self) -> usize {
        self.open.len()
    }

    /// Up to where everything is done.
    pub(super) fn done(&self) -> Position {
        self.open.first().map_or(self.read_to, |first| Position(first.0.saturating_sub(1)))
    }

    /// Up to where nothing is to be done soon: everything is done, or was tried again and again.
    pub(super) fn tried(&self) -> Position {
        self.soon.first().map_or(self.read_to, |first| Position(first.0.saturating_sub(1)))
    }

    /// The last entry that was to be taken up.
    pub(super) fn wanted_to(&self) -> Position {
        self.wanted_to
    }

    /// The next entry of the log is of no concern.
    pub(super) fn pass(&mut self, entry: &Entry) {
        self.read_to = entry.position;
    }

    /// The next entry of the log.
    pub(super) fn add(&mut self, entry: Entry) {
        self.read_to = entry.position;
        self.wanted_to = entry.position;
        self.open.insert(entry.position);
        self.soon.insert(entry.position);
        self.queue(Task { entry, failures: 0, parked: false });
    }

    /// Entries that were set aside.
    pub(super) fn add_parked(&mut self, entries: Vec<Entry>) {
        for entry in entries {
            self.queue(Task { entry, failures: 0, parked: true });
        }
    }

    /// Begins what has a place.
    pub(super) fn start(&mut self) {
        while self.running.len() < LANES_MAX
            && let Some((lane, task)) = self.ready.pop_front()
        {
            let runner = self.runner;
            self.running.push(Box::pin(async move {
                let end = runner.attempt(&task).await;
                (lane, task, end)
            }));
        }
    }

    /// Returns when an attempt has ended or one that waited is to be made again; never, if there is nothing.
    pub(super) async fn step(&mut self) {
        tokio::select! {
            Some((lane, task, end)) = self.running.next() => match end {
                End::Done => self.next(lane, &task),
                End::Later => self.again(lane, task),
                End::Rest(time) => self.rest(lane, task, time),
            },
            Some(rested) = self.resting.next() => self.ready.push_back(rested),
            else => std::future::pending().await,
        }
    }

    /// Returns when every attempt that was begun has ended; none begins.
    pub(super) async fn finish(&mut self) {
        while let Some((lane, task, end)) = self.running.next().await {
            if let End::Done = end {
                self.next(lane, &task);
            }
        }
    }

    fn queue(&mut self, task: Task) {
        let lane = self.runner.reaction.lane(&task.entry);
        if let Some(behind) = self.lanes.get_mut(&lane) {
            behind.push_back(task);
        } else {
            self.lanes.insert(lane.clone(), VecDeque::new());
            self.ready.push_back((lane, task));
        }
    }

    fn next(&mut self, lane: String, done: &Task) {
        if !done.parked {
            self.open.remove(&done.entry.position);
            self.soon.remove(&done.entry.position);
        }
        match self.lanes.get_mut(&lane).and_then(VecDeque::pop_front) {
            Some(next) => self.ready.push_back((lane, next)),
            None => drop(self.lanes.remove(&lane)),
        }
    }

    fn again(&mut self, lane: String, mut task: Task) {
        task.failures = task.failures.saturating_add(1);
        if task.failures >= WAITS_FROM {
            self.soon.remove(&task.entry.position);
        }
        self.resting.push(Box::pin(async move {
            backoff::wait(task.failures, Duration::from_millis(50), Duration::from_secs(5)).await;
            (lane, task)
        }));
    }

    fn rest(&mut self, lane: String, mut task: Task, time: Duration) {
        task.failures = 0;
        self.soon.remove(&task.entry.position);
        self.resting.push(Box::pin(async move {
            tokio::time::sleep(time.min(REST_MAX)).await;
            (lane, task)
        }));
    }
}

impl<R: Reaction> Runner<R> {
    /// Remembers that an entry waits, or that it does no more.
    fn waits(&self, entry: &Entry, reason: Option<&String>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        match reason {
            Some(reason) => drop(waiting.insert(entry.position, (entry.stream.to_string(), reason.clone()))),
            None => drop(waiting.remove(&entry.position)),
        }
    }

    /// Another process may go on with what waited here.
    pub(super) fn nothing_waits(&self) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    async fn attempt(&self, task: &Task) -> End {
        let Task { entry, failures, parked } = task;
        // The trace of what caused the entry goes on here.
        let (reaction, position) = (self.reaction.name(), entry.position.0);
        let span = tracing::info_span!("react", reaction, position, trace_id = tracing::field::Empty);
        telemetry::continue_trace(&span, entry.traceparent.as_deref());
        let ended = match self.reaction.react(entry).instrument(span).await {
            Ok(()) if *parked => self.unpark(entry).await.map_err(|error| error.to_string()),
            Ok(()) => Ok(()),
            Err(Error::Never(_)) if *parked => Ok(()),
            Err(Error::Never(reason)) => self.park(entry, &reason).await.map_err(|error| error.to_string()),
            Err(Error::Later(reason)) => Err(reason),
            Err(Error::Rest(time)) => {
                self.waits(entry, None);
                return End::Rest(time);
            }
        };
        let Err(reason) = ended else {
            self.waits(entry, None);
            return End::Done;
        };
        self.waits(entry, (*failures >= WAITS_FROM).then_some(&reason));
        // Again and again, but not told each time.
        if failures.saturating_add(1).is_power_of_two() {
            tracing::warn!(reaction, position, stream = %entry.stream, reason, failures, "an entry waits; trying again");
        }
        End::Later
    }
}
