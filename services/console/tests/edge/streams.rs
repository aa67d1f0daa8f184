//! Server streams.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use console::Config;
use http::{Method, Request, StatusCode};
use prost::Message;
use proto::operations::v1 as operations;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::support::{Answer, Bench, PATIENCE, TAIL, parts};

fn events(bench: &Bench, after: &str) -> Request<Body> {
    let request = bench.request(Method::POST, TAIL).header("content-type", "application/json");
    let request = request.header("accept", "application/json;q=0.5, text/event-stream");
    request.body(json!({ "after": after }).to_string().into()).unwrap()
}

fn envelope(flags: u8, message: &[u8]) -> Vec<u8> {
    [&[flags][..], &u32::try_from(message.len()).unwrap().to_be_bytes(), message].concat()
}

fn enveloped(bench: &Bench, after: &str) -> Request<Body> {
    let body = envelope(0, json!({ "after": after }).to_string().as_bytes());
    let request = bench.request(Method::POST, TAIL).header("content-type", "application/connect+json");
    request.body(body.into()).unwrap()
}

/// Flags and content of each envelope.
fn envelopes(answer: &Answer) -> Vec<(u8, Bytes)> {
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let mut rest = answer.body.clone();
    let mut all = Vec::new();
    while !rest.is_empty() {
        let head = rest.split_to(5);
        let length = u32::from_be_bytes(head[1..].try_into().unwrap());
        all.push((head[0], rest.split_to(length as usize)));
    }
    all
}

