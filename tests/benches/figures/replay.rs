//! The log read again: as it is, and as states.

use std::{collections::HashMap, sync::Arc, time::Instant};

use domain::{case, decider::Decider, ids::CaseId};
use eventlog::{Category, EventLog, NewEntry, Position, StreamId};
use futures_util::TryStreamExt;
use service::{
    clock::SystemClock,
    transact::{Aggregate, Transactor},
};
use tempfile::TempDir;
use tests::world::World;

use crate::{
    logs::{self, Kind},
    measure::{Target, compare, rate},
    seed::{Desk, stream_of},
    settings::Settings,
};

/// Entries of each case.
pub const ENTRIES_A_CASE: usize = 20;
/// What decoding and folding may cost.
const LEAST: f64 = 0.5;
/// How much longer a state may take than its bytes.
const MOST: f64 = 2.0;
/// Cases that are loaded for one figure.
const LOADED_MAX: usize = 200;

/// On SQLite with every number of cases; the cold load on every log.
pub async fn run(settings: &Settings) -> anyhow::Result<()> {
    for &cases in &settings.cases {
        let world = World::start().await;
        let log = Arc::clone(&world.platform.shell.log);
        let desk = Desk::open(&world, cases).await?;
        desk.work(log.as_ref(), ENTRIES_A_CASE).await?;
        replay(log.as_ref(), cases, settings).await?;
        for &kind in &settings.logs {
            if kind == Kind::Sqlite {
                load(kind, cases, &world, Arc::clone(&log), &desk.cases, settings).await?;
                continue;
            }
            let folder = TempDir::new()?;
            let (copy, _servers) = logs::open(kind, folder.path()).await?;
            let some = &desk.cases[..desk.cases.len().min(LOADED_MAX)];
            for case in some {
                let mut tail = Position::NONE;
                for entry in stream_of(log.as_ref(), *case).await? {
                    let eventlog::Entry { id, stream, traceparent, body, .. } = entry;
                    tail = copy.append(tail, NewEntry { id, stream, traceparent, body }).await?;
                }
            }
            load(kind, cases, &world, copy, some, settings).await?;
        }
        world.end().await;
    }
    Ok(())
}

/// Every entry of every case: followed, and folded.
async fn replay(log: &dyn EventLog, cases: usize, settings: &Settings) -> anyhow::Result<()> {
    let category = [Category::new(case::State::CATEGORY)?];
    let count = cases * ENTRIES_A_CASE;
    let raw = async || {
        let started = Instant::now();
        let mut entries = log.follow(Position::NONE, &category);
        for _ in 0..count {
            entries.try_next().await?;
        }
        Ok(rate(count, started))
    };
    let folded = async || {
        let started = Instant::now();
        let mut entries = log.follow(Position::NONE, &category);
        let mut states: HashMap<StreamId, Aggregate<case::State>> = HashMap::new();
        for _ in 0..count {
            let Some(entry) = entries.try_next().await? else { break };
            match states.get_mut(&entry.stream) {
                Some(state) => state.apply(&entry)?,
                None => states.entry(entry.stream.clone()).or_default().apply(&entry)?,
            }
        }
        anyhow::ensure!(states.len() == cases, "{} states of {cases} cases", states.len());
        Ok(rate(count, started))
    };
    let what = format!("replay, sqlite, {cases} cases (entries)");
    compare(&what, Target::AtLeast(LEAST), settings.rounds, raw, folded).await
}

/// One case after the other, none of them hot.
async fn load(
    kind: Kind,
    cases: usize,
    world: &World,
    log: Arc<dyn EventLog>,
    some: &[CaseId],
    settings: &Settings,
) -> anyhow::Result<()> {
    let vault = Arc::clone(&world.platform.shell.vault);
    let transactor = Transactor::<case::State>::new("local", Arc::clone(&log), vault, Arc::new(SystemClock));
    // Spread over the log, so that it is not the same few pages.
    let step = some.len().div_ceil(LOADED_MAX);
    let streams: Vec<StreamId> =
        some.iter().step_by(step).map(|case| transactor.stream(case)).collect::<Result<_, _>>()?;
    let raw = async || {
        let started = Instant::now();
        for stream in &streams {
            let entries: Vec<_> = log.read(stream).try_collect().await?;
            anyhow::ensure!(entries.len() == ENTRIES_A_CASE, "{} entries in {stream}", entries.len());
        }
        Ok(rate(streams.len(), started))
    };
    let loaded = async || {
        let started = Instant::now();
        for stream in &streams {
            let loaded = transactor.load::<case::Error>(stream).await?;
            anyhow::ensure!(loaded.state.case().is_some(), "no case in {stream}");
        }
        Ok(rate(streams.len(), started))
    };
    let what = format!("cold load, {}, {cases} cases (cases of {ENTRIES_A_CASE})", kind.name());
    compare(&what, Target::Times(MOST), settings.rounds, raw, loaded).await
}
