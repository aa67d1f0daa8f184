//! Asking over HTTP.

use std::time::Duration;

use reqwest::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE,
    IF_NONE_MATCH, LAST_MODIFIED, LOCATION, RETRY_AFTER,
};

use super::{
    client::{Answer, Client, Failure, HEADER_MAX, Headers, LOCATION_MAX, Request},
    feed::limits::BODY_MAX,
};
use crate::guarded::{self, Broken, Guarded};

/// How long a connection may take to be made.
pub const CONNECT_MAX: Duration = guarded::CONNECT_MAX;
/// How long a request may take, from its beginning to the last byte of the answer.
pub const REQUEST_MAX: Duration = Duration::from_secs(30);
/// How long a server may be silent.
pub const SILENCE_MAX: Duration = guarded::SILENCE_MAX;
/// What is wanted, in order.
const ACCEPTED: &str = "application/atom+xml, application/rss+xml, application/rdf+xml, application/xml;q=0.9, text/xml;q=0.8, */*;q=0.1";
/// Who asks.
const USER_AGENT: &str = concat!("Dossier/", env!("CARGO_PKG_VERSION"), " (feed reader)");
/// The status whose body is read.
const OK: u16 = 200;

/// Asks over HTTP and HTTPS, without being led into our own house.
#[derive(Clone, Debug)]
pub struct Http(Guarded);

/// Requests over HTTPS cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// The process has no provider of ciphers.
    #[error("no provider of ciphers is installed: install one when the process starts")]
    NoProvider,
    /// Something else is missing, the roots of trust perhaps.
    #[error("HTTPS cannot be set up")]
    Setup(#[from] reqwest::Error),
}

impl Http {
    /// Ready to ask.
    ///
    /// # Errors
    /// If HTTPS cannot be spoken.
    pub fn new() -> Result<Self, Unusable> {
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            return Err(Unusable::NoProvider);
        }
        Ok(Self(Guarded::new(USER_AGENT, REQUEST_MAX)?))
    }
}

#[async_trait::async_trait]
impl Client for Http {
    async fn get(&self, request: Request) -> Result<Answer, Failure> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(ACCEPTED));
        for (name, value) in [(IF_NONE_MATCH, &request.etag), (IF_MODIFIED_SINCE, &request.last_modified)] {
            if let Some(value) = value.as_deref().and_then(|value| HeaderValue::from_str(value).ok()) {
                headers.insert(name, value);
            }
        }
        let mut response = self.0.get(&request.address, headers, request.private_addresses).await?;
        let status = response.status().as_u16();
        let headers = kept(response.headers());
        let body = if status == OK { guarded::body(&mut response, BODY_MAX).await? } else { Vec::new() };
        Ok(Answer { status, headers, body })
    }
}

fn kept(headers: &HeaderMap) -> Headers {
    let value = |name: HeaderName, max: usize| {
        let value = headers.get(name)?.to_str().ok()?;
        (value.len() <= max).then(|| value.to_owned())
    };
    Headers {
        cache_control: value(CACHE_CONTROL, HEADER_MAX),
        content_type: value(CONTENT_TYPE, HEADER_MAX),
        etag: value(ETAG, HEADER_MAX),
        last_modified: value(LAST_MODIFIED, HEADER_MAX),
        location: value(LOCATION, LOCATION_MAX),
        retry_after: value(RETRY_AFTER, HEADER_MAX),
    }
}

impl From<Broken> for Failure {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Refused(refused) => Self::Refused(refused),
            Broken::Timeout => Self::Timeout,
            Broken::Unreachable => Self::Unreachable,
            Broken::TooLarge => Self::TooLarge,
        }
    }
}
