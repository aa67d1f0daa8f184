//! Who gets which case: agents, queues, presence, and the matcher that brings them together.
//!
//! The rules of the policy say in which queue a case waits and what it needs; the matcher chooses who gets it, reserves room
//! there, and awards the case. Who owns the case, the service of cases, has the last word, and follows the log as this one does.
//!
//! What is absent: nothing here reads a text but to let the rules look at it, and nothing changes a case.

mod agents;
mod board;
mod core;
mod decide;
mod decisions;
mod follow;
mod matcher;
mod model;
mod queues;
mod server;
mod steps;
mod take;
#[cfg(test)]
mod tests;
mod watch;
mod wire;

use std::sync::Arc;

use proto::assignment::v1::assignment_server::AssignmentServer;
use service::{
    Error,
    grpc::{Authenticate, REQUEST_MAX, Routes},
    health::Runs,
    lease::Lease,
    lifecycle::Tasks,
    operations::AnyModel,
    policies::Policies,
    reaction::{AnyReaction, Runner},
    shell::Shell,
};
use tonic::service::{RoutesBuilder, interceptor::InterceptedService};

use crate::{core::Core, follow::FollowCases, matcher::Matcher};

/// The service of assignment, opened.
pub struct Service {
    core: Arc<Core>,
    cases: Arc<Runner<FollowCases>>,
    matcher: Arc<Matcher>,
}

impl Service {
    /// Opens the stores. Nothing runs yet.
    pub async fn open(shell: Shell, policies: Arc<Policies>) -> Result<Self, Error> {
        let core = Arc::new(Core::open(shell, policies).await?);
        let Shell { clock, replica, log, .. } = &core.shell;
        let lease = Lease::new(core.control.clone(), Arc::clone(clock), "assignment.follow_cases", replica);
        let cases = FollowCases(Arc::clone(&core));
        let cases = Runner::new(cases, Arc::clone(log), core.control.clone(), lease);
        let cases = Arc::new(cases.behind(&core.shell.rush));
        let matcher = Arc::new(Matcher::new(Arc::clone(&core)));
        Ok(Self { core, cases, matcher })
    }

    /// Its read models, for operators.
    pub fn models(&self) -> Vec<Arc<dyn AnyModel>> {
        vec![Arc::clone(&self.core.models) as Arc<dyn AnyModel>]
    }

    /// Its reactions, for operators.
    pub fn reactions(&self) -> Vec<Arc<dyn AnyReaction>> {
        vec![Arc::clone(&self.cases) as _]
    }

    /// What else runs for ever, for its health.
    pub fn others(&self) -> Vec<Arc<dyn Runs>> {
        vec![Arc::clone(&self.matcher) as _]
    }

    /// Up to where what happens to cases has reached queues and agents.
    pub fn followed(&self) -> tokio::sync::watch::Receiver<eventlog::Position> {
        self.cases.done()
    }

    /// Up to where the matcher of this process has looked at everything, while it is the active one.
    pub fn settled(&self) -> tokio::sync::watch::Receiver<eventlog::Position> {
        self.matcher.settled()
    }

    /// Starts everything that runs by itself.
    pub fn spawn(&self, tasks: &mut Tasks) {
        let stop = tasks.stop();
        tasks.spawn("the read model of assignment", Arc::clone(&self.core.models).run(stop.clone()));
        tasks.spawn("cases to queues", Arc::clone(&self.cases).run(stop.clone()));
        tasks.spawn("the matcher", Arc::clone(&self.matcher).run(stop.clone()));
        let streams = self.core.stop.clone();
        tasks.spawn("streams of assignment", async move {
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
        vec!["dossier.assignment.v1.Assignment"]
    }

    fn add(self: Box<Self>, routes: &mut RoutesBuilder) {
        let auth = Authenticate::new(&self.0.shell);
        let server = AssignmentServer::new(server::Server(self.0)).max_decoding_message_size(REQUEST_MAX);
        routes.add_service(InterceptedService::new(server, auth));
    }
}
