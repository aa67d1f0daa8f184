//! What was promised, and when that changed: every version of the policy that says something else about service levels.

use std::sync::Arc;

use domain::{
    decider::fold,
    policy::{self, State},
    sla::{Book, Edition, Fact, Position as Place, What},
};
use eventlog::Position;
use futures_util::TryStreamExt;
use service::{
    Error,
    envelope::{Envelope, Origin},
    policies::Policies,
    transact,
};
use tokio::sync::Mutex;

use crate::{act::no::No, core::Core};

/// Versions that are remembered. What was promised under an older one is not known any more.
const EDITIONS_MAX: usize = 1_000;

/// The promises, read from the policy's stream as far as it goes.
#[derive(Default)]
pub struct Promises(Mutex<Read>);

/// What was read.
#[derive(Clone, Default)]
struct Read {
    state: State,
    version: Position,
    told: Arc<Told>,
}

/// The promises up to a version of the policy.
#[derive(Clone, Default)]
pub struct Told {
    /// Each version that says something else than the one before it.
    pub book: Book,
    /// When each came into force.
    applied: Vec<Fact>,
}

impl Told {
    /// Whether nothing was ever promised to anybody.
    pub fn is_empty(&self) -> bool {
        self.book.0.values().all(Edition::is_empty)
    }

    /// The version that changes with what is promised, and with nothing else.
    pub fn last(&self) -> u64 {
        self.book.0.keys().next_back().copied().unwrap_or_default()
    }

    /// The version in which stands what held under `version`.
    pub fn version(&self, version: u64) -> u64 {
        self.book.0.range(..=version).next_back().map_or(version, |(version, _)| *version)
    }

    /// The changes that came into force after `version`.
    pub fn applied_after(&self, version: u64) -> impl Iterator<Item = &Fact> {
        self.applied.iter().filter(move |fact| fact.position.entry > version)
    }

    fn add(&mut self, edition: Edition, fact: Fact) {
        let before = self.book.0.values().next_back();
        let is_same = before.map_or_else(
            || edition.is_empty(),
            |before| (before.is_empty() && edition.is_empty()) || *before == edition,
        );
        if is_same {
            return;
        }
        self.book.0.insert(fact.position.entry, edition);
        self.applied.push(fact);
        if self.book.0.len() > EDITIONS_MAX {
            self.book.0.pop_first();
            self.applied.remove(0);
        }
    }
}

impl Core {
    /// The promises, at least up to a version that somebody was seen to go by.
    pub async fn promises(&self, at_least: u64) -> Result<Arc<Told>, Error> {
        let mut read = self.promises.0.lock().await;
        let wanted = self.policies.current().version.max(Position(at_least));
        if read.version < wanted {
            let mut further = read.clone();
            further.on(self, &self.policies).await?;
            // Of what was asked for there may be no entry: it is not looked for again.
            further.version = further.version.max(wanted);
            *read = further;
        }
        Ok(Arc::clone(&read.told))
    }
}

impl Read {
    async fn on(&mut self, core: &Core, policies: &Policies) -> Result<(), Error> {
        let mut entries = core.shell.log.read_after(policies.stream(), self.version);
        while let Some(entry) = entries.try_next().await? {
            let envelope = Envelope::<policy::Event>::of(&entry).map_err(transact::Error::<No>::from)?;
            self.state = fold(std::mem::take(&mut self.state), &envelope.events);
            self.state.stamp(entry.position.0);
            self.version = entry.position;
            let set = self.state.set();
            let edition = set.sla_edition(set.sla_hours());
            let position = Place { entry: entry.position.0, event: 0 };
            let told = Arc::make_mut(&mut self.told);
            if told.book.0.is_empty() {
                // What is decided under no policy is promised nothing.
                told.book.0.insert(0, Edition::default());
            }
            told.add(
                edition,
                Fact {
                    occurred: envelope.occurred_at,
                    recorded: envelope.recorded_at,
                    position,
                    live: envelope.origin != Origin::Import,
                    what: What::PolicyApplied { version: position.entry },
                },
            );
        }
        Ok(())
    }
}
