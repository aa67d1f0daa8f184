//! A platform that gives files, over real HTTP on loopback.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

use std::{
    collections::{HashMap, VecDeque},
    convert::Infallible,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{Router, body::Body, extract::Request, response::Response};
use bytes::Bytes;
use futures_util::stream;
use http::StatusCode;
use tokio::{sync::watch, task::JoinHandle};

/// The bytes of one piece of an endless answer.
const PIECE: usize = 64 * 1024;

/// No test waits longer to be asked.
const PATIENCE: Duration = Duration::from_secs(120);

/// What is answered.
#[derive(Clone)]
pub enum Reply {
    /// This.
    Text(StatusCode, Vec<(&'static str, String)>, Vec<u8>),
    /// Bytes without an end.
    Endless,
    /// Nothing.
    Silence,
    /// This, after a while.
    Slow(Duration, Box<Reply>),
}

/// A request, as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub path: String,
    pub authorization: Option<String>,
}

/// The platform.
pub struct Fake {
    pub base: String,
    state: Arc<State>,
    server: JoinHandle<()>,
}

#[derive(Default)]
struct State {
    replies: Mutex<HashMap<String, VecDeque<Reply>>>,
    asked: watch::Sender<Vec<Asked>>,
    /// Bytes of endless answers that were taken from us.
    poured: AtomicU64,
}

impl Fake {
    pub async fn start() -> Self {
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        let router = Router::new().fallback(move |request: Request| {
            let shared = Arc::clone(&shared);
            let path = request.uri().path_and_query().unwrap().to_string();
            let authorization = request.headers().get("authorization");
            let authorization = authorization.map(|value| value.to_str().unwrap().to_owned());
            async move { shared.answer(Asked { path, authorization }).await }
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { base, state, server }
    }

    /// Answers a path, with its query, so: one after the other, the last one again and again.
    pub fn answer(&self, path: &str, replies: impl IntoIterator<Item = Reply>) {
        let mut all = self.state.replies.lock().unwrap();
        all.insert(path.to_owned(), replies.into_iter().collect());
    }

    /// What was asked.
    pub fn asked(&self) -> Vec<Asked> {
        self.state.asked.borrow().clone()
    }

    /// Waits until a path is asked for.
    pub async fn until_asked(&self, path: &str) {
        let mut asked = self.state.asked.subscribe();
        let is_there = |asked: &Vec<Asked>| asked.iter().any(|asked| asked.path == path);
        tokio::time::timeout(PATIENCE, asked.wait_for(is_there)).await.expect("it is asked").unwrap();
    }

    /// How often a path was asked for.
    pub fn times(&self, path: &str) -> usize {
        self.asked().iter().filter(|asked| asked.path == path).count()
    }

    /// Bytes of endless answers that were taken from us.
    pub fn poured(&self) -> u64 {
        self.state.poured.load(Ordering::Relaxed)
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl State {
    async fn answer(self: Arc<Self>, asked: Asked) -> Response {
        let mut reply = {
            let mut all = self.replies.lock().unwrap();
            let replies = all.entry(asked.path.clone()).or_default();
            self.asked.send_modify(|all| all.push(asked));
            if replies.len() > 1 { replies.pop_front() } else { replies.front().cloned() }
        };
        if let Some(Reply::Slow(time, then)) = reply {
            tokio::time::sleep(time).await;
            reply = Some(*then);
        }
        match reply {
            None => Response::builder().status(StatusCode::NOT_FOUND).body(Body::empty()).unwrap(),
            Some(Reply::Text(status, headers, body)) => {
                let mut response = Response::builder().status(status);
                for (name, value) in headers {
                    response = response.header(name, value);
                }
                response.body(Body::from(body)).unwrap()
            }
            Some(Reply::Endless) => {
                let pieces = stream::repeat_with(move || {
                    self.poured.fetch_add(PIECE as u64, Ordering::Relaxed);
                    Ok::<_, Infallible>(Bytes::from_static(&[b'x'; PIECE]))
                });
                Response::new(Body::from_stream(pieces))
            }
            Some(Reply::Silence | Reply::Slow(..)) => std::future::pending().await,
        }
    }
}

/// A file of this type.
pub fn file(media_type: &str, content: &[u8]) -> Reply {
    Reply::Text(StatusCode::OK, vec![("content-type", media_type.to_owned())], content.to_vec())
}

/// An answer in JSON.
pub fn json(body: &serde_json::Value) -> Reply {
    file("application/json", body.to_string().as_bytes())
}

/// A status, and nothing else.
pub fn status(status: StatusCode) -> Reply {
    Reply::Text(status, Vec::new(), Vec::new())
}

/// It is elsewhere.
pub fn elsewhere(to: &str) -> Reply {
    Reply::Text(StatusCode::FOUND, vec![("location", to.to_owned())], Vec::new())
}
