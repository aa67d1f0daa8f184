//! Agents, cases and two matchers.

use super::super::*;
use crate::{
    actor::{Actor, Kind},
    agent::{self, Ended, How, Left, Limits},
    decider::{Decider, fold},
};

pub(super) const AGENTS: usize = 6;
const CAPACITY: u32 = 6;
pub(super) const RESERVATION_S: i64 = 40;
const OFFER_S: i64 = 20;
const LIMITS: Limits = Limits { units: CAPACITY, at_most: Some(3), push: true };

/// What may happen.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Arrives {
        units: u32,
        luxury: bool,
    },
    /// A matcher looks at everybody.
    Sees {
        matcher: usize,
    },
    /// A matcher decides about a case by what it saw, and reserves.
    Decides {
        matcher: usize,
        case: usize,
    },
    /// It goes on with what it reserved: it claims, unless the agent must be asked.
    GoesOn {
        matcher: usize,
        case: usize,
    },
    Accepts {
        case: usize,
    },
    Declines {
        case: usize,
    },
    Presence {
        agent: usize,
        online: bool,
    },
    /// The case is resolved, or waits for the customer, or is back from that.
    Resolves {
        case: usize,
    },
    Pends {
        case: usize,
        consumes: bool,
    },
    Later {
        seconds: i64,
    },
}

/// A case as its own stream has it.
#[derive(Clone, Debug, Default)]
pub(super) struct Case {
    version: u64,
    pub(super) owner: Option<(usize, u32)>,
    done: bool,
    pub(super) routing: State,
    units: u32,
    luxury: bool,
}

/// What a matcher has under way.
#[derive(Clone, Debug)]
pub(super) struct Intent {
    agent: usize,
    decision: u32,
    version: u64,
    until: i64,
    /// Whether nothing but the claim is left: nobody must be asked, or the matcher saw the acceptance.
    ready: bool,
}

#[derive(Default)]
pub(super) struct Matcher {
    seen: Vec<(Candidate, i64)>,
    intents: BTreeMap<usize, Intent>,
}

pub(super) struct World {
    pub(super) now: i64,
    pub(super) agents: Vec<agent::State>,
    pub(super) cases: Vec<Case>,
    pub(super) matchers: [Matcher; 2],
    pub(super) refused: u32,
    pub(super) lost: u32,
    pub(super) claimed: u32,
}

fn by() -> Actor {
    Actor::new(Kind::Service, "assignment".parse().unwrap(), "internal".parse().unwrap())
}

fn name(agent: usize) -> String {
    format!("a{agent}")
}

impl World {
    pub(super) fn new() -> Self {
        let mut world = Self {
            now: 0,
            agents: vec![agent::State::default(); AGENTS],
            cases: Vec::new(),
            matchers: [Matcher::default(), Matcher::default()],
            refused: 0,
            lost: 0,
            claimed: 0,
        };
        (0..AGENTS).for_each(|agent| world.presence(agent, true));
        [0, 1].into_iter().for_each(|matcher| world.sees(matcher));
        world
    }

    fn agent(&mut self, agent: usize, action: agent::Action) -> Result<Vec<agent::Event>, agent::Error> {
        let events = self.agents[agent].decide(agent::Command::new(at(self.now), by(), action))?;
        self.agents[agent] = fold(std::mem::take(&mut self.agents[agent]), &events);
        Ok(events)
    }

    fn routing(&mut self, case: usize, action: Action) -> bool {
        let routing = &mut self.cases[case].routing;
        let Ok(events) = routing.decide(Command::new(at(self.now), by(), action)) else { return false };
        *routing = fold(std::mem::take(routing), &events);
        !events.is_empty()
    }

    pub(super) fn presence(&mut self, agent: usize, online: bool) {
        let presence = if online { Presence::Online } else { Presence::Offline };
        let lease_until = at(self.now + 300);
        self.agent(agent, agent::Action::SetPresence { presence, reason: None, lease_until }).unwrap();
    }

    pub(super) fn sees(&mut self, matcher: usize) {
        let now = self.now;
        let seen = |(index, state): (usize, &agent::State)| {
            let candidate = with(&name(index), |p, s| {
                p.skills = if index < 3 { skills(&[("luxury", 3)]) } else { BTreeMap::new() };
                (s.presence, s.draining) = (state.presence_at(at(now)), state.is_draining());
                (s.used, s.capacity, s.at_most) = (state.used(), CAPACITY, Some(3));
                s.on_channel = state.used_on(&"chat".parse().unwrap());
                (s.last_assigned, s.idle_since) = (state.last_assigned(), state.idle_since());
            });
            (candidate, now)
        };
        self.matchers[matcher].seen = self.agents.iter().enumerate().map(seen).collect();
    }

