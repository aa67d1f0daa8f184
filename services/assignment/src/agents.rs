//! Requests about agents.

use std::sync::Arc;

use domain::{
    agent::{self, AHEAD_MAX_S, Action, State},
    ids::{PersonId, ReasonCode},
    policy::organisation::Role,
    routing::plan::{Member, Plan},
};
use proto::assignment::v1 as pb;
use service::{
    Error,
    auth::Principal,
    policies::Access,
    transact::{Aggregate, Meta},
};
use uuid::Uuid;

use crate::{
    core::{Core, commands},
    wire,
};

/// Agents of one page, unless the caller says how many, and at most.
pub const PAGE: u32 = 50;
/// At most.
pub const PAGE_MAX: u32 = 200;

/// What a command about an agent says of itself.
pub struct Asked<'a> {
    /// The method's name.
    pub method: &'static str,
    /// Makes a retry harmless.
    pub command_id: &'a str,
    /// The version that the caller insists on.
    pub expected: &'a str,
    /// The request, for its fingerprint.
    pub payload: Vec<u8>,
}

impl Core {
    /// The agents that the caller may see.
    pub async fn list_agents(
        &self,
        principal: &Principal,
        request: &pb::ListAgentsRequest,
    ) -> Result<pb::ListAgentsResponse, Error> {
        let access = self.policies.current().access(principal);
        let plan = self.plan();
        let size = page_size(request.page_size)? as usize;
        let wanted = wire::presence_in("presence", request.presence)?;
        let model = self.model(&request.at_least).await?;
        let position = self.shell.token(model.position());
        let now = self.shell.clock.now();
        let mut agents = Vec::new();
        let mut next = String::new();
        for member in plan.members().filter(|member| member.agent.id.as_str() > request.page_token.as_str()) {
            let profile = &member.profile;
            let of_team =
                request.team.is_empty() || profile.teams.iter().any(|team| team.as_str() == request.team);
            let of_queue = request.queue.is_empty()
                || profile.queues.iter().any(|queue| queue.as_str() == request.queue);
            if !(of_team && of_queue && self.may_see(&access, member)) {
                continue;
            }
            let known = self.known(&member.agent.id).await?;
            if wanted.is_some_and(|wanted| wanted != known.state.presence_at(now)) {
                continue;
            }
            if agents.len() == size {
                next = agents.last().map(|agent: &pb::Agent| agent.person.clone()).unwrap_or_default();
                break;
            }
            agents.push(self.told(member, &known, &plan));
        }
        Ok(pb::ListAgentsResponse { agents, next_page_token: next, position })
    }

    /// One agent, if the caller may see him.
    pub async fn get_agent(
        &self,
        principal: &Principal,
        request: &pb::GetAgentRequest,
    ) -> Result<pb::GetAgentResponse, Error> {
        self.model(&request.at_least).await?;
        let access = self.policies.current().access(principal);
        let plan = self.plan();
        let person = person(&access, &request.person)?;
        let member = self.member(&plan, &access, &person)?;
        let known = self.known(&person).await?;
        let agent = self.told(member, &known, &plan);
        Ok(pb::GetAgentResponse { position: agent.position.clone(), agent: Some(agent) })
    }

    /// Says whether an agent is there.
    pub async fn set_presence(
        &self,
        principal: &Principal,
        request: &pb::SetPresenceRequest,
    ) -> Result<pb::ChangeAgentResponse, Error> {
        let presence = wire::presence_in("presence", request.presence)?
            .ok_or_else(|| Error::field("presence", "must be given: ONLINE, AWAY, BUSY, BREAK or OFFLINE"))?;
        let reason = match request.reason.as_str() {
            "" => None,
            code => Some(ReasonCode::new(code).map_err(|error| Error::field("reason", error))?),
        };
        let own = Some(i64::from(request.for_s)).filter(|seconds| *seconds > 0);
        if own.is_some_and(|seconds| seconds > AHEAD_MAX_S) {
            return Err(Error::field("for_s", format_args!("at most {AHEAD_MAX_S}, a day")));
        }
        let asked = asked("SetPresence", &request.command_id, &request.expected_position, request);
        self.change(principal, &request.person, asked, |lease_s, at| Action::SetPresence {
            presence,
            reason: reason.clone(),
            lease_until: at.plus_seconds(own.unwrap_or(lease_s)),
        })
        .await
    }

    /// A sign of life.
    pub async fn renew(
        &self,
        principal: &Principal,
        request: &pb::RenewRequest,
    ) -> Result<pb::ChangeAgentResponse, Error> {
        let asked = asked("Renew", &request.command_id, "", request);
        self.change(principal, &request.person, asked, |lease_s, at| Action::Renew {
            lease_until: at.plus_seconds(lease_s),
        })
        .await
    }

    /// Takes nothing new, or takes cases again.
    pub async fn set_draining(
        &self,
        principal: &Principal,
        request: &pb::SetDrainingRequest,
    ) -> Result<pb::ChangeAgentResponse, Error> {
        let asked = asked("SetDraining", &request.command_id, &request.expected_position, request);
        let draining = request.draining;
        self.change(
            principal,
            &request.person,
            asked,
            |_, _| {
                if draining { Action::Drain } else { Action::Undrain }
            },
        )
        .await
    }

