//! Asking over HTTP, without being led into our own house.

use std::{net::SocketAddr, time::Duration};

use reqwest::{
    dns::{Addrs, Name, Resolve, Resolving},
    header::{
        ACCEPT, CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE,
        IF_NONE_MATCH, LAST_MODIFIED, LOCATION, RETRY_AFTER,
    },
    redirect::Policy,
};

use super::{
    address::{Refused, is_public},
    client::{Answer, Client, Failure, HEADER_MAX, Headers, LOCATION_MAX, Request},
    feed::limits::BODY_MAX,
};

/// How long a connection may take to be made.
pub const CONNECT_MAX: Duration = Duration::from_secs(10);
/// How long a request may take, from its beginning to the last byte of the answer.
pub const REQUEST_MAX: Duration = Duration::from_secs(30);
/// How long a server may be silent.
pub const SILENCE_MAX: Duration = Duration::from_secs(15);
/// What is wanted, in order.
const ACCEPTED: &str = "application/atom+xml, application/rss+xml, application/rdf+xml, application/xml;q=0.9, text/xml;q=0.8, */*;q=0.1";
/// Who asks.
const USER_AGENT: &str = concat!("Dossier/", env!("CARGO_PKG_VERSION"), " (feed reader)");
/// The status whose body is read.
const OK: u16 = 200;

/// Asks over HTTP and HTTPS. Proxies of the environment are not used: they would resolve names for us, and could not be told
/// which machines are private.
#[derive(Clone, Debug)]
pub struct Http {
    public: reqwest::Client,
    anywhere: reqwest::Client,
}

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
        let builder = || {
            reqwest::Client::builder()
                .user_agent(USER_AGENT)
                .redirect(Policy::none())
                .referer(false)
                .no_proxy()
                .connect_timeout(CONNECT_MAX)
                .read_timeout(SILENCE_MAX)
                .timeout(REQUEST_MAX)
        };
        Ok(Self { public: builder().dns_resolver(PublicOnly).build()?, anywhere: builder().build()? })
    }
}

#[async_trait::async_trait]
impl Client for Http {
    async fn get(&self, request: Request) -> Result<Answer, Failure> {
        let client = if request.private_addresses {
            &self.anywhere
        } else {
            // A number in the address is not resolved.
            request.address.is_public()?;
            &self.public
        };
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(ACCEPTED));
        for (name, value) in [(IF_NONE_MATCH, &request.etag), (IF_MODIFIED_SINCE, &request.last_modified)] {
            if let Some(value) = value.as_deref().and_then(|value| HeaderValue::from_str(value).ok()) {
                headers.insert(name, value);
            }
        }
        let sent = client.get(request.address.url().clone()).headers(headers).send().await;
        let mut response = sent.map_err(|error| failure(&error))?;
        let status = response.status().as_u16();
        let headers = kept(response.headers());
        let mut body = Vec::new();
        if status == OK {
            let announced = response.content_length().unwrap_or_default();
            if usize::try_from(announced).map_or(true, |announced| announced > BODY_MAX) {
                return Err(Failure::TooLarge);
            }
            while let Some(chunk) = response.chunk().await.map_err(|error| failure(&error))? {
                if body.len() + chunk.len() > BODY_MAX {
                    return Err(Failure::TooLarge);
                }
                body.extend_from_slice(&chunk);
            }
        }
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

/// What stopped a request. The error itself may quote the address and is not kept.
fn failure(error: &reqwest::Error) -> Failure {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.downcast_ref::<Refused>().is_some() {
            return Failure::Refused(Refused::Private);
        }
        cause = error.source();
    }
    if error.is_timeout() { Failure::Timeout } else { Failure::Unreachable }
}

/// Resolves names, and gives no address of a machine that is not public: the connection is made to what was checked here, so
/// that a name that means another machine a moment later changes nothing.
#[derive(Debug)]
struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            // The port is put in by whoever connects.
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public = public_of(found)?;
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

/// The addresses, if all of them are public. Whoever has both kinds is trying something.
fn public_of(found: impl Iterator<Item = SocketAddr>) -> Result<Vec<SocketAddr>, Refused> {
    let found: Vec<_> = found.collect();
    if found.iter().all(|address| is_public(address.ip())) { Ok(found) } else { Err(Refused::Private) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_that_means_a_private_machine_is_refused_when_it_is_resolved() {
        // Another test of this process may have been first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Http::new().unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        // Past the check of the address itself, as a name of somebody else's would be.
        let error = http.public.get(format!("http://localhost:{port}/")).send().await.unwrap_err();
        assert_eq!(failure(&error), Failure::Refused(Refused::Private));
    }

    #[test]
    fn a_name_with_a_private_machine_among_others_means_none() {
        let found = |addresses: &[&str]| {
            let addresses: Vec<SocketAddr> =
                addresses.iter().map(|address| address.parse().unwrap()).collect();
            public_of(addresses.into_iter()).map(|public| public.len()).ok()
        };
        assert_eq!(found(&["1.1.1.1:0", "[2606:4700::1111]:0"]), Some(2));
        assert_eq!(found(&["1.1.1.1:0", "10.0.0.1:0"]), None);
        assert_eq!(found(&["[fe80::1]:0"]), None);
    }
}
