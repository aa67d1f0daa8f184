//! Whether a process can do its work, and what of it waits.
//!
//! Ready and degraded are two things. A process is not ready when the log or a store cannot be reached, when a read model
//! is still being built, or when it, a reaction, the policy or the timers stand still. A stream that is parked degrades it, and is named: no replica can do better, and the
//! others go on.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use domain::time::Timestamp;
use eventlog::{Entry, EventLog, Position, StreamId};
use futures_util::TryStreamExt;
use opentelemetry::{KeyValue, metrics::Gauge};
use serde::Deserialize;
use tokio::{sync::watch, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{operations::AnyModel, reaction::AnyReaction, store};

/// How often everything is looked at.
pub const LOOK: Duration = Duration::from_secs(2);
/// How soon it is looked again while the process is not ready: whoever waits for it shall not wait longer than need be.
pub const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// How long the log or a store may take to answer.
pub const ANSWER_MAX: Duration = Duration::from_secs(5);
/// Failures in a row after which something is said to stand still.
pub const FAILURES_MAX: u32 = 3;
/// Parked streams of one read model or reaction that are named.
pub const NAMED_MAX: usize = 20;
/// How long something must go on without a failure to be well again.
const CALM: Duration = Duration::from_secs(2);

/// What a process says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Why it is not ready; nothing: it is.
    pub reasons: Vec<String>,
    /// What waits while everything else goes on.
    pub degraded: Vec<Degraded>,
}

/// A stream that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Degraded {
    /// The read model or the reaction.
    pub name: &'static str,
    /// The stream.
    pub stream: String,
    /// Its first entry that waits; none where it is no entry that waits.
    pub position: Position,
    /// Why. Nobody's data.
    pub reason: String,
    /// When that entry was recorded.
    pub since: Option<Timestamp>,
}

/// Something that fails again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Why, the last time.
    pub reason: String,
    /// How often in a row.
    pub failures: u32,
    /// When it last was well.
    pub since: SystemTime,
}

/// Whether something that runs for ever gets on. It says so itself.
#[derive(Debug, Default)]
pub struct Pulse(Mutex<Beat>);

#[derive(Debug, Default)]
struct Beat {
    standing: Option<Standing>,
    trying_since: Option<Instant>,
}

impl Pulse {
    /// It failed, so often in a row.
    pub fn failed(&self, reason: &impl std::fmt::Display, failures: u32) {
        let mut beat = self.beat();
        let since = beat.standing.as_ref().map_or_else(SystemTime::now, |standing| standing.since);
        *beat = Beat {
            standing: Some(Standing { reason: reason.to_string(), failures, since }),
            trying_since: None,
        };
    }

    /// It has begun anew. If it does not fail for a while, it is well.
    pub fn trying(&self) {
        self.beat().trying_since = Some(Instant::now());
    }

    /// It gets on.
    pub fn well(&self) {
        *self.beat() = Beat::default();
    }

    /// That it fails, if it does.
    pub fn standing(&self) -> Option<Standing> {
        let beat = self.beat();
        let calm = beat.trying_since.is_some_and(|since| since.elapsed() >= CALM);
        beat.standing.clone().filter(|_| !calm)
    }

    fn beat(&self) -> MutexGuard<'_, Beat> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Something else that runs for ever.
pub trait Runs: Send + Sync {
    /// What operators call it.
    fn name(&self) -> &'static str;
    /// That it fails again and again, if it does.
    fn standing(&self) -> Option<Standing>;
    /// Streams with which it fails while it gets on with others, and why.
    fn failing(&self) -> Vec<(String, String)> {
        Vec::new()
    }
}

/// What a store says of entries that were set aside: stream, position, reason.
type Parked = Result<Vec<(String, u64, String)>, store::Error>;

/// Looks at the parts of a process.
pub struct Health {
    log: Arc<dyn EventLog>,
    models: Vec<Arc<dyn AnyModel>>,
    reactions: Vec<Arc<dyn AnyReaction>>,
    others: Vec<Arc<dyn Runs>>,
    held: Mutex<Option<&'static str>>,
    now: watch::Sender<State>,
    parked: Gauge<u64>,
    ready: Gauge<u64>,
}

impl Health {
    /// Of these. Nothing is looked at yet.
    pub fn new(
        log: Arc<dyn EventLog>,
        models: Vec<Arc<dyn AnyModel>>,
        reactions: Vec<Arc<dyn AnyReaction>>,
        others: Vec<Arc<dyn Runs>>,
    ) -> Self {
        let meter = opentelemetry::global::meter("dossier");
        let parked =
            meter.u64_gauge("parked_streams").with_description("Streams that wait, by who cannot go on.");
        let ready = meter.u64_gauge("ready").with_description("Whether the process can do its work.");
        let (parked, ready) = (parked.build(), ready.build());
        Self {
            log,
            models,
            reactions,
            others,
            held: Mutex::default(),
            now: watch::Sender::default(),
            parked,
            ready,
        }
    }

    /// What the process says of itself.
    pub fn state(&self) -> watch::Receiver<State> {
        self.now.subscribe()
    }

    /// Says that the process is not ready, and why, until it is told that nothing is to be waited for any more.
    pub async fn hold(&self, reason: Option<&'static str>) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = reason;
        self.look().await;
    }

