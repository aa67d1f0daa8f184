//! Whether the servers of a log sync always.

use std::{collections::BTreeMap, time::Duration};

use async_nats::{Client, jetstream::stream::Stream};
use serde::Deserialize;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::publish;
use crate::Error;

/// How long a server may take to answer.
const WAIT: Duration = Duration::from_secs(5);
/// The longest answer that is read, in bytes.
const ANSWER_MAX: u64 = 1 << 20;
/// What NATS listens on for monitoring if nothing else is said.
const PORT: u16 = 8222;

/// Part of what `/varz` says.
#[derive(Deserialize)]
struct Varz {
    server_name: String,
    #[serde(default)]
    jetstream: Option<JetStream>,
}

#[derive(Deserialize)]
struct JetStream {
    config: Option<JetStreamSettings>,
}

#[derive(Deserialize)]
struct JetStreamSettings {
    #[serde(default)]
    sync_always: bool,
}

/// Every server that holds `stream` must be seen at one of these addresses, and sync always.
pub(super) async fn check(client: &Client, stream: &Stream, monitoring: &[String]) -> Result<(), Error> {
    let info = stream.get_info().await.map_err(publish::unavailable)?;
    let mut holders: Vec<String> = Vec::new();
    if let Some(cluster) = info.cluster {
        holders.extend(cluster.leader);
        holders.extend(cluster.replicas.into_iter().map(|peer| peer.name));
    }
    if holders.is_empty() {
        holders.push(client.server_info().server_name);
    }
    let mut seen = BTreeMap::new();
    for address in monitoring {
        let varz = varz(address).await?;
        let settings = varz.jetstream.and_then(|jetstream| jetstream.config);
        seen.insert(varz.server_name, settings.is_some_and(|settings| settings.sync_always));
    }
    for holder in holders {
        match seen.get(&holder) {
            Some(true) => {}
            Some(false) => {
                return Err(Error::Unusable(format!(
                    "sync_interval of the NATS server {holder} is not always"
                )));
            }
            None => {
                return Err(Error::Unusable(format!(
                    "monitoring names no address of the NATS server {holder}, so whether it syncs always is unknown"
                )));
            }
        }
    }
    Ok(())
}

async fn varz(address: &str) -> Result<Varz, Error> {
    let unusable = |reason: String| Error::Unusable(format!("the monitoring address {address}: {reason}"));
    let host = address.strip_prefix("http://").map(|rest| rest.trim_end_matches('/'));
    let host = host.ok_or_else(|| unusable("it must begin with http://".into()))?;
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let target = if has_port { host.to_owned() } else { format!("{host}:{PORT}") };
    let answer = timeout(WAIT, get(&target, host)).await;
    let answer = answer.map_err(|_| Error::Unavailable(format!("{address} does not answer")))?;
    let answer = answer.map_err(|error| Error::Unavailable(format!("{address}: {error}")))?;
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body);
    let body = body.ok_or_else(|| unusable("it does not speak HTTP".into()))?;
    serde_json::from_str(body).map_err(|error| unusable(format!("its /varz cannot be read: {error}")))
}

/// HTTP/1.0, so that the answer is one piece that ends with the connection.
async fn get(target: &str, host: &str) -> std::io::Result<String> {
    let mut connection = TcpStream::connect(target).await?;
    connection.write_all(format!("GET /varz HTTP/1.0\r\nHost: {host}\r\n\r\n").as_bytes()).await?;
    let mut answer = String::new();
    connection.take(ANSWER_MAX).read_to_string(&mut answer).await?;
    Ok(answer)
}
