//! A log in memory that fails as a cluster fails, the same way again for the same seed.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use tokio::{
    sync::{oneshot, watch},
    task::yield_now,
};
use uuid::Uuid;

use crate::{
    AppendError, Category, Entry, Error, EventLog, NewEntry, Position, StreamId,
    attempts::{self, Answer, Server},
    rng::Rng,
};

/// How many turns of the scheduler a request takes at most.
const TURNS_MAX: u64 = 3;
/// How many requests of anybody a write in flight takes at most.
const FLIGHT_MAX: u64 = 12;

/// What goes wrong, each in percent of the requests. None of it breaks a promise of [`EventLog`], except
/// [`unsynced`](Faults::unsynced).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// An append answers [`Error::Unavailable`] to its caller; half of them after it was written.
    pub unknown: u8,
    /// The server never hears of an attempt; the append tries again inside.
    pub lost_request: u8,
    /// The server stores an attempt, and its answer is lost; the append tries again inside.
    pub lost_answer: u8,
    /// A write stays in flight for a while: nobody can read it, and others on its stream are refused meanwhile
    /// (10164 on NATS), although a read still shows the old tail.
    pub slow_write: u8,
    /// The server looks for duplicates before it looks at the tail, as a cluster does. Its acknowledgement of a
    /// duplicate says nothing of what is stored.
    pub duplicate_first: bool,
    /// A read breaks off with [`Error::Unavailable`], after some of its entries or before the first.
    pub broken_read: u8,
    /// A follower sees an entry later than a reader does.
    pub slow_follow: u8,
    /// A position is left out.
    pub gap: u8,
    /// The server acknowledges before it syncs: [`SimLog::crash`] loses what came after the last
    /// [`SimLog::sync`]. A site that runs like this is refused in production.
    pub unsynced: bool,
}

impl Faults {
    /// Everything that may happen to a log that is run as it must be, but for reads that break off: who tests promises
    /// wants to read what is there.
    pub const STORM: Self = Self {
        unknown: 10,
        lost_request: 10,
        lost_answer: 10,
        slow_write: 30,
        duplicate_first: true,
        broken_read: 0,
        slow_follow: 30,
        gap: 10,
        unsynced: false,
    };
}

/// A simulated log. Clones are the same log.
///
/// On a runtime of one thread everything that it does follows from its seed and from the order of the calls. It
/// takes no time: what is slow takes turns of the scheduler.
#[derive(Clone, Debug)]
pub struct SimLog {
    faults: Faults,
    state: Arc<Mutex<State>>,
    changes: watch::Sender<u64>,
}

#[derive(Debug)]
struct State {
    rng: Rng,
    /// Requests so far: the clock of the simulation.
    now: u64,
    entries: Vec<Entry>,
    /// How many of them a crash leaves.
    synced: usize,
    last: Position,
    flights: Vec<Flight>,
    /// What the server's filter for duplicates has seen.
    seen: HashSet<(StreamId, Position, Uuid)>,
}

/// An accepted write that is not stored yet.
#[derive(Debug)]
struct Flight {
    lands: u64,
    entry: NewEntry,
    landed: oneshot::Sender<Position>,
}

impl SimLog {
    /// An empty log.
    pub fn new(seed: u64, faults: Faults) -> Self {
        let state = State {
            rng: Rng::new(seed),
            now: 0,
            entries: Vec::new(),
            synced: 0,
            last: Position::NONE,
            flights: Vec::new(),
            seen: HashSet::new(),
        };
        Self { faults, state: Arc::new(Mutex::new(state)), changes: watch::Sender::new(0) }
    }

    /// The power is cut and comes back. Writes in flight are lost or not, whatever is unsynced is lost; followers
    /// go on from where they were.
    pub fn crash(&self) {
        let mut state = self.state();
        for flight in std::mem::take(&mut state.flights) {
            if state.rng.percent(50) {
                state.land(flight.entry, self.faults);
            }
        }
        let synced = state.synced;
        state.entries.truncate(synced);
        state.last = state.entries.last().map_or(Position::NONE, |entry| entry.position);
        state.seen.clear();
        drop(state);
        self.changed();
    }

    /// Everything that was acknowledged so far survives a crash.
    pub fn sync(&self) {
        let mut state = self.state();
        state.synced = state.entries.len();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn changed(&self) {
        self.changes.send_modify(|changes| *changes += 1);
    }

    /// A request reaches the server after some turns, during which others go first.
    async fn request(&self) -> MutexGuard<'_, State> {
        let turns = self.state().rng.below(TURNS_MAX + 1);
        for _ in 0..turns {
            yield_now().await;
        }
        self.tick()
    }

