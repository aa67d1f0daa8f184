//! The arguments of `up` and `serve`. What they do is the roles' business.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, ValueEnum};

/// Everything in one process, on files of this machine
#[derive(Args, Clone, Debug)]
#[command(before_help = "\
Examples:
  dossier up                                   data in ./dossier-data, JSON API on http://127.0.0.1:7400
  dossier up --sample                          with a small organisation and a day of messages
  dossier up --data /srv/dossier --config policy/ --listen 0.0.0.0:8080")]
pub struct UpArgs {
    /// Policy files to put into force before anything else
    #[arg(long, value_name = "DIR", env = "DOSSIER_CONFIG", hide_env = true)]
    pub config: Option<PathBuf>,
    /// Load a small organisation and a day of multilingual messages
    #[arg(long, env = "DOSSIER_SAMPLE", hide_env = true)]
    pub sample: bool,
    /// Where the JSON API listens; gRPC (+1), webhooks (+2) and mail (+25) follow
    #[arg(long, value_name = "HOST:PORT", env = "DOSSIER_LISTEN", hide_env = true)]
    #[arg(default_value = "127.0.0.1:7400", value_parser = first_port)]
    pub listen: SocketAddr,
    /// All connections come from a proxy or load balancer, which bounds them for each client: none is refused because its
    /// address has many [default: one address may have half of the places]
    #[arg(long, env = "DOSSIER_BEHIND_PROXY", hide_env = true)]
    pub behind_proxy: bool,
    /// What is told of the work
    #[command(flatten)]
    pub telemetry: Telemetry,
}

/// The last of the ports that follow the first, as a step from it.
const LAST_STEP: u16 = 25;

impl UpArgs {
    /// Where gRPC listens. If the first port is any that is free, so is this.
    pub const fn grpc(&self) -> SocketAddr {
        self.after(1)
    }

    /// Where webhooks come in.
    pub const fn hooks(&self) -> SocketAddr {
        self.after(2)
    }

    /// Where mails come in.
    pub const fn mail(&self) -> SocketAddr {
        self.after(25)
    }

    /// So many ports after the first.
    const fn after(&self, steps: u16) -> SocketAddr {
        let port = match self.listen.port() {
            0 => 0,
            first => first.saturating_add(steps),
        };
        SocketAddr::new(self.listen.ip(), port)
    }
}

/// An address whose port leaves room for those that follow.
fn first_port(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr =
        text.parse().map_err(|_| "not an address with a port, as 127.0.0.1:7400".to_owned())?;
    let last = u16::MAX - LAST_STEP;
    if address.port() > last {
        return Err(format!("other ports follow this one up to +{LAST_STEP}: it is {last} at most"));
    }
    Ok(address)
}

/// One or more roles, on a NATS cluster and a PostgreSQL database
#[derive(Args, Clone, Debug)]
#[command(before_help = "\
Examples:
  dossier serve all --nats nats://nats:4222 --database postgres://dossier@db/dossier
  dossier serve cases --cases-url http://cases:7401 --ingestion-url http://ingestion:7401 …")]
