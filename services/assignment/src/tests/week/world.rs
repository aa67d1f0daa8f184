//! Agents, cases, and what happens to them.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap, HashMap},
    hash::{DefaultHasher, Hash, Hasher},
};

use domain::{
    actor::{Actor, Kind},
    agent::{self, Ended, Left, Presence},
    condition::Facts,
    decider::{Command, Decider, fold},
    ids::{CaseId, ChannelKind, PersonId, TeamId},
    routing::{
        choose::{self, Action, Gone, Outcome, Reason, Ruled},
        plan::Plan,
    },
    time::Timestamp,
};
use uuid::Uuid;

use super::policy::{self, ASKED, CHANNELS, RARE, REGIONS, TOPICS, VIP};
use crate::{
    board::{Board, Due, Route, may_come_of},
    decide::{self, Chosen, Looked},
    model::Item,
};

const MONDAY: &str = "2026-11-23T00:00:00Z";
const DAY_S: i64 = 24 * 60 * 60;
const WEEK_S: i64 = 7 * DAY_S;
const LEASE_S: i64 = 60 * 60;
const RENEWAL_S: i64 = 40 * 60;
/// Agents are looked at as often whose time may have come, as far as they do not say when that is.
const LOOK_S: i64 = 60;
const GRACE_S: i64 = 5;
const WRITING_MAX: usize = 64;
/// More turns at one instant are a matcher that never comes to rest.
const TURNS_MAX: usize = 1_000;

/// What happens at some time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Arrives(usize),
    Presence(PersonId, Presence),
    Silent(PersonId),
    Renews(PersonId),
    Answers(PersonId, CaseId, u32),
    Claims(CaseId, PersonId, u32, Timestamp),
    Done(CaseId, PersonId),
    Resumes(CaseId, PersonId),
    Look,
    Sweep,
}

struct Case {
    ruled: Ruled,
    region: usize,
    channel: ChannelKind,
    takes_s: i64,
    owner: Option<PersonId>,
    is_resolved: bool,
    had: u32,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Numbers {
    pub(super) cases: usize,
    pub(super) assigned: usize,
    pub(super) resolved: usize,
    pub(super) decisions: u64,
    pub(super) assignments: u64,
    pub(super) accepted: u64,
    pub(super) declined: u64,
    pub(super) unanswered: u64,
    pub(super) requeued: u64,
    pub(super) transferred: u64,
    pub(super) recalled: u64,
    pub(super) expired: u64,
    pub(super) sweeps: u64,
    /// How many waiting cases all sweeps together looked at.
    pub(super) swept: u64,
    pub(super) longest_wait_s: i64,
    pub(super) digest: u64,
}

pub(super) struct World {
    pub(super) plan: Plan,
    seed: u64,
    random: u64,
    now: Timestamp,
    end: Timestamp,
    sweep_s: i64,
    position: u64,
    board: Board,
    agents: BTreeMap<PersonId, agent::State>,
    silent: BTreeMap<PersonId, bool>,
    routes: BTreeMap<CaseId, choose::State>,
    cases: BTreeMap<CaseId, Case>,
    agenda: BinaryHeap<Reverse<(Timestamp, u64, What)>>,
    entered: u64,
    rulings: HashMap<String, Ruled>,
    numbers: Numbers,
    digest: DefaultHasher,
    by: Actor,
}

impl World {
    /// Lives through a week.
    pub(super) fn run(seed: u64, cases: usize, sweep_s: i64) -> Self {
        let now: Timestamp = MONDAY.parse().unwrap();
        let mut world = Self {
            plan: policy::plan(),
            seed,
            random: seed,
            now,
            end: now.plus_seconds(WEEK_S),
            sweep_s,
            position: 0,
            board: Board::default(),
            agents: BTreeMap::new(),
            silent: BTreeMap::new(),
            routes: BTreeMap::new(),
            cases: BTreeMap::new(),
            agenda: BinaryHeap::new(),
            entered: 0,
            rulings: HashMap::new(),
            numbers: Numbers::default(),
            digest: DefaultHasher::new(),
            by: Actor::new(Kind::Service, "assignment".parse().unwrap(), "internal".parse().unwrap()),
        };
        world.prepare(cases);
        world.live();
        world.ends();
        world
    }