    fn demand(&self, case: usize) -> Demand {
        let Case { units, luxury, routing, .. } = &self.cases[case];
        Demand {
            case: super::case(case as u128),
            units: *units,
            skills: if *luxury { skills(&[("luxury", 2)]) } else { BTreeMap::new() },
            ties: Ties::Seeded,
            waited_since: routing.since().unwrap_or(at(0)),
            ..demand(if case.is_multiple_of(2) { Mode::LoadBalanced } else { Mode::RoundRobin })
        }
    }

    pub(super) fn decides(&mut self, matcher: usize, case: usize) {
        if case >= self.cases.len() || self.matchers[matcher].intents.contains_key(&case) {
            return;
        }
        let (version, is_free) = (self.cases[case].version, self.cases[case].owner.is_none());
        if !is_free || self.cases[case].routing.queue().is_none() {
            return;
        }
        let mut candidates: Vec<Candidate> =
            self.matchers[matcher].seen.iter().map(|(candidate, _)| candidate.clone()).collect();
        for candidate in &mut candidates {
            candidate.snapshot.excluded = self.cases[case].routing.is_excluded(&candidate.id, at(self.now));
        }
        let decision = self.cases[case].routing.decisions() + 1;
        let (decided, choice) =
            Decided::choose(self.demand(case), &candidates, at(self.now), matcher as u64, Taken::default());
        assert_eq!(decided.replay(), choice.verdict);
        let Outcome::Chosen { agent, units, .. } = choice.verdict.outcome else {
            self.routing(case, Action::Decide { decision, decided: Box::new(decided) });
            return;
        };
        if !self.routing(case, Action::Decide { decision, decided: Box::new(decided) }) {
            return;
        }
        let index: usize = agent.as_str()[1..].parse().unwrap();
        let until = self.now + RESERVATION_S;
        let (number, channel) = (super::case(case as u128), "chat".parse().unwrap());
        let before = self.taken_of(index);
        let reserve = agent::Action::Reserve {
            case: number,
            decision,
            channel,
            units,
            until: at(until),
            how: How::Push,
            limits: LIMITS,
        };
        if self.agent(index, reserve).is_err() {
            self.refused += 1;
            self.sees(matcher);
            return;
        }
        assert!(before + units <= CAPACITY, "pushed over the capacity");
        let asks = case.is_multiple_of(3);
        if asks {
            let until = at(self.now + OFFER_S);
            self.agent(index, agent::Action::Offer { case: number, decision, until }).unwrap();
        }
        let intent = Intent { agent: index, decision, version, until, ready: !asks };
        self.matchers[matcher].intents.insert(case, intent);
    }

    pub(super) fn goes_on(&mut self, matcher: usize, case: usize) {
        let Some(intent) = self.matchers[matcher].intents.get(&case).cloned() else { return };
        let number = super::case(case as u128);
        let reserved = self.agents[intent.agent].reserved().get(&number);
        let reserved = reserved.filter(|reserved| reserved.decision == intent.decision).cloned();
        if !intent.ready {
            // It looks whether the agent has answered, and claims another time: much may happen in between.
            match reserved.and_then(|reserved| reserved.offer) {
                Some(offer) if offer.accepted => {
                    self.matchers[matcher].intents.insert(case, Intent { ready: true, ..intent });
                }
                Some(_) => {}
                None => drop(self.matchers[matcher].intents.remove(&case)),
            }
            return;
        }
        self.matchers[matcher].intents.remove(&case);
        // A matcher that was paused does not know whether its reservation still stands. The case decides.
        let known = &mut self.cases[case];
        if known.version == intent.version && self.now < intent.until {
            assert_eq!(known.owner, None, "a second owner");
            assert!(reserved.is_some(), "claimed without a reservation");
            (known.version, known.owner) = (known.version + 1, Some((intent.agent, intent.decision)));
            self.claimed += 1;
            self.routing(case, Action::Leave { gone: Gone::Assigned { agent: person(&name(intent.agent)) } });
            // Now and then the confirmation is late: the sweeper finds the claim.
            if !case.is_multiple_of(5) {
                let claim = agent::Action::Claim { case: number, decision: intent.decision };
                self.agent(intent.agent, claim).unwrap();
            }
        } else {
            self.lost += 1;
            let (decision, ended) = (intent.decision, Ended::Lost);
            self.agent(intent.agent, agent::Action::Release { case: number, decision, ended }).unwrap();
        }
    }

