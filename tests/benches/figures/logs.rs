//! The logs that are compared.

use std::{path::Path, str::FromStr, sync::Arc};

use anyhow::bail;
use eventlog::{EventLog, JetStreamConfig, JetStreamLog, SqliteLog};
use tests::servers::{Nats, NatsCluster, NatsOptions};

/// The site of the logs, as the platform calls it.
const SITE: &str = "local";

/// A log, and what keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One file, full sync, group commit.
    Sqlite,
    /// One NATS server that syncs always.
    Nats,
    /// One NATS server that does not.
    NatsUnsynced,
    /// Three NATS servers that sync always, each entry on all of them.
    R3,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Sqlite, Self::Nats, Self::NatsUnsynced, Self::R3];

    /// What it is called in the output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Nats => "nats-sync",
            Self::NatsUnsynced => "nats-unsynced",
            Self::R3 => "r3",
        }
    }
}

impl FromStr for Kind {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> anyhow::Result<Self> {
        match Self::ALL.iter().find(|kind| kind.name() == name) {
            Some(kind) => Ok(*kind),
            None => bail!("{name} is no log: sqlite, nats-sync, nats-unsynced or r3"),
        }
    }
}

/// Servers that end with their value.
pub enum Servers {
    /// None is needed.
    None,
    /// One.
    One(Nats),
    /// Three.
    Three(NatsCluster),
}

/// A fresh log; a file goes into `folder`.
pub async fn open(kind: Kind, folder: &Path) -> anyhow::Result<(Arc<dyn EventLog>, Servers)> {
    let one = |sync_always| Nats::start(NatsOptions { sync_always });
    let (urls, replicas, servers) = match kind {
        Kind::Sqlite => {
            let log = SqliteLog::open(folder.join("log.db")).await?;
            return Ok((Arc::new(log), Servers::None));
        }
        Kind::Nats | Kind::NatsUnsynced => {
            let server = one(kind == Kind::Nats);
            (vec![server.url()], 1, Servers::One(server))
        }
        Kind::R3 => {
            let servers = NatsCluster::start(3);
            (servers.urls(), 3, Servers::Three(servers))
        }
    };
    let monitoring = match &servers {
        Servers::None => Vec::new(),
        Servers::One(server) => vec![server.monitoring_url()],
        Servers::Three(servers) => servers.monitoring_urls(),
    };
    let config = JetStreamConfig {
        replicas,
        monitoring,
        unsynced_for_tests: kind == Kind::NatsUnsynced,
        ..JetStreamConfig::new(urls, SITE)
    };
    Ok((Arc::new(JetStreamLog::connect(config).await?), servers))
}
