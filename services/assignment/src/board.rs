//! What the matcher has before it: who waits in which queue, and how each agent is. Pure: entries and times in, what is to be
//! looked at out.
//!
//! It is the fold of the streams of agents and ways up to some entry of each, so that an entry that it has seen is nothing.
//! What was decided and is not written yet is *promised*: it takes room like a reservation.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::{
    agent::{self, Ended},
    calendar::Calendar,
    case::{self, Priority},
    decider::fold,
    ids::{CaseId, ChannelKind, PersonId, QueueId},
    routing::{
        choose::{self, Candidate, Demand, Trigger, Waiting},
        plan::{Place, Plan},
    },
    time::Timestamp,
};

use crate::model::Item;

/// How often a choice that was refused is made again at once: what refuted it may not have come yet.
const REFUSED_AT_ONCE_MAX: u32 = 3;
/// How long it is waited after that, in seconds.
const REFUSED_WAIT_S: i64 = 1;

/// What the matcher has before it.
#[derive(Debug, Default)]
pub struct Board {
    routes: HashMap<CaseId, Route>,
    queues: BTreeMap<QueueId, BTreeSet<CaseId>>,
    agents: BTreeMap<PersonId, Agent>,
    /// Cases that are to be looked at.
    cases: BTreeSet<CaseId>,
    /// Agents for whom something waiting may fit now.
    freed: BTreeSet<PersonId>,
    /// When time alone makes a case to be looked at.
    wakes: BTreeSet<(Timestamp, CaseId)>,
    promised: HashMap<CaseId, Promise>,
    /// Why a reservation for a case ended without a claim, as the agent's stream said last.
    ended: HashMap<CaseId, Ended>,
    /// Cases of which only what came last is known: they waited before, and went.
    unread: BTreeSet<CaseId>,
    /// How often a choice for a case was refused in a row.
    refused: HashMap<CaseId, u32>,
    /// Whether a reservation may have become void.
    has_void: bool,
    /// When a calendar opens or closes next.
    calendars: Option<Timestamp>,
    plan_version: Option<u64>,
}

/// A case that waits.
#[derive(Clone, Debug, Default)]
pub struct Route {
    /// Where it stands.
    pub state: choose::State,
    /// Position of the last entry that is in it.
    pub version: u64,
    /// How soon.
    pub priority: Option<Priority>,
    /// When time alone makes it to be looked at.
    wake: Option<Timestamp>,
}

#[derive(Clone, Debug, Default)]
struct Agent {
    state: agent::State,
    version: u64,
}

/// What is decided and not written yet.
#[derive(Clone, Debug)]
struct Promise {
    agent: PersonId,
    units: u32,
    channel: ChannelKind,
    at: Timestamp,
}

/// What follows from a choice that was offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The agent took it: until when it is reserved.
    Accepted(PersonId, u32, Timestamp),
    /// The agent does not get it.
    Ended(PersonId, u32, Ended),
}

/// What is to be done about an agent whose time has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Due {
    /// The lease is over.
    Lease(PersonId),
    /// An offer was not answered.
    Offer(PersonId, CaseId, u32),
    /// A reservation was not claimed in time.
    Reservation(PersonId, CaseId, u32),
    /// Nothing comes of a reservation any more.
    Void(PersonId, CaseId, u32),
    /// A case is to be taken back from somebody who is gone.
    Recall(PersonId, CaseId, Timestamp),
}

impl Route {
    /// A case that waits; of its priority is taken what is known, or what the rules said.
    pub fn of(state: choose::State, version: u64, priority: Option<Priority>) -> Self {
        let ruled =
            state.ruled().and_then(|ruled| ruled.decision.demand.priority.or(ruled.about.case.priority));
        Self { state, version, priority: priority.or(ruled), wake: None }
    }
}

impl Board {
    /// Takes an agent as the read model has him.
    pub fn put_agent(&mut self, person: PersonId, state: agent::State, version: u64) {
        self.freed.insert(person.clone());
        self.agents.insert(person, Agent { state, version });
    }

    /// Takes a case that waits, as the read model or its stream has it.
    pub fn put_route(&mut self, case: CaseId, mut route: Route) {
        self.unread.remove(&case);
        if let Some(known) = self.routes.get(&case) {
            route.priority = route.priority.or(known.priority);
            if let Some(queue) = known.state.queue().cloned() {
                self.unqueue(&queue, case);
            }
        }
        self.forget(case);
        let Some(queue) = route.state.queue() else { return };
        self.queues.entry(queue.clone()).or_default().insert(case);
        self.cases.insert(case);
        self.routes.insert(case, route);
    }

