//! Calls at platforms, in bounded time and memory, and what an answer that never came means.

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use secrecy::ExposeSecret;
use service::Error;

use crate::channels::speak::Call;

/// How long a connection may take to come about.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);
/// How long a call may take. Shorter than the time after which an attempt counts as lost.
pub(super) const CALL_TIME_MAX: Duration = Duration::from_secs(60);
/// The longest answer that is read, in bytes.
const ANSWER_MAX: usize = 1 << 20;

/// Calls platforms.
pub(super) struct Client(reqwest::Client);

/// An answer.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// Why there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum None {
    /// Nothing left us.
    NotConnected,
    /// It left us, and no answer came in time.
    TimedOut,
    /// It left us, or some of it, and the connection broke.
    Dropped,
    /// An answer came that is too long to be one.
    Unreadable,
    /// The call cannot be made: an address or a header that is none.
    Impossible,
}

impl Client {
    pub(super) fn new() -> Result<Self, Error> {
        // Fails only if somebody installed one before, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // A redirect would take what is said, and who we are, somewhere else.
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIME_MAX)
            .timeout(CALL_TIME_MAX)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent("dossier")
            .build();
        client.map(Self).map_err(|error| Error::Internal(format!("no HTTP client: {error}")))
    }

    /// Calls, and waits for the answer for at most `time`.
    pub(super) async fn call(&self, call: Call, time: Duration) -> Result<Answer, None> {
        let request = self.0.request(call.method, &call.url).body(call.body);
        let mut request = request.timeout(time.min(CALL_TIME_MAX));
        for (name, value) in &call.headers {
            request = request.header(*name, value);
        }
        for (name, value) in &call.secret_headers {
            let mut value =
                http::HeaderValue::from_str(value.expose_secret()).map_err(|_| None::Impossible)?;
            value.set_sensitive(true);
            request = request.header(*name, value);
        }
        let mut response = request.send().await.map_err(|error| why(&error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| why(&error))? {
            if body.len() + chunk.len() > ANSWER_MAX {
                return Err(None::Unreadable);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, headers, body })
    }
}

fn why(error: &reqwest::Error) -> None {
    if error.is_builder() {
        None::Impossible
    } else if error.is_connect() {
        None::NotConnected
    } else if error.is_timeout() {
        None::TimedOut
    } else {
        None::Dropped
    }
}
