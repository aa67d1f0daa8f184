//! Whatever makes a waiting case assignable is a trigger that wakes it.

use std::collections::BTreeSet;

use super::*;
use crate::{
    actor::{Actor, Kind},
    agent::{self, How, Limits},
    decider::{Decider, fold},
    ids::QueueId,
};

pub(super) fn service() -> Actor {
    Actor::new(Kind::Service, "assignment".parse().unwrap(), "internal".parse().unwrap())
}

fn queues(candidate: &Candidate) -> &BTreeSet<QueueId> {
    &candidate.profile.queues
}

pub(super) fn agent_action() -> impl Strategy<Value = agent::Action> {
    let case = || (0u128..4).prop_map(case);
    let until = || Just(at(5_000));
    let limits = Limits { units: 100, at_most: None, push: true };
    let presence =
        prop_oneof![3 => Just(Presence::Online), 1 => Just(Presence::Busy), 1 => Just(Presence::Offline)];
    prop_oneof![
        3 => (presence, until()).prop_map(|(presence, lease_until)| {
            agent::Action::SetPresence { presence, reason: None, lease_until }
        }),
        2 => any::<bool>().prop_map(|yes| if yes { agent::Action::Drain } else { agent::Action::Undrain }),
        4 => (case(), until(), 1u32..4).prop_map(move |(case, until, units)| {
            let channel = "chat".parse().unwrap();
            agent::Action::Reserve { case, decision: 1, channel, units, until, how: How::Manual, limits }
        }),
        2 => (case(), until()).prop_map(|(case, until)| agent::Action::Offer { case, decision: 1, until }),
        1 => case().prop_map(|case| agent::Action::Accept { case, decision: 1 }),
        1 => case().prop_map(|case| agent::Action::Decline { case, decision: 1, reason: None }),
        2 => case().prop_map(|case| agent::Action::Claim { case, decision: 1 }),
        2 => case().prop_map(|case| agent::Action::Release { case, decision: 1, ended: agent::Ended::Lost }),
        3 => (case(), 1u32..6, any::<bool>()).prop_map(|(case, units, consumes)| {
            agent::Action::Hold { case, channel: "chat".parse().unwrap(), units, consumes }
        }),
        3 => (case(), any::<bool>()).prop_map(|(case, consumes)| agent::Action::SetConsuming { case, consumes }),
        3 => case().prop_map(|case| agent::Action::Drop { case, left: agent::Left::Done }),
        1 => until().prop_map(|lease_until| agent::Action::Renew { lease_until }),
    ]
}

/// The agent as he is seen by a matcher.
fn seen(base: &Candidate, state: &agent::State, now: Timestamp) -> Candidate {
    let mut candidate = base.clone();
    let s = &mut candidate.snapshot;
    (s.presence, s.draining) = (state.presence_at(now), state.is_draining());
    (s.used, s.on_channel) = (state.used(), state.used_on(&"chat".parse().unwrap()));
    (s.last_assigned, s.idle_since) = (state.last_assigned(), state.idle_since());
    candidate
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// Whatever happens on an agent's stream: if a case becomes assignable by it, one of the events is a trigger for it.
    /// Nothing but presence and room is in the way here, so that they often change what is decided.
    #[test]
    fn no_event_of_an_agent_is_missed(
        units in 1u32..4, agents in 1usize..3, mode in prop_oneof![Just(Mode::RoundRobin), Just(Mode::LoadBalanced)],
        asked: bool, actions in proptest::collection::vec((0usize..2, agent_action()), 1..80),
    ) {
        let base = |index: usize| {
            with(&format!("a{index}"), |p, s| {
                if asked {
                    p.queues.clear();
                }
                (s.capacity, s.at_most) = (4, Some(3));
            })
        };
        let bases: Vec<Candidate> = (0..agents).map(base).collect();
        let direct = asked.then(|| Direct { agent: person("a0"), until: None });
        let demand = Demand { units, direct, ..demand(mode) };
        let now = at(700);
        let online = agent::Action::SetPresence {
            presence: Presence::Online,
            reason: None,
            lease_until: at(5_000),
        };
        let first = agent::State::default().decide(agent::Command::new(now, service(), online)).unwrap();
        let mut states = vec![fold(agent::State::default(), &first); agents];
        for (index, action) in actions {
            let Some(base) = bases.get(index) else { continue };
            let look = |states: &[agent::State]| {
                let candidates: Vec<_> =
                    bases.iter().zip(states).map(|(base, state)| seen(base, state, now)).collect();
                choose(&demand, &candidates, now, 0)
            };
            let before = look(&states);
            let command = agent::Command::new(now, service(), action);
            let Ok(events) = states[index].decide(command) else { continue };
            states[index] = fold(std::mem::take(&mut states[index]), &events);
            if chosen(&before).is_none() && chosen(&look(&states)).is_some() {
                let mut triggers =
                    events.iter().filter_map(|event| Trigger::of(&base.id, queues(base), event));
                prop_assert!(triggers.any(|trigger| trigger.wakes(&demand)), "{:?}", events);
            }
        }
    }

    /// What time alone changes is at an instant that was told; what the policy, a shift or a queue's calendar changes wakes.
    #[test]
    fn neither_time_nor_policy_is_missed(
        demand in any_demand(), candidates in any_candidates(6), others in any_candidates(6), now in 0i64..1_200,
        later in 1i64..1_200,
    ) {
        let waits = |demand: &Demand, candidates: &[Candidate], second| {
            chosen(&choose(demand, candidates, at(second), 0)).is_none()
        };
        if !waits(&demand, &candidates, now) {
            return Ok(());
        }
        if !waits(&demand, &candidates, now + later) {
            let told = demand.next_change(at(now));
            prop_assert!(told.is_some_and(|told| told <= at(now + later)), "{told:?}");
            prop_assert!(Trigger::Case(demand.case).wakes(&demand));
        }
        let opened = Demand { open: true, ..demand.clone() };
        if !waits(&opened, &candidates, now) {
            prop_assert!(Trigger::Queue(demand.queue.clone()).wakes(&demand));
        }
        // One agent's document or shift changes: what he serves now counts.
        for other in others {
            let mut changed = candidates.clone();
            changed.iter_mut().filter(|c| c.id == other.id).for_each(|c| *c = other.clone());
            if !waits(&demand, &changed, now) {
                let trigger = Trigger::Agent { agent: other.id.clone(), queues: queues(&other).clone() };
                prop_assert!(trigger.wakes(&demand) && Trigger::Policy.wakes(&demand));
            }
        }
    }
}

#[test]
fn a_trigger_wakes_whom_it_may_help_and_nobody_else() {
    let demand = demand(Mode::RoundRobin);
    let agent =
        |queue: &str| Trigger::Agent { agent: person("ann"), queues: [queue.parse().unwrap()].into() };
    assert!(agent("care").wakes(&demand) && !agent("sales").wakes(&demand));
    let helped = Demand { overflow: Some("sales".parse().unwrap()), ..demand.clone() };
    assert!(agent("sales").wakes(&helped) && Trigger::Queue("sales".parse().unwrap()).wakes(&helped));
    let asked = Demand { direct: Some(Direct { agent: person("ann"), until: None }), ..demand.clone() };
    assert!(agent("sales").wakes(&asked));
    let pull = Demand { mode: Mode::Pull, ..demand.clone() };
    assert!(!agent("care").wakes(&pull));
    assert!(Trigger::Case(case(1)).wakes(&demand) && !Trigger::Case(case(2)).wakes(&demand));
    assert!(!Trigger::Queue("sales".parse().unwrap()).wakes(&demand));
}