    /// Cases whose way is to be read whole before they are looked at ([`put_route`](Self::put_route)), each with the position
    /// up to which it must be read. Of a case that has gone nothing is kept here, and it may come back.
    pub fn unread(&self) -> Vec<(CaseId, u64)> {
        let version = |case: &CaseId| Some((*case, self.routes.get(case)?.version));
        self.unread.iter().filter_map(version).collect()
    }

    /// Takes an entry of the log.
    pub fn apply(&mut self, position: u64, item: &Item, plan: &Plan) {
        match item {
            Item::Agent(person, events) => {
                let agent = self.agents.entry(person.clone()).or_default();
                if position <= agent.version {
                    return;
                }
                agent.version = position;
                agent.state = fold(std::mem::take(&mut agent.state), events);
                let none = BTreeSet::new();
                let queues = plan.member(person).map_or(&none, |member| &member.profile.queues);
                if events.iter().any(|event| Trigger::of(person, queues, event).is_some()) {
                    self.freed.insert(person.clone());
                }
                for event in events {
                    // Whoever was asked and does not take it leaves the case to others.
                    match event {
                        // Of what does not wait any more nothing is kept.
                        agent::Event::CapacityReleased { case, ended, .. }
                            if self.routes.contains_key(case) =>
                        {
                            self.ended.insert(*case, *ended);
                            self.cases.insert(*case);
                        }
                        agent::Event::OfferAccepted { case, .. } => {
                            self.cases.insert(*case);
                        }
                        _ => {}
                    }
                }
            }
            Item::Route(case, events) => {
                if !self.routes.contains_key(case) {
                    self.unread.insert(*case);
                }
                let route = self.routes.entry(*case).or_default();
                if position <= route.version {
                    return;
                }
                route.version = position;
                let before = route.state.queue().cloned();
                let chosen = route.state.chosen().cloned();
                self.refused.remove(case);
                route.state = fold(std::mem::take(&mut route.state), events);
                let now = route.state.queue().cloned();
                for event in events {
                    match event {
                        choose::Event::Ruled { ruled, .. } => {
                            route.priority = ruled.decision.demand.priority.or(ruled.about.case.priority);
                        }
                        choose::Event::Queued { .. }
                        | choose::Event::AwardEnded { .. }
                        | choose::Event::AgentExcluded { .. } => {
                            self.cases.insert(*case);
                        }
                        choose::Event::Relaxed { .. }
                        | choose::Event::Decided { .. }
                        | choose::Event::Awarded { .. }
                        | choose::Event::Recalled { .. }
                        | choose::Event::LeftQueue { .. } => {}
                    }
                }
                // Normally he has claimed it before it leaves.
                let agent = chosen.as_ref().and_then(|person| self.agents.get(person));
                self.has_void |= agent.is_some_and(|agent| agent.state.reserved().contains_key(case));
                if let Some(queue) = before.filter(|queue| now.as_ref() != Some(queue)) {
                    self.unqueue(&queue, *case);
                }
                match now {
                    Some(queue) => {
                        self.queues.entry(queue).or_default().insert(*case);
                    }
                    None => self.forget(*case),
                }
            }
            Item::Case(case, events) => {
                let Some(route) = self.routes.get_mut(case) else { return };
                for event in events {
                    if let case::Event::Prioritised { to, .. } = event {
                        route.priority = Some(*to);
                    }
                }
            }
            Item::Nothing => {}
        }
    }

    fn unqueue(&mut self, queue: &QueueId, case: CaseId) {
        if let Some(cases) = self.queues.get_mut(queue) {
            cases.remove(&case);
            if cases.is_empty() {
                self.queues.remove(queue);
            }
        }
    }

    fn forget(&mut self, case: CaseId) {
        self.cases.remove(&case);
        self.unread.remove(&case);
        self.refused.remove(&case);
        self.ended.remove(&case);
        if let Some(at) = self.routes.remove(&case).and_then(|route| route.wake) {
            self.wakes.remove(&(at, case));
        }
    }

    /// A case that waits.
    pub fn route(&self, case: CaseId) -> Option<&Route> {
        self.routes.get(&case)
    }

    /// How an agent is.
    pub fn agent(&self, person: &PersonId) -> Option<&agent::State> {
        self.agents.get(person).map(|agent| &agent.state)
    }

