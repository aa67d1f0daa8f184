//! The HTTP edge: the contracts as JSON for whoever does not speak gRPC, their description, and the probes of a process.
//!
//! | path | |
//! |---|---|
//! | `POST /<package>.<Service>/<Method>` | every method without a client stream, compatible with the Connect protocol |
//! | `GET /openapi.json` | OpenAPI 3.1, made from the contracts and their comments |
//! | `GET /healthz` | 200 as long as the process answers |
//! | `GET /readyz` | 200, or 503 with the reasons |
//! | `GET /metrics` | Prometheus text |
//!
//! **Requests** are `application/json` (proto3 JSON) or `application/proto`. The `decode` module says how strict the JSON is;
//! nesting is limited to 64, a key that is there twice in one object is refused. `Connect-Protocol-Version` (`1`) and
//! `Connect-Timeout-Ms` are optional. `authorization`, `traceparent` and `x-request-id` go on to the service, no other header does.
//!
//! **Answers** are proto3 JSON as Connect writes it: `lowerCamelCase` names, fields with their default value left out,
//! integers of 64 bits as strings, bytes as base64, times in RFC 3339, enums by name.
//!
//! **Errors** are `{"code","message","details"}` with the HTTP status of the Connect protocol. What is wrong with HTTP itself
//! has the status of HTTP: 404 no such method, 405 not POST, 408 too slow, 413 too large, 415 another content type, 431 headers
//! too large.
//!
//! **Server streams** come as `application/connect+json` (or `+proto`), enveloped by the Connect protocol, or, asked with
//! `Accept: text/event-stream` and a plain JSON body, as events: each message a `data:` line, at the end `event: end`, or
//! `event: error` with the error as its data. One message is held at a time, and the call to the service ends when the client
//! goes away, when the time is over, or when the process stops.
//!
//! What is absent: the edge decides nothing about who may do what; it passes the token on, and only asks that there is one. It stores nothing. Connect's
//! GET requests, compression, and client streams are not offered; those who need them speak gRPC.

mod cors;
mod decode;
mod error;
mod headers;
mod json;
mod openapi;
mod probes;
mod rpc;
#[cfg(test)]
mod sample;
mod schema;
mod serve;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{Router, middleware, routing::get};
use bytes::Bytes;
use http::{HeaderValue, Response, header};
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

use rpc::permits::Permits;
pub use serve::serve;

/// Answers `/metrics`.
pub type Metrics = Arc<dyn Fn() -> String + Send + Sync>;
/// Answers `/readyz`.
pub type Ready = Arc<dyn Fn() -> Readiness + Send + Sync>;

/// Whether the process can do its work, in words for an operator. Nobody's data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Readiness {
    /// Why it cannot; nothing: it can.
    pub reasons: Vec<String>,
    /// What waits while everything else goes on. A process that has such is ready all the same.
    pub degraded: Vec<Degraded>,
}

/// A stream that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Degraded {
    /// Which read model or reaction cannot go on with it.
    pub name: String,
    /// The stream.
    pub stream: String,
    /// Its first entry that waits.
    pub position: String,
    /// Why.
    pub reason: String,
    /// Since when, RFC 3339; empty if that is not known.
    pub since: String,
}

/// What the edge stands between.
#[derive(Clone)]
pub struct Edge {
    /// From the package of a contract (`dossier.cases.v1`) to the role that serves it. A package that is not here is not
    /// offered. A channel should be lazy: a role that is away is an error of each call, not of the start.
    pub upstreams: BTreeMap<String, Channel>,
    /// The metrics of the process in Prometheus text format.
    pub metrics: Metrics,
    /// Whether the process can do its work.
    pub ready: Ready,
    /// What a role serves beside, with bounds of its own: webhooks.
    pub also: Router,
    /// Ends streams and [`serve`].
    pub stop: CancellationToken,
}

/// How many connections there may be at once.
const CONNECTIONS_MAX: usize = 4096;

