//! An agent takes the first case that waits for him.

use domain::{
    agent::{self, How},
    ids::{CaseId, PersonId, QueueId},
    routing::{
        choose::{self, Decided, Mode, Outcome, Profile, Reason, Taken, Waiting},
        plan::Plan,
    },
    time::Timestamp,
};
use eventlog::{Category, Position};
use futures_util::TryStreamExt;
use proto::assignment::v1 as pb;
use service::{
    Error,
    auth::Principal,
    envelope::Envelope,
    store::{Sql, Value},
};
use std::{sync::Arc, time::Duration};
use uuid::Uuid;

use crate::{
    agents::person,
    board::{Board, Route},
    core::{Core, unreadable},
    decide::Chosen,
    model,
};

/// How many cases are tried that others take at the same moment, before the caller is told to ask again.
const TRIES_MAX: usize = 10;
/// Cases of a queue that are looked at, those that wait longest.
const LOOKED_AT_MAX: i64 = 1_000;
/// How long it is waited until the case is the agent's. It becomes so afterwards too.
const CLAIM_LIMIT: Duration = Duration::from_secs(5);

const WAITING: Sql = Sql {
    sqlite: "select r.case_id, r.version, r.state, c.priority from route_row r join case_row c on c.case_id = r.case_id \
             where r.queue = $1 order by r.since, r.case_id limit $2",
    postgres: "select r.case_id, r.version, r.state::text, c.priority from route_row r \
               join case_row c on c.case_id = r.case_id where r.queue = $1 order by r.since, r.case_id limit $2",
};

/// What came of a try.
enum Tried {
    Given { case: CaseId, decision: u32, at: Position },
    Nothing(Option<Reason>),
}

impl Core {
    /// Gives the caller the first case that waits for him; nothing if there is none that he could have.
    pub async fn take_next(
        &self,
        principal: &Principal,
        request: &pb::TakeNextRequest,
    ) -> Result<pb::TakeNextResponse, Error> {
        let access = self.policies.current().access(principal);
        let me = person(&access, "me")?;
        let plan = self.plan();
        let member = plan.member(&me).ok_or(Error::NotFound { what: "agent" })?;
        let command_id = Uuid::try_parse(&request.command_id)
            .map_err(|_| Error::field("command_id", "a UUID; the same one again makes a retry harmless"))?;
        let queues: Vec<QueueId> = match request.queue.as_str() {
            "" => member.profile.queues.iter().cloned().collect(),
            name => {
                let queue = QueueId::new(name).map_err(|error| Error::field("queue", error))?;
                if !member.profile.queues.contains(&queue) {
                    return Err(Error::field(
                        "queue",
                        "not one of yours: those of an agent are in the policy",
                    ));
                }
                vec![queue]
            }
        };
        let tried = match self.taken_before(&me, command_id).await? {
            Some(given) => given,
            None => self.try_queues(&me, &queues, &plan, command_id).await?,
        };
        match tried {
            Tried::Given { case, decision, at } => {
                let Some(position) = self.claimed(&me, case, at).await? else {
                    return Err(faster());
                };
                let position = self.shell.token(position);
                Ok(pb::TakeNextResponse {
                    case_id: case.to_string(),
                    decision,
                    reason: String::new(),
                    position,
                })
            }
            Tried::Nothing(reason) => Ok(pb::TakeNextResponse {
                reason: reason.as_ref().map(crate::wire::word).unwrap_or_default(),
                position: self.shell.token(self.models.current().position()),
                ..pb::TakeNextResponse::default()
            }),
        }
    }

    /// What an earlier delivery of the same command gave.
    async fn taken_before(&self, me: &PersonId, command_id: Uuid) -> Result<Option<Tried>, Error> {
        let stream = self.agent(me)?;
        let known = self.agents.load::<agent::Error>(&stream).await?;
        for at in (0..TRIES_MAX).filter_map(|i| known.executed(reserving(command_id, i))) {
            let mut entries = self.shell.log.read_after(&stream, Position(at.0.saturating_sub(1)));
            let Some(entry) = entries.try_next().await? else { continue };
            for event in Envelope::<agent::Event>::of(&entry).map_err(unreadable)?.events {
                if let agent::Event::CapacityReserved { case, decision, .. } = event
                    && (known.state.held().contains_key(&case) || known.state.reserved().contains_key(&case))
                {
                    return Ok(Some(Tried::Given { case, decision, at }));
                }
            }
        }
        Ok(None)
    }

