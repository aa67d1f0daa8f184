//! What the log on one node costs with very many streams.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use eventlog::{Category, EventLog, NewEntry, Position, SqliteLog, StreamId};
use futures_util::TryStreamExt;
use tempfile::TempDir;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::{
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

/// One entry for each stream, then a few of them are read and added to, then the log is opened again.
pub async fn run(settings: &Settings) -> anyhow::Result<()> {
    for &count in &settings.streams {
        let folder = TempDir::new()?;
        let path = folder.path().join("log.db");
        let log = SqliteLog::open(&path).await?;
        let seed = Uuid::new_v4();
        let tenth = count / 10;
        let first = fill(&log, seed, 0..tenth).await?;
        fill(&log, seed, tenth..count - tenth).await?;
        let last = fill(&log, seed, count - tenth..count).await?;
        let filled = resident_mib(std::process::id());
        let category = [Category::new("case")?];
        let started = Instant::now();
        let entries = log.follow(Position::NONE, &category);
        let mut entries = std::pin::pin!(entries);
        let mut seen = 0;
        while seen < count {
            entries.try_next().await?;
            seen += 1;
        }
        let followed = rate(usize::try_from(count)?, started);
        let (read, append) = look(&log, seed, count).await?;
        log.close().await;
        let started = Instant::now();
        let log = SqliteLog::open(&path).await?;
        let opened = started.elapsed();
        let (again, _) = look(&log, seed, count).await?;
        let reopened = resident_mib(std::process::id());
        log.close().await;
        #[expect(clippy::cast_precision_loss, reason = "the size of a file in MiB")]
        let size = std::fs::metadata(&path)?.len() as f64 / 1024.0 / 1024.0;
        state(
            &format!("log, sqlite, {count} streams"),
            format_args!(
                "appends {first:.0}/s at first, {last:.0}/s at last; follow {followed:.0}/s; read p50 {:.3} ms, p99 {:.3} ms; \
                 append alone p50 {:.3} ms, p99 {:.3} ms; opened again in {opened:.1?}, then read p50 {:.3} ms; memory {filled:.0} MiB, \
                 opened again {reopened:.0} MiB; file {size:.0} MiB",
                read.at(0.5),
                read.at(0.99),
                append.at(0.5),
                append.at(0.99),
                again.at(0.5),
            ),
        );
    }
    Ok(())
}

/// Appends per second.
async fn fill(log: &SqliteLog, seed: Uuid, streams: std::ops::Range<u64>) -> anyhow::Result<f64> {
    let started = Instant::now();
    let count = usize::try_from(streams.end - streams.start)?;
    let next = Arc::new(AtomicU64::new(streams.start));
    let mut tasks = JoinSet::new();
    for _ in 0..IN_FLIGHT {
        let (log, next) = (log.clone(), Arc::clone(&next));
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
async fn look(log: &SqliteLog, seed: Uuid, count: u64) -> anyhow::Result<(Spread, Spread)> {
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
