//! Bytes that are no gRPC, sent to every method.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

use std::time::Duration;

use axum::body::Body;
use http::{Request, StatusCode};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tests::{
    desk::{message, refused},
    world::World,
};

const CONTRACTS: [(&str, &str); 5] = [
    ("dossier.cases.v1.Cases", include_str!("../../../proto/dossier/cases/v1/cases.proto")),
    ("dossier.cases.v1.Customers", include_str!("../../../proto/dossier/cases/v1/customers.proto")),
    ("dossier.ingestion.v1.Ingestion", include_str!("../../../proto/dossier/ingestion/v1/ingestion.proto")),
    (
        "dossier.operations.v1.Operations",
        include_str!("../../../proto/dossier/operations/v1/operations.proto"),
    ),
    ("dossier.policy.v1.PolicyService", include_str!("../../../proto/dossier/policy/v1/policy.proto")),
];
/// What asks only: garbage that happens to be an empty request is answered.
const QUERIES: [&str; 9] = [
    "ListCases",
    "Watch",
    "GetLedger",
    "TailEvents",
    "ListReadModels",
    "Show",
    "GetCase",
    "GetHistory",
    "Submit",
];
/// Unknown, out of range, internal.
const OURS: [u16; 3] = [2, 11, 13];
/// No test waits longer for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

fn framed(flag: u8, len: u32, body: &[u8]) -> Vec<u8> {
    let mut frame = vec![flag];
    frame.extend(len.to_be_bytes());
    frame.extend(body);
    frame
}

/// The bodies, and what they are.
fn bodies() -> Vec<(&'static str, Vec<u8>)> {
    let noise: Vec<u8> = (0..2_000_u32).map(|i| u8::try_from((i * 7 + i / 3) % 251).unwrap()).collect();
    vec![
        ("nothing", Vec::new()),
        ("half a prefix", vec![0, 0]),
        ("no body", framed(0, 100, b"")),
        ("half a body", framed(0, 100, b"abc")),
        ("a huge length", framed(0, u32::MAX, b"abc")),
        ("a compression that was not agreed on", framed(1, 3, b"abc")),
        ("a flag that does not exist", framed(9, 3, b"abc")),
        ("an overlong varint", framed(0, 12, &[0xff; 12])),
        ("a length beyond the end", framed(0, 3, &[0x0a, 0x7f, 0x41])),
        ("no UTF-8", framed(0, 4, &[0x0a, 0x02, 0xff, 0xfe])),
        ("a wrong wire type", framed(0, 5, &[0x0d, 1, 2, 3, 4])),
        ("noise", framed(0, 2_000, &noise)),
        ("noise without a frame", noise.clone()),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_is_answered_with_an_error_and_writes_nothing() {
    let world = World::start().await;
    let case = world.receive_one("forum", message("m-1", "ada", "It leaks")).await;
    let token = world.administrator().token;
    let client: Client<HttpConnector, Body> =
        Client::builder(TokioExecutor::new()).http2_only(true).build_http();
    let mark = world.mark().await;
    let mut sent = 0;
    for (service, contract) in CONTRACTS {
        let methods = contract.lines().filter_map(|line| line.trim().strip_prefix("rpc ")?.split('(').next());
        for method in methods {
            for (what, body) in bodies() {
                let request = Request::post(format!("http://{}/{service}/{method}", world.platform.grpc))
                    .header("content-type", "application/grpc")
                    .header("te", "trailers")
                    .header("authorization", format!("Bearer {token}"))
                    .body(Body::from(body))
                    .unwrap();
                let status = tokio::time::timeout(PATIENCE, grpc_status(&client, request)).await;
                let status = status.unwrap_or_else(|_| panic!("{method}: {what}: no answer"));
                sent += 1;
                let fine = QUERIES.contains(&method) && matches!(status, Some(0) | None);
                assert!(fine || status.is_some_and(|code| code != 0), "{method}: {what}: {status:?}");
                // Garbage is the fault of whoever sends it.
                let ours = status.is_some_and(|code| OURS.contains(&code));
                assert!(!ours, "{method}: {what}: {status:?}");
            }
        }
    }
    assert!(sent > 500, "only {sent}");
    world.nothing_since(mark).await;
    let now = world.administrator().case(&case.case_id).await;
    assert_eq!(now, case, "it still answers, and nothing changed");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_is_answered_with_what_is_wrong_with_it() {
    let world = World::start().await;
    let token = world.administrator().token;
    let list = "/dossier.cases.v1.Cases/ListCases";
    for content in ["application/grpc", "application/grpc-web"] {
        let client: Client<HttpConnector, Body> =
            Client::builder(TokioExecutor::new()).http2_only(content == "application/grpc").build_http();
        for (what, body) in bodies() {
            let request = Request::post(format!("http://{}{list}", world.platform.grpc))
                .header("content-type", content)
                .header("te", "trailers")
                .header("authorization", format!("Bearer {token}"))
                .body(Body::from(body))
                .unwrap();
            let answer = client.request(request).await.unwrap();
            let status = tonic::Status::from_header_map(answer.headers());
            let status = status.unwrap_or_else(|| panic!("{content}: {what}: {answer:?}"));
            let reason = if matches!(what, "a huge length" | "noise without a frame") {
                "REQUEST_TOO_LARGE"
            } else {
                "MALFORMED_MESSAGE"
            };
            refused::<()>(Err(status), tonic::Code::InvalidArgument, reason);
        }
    }
    world.end().await;
}

/// The code at the end of an answer; none while an endless one goes on, or where it broke off.
async fn grpc_status(client: &Client<HttpConnector, Body>, request: Request<Body>) -> Option<u16> {
    let answer = client.request(request).await.ok()?;
    assert_eq!(answer.status(), StatusCode::OK);
    let code = |headers: &http::HeaderMap| headers.get("grpc-status")?.to_str().ok()?.parse().ok();
    if let Some(code) = code(answer.headers()) {
        return Some(code);
    }
    let mut body = Body::new(answer.into_body());
    use axum::body::HttpBody as _;
    use futures_util::future::poll_fn;
    use std::pin::Pin;
    let reading = async {
        while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
            if let Some(code) = frame.ok()?.trailers_ref().and_then(code) {
                return Some(code);
            }
        }
        None
    };
    // A stream that was begun by an empty request has no end.
    tokio::time::timeout(Duration::from_secs(2), reading).await.ok().flatten()
}
