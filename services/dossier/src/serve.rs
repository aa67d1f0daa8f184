//! `dossier serve`: some roles of a site, on a NATS cluster and a PostgreSQL database.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, sync::Arc};

use anyhow::Context;
use domain::ids::SiteId;
use eventlog::{JetStreamConfig, JetStreamLog};
use secrecy::SecretString;
use service::{
    auth::Authenticator,
    clock::SystemClock,
    shell::{Shell, Stores},
};
use vault::{Blobs, PostgresBlobs, PostgresKeys};

use crate::{
    keys::{Key, unlock},
    platform::{Plan, Platform, Role},
};

/// What `serve` is asked for.
#[derive(Clone, Debug)]
pub struct Config {
    /// The site's name: the first token of all subjects.
    pub site: String,
    /// What case numbers begin with.
    pub number_prefix: String,
    /// The roles of this process.
    pub roles: Vec<Role>,
    /// The log.
    pub nats: Log,
    /// The database.
    pub database: SecretString,
    /// Where the site's key is.
    pub site_key: Key,
    /// Who issues tokens: name and file with the public key in PEM.
    pub issuers: Vec<(String, PathBuf)>,
    /// Where gRPC listens.
    pub grpc: SocketAddr,
    /// Where HTTP listens.
    pub http: SocketAddr,
    /// Where mails come in, if they do here.
    pub mail: Option<SocketAddr>,
    /// Where the roles are that run elsewhere.
    pub elsewhere: BTreeMap<Role, String>,
    /// A name of this process that no other process of the site has.
    pub replica: String,
    /// Whether all connections come from a proxy of ours.
    pub behind_proxy: bool,
    /// The metrics of this process.
    pub metrics: prometheus::Registry,
}

/// Where the log is.
#[derive(Clone, Debug)]
pub struct Log {
    /// `nats://host:port`, one or several.
    pub servers: Vec<String>,
    /// On how many servers each entry is kept.
    pub replicas: usize,
    /// Monitoring addresses of the servers, where it can be seen that they sync always.
    pub monitoring: Vec<String>,
    /// File with the credentials of the site's account.
    pub credentials: Option<PathBuf>,
    /// The log refuses entries beyond this size, in bytes.
    pub max_bytes: Option<u64>,
    /// Takes a log whose entries a power cut may lose. For tests only.
    pub unsynced_for_tests: bool,
}

/// Connects to the log and the database and starts the roles.
pub async fn start(config: Config) -> anyhow::Result<Platform> {
    use secrecy::ExposeSecret;
    let site = SiteId::new(&config.site).context("--site")?;
    let issuers = config
        .issuers
        .iter()
        .map(|(name, path)| {
            let pem = std::fs::read_to_string(path);
            pem.map(|pem| (name.as_str(), pem))
                .with_context(|| format!("the public key {} of issuer {name}", path.display()))
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    anyhow::ensure!(
        !issuers.is_empty(),
        "nobody may issue tokens: give --issuer NAME=FILE with a public key in PEM"
    );
    let auth = Authenticator::new(issuers.iter().map(|(name, pem)| (*name, pem.as_str())))?;
    let url = config.database.expose_secret();
    let log = JetStreamLog::connect(JetStreamConfig {
        replicas: config.nats.replicas,
        max_bytes: config.nats.max_bytes,
        credentials: config.nats.credentials,
        monitoring: config.nats.monitoring,
        unsynced_for_tests: config.nats.unsynced_for_tests,
        ..JetStreamConfig::new(config.nats.servers, site.as_str())
    })
    .await
    .context("the log")?;
    let keys = PostgresKeys::open(url).await.context("the key store")?;
    let vault = Arc::new(unlock(&log, &config.site_key, Arc::new(keys)).await?);
    let blobs =
        Blobs::new(Arc::clone(&vault), Arc::new(PostgresBlobs::open(url).await.context("the blob store")?));
    let shell = Shell {
        site,
        number_prefix: config.number_prefix.into(),
        epoch: 1,
        log: Arc::new(log),
        vault,
        blobs: Arc::new(blobs),
        clock: Arc::new(SystemClock),
        stores: Stores::Postgres(url.to_owned()),
        auth: Arc::new(auth),
        replica: config.replica.into(),
        rush: service::rush::Rush::default(),
    };
    let plan = Plan {
        roles: config.roles,
        grpc: config.grpc,
        http: config.http,
        hooks: None,
        mail: config.mail,
        elsewhere: config.elsewhere,
        behind_proxy: config.behind_proxy,
        metrics: config.metrics,
        hold: None,
    };
    Ok(Platform::start(shell, plan).await?)
}
