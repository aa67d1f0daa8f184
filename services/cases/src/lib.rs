//! Cases from opening to closing: commands, the read model, and the reactions that turn messages into cases.

mod act;
mod clocks;
mod core;
mod customer_server;
mod follow;
mod policy_files;
mod policy_server;
mod read;
mod server;

use std::sync::Arc;

use proto::{
    cases::v1::{cases_server::CasesServer, customers_server::CustomersServer},
    policy::v1::{
        ApplyRequest, ApplyResponse, apply_request::File, policy_service_server::PolicyServiceServer,
    },
};
use service::{
    Error,
    auth::Principal,
    grpc::{Authenticate, REQUEST_MAX, Routes},
    health::Runs,
    lease::Lease,
    lifecycle::Tasks,
    operations::AnyModel,
    policies::{Access, Policies},
    projection::Projection,
    reaction::{AnyReaction, Runner},
    shell::Shell,
    store::Value,
};
use tonic::service::{RoutesBuilder, interceptor::InterceptedService};

use crate::{
    clocks::{ClockTimer, FollowClocks},
    core::Core,
    follow::{
        cases::FollowCases, contacts::FollowContacts, deliveries::FollowDeliveries, links::FollowLinks,
        messages::FollowMessages, routing::FollowRouting, timers::Timers,
    },
    read::projection::CasesProjection,
};

/// What fills the read model of cases, for those who fill one of their own: a benchmark, a comparison.
pub fn read_model(shell: &Shell) -> impl Projection {
    CasesProjection::new(Arc::clone(&shell.log), Arc::clone(&shell.vault))
}

/// What a read model of cases is asked all day, for those who look at how a store answers it: what for, the statement,
/// and what is bound. Pages go on, and timers are due, at `at`.
pub fn statements(access: &Access, sqlite: bool, at: i64) -> Vec<(String, String, Vec<Value>)> {
    let mut statements = read::list::statements(access, sqlite, at);
    statements.extend(follow::due::statements(sqlite, at));
    statements
}

/// The service of cases, opened.
pub struct Service {
    core: Arc<Core>,
    messages: Arc<Runner<FollowMessages>>,
    links: Arc<Runner<FollowLinks>>,
    decisions: Arc<Runner<FollowCases>>,
    deliveries: Arc<Runner<FollowDeliveries>>,
    contacts: Arc<Runner<FollowContacts>>,
    routing: Arc<Runner<FollowRouting>>,
    clocks: Arc<Runner<FollowClocks>>,
    clock_timer: Arc<ClockTimer>,
    timers: Arc<Timers>,
}

impl Service {
    /// Opens the stores and reads the policy. Nothing runs yet.
    pub async fn open(shell: Shell) -> Result<Self, Error> {
        let core = Arc::new(Core::open(shell).await?);
        let lease = |name| {
            let Shell { clock, replica, .. } = &core.shell;
            Lease::new(core.control.clone(), Arc::clone(clock), name, replica)
        };
        let log = || Arc::clone(&core.shell.log);
        let control = || core.control.clone();
        let messages =
            Runner::new(FollowMessages(Arc::clone(&core)), log(), control(), lease("cases.follow_messages"));
        // What is taken in is safe: the next webhook is more urgent than its case.
        let messages = messages.behind(&core.shell.rush);
        let links =
            Runner::new(FollowLinks(Arc::clone(&core)), log(), control(), lease("cases.follow_links"));
        let decisions =
            Runner::new(FollowCases(Arc::clone(&core)), log(), control(), lease("cases.follow_cases"));
        let deliveries = FollowDeliveries(Arc::clone(&core));
        let deliveries = Runner::new(deliveries, log(), control(), lease("cases.follow_deliveries"));
        let deliveries = Arc::new(deliveries);
        let contacts = FollowContacts::new(Arc::clone(&core));
        let contacts = Runner::new(contacts, log(), control(), lease("cases.follow_contacts"));
        let contacts = Arc::new(contacts);
        let routing = FollowRouting(Arc::clone(&core));
        let routing = Runner::new(routing, log(), control(), lease("cases.follow_routing"));
        let routing = Arc::new(routing);
        let clocks = FollowClocks(Arc::clone(&core));
        let clocks = Arc::new(Runner::new(clocks, log(), control(), ClockTimer::lease(&core)));
        let clock_timer = Arc::new(ClockTimer::new(Arc::clone(&core)));
        let (messages, links, decisions) = (Arc::new(messages), Arc::new(links), Arc::new(decisions));
        // Weakly: the runner holds the core.
        core.messages.set(Arc::downgrade(&messages)).ok();
        let timers = Arc::new(Timers::new(Arc::clone(&core)));
        Ok(Self {
            core,
            messages,
            links,
            decisions,
            deliveries,
            contacts,
            routing,
            clocks,
            clock_timer,
            timers,
        })
    }

    /// The policy in force, for other services of this process.
    pub fn policies(&self) -> Arc<Policies> {
        Arc::clone(&self.core.policies)
    }