pub struct ServeArgs {
    /// Which
    #[arg(value_enum, required = true, value_name = "ROLE")]
    pub roles: Vec<Role>,
    /// The cluster that has the log
    #[arg(long, value_name = "URL", env = "DOSSIER_NATS", hide_env = true)]
    pub nats: Option<String>,
    /// The database that has the read models
    #[arg(long, value_name = "URL", env = "DOSSIER_DATABASE", hide_env = true, hide_env_values = true)]
    pub database: Option<String>,
    /// The site's name: the first token of every subject of the log
    #[arg(long, value_name = "NAME", env = "DOSSIER_SITE", hide_env = true, default_value = "main")]
    pub site: String,
    /// What case numbers begin with [default: the first three letters of the site's name]
    #[arg(long, value_name = "PREFIX", env = "DOSSIER_NUMBER_PREFIX", hide_env = true)]
    pub number_prefix: Option<String>,
    /// File with the site's key; made if it is not there. Without it the key is read from DOSSIER_SITE_KEY (base64)
    #[arg(long, value_name = "FILE", env = "DOSSIER_SITE_KEY_FILE", hide_env = true)]
    pub site_key_file: Option<PathBuf>,
    /// Who issues tokens: a name and a file with the public Ed25519 key in PEM; several are possible
    #[arg(long, value_name = "NAME=FILE", env = "DOSSIER_ISSUERS", hide_env = true, value_delimiter = ',')]
    pub issuer: Vec<String>,
    /// On how many servers of the cluster each entry is kept: 1, 3 or 5
    #[arg(long, value_name = "N", env = "DOSSIER_NATS_REPLICAS", hide_env = true, default_value_t = 3)]
    pub nats_replicas: usize,
    /// Monitoring addresses of all servers that keep the log, to see that each syncs always
    #[arg(long, value_name = "URL", env = "DOSSIER_NATS_MONITORING", hide_env = true, value_delimiter = ',')]
    pub nats_monitoring: Vec<String>,
    /// File with the credentials of the site's account
    #[arg(long, value_name = "FILE", env = "DOSSIER_NATS_CREDENTIALS", hide_env = true)]
    pub nats_credentials: Option<PathBuf>,
    /// Entries beyond this size of the log are refused, in bytes; keep it below the size of the disk
    #[arg(long, value_name = "BYTES", env = "DOSSIER_NATS_MAX_BYTES", hide_env = true)]
    pub nats_max_bytes: Option<u64>,
    /// Take a log that may lose acknowledged entries when the power goes; for tests only
    #[arg(long, env = "DOSSIER_UNSYNCED_FOR_TESTS", hide_env = true)]
    pub unsynced_for_tests: bool,
    /// A name of this process that no other process of the site has [default: host name and process id]
    #[arg(long, value_name = "NAME", env = "DOSSIER_REPLICA", hide_env = true)]
    pub replica: Option<String>,
    /// Where gRPC listens
    #[arg(long, value_name = "HOST:PORT", env = "DOSSIER_GRPC_LISTEN", hide_env = true)]
    #[arg(default_value = "0.0.0.0:7401")]
    pub grpc_listen: SocketAddr,
    /// Where HTTP listens: health, metrics, and what the role serves
    #[arg(long, value_name = "HOST:PORT", env = "DOSSIER_HTTP_LISTEN", hide_env = true)]
    #[arg(default_value = "0.0.0.0:7400")]
    pub http_listen: SocketAddr,
    /// Where mails come in by SMTP or LMTP, with the role `ingestion`: a network that only the mail server reaches
    #[arg(long, value_name = "HOST:PORT", env = "DOSSIER_SMTP_LISTEN", hide_env = true)]
    pub smtp_listen: Option<SocketAddr>,
    /// Where the role `ingestion` is
    #[arg(long, value_name = "URL", env = "DOSSIER_INGESTION_URL", hide_env = true)]
    pub ingestion_url: Option<String>,
    /// Where the role `cases` is
    #[arg(long, value_name = "URL", env = "DOSSIER_CASES_URL", hide_env = true)]
    pub cases_url: Option<String>,
    /// Where the role `assignment` is
    #[arg(long, value_name = "URL", env = "DOSSIER_ASSIGNMENT_URL", hide_env = true)]
    pub assignment_url: Option<String>,
    /// All connections come from a proxy or load balancer, which bounds them for each client: none is refused because its
    /// address has many [default: one address may have half of the places]
    #[arg(long, env = "DOSSIER_BEHIND_PROXY", hide_env = true)]
    pub behind_proxy: bool,
    /// What is told of the work
    #[command(flatten)]
    pub telemetry: Telemetry,
}

/// Logs, traces, metrics
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Telemetry")]
pub struct Telemetry {
    /// An OTLP collector that takes traces over gRPC
    #[arg(long, value_name = "URL", env = "DOSSIER_OTLP", hide_env = true)]
    pub otlp: Option<String>,
    /// Log lines as JSON, one object a line, or as text for people [default: json with serve, text with up]
    #[arg(long, value_name = "FORMAT", env = "DOSSIER_LOG_FORMAT", hide_env = true)]
    pub log_format: Option<LogFormat>,
    /// Which log lines: warn, info, cases=debug
    #[arg(long, value_name = "FILTER", env = "DOSSIER_LOG", hide_env = true, default_value = "warn")]
    pub log: String,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// An object with the fields of the line and of what it happened in, the trace among them
    Json,
    /// For people
    Text,
}

/// A part of the platform that can run by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// Every role
    All,
    /// Channels in, replies out
    Ingestion,
    /// Cases, conversations, customers, policy
    Cases,
    /// Agents, queues, who gets which case
    Assignment,
    /// The web: JSON API, pages, health and metrics
    Console,
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    enum Servers {
        Up(UpArgs),
        Serve(Box<ServeArgs>),
    }

    #[test]
    fn the_ports_of_up_follow_the_first_and_there_is_room_for_them() {
        let up = |listen: &str| match Servers::try_parse_from(["dossier", "up", "--listen", listen]) {
            Ok(Servers::Up(up)) => Some((up.listen.port(), up.grpc().port())),
            _ => None,
        };
        assert_eq!(up("127.0.0.1:8000"), Some((8000, 8001)));
        assert_eq!(up("[::1]:65510"), Some((65510, 65511)));
        // Each takes a free one.
        assert_eq!(up("127.0.0.1:0"), Some((0, 0)));
        for wrong in ["127.0.0.1:65535", "127.0.0.1:65511", "127.0.0.1:65536", "127.0.0.1", ":7400", ""] {
            assert_eq!(up(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn up_needs_nothing_and_serve_a_role() {
        let Ok(Servers::Up(up)) = Servers::try_parse_from(["dossier", "up"]) else { panic!("up") };
        assert_eq!((up.listen.port(), up.sample), (7400, false));
        assert!(Servers::try_parse_from(["dossier", "serve"]).is_err());
        let parsed = Servers::try_parse_from(["dossier", "serve", "cases", "console", "--nats", "nats://n"]);
        let Ok(Servers::Serve(serve)) = parsed else { panic!("serve") };
        assert_eq!(serve.roles, [Role::Cases, Role::Console]);
        assert_eq!(serve.nats.as_deref(), Some("nats://n"));
        assert_eq!(serve.grpc_listen.port(), 7401);
    }
}
