//! What a process says of itself, and what ends the streams that it answers with.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::{sync::Arc, time::Duration};

use eventlog::{Category, NewEntry, Position, StreamId};
use proto::{cases::v1 as pb, operations::v1 as ops};
use serde_json::Value;
use service::clock::{Clock, ManualClock};
use tests::{
    desk::{instant, message, refused, seconds},
    http::Json,
    world::World,
};
use tonic::Code;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

/// How long anything may take to be noticed.
const NOTICED: Duration = Duration::from_secs(30);

async fn readyz(world: &World) -> (u16, Value) {
    let answer = Json::new(world.platform.http, None).get("/readyz").await;
    (answer.status.as_u16(), answer.body)
}

/// What `/readyz` says once it says what is expected.
async fn readyz_until(world: &World, expected: impl Fn(u16, &Value) -> bool) -> Value {
    let until = async {
        let mut state = world.platform.health();
        loop {
            let (code, body) = readyz(world).await;
            if expected(code, &body) {
                return body;
            }
            state.changed().await.unwrap();
        }
    };
    tokio::time::timeout(NOTICED, until).await.expect("it is noticed")
}

async fn serving(world: &World, service: &str) -> ServingStatus {
    let channel = tonic::transport::Channel::from_shared(format!("http://{}", world.platform.grpc)).unwrap();
    let mut health = HealthClient::new(channel.connect_lazy());
    let request = HealthCheckRequest { service: service.into() };
    health.check(request).await.unwrap().into_inner().status()
}

/// An entry that no version can read.
async fn unreadable(world: &World) -> (StreamId, Position) {
    let stream = StreamId::new(&Category::new("message").unwrap(), "forum-0123456789abcdef").unwrap();
    let entry = NewEntry {
        id: uuid::Uuid::new_v4(),
        stream: stream.clone(),
        traceparent: None,
        body: br#"{"recorded_at":"2026-01-01T00:00:00.000000Z"}"#.as_slice().into(),
    };
    let position = world.platform.shell.log.append(Position::NONE, entry).await.unwrap();
    (stream, position)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_is_named_and_takes_nobody_out() {
    let world = World::start().await;
    assert_eq!(readyz(&world).await, (200, serde_json::json!({"ready": true})));
    let (stream, position) = unreadable(&world).await;
    let names = |body: &Value| -> Vec<String> {
        let degraded = body["degraded"].as_array().cloned().unwrap_or_default();
        degraded.iter().map(|waits| waits["name"].as_str().unwrap().to_owned()).collect()
    };
    let body = readyz_until(&world, |_, body| names(body).len() == 3).await;
    assert_eq!(body["ready"], true);
    assert_eq!(names(&body), ["cases_v4", "ingestion_accepted_v2", "cases.follow_messages"]);
    for waits in body["degraded"].as_array().unwrap() {
        assert_eq!(waits["stream"], stream.as_str());
        assert_eq!(waits["position"], world.platform.shell.token(position).as_str());
        assert_eq!(waits["since"], "2026-01-01T00:00:00.000000Z");
        assert!(!waits["reason"].as_str().unwrap().is_empty());
    }
    assert_eq!(serving(&world, "dossier.cases.v1.Cases").await, ServingStatus::Serving);
    // The others go on.
    world.receive_one("forum", message("m-1", "ada", "It leaks")).await;

    let mut root = world.administrator();
    let told =
        root.operations.list_read_models(ops::ListReadModelsRequest::default()).await.unwrap().into_inner();
    let parked = told.models.iter().flat_map(|model| &model.parked);
    let parked: Vec<_> = parked.chain(told.reactions.iter().flat_map(|reaction| &reaction.parked)).collect();
    assert_eq!(parked.len(), 3);
    for parked in parked {
        assert_eq!((parked.stream.as_str(), parked.since), (stream.as_str(), Some(seconds(1_767_225_600))));
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_whose_log_is_away_is_not_ready() {
    let world = World::start().await;
    assert_eq!(serving(&world, "").await, ServingStatus::Serving);
    world.platform.shell.log.close().await;
    let body = readyz_until(&world, |code, _| code == 503).await;
    assert_eq!(body["ready"], false);
    assert!(body["reasons"][0].as_str().unwrap().starts_with("the log cannot be reached"), "{body}");
    for service in ["", "dossier.cases.v1.Cases", "dossier.ingestion.v1.Ingestion"] {
        assert_eq!(serving(&world, service).await, ServingStatus::NotServing, "{service}");
    }
    // The followers fail again and again.
    let still =
        |body: &Value, name: &str| body["reasons"].to_string().contains(&format!("{name} stands still"));
    readyz_until(&world, |_, body| still(body, "cases_v4") && still(body, "cases.follow_messages")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tail_until_now_ends_with_the_log_and_a_list_waits_for_its_position() {
    let world = World::start().await;
    let answer = world.receive("forum", vec![message("m-1", "ada", "It leaks")]).await;
    // Nobody follows this one.
    let mark = world.mark().await;
    let mut root = world.administrator();
    let request = ops::TailEventsRequest { until_now: true, ..Default::default() };
    let mut tail = root.operations.tail_events(request).await.unwrap().into_inner();
    let mut last = String::new();
    while let Some(next) = tail.message().await.unwrap() {
        last = next.entry.unwrap().position;
    }
    assert_eq!(last, world.platform.shell.token(mark));
    for at_least in [answer.position.as_str(), last.as_str()] {
        let request = ops::ListReadModelsRequest { at_least: at_least.into(), ..Default::default() };
        let told = root.operations.list_read_models(request).await.unwrap().into_inner();
        assert_eq!(told.models.len(), 5);
    }
    let beyond = ops::ListReadModelsRequest { at_least: "elsewhere.1.1".into(), ..Default::default() };
    tests::desk::wrong_field(root.operations.list_read_models(beyond).await, "at_least");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_end_with_the_token() {
    let now = instant(seconds(1_767_225_600));
    let clock = ManualClock::new(now);
    let world = World::start_at(Arc::new(clock.clone())).await;
    let mut root = world.administrator();
    let mut watch = root.cases.watch(pb::WatchRequest::default()).await.unwrap().into_inner();
    let mut tail = root.operations.tail_events(ops::TailEventsRequest::default()).await.unwrap().into_inner();
    assert!(tail.message().await.unwrap().is_some());
    // A day, and the seconds that clocks may differ.
    clock.set(clock.now().plus_seconds(24 * 60 * 60 + 61));
    refused(watch.message().await, Code::Unauthenticated, "TOKEN_EXPIRED");
    let end = async {
        loop {
            match tail.message().await {
                Ok(Some(_)) => {}
                end => return end,
            }
        }
    };
    refused(end.await, Code::Unauthenticated, "TOKEN_EXPIRED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_ends_with_streams_open_and_can_be_opened_again_at_once() {
    let world = World::start().await;
    let mut root = world.administrator();
    let mut tail = root.operations.tail_events(ops::TailEventsRequest::default()).await.unwrap().into_inner();
    assert!(tail.message().await.unwrap().is_some());
    let folder = world.end().await.unwrap();
    for _ in 0..3 {
        let world = World::open(folder.path(), Arc::new(service::clock::SystemClock)).await;
        world.end().await;
    }
}
