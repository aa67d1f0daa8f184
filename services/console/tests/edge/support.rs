//! A role that says what the tests need, the edge before it, and a client.

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::body::Body;
use bytes::Bytes;
use console::{Config, Edge, Readiness};
use futures_util::{Stream, StreamExt, stream};
use http::{HeaderMap, Method, Request, StatusCode};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use proto::{
    ingestion::v1::{self as ingestion, ingestion_server},
    operations::v1::{self as operations, operations_server},
    policy::v1::{self as policy, policy_service_server},
};
use serde_json::Value;
use tokio::{
    net::TcpListener,
    sync::{Notify, mpsc, oneshot},
    task::JoinHandle,
};
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status, transport::Channel};
use tonic_types::{ErrorDetails, StatusExt};

/// No test waits longer for anything.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// An error as services make them.
pub fn refusal() -> Status {
    let mut details = ErrorDetails::with_bad_request_violation("filter.status[0]", "should be another");
    details.set_error_info("INVALID_FIELD", "dossier", [("key".to_owned(), "value".to_owned())]);
    details.set_retry_info(Some(Duration::from_millis(500)));
    Status::with_error_details(Code::InvalidArgument, "filter.status[0]: should be another", details)
}

/// The role. What a request asks for stands in its first field.
#[derive(Clone, Default)]
pub struct Role {
    /// The last message that came in.
    pub submitted: Arc<Mutex<Option<ingestion::SubmitRequest>>>,
    /// Told when an endless stream is dropped.
    dropped: Arc<Mutex<Option<oneshot::Sender<()>>>>,
    /// Told when a call has come that is never answered.
    pub never: Arc<Notify>,
}

impl Role {
    /// Resolves when the next endless stream is dropped.
    pub fn dropped(&self) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        *self.dropped.lock().unwrap() = Some(sender);
        receiver
    }
}

#[tonic::async_trait]
impl ingestion_server::Ingestion for Role {
    async fn submit(
        &self,
        request: tonic::Request<ingestion::SubmitRequest>,
    ) -> Result<tonic::Response<ingestion::SubmitResponse>, Status> {
        let request = request.into_inner();
        let results = request.messages.iter().map(|message| ingestion::submit_response::Result {
            outcome: ingestion::submit_response::Outcome::Accepted.into(),
            message_id: message.external_id.clone(),
            ..Default::default()
        });
        let response = ingestion::SubmitResponse { results: results.collect(), position: "here.1.7".into() };
        *self.submitted.lock().unwrap() = Some(request);
        Ok(tonic::Response::new(response))
    }

    async fn get_ledger(
        &self,
        request: tonic::Request<ingestion::GetLedgerRequest>,
    ) -> Result<tonic::Response<ingestion::GetLedgerResponse>, Status> {
        let row = ingestion::get_ledger_response::Row {
            hour: request.into_inner().from,
            received: u64::MAX,
            accepted: 3,
            ..Default::default()
        };
        Ok(tonic::Response::new(ingestion::GetLedgerResponse { rows: vec![row], ..Default::default() }))
    }
}

#[tonic::async_trait]
impl policy_service_server::PolicyService for Role {
    async fn apply(
        &self,
        request: tonic::Request<policy::ApplyRequest>,
    ) -> Result<tonic::Response<policy::ApplyResponse>, Status> {
        let texts = request.into_inner().files.iter().map(|file| file.text.len()).sum::<usize>();
        Ok(tonic::Response::new(policy::ApplyResponse { position: texts.to_string(), ..Default::default() }))
    }

    async fn show(
        &self,
        request: tonic::Request<policy::ShowRequest>,
    ) -> Result<tonic::Response<policy::ShowResponse>, Status> {
        let metadata = request.metadata().clone();
        match request.into_inner().path.as_str() {
            "refuse" => Err(refusal()),
            "strange" => Err(Status::with_details(Code::Aborted, "strange", Bytes::from_static(b"\xff\xff"))),
            "never" => {
                self.never.notify_one();
                std::future::pending().await
            }
            "metadata" => {
                let fields = metadata
                    .into_headers()
                    .iter()
                    .map(|(name, value)| policy::show_response::Field {
                        path: name.to_string(),
                        value: String::from_utf8_lossy(value.as_bytes()).into_owned(),
                        ..Default::default()
                    })
                    .collect();
                Ok(tonic::Response::new(policy::ShowResponse { fields, ..Default::default() }))
            }
            path => {
                let code = path.strip_prefix("code ").map(|code| Code::from_i32(code.parse().unwrap()));
                code.map_or_else(
                    || Ok(tonic::Response::new(Default::default())),
                    |code| Err(Status::new(code, "as asked")),
                )
            }
        }
    }
}

