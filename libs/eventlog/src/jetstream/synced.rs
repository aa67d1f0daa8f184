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

/// Every server that holds `stream` must be seen at one of these addresses, and sync always. Answers which of them are
/// away: a log that lives on without them can be opened without them.
pub(super) async fn check(
    client: &Client,
    stream: &Stream,
    monitoring: &[String],
) -> Result<Vec<String>, Error> {
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
    let mut away = None;
    for address in monitoring {
        match varz(address).await {
            Ok(Varz { server_name, jetstream }) => {
                let settings = jetstream.and_then(|jetstream| jetstream.config);
                seen.insert(server_name, settings.is_some_and(|settings| settings.sync_always));
            }
            Err(error @ Error::Unavailable(_)) => away = Some(error),
            Err(error) => return Err(error),
        }
    }
    judge(holders, &seen, away)
}

/// `seen`: which servers sync always; `away`: why one of the addresses says nothing. The holders that nobody has seen,
/// if those that were seen can keep an entry without them.
fn judge(
    holders: Vec<String>,
    seen: &BTreeMap<String, bool>,
    away: Option<Error>,
) -> Result<Vec<String>, Error> {
    let needed = holders.len() / 2 + 1;
    let count = holders.len();
    let mut unseen = Vec::new();
    for holder in holders {
        match (seen.get(&holder), &away) {
            (Some(true), _) => {}
            (Some(false), _) => {
                return Err(Error::Unusable(format!(
                    "sync_interval of the NATS server {holder} is not always"
                )));
            }
            (None, Some(_)) => unseen.push(holder),
            (None, None) => {
                return Err(Error::Unusable(format!(
                    "monitoring names no address of the NATS server {holder}, so whether it syncs always is unknown"
                )));
            }
        }
    }
    match away {
        Some(error) if count - unseen.len() < needed => Err(error),
        _ => Ok(unseen),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(seen: &[(&str, bool)], away: bool) -> Result<Vec<String>, Error> {
        let holders = ["n1", "n2", "n3"].map(str::to_owned).to_vec();
        let seen = seen.iter().map(|&(name, always)| (name.to_owned(), always)).collect();
        judge(holders, &seen, away.then(|| Error::Unavailable("it does not answer".into())))
    }

    #[test]
    fn most_must_be_seen_and_none_may_be_lazy() {
        let all = [("n1", true), ("n2", true), ("n3", true)];
        assert_eq!(judged(&all, false).unwrap(), [""; 0]);
        assert_eq!(judged(&all, true).unwrap(), [""; 0], "an address of no holder may be away");
        assert_eq!(judged(&all[..2], true).unwrap(), ["n3"]);
        assert!(matches!(judged(&all[..1], true), Err(Error::Unavailable(_))), "most are away");
        assert!(matches!(judged(&all[..2], false), Err(Error::Unusable(_))), "all answer, and none is n3");
        let lazy = [("n1", true), ("n2", false)];
        assert!(matches!(judged(&lazy, true), Err(Error::Unusable(_))), "n2 is lazy");
    }
}
