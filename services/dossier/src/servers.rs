//! `up` and `serve` as a process: arguments in, exit code out.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use dossier::{
    platform::{Platform, Role},
    sample::Unfit,
    serve, up,
};
use service::{
    lifecycle::{self, End},
    telemetry::{self, Telemetry},
};

use crate::cli::{
    error::Exit,
    globals::Globals,
    server::{self, LogFormat, ServeArgs, UpArgs},
};

/// Threads for the work; two at least, or the telemetry could not end while the work waits for it.
const THREADS_MIN: usize = 2;
/// Where `up` keeps its data, unless told otherwise.
const DATA: &str = "dossier-data";
/// Where the command line looks for gRPC, unless told otherwise.
const GRPC: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7401);

/// Runs `dossier up`.
pub fn up(args: &UpArgs, globals: &Globals) -> ExitCode {
    let data = globals.data.clone().unwrap_or_else(|| PathBuf::from(DATA));
    run(&args.telemetry, LogFormat::Text, async |metrics| {
        let config = up::Config {
            data: data.clone(),
            policy: args.config.clone(),
            sample: args.sample,
            http: args.listen,
            grpc: args.grpc(),
            hooks: args.hooks(),
            mail: args.mail(),
            behind_proxy: args.behind_proxy,
            metrics,
        };
        let platform = up::start(&config).await?;
        println!("Dossier is up.");
        println!("  API       http://{}   (JSON, /openapi.json, /healthz, /readyz, /metrics)", platform.http);
        println!("  gRPC      {}", platform.grpc);
        if let Some(hooks) = platform.hooks {
            println!("  webhooks  http://{hooks}/hooks/<account>");
            println!("  web chat  http://{hooks}/chat/<account>");
        }
        if let Some(mail) = platform.mail {
            println!("  mail      {mail}   (SMTP, LMTP)");
        }
        println!("  token     {}", data.join(up::TOKEN_FILE).display());
        println!("Try: {}", first_command(&data, platform.grpc));
        Ok(platform)
    })
}

/// Runs `dossier serve`.
pub fn serve(args: &ServeArgs) -> ExitCode {
    run(&args.telemetry, LogFormat::Json, async |metrics| serve::start(config(args, metrics)?).await)
}

fn config(args: &ServeArgs, metrics: prometheus::Registry) -> anyhow::Result<serve::Config> {
    let mut roles: Vec<Role> = args
        .roles
        .iter()
        .flat_map(|role| match role {
            server::Role::All => Role::ALL.to_vec(),
            server::Role::Ingestion => vec![Role::Ingestion],
            server::Role::Cases => vec![Role::Cases],
            server::Role::Assignment => vec![Role::Assignment],
            server::Role::Console => vec![Role::Console],
        })
        .collect();
    roles.sort_unstable();
    roles.dedup();
    let issuers = args.issuer.iter().map(|issuer| {
        let (name, file) = issuer.split_once('=').context("--issuer is NAME=FILE")?;
        Ok((name.to_owned(), PathBuf::from(file)))
    });
    let site_key = match (&args.site_key_file, std::env::var("DOSSIER_SITE_KEY")) {
        (Some(file), _) => dossier::keys::Key::File(file.clone()),
        (None, Ok(text)) if !text.is_empty() => dossier::keys::Key::Value(text.into()),
        (None, _) => {
            anyhow::bail!("the site's key is missing: give --site-key-file FILE, or DOSSIER_SITE_KEY")
        }
    };
    let nats = args.nats.as_deref().context("--nats URL is missing: where is the log?")?;
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let elsewhere = [
        (Role::Cases, &args.cases_url),
        (Role::Assignment, &args.assignment_url),
        (Role::Ingestion, &args.ingestion_url),
    ];
    Ok(serve::Config {
        site: args.site.clone(),
        number_prefix: args
            .number_prefix
            .clone()
            .unwrap_or_else(|| args.site.chars().take(3).collect::<String>().to_uppercase()),
        roles,
        nats: serve::Log {
            servers: nats.split(',').map(str::to_owned).collect(),
            replicas: args.nats_replicas,
            monitoring: args.nats_monitoring.clone(),
            credentials: args.nats_credentials.clone(),
            max_bytes: args.nats_max_bytes,
            unsynced_for_tests: args.unsynced_for_tests,
        },
        database: args
            .database
            .clone()
            .context("--database URL is missing: where are the read models to be?")?
            .into(),
        site_key,
        issuers: issuers.collect::<anyhow::Result<_>>()?,
        grpc: args.grpc_listen,
        http: args.http_listen,
        mail: args.smtp_listen,
        elsewhere: elsewhere
            .into_iter()
            .filter_map(|(role, url)| Some((role, url.clone()?)))
            .collect::<BTreeMap<_, _>>(),
        behind_proxy: args.behind_proxy,
        replica: args.replica.clone().unwrap_or_else(|| format!("{host}-{}", std::process::id())),
        metrics,
    })
}