    /// SplitMix64.
    fn below(&mut self, n: u64) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }

    fn seconds(&mut self, from: i64, to: i64) -> i64 {
        from + i64::try_from(self.below(u64::try_from(to - from).unwrap())).unwrap()
    }

    fn at(&mut self, at: Timestamp, what: What) {
        self.entered += 1;
        self.agenda.push(Reverse((at, self.entered, what)));
    }

    fn after(&mut self, seconds: i64, what: What) {
        self.at(self.now.plus_seconds(seconds), what);
    }

    fn prepare(&mut self, cases: usize) {
        let (begin, end) = (self.now, self.end);
        for n in 0..cases {
            // By day three times as many come as by night.
            let mut second = self.seconds(0, WEEK_S - DAY_S / 2);
            if !(7 * 3_600..20 * 3_600).contains(&(second % DAY_S)) && self.below(3) > 0 {
                second = self.seconds(0, WEEK_S - DAY_S / 2);
            }
            self.at(begin.plus_seconds(second), What::Arrives(n));
        }
        let members: Vec<_> = self.plan.members().map(|m| m.agent.clone()).collect();
        for agent in members {
            let shifts: Vec<_> = self.plan.shifts_of(&agent).unwrap().intervals(begin, end).collect();
            let id = agent.id;
            for (open, close) in shifts {
                let on = open.plus_seconds(self.seconds(0, 600));
                self.at(on, What::Presence(id.clone(), Presence::Online));
                let rest = on.plus_seconds(self.seconds(7_000, 15_000));
                self.at(rest, What::Presence(id.clone(), Presence::Break));
                self.at(rest.plus_seconds(1_800), What::Presence(id.clone(), Presence::Online));
                if self.below(25) == 0 {
                    self.at(rest.plus_seconds(3_000), What::Silent(id.clone()));
                } else {
                    // Some leave early, and some stay on after their shift.
                    let off = close.plus_seconds(self.seconds(-1_200, 1_200));
                    self.at(off, What::Presence(id.clone(), Presence::Offline));
                }
            }
        }
        self.after(0, What::Look);
        self.after(self.sweep_s, What::Sweep);
    }

    fn live(&mut self) {
        loop {
            let planned = self.agenda.peek().map(|Reverse((at, ..))| *at);
            let Some(next) = planned.into_iter().chain(self.board.next(self.now)).min() else { break };
            if next > self.end {
                break;
            }
            self.now = next;
            let mut sweeps = false;
            while let Some(Reverse((at, ..))) = self.agenda.peek()
                && *at <= self.now
            {
                let Some(Reverse((_, _, what))) = self.agenda.pop() else { break };
                sweeps |= what == What::Sweep;
                self.happens(what);
            }
            self.match_up();
            if sweeps {
                self.sweep();
            }
        }
    }

    fn happens(&mut self, what: What) {
        match what {
            What::Arrives(n) => self.arrives(n),
            What::Presence(id, presence) => {
                if presence == Presence::Online
                    && self.agents.get(&id).is_none_or(|s| s.presence_at(self.now) == Presence::Offline)
                {
                    self.silent.insert(id.clone(), false);
                    self.after(RENEWAL_S, What::Renews(id.clone()));
                }
                if !self.is_silent(&id) {
                    let lease_until = self.now.plus_seconds(LEASE_S);
                    self.tell(&id, vec![agent::Action::SetPresence { presence, reason: None, lease_until }])
                        .unwrap();
                }
            }
            What::Silent(id) => {
                self.silent.insert(id, true);
            }
            What::Renews(id) => {
                let lease_until = self.now.plus_seconds(LEASE_S);
                if !self.is_silent(&id) && self.tell(&id, vec![agent::Action::Renew { lease_until }]).is_ok()
                {
                    self.after(RENEWAL_S, What::Renews(id));
                }
            }
            What::Answers(id, case, decision) => {
                let action = match self.below(20) {
                    _ if self.is_silent(&id) => return,
                    0 => return,
                    1 | 2 => agent::Action::Decline { case, decision, reason: None },
                    _ => agent::Action::Accept { case, decision },
                };
                // It may be over by now.
                let _ = self.tell(&id, vec![action]);
            }
            What::Claims(case, id, decision, until) => self.claims(case, id, decision, until),
            What::Done(case, id) => self.done(case, id),
            What::Resumes(case, id) => {
                if self.cases[&case].owner.as_ref() == Some(&id) {
                    self.hold(case, &id, true);
                    let takes_s = self.cases[&case].takes_s;
                    self.after(takes_s / 2, What::Done(case, id));
                }
            }
            What::Look => self.after(LOOK_S, What::Look),
            What::Sweep => self.after(self.sweep_s, What::Sweep),
        }
    }