    /// Takes a case that is offered, or does not.
    pub async fn answer_offer(
        &self,
        principal: &Principal,
        request: &pb::AnswerOfferRequest,
        accepts: bool,
    ) -> Result<pb::ChangeAgentResponse, Error> {
        let case = wire::case("case_id", &request.case_id)?;
        let decision = request.decision;
        if decision == 0 {
            return Err(Error::field("decision", "the number of the decision that made the offer"));
        }
        let reason = match request.reason.as_str() {
            "" => None,
            code => Some(ReasonCode::new(code).map_err(|error| Error::field("reason", error))?),
        };
        let access = self.policies.current().access(principal);
        if access.person.as_ref() != Some(&person(&access, &request.person)?) {
            return Err(Error::Denied("an offer is answered by the agent to whom it was made".into()));
        }
        let method = if accepts { "AcceptOffer" } else { "DeclineOffer" };
        let asked = asked(method, &request.command_id, &request.expected_position, request);
        self.change(principal, &request.person, asked, |_, _| match accepts {
            true => Action::Accept { case, decision },
            false => Action::Decline { case, decision, reason: reason.clone() },
        })
        .await
    }

    /// Changes an agent whom the caller may change: himself, or one whom he watches over.
    async fn change(
        &self,
        principal: &Principal,
        whom: &str,
        asked: Asked<'_>,
        action: impl Fn(i64, domain::time::Timestamp) -> Action + Send + Sync,
    ) -> Result<pb::ChangeAgentResponse, Error> {
        let policy = self.policies.current();
        let access = policy.access(principal);
        let plan = self.plan();
        let person = person(&access, whom)?;
        let member = self.member(&plan, &access, &person)?;
        let command_id = Uuid::try_parse(asked.command_id)
            .map_err(|_| Error::field("command_id", "a UUID; the same one again makes a retry harmless"))?;
        let said = [asked.method.as_bytes(), b"\0", &asked.payload].concat();
        let meta = Meta {
            policy_version: plan.version(),
            expected: self.shell.position("expected_position", asked.expected)?,
            ..Meta::new(command_id, self.shell.vault.fingerprint(&said), principal.actor.clone())
        };
        let rules = member.profile.queues.first().and_then(|queue| plan.place(queue));
        let lease_s = rules.map(|place| place.rules.presence_lease_s);
        let lease_s =
            lease_s.unwrap_or_else(|| domain::policy::assignment::Rules::default().presence_lease_s);
        let make =
            |_: &_, at| Ok::<_, agent::Error>(commands(at, &principal.actor, vec![action(lease_s, at)]));
        let done = self.agents.execute(&self.agent(&person)?, &meta, make).await?;
        let agent = self.told(member, &done.aggregate, &plan);
        Ok(pb::ChangeAgentResponse { agent: Some(agent), position: self.shell.token(done.position) })
    }

    /// An agent whom the policy knows and the caller may see; else he is not there.
    fn member<'p>(&self, plan: &'p Plan, access: &Access, person: &PersonId) -> Result<&'p Member, Error> {
        let member = plan.member(person).filter(|member| self.may_see(access, member));
        member.ok_or(Error::NotFound { what: "agent" })
    }

    /// Whether the caller may see and change an agent: himself, those of his teams and regions as their supervisor, all as
    /// an administrator.
    pub fn may_see(&self, access: &Access, member: &Member) -> bool {
        if access.person.as_ref() == Some(&member.agent.id) || access.any(&[Role::Administrator]) {
            return true;
        }
        let policy = self.policies.current();
        let set = policy.state.set();
        let region = |team: &domain::ids::TeamId| set.team(team).map(|team| &team.region);
        let watches = |team: &domain::ids::TeamId| {
            access.scope.teams.contains(team)
                || region(team).is_some_and(|region| access.scope.regions.contains(region))
        };
        access.any(&[Role::Supervisor]) && member.profile.teams.iter().any(watches)
    }

    /// An agent as the log has him.
    pub async fn known(&self, person: &PersonId) -> Result<Arc<Aggregate<State>>, Error> {
        let stream = self.agent(person)?;
        Ok(Arc::new(self.agents.load::<agent::Error>(&stream).await?))
    }

    /// An agent as the contract has him.
    pub fn told(&self, member: &Member, known: &Aggregate<State>, plan: &Plan) -> pb::Agent {
        let policy = self.policies.current();
        let name = policy.state.set().person(&member.agent.id).map(|person| person.name.clone());
        let position = wire::version(&self.shell, known);
        wire::agent(member, name.unwrap_or_default(), &known.state, plan, self.shell.clock.now(), position)
    }
}

fn asked<'a, R: prost::Message>(
    method: &'static str,
    command_id: &'a str,
    expected: &'a str,
    request: &R,
) -> Asked<'a> {
    Asked { method, command_id, expected, payload: request.encode_to_vec() }
}

/// The person whom a request names: by id, or the caller.
pub fn person(access: &Access, name: &str) -> Result<PersonId, Error> {
    match (name, &access.person) {
        ("" | "me", Some(me)) => Ok(me.clone()),
        ("" | "me", None) => Err(Error::field("person", "the caller is not a person; name one")),
        (name, _) => PersonId::new(name).map_err(|error| Error::field("person", error)),
    }
}

/// How many a page has.
pub fn page_size(size: u32) -> Result<u32, Error> {
    match size {
        0 => Ok(PAGE),
        size if size <= PAGE_MAX => Ok(size),
        _ => Err(Error::field("page_size", format_args!("at most {PAGE_MAX}"))),
    }
}
