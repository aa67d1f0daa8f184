//! The steps in which a case comes to somebody, each refused if another one was faster.

use domain::{
    agent,
    ids::{CaseId, PersonId},
    routing::{
        choose::{self, Action},
        plan::Plan,
    },
    time::Timestamp,
};
use eventlog::{Entry, Position};
use futures_util::StreamExt;
use service::{
    Error,
    transact::{self, Meta},
};

use crate::{
    core::{Core, commands, myself},
    decide::{Chosen, Steps},
};

/// A reservation that stands in the log.
struct Reserved {
    entry: Option<Entry>,
    until: Timestamp,
}

impl Core {
    /// Writes a choice: reserves, decides, and gives or offers. Nothing is answered if somebody was faster.
    pub async fn give(&self, chosen: Chosen, plan: &Plan, now: Timestamp) -> Result<Vec<Entry>, Error> {
        let Some(Steps { reserve, mut decide, release }) = chosen.steps(plan, now) else {
            return Ok(Vec::new());
        };
        let Chosen { case, agent, decision, version, reserve_id, .. } = chosen;
        // What was released is reserved anew when the way has gone on, under the same number or not.
        let step = format!("{decision}/{version}/{agent}");
        let own = || domain::ids::derive(case.0, &format!("reserve/{step}"));
        let is_own = reserve_id.is_some();
        let id = reserve_id.unwrap_or_else(own);
        let Some(reserved) = self.reserve(&agent, id, case, decision, is_own, reserve).await? else {
            return Ok(Vec::new());
        };
        // An award does not outlast what was reserved for it, by whomever.
        for action in &mut decide {
            if let Action::Award { until, .. } = action {
                *until = reserved.until;
            }
        }
        // Two who choose different agents give different commands: only one of them has the number.
        if let Some(entry) = self.change_route(case, &format!("decide/{agent}"), decision, decide).await? {
            return Ok(reserved.entry.into_iter().chain([entry]).collect());
        }
        // Another decision was faster, or the case is gone.
        let id = domain::ids::derive(case.0, &format!("release/{id}"));
        self.execute_agent(&agent, id, vec![release]).await?;
        Ok(Vec::new())
    }

    /// Reserves, or finds what another one reserved for the same decision and died; what a request asks for must be its
    /// own. Nothing is answered if no such reservation stands.
    async fn reserve(
        &self,
        agent: &PersonId,
        id: uuid::Uuid,
        case: CaseId,
        decision: u32,
        is_own: bool,
        actions: Vec<agent::Action>,
    ) -> Result<Option<Reserved>, Error> {
        let meta = self.step(id)?;
        let make = |_: &_, at| Ok::<_, agent::Error>(commands(at, &meta.actor, actions.clone()));
        let stream = self.agent(agent)?;
        let outcome = match self.agents.execute(&stream, &meta, make).await {
            Ok(outcome) => outcome,
            Err(transact::Error::Refused(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        // What an earlier delivery reserved may be released since.
        let known = match outcome.repeated {
            true => std::sync::Arc::new(self.agents.load::<agent::Error>(&stream).await?),
            false => outcome.aggregate,
        };
        let stands = known.state.reserved().get(&case).filter(|reserved| reserved.decision == decision);
        let until = stands.map(|reserved| reserved.until).filter(|_| outcome.changed || !is_own);
        Ok(until.map(|until| Reserved { entry: outcome.entry, until }))
    }

    /// Writes to an agent's stream what a decision about a case comes to.
    pub async fn change_agent(
        &self,
        person: &PersonId,
        case: CaseId,
        step: &str,
        decision: u32,
        actions: Vec<agent::Action>,
    ) -> Result<Option<Entry>, Error> {
        let id = domain::ids::derive(case.0, &format!("{step}/{decision}/{person}"));
        self.execute_agent(person, id, actions).await
    }

    /// Writes to an agent's stream what a time brings about.
    pub async fn change_lease(
        &self,
        person: &PersonId,
        step: &str,
        actions: Vec<agent::Action>,
        now: Timestamp,
    ) -> Result<Option<Entry>, Error> {
        let stream = self.agent(person)?;
        let id = domain::ids::derive(uuid::Uuid::NAMESPACE_OID, &format!("{stream}/{step}/{now}"));
        self.execute_agent(person, id, actions).await
    }

    /// Writes to an agent's stream; nothing is answered if there was nothing to do, or it is refused.
    pub async fn execute_agent(
        &self,
        person: &PersonId,
        id: uuid::Uuid,
        actions: Vec<agent::Action>,
    ) -> Result<Option<Entry>, Error> {
        let meta = self.step(id)?;
        let make = |_: &_, at| Ok::<_, agent::Error>(commands(at, &meta.actor, actions.clone()));
        let stream = self.agent(person)?;
        let outcome = self.agents.execute(&stream, &meta, make).await;
        entry_of(self, &stream, outcome).await
    }

    /// Writes to a case's way; nothing is answered if there was nothing to do, or somebody was faster.
    pub async fn change_route(
        &self,
        case: CaseId,
        step: &str,
        decision: u32,
        actions: Vec<Action>,
    ) -> Result<Option<Entry>, Error> {
        let meta = self.step(domain::ids::derive(case.0, &format!("{step}/{decision}")))?;
        let make = |_: &_, at| Ok::<_, choose::Error>(commands(at, &meta.actor, actions.clone()));
        let stream = self.route(case)?;
        entry_of(self, &stream, self.routes.execute(&stream, &meta, make).await).await
    }

    fn step(&self, id: uuid::Uuid) -> Result<Meta, Error> {
        Ok(Meta { policy_version: self.plan().version(), ..Meta::new(id, "", myself()?) })
    }
}

/// The entry that a command left, now or when it was given before.
async fn entry_of<D, R: service::Refusal>(
    core: &Core,
    stream: &eventlog::StreamId,
    outcome: Result<transact::Outcome<D>, transact::Error<R>>,
) -> Result<Option<Entry>, Error> {
    match outcome {
        Ok(outcome) if outcome.entry.is_some() => Ok(outcome.entry),
        Ok(outcome) if outcome.changed => {
            let from = Position(outcome.position.0.saturating_sub(1));
            let mut entries = core.shell.log.read_after(stream, from);
            Ok(entries.next().await.transpose()?)
        }
        // Somebody was faster: what he did comes with the log.
        Ok(_) | Err(transact::Error::Refused(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
