//! The command path, promise by promise: on a log in a file, and on one in memory.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::sync::Arc;

use bytes::Bytes;
use domain::{personal::Personal, time::Timestamp};
use eventlog::{EventLog, Faults, NewEntry, Position, SimLog, SqliteLog, StreamId};
use futures_util::{TryStreamExt, future::join_all};
use serde_json::json;
use service::{
    clock::ManualClock,
    conformance::{self, Full, Shelf, ShelfCommand, ShelfEvent},
    envelope::Envelope,
    transact::{Error, Meta, Outcome, Transactor},
};
use uuid::Uuid;
use vault::Vault;

const COMMANDS: u64 = 64;

#[tokio::test(flavor = "multi_thread")]
async fn commands_at_once_lose_nothing_on_a_file() {
    let folder = tempfile::TempDir::new().unwrap();
    let log: Arc<dyn EventLog> = Arc::new(SqliteLog::open(folder.path().join("log.db")).await.unwrap());
    let vault = conformance::vault().await;
    let replicas = [desk(&log, &vault), desk(&log, &vault)];
    let call = async |n: u64| {
        let replica = &replicas[(n % 2) as usize].0;
        // Each is delivered twice, and both callers are told the same.
        let ask = async || loop {
            match count(replica, &stream(n % 3), id(n), n).await {
                Err(Error::Contention) => {}
                end => return end.unwrap().position,
            }
        };
        let (first, second) = tokio::join!(ask(), ask());
        assert_eq!(first, second);
    };
    join_all((0..COMMANDS).map(call)).await;
    let mut sum = 0;
    for n in 0..3 {
        let (hot, cold) =
            (replicas[0].0.peek::<Full>(&stream(n)).await.unwrap(), cold(&log, &vault, n).await);
        assert!(hot.version <= cold.version);
        sum += cold.state.sum;
        let entries: Vec<_> = log.read(&stream(n)).try_collect().await.unwrap();
        let commands: std::collections::HashSet<Uuid> =
            entries.iter().map(|entry| Envelope::<ShelfEvent>::of(entry).unwrap().command.id).collect();
        assert_eq!(commands.len(), entries.len(), "twice");
    }
    assert_eq!(sum, (0..COMMANDS).sum::<u64>());
}

#[tokio::test]
async fn the_same_command_has_its_effect_once_and_another_under_its_id_is_refused() {
    let (log, vault) = world().await;
    let (here, _) = desk(&log, &vault);
    let first = count(&here, &stream(0), id(1), 5).await.unwrap();
    assert_eq!((first.changed, first.repeated, first.position), (true, false, first.aggregate.version));
    count(&here, &stream(0), id(2), 1).await.unwrap();
    for replica in [&here, &desk(&log, &vault).0] {
        // Whatever it would decide by now: the answer is that of the first time.
        let again = count(replica, &stream(0), id(1), 7).await.unwrap();
        assert_eq!((again.changed, again.repeated, again.position), (true, true, first.position));
        assert_eq!((again.aggregate.state.sum, again.aggregate.executed(id(1))), (6, Some(first.position)));
        let other = Meta { digest: "another".to_owned(), ..conformance::meta(id(1)) };
        let end = replica.execute(&stream(0), &other, |_, _| Ok::<_, Full>(vec![])).await;
        assert!(matches!(end, Err(Error::CommandIdReused)), "{end:?}");
    }
    // On another stream it is another command.
    assert!(!count(&here, &stream(1), id(1), 5).await.unwrap().repeated);
    // What found nothing to do is not recorded, and is decided anew.
    let take = async || {
        here.execute(&stream(2), &conformance::meta(id(3)), |_, _| Ok::<_, Full>(vec![take()])).await.unwrap()
    };
    let nothing = take().await;
    assert_eq!((nothing.changed, nothing.position), (false, Position::NONE));
    put(&here, &stream(2), id(4), "a").await.unwrap();
    assert!(take().await.changed);
}