type Entries = Pin<Box<dyn Stream<Item = Result<operations::TailEventsResponse, Status>> + Send>>;

fn entry(sequence: u32) -> Result<operations::TailEventsResponse, Status> {
    let entry = operations::LogEntry {
        position: format!("here.1.{sequence}"),
        body: "{\"line\":\n\"break\"}".into(),
        recorded_at: Some(prost_types::Timestamp { seconds: 0, nanos: 1000 }),
        ..Default::default()
    };
    Ok(operations::TailEventsResponse { entry: Some(entry) })
}

/// Says so when it is dropped.
struct Guard(Option<oneshot::Sender<()>>);

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(sender) = self.0.take() {
            let _ = sender.send(());
        }
    }
}

#[tonic::async_trait]
impl operations_server::Operations for Role {
    type TailEventsStream = Entries;
    type RebuildStream = tokio_stream::Iter<std::vec::IntoIter<Result<operations::RebuildResponse, Status>>>;

    async fn tail_events(
        &self,
        request: tonic::Request<operations::TailEventsRequest>,
    ) -> Result<tonic::Response<Entries>, Status> {
        let entries: Entries = match request.into_inner().after.as_str() {
            "refuse" => return Err(refusal()),
            "fail" => stream::iter([entry(1), Err(refusal())]).boxed(),
            "endless" => {
                let guard = Guard(self.dropped.lock().unwrap().take());
                stream::iter([entry(1)])
                    .chain(stream::pending().map(move |entry| {
                        let _held = &guard;
                        entry
                    }))
                    .boxed()
            }
            _ => stream::iter([entry(1), entry(2), entry(3)]).boxed(),
        };
        Ok(tonic::Response::new(entries))
    }

    async fn get_stream(
        &self,
        _: tonic::Request<operations::GetStreamRequest>,
    ) -> Result<tonic::Response<operations::GetStreamResponse>, Status> {
        // More than an edge with small limits takes.
        let entry = operations::LogEntry { body: "x".repeat(100_000), ..Default::default() };
        Ok(tonic::Response::new(operations::GetStreamResponse { entries: vec![entry], ..Default::default() }))
    }

    async fn list_read_models(
        &self,
        _: tonic::Request<operations::ListReadModelsRequest>,
    ) -> Result<tonic::Response<operations::ListReadModelsResponse>, Status> {
        Ok(tonic::Response::new(Default::default()))
    }

    async fn rebuild(
        &self,
        _: tonic::Request<operations::RebuildRequest>,
    ) -> Result<tonic::Response<Self::RebuildStream>, Status> {
        Ok(tonic::Response::new(tokio_stream::iter(Vec::new())))
    }
}

/// The edge, its role and a client.
pub struct Bench {
    pub role: Role,
    pub address: std::net::SocketAddr,
    pub stop: CancellationToken,
    /// What `/readyz` answers.
    pub ready: Arc<Mutex<Readiness>>,
    /// Ends when the edge has.
    pub served: JoinHandle<Result<(), console::Error>>,
    client: Client<HttpConnector, Body>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name} in {self:?}")).to_str().unwrap()
    }

    /// The answer is this error; returns it.
    #[track_caller]
    pub fn error(&self, status: u16, code: &str) -> Value {
        let error = self.json();
        assert_eq!((self.status.as_u16(), error["code"].as_str()), (status, Some(code)), "{error}");
        assert_eq!(self.header("content-type"), "application/json");
        error
    }
}

impl Bench {
    pub async fn new() -> Self {
        Self::with(Config::default()).await
    }