    /// What an agent has, by the cases themselves and what is reserved for others, not by the sum that the agent keeps.
    fn taken_of(&self, agent: usize) -> u32 {
        let state = &self.agents[agent];
        let owned =
            self.cases.iter().enumerate().filter(|(_, case)| case.owner.is_some_and(|(o, _)| o == agent));
        let (mut units, mut seen) = (0, Vec::new());
        for (number, case) in owned {
            let id = super::super::case(number as u128);
            seen.push(id);
            if state.held().get(&id).is_none_or(|held| held.consumes) {
                units += case.units;
            }
        }
        let others = state.reserved().iter().filter(|(case, _)| !seen.contains(case));
        units + others.map(|(_, reserved)| reserved.units).sum::<u32>()
    }

    /// Ends what is over, after a look at the case.
    pub(super) fn sweep(&mut self) {
        for index in 0..AGENTS {
            self.agent(index, agent::Action::ExpireLease).unwrap();
            for (number, reserved) in self.agents[index].reserved().clone() {
                let case = number.0.as_u128() as usize;
                let decision = reserved.decision;
                let action = if self.cases[case].owner == Some((index, decision)) {
                    agent::Action::Claim { case: number, decision }
                } else if reserved.offer.is_some_and(|offer| !offer.accepted && offer.until <= at(self.now)) {
                    agent::Action::TimeOut { case: number, decision, misses_max: 3 }
                } else {
                    agent::Action::Release { case: number, decision, ended: Ended::Expired }
                };
                let _ = self.agent(index, action);
            }
        }
    }

    pub(super) fn apply(&mut self, step: Step) {
        let exists = |case: &usize| *case < self.cases.len();
        match step {
            Step::Arrives { units, luxury } => {
                if self.cases.len() < 24 {
                    self.cases.push(Case { units, luxury, ..Case::default() });
                    let (queue, since) = ("care".parse().unwrap(), at(self.now));
                    self.routing(self.cases.len() - 1, Action::Enqueue { queue, since, keeps_age: true });
                }
            }
            Step::Sees { matcher } => self.sees(matcher),
            Step::Decides { matcher, case } => self.decides(matcher, case),
            Step::GoesOn { matcher, case } => self.goes_on(matcher, case),
            Step::Accepts { case } => self.answers(case, true),
            Step::Declines { case } => self.answers(case, false),
            Step::Presence { agent, online } => {
                self.presence(agent, online);
            }
            Step::Resolves { case } if exists(&case) => {
                let known = &mut self.cases[case];
                known.version += 1;
                known.done = true;
                if let Some((agent, _)) = known.owner.take() {
                    let left = Left::Done;
                    let number = super::case(case as u128);
                    self.agent(agent, agent::Action::Drop { case: number, left }).unwrap();
                    let decision =
                        self.agents[agent].reserved().get(&number).map(|reserved| reserved.decision);
                    if let Some(decision) = decision {
                        let ended = Ended::Withdrawn;
                        self.agent(agent, agent::Action::Release { case: number, decision, ended }).unwrap();
                    }
                }
                self.routing(case, Action::Leave { gone: Gone::Withdrawn });
            }
            Step::Pends { case, consumes } if exists(&case) => {
                if let Some((agent, _)) = self.cases[case].owner {
                    let case = super::case(case as u128);
                    let _ = self.agent(agent, agent::Action::SetConsuming { case, consumes });
                }
            }
            Step::Resolves { .. } | Step::Pends { .. } => {}
            Step::Later { seconds } => {
                self.now += seconds;
                self.sweep();
            }
        }
    }

    pub(super) fn answers(&mut self, case: usize, yes: bool) {
        let number = super::case(case as u128);
        for agent in 0..AGENTS {
            let Some(decision) = self.agents[agent].reserved().get(&number).map(|r| r.decision) else {
                continue;
            };
            if yes {
                let _ = self.agent(agent, agent::Action::Accept { case: number, decision });
            } else if self
                .agent(agent, agent::Action::Decline { case: number, decision, reason: None })
                .is_ok()
            {
                let until = Some(at(self.now + 120));
                self.routing(case, Action::Exclude { agent: person(&name(agent)), until });
            }
        }
    }

    /// What must be so whatever happened.
    pub(super) fn holds(&self) -> Result<(), TestCaseError> {
        for (number, case) in self.cases.iter().enumerate() {
            let id = super::case(number as u128);
            let holders: Vec<usize> =
                (0..AGENTS).filter(|agent| self.agents[*agent].held().contains_key(&id)).collect();
            prop_assert!(holders.len() <= 1, "case {} is held by {:?}", number, holders);
            match case.owner {
                Some((agent, _)) => {
                    let state = &self.agents[agent];
                    let known = state.held().contains_key(&id) || state.reserved().contains_key(&id);
                    prop_assert!(known, "case {} takes nothing of its owner", number);
                    prop_assert!(holders.is_empty() || holders == [agent]);
                }
                None => prop_assert!(holders.is_empty(), "case {} has no owner and is held", number),
            }
        }
        Ok(())
    }
}
