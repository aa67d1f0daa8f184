//! The line to a mail server: whom it may lead to, and TLS.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, LazyLock},
    time::Duration,
};

use rustls::{ClientConfig, pki_types::ServerName};
use rustls_platform_verifier::ConfigVerifierExt;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::settings::Mailbox;
use crate::{
    asking::{Broke, Failure},
    feeds::address::is_public,
    guarded::CONNECT_MAX,
};

/// How long TLS may take to come about.
const HANDSHAKE_MAX: Duration = Duration::from_secs(15);
/// Addresses of one name that are tried.
const ADDRESSES_MAX: usize = 4;

/// Whom TLS trusts: those whom the system trusts.
static TRUST: LazyLock<Option<Arc<ClientConfig>>> = LazyLock::new(|| {
    // Fails only if somebody installed one before, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match ClientConfig::with_platform_verifier() {
        Ok(config) => Some(Arc::new(config)),
        Err(error) => {
            tracing::error!(%error, "no mailbox is asked over TLS: it cannot be set up");
            None
        }
    }
});

/// What a line is made of.
pub(super) trait Io: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

/// Connects to the server of a mailbox. In a private network, only if it says so.
pub(super) async fn connect(mailbox: &Mailbox) -> Result<Box<dyn Io>, Broke> {
    let found = tokio::net::lookup_host((mailbox.host.as_str(), mailbox.port));
    let found = timeout(CONNECT_MAX, found).await.map_err(|_| Failure::Timeout)?;
    let found: Vec<SocketAddr> = found.map_err(|_| Failure::Unreachable)?.collect();
    // The connection is made to what was checked here.
    if !mailbox.private && !found.iter().all(|address| is_public(address.ip())) {
        let what = "setting imap_host: the server is in a private network: allow it with `private_addresses`";
        return Err(Failure::Account(what.into()).into());
    }
    let mut failure = Failure::Unreachable;
    for address in found.into_iter().take(ADDRESSES_MAX) {
        match timeout(CONNECT_MAX, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                let _ = stream.set_nodelay(true);
                return Ok(Box::new(stream));
            }
            Ok(Err(_)) => failure = Failure::Unreachable,
            Err(_) => failure = Failure::Timeout,
        }
    }
    Err(failure.into())
}

/// Speaks TLS from here on, with whoever can prove to be the host.
pub(super) async fn private(io: Box<dyn Io>, host: &str) -> Result<Box<dyn Io>, Broke> {
    let trust = TRUST.clone().ok_or(Failure::Fault)?;
    trusting(io, host, trust).await
}

async fn trusting(io: Box<dyn Io>, host: &str, trust: Arc<ClientConfig>) -> Result<Box<dyn Io>, Broke> {
    let name = ServerName::try_from(host.to_owned());
    let name = name.map_err(|_| Failure::Account("setting imap_host: no name of a server".into()))?;
    match timeout(HANDSHAKE_MAX, TlsConnector::from(trust).connect(name, io)).await {
        Ok(Ok(stream)) => Ok(Box::new(stream)),
        Ok(Err(error)) if error.kind() == io::ErrorKind::InvalidData => {
            Err(Failure::Refused("it does not prove who it is: see imap_host, imap_tls and its certificate")
                .into())
        }
        Ok(Err(_)) => Err(Failure::Unreachable.into()),
        Err(_) => Err(Failure::Timeout.into()),
    }
}