    fn is_silent(&self, id: &PersonId) -> bool {
        self.silent.get(id).copied().unwrap_or_default()
    }

    fn arrives(&mut self, n: usize) {
        let region = usize::try_from(self.below(4)).unwrap();
        let topic = usize::try_from(self.below(TOPICS as u64)).unwrap();
        let (name, _, languages) = REGIONS[region];
        let language = languages[usize::try_from(self.below(languages.len() as u64)).unwrap()];
        let (mut of_hundred, mut channel) = (self.below(100), CHANNELS[0]);
        for one in CHANNELS {
            channel = one;
            match of_hundred.checked_sub(one.1) {
                Some(left) => of_hundred = left,
                None => break,
            }
        }
        let mark = match self.below(400) {
            0 => Some(RARE),
            1 => Some(ASKED),
            2..=30 => Some(VIP),
            _ => None,
        };
        let key = format!("{name}/{topic}/{language}/{mark:?}/{}", channel.0);
        // The same facts, the same decision: each is asked for once.
        let plan = &self.plan;
        let ruled = self.rulings.entry(key).or_insert_with(|| {
            let mut facts = Facts::default();
            let case = &mut facts.about.case;
            case.region = Some(name.parse().unwrap());
            case.language = Some(language.parse().unwrap());
            case.channel = Some(channel.0.parse().unwrap());
            let tags = mark.into_iter().map(ToOwned::to_owned).chain([policy::skill(topic)]);
            case.tags = tags.map(|tag| tag.parse().unwrap()).collect();
            Ruled { decision: plan.rules().decide(&facts), about: facts.about, last_agent: None }
        });
        let mut ruled = ruled.clone();
        let known = region as u64 * 50 + self.below(50);
        ruled.last_agent = (self.below(3) == 0).then(|| format!("a{known:03}").parse().unwrap());
        let id = CaseId(Uuid::from_u128(n as u128 + 1));
        let minutes = i64::try_from(channel.2).unwrap();
        let takes_s = self.seconds(minutes * 30, minutes * 90);
        let channel = channel.0.parse().unwrap();
        let case = Case { ruled, region, channel, takes_s, owner: None, is_resolved: false, had: 0 };
        self.cases.insert(id, case);
        self.numbers.cases += 1;
        self.enqueue(id, None, false);
    }

    /// As it is done to a case that is nobody's.
    fn enqueue(&mut self, id: CaseId, team: Option<&TeamId>, keeps_age: bool) {
        let ruled = self.cases[&id].ruled.clone();
        let queue = self.plan.queue_of(&ruled.decision, team).expect("each region has a default queue");
        let since = self.now;
        let actions = vec![Action::Rule(Box::new(ruled)), Action::Enqueue { queue, since, keeps_age }];
        self.lead(id, actions).unwrap();
    }

    /// The case decides whether it is given: the first who comes in time has it.
    fn claims(&mut self, id: CaseId, person: PersonId, decision: u32, until: Timestamp) {
        let case = &self.cases[&id];
        if case.owner.is_some() || case.is_resolved || self.now >= until {
            return;
        }
        let takes_s = case.takes_s;
        let state = &self.agents[&person];
        assert!(state.reserved().contains_key(&id), "seed {}: claimed without a reservation", self.seed);
        let case = self.cases.get_mut(&id).unwrap();
        (case.owner, case.had) = (Some(person.clone()), case.had + 1);
        self.numbers.assignments += 1;
        let since = self.routes[&id].since().unwrap();
        self.numbers.longest_wait_s = self.numbers.longest_wait_s.max(self.now.seconds_since(since));
        (self.now, id, &person, decision).hash(&mut self.digest);
        self.tell(&person, vec![agent::Action::Claim { case: id, decision }]).unwrap();
        self.hold(id, &person, true);
        self.lead(id, vec![Action::Leave { gone: Gone::Assigned { agent: person.clone() } }]).unwrap();
        self.after(takes_s, What::Done(id, person));
    }

