mod agreement;
mod choosing;
mod ordering;
mod properties;
mod records;
mod simulation;
mod stream;
mod triggers;

use std::{collections::BTreeMap, sync::Arc};

use proptest::prelude::*;

use super::*;
use crate::{
    agent::Presence,
    ids::{CaseId, SkillId},
    policy::{
        agent::Fluency,
        assignment::{Proficiency, Ties},
    },
};

fn at(second: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH.plus_seconds(second)
}

fn case(number: u128) -> CaseId {
    CaseId(uuid::Uuid::from_u128(number))
}

fn person(name: &str) -> PersonId {
    name.parse().unwrap()
}

fn skills(levels: &[(&str, u8)]) -> BTreeMap<SkillId, u8> {
    levels.iter().map(|(skill, level)| (skill.parse().unwrap(), *level)).collect()
}

/// Waits since 0, and needs two units of anybody who serves the queue.
fn demand(mode: Mode) -> Demand {
    Demand {
        case: case(1),
        queue: "care".parse().unwrap(),
        overflow: None,
        open: true,
        mode,
        proficiency: Proficiency::default(),
        ties: Ties::default(),
        channel: "chat".parse().unwrap(),
        units: 2,
        skills: BTreeMap::new(),
        optional_skills: BTreeMap::new(),
        languages: BTreeMap::new(),
        region: None,
        team: None,
        seniority_min: 1,
        segment: None,
        direct: None,
        last_agent: None,
        waited_since: at(0),
        relaxation: Vec::new(),
    }
}

fn profile() -> Profile {
    Profile {
        queues: ["care".parse().unwrap()].into(),
        teams: ["team-fr".parse().unwrap()].into(),
        regions: ["fr".parse().unwrap()].into(),
        skills: skills(&[("refunds", 3)]),
        languages: [("fr".parse().unwrap(), Fluency::Native)].into(),
        segments: ["vip".parse().unwrap()].into(),
        seniority: 2,
        push: true,
    }
}

/// Is there, and has room for everything.
fn candidate(id: &str) -> Candidate {
    let snapshot = Snapshot {
        presence: Presence::Online,
        on_shift: true,
        draining: false,
        excluded: false,
        used: 0,
        capacity: 6,
        units: None,
        on_channel: 0,
        at_most: None,
        last_assigned: None,
        idle_since: Some(at(0)),
    };
    Candidate { id: person(id), profile: Arc::new(profile()), snapshot }
}

fn with(id: &str, change: impl FnOnce(&mut Profile, &mut Snapshot)) -> Candidate {
    let mut candidate = candidate(id);
    change(Arc::make_mut(&mut candidate.profile), &mut candidate.snapshot);
    candidate
}

fn chosen(choice: &Choice) -> Option<&str> {
    match &choice.verdict.outcome {
        Outcome::Chosen { agent, .. } => Some(agent.as_str()),
        Outcome::Waiting { .. } => None,
    }
}

fn waits_for(choice: &Choice) -> Option<Reason> {
    match choice.verdict.outcome {
        Outcome::Waiting { reason } => Some(reason),
        Outcome::Chosen { .. } => None,
    }
}

