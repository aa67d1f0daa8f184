//! Unary calls.

use std::time::Duration;

use axum::body::Body;
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use console::Config;
use http::{Method, StatusCode};
use prost::Message;
use proto::{ingestion::v1 as ingestion, policy::v1 as policy};
use serde_json::json;

use crate::support::{APPLY, Bench, LEDGER, SHOW, SUBMIT};

#[tokio::test]
async fn a_request_arrives_with_all_its_values() {
    let bench = Bench::new().await;
    let answer = bench
        .call(
            SUBMIT,
            &json!({
                "account": "support-mail",
                "origin": "ORIGIN_IMPORT",
                "messages": [
                    {
                        "externalId": "m-1",
                        "direction": 2,
                        "sentAt": "2026-01-31T10:30:00.25+01:00",
                        "public": false,
                        "fields": { "order": "4711" },
                        "attachments": [{ "name": "a.txt", "mediaType": "text/plain", "content": "aGk" }],
                        "raw": "_-8=",
                        "author": { "handle": "@x" },
                        "text": null,
                    },
                    { "external_id": "m-2" },
                ],
            }),
        )
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(
        answer.json(),
        json!({
            "results": [
                { "outcome": "OUTCOME_ACCEPTED", "messageId": "m-1" },
                { "outcome": "OUTCOME_ACCEPTED", "messageId": "m-2" },
            ],
            "position": "here.1.7",
        })
    );
    let submitted = bench.role.submitted.lock().unwrap().take().unwrap();
    let expected = ingestion::Message {
        external_id: "m-1".into(),
        direction: ingestion::Direction::Outbound.into(),
        sent_at: Some(prost_types::Timestamp { seconds: 1_769_851_800, nanos: 250_000_000 }),
        public: Some(false),
        fields: [("order".to_owned(), "4711".to_owned())].into(),
        attachments: vec![ingestion::Attachment {
            name: "a.txt".into(),
            media_type: "text/plain".into(),
            content: b"hi".to_vec(),
        }],
        raw: vec![0xff, 0xef],
        author: Some(ingestion::Author { handle: "@x".into(), ..Default::default() }),
        ..Default::default()
    };
    assert_eq!(submitted.messages[0], expected);
    assert_eq!(submitted.messages[1].public, None);
    assert_eq!(submitted.origin(), ingestion::submit_request::Origin::Import);
}

#[tokio::test]
async fn an_answer_is_proto3_json() {
    let bench = Bench::new().await;
    let answer = bench.call(LEDGER, &json!({ "from": "2026-01-31T09:00:00Z" })).await;
    assert_eq!(
        answer.json(),
        json!({
            "rows": [{ "hour": "2026-01-31T09:00:00Z", "received": "18446744073709551615", "accepted": "3" }],
        })
    );
    assert_eq!(bench.call(SHOW, &json!({})).await.json(), json!({}));
}

#[tokio::test]
async fn binary_messages_go_through() {
    let bench = Bench::new().await;
    let request = policy::ApplyRequest {
        files: vec![policy::apply_request::File { name: "a".into(), text: "four".into() }],
        ..Default::default()
    };
    let answer = bench.post(APPLY, "application/proto", request.encode_to_vec()).await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "application/proto"));
    assert_eq!(policy::ApplyResponse::decode(answer.body).unwrap().position, "4");
    let error =
        bench.post(APPLY, "application/proto", &b"\xff\xff\xff"[..]).await.error(400, "invalid_argument");
    assert_eq!(error["details"][0]["debug"]["reason"], "MALFORMED_MESSAGE");
}