    fn hold(&mut self, id: CaseId, person: &PersonId, consumes: bool) {
        let channel = self.cases[&id].channel.clone();
        let rules =
            &self.plan.place(self.routes[&id].queue().unwrap_or(&"emea-0".parse().unwrap())).unwrap().rules;
        let units = self.plan.member(person).unwrap().agent.units_of(&channel, rules).max(1);
        self.tell(person, vec![agent::Action::Hold { case: id, channel, units, consumes }]).unwrap();
    }

    /// What comes of a case that somebody had for long enough.
    fn done(&mut self, id: CaseId, person: PersonId) {
        if self.cases[&id].owner.as_ref() != Some(&person) {
            return;
        }
        if self.agents[&person].presence_at(self.now) == Presence::Offline {
            self.after(30 * 60, What::Done(id, person));
            return;
        }
        match self.below(100) {
            0..=4 => {
                self.leaves(id, Left::Requeued);
                self.numbers.requeued += 1;
                self.enqueue(id, None, true);
            }
            5..=9 => {
                self.leaves(id, Left::Reassigned);
                self.numbers.transferred += 1;
                let team =
                    format!("{}-{}", REGIONS[self.cases[&id].region].0, self.below(5)).parse().unwrap();
                self.enqueue(id, Some(&team), true);
            }
            // It waits for its customer, and takes no room meanwhile.
            10..=17 => {
                self.hold(id, &person, false);
                let seconds = self.seconds(600, 7_200);
                self.after(seconds, What::Resumes(id, person));
            }
            _ => {
                self.cases.get_mut(&id).unwrap().is_resolved = true;
                self.leaves(id, Left::Done);
            }
        }
    }

    fn leaves(&mut self, id: CaseId, left: Left) {
        let person = self.cases.get_mut(&id).unwrap().owner.take().expect("somebody has it");
        self.tell(&person, vec![agent::Action::Drop { case: id, left }]).unwrap();
    }

    /// Writes to an agent's stream: all of it or nothing.
    fn tell(&mut self, person: &PersonId, actions: Vec<agent::Action>) -> Result<bool, agent::Error> {
        let known = self.agents.get(person).cloned().unwrap_or_default();
        let (mut state, mut events) = (known.clone(), Vec::new());
        for action in actions {
            let more = state.decide(Command::new(self.now, self.by.clone(), action))?;
            state = fold(state, &more);
            events.extend(more);
        }
        if events.is_empty() {
            return Ok(false);
        }
        for event in &events {
            self.note(person, &known, event);
        }
        self.agents.insert(person.clone(), state);
        self.enter(&Item::Agent(person.clone(), events));
        Ok(true)
    }

    fn note(&mut self, person: &PersonId, before: &agent::State, event: &agent::Event) {
        match event {
            agent::Event::CapacityReserved { units, channel, .. } => {
                let member = &self.plan.member(person).unwrap().agent;
                let max = member.units_max(&domain::policy::assignment::Rules::default());
                let held =
                    before.held().values().filter(|held| held.consumes).map(|held| held.units).sum::<u32>();
                let reserved = before.reserved().values().map(|reserved| reserved.units).sum::<u32>();
                let most = member.at_most(channel).unwrap_or(u32::MAX);
                let is_within = held + reserved + units <= max && before.used_on(channel) < most;
                assert!(is_within, "seed {}: {person} is given more than he has room for", self.seed);
                let there = before.presence_at(self.now) == Presence::Online;
                let on_shift = self.plan.shifts_of(member).unwrap().is_open(self.now);
                assert!(there && on_shift, "seed {}: {person} is not there and gets a case", self.seed);
            }
            agent::Event::CaseOffered { case, decision, .. } => {
                let seconds = self.seconds(3, 50);
                self.after(seconds, What::Answers(person.clone(), *case, *decision));
            }
            agent::Event::OfferAccepted { .. } => self.numbers.accepted += 1,
            agent::Event::OfferDeclined { .. } => self.numbers.declined += 1,
            agent::Event::OfferTimedOut { .. } => self.numbers.unanswered += 1,
            agent::Event::CapacityReleased { ended: Ended::Expired, .. } => self.numbers.expired += 1,
            // He comes back from his coffee.
            agent::Event::SentAway { .. } => {
                self.after(600, What::Presence(person.clone(), Presence::Online));
            }
            _ => {}
        }
    }

