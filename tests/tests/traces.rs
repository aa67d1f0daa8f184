//! A request can be found in everything that it brought about, and is counted.

use std::collections::BTreeSet;

use proto::{
    cases::v1::{AddNoteRequest, ListCasesRequest},
    ingestion::v1::{Author, Direction, Message, SubmitRequest},
    operations::v1::TailEventsRequest,
};
use serde_json::Value;
use tests::{
    faults::{Site, whole},
    http::Json,
    world::command_id,
};
use tonic::Request;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_and_all_that_follows_from_it_are_one_trace_of_one_request() {
    let site = Site::up();
    let mut root = site.administrator(0);
    let message = Message {
        external_id: "m-1".into(),
        author: Some(Author { external_id: "u-1".into(), name: "Ada".into(), handle: "@ada".into() }),
        direction: Direction::Inbound.into(),
        text: "My kettle does not boil".into(),
        sent_at: Some(prost_types::Timestamp { seconds: 1_700_000_000, nanos: 0 }),
        ..Message::default()
    };
    let submit = SubmitRequest { account: "forum".into(), messages: vec![message], ..Default::default() };
    let mut request = Request::new(submit);
    let traceparent = format!("00-{TRACE}-b7ad6b7169203331-01");
    request.metadata_mut().insert("traceparent", traceparent.parse().unwrap());
    request.metadata_mut().insert("x-request-id", "shop-4711".parse().unwrap());
    let answer = root.ingestion.submit(request).await.unwrap();
    assert_eq!(answer.metadata().get("x-request-id").unwrap(), "shop-4711");
    whole(&mut root, 1).await;

    let tail = TailEventsRequest { until_now: true, ..Default::default() };
    let mut entries = root.operations.tail_events(tail).await.unwrap().into_inner();
    let mut seen = BTreeSet::new();
    let mut first = None;
    while let Some(answer) = entries.message().await.unwrap() {
        let entry = answer.entry.unwrap();
        let body: Value = serde_json::from_str(&entry.body).unwrap();
        let category = entry.stream.split('-').next().unwrap().to_owned();
        if category == "policy" {
            continue;
        }
        assert_eq!(body["request_id"], "shop-4711", "{body}");
        assert!(entry.traceparent.contains(TRACE), "{category}: {}", entry.traceparent);
        match &first {
            None => first = Some(entry.entry_id.clone()),
            Some(first) => assert_eq!(body["correlation"], **first, "{category} goes back to the message"),
        }
        seen.insert(category);
    }
    let all = ["case", "conversation", "customer", "message"].map(str::to_owned);
    assert!(all.iter().all(|category| seen.contains(category)), "{seen:?}");

    // A request without an id is given one.
    let case = root.cases.list_cases(ListCasesRequest::default()).await.unwrap().into_inner().cases.remove(0);
    let note = AddNoteRequest {
        command_id: command_id(),
        case_id: case.case_id,
        text: "Ask for the model".into(),
        ..Default::default()
    };
    let answer = root.cases.add_note(note).await.unwrap();
    let id = answer.metadata().get("x-request-id").unwrap().to_str().unwrap().to_owned();
    assert!(uuid::Uuid::try_parse(&id).is_ok(), "{id}");
    let refused = root.cases.add_note(AddNoteRequest::default()).await.unwrap_err();
    assert!(refused.metadata().get("x-request-id").is_some(), "a refusal has an id, too");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_makes_methods_up_adds_nothing_to_the_metrics() {
    let site = Site::up();
    let server = &site.servers[0];
    let channel = tonic::transport::Channel::from_shared(format!("http://{}", server.grpc)).unwrap();
    let mut client = tonic::client::Grpc::new(channel.connect().await.unwrap());
    let bearer = format!("Bearer {}", site.token("root", &["administrator"]));
    for (i, token) in [None, Some(bearer)].into_iter().enumerate() {
        for method in ["dossier.cases.v1.Cases/MadeUp", "made.Up/MadeUp", "dossier.cases.v1.Cases/GetCase"] {
            let mut request = Request::new(());
            if let Some(token) = &token {
                request.metadata_mut().insert("authorization", token.parse().unwrap());
            }
            // Only what is no method at all is one of many.
            let method =
                if method.ends_with("GetCase") { format!("/{method}") } else { format!("/{method}{i}") };
            client.ready().await.unwrap();
            let codec = tonic_prost::ProstCodec::<(), ()>::default();
            client.unary(request, method.parse().unwrap(), codec).await.unwrap_err();
        }
    }
    let metrics = Json::new(server.http(), None).get("/metrics").await.text;
    assert!(!metrics.contains("MadeUp"), "{metrics}");
    for (method, code) in [("unknown", 16), ("unknown", 12), ("/dossier.cases.v1.Cases/GetCase", 16)] {
        let counted = |line: &str| {
            line.contains(&format!("method=\"{method}\"")) && line.contains(&format!("code=\"{code}\""))
        };
        assert!(metrics.lines().any(counted), "{method} {code}: {metrics}");
    }
}
