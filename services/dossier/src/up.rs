//! `dossier up`: a whole site in one process, on files in one folder.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use domain::ids::{ActorId, SiteId};
use eventlog::SqliteLog;
use service::{
    auth::{Authenticator, Issuer, PrincipalKind},
    clock::{Clock, SystemClock},
    shell::{Shell, Stores},
};
use vault::{Blobs, FolderBlobs, SqliteKeys};

use crate::{
    keys::{Key, unlock},
    platform::{Plan, Platform, Role, in_days},
};

/// What `up` is asked for.
#[derive(Clone, Debug)]
pub struct Config {
    /// The folder of the site.
    pub data: PathBuf,
    /// Policy files to put into force first.
    pub policy: Option<PathBuf>,
    /// Whether to load the sample.
    pub sample: bool,
    /// Where HTTP listens.
    pub http: SocketAddr,
    /// Where gRPC listens.
    pub grpc: SocketAddr,
    /// Where webhooks come in.
    pub hooks: SocketAddr,
    /// Where mails come in.
    pub mail: SocketAddr,
    /// Whether all connections come from a proxy of ours.
    pub behind_proxy: bool,
    /// The metrics of this process.
    pub metrics: prometheus::Registry,
}

/// The name of the one site of a folder, and of the issuer of its tokens.
const SITE: &str = "local";
/// What its case numbers begin with.
const PREFIX: &str = "LOC";
/// How long the administrator's token is valid; each start makes a new one.
const TOKEN_DAYS: i64 = 365;
/// Where the administrator's token is, for the command line to find.
pub const TOKEN_FILE: &str = "admin.token";

/// Where the key of the folder's issuer is.
const ISSUER_FILE: &str = "issuer.pem";

/// Makes a token for `person` that the site in `data` takes; without one, if no site was ever there.
pub fn token(
    data: &Path,
    person: &ActorId,
    kind: PrincipalKind,
    roles: &[&str],
    days: i64,
) -> anyhow::Result<Option<String>> {
    let Some(issuer) = Issuer::load(SITE, &data.join(ISSUER_FILE))? else { return Ok(None) };
    Ok(Some(issuer.token(person.as_str(), kind, roles, in_days(SystemClock.now(), days))?))
}

/// Opens the folder and starts every role on it.
pub async fn start(config: &Config) -> anyhow::Result<Platform> {
    let shell = shell(&config.data, Arc::new(SystemClock)).await?;
    let plan = Plan {
        roles: Role::ALL.to_vec(),
        grpc: config.grpc,
        http: config.http,
        hooks: Some(config.hooks),
        mail: Some(config.mail),
        elsewhere: BTreeMap::new(),
        behind_proxy: config.behind_proxy,
        metrics: config.metrics.clone(),
        hold: Some("the policy and the sample are not loaded yet"),
    };
    let platform = Platform::start(shell, plan).await?;
    if let Some(folder) = &config.policy {
        crate::sample::apply(&platform, crate::sample::files_in(folder)?).await?;
    }
    if config.sample {
        crate::sample::load(&platform, config.policy.is_none()).await?;
    }
    platform.release().await;
    Ok(platform)
}

/// The surroundings of a site whose log, keys, blobs and stores are in `data`.
pub async fn shell(data: &Path, clock: Arc<dyn Clock>) -> anyhow::Result<Shell> {
    use anyhow::Context;
    let private = |folder: &Path| {
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.with_context(|| {
            format!("cannot make the folder {}; choose another with --data", folder.display())
        })
    };
    private(data)?;
    let models = data.join("models");
    private(&models)?;
    let issuer = Issuer::load_or_create(SITE, &data.join(ISSUER_FILE))?;
    let token =
        issuer.token("admin", PrincipalKind::Human, &["administrator"], in_days(clock.now(), TOKEN_DAYS))?;
    write_token(&data.join(TOKEN_FILE), &token)?;
    let auth = Authenticator::new([(issuer.name(), issuer.public_pem())])?;

    let log = SqliteLog::open(&data.join("log.db")).await.with_context(|| {
        let folder = data.display();
        format!("cannot open the log in {folder}; end what uses it, or choose another folder with --data")
    })?;
    let keys = SqliteKeys::open(&data.join("keys.db")).await?;
    let vault = match unlock(&log, &Key::File(data.join("site.key")), Arc::new(keys)).await {
        Ok(vault) => Arc::new(vault),
        Err(error) => {
            log.close().await;
            return Err(error);
        }
    };
    let blobs = Blobs::new(Arc::clone(&vault), Arc::new(FolderBlobs::open(&data.join("blobs"))?));
    Ok(Shell {
        site: SiteId::new(SITE)?,
        number_prefix: PREFIX.into(),
        epoch: 1,
        log: Arc::new(log),
        vault,
        blobs: Arc::new(blobs),
        clock,
        stores: Stores::Folder(models),
        auth: Arc::new(auth),
        // The log belongs to one process: whoever held a lease before is gone, and it need not run out first.
        replica: SITE.into(),
        rush: service::rush::Rush::default(),
    })
}

fn write_token(path: &Path, token: &str) -> anyhow::Result<()> {
    use anyhow::Context;
    // Written beside and renamed: whoever reads it meanwhile gets the old one, which is valid too.
    let fresh = path.with_extension("new");
    match std::fs::remove_file(&fresh) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).context(fresh.display().to_string());
        }
        _ => {}
    }
    service::auth::write_private(&fresh, token).with_context(|| fresh.display().to_string())?;
    std::fs::rename(&fresh, path).with_context(|| path.display().to_string())
}
