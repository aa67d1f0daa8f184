//! Calls at platforms that are asked, in bounded time and memory, and not into our own house.

use std::time::Duration;

use domain::time::Timestamp;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use secrecy::ExposeSecret;

use super::{Broke, Failure, round::retry_after_s};
use crate::{
    channels::speak::Call,
    feeds::{Address, address::Refused},
    guarded::{self, Broken, Guarded},
};

/// How long a call may take, from its beginning to the last byte of the answer.
const CALL_MAX: Duration = Duration::from_secs(60);
/// Who asks.
const USER_AGENT: &str = concat!("Dossier/", env!("CARGO_PKG_VERSION"));

/// Calls platforms.
pub(crate) struct Client(Guarded);

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Client {
    pub(crate) fn new() -> Result<Self, reqwest::Error> {
        // Fails only if somebody installed one before, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Guarded::new(USER_AGENT, CALL_MAX).map(Self)
    }

    /// Calls, and reads at most `body_max` bytes. In private networks, and without TLS, only if `private`.
    pub(crate) async fn call(&self, call: Call, private: bool, body_max: usize) -> Result<Answer, Broke> {
        let address: Address = call.url.parse().map_err(|refused| not_asked(&refused))?;
        // The call holds who we are.
        if address.url().scheme() != "https" && !private {
            return Err(not_asked(&"the address is not https: allow it with `private_addresses`"));
        }
        let mut headers = HeaderMap::new();
        for (name, value) in &call.headers {
            headers.insert(HeaderName::from_static(name), header(value)?);
        }
        for (name, value) in &call.secret_headers {
            let mut value = header(value.expose_secret())?;
            value.set_sensitive(true);
            headers.insert(HeaderName::from_static(name), value);
        }
        let sent = self.0.call(call.method, &address, headers, call.body, private).await;
        let mut response = sent.map_err(failure)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = guarded::body(&mut response, body_max).await.map_err(failure)?;
        Ok(Answer { status, headers, body })
    }
}

/// The body of an answer that says something; else why not.
pub(super) fn usable(answer: Answer, now: Timestamp) -> Result<Vec<u8>, Broke> {
    let failure = match answer.status {
        StatusCode::OK => return Ok(answer.body),
        StatusCode::UNAUTHORIZED => Failure::Access("secrets"),
        status @ (StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) => {
            Failure::Later(status.as_u16())
        }
        status => Failure::Status(status.as_u16()),
    };
    Err(Broke { failure, retry_after_s: retry_after_s(&answer.headers, now) })
}

fn header(value: &str) -> Result<HeaderValue, Broke> {
    let wrong = |_| Failure::Account("a secret holds what cannot be sent: a line break perhaps".into());
    HeaderValue::from_str(value).map_err(|error| wrong(error).into())
}

fn not_asked(refused: &impl std::fmt::Display) -> Broke {
    Failure::Account(format!("setting base_url or oauth_url: {refused}")).into()
}

fn failure(broken: Broken) -> Broke {
    match broken {
        Broken::Refused(refused @ Refused::Private) => not_asked(&refused),
        Broken::Refused(refused) => not_asked(&refused),
        Broken::Timeout => Failure::Timeout.into(),
        Broken::Unreachable => Failure::Unreachable.into(),
        Broken::TooLarge => Failure::Unreadable("it is too large".into()).into(),
    }
}
