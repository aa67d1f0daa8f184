//! Roles together in one process.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use domain::time::Timestamp;
use ingestion::{hooks::Config as Hooks, smtp::Config as Mail};
use service::{
    auth::Principal,
    erasures::Erasures,
    grpc::{self, Routes},
    health::{self, Health},
    lifecycle::{End, Tasks},
    operations::{self, AnyModel},
    policies::Policies,
    reaction::AnyReaction,
    shell::Shell,
};
use tokio::{net::TcpListener, sync::watch};
use tonic::transport::{Channel, Endpoint};

/// A part of the platform that can run by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Channels in, replies out.
    Ingestion,
    /// Cases, conversations, customers, policy.
    Cases,
    /// Agents, queues, who gets which case.
    Assignment,
    /// The HTTP edge.
    Console,
}

impl Role {
    /// Every role there is.
    pub const ALL: [Self; 4] = [Self::Ingestion, Self::Cases, Self::Assignment, Self::Console];
}

/// What is to run, and where.
pub struct Plan {
    /// The roles of this process.
    pub roles: Vec<Role>,
    /// Where gRPC listens.
    pub grpc: SocketAddr,
    /// Where HTTP listens.
    pub http: SocketAddr,
    /// Where webhooks come in, if this is another place than HTTP.
    pub hooks: Option<SocketAddr>,
    /// Where mails come in, if they do.
    pub mail: Option<SocketAddr>,
    /// Where the roles are that run elsewhere.
    pub elsewhere: BTreeMap<Role, String>,
    /// Whether all connections come from a proxy of ours: none is refused because its address has many.
    pub behind_proxy: bool,
    /// The metrics of this process.
    pub metrics: prometheus::Registry,
    /// Why it is not to be called ready before [`Platform::release`]: what it begins with is still to come.
    pub hold: Option<&'static str>,
}

/// Roles that run.
pub struct Platform {
    /// Where gRPC listens.
    pub grpc: SocketAddr,
    /// Where HTTP listens.
    pub http: SocketAddr,
    /// Where webhooks come in, if ingestion runs here.
    pub hooks: Option<SocketAddr>,
    /// Where mails come in, if they do here.
    pub mail: Option<SocketAddr>,
    /// Cases, if they run here.
    pub cases: Option<cases::Service>,
    /// Assignment, if it runs here.
    pub assignment: Option<assignment::Service>,
    /// Ingestion, if it runs here.
    pub ingestion: Option<ingestion::Ingestion>,
    /// The policy in force.
    pub policies: Arc<Policies>,
    /// The surroundings.
    pub shell: Shell,
    health: Arc<Health>,
    tasks: Tasks,
}

