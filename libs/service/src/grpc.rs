//! The way in over gRPC: one server for whatever roles run here.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use domain::time::Timestamp;
use tokio::{net::TcpListener, sync::watch};
use tokio_util::sync::CancellationToken;
use tonic::{
    Request, Status,
    service::{Interceptor, RoutesBuilder},
    transport::{Server, server::TcpIncoming},
};

use crate::{
    Error, auth::Principal, clock::Clock, health, malformed, metered, request, shell::Shell, telemetry,
};

/// Requests of one connection that are worked on at once.
pub const CONCURRENCY_MAX: usize = 1_024;
/// The largest request, in bytes; of every service, so that whoever sends more is told the limit.
pub const REQUEST_MAX: usize = 16 * 1024 * 1024;
/// How long idle connections live without a sign from the other side.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// What a role adds to the server of its process.
pub trait Routes: Send {
    /// Names of the services, for health.
    fn names(&self) -> Vec<&'static str>;
    /// Adds them.
    fn add(self: Box<Self>, routes: &mut RoutesBuilder);
}

/// Lets only callers in that have a valid token, and notes who they are.
#[derive(Clone)]
pub struct Authenticate(Shell);

impl Authenticate {
    /// With the issuers that `shell` knows.
    pub fn new(shell: &Shell) -> Self {
        Self(shell.clone())
    }
}

impl Interceptor for Authenticate {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let header = request.metadata().get("authorization").and_then(|value| value.to_str().ok());
        let (principal, until) = self.0.auth.admit(header, self.0.clock.now()).map_err(Error::from)?;
        request.extensions_mut().insert(Arc::new(principal));
        request.extensions_mut().insert(Session { clock: Arc::clone(&self.0.clock), until });
        Ok(request)
    }
}

/// Who calls. Every service stands behind [`Authenticate`], so that it is always known.
pub fn principal<T>(request: &Request<T>) -> Result<Arc<Principal>, Error> {
    let principal = request.extensions().get::<Arc<Principal>>();
    principal.cloned().ok_or(Error::Unauthenticated(crate::auth::Error::Missing))
}

/// How long a call may last: until its token ends.
#[derive(Clone)]
pub struct Session {
    clock: Arc<dyn Clock>,
    until: Timestamp,
}

impl Session {
    /// Returns when the token has ended, with what the caller is told then.
    pub async fn ended(&self) -> Error {
        self.clock.wait_until(self.until).await;
        Error::Unauthenticated(crate::auth::Error::Expired)
    }
}

/// How long a stream that answers this call may go on.
pub fn session<T>(request: &Request<T>) -> Result<Session, Error> {
    let session = request.extensions().get::<Session>();
    session.cloned().ok_or(Error::Unauthenticated(crate::auth::Error::Missing))
}

/// Serves roles on `listener` until `stop`, then finishes what was begun. What health checks are told follows `state`.
pub async fn serve(
    listener: TcpListener,
    roles: Vec<Box<dyn Routes>>,
    state: watch::Receiver<health::State>,
    stop: CancellationToken,
) -> Result<(), tonic::transport::Error> {
    let (health, health_server) = tonic_health::server::health_reporter();
    let mut routes = RoutesBuilder::default();
    // The process as a whole.
    let mut names = vec![""];
    routes.add_service(health_server.max_decoding_message_size(REQUEST_MAX));
    for role in roles {
        names.extend(role.names());
        role.add(&mut routes);
    }
    match tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(proto::DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()
    {
        Ok(reflection) => {
            routes.add_service(reflection.max_decoding_message_size(REQUEST_MAX));
        }
        Err(error) => tracing::error!(%error, "no reflection: the descriptors do not fit together"),
    }
    let telling = tell(health, names, state, stop.clone());
    // An answer is several writes: without this its end waits for the other side's delayed acknowledgement, 40 ms.
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let serving = Server::builder()
        .accept_http1(true)
        .http2_keepalive_interval(Some(KEEPALIVE))
        .concurrency_limit_per_connection(CONCURRENCY_MAX)
        .trace_fn(span)
        .layer(tower::layer::layer_fn(request::Identified::new))
        .layer(tower::layer::layer_fn(metered::Metered::new))
        .layer(tonic_web::GrpcWebLayer::new())
        .layer(tower::layer::layer_fn(malformed::Explained::new))
        .add_routes(routes.routes())
        .serve_with_incoming_shutdown(incoming, stop.cancelled_owned());
    tokio::select! {
        served = serving => served,
        never = telling => match never {},
    }
}

/// Tells health checks whether the process is ready; not while it ends.
async fn tell(
    health: tonic_health::server::HealthReporter,
    names: Vec<&'static str>,
    mut state: watch::Receiver<health::State>,
    stop: CancellationToken,
) -> Infallible {
    use tonic_health::ServingStatus::{NotServing, Serving};
    loop {
        let ready = !stop.is_cancelled() && state.borrow_and_update().reasons.is_empty();
        for name in &names {
            health.set_service_status(name, if ready { Serving } else { NotServing }).await;
        }
        if stop.is_cancelled() {
            std::future::pending::<()>().await;
        }
        tokio::select! {
            () = stop.cancelled() => {}
            Ok(()) = state.changed() => {}
        }
    }
}

/// Listens on `address`; the error names it and says what to do.
pub async fn listen(what: &str, address: SocketAddr) -> Result<TcpListener, std::io::Error> {
    TcpListener::bind(address).await.map_err(|error| {
        let text = format!(
            "{what}: cannot listen on {address}: {error}; choose another address, or end what uses it"
        );
        std::io::Error::new(error.kind(), text)
    })
}

fn span(request: &http::Request<()>) -> tracing::Span {
    use tracing::field::Empty;
    let span =
        tracing::info_span!("grpc", method = request.uri().path(), request_id = Empty, trace_id = Empty);
    let traceparent = request.headers().get("traceparent").and_then(|value| value.to_str().ok());
    telemetry::continue_trace(&span, traceparent);
    span
}
