//! What HTTP asks of a server.

use std::time::Duration;

use axum::body::Body;
use console::{Config, Degraded, Error, Readiness};
use http::{Method, StatusCode};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::support::{Bench, PATIENCE, SHOW, TAIL};

#[tokio::test]
async fn paths_verbs_and_content_types() {
    let bench = Bench::new().await;
    for path in [
        "/",
        "/nothing",
        "/dossier.policy.v1.PolicyService/Nothing",
        "/dossier.policy.v1.PolicyService",
        "//",
        "/healthz/x",
    ] {
        bench.call(path, &json!({})).await.error(404, "unimplemented");
        bench.get(path).await.error(404, "unimplemented");
    }
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::OPTIONS] {
        let answer = bench.send(bench.request(method, SHOW).body(Body::empty()).unwrap()).await;
        answer.error(405, "unimplemented");
        assert_eq!(answer.header("allow"), "POST");
    }
    for path in ["/healthz", "/readyz", "/metrics", "/openapi.json"] {
        bench.call(path, &json!({})).await.error(405, "unimplemented");
    }
    for (path, content) in [
        (SHOW, ""),
        (SHOW, "text/plain"),
        (SHOW, "application/json; charset=latin1"),
        (SHOW, "application/grpc"),
        (SHOW, "application/connect+json"),
        (TAIL, "application/json"),
        (TAIL, "application/proto"),
    ] {
        let answer = bench.post(path, content, "{}").await;
        answer.error(415, "invalid_argument");
        assert!(answer.header("accept-post").contains("application/json"));
    }
}

#[tokio::test]
async fn headers_of_the_protocol_are_checked() {
    let bench = Bench::new().await;
    for (name, value, status, code) in [
        ("connect-protocol-version", "2", 400, "invalid_argument"),
        ("connect-timeout-ms", "", 400, "invalid_argument"),
        ("connect-timeout-ms", "-1", 400, "invalid_argument"),
        ("connect-timeout-ms", "12345678901", 400, "invalid_argument"),
        ("connect-timeout-ms", "1s", 400, "invalid_argument"),
        ("content-encoding", "gzip", 501, "unimplemented"),
    ] {
        let request = bench.request(Method::POST, SHOW).header("content-type", "application/json");
        let request = request.header(name, value).body(Body::from("{}")).unwrap();
        bench.send(request).await.error(status, code);
    }
}

#[tokio::test]
async fn probes_answer() {
    let bench = Bench::new().await;
    assert_eq!(bench.get("/healthz").await.json(), json!({ "alive": true }));
    assert_eq!(bench.get("/readyz").await.json(), json!({ "ready": true }));
    let waits = Degraded {
        name: "cases_v1".into(),
        stream: "case-1".into(),
        position: "par.1.7".into(),
        reason: "of a later version".into(),
        since: "2026-01-01T00:00:00Z".into(),
    };
    bench.ready.lock().unwrap().degraded.push(waits);
    let answer = bench.get("/readyz").await;
    assert_eq!(answer.status, StatusCode::OK, "what waits takes no replica out");
    let degraded = json!([{
        "name": "cases_v1", "stream": "case-1", "position": "par.1.7",
        "reason": "of a later version", "since": "2026-01-01T00:00:00Z",
    }]);
    assert_eq!(answer.json(), json!({ "ready": true, "degraded": degraded }));
    *bench.ready.lock().unwrap() =
        Readiness { reasons: vec!["the log is away".to_owned()], ..Readiness::default() };
    let answer = bench.get("/readyz").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.json(), json!({ "ready": false, "reasons": ["the log is away"] }));
    assert_eq!(bench.get("/healthz").await.status, StatusCode::OK, "alive all the same");
    let metrics = bench.get("/metrics").await;
    assert_eq!(metrics.body, "dossier_things_total 7\n");
    assert!(metrics.header("content-type").starts_with("text/plain; version=0.0.4"));
    let document = bench.get("/openapi.json").await;
    assert_eq!(document.json()["openapi"], "3.1.0");
    assert!(document.json()["paths"][SHOW].is_object());
}

