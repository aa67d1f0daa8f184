//! The promises of the log on real NATS servers: one by itself, and three that are a cluster.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_nats::jetstream;
use eventlog::{
    Category, Error, EventLog, JetStreamConfig, JetStreamLog, NewEntry, Position, StreamId, conformance,
};
use futures_util::{StreamExt, TryStreamExt, stream};
use tests::servers::{Nats, NatsCluster, NatsOptions};
use tokio::net::TcpListener;
use uuid::Uuid;

const SITE: &str = "emea";
const STREAM: &str = "DOSSIER_EMEA";

#[tokio::test(flavor = "multi_thread")]
async fn one_server_keeps_every_promise() {
    let nats = Nats::start(NatsOptions::default());
    let log = JetStreamLog::connect(one(&nats)).await.unwrap();
    conformance::all(&log, conformance::seed()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_server_keeps_its_promises_over_restarts() {
    let nats = Nats::start(NatsOptions::default());
    let config = one(&nats);
    let nats = Arc::new(Mutex::new(nats));
    let log = JetStreamLog::connect(config.clone()).await.unwrap();
    let mut killed = false;
    conformance::follow_survives_restarts(&log, async || {
        killed = !killed;
        on(&nats, move |nats| if killed { kill(nats) } else { nats.restart() }).await;
    })
    .await;
    conformance::reopening_keeps_all(log, async |_| {
        on(&nats, kill).await;
        JetStreamLog::connect(config).await.unwrap()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_keeps_every_promise() {
    let nats = NatsCluster::start(3);
    let log = JetStreamLog::connect(three(&nats)).await.unwrap();
    conformance::all(&log, conformance::seed()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_keeps_its_promises_while_its_leader_is_killed() {
    let nats = NatsCluster::start(3);
    let config = three(&nats);
    let nats = Arc::new(Mutex::new(nats));
    let log = JetStreamLog::connect(config.clone()).await.unwrap();
    let kill_leader = async || {
        on(&nats, |nats| {
            let leader = nats.leader_of(STREAM).expect("the stream has no leader");
            kill(leader);
        })
        .await;
    };
    conformance::follow_survives_restarts(&log, kill_leader).await;
    conformance::a_random_run_agrees_with_a_model(&log, conformance::seed()).await;
    conformance::reopening_keeps_all(log, async |_| {
        on(&nats, |nats| {
            nats.servers().iter_mut().for_each(Nats::kill);
            // All must come back before one of them is ready.
            std::thread::scope(|scope| {
                for server in nats.servers() {
                    scope.spawn(|| server.resume());
                }
            });
        })
        .await;
        JetStreamLog::connect(config).await.unwrap()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_does_not_sync_always_is_refused() {
    let lazy = Nats::start(NatsOptions { sync_always: false });
    let strict = |nats: &Nats| JetStreamConfig { unsynced_for_tests: false, ..one(nats) };
    assert_unusable(JetStreamLog::connect(strict(&lazy)).await, "sync_interval of the NATS server n1");
    JetStreamLog::connect(JetStreamConfig { unsynced_for_tests: true, ..one(&lazy) }).await.unwrap();

    let always = Nats::start(NatsOptions::default());
    let log = JetStreamLog::connect(strict(&always)).await.unwrap();
    assert_eq!(log.check_synced().await.unwrap(), [""; 0]);
    let unknown = JetStreamConfig { monitoring: Vec::new(), ..strict(&always) };
    assert_unusable(
        JetStreamLog::connect(unknown).await,
        "monitoring names no address of the NATS server n1",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_can_be_opened_while_one_of_its_servers_is_away() {
    let mut nats = NatsCluster::start(3);
    let config = three(&nats);
    JetStreamLog::connect(config.clone()).await.unwrap();
    nats.servers()[1].kill();
    let log = JetStreamLog::connect(config).await.unwrap();
    assert_eq!(log.check_synced().await.unwrap(), ["n2"]);
    conformance::a_random_run_agrees_with_a_model(&log, conformance::seed()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_whose_server_is_still_away_is_waited_for() {
    let mut nats = Nats::start(NatsOptions::default());
    let config = one(&nats);
    let log = JetStreamLog::connect(config.clone()).await.unwrap();
    nats.stop();
    drop(log);
    let port = TcpListener::bind(nats.url().trim_start_matches("nats://")).await.unwrap();
    let opening = tokio::spawn(JetStreamLog::connect(config));
    // Somebody asks, is sent away without a word, and comes again.
    drop(port.accept().await.unwrap());
    drop(port.accept().await.unwrap());
    drop(port);
    nats.resume();
    let log = opening.await.unwrap().unwrap();
    conformance::a_random_run_agrees_with_a_model(&log, conformance::seed()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_another_configuration_is_refused() {
    let nats = Nats::start(NatsOptions::default());
    let context = jetstream::new(async_nats::connect(nats.url()).await.unwrap());
    let log = JetStreamLog::connect(one(&nats)).await.unwrap();
    drop(log);
    let good = context.get_stream(STREAM).await.unwrap().cached_info().config.clone();
    assert!(good.deny_delete && good.deny_purge && !good.allow_direct && good.max_age.is_zero());
    type Change = fn(&mut jetstream::stream::Config);
    let changes: [(&str, Change); 4] = [
        ("max_age", |config| config.max_age = Duration::from_secs(3600)),
        ("allow_direct", |config| config.allow_direct = true),
        ("max_msgs", |config| config.max_messages = 1000),
        ("discard", |config| config.discard = jetstream::stream::DiscardPolicy::Old),
    ];
    for (setting, change) in changes {
        let mut config = good.clone();
        change(&mut config);
        context.update_stream(config).await.unwrap();
        assert_unusable(JetStreamLog::connect(one(&nats)).await, &format!("another {setting} than"));
        context.update_stream(good.clone()).await.unwrap();
    }
    JetStreamLog::connect(one(&nats)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_full_or_away_says_so_and_loses_nothing() {
    let mut nats = Nats::start(NatsOptions::default());
    let config = JetStreamConfig { max_bytes: Some(1 << 20), ..one(&nats) };
    let log = JetStreamLog::connect(config).await.unwrap();
    let stream = StreamId::new(&Category::new("case").unwrap(), 1).unwrap();
    let mut tail = Position::NONE;
    let mut written = Vec::new();
    let full = loop {
        let entry = NewEntry {
            id: Uuid::new_v4(),
            stream: stream.clone(),
            traceparent: None,
            body: vec![7; 200_000].into(),
        };
        match log.append(tail, entry).await {
            Ok(position) => tail = position,
            Err(error) => break error,
        }
        written.push(tail);
        assert!(written.len() < 10, "more than the quota was taken");
    };
    assert!(full.to_string().contains("maximum bytes"), "{full}");
    let read: Vec<_> = log.read(&stream).try_collect().await.unwrap();
    assert_eq!(read.iter().map(|entry| entry.position).collect::<Vec<_>>(), written);

    nats.stop();
    assert!(matches!(log.read(&stream).next().await, Some(Err(Error::Unavailable(_)))));
    nats.resume();
    let read: Vec<_> = log.read(&stream).try_collect().await.unwrap();
    assert_eq!(read.len(), written.len());
}

/// So far behind that it takes all of the log and filters by itself, until it is near the end.
#[tokio::test(flavor = "multi_thread")]
async fn a_follower_that_is_far_behind_catches_up() {
    const ENTRIES: usize = 25_000;
    const IN_FLIGHT: usize = 256;
    let nats = Nats::start(NatsOptions { sync_always: false });
    let log =
        JetStreamLog::connect(JetStreamConfig { unsynced_for_tests: true, ..one(&nats) }).await.unwrap();
    let categories = ["case", "message"].map(|name| Category::new(name).unwrap());
    let append = async |n: usize| {
        let stream = StreamId::new(&categories[n % 2], n).unwrap();
        let entry = NewEntry { id: Uuid::new_v4(), stream, traceparent: None, body: "body".into() };
        (log.append(Position::NONE, entry.clone()).await.unwrap(), entry.id)
    };
    let written: Vec<_> = stream::iter(0..ENTRIES).map(append).buffered(IN_FLIGHT).collect().await;
    let mut cases: Vec<_> = written.into_iter().step_by(2).collect();
    cases.sort();
    let mut follower = log.follow(Position::NONE, &categories[..1]);
    let first = follower.by_ref().take(cases.len()).map_ok(|entry| (entry.position, entry.id));
    assert_eq!(first.try_collect::<Vec<_>>().await.unwrap(), cases);
    // A message, which is not wanted, and a case.
    append(ENTRIES + 1).await;
    let (position, _) = append(ENTRIES + 2).await;
    assert_eq!(follower.next().await.unwrap().unwrap().position, position);
}

fn one(nats: &Nats) -> JetStreamConfig {
    JetStreamConfig {
        replicas: 1,
        monitoring: vec![nats.monitoring_url()],
        ..JetStreamConfig::new(vec![nats.url()], SITE)
    }
}

fn three(nats: &NatsCluster) -> JetStreamConfig {
    JetStreamConfig { monitoring: nats.monitoring_urls(), ..JetStreamConfig::new(nats.urls(), SITE) }
}

fn kill(nats: &mut Nats) {
    nats.kill();
    nats.resume();
}

/// Does something slow to the servers while the test goes on.
async fn on<S: Send + 'static>(servers: &Arc<Mutex<S>>, act: impl FnOnce(&mut S) + Send + 'static) {
    let servers = Arc::clone(servers);
    tokio::task::spawn_blocking(move || act(&mut servers.lock().unwrap())).await.unwrap();
}

#[track_caller]
fn assert_unusable(outcome: Result<JetStreamLog, Error>, because: &str) {
    match outcome {
        Err(Error::Unusable(reason)) => {
            assert!(reason.contains(because), "{reason:?} does not say {because:?}");
        }
        other => panic!("a log that must be refused: {other:?}"),
    }
}