/// Why roles did not start. Each text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A store, the log or the vault.
    #[error(transparent)]
    Service(#[from] service::Error),
    /// A port.
    #[error(transparent)]
    Listen(#[from] std::io::Error),
    /// The HTTP edge.
    #[error(transparent)]
    Edge(#[from] console::Error),
    /// An address of another role.
    #[error("{role:?} is said to be at {url}, which is no address: {reason}")]
    Address {
        /// Which role.
        role: Role,
        /// Where it is said to be.
        url: String,
        /// What is wrong with that.
        reason: String,
    },
}

impl Platform {
    /// Opens every role of `plan` and lets it run. When this answers, the ports are open and calls are answered.
    pub async fn start(shell: Shell, plan: Plan) -> Result<Self, Error> {
        let grpc_listener = grpc::listen("gRPC", plan.grpc).await?;
        let http_listener = grpc::listen("HTTP", plan.http).await?;
        let (grpc, http) = (grpc_listener.local_addr()?, http_listener.local_addr()?);
        let hooks_listener = match plan.hooks.filter(|_| plan.roles.contains(&Role::Ingestion)) {
            Some(address) => Some(grpc::listen("webhooks", address).await?),
            None => None,
        };
        let mail_listener = match plan.mail.filter(|_| plan.roles.contains(&Role::Ingestion)) {
            Some(address) => Some(grpc::listen("mail", address).await?),
            None => None,
        };
        let mut tasks = Tasks::default();
        let (hooks_config, mail_config) = bounds(plan.behind_proxy);

        let cases = match plan.roles.contains(&Role::Cases) {
            true => Some(cases::Service::open(shell.clone()).await?),
            false => None,
        };
        let policies = match &cases {
            Some(cases) => cases.policies(),
            None => {
                let policies = Arc::new(Policies::open(shell.site.as_str(), Arc::clone(&shell.log)).await?);
                tasks.spawn("policies", Arc::clone(&policies).run(tasks.stop()));
                policies
            }
        };
        let ingestion = match plan.roles.contains(&Role::Ingestion) {
            true => {
                let config = ingestion::Config { accounts: Arc::clone(&policies) as _ };
                Some(ingestion::open(config, shell.clone()).await?)
            }
            false => None,
        };

        let assignment = match plan.roles.contains(&Role::Assignment) {
            true => Some(assignment::Service::open(shell.clone(), Arc::clone(&policies)).await?),
            false => None,
        };

        let erasures = Erasures::open(Arc::clone(&shell.log), Arc::clone(&shell.vault)).await?;
        let erasures = Arc::new(erasures);
        tasks.spawn("erasures", Arc::clone(&erasures).run(tasks.stop()));

        let mut routes: Vec<Box<dyn Routes>> = Vec::new();
        let mut models: Vec<Arc<dyn AnyModel>> = Vec::new();
        let mut others =
            cases.as_ref().map_or_else(|| vec![Arc::clone(&policies) as _], cases::Service::others);
        others.push(erasures);
        let mut reactions: Vec<Arc<dyn AnyReaction>> = Vec::new();
        if let Some(cases) = &cases {
            cases.spawn(&mut tasks);
            models.extend(cases.models());
            reactions.extend(cases.reactions());
            routes.push(cases.routes());
        }
        if let Some(ingestion) = &ingestion {
            ingestion.spawn(&mut tasks);
            models.extend(ingestion.models());
            reactions.extend(ingestion.reactions());
            routes.push(ingestion.routes());
            others.extend(ingestion.others());
        }
        if let Some(assignment) = &assignment {
            assignment.spawn(&mut tasks);
            models.extend(assignment.models());
            reactions.extend(assignment.reactions());
            others.extend(assignment.others());
            routes.push(assignment.routes());
        }
        let health = Arc::new(Health::new(Arc::clone(&shell.log), models.clone(), reactions.clone(), others));
        health.hold(plan.hold).await;
        let operations =
            operations::Server::new(shell.clone(), Arc::clone(&policies), models, reactions, tasks.stop());
        routes.push(operations.routes());
        let (state, stop) = (health.state(), tasks.stop());
        tasks.spawn("gRPC", async move {
            if let Err(error) = grpc::serve(grpc_listener, routes, state, stop).await {
                tracing::error!(%error, "gRPC ended");
            }
        });
        let mut hooks = None;
        let mut also = axum::Router::new();
        match (&ingestion, hooks_listener) {
            (Some(ingestion), Some(listener)) => {
                hooks = Some(listener.local_addr()?);
                let (ingestion, stop) = (ingestion.clone(), tasks.stop());
                let serving = ingestion::hooks::serve(ingestion, hooks_config, listener, stop);
                tasks.spawn("webhooks", serving);
            }
            (Some(ingestion), None) => {
                hooks = Some(http);
                also = ingestion::hooks::router(ingestion.clone(), hooks_config);
            }
            (None, _) => {}
        }
        let mut mail = None;
        if let (Some(ingestion), Some(listener)) = (&ingestion, mail_listener) {
            mail = Some(listener.local_addr()?);
            let (ingestion, stop) = (ingestion.clone(), tasks.stop());
            tasks.spawn("mail", ingestion::smtp::serve(ingestion, mail_config, listener, stop));
        }
        edge(&plan, grpc, http_listener, also, ready(&shell, health.state()), &mut tasks)?;
        let stop = tasks.stop();
        tasks.spawn("health", Arc::clone(&health).run(stop));
        Ok(Self { grpc, http, hooks, mail, cases, assignment, ingestion, policies, shell, health, tasks })
    }

    /// Nothing is to be waited for any more: see [`Plan::hold`].
    pub async fn release(&self) {
        self.health.hold(None).await;
    }

    /// What it says of itself.
    pub fn health(&self) -> watch::Receiver<health::State> {
        self.health.state()
    }

    /// A caller of this process who may do everything.
    pub fn administrator(&self) -> Principal {
        administrator(&self.shell)
    }

    /// Runs until a signal, then drains.
    pub async fn run(self, signal: impl AsyncFnMut()) -> End {
        self.tasks.run(signal).await
    }

    /// Ends it, as a test does.
    pub async fn end(self) -> End {
        let mut first = true;
        self.tasks
            .run(async || {
                if !std::mem::take(&mut first) {
                    std::future::pending::<()>().await;
                }
            })
            .await
    }
}

fn administrator(shell: &Shell) -> Principal {
    use domain::{
        actor::{Actor, Kind},
        ids::{ActorId, AuthMethod},
    };
    let id = ActorId::new(shell.site.as_str()).and_then(|id| Ok((id, AuthMethod::new("internal")?)));
    let (id, auth) =
        id.unwrap_or_else(|_| unreachable!("a site's name is an actor's id, and the method is a constant"));
    Principal { actor: Actor::new(Kind::Service, id, auth), roles: vec!["administrator".into()] }
}

/// The HTTP edge: the whole API where the console runs, health and metrics everywhere.
fn edge(
    plan: &Plan,
    grpc: SocketAddr,
    listener: TcpListener,
    also: axum::Router,
    ready: console::Ready,
    tasks: &mut Tasks,
) -> Result<(), Error> {
    let mut upstreams = BTreeMap::new();
    if plan.roles.contains(&Role::Console) {
        for (role, packages) in [
            (Role::Cases, &["dossier.cases.v1", "dossier.policy.v1", "dossier.operations.v1"][..]),
            (Role::Assignment, &["dossier.assignment.v1"][..]),
            (Role::Ingestion, &["dossier.ingestion.v1"][..]),
        ] {
            let url = if plan.roles.contains(&role) {
                Some(format!("http://{}", reachable(grpc)))
            } else {
                plan.elsewhere.get(&role).cloned()
            };
            let Some(url) = url else { continue };
            let channel = channel(role, &url)?;
            upstreams.extend(packages.iter().map(|package| ((*package).to_owned(), channel.clone())));
        }
    }
    let registry = plan.metrics.clone();
    let metrics = Arc::new(move || {
        let mut text = String::new();
        if let Err(error) = prometheus::TextEncoder::new().encode_utf8(&registry.gather(), &mut text) {
            tracing::warn!(%error, "metrics cannot be written");
        }
        text
    });
    let edge = console::Edge { upstreams, metrics, ready, also, stop: tasks.stop() };
    let mut config = console::Config::default();
    if plan.behind_proxy {
        config.connections_of_address_max = config.connections_max;
    }
    // Told now rather than by a task that dies.
    let _ = console::router(config.clone(), edge.clone())?;
    tasks.spawn("HTTP", async move {
        if let Err(error) = console::serve(config, edge, listener).await {
            tracing::error!(%error, "HTTP ended");
        }
    });
    Ok(())
}

/// The bounds of webhooks and mails.
fn bounds(behind_proxy: bool) -> (Hooks, Mail) {
    let (mut hooks, mut mail) = (Hooks::default(), Mail::default());
    if behind_proxy {
        hooks.limits.connections_of_address_max = hooks.limits.connections_max;
        mail.connections_of_address_max = mail.connections_max;
    }
    (hooks, mail)
}

/// What `/readyz` says.
fn ready(shell: &Shell, state: watch::Receiver<health::State>) -> console::Ready {
    let shell = shell.clone();
    Arc::new(move || {
        let state = state.borrow();
        let waits = |waits: &health::Degraded| console::Degraded {
            name: waits.name.to_owned(),
            stream: waits.stream.clone(),
            position: shell.token(waits.position),
            reason: waits.reason.clone(),
            since: waits.since.map(|since| since.to_string()).unwrap_or_default(),
        };
        console::Readiness {
            reasons: state.reasons.clone(),
            degraded: state.degraded.iter().map(waits).collect(),
        }
    })
}

fn channel(role: Role, url: &str) -> Result<Channel, Error> {
    let endpoint = Endpoint::from_shared(url.to_owned());
    let endpoint =
        endpoint.map_err(|error| Error::Address { role, url: url.to_owned(), reason: error.to_string() })?;
    Ok(endpoint.connect_lazy())
}

/// Where a process reaches itself that listens everywhere.
fn reachable(address: SocketAddr) -> SocketAddr {
    let mut address = address;
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

/// So many days after `now`.
pub fn in_days(now: Timestamp, days: i64) -> Timestamp {
    now.plus_seconds(days * 24 * 60 * 60)
}
