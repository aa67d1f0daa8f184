//! The way in over gRPC: one server for whatever roles run here.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::{
    Request, Status,
    service::{Interceptor, RoutesBuilder},
    transport::Server,
};

use crate::{Error, auth::Principal, shell::Shell, telemetry};

/// Requests of one connection that are worked on at once.
pub const CONCURRENCY_MAX: usize = 1_024;
/// The largest request, in bytes.
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
        let principal = self.0.auth.principal(header, self.0.clock.now()).map_err(Error::from)?;
        request.extensions_mut().insert(Arc::new(principal));
        Ok(request)
    }
}

/// Who calls. Every service stands behind [`Authenticate`], so that it is always known.
pub fn principal<T>(request: &Request<T>) -> Result<Arc<Principal>, Error> {
    let principal = request.extensions().get::<Arc<Principal>>();
    principal.cloned().ok_or(Error::Unauthenticated(crate::auth::Error::Missing))
}

/// Serves roles on `listener` until `stop`, then finishes what was begun.
pub async fn serve(
    listener: TcpListener,
    roles: Vec<Box<dyn Routes>>,
    stop: CancellationToken,
) -> Result<(), tonic::transport::Error> {
    let (health, health_server) = tonic_health::server::health_reporter();
    let mut routes = RoutesBuilder::default();
    routes.add_service(health_server);
    for role in roles {
        for name in role.names() {
            health.set_service_status(name, tonic_health::ServingStatus::Serving).await;
        }
        role.add(&mut routes);
    }
    match tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(proto::DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()
    {
        Ok(reflection) => {
            routes.add_service(reflection);
        }
        Err(error) => tracing::error!(%error, "no reflection: the descriptors do not fit together"),
    }
    Server::builder()
        .accept_http1(true)
        .http2_keepalive_interval(Some(KEEPALIVE))
        .concurrency_limit_per_connection(CONCURRENCY_MAX)
        .trace_fn(span)
        .layer(tonic_web::GrpcWebLayer::new())
        .add_routes(routes.routes())
        .serve_with_incoming_shutdown(TcpListenerStream::new(listener), stop.cancelled_owned())
        .await
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
    let span = tracing::info_span!("grpc", method = request.uri().path());
    let traceparent = request.headers().get("traceparent").and_then(|value| value.to_str().ok());
    telemetry::continue_trace(&span, traceparent);
    span
}
