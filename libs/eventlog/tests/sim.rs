//! The promises of the log, on the simulation: without faults, with all of them, and what it is for.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

use eventlog::{AppendError, Category, EventLog, Faults, NewEntry, Position, SimLog, StreamId, conformance};
use futures_util::{StreamExt, TryStreamExt, future::join_all};
use uuid::Uuid;

#[tokio::test]
async fn keeps_every_promise() {
    let seed = conformance::seed();
    conformance::all(&SimLog::new(seed, Faults::default()), seed).await;
}

#[tokio::test(start_paused = true)]
async fn keeps_every_promise_in_a_storm() {
    let seed = conformance::seed();
    for seed in seed..seed.wrapping_add(5) {
        eprintln!("storm {seed}");
        conformance::all(&SimLog::new(seed, Faults::STORM), seed).await;
    }
}

#[tokio::test(start_paused = true)]
async fn keeps_every_promise_through_crashes() {
    let seed = conformance::seed();
    let log = SimLog::new(seed, Faults::STORM);
    conformance::follow_survives_restarts(&log, async || {
        for _ in 0..200 {
            tokio::task::yield_now().await;
        }
        log.crash();
    })
    .await;
    conformance::reopening_keeps_all(log, async |log: SimLog| {
        log.crash();
        log
    })
    .await;
}

/// What makes a failure reproducible.
#[tokio::test]
async fn the_same_seed_is_the_same_run() {
    let seed = conformance::seed();
    let first = history(seed).await;
    assert_eq!(first, history(seed).await);
    assert_ne!(first, history(seed.wrapping_add(1)).await);
}

#[tokio::test]
async fn a_crash_loses_what_is_not_synced() {
    let seed = conformance::seed();
    let log = SimLog::new(seed, Faults { unsynced: true, ..Faults::default() });
    let stream = stream(1);
    let kept = log.append(Position::NONE, entry(&stream, 1)).await.unwrap();
    log.sync();
    log.append(kept, entry(&stream, 2)).await.unwrap();
    log.crash();
    let left: Vec<_> = log.read(&stream).try_collect().await.unwrap();
    assert_eq!(left.iter().map(|entry| entry.position).collect::<Vec<_>>(), [kept]);
}

#[tokio::test]
async fn outcomes_are_unknown_and_half_of_them_written() {
    let seed = conformance::seed();
    let log = SimLog::new(seed, Faults { unknown: 100, ..Faults::default() });
    for n in 0..100 {
        let outcome = log.append(Position::NONE, entry(&stream(n), n)).await;
        assert!(matches!(outcome, Err(AppendError::Log(_))), "{outcome:?}");
    }
    let mut written = 0;
    for n in 0..100 {
        written += log.read(&stream(n)).count().await;
    }
    assert!((20..80).contains(&written), "{written} of 100 were written");
}

async fn history(seed: u64) -> Vec<String> {
    let log = SimLog::new(seed, Faults::STORM);
    let writer = async |n: u128| {
        let mut outcomes = Vec::new();
        for k in 0..20 {
            outcomes.push(format!("{:?}", log.append(Position::NONE, entry(&stream(k), n + 100)).await));
        }
        outcomes
    };
    join_all((0..4).map(writer)).await.concat()
}

fn stream(n: u128) -> StreamId {
    StreamId::new(&Category::new("case").unwrap(), n).unwrap()
}

fn entry(stream: &StreamId, id: u128) -> NewEntry {
    NewEntry { id: Uuid::from_u128(id), stream: stream.clone(), traceparent: None, body: "body".into() }
}
