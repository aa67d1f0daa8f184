//! What the log on one node costs with very many streams.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use eventlog::{Category, EventLog, NewEntry, Position, StreamId};
use futures_util::TryStreamExt;
use tempfile::TempDir;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::{
    logs::{self, Kind, Servers},
    machine::resident_mib,
    measure::{Spread, rate, state},
    settings::Settings,
};

/// Appends at once.
const IN_FLIGHT: u64 = 256;
/// The size of a body.
const BODY_LEN: usize = 400;
/// Streams that are looked at afterwards.
const LOOKED_AT: u64 = 1_000;

/// On the logs that fill fast enough. What is looked at is the same whether the server syncs always or not.
pub async fn run(settings: &Settings) -> anyhow::Result<()> {
    for &kind in settings.logs.iter().filter(|kind| matches!(kind, Kind::Sqlite | Kind::NatsUnsynced)) {
        for &count in &settings.streams {
            on(kind, count).await?;
        }
    }
    Ok(())
}

/// One entry for each stream, then a few of them are read and added to, then the log is opened again.
async fn on(kind: Kind, count: u64) -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let (log, mut servers) = logs::open(kind, folder.path()).await?;
    let seed = Uuid::new_v4();
    let tenth = count / 10;
    let first = fill(&log, seed, 0..tenth).await?;
    fill(&log, seed, tenth..count - tenth).await?;
    let last = fill(&log, seed, count - tenth..count).await?;
    let filled = memory(&servers);
    let followed = follow(log.as_ref(), count).await?;
    let (read, append) = look(log.as_ref(), seed, count).await?;
    log.close().await;
    drop(log);
    let started = Instant::now();
    let log = logs::again(kind, folder.path(), &mut servers).await?;
    let opened = started.elapsed();
    let (again, _) = look(log.as_ref(), seed, count).await?;
    let reopened = memory(&servers);
    log.close().await;
    state(
        &format!("log, {}, {count} streams", kind.name()),
        format_args!(
            "appends {first:.0}/s at first, {last:.0}/s at last; follow {followed:.0}/s; read p50 {:.3} ms, p99 {:.3} ms; \
             append alone p50 {:.3} ms, p99 {:.3} ms; opened again in {opened:.1?}, then read p50 {:.3} ms; memory {filled:.0} MiB, \
             opened again {reopened:.0} MiB",
            read.at(0.5),
            read.at(0.99),
            append.at(0.5),
            append.at(0.99),
            again.at(0.5),
        ),
    );
    Ok(())
}

/// Of the process that keeps the log, in MiB.
fn memory(servers: &Servers) -> f64 {
    let server = match servers {
        Servers::One(server) => server.process_id(),
        Servers::None | Servers::Three(_) => None,
    };
    resident_mib(server.unwrap_or_else(std::process::id))
}

/// Entries per second.
async fn follow(log: &dyn EventLog, count: u64) -> anyhow::Result<f64> {
    let started = Instant::now();
    let mut entries = log.follow(Position::NONE, &[Category::new("case")?]);
    for _ in 0..count {
        entries.try_next().await?;
    }
    Ok(rate(usize::try_from(count)?, started))
}

/// Appends per second.
async fn fill(log: &Arc<dyn EventLog>, seed: Uuid, streams: std::ops::Range<u64>) -> anyhow::Result<f64> {
    let started = Instant::now();
    let count = usize::try_from(streams.end - streams.start)?;
    let next = Arc::new(AtomicU64::new(streams.start));
    let mut tasks = JoinSet::new();
    for _ in 0..IN_FLIGHT {
        let (log, next) = (Arc::clone(log), Arc::clone(&next));
        tasks.spawn(async move {
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= streams.end {
                    return anyhow::Ok(());
                }
                log.append(Position::NONE, entry(&name(seed, n)?)).await?;
            }
        });
    }
    while let Some(task) = tasks.join_next().await {
        task??;
    }
    Ok(rate(count, started))
}

/// Milliseconds of reading one stream, and of adding to it.
async fn look(log: &dyn EventLog, seed: Uuid, count: u64) -> anyhow::Result<(Spread, Spread)> {
    let (mut read, mut append) = (Spread::default(), Spread::default());
    let millis = |time: Duration| time.as_secs_f64() * 1_000.0;
    for n in 0..LOOKED_AT.min(count) {
        let stream = name(seed, n * (count / LOOKED_AT.min(count)))?;
        let started = Instant::now();
        let entries: Vec<_> = log.read(&stream).try_collect().await?;
        read.0.push(millis(started.elapsed()));
        let tail = entries.last().map_or(Position::NONE, |entry| entry.position);
        let started = Instant::now();
        log.append(tail, entry(&stream)).await?;
        append.0.push(millis(started.elapsed()));
    }
    Ok((read, append))
}

/// Ids that follow each other say nothing about where an index is written: these do not.
fn name(seed: Uuid, n: u64) -> anyhow::Result<StreamId> {
    Ok(StreamId::new(&Category::new("case")?, domain::ids::derive(seed, &n.to_string()))?)
}

fn entry(stream: &StreamId) -> NewEntry {
    NewEntry {
        id: Uuid::new_v4(),
        stream: stream.clone(),
        traceparent: None,
        body: vec![b'x'; BODY_LEN].into(),
    }
}