    pub async fn with(config: Config) -> Self {
        let role = Role::default();
        let grpc = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://{}", grpc.local_addr().unwrap());
        let largest = 64 << 20;
        let server = tonic::transport::Server::builder()
            .add_service(
                ingestion_server::IngestionServer::new(role.clone()).max_decoding_message_size(largest),
            )
            .add_service(
                policy_service_server::PolicyServiceServer::new(role.clone())
                    .max_decoding_message_size(largest),
            )
            .add_service(operations_server::OperationsServer::new(role.clone()));
        tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(grpc)));
        let channel = Channel::from_shared(uri).unwrap().connect_lazy();
        // A port where nobody listens.
        let away = Channel::from_static("http://127.0.0.1:1").connect_lazy();
        let upstreams = BTreeMap::from([
            ("dossier.ingestion.v1".to_owned(), channel.clone()),
            ("dossier.policy.v1".to_owned(), channel.clone()),
            ("dossier.operations.v1".to_owned(), channel),
            ("dossier.cases.v1".to_owned(), away),
        ]);
        let (stop, ready) = (CancellationToken::new(), Arc::new(Mutex::new(Readiness::default())));
        let answer = ready.clone();
        let edge = Edge {
            upstreams,
            metrics: Arc::new(|| "dossier_things_total 7\n".to_owned()),
            ready: Arc::new(move || answer.lock().unwrap().clone()),
            also: axum::Router::new(),
            stop: stop.clone(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let served = tokio::spawn(console::serve(config, edge, listener));
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { role, address, stop, ready, served, client }
    }

    /// A request with a token, of which the edge asks only that it is there.
    pub fn request(&self, method: Method, path: &str) -> http::request::Builder {
        self.anonymous(method, path).header("authorization", "Bearer t")
    }

    pub fn anonymous(&self, method: Method, path: &str) -> http::request::Builder {
        Request::builder().method(method).uri(format!("http://{}{path}", self.address))
    }

    /// Sends it and does not read the body yet.
    pub async fn begin(&self, request: Request<Body>) -> http::Response<Body> {
        let sending = self.client.request(request);
        tokio::time::timeout(PATIENCE, sending).await.expect("an answer in time").unwrap().map(Body::new)
    }

    /// Sends what the server may well break off.
    pub async fn try_send(&self, request: Request<Body>) -> Option<StatusCode> {
        let sending = self.client.request(request);
        tokio::time::timeout(PATIENCE, sending)
            .await
            .expect("an end in time")
            .ok()
            .map(|answer| answer.status())
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let (head, body) = self.begin(request).await.into_parts();
        let reading = axum::body::to_bytes(body, usize::MAX);
        let body = tokio::time::timeout(PATIENCE, reading).await.expect("a body in time").unwrap();
        Answer { status: head.status, headers: head.headers, body }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path).body(Body::empty()).unwrap()).await
    }

    pub async fn post(&self, path: &str, content: &str, body: impl Into<Body>) -> Answer {
        let request = self.request(Method::POST, path).header("content-type", content);
        self.send(request.body(body.into()).unwrap()).await
    }

    /// A unary call as `curl` makes it.
    pub async fn call(&self, path: &str, request: &Value) -> Answer {
        self.post(path, "application/json", request.to_string()).await
    }
}

/// The parts of a body as they come; dropping this is going away.
pub fn parts(body: Body) -> mpsc::Receiver<Bytes> {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        let passing_on = body.into_data_stream().for_each(|part| async {
            if let Ok(part) = part {
                // Nobody may be there any more.
                let _ = sender.send(part).await;
            }
        });
        tokio::select! {
            () = passing_on => {}
            () = sender.closed() => {}
        }
    });
    receiver
}

pub const SHOW: &str = "/dossier.policy.v1.PolicyService/Show";
pub const APPLY: &str = "/dossier.policy.v1.PolicyService/Apply";
pub const SUBMIT: &str = "/dossier.ingestion.v1.Ingestion/Submit";
pub const LEDGER: &str = "/dossier.ingestion.v1.Ingestion/GetLedger";
pub const TAIL: &str = "/dossier.operations.v1.Operations/TailEvents";
