//! A site for a test: every role in this process, on a folder of its own, with a small organisation.

use std::{collections::BTreeMap, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use dossier::{
    platform::{Plan, Platform, Role},
    up,
};
use proto::{
    assignment::v1::assignment_client::AssignmentClient,
    cases::v1::{cases_client::CasesClient, customers_client::CustomersClient},
    ingestion::v1::{
        channels_client::ChannelsClient, dead_letters_client::DeadLettersClient,
        deliveries_client::DeliveriesClient, ingestion_client::IngestionClient,
    },
    operations::v1::operations_client::OperationsClient,
    policy::v1::{apply_request::File, policy_service_client::PolicyServiceClient},
};
use service::{
    auth::{Issuer, PrincipalKind},
    clock::{Clock, SystemClock},
    shell::{Shell, Stores},
};
use tempfile::TempDir;
use tonic::{
    Request, Status, metadata::AsciiMetadataValue, service::Interceptor,
    service::interceptor::InterceptedService, transport::Channel,
};

use crate::servers::Postgres;

/// The organisation of the tests: regions `north` and `south` below `world`; teams `north-care` and `south-care`; accounts
/// `forum` (public threads, north) and `chat` (private, by contact, south); people `ana` and `nils` (agents, north), `sol` (agent, south),
/// `nora` (supervisor of north), `gus` (guest, north), `yan` (analyst), `cleo` (compliance), `root` (administrator).
pub const POLICY: &str = include_str!("policy.toml");

/// A token in every call.
#[derive(Clone)]
pub struct Bearer(AsciiMetadataValue);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

type Authorised = InterceptedService<Channel, Bearer>;

/// Somebody who calls the platform.
#[derive(Clone)]
pub struct Caller {
    /// Cases.
    pub cases: CasesClient<Authorised>,
    /// Agents, queues, decisions.
    pub assignment: AssignmentClient<Authorised>,
    /// Customers.
    pub customers: CustomersClient<Authorised>,
    /// Messages in.
    pub ingestion: IngestionClient<Authorised>,
    /// Replies on their way.
    pub deliveries: DeliveriesClient<Authorised>,
    /// How channel accounts are.
    pub channels: ChannelsClient<Authorised>,
    /// What could not be read.
    pub dead_letters: DeadLettersClient<Authorised>,
    /// Policy.
    pub policy: PolicyServiceClient<Authorised>,
    /// Operations.
    pub operations: OperationsClient<Authorised>,
    /// The token, for calls over HTTP.
    pub token: String,
}

impl Caller {
    /// Calls `address` with `token`.
    pub fn new(address: SocketAddr, token: &str) -> Self {
        let channel = Channel::from_shared(format!("http://{address}")).expect("an address").connect_lazy();
        let bearer = Bearer(format!("Bearer {token}").parse().expect("a token is ASCII"));
        let max = service::grpc::REQUEST_MAX;
        let with = || InterceptedService::new(channel.clone(), bearer.clone());
        Self {
            cases: CasesClient::new(with()).max_decoding_message_size(max),
            assignment: AssignmentClient::new(with()).max_decoding_message_size(max),
            customers: CustomersClient::new(with()).max_decoding_message_size(max),
            ingestion: IngestionClient::new(with()).max_decoding_message_size(max),
            deliveries: DeliveriesClient::new(with()).max_decoding_message_size(max),
            channels: ChannelsClient::new(with()).max_decoding_message_size(max),
            dead_letters: DeadLettersClient::new(with()).max_decoding_message_size(max),
            policy: PolicyServiceClient::new(with()).max_decoding_message_size(max),
            operations: OperationsClient::new(with()).max_decoding_message_size(max),
            token: token.to_owned(),
        }
    }
}

/// A running site.
pub struct World {
    /// The roles.
    pub platform: Platform,
    /// Issues tokens that the site trusts.
    pub issuer: Issuer,
    /// The site's folder; removed with the world, unless it was given.
    pub folder: Option<TempDir>,
    /// Whether it opened the folder, and has to free it.
    opened: bool,
    /// Where its stores are, unless they are in the folder too.
    _server: Option<Postgres>,
}

impl World {
    /// A site in a fresh folder, with the organisation in force.
    pub async fn start() -> Self {
        Self::start_at(Arc::new(SystemClock)).await
    }

    /// The same with a clock of the test's.
    pub async fn start_at(clock: Arc<dyn Clock>) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let mut world = Self::open(folder.path(), clock).await;
        world.folder = Some(folder);
        world
    }

    /// A site in a fresh folder whose stores are in a PostgreSQL server of its own.
    pub async fn start_on_postgres() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let server = Postgres::start();
        let shell = up::shell(folder.path(), Arc::new(SystemClock)).await.expect("the folder can be opened");
        let shell = Shell { stores: Stores::Postgres(server.url()), ..shell };
        let world = Self::over(shell, folder.path()).await;
        Self { opened: true, folder: Some(folder), _server: Some(server), ..world }
    }

    /// The site of a folder, as it was left.
    pub async fn open(folder: &Path, clock: Arc<dyn Clock>) -> Self {
        let shell = up::shell(folder, clock).await.expect("the folder can be opened");
        Self { opened: true, ..Self::over(shell, folder).await }
    }

    /// The same with more policy than the organisation of the tests.
    pub async fn open_with(folder: &Path, clock: Arc<dyn Clock>, more: Vec<File>) -> Self {
        let shell = up::shell(folder, clock).await.expect("the folder can be opened");
        Self { opened: true, ..Self::with(shell, folder, more).await }
    }

    /// The site of a folder in other surroundings: another log, another store.
    pub async fn over(shell: Shell, folder: &Path) -> Self {
        Self::with(shell, folder, Vec::new()).await
    }

    async fn with(shell: Shell, folder: &Path, more: Vec<File>) -> Self {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let plan = Plan {
            roles: Role::ALL.to_vec(),
            grpc: any,
            http: any,
            hooks: Some(any),
            mail: Some(any),
            elsewhere: BTreeMap::new(),
            behind_proxy: false,
            metrics: prometheus::Registry::new(),
            hold: None,
        };
        let platform = Platform::start(shell, plan).await.expect("the roles start");
        let issuer = Issuer::load_or_create("local", &folder.join("issuer.pem")).expect("the issuer's key");
        let file = File { name: "policy.toml".into(), text: POLICY.into() };
        let files = [vec![file], more].concat();
        dossier::sample::apply(&platform, files).await.expect("the policy is right");
        Self { platform, issuer, folder: None, opened: false, _server: None }
    }

    /// A person of the organisation, or anybody else with these roles in the token.
    pub fn caller(&self, sub: &str, roles: &[&str]) -> Caller {
        self.caller_for(1, sub, roles)
    }

    /// The same with a token that lasts so many days.
    pub fn caller_for(&self, days: i64, sub: &str, roles: &[&str]) -> Caller {
        let expires = dossier::platform::in_days(self.platform.shell.clock.now(), days);
        let token = self.issuer.token(sub, PrincipalKind::Human, roles, expires).expect("a token");
        Caller::new(self.platform.grpc, &token)
    }

    /// An administrator, by token.
    pub fn administrator(&self) -> Caller {
        self.caller("root", &["administrator"])
    }

    /// Waits until every message up to `position` has become a case, and the read model has that.
    pub async fn settled(&self, position: &str) {
        let position =
            self.platform.shell.position("position", position).expect("a position").unwrap_or_default();
        let cases = self.platform.cases.as_ref().expect("the role cases");
        let limit = Duration::from_secs(120);
        let mut followed = cases.followed();
        tokio::time::timeout(limit, followed.wait_for(|done| *done >= position))
            .await
            .expect("messages become cases")
            .expect("the reaction runs");
        // What the reaction wrote is in the log by now; the read model still has to take in that, and edits, which nothing
        // reacts to.
        let at_least = self.platform.shell.token(cases.reacted().max(position));
        let request = proto::cases::v1::ListCasesRequest { at_least, page_size: 1, ..Default::default() };
        self.administrator().cases.list_cases(request).await.expect("the read model follows");
    }

    /// Waits until everything that there is has found its way: messages are cases, cases wait in queues or are somebody's, and
    /// nothing that follows from that is still to come.
    pub async fn routed(&self) {
        let assignment = self.platform.assignment.as_ref().expect("the role assignment");
        let cases = self.platform.cases.as_ref().expect("the role cases");
        let limit = Duration::from_secs(60);
        let log = &self.platform.shell.log;
        let mut last = log.tail(&[]).await.expect("the log answers");
        loop {
            let positions = [
                (cases.followed(), &["message"][..]),
                (assignment.followed(), &["case"][..]),
                (assignment.settled(), &["agent", "routing", "case"][..]),
                (cases.followed_routing(), &["routing"][..]),
            ];
            for (mut position, names) in positions {
                let categories: Vec<_> =
                    names.iter().map(|name| eventlog::Category::new(name).expect("a category")).collect();
                let tail = log.tail(&categories).await.expect("the log answers");
                let reached = tokio::time::timeout(limit, position.wait_for(|done| *done >= tail)).await;
                reached.unwrap_or_else(|_| panic!("{names:?} are followed up to {tail:?}")).expect("it runs");
            }
            let now = log.tail(&[]).await.expect("the log answers");
            if now == last {
                return;
            }
            last = now;
        }
    }

    /// Ends the site in order and gives its folder back, if it was its own. It can be opened again at once.
    pub async fn end(self) -> Option<TempDir> {
        let log = self.opened.then(|| Arc::clone(&self.platform.shell.log));
        self.platform.end().await;
        if let Some(log) = log {
            log.close().await;
        }
        self.folder
    }
}

/// A fresh command id.
pub fn command_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// The same tests, functions that are given a [`World`], on both stores.
#[macro_export]
macro_rules! on_both_stores {
    ($($test:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test(tests::world::World::start().await).await;
            })*
        }

        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test(tests::world::World::start_on_postgres().await).await;
            })*
        }
    };
}
