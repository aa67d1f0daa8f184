//! Listening for HTTP, and ending: what every role does that has an HTTP port.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::Router;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{
        conn::auto::Builder,
        graceful::{GracefulShutdown, Watcher},
    },
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::sync::CancellationToken;
use tower::Service;

/// How long to wait when the system has no more sockets to give.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How many calls one HTTP/2 connection may make at once.
const HTTP2_STREAMS_MAX: u32 = 256;
/// How often a silent HTTP/2 connection is asked whether it is still there, and how long it may take to say so.
const HTTP2_PING: Duration = Duration::from_secs(20);

/// Who is at the other end of the connection on which a request came: an extension of every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// The bounds of a listener.
#[derive(Clone, Debug)]
pub struct Limits {
    /// How many connections there may be at once.
    pub connections_max: usize,
    /// From accepting a connection to its first complete request head, and from one head's first byte to its last.
    pub head_time_max: Duration,
    /// All headers of one HTTP/2 request, in bytes as HTTP/2 counts them. HTTP/1 has no such limit of its own.
    pub head_bytes_max: u32,
    /// How long [`serve`] waits for calls to end after it was asked to stop.
    pub drain_time_max: Duration,
}

/// Serves `router` on `listener` until `stop`, then lets calls end for [`Limits::drain_time_max`].
pub async fn serve(router: Router, limits: Limits, listener: TcpListener, stop: CancellationToken) {
    let drain = limits.drain_time_max;
    let server = Server {
        permits: Arc::new(Semaphore::new(limits.connections_max)),
        limits,
        router,
        graceful: GracefulShutdown::new(),
        cut: CancellationToken::new(),
    };
    // However this ends, and if it is dropped: no connection outlives it.
    let _cut = server.cut.clone().drop_guard();
    // The listener is closed when this returns: while draining, new clients are refused at once.
    stop.run_until_cancelled(server.accept(listener)).await;
    if tokio::time::timeout(drain, server.graceful.shutdown()).await.is_err() {
        tracing::warn!(?drain, "calls were cut off that did not end in time");
    }
}

struct Server {
    router: Router,
    limits: Limits,
    /// One for each connection.
    permits: Arc<Semaphore>,
    graceful: GracefulShutdown,
    /// Closes what does not end by itself.
    cut: CancellationToken,
}

impl Server {
    async fn accept(&self, listener: TcpListener) {
        loop {
            let Ok(permit) = self.permits.clone().acquire_owned().await else {
                return;
            };
            match listener.accept().await {
                Ok((stream, peer)) => {
                    let (router, watcher) = (self.router.clone(), self.graceful.watcher());
                    let serving = connection((stream, peer), router, watcher, self.limits.clone(), permit);
                    let cut = self.cut.clone();
                    tokio::spawn(async move { cut.run_until_cancelled(serving).await });
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

/// Serves one connection; whatever ends it is the client's matter.
async fn connection(
    (stream, peer): (TcpStream, SocketAddr),
    router: Router,
    watcher: Watcher,
    limits: Limits,
    _permit: OwnedSemaphorePermit,
) {
    // Answers are written whole: waiting for more to send with them only costs time.
    let _ = stream.set_nodelay(true);
    let begun = Arc::new(AtomicBool::new(false));
    let service = Marking { inner: router, seen: begun.clone(), peer: Peer(peer) };
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(limits.head_time_max);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(HTTP2_STREAMS_MAX)
        .max_header_list_size(limits.head_bytes_max)
        .keep_alive_interval(HTTP2_PING)
        .keep_alive_timeout(HTTP2_PING);
    let serving =
        builder.serve_connection_with_upgrades(TokioIo::new(stream), TowerToHyperService::new(service));
    let serving = watcher.watch(serving.into_owned());
    // Telling HTTP/1 from HTTP/2 has no time limit of its own: a client could hold the socket with half a word.
    let silent = async {
        tokio::time::sleep(limits.head_time_max).await;
        if begun.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        result = serving => if let Err(error) = result {
            tracing::debug!(error, "a connection ended early");
        },
        () = silent => tracing::debug!("a connection without a request was closed"),
    }
}

/// Notes that a request has come, and from whom.
#[derive(Clone)]
struct Marking<S> {
    inner: S,
    seen: Arc<AtomicBool>,
    peer: Peer,
}

impl<B, S: Service<http::Request<B>>> Service<http::Request<B>> for Marking<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: http::Request<B>) -> S::Future {
        self.seen.store(true, Ordering::Relaxed);
        request.extensions_mut().insert(self.peer);
        self.inner.call(request)
    }
}