    /// What a case needs at `now`, and who might have it; none if it waits for nobody's choice: it is awarded, or the policy
    /// does not have its queue.
    pub fn look(&self, case: CaseId, plan: &Plan, now: Timestamp) -> Option<(Demand, Vec<Candidate>)> {
        let demand = self.demand(case, plan, now)?;
        let route = self.routes.get(&case)?;
        let state = |id: &PersonId| self.agent(id);
        let excluded = |id: &PersonId| self.is_excluded(route, case, id, now);
        let mut candidates = plan.candidates(&demand, state, excluded, now);
        for candidate in &mut candidates {
            self.adopt(candidate, case, &demand);
            self.count_promises(candidate, &demand);
        }
        Some((demand, candidates))
    }

    /// What is promised to a candidate takes room as if it was reserved.
    fn count_promises(&self, candidate: &mut Candidate, demand: &Demand) {
        for promise in self.promised.values().filter(|promise| promise.agent == candidate.id) {
            let snapshot = &mut candidate.snapshot;
            snapshot.used = snapshot.used.saturating_add(promise.units);
            snapshot.on_channel =
                snapshot.on_channel.saturating_add(u32::from(promise.channel == demand.channel));
            snapshot.last_assigned = snapshot.last_assigned.max(Some(promise.at));
            snapshot.idle_since = None;
        }
    }

    /// What became of a choice that was offered, if the agent's stream says so.
    pub fn answer(&self, case: CaseId) -> Option<Answer> {
        let state = &self.routes.get(&case)?.state;
        let agent =
            state.chosen().filter(|_| state.award().is_none() && !self.promised.contains_key(&case))?;
        let decision = state.decisions();
        let reserved = self.agent(agent).and_then(|state| state.reserved().get(&case));
        match reserved.filter(|reserved| reserved.decision == decision) {
            Some(reserved) => {
                let is_accepted = reserved.offer.is_some_and(|offer| offer.accepted);
                is_accepted.then(|| Answer::Accepted(agent.clone(), decision, reserved.until))
            }
            None => {
                let ended = self.ended.get(&case).copied().unwrap_or(Ended::Expired);
                Some(Answer::Ended(agent.clone(), decision, ended))
            }
        }
    }

    fn demand(&self, case: CaseId, plan: &Plan, now: Timestamp) -> Option<Demand> {
        let route = self.routes.get(&case)?;
        let state = &route.state;
        if self.unread.contains(&case) {
            return None;
        }
        if state.award().is_some() || state.chosen().is_some() || self.promised.contains_key(&case) {
            return None;
        }
        plan.demand(case, state.ruled()?, state.queue()?, state.since()?, now)
    }

    /// The cases that are to be looked at now, the first one first. Each is told once. An agent who is free again is told the
    /// first cases of his queues that would fit him alone, and again until none does.
    pub fn due(&mut self, plan: &Plan, now: Timestamp) -> Vec<CaseId> {
        let is_new_plan = self.plan_version != Some(plan.version());
        let is_turn = self.calendars.is_some_and(|at| at <= now);
        if is_new_plan || is_turn {
            self.plan_version = Some(plan.version());
            self.calendars = plan.next_change(now);
            self.cases.extend(self.routes.keys());
        }
        while let Some((at, case)) = self.wakes.first().copied().filter(|(at, _)| *at <= now) {
            self.wakes.remove(&(at, case));
            self.cases.insert(case);
        }
        let mut cases = std::mem::take(&mut self.cases);
        for person in std::mem::take(&mut self.freed) {
            let fitting = self.fitting(&person, plan, now);
            // Others may get these: then he still has room, and is told the next ones.
            if !fitting.is_empty() {
                cases.extend(fitting);
                self.freed.insert(person);
            }
        }
        let mut waiting: Vec<Waiting> = cases.into_iter().filter_map(|case| self.waiting_as(case)).collect();
        // Queues may age at different speeds; among themselves they stand as their own rules say.
        let aging = |case: CaseId| self.place_of(case, plan).map_or(0, Place::aging_s);
        let mut by_aging: BTreeMap<i64, Vec<Waiting>> = BTreeMap::new();
        for case in waiting.drain(..) {
            by_aging.entry(aging(case.case)).or_default().push(case);
        }
        by_aging
            .into_iter()
            .flat_map(|(aging_s, mut cases)| {
                choose::order(&mut cases, now, aging_s);
                cases
            })
            .map(|waiting| waiting.case)
            .collect()
    }

