//! The promises of the log, on a SQLite file.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

use eventlog::{Category, Error, EventLog, NewEntry, Position, SqliteLog, StreamId, conformance};
use futures_util::{StreamExt, future::join_all};
use tempfile::TempDir;
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread")]
async fn keeps_every_promise() {
    let (_folder, log) = open().await;
    conformance::all(&log, conformance::seed()).await;
}

#[tokio::test]
async fn reopening_keeps_all() {
    let (folder, log) = open().await;
    conformance::reopening_keeps_all(log, async |log: SqliteLog| {
        log.close().await;
        SqliteLog::open(folder.path().join("log.db")).await.unwrap()
    })
    .await;
}

#[tokio::test]
async fn a_second_opener_is_refused_until_the_first_closes() {
    let (folder, log) = open().await;
    let path = folder.path().join("log.db");
    let refused = SqliteLog::open(&path).await.unwrap_err();
    assert!(
        matches!(&refused, Error::Unusable(reason) if reason.contains("open in another process")),
        "{refused}"
    );
    log.close().await;
    log.close().await;
    SqliteLog::open(&path).await.unwrap();
}

#[tokio::test]
async fn a_closed_log_is_unavailable() {
    let (_folder, log) = open().await;
    let stream = stream(1);
    let mut follower = log.follow(Position::NONE, &[]);
    log.append(Position::NONE, entry(&stream)).await.unwrap();
    follower.next().await.unwrap().unwrap();
    log.close().await;
    assert!(log.append(Position::NONE, entry(&stream)).await.is_err());
    assert!(matches!(log.read(&stream).next().await, Some(Err(Error::Unavailable(_)))));
    assert!(matches!(follower.next().await, Some(Err(Error::Unavailable(_)))));
    assert!(follower.next().await.is_none());
}

#[tokio::test]
async fn a_file_of_something_else_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("notes.txt");
    std::fs::write(&path, "no database at all, but long enough to look at it".repeat(100)).unwrap();
    assert!(matches!(SqliteLog::open(&path).await, Err(Error::Unusable(_))));
    assert!(matches!(SqliteLog::open(folder.path().join("no/folder/log.db")).await, Err(Error::Unusable(_))));
}

/// On one thread, so that the writer cannot answer before the append is dropped.
#[tokio::test]
async fn a_dropped_append_leaves_the_others_alone() {
    let (_folder, log) = open().await;
    let streams: Vec<_> = (0..50).map(stream).collect();
    let appends = streams.iter().map(|stream| log.append(Position::NONE, entry(stream)));
    let dropped = streams.iter().map(|stream| log.append(Position(9), entry(stream)));
    let mut dropped: Vec<_> = dropped.map(Box::pin).collect();
    for append in &mut dropped {
        assert!(futures_util::poll!(append).is_pending());
    }
    drop(dropped);
    for outcome in join_all(appends).await {
        outcome.unwrap();
    }
}

async fn open() -> (TempDir, SqliteLog) {
    let folder = TempDir::new().unwrap();
    let log = SqliteLog::open(folder.path().join("log.db")).await.unwrap();
    (folder, log)
}

fn stream(n: u64) -> StreamId {
    StreamId::new(&Category::new("case").unwrap(), n).unwrap()
}

fn entry(stream: &StreamId) -> NewEntry {
    NewEntry { id: Uuid::new_v4(), stream: stream.clone(), traceparent: None, body: "body".into() }
}