#[tokio::test]
async fn only_three_headers_go_on() {
    let bench = Bench::new().await;
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let request = bench
        .request(Method::POST, SHOW)
        .header("content-type", "application/json; charset=utf-8")
        .header("connect-protocol-version", "1")
        .header("connect-timeout-ms", "5000")
        .header("traceparent", trace)
        .header("x-request-id", "r-1")
        .header("x-forwarded-user", "root")
        .header("cookie", "a=b")
        .body(Body::from(r#"{"path":"metadata"}"#))
        .unwrap();
    let answer = bench.send(request).await.json();
    let received = |name: &str| {
        let fields = answer["fields"].as_array().unwrap().iter();
        fields.filter(|field| field["path"] == name).map(|field| field["value"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(received("authorization"), ["Bearer t"]);
    assert_eq!(received("traceparent"), [trace]);
    assert_eq!(received("x-request-id"), ["r-1"]);
    for absent in ["x-forwarded-user", "cookie", "connect-timeout-ms", "connect-protocol-version"] {
        assert!(received(absent).is_empty(), "{absent}");
    }
    assert_eq!(received("grpc-timeout").len(), 1, "the service knows how long it has");
}

#[tokio::test]
async fn an_error_of_a_service_keeps_its_details() {
    let bench = Bench::new().await;
    let error = bench.call(SHOW, &json!({ "path": "refuse" })).await.error(400, "invalid_argument");
    assert_eq!(error["message"], "filter.status[0]: should be another");
    let details = error["details"].as_array().unwrap();
    let of = |name: &str| details.iter().find(|detail| detail["type"] == name).unwrap();
    let bad = of("google.rpc.BadRequest");
    assert_eq!(
        bad["debug"],
        json!({
            "fieldViolations": [{ "field": "filter.status[0]", "description": "should be another" }],
        })
    );
    let value = STANDARD_NO_PAD.decode(bad["value"].as_str().unwrap()).unwrap();
    let decoded = tonic_types::pb::BadRequest::decode(&*value).unwrap();
    assert_eq!(decoded.field_violations[0].field, "filter.status[0]");
    assert_eq!(of("google.rpc.ErrorInfo")["debug"]["reason"], "INVALID_FIELD");
    assert_eq!(of("google.rpc.RetryInfo")["debug"], json!({ "retryDelay": "0.500s" }));
    let error = bench.call(SHOW, &json!({ "path": "strange" })).await.error(409, "aborted");
    assert!(error.get("details").is_none(), "what cannot be read is left out");
}

#[tokio::test]
async fn every_code_has_its_name_and_its_http_status() {
    let bench = Bench::new().await;
    let table = [
        (1, 499, "canceled"),
        (2, 500, "unknown"),
        (3, 400, "invalid_argument"),
        (4, 504, "deadline_exceeded"),
        (5, 404, "not_found"),
        (6, 409, "already_exists"),
        (7, 403, "permission_denied"),
        (8, 429, "resource_exhausted"),
        (9, 400, "failed_precondition"),
        (10, 409, "aborted"),
        (11, 400, "out_of_range"),
        (12, 501, "unimplemented"),
        (13, 500, "internal"),
        (14, 503, "unavailable"),
        (15, 500, "data_loss"),
        (16, 401, "unauthenticated"),
    ];
    for (code, status, name) in table {
        let answer = bench.call(SHOW, &json!({ "path": format!("code {code}") })).await;
        assert_eq!(answer.error(status, name)["message"], "as asked");
    }
}

#[tokio::test]
async fn a_wrong_field_is_named() {
    let bench = Bench::new().await;
    for (request, field) in [
        (json!({ "messages": [{}, { "sentAt": "yesterday" }] }), "messages[1].sent_at"),
        (json!({ "messages": [{ "raw": "*" }] }), "messages[0].raw"),
        (json!({ "messages": [{ "direction": "UP" }] }), "messages[0].direction"),
        (json!({ "messages": [{ "fields": { "a": 1 } }] }), "messages[0].fields[a]"),
        (json!({ "acount": "x" }), "acount"),
        (json!({ "account": 5 }), "account"),
    ] {
        let error = bench.call(SUBMIT, &request).await.error(400, "invalid_argument");
        assert_eq!(error["details"][0]["type"], "google.rpc.ErrorInfo");
        let violation = &error["details"][1]["debug"]["fieldViolations"][0];
        assert_eq!(violation["field"], field, "{error}");
        assert!(error["message"].as_str().unwrap().starts_with(&format!("{field}: ")), "{error}");
    }
    assert!(bench.role.submitted.lock().unwrap().is_none(), "nothing of it reached the service");
}

#[tokio::test]
async fn a_call_ends_in_its_time() {
    let config = Config { unary_time_max: Duration::from_millis(80), ..Config::default() };
    let bench = Bench::with(config).await;
    for timeout in ["40", "9999999999"] {
        let request = bench
            .request(Method::POST, SHOW)
            .header("content-type", "application/json")
            .header("connect-timeout-ms", timeout)
            .body(Body::from(r#"{"path":"never"}"#))
            .unwrap();
        let error = bench.send(request).await.error(504, "deadline_exceeded");
        assert_eq!(error["details"][0]["debug"]["reason"], "DEADLINE_EXCEEDED");
    }
    // A body that never ends counts too.
    let request = bench.request(Method::POST, SHOW).header("content-type", "application/json");
    let endless = Body::from_stream(futures_util::stream::pending::<Result<bytes::Bytes, std::io::Error>>());
    bench.send(request.body(endless).unwrap()).await.error(504, "deadline_exceeded");
}

#[tokio::test]
async fn a_role_that_is_away_is_unavailable_and_its_address_is_not_told() {
    let bench = Bench::new().await;
    let error = bench.call("/dossier.cases.v1.Cases/GetCase", &json!({})).await.error(503, "unavailable");
    let text = error.to_string();
    assert!(text.contains("cannot be reached"), "{text}");
    assert!(!text.contains("127.0.0.1") && !text.contains("refused"), "{text}");
}

#[tokio::test]
async fn an_answer_beyond_the_limit_is_an_error() {
    let bench = Bench::with(Config { answer_bytes_max: 1000, ..Config::default() }).await;
    let answer = bench.call("/dossier.operations.v1.Operations/GetStream", &json!({})).await;
    answer.error(400, "out_of_range");
}