    /// Lets one unit of time pass, and lands what has arrived by now.
    fn tick(&self) -> MutexGuard<'_, State> {
        let mut state = self.state();
        state.now += 1;
        let now = state.now;
        let landing: Vec<Flight> = state.flights.extract_if(.., |flight| flight.lands <= now).collect();
        let some = !landing.is_empty();
        for flight in landing {
            let position = state.land(flight.entry, self.faults);
            // Nobody waits for an answer that was lost.
            flight.landed.send(position).ok();
        }
        if some {
            self.changed();
        }
        state
    }

    /// What the server does with one attempt; the answer may come later.
    fn accept(&self, state: &mut State, expected: Position, entry: &NewEntry) -> Result<Accepted, Error> {
        if state.rng.percent(self.faults.lost_request) {
            return Err(Error::Unavailable("simulated: the request is lost".into()));
        }
        if self.faults.duplicate_first && state.seen.contains(&(entry.stream.clone(), expected, entry.id)) {
            return Ok(Accepted::Now(Answer::Duplicate));
        }
        if state.flights.iter().any(|flight| flight.entry.stream == entry.stream) {
            return Ok(Accepted::Now(Answer::InFlight));
        }
        if state.tail(&entry.stream) != expected {
            return Ok(Accepted::Now(Answer::Conflict));
        }
        state.seen.insert((entry.stream.clone(), expected, entry.id));
        let accepted = if state.rng.percent(self.faults.slow_write) {
            let (landed, lands) = oneshot::channel();
            let due = state.now + 1 + state.rng.below(FLIGHT_MAX);
            state.flights.push(Flight { lands: due, entry: entry.clone(), landed });
            Accepted::Later(lands)
        } else {
            Accepted::Now(Answer::Stored(state.land(entry.clone(), self.faults)))
        };
        self.changed();
        if state.rng.percent(self.faults.lost_answer) {
            return Err(Error::Unavailable("simulated: the answer is lost".into()));
        }
        Ok(accepted)
    }

    /// The first entry after `after` that is in `categories`; waits for it.
    async fn following(&self, after: Position, categories: &[Category]) -> Option<Entry> {
        let mut changes = self.changes.subscribe();
        loop {
            let waits = {
                let mut state = self.request().await;
                let wanted = state.after(after).iter().find(|entry| entry.is_of(categories)).cloned();
                let slow = state.rng.percent(self.faults.slow_follow);
                match wanted {
                    Some(entry) if !slow => return Some(entry),
                    Some(_) => false,
                    // Time passes with requests: with a write in flight this one must come again.
                    None => state.flights.is_empty(),
                }
            };
            if waits {
                changes.changed().await.ok()?;
            }
        }
    }
}

enum Accepted {
    Now(Answer),
    Later(oneshot::Receiver<Position>),
}

impl State {
    fn tail(&self, stream: &StreamId) -> Position {
        let last = self.entries.iter().rev().find(|entry| entry.stream == *stream);
        last.map_or(Position::NONE, |entry| entry.position)
    }

    fn after(&self, position: Position) -> &[Entry] {
        &self.entries[self.entries.partition_point(|entry| entry.position <= position)..]
    }

    fn land(&mut self, entry: NewEntry, faults: Faults) -> Position {
        let step = 1 + u64::from(self.rng.percent(faults.gap));
        self.last = Position(self.last.0 + step);
        let NewEntry { id, stream, traceparent, body } = entry;
        self.entries.push(Entry { position: self.last, id, stream, traceparent, body });
        if !faults.unsynced {
            self.synced = self.entries.len();
        }
        self.last
    }
}

impl Server for SimLog {
    async fn publish(&self, expected: Position, entry: &NewEntry) -> Result<Answer, Error> {
        let accepted = {
            let mut state = self.request().await;
            self.accept(&mut state, expected, entry)?
        };
        let mut lands = match accepted {
            Accepted::Now(answer) => return Ok(answer),
            Accepted::Later(lands) => lands,
        };
        loop {
            match lands.try_recv() {
                Ok(position) => return Ok(Answer::Stored(position)),
                Err(oneshot::error::TryRecvError::Empty) => {
                    drop(self.tick());
                    yield_now().await;
                }
                Err(oneshot::error::TryRecvError::Closed) => {
                    return Err(Error::Unavailable("simulated: the server crashed".into()));
                }
            }
        }
    }

    async fn next(&self, stream: &StreamId, after: Position) -> Result<Option<Entry>, Error> {
        let state = self.request().await;
        Ok(state.after(after).iter().find(|entry| entry.stream == *stream).cloned())
    }

    async fn pause(&self, attempt: u32) {
        let turns = self.state().rng.below(FLIGHT_MAX) * u64::from(attempt);
        for _ in 0..turns {
            drop(self.tick());
            yield_now().await;
        }
    }
}

#[async_trait::async_trait]
impl EventLog for SimLog {
    async fn append(&self, expected: Position, entry: NewEntry) -> Result<Position, AppendError> {
        entry.check()?;
        let (unknown, written) = {
            let mut state = self.state();
            (state.rng.percent(self.faults.unknown), state.rng.percent(50))
        };
        if !unknown {
            return attempts::append(self, expected, &entry).await;
        }
        if written {
            attempts::append(self, expected, &entry).await.ok();
        }
        Err(Error::Unavailable("simulated: the outcome is unknown".into()).into())
    }

    fn read_after(&self, stream: &StreamId, after: Position) -> BoxStream<'static, Result<Entry, Error>> {
        let mut state = self.state();
        let there = state.after(after).iter().filter(|entry| entry.stream == *stream);
        let mut entries: Vec<_> = there.cloned().map(Ok).collect();
        if state.rng.percent(self.faults.broken_read) {
            let kept = state.rng.below(entries.len() as u64 + 1);
            entries.truncate(usize::try_from(kept).unwrap_or(0));
            entries.push(Err(Error::Unavailable("simulated: the read breaks off".into())));
        }
        drop(state);
        stream::iter(entries).boxed()
    }

    async fn tail(&self, categories: &[Category]) -> Result<Position, Error> {
        let state = self.state();
        let last = state.entries.iter().rev().find(|entry| entry.is_of(categories));
        Ok(last.map_or(Position::NONE, |entry| entry.position))
    }

    fn follow(&self, after: Position, categories: &[Category]) -> BoxStream<'static, Result<Entry, Error>> {
        let (log, categories) = (self.clone(), categories.to_vec());
        stream::unfold(after, move |after| {
            let (log, categories) = (log.clone(), categories.clone());
            async move {
                let entry = log.following(after, &categories).await?;
                let position = entry.position;
                Some((Ok(entry), position))
            }
        })
        .boxed()
    }
}