fn positions(messages: &[Value]) -> Vec<&str> {
    messages.iter().map(|message| message["entry"]["position"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn enveloped_messages_come_in_order_and_an_end_after_them() {
    let bench = Bench::new().await;
    let answer = bench.send(enveloped(&bench, "")).await;
    assert_eq!(answer.header("content-type"), "application/connect+json");
    let all = envelopes(&answer);
    assert_eq!(all.iter().map(|(flags, _)| *flags).collect::<Vec<_>>(), [0, 0, 0, 2]);
    let messages: Vec<Value> =
        all.iter().map(|(_, content)| serde_json::from_slice(content).unwrap()).collect();
    assert_eq!(positions(&messages[..3]), ["here.1.1", "here.1.2", "here.1.3"]);
    assert_eq!(messages[0]["entry"]["recordedAt"], "1970-01-01T00:00:00.000001Z");
    assert_eq!(messages[3], json!({}));
}

#[tokio::test]
async fn enveloped_messages_may_be_binary() {
    let bench = Bench::new().await;
    let body = envelope(0, &operations::TailEventsRequest::default().encode_to_vec());
    let all = envelopes(&bench.post(TAIL, "application/connect+proto", body).await);
    let first = operations::TailEventsResponse::decode(all[0].1.clone()).unwrap();
    assert_eq!(first.entry.unwrap().position, "here.1.1");
    assert_eq!(all[3], (2, Bytes::from_static(b"{}")));
}

#[tokio::test]
async fn errors_come_in_the_last_envelope() {
    let bench = Bench::new().await;
    for (after, before) in [("refuse", 0), ("fail", 1)] {
        let all = envelopes(&bench.send(enveloped(&bench, after)).await);
        assert_eq!(all.len(), before + 1);
        let (flags, content) = all.last().unwrap();
        let end: Value = serde_json::from_slice(content).unwrap();
        assert_eq!((*flags, &end["error"]["code"]), (2, &json!("invalid_argument")));
        assert!(end["error"]["details"].as_array().unwrap().len() == 3, "{end}");
    }
    let good = envelope(0, b"{}");
    for body in
        [vec![], good[..4].to_vec(), [good.clone(), good].concat(), envelope(1, b"{}"), envelope(0, b"{")]
    {
        let all = envelopes(&bench.post(TAIL, "application/connect+json", body).await);
        let end: Value = serde_json::from_slice(&all[0].1).unwrap();
        assert_eq!((all.len(), all[0].0, &end["error"]["code"]), (1, 2, &json!("invalid_argument")));
    }
}

#[tokio::test]
async fn events_come_in_order_and_an_end_after_them() {
    let bench = Bench::new().await;
    let answer = bench.send(events(&bench, "")).await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "text/event-stream"));
    assert_eq!(answer.header("cache-control"), "no-store");
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    let blocks: Vec<_> = text.split_terminator("\n\n").collect();
    assert_eq!(blocks.len(), 4, "{text}");
    let messages: Vec<Value> = blocks[..3]
        .iter()
        .map(|block| serde_json::from_str(block.strip_prefix("data: ").unwrap()).unwrap())
        .collect();
    assert_eq!(positions(&messages), ["here.1.1", "here.1.2", "here.1.3"]);
    assert_eq!(
        messages[0]["entry"]["body"], "{\"line\":\n\"break\"}",
        "a line break does not break the event"
    );
    assert_eq!(blocks[3], "event: end\ndata: {}");
}

#[tokio::test]
async fn errors_are_events_once_the_stream_has_begun() {
    let bench = Bench::new().await;
    bench.send(events(&bench, "refuse")).await.error(400, "invalid_argument");
    let answer = bench.send(events(&bench, "fail")).await;
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    let error = text.split_terminator("\n\n").last().unwrap().strip_prefix("event: error\ndata: ").unwrap();
    let error: Value = serde_json::from_str(error).unwrap();
    assert_eq!(error["code"], "invalid_argument");
    assert!(error["details"].to_string().contains("filter.status[0]"), "{error}");
}

#[tokio::test]
async fn the_service_is_told_when_the_client_goes_away() {
    let bench = Bench::new().await;
    for request in [events(&bench, "endless"), enveloped(&bench, "endless")] {
        let dropped = bench.role.dropped();
        let mut body = parts(bench.begin(request).await.into_body());
        let first = timeout(PATIENCE, body.recv()).await.unwrap().unwrap();
        assert!(String::from_utf8_lossy(&first).contains("here.1.1"));
        drop(body);
        timeout(PATIENCE, dropped).await.expect("the call ended").unwrap();
    }
}

#[tokio::test]
async fn silence_is_kept_alive_and_bounded() {
    let config = Config {
        keep_alive: Duration::from_millis(20),
        stream_time_max: Duration::from_millis(300),
        ..Config::default()
    };
    let bench = Bench::with(config).await;
    let dropped = bench.role.dropped();
    let answer = bench.send(events(&bench, "endless")).await;
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    assert!(text.contains("\n\n: still here\n\n"), "{text}");
    assert!(text.contains("event: error\ndata: {\"code\":\"deadline_exceeded\""), "{text}");
    timeout(PATIENCE, dropped).await.expect("the call ended").unwrap();
}

#[tokio::test]
async fn there_are_only_so_many_streams() {
    let bench = Bench::with(Config { streams_max: 1, ..Config::default() }).await;
    let dropped = bench.role.dropped();
    let held = bench.begin(events(&bench, "endless")).await;
    bench.send(events(&bench, "")).await.error(429, "resource_exhausted");
    drop(held);
    timeout(PATIENCE, dropped).await.expect("the call ended").unwrap();
    assert_eq!(bench.send(events(&bench, "")).await.status, StatusCode::OK, "its place is free again");
}

#[tokio::test]
async fn one_token_leaves_places_for_others() {
    let bench = Bench::with(Config { streams_of_token_max: 1, ..Config::default() }).await;
    let of = |token: &'static str| {
        let mut request = events(&bench, "endless");
        request.headers_mut().insert("authorization", token.parse().unwrap());
        request
    };
    let held = bench.begin(of("Bearer one")).await;
    bench.send(of("bearer  one")).await.error(429, "resource_exhausted");
    let other = bench.begin(of("Bearer another")).await;
    assert_eq!((held.status(), other.status()), (StatusCode::OK, StatusCode::OK));
}

#[tokio::test]
async fn stopping_ends_streams_with_a_reason_and_then_the_edge() {
    let bench = Bench::new().await;
    let mut body = parts(bench.begin(events(&bench, "endless")).await.into_body());
    timeout(PATIENCE, body.recv()).await.unwrap().unwrap();
    bench.stop.cancel();
    let last = timeout(PATIENCE, body.recv()).await.unwrap().unwrap();
    let last = String::from_utf8_lossy(&last).into_owned();
    assert!(last.contains("event: error\ndata: {\"code\":\"unavailable\""), "{last}");
    assert_eq!(timeout(PATIENCE, body.recv()).await.unwrap(), None);
    timeout(PATIENCE, bench.served).await.expect("it ends").unwrap().unwrap();
}
