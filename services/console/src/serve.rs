//! Listening, and ending.

use std::{
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

use crate::{Config, Edge, Error, headers, router};

/// How long to wait when the system has no more sockets to give.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How many calls one HTTP/2 connection may make at once.
const HTTP2_STREAMS_MAX: u32 = 256;
/// How often a silent HTTP/2 connection is asked whether it is still there, and how long it may take to say so.
const HTTP2_PING: Duration = Duration::from_secs(20);

/// Serves the edge on `listener` until [`Edge::stop`], then lets calls end for [`Config::drain_time_max`].
///
/// # Errors
///
/// If the configuration is not what it should be; never once it listens.
pub async fn serve(config: Config, edge: Edge, listener: TcpListener) -> Result<(), Error> {
    let (stop, drain) = (edge.stop.clone(), config.drain_time_max);
    let server = Server {
        head_time_max: config.head_time_max,
        permits: Arc::new(Semaphore::new(config.connections_max)),
        router: router(config, edge)?,
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
    Ok(())
}

struct Server {
    router: Router,
    head_time_max: Duration,
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
                Ok((stream, _)) => {
                    let (router, watcher) = (self.router.clone(), self.graceful.watcher());
                    let serving = connection(stream, router, watcher, self.head_time_max, permit);
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
    stream: TcpStream,
    router: Router,
    watcher: Watcher,
    head_time_max: Duration,
    _permit: OwnedSemaphorePermit,
) {
    // Answers are written whole: waiting for more to send with them only costs time.
    let _ = stream.set_nodelay(true);
    let begun = Arc::new(AtomicBool::new(false));
    let service = Marking { inner: router, seen: begun.clone() };
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(head_time_max);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(HTTP2_STREAMS_MAX)
        .max_header_list_size(headers::BYTES_MAX)
        .keep_alive_interval(HTTP2_PING)
        .keep_alive_timeout(HTTP2_PING);
    let serving = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    let serving = watcher.watch(serving.into_owned());
    // Telling HTTP/1 from HTTP/2 has no time limit of its own: a client could hold the socket with half a word.
    let silent = async {
        tokio::time::sleep(head_time_max).await;
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

/// Notes that a request has come.
#[derive(Clone)]
struct Marking<S> {
    inner: S,
    seen: Arc<AtomicBool>,
}

impl<R, S: Service<R>> Service<R> for Marking<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: R) -> S::Future {
        self.seen.store(true, Ordering::Relaxed);
        self.inner.call(request)
    }
}
