//! The policy as routing uses it: who serves which queue, by which rules, and when.
//!
//! It is made once for each version of the policy: to read documents for each decision would cost more than the decision.

mod demand;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    choose::{Candidate, Demand, Profile, Snapshot},
    rules::{Decision, Rules},
};
use crate::{
    agent::State,
    calendar::{Calendar, resolve},
    ids::{CalendarId, ChannelKind, PersonId, QueueId, TeamId},
    policy::{Set, agent::Agent, assignment, channel::Mode, queue::Queue},
    time::Timestamp,
};

/// The policy as routing uses it.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    version: u64,
    rules: Rules,
    members: BTreeMap<PersonId, Member>,
    places: BTreeMap<QueueId, Place>,
    /// Each calendar once: many agents share few.
    calendars: BTreeMap<CalendarId, Calendar>,
    /// The kinds of channels whose customers wait in front of them.
    sync: BTreeSet<ChannelKind>,
}

/// An agent.
#[derive(Clone, Debug)]
pub struct Member {
    /// The document.
    pub agent: Agent,
    /// What it comes to, with the queues of the agent's teams.
    pub profile: Arc<Profile>,
}

/// A queue.
#[derive(Clone, Debug)]
pub struct Place {
    /// The document.
    pub queue: Queue,
    /// When it is open.
    pub calendar: Calendar,
    /// The rules of assignment that hold there.
    pub rules: assignment::Rules,
    /// Who serves it.
    pub agents: BTreeSet<PersonId>,
}

impl Plan {
    /// The plan of a policy. `version` is that of the policy, and stands in each decision.
    pub fn of(set: &Set, version: u64) -> Self {
        let rules = Rules::of(set, version);
        let mut places: BTreeMap<QueueId, Place> =
            set.queues().map(|queue| (queue.id.clone(), Place::of(set, queue))).collect();
        let mut members = BTreeMap::new();
        let mut calendars = BTreeMap::new();
        for agent in set.agents() {
            let mut profile = Profile::of(set, agent);
            for (id, place) in &mut places {
                if profile.queues.contains(id) || place.is_served_by(&profile.teams) {
                    place.agents.insert(agent.id.clone());
                    profile.queues.insert(id.clone());
                }
            }
            if let Some(shifts) = &agent.shifts
                && let Some(calendar) = Calendar::of(set, shifts)
            {
                calendars.entry(shifts.clone()).or_insert(calendar);
            }
            let member = Member { agent: agent.clone(), profile: Arc::new(profile) };
            members.insert(agent.id.clone(), member);
        }
        let is_sync = |id: &ChannelKind| set.channel(id).is_some_and(|channel| channel.mode == Mode::Sync);
        let sync = set.channel_ids().filter_map(|id| ChannelKind::new(id).ok()).filter(is_sync).collect();
        Self { version, rules, members, places, calendars, sync }
    }

    /// The version of the policy.
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// The rules of routing.
    pub const fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Whether the customers of a kind of channel wait for the answer in front of it.
    pub fn is_sync(&self, channel: &ChannelKind) -> bool {
        self.sync.contains(channel)
    }

    /// An agent.
    pub fn member(&self, id: &PersonId) -> Option<&Member> {
        self.members.get(id)
    }