/// Any demand over a small world, so that much of it fits and much does not.
fn any_demand() -> impl Strategy<Value = Demand> {
    let mode =
        prop_oneof![Just(Mode::RoundRobin), Just(Mode::LoadBalanced), Just(Mode::Skills), Just(Mode::Pull)];
    let needs = (0u8..4, 0u8..4, 0u8..3, any::<[bool; 4]>(), 1u8..3);
    let prefers = (any::<[bool; 3]>(), 0u8..12, 0u8..12, 0i64..2_000);
    let steps = proptest::collection::vec((0u32..1_000, 0u8..3), 0..4);
    (mode, needs, prefers, 1u32..5, steps).prop_map(|(mode, needs, prefers, units, steps)| {
        let (refunds, luxury, french, [region, team, open, overflow], seniority_min) = needs;
        let ([best, seeded, vip], direct, last, until) = prefers;
        let some =
            |name: &str, level: u8| if level == 0 { BTreeMap::new() } else { skills(&[(name, level)]) };
        let name = |number: u8| person(&format!("a{number}"));
        let fluency = [None, Some(Fluency::B1), Some(Fluency::C1)][usize::from(french)];
        Demand {
            overflow: overflow.then(|| "help".parse().unwrap()),
            open: open || region || team,
            proficiency: if best { Proficiency::Best } else { Proficiency::LeastSufficient },
            ties: if seeded { Ties::Seeded } else { Ties::LowestId },
            units,
            skills: some("refunds", refunds),
            optional_skills: some("luxury", luxury),
            languages: fluency.into_iter().map(|fluency| ("fr".parse().unwrap(), fluency)).collect(),
            region: region.then(|| "fr".parse().unwrap()),
            team: team.then(|| "team-fr".parse().unwrap()),
            seniority_min,
            segment: vip.then(|| "vip".parse().unwrap()),
            direct: (direct < 3)
                .then(|| Direct { agent: name(direct), until: (until % 3 > 0).then(|| at(until)) }),
            last_agent: (last < 6).then(|| LastAgent { agent: name(last), until: at(until) }),
            relaxation: steps
                .into_iter()
                .map(|(after_s, relax)| Relaxation {
                    after_s,
                    relax: [Relax::Proficiency, Relax::OptionalSkills, Relax::Overflow][usize::from(relax)],
                })
                .collect(),
            ..demand(mode)
        }
    })
}

fn any_snapshot() -> impl Strategy<Value = Snapshot> {
    let presence = prop_oneof![
        6 => Just(Presence::Online),
        1 => Just(Presence::Away),
        1 => Just(Presence::Offline),
    ];
    let often = || prop::bool::weighted(0.85);
    let seldom = || prop::bool::weighted(0.1);
    let load = (0u32..8, 1u32..8, prop::option::of(1u32..5), 0u32..3, prop::option::of(0u32..4));
    let times = (prop::option::of(0i64..900), prop::option::of(0i64..900));
    (presence, often(), seldom(), seldom(), load, times).prop_map(
        |(
            presence,
            on_shift,
            draining,
            excluded,
            (used, capacity, units, on_channel, at_most),
            (last, idle),
        )| {
            let (last_assigned, idle_since) = (last.map(at), idle.map(at));
            let mut snapshot = candidate("x").snapshot;
            (snapshot.presence, snapshot.on_shift) = (presence, on_shift);
            (snapshot.draining, snapshot.excluded) = (draining, excluded);
            (snapshot.used, snapshot.capacity, snapshot.units) = (used, capacity, units);
            (snapshot.on_channel, snapshot.at_most) = (on_channel, at_most);
            (snapshot.last_assigned, snapshot.idle_since) = (last_assigned, idle_since);
            snapshot
        },
    )
}

fn any_candidates(max: usize) -> impl Strategy<Value = Vec<Candidate>> {
    let one = (any_snapshot(), 0u8..6, 0u8..3, 0u8..3, any::<[bool; 4]>(), 1u8..4);
    proptest::collection::vec(one, 0..=max).prop_map(|all| {
        let candidates = all.into_iter().enumerate();
        let one = |(number, (snapshot, refunds, luxury, french, flags, seniority))| {
            let [in_team, in_region, vip, push] = flags;
            let mut has = BTreeMap::new();
            has.extend(if refunds > 0 { skills(&[("refunds", refunds)]) } else { BTreeMap::new() });
            has.extend(if luxury > 0 { skills(&[("luxury", luxury)]) } else { BTreeMap::new() });
            let queue = if number % 4 == 3 { "help" } else { "care" };
            let set = |yes: bool, name: &str| yes.then(|| name.to_owned());
            let fluency = [None, Some(Fluency::B2), Some(Fluency::Native)][usize::from(french)];
            let profile = Profile {
                queues: [queue.parse().unwrap()].into(),
                teams: set(in_team, "team-fr").iter().map(|t| t.parse().unwrap()).collect(),
                regions: set(in_region, "fr").iter().map(|r| r.parse().unwrap()).collect(),
                skills: has,
                languages: fluency.into_iter().map(|fluency| ("fr".parse().unwrap(), fluency)).collect(),
                segments: set(vip, "vip").iter().map(|s| s.parse().unwrap()).collect(),
                seniority,
                push: push || number % 3 > 0,
            };
            Candidate { id: person(&format!("a{number}")), profile: Arc::new(profile), snapshot }
        };
        candidates.map(one).collect()
    })
}