/// Begins telemetry, starts the roles, and waits for their end.
fn run(
    config: &server::Telemetry,
    format: LogFormat,
    start: impl AsyncFnOnce(prometheus::Registry) -> anyhow::Result<Platform>,
) -> ExitCode {
    // What it writes, the log among it, is for its owner alone, whatever folder it is given.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    // Huge pages doubled what an idle server holds, and did not make it faster. Where they cannot be refused, they stay.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    // Fails only if somebody installed one before, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let threads = std::thread::available_parallelism().map_or(THREADS_MIN, |n| n.get().max(THREADS_MIN));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build();
    let end = runtime.context("no runtime").and_then(|runtime| {
        runtime.block_on(async {
            let config = telemetry::Config {
                otlp_url: config.otlp.clone(),
                json: config.log_format.unwrap_or(format) == LogFormat::Json,
                filter: config.log.clone(),
            };
            let telemetry = Telemetry::begin("dossier", &config)?;
            let end = match start(telemetry.registry()).await {
                Ok(platform) => Ok(platform.run(lifecycle::signal).await),
                Err(error) => Err(error),
            };
            telemetry.end().await;
            end
        })
    });
    match end {
        Ok(End::Drained) => ExitCode::SUCCESS,
        Ok(End::Forced) => {
            eprintln!("dossier: ended before everything was finished; what was acknowledged is in the log");
            ExitCode::FAILURE
        }
        Ok(End::Died(what)) => {
            eprintln!("dossier: {what}; the log lines above say why");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("dossier: {error:#}");
            if error.is::<Unfit>() { Exit::Invalid.into() } else { ExitCode::FAILURE }
        }
    }
}

/// What to try first, as it works where `up` was started.
fn first_command(data: &Path, grpc: SocketAddr) -> String {
    let mut command = "dossier case ls".to_owned();
    if data != Path::new(DATA) {
        let path = data.display().to_string();
        let plain = |c: char| c.is_alphanumeric() || "/._-".contains(c);
        let path = if path.chars().all(plain) { path } else { format!("'{}'", path.replace('\'', "'\\''")) };
        command += &format!(" --data {path}");
    }
    let any: IpAddr = if grpc.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
    let host = if grpc.ip().is_unspecified() { any } else { grpc.ip() };
    let server = SocketAddr::new(host, grpc.port());
    if server != GRPC {
        command += &format!(" --server http://{server}");
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_command_works_as_it_is_written() {
        let command = |data: &str, grpc: &str| first_command(Path::new(data), grpc.parse().unwrap());
        assert_eq!(command(DATA, "127.0.0.1:7401"), "dossier case ls");
        assert_eq!(command(DATA, "0.0.0.0:7401"), "dossier case ls");
        assert_eq!(
            command("/srv/x", "[::]:8081"),
            "dossier case ls --data /srv/x --server http://[::1]:8081"
        );
        assert_eq!(command("my o'data", "127.0.0.1:7401"), "dossier case ls --data 'my o'\\''data'");
    }
}
