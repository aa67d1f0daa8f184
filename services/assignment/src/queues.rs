//! Requests about queues and who waits in them.

use std::collections::BTreeMap;

use domain::{
    case::Priority,
    ids::QueueId,
    routing::{
        choose::{self, Waiting},
        plan::Place,
    },
    time::Timestamp,
};
use proto::assignment::v1 as pb;
use service::{
    Error,
    auth::Principal,
    policies::Access,
    store::{Row, Sql, Value},
};

use crate::{agents::page_size, core::Core, model, wire};

/// Cases of a queue that are put in order for a list. What is beyond waits behind them anyway, as far as age counts.
const ORDERED_MAX: usize = 10_000;

const SUMMARY: Sql = Sql::same(
    "select queue, coalesce(reason, ''), count(*), min(since) from route_row where queue is not null \
     group by queue, coalesce(reason, '')",
);
const WAITING: Sql = Sql {
    sqlite: "select r.case_id, r.since, r.state, c.seq, c.region, c.team, c.channel, c.priority \
             from route_row r join case_row c on c.case_id = r.case_id where r.queue = $1 \
             order by r.since, r.case_id limit $2",
    postgres: "select r.case_id, r.since, r.state::text, c.seq, c.region, c.team, c.channel, c.priority \
               from route_row r join case_row c on c.case_id = r.case_id where r.queue = $1 \
               order by r.since, r.case_id limit $2",
};

const ONE: Sql = Sql {
    sqlite: "select r.case_id, r.since, r.state, c.seq, c.region, c.team, c.channel, c.priority \
             from route_row r join case_row c on c.case_id = r.case_id where r.case_id = $1",
    postgres: "select r.case_id, r.since, r.state::text, c.seq, c.region, c.team, c.channel, c.priority \
               from route_row r join case_row c on c.case_id = r.case_id where r.case_id = $1",
};

/// Who waits in a queue.
#[derive(Default)]
struct Summary {
    waiting: u64,
    oldest: Option<i64>,
    reasons: BTreeMap<String, u32>,
}

/// A case on its way, as far as somebody sees it.
pub enum Seen {
    /// It waits.
    Waits(Box<pb::Waiting>),
    /// It waits in no queue.
    Left,
    /// It is not there, for him.
    Hidden,
}

impl Core {
    /// The queues that the caller may see.
    pub async fn list_queues(
        &self,
        principal: &Principal,
        request: &pb::ListQueuesRequest,
    ) -> Result<pb::ListQueuesResponse, Error> {
        let access = self.policies.current().access(principal);
        access.need_sight()?;
        let model = self.model(&request.at_least).await?;
        let position = self.shell.token(model.position());
        let (plan, now) = (self.plan(), self.shell.clock.now());
        let mut summary: BTreeMap<String, Summary> = BTreeMap::new();
        for row in model.store.query(SUMMARY, &[]).await? {
            let (count, oldest) = (row.count(2), row.int(3));
            let of = summary.entry(row.string(0)).or_default();
            of.waiting += count;
            of.oldest = of.oldest.into_iter().chain(oldest).min();
            let reason = match row.string(1) {
                reason if reason.is_empty() => "on_its_way".to_owned(),
                reason => reason,
            };
            *of.reasons.entry(reason).or_default() += u32::try_from(count).unwrap_or(u32::MAX);
        }
        let mut online: BTreeMap<&QueueId, u32> = BTreeMap::new();
        for row in model.store.query(AGENTS, &[]).await? {
            let Some((person, state)) = agent(&row) else { continue };
            if state.presence_at(now) == domain::agent::Presence::Online {
                for place in plan.places().filter(|place| place.agents.contains(&person)) {
                    *online.entry(&place.queue.id).or_default() += 1;
                }
            }
        }
        let wanted = |place: &&Place| {
            let of = |wanted: &str, has: Option<&str>| wanted.is_empty() || has == Some(wanted);
            of(&request.team, place.queue.team.as_ref().map(domain::ids::TeamId::as_str))
                && of(&request.region, place.queue.region.as_ref().map(domain::ids::RegionId::as_str))
                && self.sees_queue(&access, place)
        };
        let queues = plan.places().filter(wanted).map(|place| {
            let queue = &place.queue;
            let Summary { waiting, oldest, reasons } = summary.remove(queue.id.as_str()).unwrap_or_default();
            pb::Queue {
                queue: queue.id.to_string(),
                name: queue.name.clone(),
                region: queue.region.as_ref().map(ToString::to_string).unwrap_or_default(),
                team: queue.team.as_ref().map(ToString::to_string).unwrap_or_default(),
                mode: wire::word(&queue.mode),
                open: place.calendar.is_open(now),
                changes_at: place.calendar.next_change(now).map(wire::timestamp),
                waiting: u32::try_from(waiting).unwrap_or(u32::MAX),
                oldest: oldest.and_then(Timestamp::from_microsecond).map(wire::timestamp),
                reasons,
                agents: u32::try_from(place.agents.len()).unwrap_or(u32::MAX),
                online: online.get(&queue.id).copied().unwrap_or_default(),
            }
        });
        Ok(pb::ListQueuesResponse { queues: queues.collect(), position })
    }