/// The bounds of the edge.
#[derive(Clone, Debug)]
pub struct Config {
    /// Origins (`https://desk.example.org`) whose pages may call; empty: none.
    pub cors_origins: Vec<String>,
    /// The largest body of a request, in bytes. The services must take messages as large.
    pub body_bytes_max: usize,
    /// The largest message of an answer, in bytes.
    pub answer_bytes_max: usize,
    /// How long a unary call may take, from its first byte to its answer, if the client does not say.
    pub unary_time: Duration,
    /// How long the body of a request may take, whatever time its call has.
    pub body_time_max: Duration,
    /// The most that a client may ask for a unary call.
    pub unary_time_max: Duration,
    /// How long a stream may last; then the client calls again.
    pub stream_time_max: Duration,
    /// How many streams there may be at once.
    pub streams_max: usize,
    /// How many of them with one token.
    pub streams_of_token_max: usize,
    /// After how much silence an event stream says that it is still there.
    pub keep_alive: Duration,
    /// How many connections there may be at once.
    pub connections_max: usize,
    /// How many of them from one address. See [`service::peers::share`].
    pub connections_of_address_max: usize,
    /// From accepting a connection to its first complete request head, and from one head's first byte to its last.
    pub head_time_max: Duration,
    /// How long [`serve`] waits for calls to end after it was asked to stop.
    pub drain_time_max: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            cors_origins: Vec::new(),
            body_bytes_max: 16 << 20,
            answer_bytes_max: 32 << 20,
            unary_time: Duration::from_secs(30),
            body_time_max: Duration::from_secs(30),
            unary_time_max: Duration::from_secs(300),
            stream_time_max: Duration::from_secs(3600),
            streams_max: 1024,
            streams_of_token_max: 256,
            keep_alive: Duration::from_secs(15),
            connections_max: CONNECTIONS_MAX,
            connections_of_address_max: service::peers::share(CONNECTIONS_MAX),
            head_time_max: Duration::from_secs(10),
            drain_time_max: Duration::from_secs(15),
        }
    }
}

/// Why the edge cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The descriptors of the contracts do not fit together.
    #[error("the descriptors of the contracts cannot be read: {0}")]
    Descriptors(#[from] prost_reflect::DescriptorError),
    /// The descriptors are no descriptors.
    #[error("the descriptors cannot be decoded: {0}")]
    Undecodable(#[from] prost::DecodeError),
    /// An upstream for a package that there is no contract of.
    #[error("there is no contract of package `{0}`; the upstreams name packages such as `dossier.cases.v1`")]
    UnknownPackage(String),
    /// An origin that is none.
    #[error(
        "`{0}` is no origin; write it as the browser sends it: https://desk.example.org, no path, no `*`"
    )]
    Origin(String),
}

/// What every request needs.
struct State {
    edge: Edge,
    config: Config,
    schema: schema::Schema,
    /// One permit for each stream.
    streams: Permits,
    /// The description, made once.
    openapi: Bytes,
}

/// All routes of the edge.
///
/// # Errors
///
/// If an upstream or an origin is not what it should be.
pub fn router(config: Config, edge: Edge) -> Result<Router, Error> {
    with_descriptors(config, edge, proto::DESCRIPTORS)
}

fn with_descriptors(config: Config, edge: Edge, descriptors: &[u8]) -> Result<Router, Error> {
    let schema = schema::Schema::new(descriptors)?;
    if let Some(package) = edge.upstreams.keys().find(|package| !schema.has_package(package)) {
        return Err(Error::UnknownPackage(package.clone()));
    }
    let cors = cors::layer(&config.cors_origins)?;
    let also = edge.also.clone();
    let offered = |package: &str| edge.upstreams.contains_key(package);
    let openapi = openapi::document(&schema, offered).to_string().into();
    let streams = Permits::new(config.streams_max, config.streams_of_token_max);
    let state = Arc::new(State { edge, config, schema, streams, openapi });
    let mut router = Router::new()
        .route("/healthz", get(probes::alive))
        .route("/readyz", get(probes::ready))
        .route("/metrics", get(probes::metrics))
        .route("/openapi.json", get(openapi::answer))
        .method_not_allowed_fallback(rpc::not_allowed)
        .fallback(rpc::call)
        .layer(middleware::from_fn_with_state(state.clone(), headers::bounded))
        .with_state(state);
    if let Some(cors) = cors {
        router = router.layer(cors);
    }
    Ok(router.merge(also).layer(middleware::map_response(secured)))
}

/// No answer of the edge is a page: none may be sniffed, kept, framed, or run, unless it says of itself that it may.
async fn secured<B>(mut response: Response<B>) -> Response<B> {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}