    async fn try_queues(
        &self,
        me: &PersonId,
        queues: &[QueueId],
        plan: &Arc<Plan>,
        command_id: Uuid,
    ) -> Result<Tried, Error> {
        let now = self.shell.clock.now();
        let mut board = Board::default();
        board.put_agent(me.clone(), self.known(me).await?.state.clone(), 0);
        let store = &self.models.current().store;
        let position = self.models.current().position();
        let mut order: Vec<Waiting> = Vec::new();
        for queue in queues {
            let Some(place) = plan.place(queue) else { continue };
            let binds = [queue.as_str().into(), Value::from(LOOKED_AT_MAX)];
            let mut waiting = Vec::new();
            for row in store.query(WAITING, &binds).await? {
                let (Ok(case), Some(state)) = (row.string(0).parse(), row.text(2)) else { continue };
                let Ok(state) = serde_json::from_str(state) else { continue };
                board.put_route(case, Route::of(state, row.count(1), row.int(3).map(model::priority)));
                waiting.extend(board.waiting_as(case));
            }
            choose::order(&mut waiting, now, place.aging_s());
            order.extend(waiting);
        }
        // What an earlier delivery tried came to nothing, and its commands are spent.
        let known = self.known(me).await?;
        let spent =
            (0..TRIES_MAX).take_while(|i| known.executed(reserving(command_id, *i)).is_some()).count();
        let (mut nearest, mut tries) = (None, spent);
        if tries == TRIES_MAX {
            return Err(faster());
        }
        for Waiting { case, .. } in order {
            let Some((decided, outcome)) = self.choice(me, case, &board, plan, now, position) else {
                continue;
            };
            let (agent, units) = match outcome {
                Outcome::Chosen { agent, units, .. } => (agent, units),
                Outcome::Waiting { reason } => {
                    nearest = nearest.max(Some(reason));
                    continue;
                }
            };
            let decision = board.route(case).map_or(1, |route| route.state.decisions().saturating_add(1));
            let reserve_id = Some(reserving(command_id, tries));
            let chosen = Chosen {
                case,
                decided: Box::new(decided),
                agent,
                units,
                decision,
                how: How::Pull,
                version: board.route(case).map_or(0, |route| route.version),
                reserve_id,
            };
            if let Some(at) = self.give(chosen, plan, now).await?.last().map(|entry| entry.position) {
                return Ok(Tried::Given { case, decision, at });
            }
            tries += 1;
            if tries == TRIES_MAX {
                return Err(faster());
            }
        }
        Ok(Tried::Nothing(nearest))
    }

    /// Whether the agent himself could have a case. It is recorded as the choice among one.
    fn choice(
        &self,
        me: &PersonId,
        case: CaseId,
        board: &Board,
        plan: &Plan,
        now: Timestamp,
        position: Position,
    ) -> Option<(Decided, Outcome)> {
        let (mut demand, candidates) = board.look(case, plan, now)?;
        // Nobody pushes it: he asks. That its queue is closed is of no meaning to who works now.
        demand.mode = if demand.mode == Mode::Pull { Mode::RoundRobin } else { demand.mode };
        demand.open = true;
        let mut own = candidates.into_iter().find(|candidate| candidate.id == *me)?;
        own.profile = Arc::new(Profile { push: true, ..(*own.profile).clone() });
        own.snapshot.on_shift = true;
        let decision = board.route(case)?.state.decisions().saturating_add(1);
        let taken = Taken { policy: plan.version(), position: position.0 };
        let seed = crate::decide::seed(case, decision);
        let (decided, choice) = Decided::choose(demand, &[own], now, seed, taken);
        Some((decided, choice.verdict.outcome))
    }

    /// Up to where the case is the agent's; where it was given, if that takes longer than it is waited for; none if another
    /// one has it.
    async fn claimed(&self, me: &PersonId, case: CaseId, from: Position) -> Result<Option<Position>, Error> {
        let category = Category::new("agent").map_err(crate::core::bad_name)?;
        let stream = self.agent(me)?;
        let from = Position(from.0.saturating_sub(1));
        let mut entries = self.shell.log.follow(from, &[category]);
        let claimed = async {
            while let Some(entry) = entries.try_next().await? {
                if entry.stream != stream {
                    continue;
                }
                let events = Envelope::<agent::Event>::of(&entry).map_err(unreadable)?.events;
                let is_his = |event: &agent::Event| match event {
                    agent::Event::CaseClaimed { case: of, .. } | agent::Event::CaseHeld { case: of, .. } => {
                        *of == case
                    }
                    _ => false,
                };
                let is_released = |event: &agent::Event| matches!(event, agent::Event::CapacityReleased { case: of, .. } if *of == case);
                // What is released may be held by the same entry: a manual hand was faster, and gave it to the same one.
                if events.iter().any(is_his) {
                    return Ok(Some(entry.position));
                }
                if events.iter().any(is_released) {
                    return Ok(None);
                }
            }
            Ok::<_, Error>(Some(from))
        };
        tokio::time::timeout(CLAIM_LIMIT, claimed).await.unwrap_or(Ok(Some(from)))
    }
}

/// The same request again begins where others are not.
fn faster() -> Error {
    Error::Aborted { reason: "CONTENTION", message: "others were faster each time; ask again".into() }
}

/// The id of the command with which the how many-th try reserves.
fn reserving(command_id: Uuid, i: usize) -> Uuid {
    domain::ids::derive(command_id, &format!("reserve/{i}"))
}