    /// All agents, in the order of their ids.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.members.values()
    }

    /// A queue.
    pub fn place(&self, id: &QueueId) -> Option<&Place> {
        self.places.get(id)
    }

    /// All queues, in the order of their ids.
    pub fn places(&self) -> impl Iterator<Item = &Place> {
        self.places.values()
    }

    /// The queue in which a case waits: the one that the rules name; but what was given to a team waits with that team,
    /// where the rules do not send it to another one of the team's queues.
    ///
    /// `team` is the team that somebody gave it to, or, where no rule names a queue, that of its account.
    pub fn queue_of(&self, decision: &Decision, team: Option<&TeamId>) -> Option<QueueId> {
        let named = decision.demand.queue.as_ref();
        let Some(team) = team else { return named.cloned() };
        let of_team = |place: &&Place| place.is_of(team);
        if let Some(named) = named.and_then(|id| self.places.get(id)).filter(of_team) {
            return Some(named.queue.id.clone());
        }
        let own = self.places.values().filter(of_team);
        // A queue of its own goes before one that the team helps in.
        let own = own.min_by_key(|place| (place.queue.team.as_ref() != Some(team), &place.queue.id));
        own.map(|place| place.queue.id.clone()).or_else(|| named.cloned())
    }

    /// Everybody who might have a case, as seen at `now`, in the order of their ids. `state` is how each agent is, and
    /// `excluded` tells who does not get this case.
    pub fn candidates<'s>(
        &self,
        demand: &Demand,
        state: impl Fn(&PersonId) -> Option<&'s State>,
        excluded: impl Fn(&PersonId) -> bool,
        now: Timestamp,
    ) -> Vec<Candidate> {
        let place = self.places.get(&demand.queue);
        let helps = demand.overflow.as_ref().and_then(|queue| self.places.get(queue));
        let asked = [demand.direct.as_ref().map(|d| &d.agent), demand.last_agent.as_ref().map(|l| &l.agent)];
        let served = place.into_iter().chain(helps).flat_map(|place| &place.agents);
        let ids: BTreeSet<&PersonId> = served.chain(asked.into_iter().flatten()).collect();
        let open: BTreeMap<&CalendarId, bool> =
            self.calendars.iter().map(|(id, calendar)| (id, calendar.is_open(now))).collect();
        // Of a calendar that the policy does not have any more nobody knows when it is closed.
        let on_shift = |id: &CalendarId| open.get(id).copied().unwrap_or(true);
        ids.into_iter()
            .filter_map(|id| self.seen(demand, id, state(id), excluded(id), &on_shift, now))
            .collect()
    }

    /// One agent who might have a case, as seen at `now`.
    pub fn candidate(
        &self,
        demand: &Demand,
        id: &PersonId,
        state: Option<&State>,
        excluded: bool,
        now: Timestamp,
    ) -> Option<Candidate> {
        let on_shift = |id: &CalendarId| self.calendars.get(id).is_none_or(|calendar| calendar.is_open(now));
        self.seen(demand, id, state, excluded, &on_shift, now)
    }

    fn seen(
        &self,
        demand: &Demand,
        id: &PersonId,
        state: Option<&State>,
        excluded: bool,
        on_shift: &dyn Fn(&CalendarId) -> bool,
        now: Timestamp,
    ) -> Option<Candidate> {
        let Member { agent, profile } = self.members.get(id)?;
        let rules = &self.places.get(&demand.queue)?.rules;
        let nobody = State::default();
        let on_shift = agent.shifts.as_ref().is_none_or(on_shift);
        let state = state.unwrap_or(&nobody);
        let snapshot = Snapshot::of(agent, state, &demand.channel, rules, now, on_shift);
        let snapshot = Snapshot { excluded, ..snapshot };
        Some(Candidate { id: id.clone(), profile: Arc::clone(profile), snapshot })
    }

    /// The calendar of an agent's shifts, if the agent has some.
    pub fn shifts_of(&self, agent: &Agent) -> Option<&Calendar> {
        self.calendars.get(agent.shifts.as_ref()?)
    }

    /// When the next calendar of a queue or of somebody's shifts opens or closes, after `now`: what waits is looked at again.
    pub fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        let queues = self.places.values().map(|place| &place.calendar);
        queues.chain(self.calendars.values()).filter_map(|calendar| calendar.next_change(now)).min()
    }
}

impl Place {
    fn of(set: &Set, queue: &Queue) -> Self {
        let region = queue.region.as_ref();
        let team = queue.team.as_ref();
        let region = region.or_else(|| Some(&set.team(team?)?.region));
        let named = queue.calendar.clone().or_else(|| resolve(set, None, team, None, region).calendar);
        let calendar = named.and_then(|id| Calendar::of(set, &id)).unwrap_or_else(Calendar::always);
        Self {
            queue: queue.clone(),
            calendar,
            rules: set.assignment_rules(region, team),
            agents: BTreeSet::new(),
        }
    }

    fn is_of(&self, team: &TeamId) -> bool {
        self.queue.team.as_ref() == Some(team) || self.queue.teams.contains(team)
    }

    fn is_served_by(&self, teams: &BTreeSet<TeamId>) -> bool {
        teams.iter().any(|team| self.is_of(team))
    }

    /// For how many seconds an offer stands.
    pub fn offer_timeout_s(&self) -> i64 {
        self.queue.offer_timeout_s.unwrap_or(self.rules.offer_timeout_s)
    }

    /// After how many offers in a row that were not answered an agent is set away.
    pub fn misses_max(&self) -> u32 {
        self.queue.misses_max.unwrap_or(self.rules.misses_max)
    }

    /// After how many seconds of waiting a case stands one priority higher.
    pub fn aging_s(&self) -> i64 {
        self.queue.aging_s.unwrap_or(self.rules.aging_s)
    }
}