    /// Writes to a case's way: all of it or nothing.
    fn lead(&mut self, case: CaseId, actions: Vec<Action>) -> Result<bool, choose::Error> {
        let mut state = self.routes.get(&case).cloned().unwrap_or_default();
        let mut events = Vec::new();
        for action in actions {
            let more = state.decide(Command::new(self.now, self.by.clone(), action))?;
            state = fold(state, &more);
            events.extend(more);
        }
        if events.is_empty() {
            return Ok(false);
        }
        self.routes.insert(case, state);
        for event in &events {
            match event {
                choose::Event::Decided { decision, decided, .. } => {
                    assert_eq!(decided.replay(), decided.verdict, "seed {}: another choice again", self.seed);
                    self.numbers.decisions += 1;
                    (case, decision, format!("{:?}", decided.verdict)).hash(&mut self.digest);
                }
                choose::Event::Awarded { decision, agent, until, .. } => {
                    // Now and then the claim gets lost on the way.
                    let seconds = if self.below(300) == 0 { 3_600 } else { self.seconds(1, 4) };
                    self.after(seconds, What::Claims(case, agent.clone(), *decision, *until));
                }
                choose::Event::Recalled { .. } => self.numbers.recalled += 1,
                _ => {}
            }
        }
        self.enter(&Item::Route(case, events));
        Ok(true)
    }

    /// An entry comes to the board, some twice.
    fn enter(&mut self, item: &Item) {
        self.position += 1;
        self.board.apply(self.position, item, &self.plan);
        if self.position.is_multiple_of(7) {
            self.board.apply(self.position, item, &self.plan);
        }
    }

    /// As the matcher does it.
    fn match_up(&mut self) {
        for due in self.board.overdue(&self.plan, self.now) {
            self.attend(due);
        }
        for turn in 0.. {
            assert!(turn < TURNS_MAX, "seed {}: the matcher does not come to rest", self.seed);
            for (case, upto) in self.board.unread() {
                let (version, priority) = (self.position, None);
                assert!(upto <= version);
                self.board.put_route(case, Route::of(self.routes[&case].clone(), version, priority));
            }
            let cases = self.board.due(&self.plan, self.now);
            if cases.is_empty() && self.board.is_settled() {
                return;
            }
            let mut writing: Vec<Chosen> = Vec::new();
            for case in cases {
                if writing.len() >= WRITING_MAX {
                    self.board.again(case);
                    continue;
                }
                if let Some(answer) = self.board.answer(case) {
                    let (_, actions) = decide::answered(answer, self.now);
                    let _ = self.lead(case, actions);
                    continue;
                }
                match decide::look(&mut self.board, case, &self.plan, self.now, self.position) {
                    Some(Looked::Gives(chosen)) => writing.push(chosen),
                    Some(Looked::Waits(decision, decided)) => {
                        self.lead(case, vec![Action::Decide { decision, decided }]).unwrap();
                    }
                    None => {}
                }
            }
            for chosen in writing {
                let (case, agent) = (chosen.case, chosen.agent.clone());
                let steps = chosen.steps(&self.plan, self.now).expect("the policy does not change");
                let mut is_written = self.tell(&agent, steps.reserve).is_ok();
                if is_written && self.lead(case, steps.decide).is_err() {
                    is_written = false;
                    self.tell(&agent, vec![steps.release]).unwrap();
                }
                self.board.settle(case, is_written, self.now);
            }
        }
    }