    /// The cases that wait in a queue, as far as the caller sees them, the first one first.
    pub async fn list_waiting(
        &self,
        principal: &Principal,
        request: &pb::ListWaitingRequest,
    ) -> Result<pb::ListWaitingResponse, Error> {
        let access = self.policies.current().access(principal);
        access.need_sight()?;
        let queue = QueueId::new(&request.queue).map_err(|error| Error::field("queue", error))?;
        let plan = self.plan();
        let place = plan.place(&queue).filter(|place| self.sees_queue(&access, place));
        let place = place.ok_or(Error::NotFound { what: "queue" })?;
        let size = page_size(request.page_size)? as usize;
        let from = match request.page_token.as_str() {
            "" => 0,
            token => token.parse::<usize>().map_err(|_| Error::field("page_token", "that of an answer"))?,
        };
        let model = self.model(&request.at_least).await?;
        let position = self.shell.token(model.position());
        let binds = [queue.as_str().into(), Value::from(i64::try_from(ORDERED_MAX).unwrap_or(i64::MAX))];
        let rows = model.store.query(WAITING, &binds).await?;
        let mut known: BTreeMap<domain::ids::CaseId, Row> =
            rows.into_iter().filter_map(|row| Some((row.text(0)?.parse().ok()?, row))).collect();
        let waits = |(case, row): (&domain::ids::CaseId, &Row)| Waiting {
            case: *case,
            priority: priority(row),
            due: None,
            since: row.int(1).and_then(Timestamp::from_microsecond).unwrap_or(Timestamp::MIN),
        };
        let mut order: Vec<Waiting> = known.iter().map(waits).collect();
        choose::order(&mut order, self.shell.clock.now(), place.aging_s());
        let told: Vec<pb::Waiting> = order
            .iter()
            .filter_map(|waiting| self.waits(&access, &queue, waiting, &known.remove(&waiting.case)?))
            .collect();
        let next = from.saturating_add(size);
        let more = told.len() > next;
        Ok(pb::ListWaitingResponse {
            waiting: told.into_iter().skip(from).take(size).collect(),
            next_page_token: if more { next.to_string() } else { String::new() },
            position,
        })
    }

    fn waits(&self, access: &Access, queue: &QueueId, waiting: &Waiting, row: &Row) -> Option<pb::Waiting> {
        let (region, team) = (row.string(4), row.text(5));
        let team_id = team.and_then(|team| team.parse().ok());
        if !access.sees(&region.parse().ok()?, team_id.as_ref()) {
            return None;
        }
        let state: choose::State = serde_json::from_str(row.text(2)?).ok()?;
        let chosen = state.award().map(|award| &award.agent).or_else(|| state.chosen());
        Some(pb::Waiting {
            case_id: waiting.case.to_string(),
            number: self.number(row.count(3)),
            queue: queue.to_string(),
            priority: wire::word(&waiting.priority),
            channel: row.string(6),
            region,
            team: team.unwrap_or_default().to_owned(),
            since: Some(wire::timestamp(waiting.since)),
            reason: state.waits_for().as_ref().map(wire::word).unwrap_or_default(),
            decisions: state.decisions(),
            awarded_to: chosen.map(ToString::to_string).unwrap_or_default(),
        })
    }

    /// A case on its way, as far as the caller sees it.
    pub async fn waiting_case(&self, access: &Access, case: domain::ids::CaseId) -> Result<Seen, Error> {
        let store = &self.models.current().store;
        let rows = store.query(ONE, &[case.to_string().into()]).await?;
        let Some(row) = rows.first() else { return Ok(Seen::Hidden) };
        let state = row.text(2).and_then(|state| serde_json::from_str::<choose::State>(state).ok());
        let since = row.int(1).and_then(Timestamp::from_microsecond).unwrap_or(Timestamp::MIN);
        let waiting = Waiting { case, priority: priority(row), due: None, since };
        Ok(match state.as_ref().and_then(choose::State::queue) {
            Some(queue) => self
                .waits(access, queue, &waiting, row)
                .map_or(Seen::Hidden, |told| Seen::Waits(Box::new(told))),
            None => Seen::Left,
        })
    }

    /// What a case is called whose first entry has this position.
    pub fn number(&self, seq: u64) -> String {
        format!("{}-{seq}", self.shell.number_prefix)
    }

    /// Whether the caller may see a queue: who serves it, who is of its team or watches over its region, and who sees all.
    pub fn sees_queue(&self, access: &Access, place: &Place) -> bool {
        let queue = &place.queue;
        let teams = || queue.teams.iter().chain(&queue.team);
        let policy = self.policies.current();
        let set = policy.state.set();
        let region = queue.region.as_ref().or_else(|| Some(&set.team(queue.team.as_ref()?)?.region));
        access.everywhere()
            || access.person.as_ref().is_some_and(|person| place.agents.contains(person))
            || teams().any(|team| access.scope.teams.contains(team))
            || region.is_some_and(|region| access.scope.regions.contains(region))
    }
}

/// All agents, as the read model has them.
pub const AGENTS: Sql = Sql {
    sqlite: "select person, version, state from agent_row",
    postgres: "select person, version, state::text from agent_row",
};

/// An agent of [`AGENTS`].
pub fn agent(row: &Row) -> Option<(domain::ids::PersonId, domain::agent::State)> {
    Some((row.text(0)?.parse().ok()?, serde_json::from_str(row.text(2)?).ok()?))
}

fn priority(row: &Row) -> Priority {
    model::priority(row.int(7).unwrap_or(2))
}
