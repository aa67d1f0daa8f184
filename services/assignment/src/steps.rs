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

impl Core {
    /// Writes a choice: reserves, decides, and gives or offers. Nothing is answered if somebody was faster.
    pub async fn give(&self, chosen: Chosen, plan: &Plan, now: Timestamp) -> Result<Vec<Entry>, Error> {
        let Some(Steps { reserve, decide, release }) = chosen.steps(plan, now) else { return Ok(Vec::new()) };
        let Chosen { case, agent, decision, reserve_id, .. } = chosen;
        let own = || domain::ids::derive(case.0, &format!("reserve/{decision}/{agent}"));
        let Some(reserved) = self.execute_agent(&agent, reserve_id.unwrap_or_else(own), reserve).await?
        else {
            return Ok(Vec::new());
        };
        if let Some(entry) = self.change_route(case, "decide", decision, decide).await? {
            return Ok(vec![reserved, entry]);
        }
        // Another decision was faster, or the case is gone.
        self.change_agent(&agent, case, "release", decision, vec![release]).await?;
        Ok(Vec::new())
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