    fn attend(&mut self, due: Due) {
        match due {
            Due::Lease(person) => drop(self.tell(&person, vec![agent::Action::ExpireLease])),
            Due::Offer(person, case, decision) => {
                let misses_max = decide::misses_max(&person, &self.plan);
                drop(self.tell(&person, vec![agent::Action::TimeOut { case, decision, misses_max }]));
            }
            Due::Reservation(person, case, decision) => {
                let until = self.agents[&person].reserved()[&case].until;
                let owner = self.cases[&case].owner.as_ref();
                if until.plus_seconds(GRACE_S) > self.now || owner == Some(&person) {
                    return;
                }
                let ended = if owner.is_some() { Ended::Lost } else { Ended::Expired };
                if self.routes[&case].chosen() == Some(&person) {
                    drop(self.lead(case, vec![Action::EndAward { decision, ended }]));
                }
                self.tell(&person, vec![agent::Action::Release { case, decision, ended }]).unwrap();
            }
            Due::Void(person, case, decision) => {
                if self.cases[&case].owner.as_ref() == Some(&person) {
                    return;
                }
                let way = &self.routes[&case];
                if way.queue().is_some() && may_come_of(way, &person, decision) {
                    return;
                }
                let ended = if self.cases[&case].owner.is_some() { Ended::Lost } else { Ended::Withdrawn };
                self.tell(&person, vec![agent::Action::Release { case, decision, ended }]).unwrap();
            }
            Due::Recall(person, case, _) => {
                let is_recalled = self.lead(case, vec![Action::Recall { agent: person.clone() }]).unwrap();
                if is_recalled && self.cases[&case].owner.as_ref() == Some(&person) {
                    self.leaves(case, Left::Requeued);
                    self.enqueue(case, None, true);
                }
            }
        }
    }

    /// Nobody waits whom somebody could have, as the streams themselves say and not the board.
    fn sweep(&mut self) {
        self.numbers.sweeps += 1;
        for (id, route) in &self.routes {
            let (Some(queue), Some(since), None) = (route.queue(), route.since(), route.chosen()) else {
                continue;
            };
            self.numbers.swept += 1;
            let demand = self.plan.demand(*id, route.ruled().unwrap(), queue, since, self.now).unwrap();
            let excluded = |person: &PersonId| route.is_excluded(person, self.now);
            let candidates = self.plan.candidates(&demand, |id| self.agents.get(id), excluded, self.now);
            let outcome = choose::choose(&demand, &candidates, self.now, 0).verdict.outcome;
            let (seed, now) = (self.seed, self.now);
            let waits = matches!(outcome, Outcome::Waiting { .. });
            assert!(waits, "seed {seed}: {id} waits at {now} in {queue} and could be had: {outcome:?}");
            // The reason is that of the last look: who went from one hindrance to another frees nobody.
            assert!(route.waits_for().is_some(), "seed {seed}: {id} waits at {now} in {queue} for no reason");
        }
        let mut owned: BTreeMap<CaseId, &PersonId> = BTreeMap::new();
        for (person, state) in &self.agents {
            for case in state.held().keys() {
                assert_eq!(owned.insert(*case, person), None, "seed {}: {case} has two owners", self.seed);
                assert_eq!(self.cases[case].owner.as_ref(), Some(person), "seed {}: {case}", self.seed);
            }
        }
    }

    /// Every case has or had somebody, or it waits for a reason that stands there.
    fn ends(&mut self) {
        self.now = self.end;
        self.match_up();
        self.sweep();
        for (id, case) in &self.cases {
            let route = &self.routes[id];
            let is_somewhere = case.is_resolved
                || case.owner.is_some()
                || route.chosen().is_some()
                || route.waits_for().is_some();
            assert!(is_somewhere, "seed {}: {id} is forgotten: {route:?}", self.seed);
        }
    }

    pub(super) fn numbers(&self) -> Numbers {
        let mut numbers = self.numbers.clone();
        numbers.assigned = self.cases.values().filter(|case| case.had > 0).count();
        numbers.resolved = self.cases.values().filter(|case| case.is_resolved).count();
        numbers.digest = self.digest.finish();
        numbers
    }

    /// How many cases wait for what.
    pub(super) fn waits(&self) -> BTreeMap<Reason, usize> {
        let mut waits = BTreeMap::new();
        for reason in self.routes.values().filter_map(choose::State::waits_for) {
            *waits.entry(reason).or_default() += 1;
        }
        waits
    }
}
