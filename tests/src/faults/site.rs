use std::{fs, path::PathBuf};

use proto::policy::v1::{ApplyRequest, ShowRequest, apply_request::File};
use service::{
    auth::{Issuer, PrincipalKind},
    clock::{Clock, SystemClock},
};
use tempfile::TempDir;

use super::Server;
use crate::{
    servers::{Nats, NatsCluster, NatsOptions, Postgres},
    world::{Caller, POLICY, command_id},
};

/// The name of the issuer of tokens, of the site too where it may be chosen.
const NAME: &str = "local";

/// A site whose roles are processes.
pub struct Site {
    /// The processes.
    pub servers: Vec<Server>,
    /// The log's servers, where they are not files.
    pub nats: Brokers,
    issuer: Issuer,
    _postgres: Option<Postgres>,
    folder: TempDir,
}

/// The servers of a log.
pub enum Brokers {
    /// None: the log is a file.
    None,
    /// One.
    One(Nats),
    /// Three.
    Three(NatsCluster),
}

impl Site {
    /// `dossier up` in a folder of its own, with the organisation of the tests in force.
    pub fn up() -> Self {
        Self::up_with("")
    }

    /// The same with more documents in its policy.
    pub fn up_with(more: &str) -> Self {
        let folder = TempDir::with_prefix("dossier-up-").expect("a temporary folder");
        let policy = folder.path().join("policy");
        fs::create_dir(&policy).expect("a folder");
        fs::write(policy.join("policy.toml"), POLICY).expect("a file");
        fs::write(policy.join("more.toml"), more).expect("a file");
        let data = folder.path().join("data");
        let mut server = Server::new("up", folder.path(), |http, _| {
            let arguments =
                ["up", "--data", text(&data), "--config", text(&policy), "--listen", &address(http)];
            arguments.map(str::to_owned).to_vec()
        });
        server.resume();
        let issuer = Issuer::load_or_create(NAME, &data.join("issuer.pem")).expect("the issuer's key");
        Self { servers: vec![server], nats: Brokers::None, issuer, _postgres: None, folder }
    }

    /// The data folder of [`up`](Self::up).
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// `dossier serve all` on one NATS server, which syncs always, and PostgreSQL.
    pub async fn serve_all() -> Self {
        Self::serve(Brokers::One(Nats::start(NatsOptions::default())), &[&["all"]]).await
    }

    /// `dossier serve all` on three NATS servers, and PostgreSQL.
    pub async fn serve_all_on_three() -> Self {
        Self::serve(Brokers::Three(NatsCluster::start(3)), &[&["all"]]).await
    }

    /// A process of `dossier serve` for each list of roles, with the organisation of the tests in force.
    pub async fn serve(nats: Brokers, processes: &[&[&str]]) -> Self {
        let urls = match &nats {
            Brokers::None => Vec::new(),
            Brokers::One(one) => vec![one.url()],
            Brokers::Three(three) => three.urls(),
        };
        Self::serve_by(nats, &urls, processes).await
    }

    /// The same, with the log reached at `urls`.
    pub async fn serve_by(nats: Brokers, urls: &[String], processes: &[&[&str]]) -> Self {
        let postgres = Postgres::start();
        let folder = TempDir::with_prefix("dossier-serve-").expect("a temporary folder");
        let path = |name: &str| folder.path().join(name);
        let issuer = Issuer::load_or_create(NAME, &path("issuer.pem")).expect("the issuer's key");
        fs::write(path("issuer.pub"), issuer.public_pem()).expect("a file");
        let (monitoring, replicas) = match &nats {
            Brokers::None => panic!("`serve` needs a NATS server"),
            Brokers::One(one) => (vec![one.monitoring_url()], 1),
            Brokers::Three(three) => (three.monitoring_urls(), 3),
        };
        let mut servers: Vec<Server> = Vec::new();
        for (n, roles) in processes.iter().enumerate() {
            let name = format!("{}-{n}", roles.join("-"));
            // The first of the processes runs the role cases, or all of them.
            let cases = servers.first().map(|server| server.grpc.to_string());
            let mut server = Server::new(&name, folder.path(), |http, grpc| {
                let mut arguments = vec!["serve".to_owned()];
                arguments.extend(roles.iter().map(|&role| role.to_owned()));
                let mut give = |option: &str, value: String| arguments.extend([option.to_owned(), value]);
                give("--site", NAME.to_owned());
                give("--nats", urls.join(","));
                give("--nats-replicas", replicas.to_string());
                give("--nats-monitoring", monitoring.join(","));
                give("--database", postgres.url());
                give("--site-key-file", text(&path("site.key")).to_owned());
                give("--issuer", format!("{NAME}={}", text(&path("issuer.pub"))));
                give("--http-listen", address(http));
                give("--grpc-listen", address(grpc));
                give("--replica", name.clone());
                if let Some(cases) = cases {
                    give("--cases-url", format!("http://{cases}"));
                }
                arguments
            });
            server.resume();
            servers.push(server);
        }
        let site = Self { servers, nats, issuer, _postgres: Some(postgres), folder };
        let files = vec![File { name: "policy.toml".into(), text: POLICY.into() }];
        let apply = ApplyRequest { command_id: command_id(), files, ..ApplyRequest::default() };
        let applied = site.administrator(0).policy.apply(apply).await.expect("the policy can be applied");
        let applied = applied.into_inner();
        assert_eq!(applied.problems, [], "the policy is right");
        // In every process that keeps cases: each follows the log by itself.
        for (n, _) in processes.iter().enumerate().filter(|(_, roles)| roles.contains(&"cases")) {
            let show = ShowRequest { at_least: applied.position.clone(), ..ShowRequest::default() };
            site.administrator(n).policy.show(show).await.expect("the policy is in force");
        }
        site
    }

    /// An administrator who calls one of the processes.
    pub fn administrator(&self, server: usize) -> Caller {
        self.caller(server, "root", &["administrator"])
    }

    /// A person of the organisation, or anybody else with these roles in the token, who calls one of the processes.
    pub fn caller(&self, server: usize, sub: &str, roles: &[&str]) -> Caller {
        Caller::new(self.servers[server].grpc, &self.token(sub, roles))
    }

    /// A token that the site takes.
    pub fn token(&self, sub: &str, roles: &[&str]) -> String {
        let expires = dossier::platform::in_days(SystemClock.now(), 1);
        self.issuer.token(sub, PrincipalKind::Human, roles, expires).expect("a token")
    }
}

fn address(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

fn text(path: &(impl AsRef<std::path::Path> + ?Sized)) -> &str {
    path.as_ref().to_str().unwrap_or_else(|| panic!("{} is no text", PathBuf::from(path.as_ref()).display()))
}