    /// Looks again and again until `stop`.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let looking = async {
            loop {
                self.look().await;
                let ready = self.now.borrow().reasons.is_empty();
                tokio::time::sleep(if ready { LOOK } else { LOOK_AGAIN }).await;
            }
        };
        stop.run_until_cancelled(looking).await;
    }

    /// Looks at everything once.
    pub async fn look(&self) {
        let mut state = State::default();
        let held = *self.held.lock().unwrap_or_else(PoisonError::into_inner);
        state.reasons.extend(held.map(str::to_owned));
        match timeout(ANSWER_MAX, self.log.tail(&[])).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => state.reasons.push(format!("the log cannot be reached: {error}")),
            Err(_) => state.reasons.push("the log does not answer".to_owned()),
        }
        for model in &self.models {
            let name = model.name();
            if let Some((position, of)) = model.building() {
                let reason = format!("the read model {name} is being built: {position} of {of}");
                state.reasons.push(reason);
            }
            stands(&mut state, &format!("read model {name}"), model.standing());
            self.waits(&mut state, name, timeout(ANSWER_MAX, model.parked()).await.ok()).await;
        }
        for reaction in &self.reactions {
            let name = reaction.name();
            stands(&mut state, &format!("reaction {name}"), reaction.standing());
            self.waits(&mut state, name, timeout(ANSWER_MAX, reaction.parked()).await.ok()).await;
            let waiting = reaction.waiting().into_iter().take(NAMED_MAX);
            for (stream, Position(position), reason) in waiting {
                self.wait(&mut state, name, (stream, position, reason)).await;
            }
        }
        for other in &self.others {
            let name = other.name();
            stands(&mut state, name, other.standing());
            for (stream, reason) in other.failing().into_iter().take(NAMED_MAX) {
                let position = Position::NONE;
                state.degraded.push(Degraded { name, stream, position, reason, since: None });
            }
        }
        self.ready.record(u64::from(state.reasons.is_empty()), &[]);
        self.now.send_if_modified(|now| {
            let changed = *now != state;
            *now = state;
            changed
        });
    }

    async fn waits(&self, state: &mut State, name: &'static str, parked: Option<Parked>) {
        let parked = match parked {
            Some(Ok(parked)) => parked,
            Some(Err(error)) => {
                return state.reasons.push(format!("the store of {name} cannot be reached: {error}"));
            }
            None => return state.reasons.push(format!("the store of {name} does not answer")),
        };
        // The first entry of each stream: the others wait for it.
        let mut streams: BTreeMap<String, (u64, String)> = BTreeMap::new();
        for (stream, position, reason) in parked {
            streams.entry(stream).or_insert((position, reason));
        }
        self.parked.record(streams.len() as u64, &[KeyValue::new("name", name)]);
        for (stream, (position, reason)) in streams.into_iter().take(NAMED_MAX) {
            self.wait(state, name, (stream, position, reason)).await;
        }
    }

    async fn wait(
        &self,
        state: &mut State,
        name: &'static str,
        (stream, position, reason): (String, u64, String),
    ) {
        let position = Position(position);
        let told =
            self.now.borrow().degraded.iter().find(|told| told.position == position).map(|told| told.since);
        let since = match told.flatten() {
            Some(since) => Some(since),
            None => recorded_at(self.log.as_ref(), &stream, position).await,
        };
        state.degraded.push(Degraded { name, stream, position, reason, since });
    }
}

fn stands(state: &mut State, what: &str, standing: Option<Standing>) {
    if let Some(Standing { reason, failures, .. }) =
        standing.filter(|standing| standing.failures >= FAILURES_MAX)
    {
        state.reasons.push(format!("the {what} stands still after {failures} failures: {reason}"));
    }
}

/// When an entry was recorded, if the log says so.
pub async fn recorded_at(log: &dyn EventLog, stream: &str, position: Position) -> Option<Timestamp> {
    let stream = stream.parse::<StreamId>().ok()?;
    let mut entries = log.read_after(&stream, Position(position.0.saturating_sub(1)));
    let entry = timeout(ANSWER_MAX, entries.try_next()).await.ok()?.ok()??;
    (entry.position == position).then(|| head(&entry)).flatten()
}

/// When an entry was recorded. Its body may be of another version, or no body of ours at all.
pub fn head(entry: &Entry) -> Option<Timestamp> {
    /// What of a body is needed to list it.
    #[derive(Deserialize)]
    struct Head {
        recorded_at: Timestamp,
    }
    serde_json::from_slice::<Head>(&entry.body).ok().map(|head| head.recorded_at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_stands_until_it_gets_on() {
        let pulse = Pulse::default();
        assert_eq!(pulse.standing(), None);
        pulse.failed(&"away", 1);
        let first = pulse.standing().unwrap();
        pulse.trying();
        assert_eq!(pulse.standing().unwrap().failures, 1, "a new attempt alone makes nothing well");
        pulse.failed(&"still away", 2);
        let second = pulse.standing().unwrap();
        assert_eq!((second.reason.as_str(), second.failures, second.since), ("still away", 2, first.since));
        pulse.well();
        assert_eq!(pulse.standing(), None);
    }
}