#[tokio::test]
async fn every_answer_has_the_security_headers() {
    let bench = Bench::new().await;
    let answers = [
        bench.get("/healthz").await,
        bench.get("/nothing").await,
        bench.get("/openapi.json").await,
        bench.get(SHOW).await,
        bench.call(SHOW, &json!({})).await,
        bench.call(SHOW, &json!({ "path": "refuse" })).await,
    ];
    for answer in answers {
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert!(answer.header("content-security-policy").starts_with("default-src 'none'"));
        assert!(!answer.headers.contains_key("access-control-allow-origin"));
    }
}

#[tokio::test]
async fn pages_of_other_origins_may_call_only_if_configured() {
    let config = Config { cors_origins: vec!["https://desk.example.org".to_owned()], ..Config::default() };
    let bench = Bench::with(config).await;
    let asking = |origin: &str| {
        bench
            .request(Method::OPTIONS, SHOW)
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,content-type,connect-protocol-version")
            .body(Body::empty())
            .unwrap()
    };
    let answer = bench.send(asking("https://desk.example.org")).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("access-control-allow-origin"), "https://desk.example.org");
    assert!(answer.header("access-control-allow-headers").contains("authorization"));
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    let answer = bench.send(asking("https://evil.example.org")).await;
    assert!(!answer.headers.contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn a_wrong_configuration_is_refused_before_anything_is_served() {
    let config = Config { cors_origins: vec!["*".to_owned()], ..Config::default() };
    let bench = Bench::with(config).await;
    assert!(matches!(bench.served.await.unwrap(), Err(Error::Origin(origin)) if origin == "*"));
}

#[tokio::test]
async fn a_connection_without_a_request_is_closed() {
    let bench = Bench::with(Config { head_time_max: Duration::from_millis(50), ..Config::default() }).await;
    // Silence, the first letters of HTTP/2, half a request.
    for beginning in ["", "PRI * HT", "POST / HTTP/1.1\r\nhost: x\r\n"] {
        let mut stream = TcpStream::connect(bench.address).await.unwrap();
        stream.write_all(beginning.as_bytes()).await.unwrap();
        let mut rest = Vec::new();
        let reading = stream.read_to_end(&mut rest);
        // However it is closed, it is.
        let _ = timeout(PATIENCE, reading).await.unwrap_or_else(|_| panic!("open after {beginning:?}"));
    }
}

#[tokio::test]
async fn http2_without_tls_is_spoken_too() {
    let bench = Bench::new().await;
    let client = hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new())
        .http2_only(true)
        .build_http::<Body>();
    let answer =
        client.request(bench.request(Method::GET, "/healthz").body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!((answer.status(), answer.version()), (StatusCode::OK, http::Version::HTTP_2));
}

#[tokio::test]
async fn a_call_that_does_not_end_is_cut_off_after_the_drain() {
    let bench = Bench::with(Config { drain_time_max: Duration::from_millis(50), ..Config::default() }).await;
    let mut stream = TcpStream::connect(bench.address).await.unwrap();
    let body = r#"{"path":"never"}"#;
    let head = format!(
        "POST {SHOW} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer t\r\ncontent-type: application/json\r\ncontent-length: "
    );
    stream.write_all(format!("{head}{}\r\n\r\n{body}", body.len()).as_bytes()).await.unwrap();
    timeout(PATIENCE, bench.role.never.notified()).await.expect("the call has reached the service");
    bench.stop.cancel();
    timeout(PATIENCE, bench.served).await.expect("it ends").unwrap().unwrap();
    let mut rest = Vec::new();
    // However it is closed, it is, and without an answer.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut rest)).await.expect("it is closed");
    assert_eq!(rest, b"");
    assert!(TcpStream::connect(bench.address).await.is_err(), "nobody listens any more");
}