    /// The cases of an agent's queues that would fit him, the first ones first, up to what he has room for.
    fn fitting(&self, person: &PersonId, plan: &Plan, now: Timestamp) -> Vec<CaseId> {
        let Some(member) = plan.member(person) else { return Vec::new() };
        let helps = |place: &Place| {
            place.agents.contains(person)
                || place
                    .queue
                    .overflow
                    .iter()
                    .map(|o| &o.to)
                    .chain(&place.queue.follow_the_sun)
                    .any(|queue| member.profile.queues.contains(queue))
        };
        let mut fitting = Vec::new();
        for place in plan.places() {
            let cases = self.queues.get(&place.queue.id).into_iter().flatten();
            let asked = |case: &CaseId| self.asks_for(*case, person);
            let serves = helps(place);
            let mut waiting: Vec<Waiting> = cases
                .filter(|case| (serves || asked(case)) && !self.is_put_off(case))
                .filter_map(|case| self.waiting_as(*case))
                .collect();
            choose::order(&mut waiting, now, place.aging_s());
            let mut room = None;
            for Waiting { case, .. } in waiting {
                if room == Some(0) {
                    break;
                }
                let Some(demand) = self.demand(case, plan, now) else { continue };
                let Some(candidate) = self.candidate(person, case, &demand, plan, now) else { continue };
                let left = candidate.snapshot.capacity.saturating_sub(candidate.snapshot.used);
                if left == 0 {
                    return fitting;
                }
                let choice = choose::choose(&demand, std::slice::from_ref(&candidate), now, 0);
                if let choose::Outcome::Chosen { units, .. } = choice.verdict.outcome {
                    fitting.push(case);
                    room = Some(room.unwrap_or(left).saturating_sub(units));
                }
            }
        }
        fitting
    }

    fn candidate(
        &self,
        person: &PersonId,
        case: CaseId,
        demand: &Demand,
        plan: &Plan,
        now: Timestamp,
    ) -> Option<Candidate> {
        let excluded = self.is_excluded(self.routes.get(&case)?, case, person, now);
        let mut candidate = plan.candidate(demand, person, self.agent(person), excluded, now)?;
        self.adopt(&mut candidate, case, demand);
        self.count_promises(&mut candidate, demand);
        Some(candidate)
    }

    /// Whether an agent does not get a case: he does not want it, or an earlier decision's reservation is still to end.
    fn is_excluded(&self, route: &Route, case: CaseId, person: &PersonId, now: Timestamp) -> bool {
        let next = route.state.decisions().saturating_add(1);
        let reserved = self.agent(person).and_then(|state| state.reserved().get(&case));
        route.state.is_excluded(person, now) || reserved.is_some_and(|reserved| reserved.decision != next)
    }

    /// What somebody reserved for the decision that is to be made, and died, is no load beside it.
    fn adopt(&self, candidate: &mut Candidate, case: CaseId, demand: &Demand) {
        let Some(reserved) = self.agent(&candidate.id).and_then(|state| state.reserved().get(&case)) else {
            return;
        };
        let snapshot = &mut candidate.snapshot;
        snapshot.used = snapshot.used.saturating_sub(reserved.units);
        let is_same = u32::from(reserved.channel == demand.channel);
        snapshot.on_channel = snapshot.on_channel.saturating_sub(is_same);
    }

    fn asks_for(&self, case: CaseId, person: &PersonId) -> bool {
        let ruled = self.routes.get(&case).and_then(|route| route.state.ruled());
        ruled.and_then(|ruled| ruled.decision.demand.direct.as_ref()).is_some_and(|d| d.agent == *person)
    }