    /// Puts policy files into force for `principal`, as `Apply` does. The same files again change nothing.
    pub async fn apply(&self, principal: &Principal, files: Vec<File>) -> Result<ApplyResponse, Error> {
        let command_id = uuid::Uuid::new_v4().to_string();
        let request = ApplyRequest { command_id, files, ..ApplyRequest::default() };
        self.core.apply_policy(&self.core.caller(principal), &request).await
    }

    /// Its read models, for operators.
    pub fn models(&self) -> Vec<Arc<dyn AnyModel>> {
        vec![Arc::clone(&self.core.models) as Arc<dyn AnyModel>]
    }

    /// Its reactions, for operators.
    pub fn reactions(&self) -> Vec<Arc<dyn AnyReaction>> {
        vec![
            Arc::clone(&self.messages) as _,
            Arc::clone(&self.links) as _,
            Arc::clone(&self.decisions) as _,
            Arc::clone(&self.deliveries) as _,
            Arc::clone(&self.contacts) as _,
            Arc::clone(&self.routing) as _,
            Arc::clone(&self.clocks) as _,
        ]
    }

    /// What else runs for ever, for its health: the policy and the timers.
    pub fn others(&self) -> Vec<Arc<dyn Runs>> {
        vec![self.policies() as _, Arc::clone(&self.timers) as _, Arc::clone(&self.clock_timer) as _]
    }

    /// Up to where messages have become cases, for those who wait for it.
    pub fn followed(&self) -> tokio::sync::watch::Receiver<eventlog::Position> {
        self.messages.done()
    }

    /// Up to where messages that were split off have a case of their own, and conversations know what cases decided.
    pub fn followed_cases(&self) -> tokio::sync::watch::Receiver<eventlog::Position> {
        self.decisions.done()
    }

    /// Up to where customers know what channels say of them.
    pub fn followed_contacts(&self) -> tokio::sync::watch::Receiver<eventlog::Position> {
        self.contacts.done()
    }

    /// Up to where cases know what routing decided.
    pub fn followed_routing(&self) -> tokio::sync::watch::Receiver<eventlog::Position> {
        self.routing.done()
    }

    /// Up to where it is announced what cases mean to their clocks.
    pub fn followed_clocks(&self) -> tokio::sync::watch::Receiver<eventlog::Position> {
        self.clocks.done()
    }

    /// The last entry that a reaction of this process has written: once that is in the read model, so is everything up
    /// to [`followed`](Self::followed).
    pub fn reacted(&self) -> eventlog::Position {
        eventlog::Position(self.core.reacted.load(std::sync::atomic::Ordering::Acquire))
    }

    /// Starts everything that runs by itself.
    pub fn spawn(&self, tasks: &mut Tasks) {
        let stop = tasks.stop();
        tasks.spawn("policies", Arc::clone(&self.core.policies).run(stop.clone()));
        tasks.spawn("the read model of cases", Arc::clone(&self.core.models).run(stop.clone()));
        tasks.spawn("messages to cases", Arc::clone(&self.messages).run(stop.clone()));
        tasks.spawn("links to cases", Arc::clone(&self.links).run(stop.clone()));
        tasks.spawn("deliveries to cases", Arc::clone(&self.deliveries).run(stop.clone()));
        tasks.spawn("contacts to customers", Arc::clone(&self.contacts).run(stop.clone()));
        tasks.spawn("routing to cases", Arc::clone(&self.routing).run(stop.clone()));
        tasks.spawn("cases to conversations", Arc::clone(&self.decisions).run(stop.clone()));
        tasks.spawn("timers of cases", Arc::clone(&self.timers).run(stop.clone()));
        tasks.spawn("cases to clocks", Arc::clone(&self.clocks).run(stop.clone()));
        tasks.spawn("clocks of cases", Arc::clone(&self.clock_timer).run(stop.clone()));
        let streams = self.core.stop.clone();
        tasks.spawn("streams of cases", async move {
            stop.cancelled().await;
            streams.cancel();
        });
    }

    /// The way in over gRPC.
    pub fn routes(&self) -> Box<dyn Routes> {
        Box::new(Way(Arc::clone(&self.core)))
    }
}

struct Way(Arc<Core>);

impl Routes for Way {
    fn names(&self) -> Vec<&'static str> {
        vec!["dossier.cases.v1.Cases", "dossier.cases.v1.Customers", "dossier.policy.v1.PolicyService"]
    }

    fn add(self: Box<Self>, routes: &mut RoutesBuilder) {
        let auth = Authenticate::new(&self.0.shell);
        let cases =
            CasesServer::new(server::Server(Arc::clone(&self.0))).max_decoding_message_size(REQUEST_MAX);
        let customers = CustomersServer::new(customer_server::Server(Arc::clone(&self.0)))
            .max_decoding_message_size(REQUEST_MAX);
        let policy =
            PolicyServiceServer::new(policy_server::Server(self.0)).max_decoding_message_size(REQUEST_MAX);
        routes.add_service(InterceptedService::new(cases, auth.clone()));
        routes.add_service(InterceptedService::new(customers, auth.clone()));
        routes.add_service(InterceptedService::new(policy, auth));
    }
}
