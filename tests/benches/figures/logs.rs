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
    let servers = match kind {
        Kind::Sqlite => Servers::None,
        Kind::Nats | Kind::NatsUnsynced => Servers::One(one(kind == Kind::Nats)),
        Kind::R3 => Servers::Three(NatsCluster::start(3)),
    };
    Ok((connect(kind, folder, &servers).await?, servers))
}

/// The same log, closed before, after its servers were started again.
pub async fn again(kind: Kind, folder: &Path, servers: &mut Servers) -> anyhow::Result<Arc<dyn EventLog>> {
    match servers {
        Servers::None => {}
        Servers::One(server) => server.restart(),
        Servers::Three(servers) => servers.servers().iter_mut().for_each(Nats::restart),
    }
    connect(kind, folder, servers).await
}

async fn connect(kind: Kind, folder: &Path, servers: &Servers) -> anyhow::Result<Arc<dyn EventLog>> {
    let (urls, monitoring, replicas) = match servers {
        Servers::None => return Ok(Arc::new(SqliteLog::open(folder.join("log.db")).await?)),
        Servers::One(server) => (vec![server.url()], vec![server.monitoring_url()], 1),
        Servers::Three(servers) => (servers.urls(), servers.monitoring_urls(), 3),
    };
    let config = JetStreamConfig {
        replicas,
        monitoring,
        unsynced_for_tests: kind == Kind::NatsUnsynced,
        ..JetStreamConfig::new(urls, SITE)
    };
    Ok(Arc::new(JetStreamLog::connect(config).await?))
}
