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

use crate::peers::{Peers, Seat};

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
    /// How many of them from one address: HTTP/2 lets a client be silent for ever. Others are closed at once. See
    /// [`crate::peers::share`].
    pub connections_of_address_max: usize,
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
        peers: Peers::new(limits.connections_of_address_max),
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
    peers: Peers,
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
                    // Closed before it says anything: to speak TLS or HTTP with it would be work for whoever is too many.
                    let Some(seat) = self.peers.seat(peer.ip()) else { continue };
                    let (router, watcher) = (self.router.clone(), self.graceful.watcher());
                    let serving =
                        connection((stream, peer), router, watcher, self.limits.clone(), (permit, seat));
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
    _place: (OwnedSemaphorePermit, Seat),
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

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// A listener that gives one address so many places.
    async fn listening(connections_of_address_max: usize) -> (SocketAddr, tokio_util::sync::DropGuard) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
        let limits = Limits {
            connections_max: 4,
            connections_of_address_max,
            head_time_max: Duration::from_secs(60),
            head_bytes_max: 4_096,
            drain_time_max: Duration::ZERO,
        };
        let router = Router::new().route("/", axum::routing::get(async || "here"));
        tokio::spawn(serve(router, limits, listener, stop.clone()));
        (address, stop.drop_guard())
    }

    /// What a call on this connection is answered; nothing, if it is closed.
    async fn called(stream: &mut TcpStream) -> String {
        let mut answer = vec![0; 1_024];
        let _ = stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
        let read = stream.read(&mut answer).await.unwrap_or_default();
        String::from_utf8_lossy(&answer[..read]).into_owned()
    }

    #[tokio::test]
    async fn one_address_does_not_hold_all_places() {
        let (address, _stop) = listening(2).await;
        let mut one = TcpStream::connect(address).await.unwrap();
        assert!(called(&mut one).await.ends_with("here"));
        // The beginning of HTTP/2, and then nothing.
        let mut silent = TcpStream::connect(address).await.unwrap();
        silent.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
        assert!(silent.read(&mut [0; 9]).await.unwrap() > 0, "its settings");
        let mut third = TcpStream::connect(address).await.unwrap();
        assert_eq!(called(&mut third).await, "", "it is closed");
        let from = tokio::net::TcpSocket::new_v4().unwrap();
        from.bind("127.0.0.2:0".parse().unwrap()).unwrap();
        let mut other = from.connect(address).await.unwrap();
        assert!(called(&mut other).await.ends_with("here"), "another address has places");
        assert!(called(&mut one).await.ends_with("here"), "who is there stays");
        // His place is free as soon as it is seen that he has gone.
        drop(one);
        let again = async {
            loop {
                let mut again = TcpStream::connect(address).await.unwrap();
                if called(&mut again).await.ends_with("here") {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), again).await.expect("a place");
    }

    #[tokio::test]
    async fn behind_a_proxy_all_places_are_one_address() {
        let (address, _stop) = listening(usize::MAX).await;
        let mut all = Vec::new();
        for _ in 0..4 {
            let mut stream = TcpStream::connect(address).await.unwrap();
            assert!(called(&mut stream).await.ends_with("here"));
            all.push(stream);
        }
    }
}