#[tokio::test]
async fn who_insists_on_a_version_is_refused_at_another() {
    let (log, vault) = world().await;
    let (here, there) = (desk(&log, &vault).0, desk(&log, &vault).0);
    let seen = count(&here, &stream(0), id(1), 1).await.unwrap().position;
    let insist = |command: u64, expected: Position| Meta {
        expected: Some(expected),
        ..conformance::meta(id(command))
    };
    let one = |_: &_, _| Ok::<_, Full>(vec![ShelfCommand::Count(1)]);
    let next = here.execute(&stream(0), &insist(2, seen), one).await.unwrap().position;
    let end = here.execute(&stream(0), &insist(3, seen), one).await;
    assert!(matches!(end, Err(Error::Stale { actual }) if actual == next), "{end:?}");
    assert!(matches!(
        here.execute(&stream(0), &insist(4, Position::NONE), one).await,
        Err(Error::Stale { .. })
    ));
    // A hot state that is behind refuses nothing: the log says that the caller has seen the latest.
    let latest = count(&there, &stream(0), id(5), 1).await.unwrap().position;
    assert!(here.execute(&stream(0), &insist(6, latest), one).await.unwrap().changed);
    // Who has seen more than this stream has seen all of it.
    let elsewhere = count(&here, &stream(1), id(7), 1).await.unwrap().position;
    assert!(here.execute(&stream(0), &insist(8, elsewhere), one).await.unwrap().changed);
    assert!(matches!(here.execute(&stream(0), &insist(9, elsewhere), one).await, Err(Error::Stale { .. })));
    // What nobody can have seen is nothing to insist on.
    let beyond = Position(latest.0.max(elsewhere.0) + 1_000);
    assert!(matches!(here.execute(&stream(0), &insist(10, beyond), one).await, Err(Error::Beyond)));
    // A repetition is answered whatever it insists on.
    assert!(here.execute(&stream(0), &insist(2, seen), one).await.unwrap().repeated);
}

#[tokio::test]
async fn what_a_stale_state_denies_is_decided_on_the_log() {
    let (log, vault) = world().await;
    let (here, there) = (desk(&log, &vault).0, desk(&log, &vault).0);
    for (n, thing) in (0..).zip(["a", "b", "c"]) {
        put(&here, &stream(0), id(n), thing).await.unwrap();
    }
    assert!(matches!(put(&here, &stream(0), id(10), "d").await, Err(Error::Refused(Full))));
    assert!(!put(&here, &stream(0), id(11), "a").await.unwrap().changed);
    let away = |_: &_, _| Ok::<_, Full>(vec![take()]);
    assert!(there.execute(&stream(0), &conformance::meta(id(12)), away).await.unwrap().changed);
    // Here the shelf still seems full, and "a" on it.
    assert!(put(&here, &stream(0), id(13), "d").await.unwrap().changed);
    assert!(
        there
            .execute(&stream(0), &conformance::meta(id(14)), |_, _| Ok::<_, Full>(vec![ShelfCommand::Take(
                "d".to_owned()
            )]))
            .await
            .unwrap()
            .changed
    );
    assert!(put(&here, &stream(0), id(15), "a").await.unwrap().changed);
    // Several commands are one entry, or none: the last of these finds no place.
    let both = |_: &_, _| {
        let put = |thing: &str| ShelfCommand::Put(thing.to_owned(), at(1), Personal::open("mail_1", thing));
        Ok::<_, Full>(vec![take(), put("x"), put("y")])
    };
    let end = here.execute(&stream(0), &conformance::meta(id(16)), both).await;
    assert!(matches!(end, Err(Error::Refused(Full))), "{end:?}");
    assert!(cold(&log, &vault, 0).await.state.things.contains_key("a"));
}

#[tokio::test]
async fn recorded_time_never_goes_back_in_a_stream() {
    let (log, vault) = world().await;
    let (here, clock) = desk(&log, &vault);
    let times = async || -> Vec<(Timestamp, Timestamp)> {
        let entries: Vec<_> = log.read(&stream(0)).try_collect().await.unwrap();
        let envelopes = entries.iter().map(|entry| Envelope::<ShelfEvent>::of(entry).unwrap());
        envelopes.map(|envelope| (envelope.recorded_at, envelope.occurred_at)).collect()
    };
    for (n, second) in (0..).zip([100, 50, 200]) {
        clock.set(at(second));
        put(&here, &stream(0), id(n), &n.to_string()).await.unwrap();
    }
    assert_eq!(times().await, [(at(100), at(100)), (at(100), at(100)), (at(200), at(200))]);
    let state = cold(&log, &vault, 0).await.state;
    assert_eq!(state.things["1"].0, at(100), "decided at the time that is recorded");
    // What happened earlier is decided for its time, and recorded now.
    let meta = Meta { occurred_at: Some(at(7)), ..conformance::meta(id(9)) };
    let count = |_: &_, now| {
        assert_eq!(now, at(7));
        Ok::<_, Full>(vec![ShelfCommand::Count(1)])
    };
    here.execute(&stream(0), &meta, count).await.unwrap();
    assert_eq!(times().await[3], (at(200), at(7)));
}

#[tokio::test]
async fn a_state_holds_sealed_values_only_hot_or_cold() {
    let (log, vault) = world().await;
    let (here, _) = desk(&log, &vault);
    let outcome = put(&here, &stream(0), id(1), "a").await.unwrap();
    let (hot, cold) = (&outcome.aggregate, cold(&log, &vault, 0).await);
    assert_eq!((&hot.state, hot.version, hot.first), (&cold.state, cold.version, cold.first));
    assert_eq!(hot.state.things["a"].1.as_open(), None);
    let entries: Vec<_> = log.read(&stream(0)).try_collect().await.unwrap();
    let mut events =
        [serde_json::to_value(&Envelope::<ShelfEvent>::of(&entries[0]).unwrap().events[0]).unwrap()];
    vault.open("shelf-0", entries[0].id, &mut events).await.unwrap();
    assert_eq!(events[0]["note"], json!({ "subject": "mail_1", "open": "a secret" }));
}

