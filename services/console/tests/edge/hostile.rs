//! Bodies that are meant to hurt.

use std::time::Duration;

use axum::body::Body;
use console::Config;
use http::{Method, StatusCode};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{APPLY, Bench, PATIENCE, SHOW, TAIL};

/// Every document of the JSON test suite as a body.
#[tokio::test]
async fn the_json_test_suite_is_read_as_it_should_be() {
    let Some(data) = std::env::var_os("DOSSIER_REAL_DATA") else {
        println!("DOSSIER_REAL_DATA is not set: goes on without the JSON test suite");
        return;
    };
    let folder = std::path::Path::new(&data).join("audit/jsontestsuite/test_parsing");
    let bench = Bench::new().await;
    let (mut good, mut bad) = (0, 0);
    for file in std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let file = file.unwrap();
        let name = file.file_name().into_string().unwrap();
        let answer = bench.post(SHOW, "application/json", std::fs::read(file.path()).unwrap()).await;
        assert!(answer.status.as_u16() < 500, "{name}: {answer:?}");
        if answer.status != StatusCode::OK {
            answer.error(400, "invalid_argument");
        }
        let malformed = answer.status != StatusCode::OK
            && answer.json()["details"][0]["debug"]["reason"] == "MALFORMED_JSON";
        match name.split('_').next() {
            // The edge is stricter here, on purpose.
            Some("y") if name.starts_with("y_object_duplicated_key") => assert!(malformed, "{name}"),
            Some("y") => {
                good += 1;
                assert!(!malformed, "{name}: {answer:?}");
            }
            Some("n") => {
                bad += 1;
                assert!(malformed, "{name}: {answer:?}");
            }
            _ => {}
        }
    }
    assert!(good > 20 && bad > 20, "{good} good and {bad} bad ones were found");
}

