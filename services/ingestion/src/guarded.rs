//! Asking over HTTP where somebody else says whom, without being led into our own house.

use std::{net::SocketAddr, time::Duration};

use reqwest::{
    Method, Response,
    dns::{Addrs, Name, Resolve, Resolving},
    header::HeaderMap,
    redirect::Policy,
};

use crate::feeds::address::{Address, Refused, is_public};

/// How long a connection may take to be made.
pub(crate) const CONNECT_MAX: Duration = Duration::from_secs(10);
/// How long a server may be silent.
pub(crate) const SILENCE_MAX: Duration = Duration::from_secs(15);

/// Asks over HTTP and HTTPS and follows no redirect. Proxies of the environment are not used: they would resolve names for us,
/// and could not be told which machines are private.
#[derive(Clone, Debug)]
pub(crate) struct Guarded {
    public: reqwest::Client,
    anywhere: reqwest::Client,
}

/// Why there is no answer, or not all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// The address may not be asked.
    Refused(Refused),
    /// It took too long.
    Timeout,
    /// The name is not known, nobody listens, or the connection broke.
    Unreachable,
    /// More came than may.
    TooLarge,
}

impl Guarded {
    /// Ready to ask, by this name. `request_max` is how long a request may take, from its beginning to the last byte of the
    /// answer.
    pub(crate) fn new(user_agent: &'static str, request_max: Duration) -> Result<Self, reqwest::Error> {
        let builder = || {
            reqwest::Client::builder()
                .user_agent(user_agent)
                .redirect(Policy::none())
                .referer(false)
                .no_proxy()
                .connect_timeout(CONNECT_MAX)
                .read_timeout(SILENCE_MAX)
                .timeout(request_max)
        };
        Ok(Self { public: builder().dns_resolver(PublicOnly).build()?, anywhere: builder().build()? })
    }

    /// Asks, and reads the head of the answer. Connects to no machine that is not on the public network, unless
    /// `private_addresses`.
    pub(crate) async fn get(
        &self,
        address: &Address,
        headers: HeaderMap,
        private_addresses: bool,
    ) -> Result<Response, Broken> {
        self.call(Method::GET, address, headers, Vec::new(), private_addresses).await
    }

    /// The same by another method, with a body.
    pub(crate) async fn call(
        &self,
        method: Method,
        address: &Address,
        headers: HeaderMap,
        body: Vec<u8>,
        private_addresses: bool,
    ) -> Result<Response, Broken> {
        let client = if private_addresses {
            &self.anywhere
        } else {
            // A number in the address is not resolved.
            address.is_public().map_err(Broken::Refused)?;
            &self.public
        };
        let mut request = client.request(method, address.url().clone()).headers(headers);
        if !body.is_empty() {
            request = request.body(body);
        }
        request.send().await.map_err(|error| broken(&error))
    }
}

/// The body of an answer; no more of it is read than `max` bytes.
pub(crate) async fn body(response: &mut Response, max: usize) -> Result<Vec<u8>, Broken> {
    let announced = response.content_length().unwrap_or_default();
    if usize::try_from(announced).map_or(true, |announced| announced > max) {
        return Err(Broken::TooLarge);
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| broken(&error))? {
        if body.len() + chunk.len() > max {
            return Err(Broken::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// What stopped a request. The error itself may quote the address and is not kept.
fn broken(error: &reqwest::Error) -> Broken {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.downcast_ref::<Refused>().is_some() {
            return Broken::Refused(Refused::Private);
        }
        cause = error.source();
    }
    if error.is_timeout() { Broken::Timeout } else { Broken::Unreachable }
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
        let guarded = Guarded::new("test", Duration::from_secs(5)).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        // Past the check of the address itself, as a name of somebody else's would be.
        let error = guarded.public.get(format!("http://localhost:{port}/")).send().await.unwrap_err();
        assert_eq!(broken(&error), Broken::Refused(Refused::Private));
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