    fn place_of<'p>(&self, case: CaseId, plan: &'p Plan) -> Option<&'p Place> {
        plan.place(self.routes.get(&case)?.state.queue()?)
    }

    /// A case as the order of its queue sees it.
    pub fn waiting_as(&self, case: CaseId) -> Option<Waiting> {
        let route = self.routes.get(&case)?;
        let priority = route.priority.unwrap_or_default();
        Some(Waiting { case, priority, due: None, since: route.state.since()? })
    }

    /// Somebody is to get a case: until that is written, it takes room.
    pub fn promise(
        &mut self,
        case: CaseId,
        agent: PersonId,
        units: u32,
        channel: ChannelKind,
        at: Timestamp,
    ) {
        self.promised.insert(case, Promise { agent, units, channel, at });
    }

    /// What was promised is written, or nothing came of it: then the case is looked at again, and not before a while if
    /// that happens again and again.
    pub fn settle(&mut self, case: CaseId, is_written: bool, now: Timestamp) {
        let promise = self.promised.remove(&case);
        if !is_written {
            let refused = self.refused.entry(case).or_default();
            *refused = refused.saturating_add(1);
            if *refused <= REFUSED_AT_ONCE_MAX {
                self.cases.insert(case);
            } else {
                self.wake_at(case, Some(now.plus_seconds(REFUSED_WAIT_S)));
            }
            // Others waited because of the promise.
            self.freed.extend(promise.map(|promise| promise.agent));
        }
    }

    /// Looks at a waiting case again when time alone may change what is decided.
    pub fn wake(&mut self, case: CaseId, demand: &Demand, now: Timestamp) {
        let Some(route) = self.routes.get(&case) else { return };
        let excluded = route.state.next_exclusion_end(now);
        self.wake_at(case, demand.next_change(now).into_iter().chain(excluded).min());
    }

    /// Whether a choice for a case was refused so often that it waits for a while, whoever is free.
    fn is_put_off(&self, case: &CaseId) -> bool {
        self.refused.get(case).is_some_and(|refused| *refused > REFUSED_AT_ONCE_MAX)
    }

    fn wake_at(&mut self, case: CaseId, next: Option<Timestamp>) {
        let Some(route) = self.routes.get_mut(&case) else {
            self.refused.remove(&case);
            return;
        };
        if let Some(at) = std::mem::replace(&mut route.wake, next) {
            self.wakes.remove(&(at, case));
        }
        self.wakes.extend(next.map(|at| (at, case)));
    }

    /// Whether a reservation may have become void since it was looked last.
    pub const fn has_void(&self) -> bool {
        self.has_void
    }

    /// What is to be done about agents whose time has come at `now`.
    pub fn overdue(&mut self, plan: &Plan, now: Timestamp) -> Vec<Due> {
        let mut due = Vec::new();
        self.has_void = false;
        for (person, Agent { state, .. }) in &self.agents {
            if state.lease_until().is_some_and(|until| until <= now) {
                due.push(Due::Lease(person.clone()));
                continue;
            }
            for (case, reserved) in state.reserved() {
                let decision = reserved.decision;
                let is_void = !self.promised.contains_key(case)
                    && self.routes.get(case).is_none_or(|r| !may_come_of(&r.state, person, decision));
                match reserved.offer {
                    _ if is_void => due.push(Due::Void(person.clone(), *case, decision)),
                    Some(offer) if !offer.accepted && offer.until <= now => {
                        due.push(Due::Offer(person.clone(), *case, reserved.decision));
                    }
                    _ if reserved.until <= now => {
                        due.push(Due::Reservation(person.clone(), *case, reserved.decision));
                    }
                    _ => {}
                }
            }
            // What somebody has who is no agent is his own business, and of most agents nothing is left behind: this is looked at
            // every second.
            let is_gone = state.presence_at(now) == agent::Presence::Offline;
            if plan.member(person).is_none() || state.held().is_empty() || !is_gone {
                continue;
            }
            let rules = self.rules_of(person, plan);
            let wait = |channel: &ChannelKind| {
                if plan.is_sync(channel) { agent::Wait::There } else { agent::Wait::Away }
            };
            let shifts = plan.member(person).and_then(|member| plan.shifts_of(&member.agent));
            let always = Calendar::always();
            let calendar = shifts.unwrap_or(&always);
            let micros = rules.requeue_after_s.saturating_mul(1_000_000);
            let later = |gone: Timestamp| calendar.after(gone, micros);
            for behind in state.left_behind(now, wait, later) {
                if let Some(at) = behind.requeue_at.filter(|at| *at <= now) {
                    due.push(Due::Recall(person.clone(), behind.case, at));
                }
            }
        }
        due
    }

    /// The rules of assignment that hold for an agent: those of the first of his queues.
    fn rules_of(&self, person: &PersonId, plan: &Plan) -> domain::policy::assignment::Rules {
        let queue = plan.member(person).and_then(|member| member.profile.queues.first());
        queue.and_then(|queue| plan.place(queue)).map(|place| place.rules.clone()).unwrap_or_default()
    }

    /// When time alone makes something to be done, after `now`; none if nothing is known of.
    pub fn next(&self, now: Timestamp) -> Option<Timestamp> {
        let agents = self.agents.values().filter_map(|agent| agent.state.next_deadline());
        let wakes = self.wakes.first().map(|(at, _)| *at);
        agents.chain(wakes).chain(self.calendars).filter(|at| *at > now).min()
    }

    /// Looks at a case again, when there is time for it.
    pub fn again(&mut self, case: CaseId) {
        self.cases.insert(case);
    }

    /// Whether nothing is to be looked at or under way.
    pub fn is_settled(&self) -> bool {
        self.cases.is_empty() && self.freed.is_empty() && self.promised.is_empty() && self.unread.is_empty()
    }
}

/// Whether something may still come of what is reserved for a decision: it is the one that was made last, for this agent, or
/// it is about to be made.
pub fn may_come_of(state: &choose::State, person: &PersonId, decision: u32) -> bool {
    match state.decisions() {
        decisions if decisions == decision => state.chosen() == Some(person),
        decisions => decisions < decision,
    }
}