#[tokio::test]
async fn nesting_is_refused_and_hurts_nobody() {
    let bench = Bench::new().await;
    for body in
        ["[".repeat(4 << 20), "{\"a\":".repeat(1 << 20), format!("{{\"path\":{}", "[".repeat(1 << 20))]
    {
        let error = bench.post(SHOW, "application/json", body).await.error(400, "invalid_argument");
        assert!(error["message"].as_str().unwrap().contains("nested deeper than 64"), "{error}");
    }
    // The same in binary: groups in groups.
    let groups = vec![0x7b_u8; 1 << 20];
    bench.post(SHOW, "application/proto", groups).await.error(400, "invalid_argument");
    assert_eq!(bench.call(SHOW, &json!({})).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_body_is_taken_up_to_the_limit_and_no_further() {
    let max = 4 << 20;
    let bench = Bench::with(Config { body_bytes_max: max, ..Config::default() }).await;
    let body = |bytes: usize| {
        let frame = json!({ "files": [{ "text": "" }] }).to_string().len();
        json!({ "files": [{ "text": "x".repeat(bytes - frame) }] }).to_string()
    };
    let answer = bench.post(APPLY, "application/json", body(max)).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let text = answer.json()["position"].as_str().unwrap().parse::<usize>().unwrap();
    assert!(text > max - 100, "all of it reached the service");
    // With its length declared, and in chunks.
    let declared = bench.post(APPLY, "application/json", body(max + 1)).await;
    let chunks = body(max + 1)
        .into_bytes()
        .chunks(1 << 16)
        .map(|part| Ok::<_, std::io::Error>(part.to_vec()))
        .collect::<Vec<_>>();
    let chunked =
        bench.post(APPLY, "application/json", Body::from_stream(futures_util::stream::iter(chunks))).await;
    for answer in [declared, chunked] {
        let error = answer.error(413, "resource_exhausted");
        assert_eq!(error["message"], "the body is larger than 4194304 bytes");
    }
}

#[tokio::test]
async fn many_small_values_are_refused_before_they_fill_the_memory() {
    let bench = Bench::new().await;
    let body = format!("{{\"files\":[{}]}}", vec!["{}"; 1_000_000].join(","));
    let error = bench.post(APPLY, "application/json", body).await.error(400, "invalid_argument");
    assert!(error["message"].as_str().unwrap().contains("more than 500000 values"), "{error}");
}

#[tokio::test]
async fn a_key_twice_and_an_empty_body_are_refused() {
    let bench = Bench::new().await;
    for body in
        [r#"{"path":"a","path":"b"}"#, r#"{"path":"a","\u0070ath":"b"}"#, "", " ", "\u{feff}{}", "{}x"]
    {
        let error = bench.post(SHOW, "application/json", body).await.error(400, "invalid_argument");
        assert_eq!(error["details"][0]["debug"]["reason"], "MALFORMED_JSON", "{body:?}");
    }
    let request = bench.request(Method::POST, SHOW).header("content-type", "application/json");
    let cut = futures_util::stream::iter([Ok(&b"{"[..]), Err(std::io::Error::other("gone"))]);
    // The client breaks off: there is nobody to answer, and nothing breaks.
    let _ = bench.try_send(request.body(Body::from_stream(cut)).unwrap()).await;
    assert_eq!(bench.call(SHOW, &json!({})).await.status, StatusCode::OK);
}

/// All callers share one connection to a service: what one of them sends must not end it.
#[tokio::test]
async fn a_long_header_is_refused_with_its_name_and_its_limit_and_nobody_else_notices() {
    let bench = Bench::new().await;
    let show = |name: &str, value: String, body: &'static str| {
        let mut request = bench.anonymous(Method::POST, SHOW).header("content-type", "application/json");
        if name != "authorization" {
            request = request.header("authorization", "Bearer t");
        }
        bench.send(request.header(name, value).body(Body::from(body)).unwrap())
    };
    let other = show("connect-timeout-ms", "2000".into(), r#"{"path":"never"}"#);
    let hostile = async {
        bench.role.never.notified().await;
        for (name, most) in [("authorization", 8 << 10), ("x-request-id", 128), ("traceparent", 55)] {
            let fits = show(name, format!("Bearer {}", "x".repeat(most - 7)), "{}").await;
            assert_eq!(fits.status, StatusCode::OK, "{name}: {fits:?}");
            for length in [most + 1, 16 << 10, 30 << 10] {
                let error = show(name, "x".repeat(length), "{}").await.error(431, "resource_exhausted");
                assert_eq!(error["details"][0]["debug"]["reason"], "HEADER_TOO_LARGE", "{error}");
                let message = error["message"].as_str().unwrap();
                assert!(message.contains(name) && message.contains(&most.to_string()), "{message}");
            }
        }
        // Whichever header it is, and whether it would go on to a service or not.
        for name in ["authorization", "traceparent", "cookie"] {
            for length in [60 << 10, 100 << 10, 200 << 10] {
                let error = show(name, "x".repeat(length), "{}").await.error(431, "resource_exhausted");
                assert!(error["message"].as_str().unwrap().contains("32768 bytes"), "{error}");
            }
        }
        let request = bench.request(Method::GET, "/healthz").header("cookie", "x".repeat(60 << 10));
        bench.send(request.body(Body::empty()).unwrap()).await.error(431, "resource_exhausted");
    };
    let (other, ()) = tokio::join!(other, hostile);
    other.error(504, "deadline_exceeded");
}

/// A client that sends the head of a request and then nothing.
fn silent(request: http::request::Builder, content: &str) -> http::Request<Body> {
    let request = request.header("content-type", content).header("accept", "text/event-stream");
    request.body(Body::from_stream(futures_util::stream::pending::<std::io::Result<Vec<u8>>>())).unwrap()
}

#[tokio::test]
async fn without_a_token_nothing_is_read() {
    let bench = Bench::new().await;
    for token in ["", "Bearer", "Bearer  ", "Basic Zm9vOmJhcg=="] {
        for (path, content) in
            [(TAIL, "application/json"), (TAIL, "application/connect+json"), (SHOW, "application/json")]
        {
            let request = bench.anonymous(Method::POST, path).header("authorization", token);
            let error = bench.send(silent(request, content)).await.error(401, "unauthenticated");
            assert_eq!(error["details"][0]["debug"]["reason"], "TOKEN_MISSING", "{error}");
        }
    }
}

#[tokio::test]
async fn a_body_that_does_not_come_takes_nobodys_place_and_ends() {
    let limits = Config {
        streams_max: 1,
        unary_time_max: PATIENCE,
        body_time_max: Duration::from_millis(500),
        ..Config::default()
    };
    let bench = Bench::with(limits).await;
    let mut slow = Vec::new();
    for path in [TAIL, SHOW] {
        let mut stream = TcpStream::connect(bench.address).await.unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer t\r\ncontent-type: application/json\r\n\
             accept: text/event-stream\r\ncontent-length: 9\r\nexpect: 100-continue\r\nconnection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        // It says so when it waits for the body.
        let (go_on, mut said) = ("HTTP/1.1 100 Continue\r\n\r\n", String::new());
        let mut bytes = (&mut stream).take(go_on.len() as u64);
        bytes.read_to_string(&mut said).await.unwrap();
        assert_eq!(said, go_on);
        slow.push(stream);
    }
    let stream = bench.request(Method::POST, TAIL).header("content-type", "application/json");
    let stream = stream.header("accept", "text/event-stream").body(Body::from("{}")).unwrap();
    assert_eq!(bench.send(stream).await.status, StatusCode::OK);
    for mut stream in slow {
        let mut answer = String::new();
        tokio::time::timeout(PATIENCE, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        assert!(answer.contains("\"deadline_exceeded\"") && answer.contains("\"BODY_TOO_SLOW\""), "{answer}");
    }
}
