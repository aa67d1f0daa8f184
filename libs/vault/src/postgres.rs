use std::time::Duration;

use sqlx::{
    ConnectOptions, Connection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::Error;

const CONNECTIONS_MAX: u32 = 8;
/// How long a call waits for a connection before the store counts as away.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

/// A small pool of its own, every commit of which is synchronous. No error repeats the URL: it may hold a password.
pub(crate) async fn connect(url: &str, store: &'static str) -> Result<PgPool, Error> {
    let options: PgConnectOptions = url.parse().map_err(|_| {
        Error::Unusable(format!("the {store}'s URL is not of the form postgres://user@host/name"))
    })?;
    let options = options.options([("synchronous_commit", "on")]);
    let away = |reason: sqlx::Error| Error::Unavailable { store, reason: reason.to_string() };
    // A pool asks until its time is up and then does not say why; one connection says it at once.
    options.connect().await.map_err(away)?.close().await.map_err(away)?;
    PgPoolOptions::new()
        .max_connections(CONNECTIONS_MAX)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .connect_with(options)
        .await
        .map_err(away)
}