/// On every point at which its caller may go away, a command leaves a state that the log bears out.
#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_leaves_no_wrong_state() {
    let seed = conformance::seed();
    let log: Arc<dyn EventLog> = Arc::new(SimLog::new(seed, Faults::STORM));
    let vault = conformance::vault().await;
    let (here, clock) = desk(&log, &vault);
    for n in 0..200 {
        clock.set(at(n));
        conformance::cut(n % 40, put(&here, &stream(n % 4), id(n), "a")).await;
        clock.set(at(n + 1_000));
        // The same again, later: what stands in the log may be of the first.
        let end = put(&here, &stream(n % 4), id(n), "a").await;
        assert!(end.is_ok() || matches!(end, Err(Error::Unavailable(_) | Error::Contention)), "{end:?}");
        here.execute(&stream(n % 4), &conformance::meta(id(n + 1_000)), |_, _| Ok::<_, Full>(vec![take()]))
            .await
            .ok();
        let hot = here.peek::<Full>(&stream(n % 4)).await.unwrap();
        let there = here.load_to::<Full>(&stream(n % 4), hot.version).await.unwrap();
        assert_eq!((&hot.state, hot.recorded_at), (&there.state, there.recorded_at), "command {n}");
    }
}

#[tokio::test]
async fn what_cannot_be_written_or_read_is_told() {
    let (log, vault) = world().await;
    let (here, _) = desk(&log, &vault);
    let large = Personal::open("mail_1", "x".repeat(NewEntry::BODY_MAX));
    let put = |_: &_, at| Ok::<_, Full>(vec![ShelfCommand::Put("a".to_owned(), at, large.clone())]);
    let end = here.execute(&stream(0), &conformance::meta(id(1)), put).await;
    assert!(matches!(end, Err(Error::TooLarge(bytes)) if bytes > NewEntry::BODY_MAX), "{end:?}");
    assert!(count(&here, &stream(0), id(1), 1).await.unwrap().changed, "the id is free");
    for (n, body) in [(1, json!({ "v": 1 }).to_string()), (2, "no JSON, but a secret".to_owned())] {
        let entry = NewEntry { id: id(9), stream: stream(n), traceparent: None, body: Bytes::from(body) };
        log.append(Position::NONE, entry).await.unwrap();
        let end = count(&here, &stream(n), id(2), 1).await.map(|outcome| outcome.position);
        let Err(Error::Unreadable(unreadable)) = end else { panic!("{end:?}") };
        assert_eq!(unreadable.stream, stream(n).to_string());
        assert!(!unreadable.to_string().contains("secret"), "{unreadable}");
    }
}

async fn world() -> (Arc<dyn EventLog>, Arc<Vault>) {
    (Arc::new(SimLog::new(1, Faults::default())), conformance::vault().await)
}

fn desk(log: &Arc<dyn EventLog>, vault: &Arc<Vault>) -> (Transactor<Shelf>, ManualClock) {
    let clock = ManualClock::new(at(0));
    let (log, vault) = (Arc::clone(log), Arc::clone(vault));
    (Transactor::new("site", log, vault, Arc::new(clock.clone())), clock)
}

async fn cold(log: &Arc<dyn EventLog>, vault: &Arc<Vault>, n: u64) -> service::transact::Aggregate<Shelf> {
    desk(log, vault).0.load::<Full>(&stream(n)).await.unwrap()
}

type End = Result<Outcome<Shelf>, Error<Full>>;

async fn count(desk: &Transactor<Shelf>, stream: &StreamId, id: Uuid, amount: u64) -> End {
    desk.execute(stream, &conformance::meta(id), |_, _| Ok(vec![ShelfCommand::Count(amount)])).await
}

async fn put(desk: &Transactor<Shelf>, stream: &StreamId, id: Uuid, thing: &str) -> End {
    let put = |_: &_, now| {
        let note = Personal::open("mail_1", "a secret");
        Ok(vec![ShelfCommand::Put(thing.to_owned(), now, note)])
    };
    desk.execute(stream, &conformance::meta(id), put).await
}

fn take() -> ShelfCommand {
    ShelfCommand::Take("a".to_owned())
}

fn id(n: u64) -> Uuid {
    Uuid::from_u64_pair(1, n)
}

fn at(second: u64) -> Timestamp {
    Timestamp::UNIX_EPOCH.plus_seconds(i64::try_from(second).unwrap())
}

fn stream(n: u64) -> StreamId {
    format!("shelf-{n}").parse().unwrap()
}
