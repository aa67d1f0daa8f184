use super::*;

fn choice(demand: &Demand, candidates: &[Candidate]) -> Choice {
    choose(demand, candidates, at(100), 0)
}

#[test]
fn round_robin_takes_who_was_not_given_one_for_the_longest_time() {
    let demand = demand(Mode::RoundRobin);
    let given = |id: &str, second: Option<i64>| with(id, |_, s| s.last_assigned = second.map(at));
    let candidates = [given("ann", Some(30)), given("bob", Some(10)), given("cem", Some(20))];
    assert_eq!(chosen(&choice(&demand, &candidates)), Some("bob"));
    let new = [given("ann", Some(30)), given("zoe", None)];
    assert_eq!(chosen(&choice(&demand, &new)), Some("zoe"), "who never was goes first");
}

#[test]
fn load_is_balanced_by_the_share_that_is_left() {
    let demand = demand(Mode::LoadBalanced);
    let load = |id: &str, used: u32, capacity: u32, idle: i64| {
        with(id, |_, s| (s.used, s.capacity, s.idle_since) = (used, capacity, Some(at(idle))))
    };
    // 4 of 6 left are less than 9 of 12.
    assert_eq!(chosen(&choice(&demand, &[load("ann", 2, 6, 0), load("bob", 3, 12, 9)])), Some("bob"));
    // Equal shares: the longest idle, then the lowest id.
    let equal = [load("cem", 2, 6, 7), load("bob", 4, 12, 5), load("ann", 2, 6, 7)];
    assert_eq!(chosen(&choice(&demand, &equal)), Some("bob"));
    assert_eq!(chosen(&choice(&demand, &[equal[0].clone(), equal[2].clone()])), Some("ann"));
}

#[test]
fn equal_candidates_stand_in_a_stable_order_or_in_that_of_the_seed() {
    let mut demand = demand(Mode::LoadBalanced);
    let candidates: Vec<Candidate> = (0..10).map(|n| candidate(&format!("a{n}"))).collect();
    let over_seeds = |demand: &Demand| {
        let of_seed = |seed| choose(demand, &candidates, at(0), seed).verdict.outcome;
        let mut found: Vec<String> = (0..200).map(|seed| format!("{:?}", of_seed(seed))).collect();
        found.sort();
        found.dedup();
        found.len()
    };
    assert_eq!(over_seeds(&demand), 1, "by id, whatever the seed");
    demand.ties = Ties::Seeded;
    assert_eq!(over_seeds(&demand), 10, "everybody's turn comes");
}

#[test]
fn experts_are_spared_unless_the_policy_wants_the_best() {
    let mut demand = demand(Mode::Skills);
    demand.skills = skills(&[("refunds", 2)]);
    let level = |id: &str, level: u8| with(id, |p, _| p.skills = skills(&[("refunds", level)]));
    let candidates =
        [level("ann", 5), level("bob", 3), level("cem", 1), with("dan", |p, _| p.skills.clear())];
    let least = choice(&demand, &candidates);
    assert_eq!(chosen(&least), Some("bob"));
    assert_eq!(least.trace[2].fate, Fate::Rejected(Reason::TooLittleProficiency));
    assert_eq!(least.trace[3].fate, Fate::Rejected(Reason::NoSkill));
    demand.proficiency = Proficiency::Best;
    assert_eq!(chosen(&choice(&demand, &candidates)), Some("ann"));
}

#[test]
fn the_last_agent_goes_first_as_long_as_he_can_and_for_a_while() {
    let mut demand = demand(Mode::RoundRobin);
    demand.last_agent = Some(LastAgent { agent: person("zoe"), until: at(200) });
    let candidates = [candidate("ann"), with("zoe", |_, s| s.last_assigned = Some(at(99)))];
    let first = choice(&demand, &candidates);
    assert_eq!((chosen(&first), first.verdict.last_agent), (Some("zoe"), Some(Aside::Chosen)));
    let full = [candidate("ann"), with("zoe", |_, s| s.used = 6)];
    let other = choice(&demand, &full);
    let rejected = Aside::Rejected { reason: Reason::AtCapacity };
    assert_eq!((chosen(&other), other.verdict.last_agent), (Some("ann"), Some(rejected)));
    let late = choose(&demand, &candidates, at(200), 0);
    assert_eq!((chosen(&late), late.verdict.last_agent), (Some("ann"), Some(Aside::Over)));
    let gone = choice(&demand, &candidates[..1]);
    assert_eq!((chosen(&gone), gone.verdict.last_agent), (Some("ann"), Some(Aside::Unknown)));
}

#[test]
fn who_is_asked_for_gets_it_or_it_waits_for_him_and_then_for_anybody() {
    let mut demand = demand(Mode::Pull);
    demand.skills = skills(&[("luxury", 4)]);
    demand.direct = Some(Direct { agent: person("zoe"), until: Some(at(500)) });
    let asked = with("zoe", |p, _| p.queues.clear());
    let both = [candidate("ann"), asked.clone()];
    let first = choice(&demand, &both);
    assert_eq!(
        (chosen(&first), first.verdict.direct),
        (Some("zoe"), Some(Aside::Chosen)),
        "without the skill"
    );
    assert_eq!(first.trace[0].fate, Fate::Rejected(Reason::NotAskedFor));
    let away = [candidate("ann"), with("zoe", |_, s| s.presence = Presence::Away)];
    assert_eq!(waits_for(&choice(&demand, &away)), Some(Reason::NotOnline));
    assert_eq!(waits_for(&choice(&demand, &both[..1])), Some(Reason::NotAskedFor));
    demand.region = Some("de".parse().unwrap());
    assert_eq!(waits_for(&choice(&demand, &both)), Some(Reason::OtherRegion), "that holds for him too");
    demand.region = None;
    demand.mode = Mode::RoundRobin;
    demand.skills.clear();
    let late = choose(&demand, &away, at(500), 0);
    assert_eq!((chosen(&late), late.verdict.direct), (Some("ann"), Some(Aside::Over)));
    assert_eq!(demand.next_change(at(100)), Some(at(500)));
}

#[test]
fn what_is_to_be_taken_waits_whoever_is_there() {
    let choice = choice(&demand(Mode::Pull), &[candidate("ann")]);
    assert_eq!((waits_for(&choice), choice.verdict.eligible), (Some(Reason::ToBeTaken), 1));
    let mut closed = demand(Mode::RoundRobin);
    closed.open = false;
    assert_eq!(waits_for(&choose(&closed, &[candidate("ann")], at(1), 0)), Some(Reason::Closed));
    assert_eq!(waits_for(&choose(&demand(Mode::RoundRobin), &[], at(1), 0)), Some(Reason::Nobody));
}

/// Each in the way of one candidate, in the order in which they are looked at.
#[test]
fn every_reason_is_given_and_the_nearest_candidate_says_why_it_waits() {
    let mut demand = demand(Mode::Skills);
    demand.overflow = Some("help".parse().unwrap());
    demand.skills = skills(&[("refunds", 3)]);
    demand.optional_skills = skills(&[("luxury", 1)]);
    demand.languages = [("fr".parse().unwrap(), Fluency::C1)].into();
    (demand.region, demand.team) = (Some("fr".parse().unwrap()), Some("team-fr".parse().unwrap()));
    demand.seniority_min = 2;
    type Change = fn(&mut Profile, &mut Snapshot);
    let changes: [(Reason, Change); 18] = [
        (Reason::OtherQueue, |p, _| p.queues.clear()),
        (Reason::NoOverflowYet, |p, _| p.queues = ["help".parse().unwrap()].into()),
        (Reason::NoPermission, |p, _| p.teams.clear()),
        (Reason::OtherRegion, |p, _| p.regions.clear()),
        (Reason::TooJunior, |p, _| p.seniority = 1),
        (Reason::NoLanguage, |p, _| p.languages.clear()),
        (Reason::TooLittleFluency, |p, _| p.languages = [("fr".parse().unwrap(), Fluency::B2)].into()),
        (Reason::NoSkill, |p, _| p.skills = skills(&[("luxury", 5)])),
        (Reason::NoOptionalSkill, |p, _| p.skills = skills(&[("refunds", 5)])),
        (Reason::TooLittleProficiency, |p, _| p.skills = skills(&[("refunds", 2), ("luxury", 5)])),
        (Reason::Excluded, |_, s| s.excluded = true),
        (Reason::NoPush, |p, _| p.push = false),
        (Reason::OffShift, |_, s| s.on_shift = false),
        (Reason::Offline, |_, s| s.presence = Presence::Offline),
        (Reason::NotOnline, |_, s| s.presence = Presence::Busy),
        (Reason::Draining, |_, s| s.draining = true),
        (Reason::AtChannelLimit, |_, s| (s.on_channel, s.at_most) = (2, Some(2))),
        (Reason::AtCapacity, |_, s| s.used = 5),
    ];
    let all: Vec<Candidate> = changes
        .iter()
        .enumerate()
        .map(|(number, (_, change))| {
            with(&format!("a{number:02}"), |p, s| {
                p.skills = skills(&[("refunds", 3), ("luxury", 1)]);
                change(p, s);
            })
        })
        .collect();
    for upto in 1..=all.len() {
        let choice = choice(&demand, &all[..upto]);
        assert_eq!(choice.trace[upto - 1].fate, Fate::Rejected(changes[upto - 1].0));
        assert_eq!(waits_for(&choice), Some(changes[upto - 1].0), "the nearest");
        assert_eq!(choice.verdict.rejected.values().sum::<u32>() as usize, upto);
    }
    let able = with("zoe", |p, _| p.skills = skills(&[("refunds", 3), ("luxury", 1)]));
    let choice = choice(&demand, &[all, vec![able]].concat());
    assert_eq!(chosen(&choice), Some("zoe"));
}

#[test]
fn steps_are_given_up_one_after_the_other_and_who_lacks_least_goes_first() {
    let mut demand = demand(Mode::RoundRobin);
    demand.overflow = Some("help".parse().unwrap());
    demand.skills = skills(&[("refunds", 4)]);
    demand.optional_skills = skills(&[("luxury", 2)]);
    demand.relaxation = [(300, Relax::Proficiency), (600, Relax::OptionalSkills), (900, Relax::Overflow)]
        .map(|(after_s, relax)| Relaxation { after_s, relax })
        .into();
    let has = |id: &str, levels: &[(&str, u8)], queue: &str| {
        with(id, |p, _| (p.skills, p.queues) = (skills(levels), [queue.parse().unwrap()].into()))
    };
    let weak = has("weak", &[("refunds", 1), ("luxury", 2)], "care");
    let weaker = has("aweaker", &[("refunds", 1)], "care");
    let help = has("ahelp", &[("refunds", 5), ("luxury", 5)], "help");
    let none = has("anone", &[("luxury", 5)], "care");
    let at_step = |second, candidates: &[Candidate]| {
        let choice = choose(&demand, candidates, at(second), 0);
        (choice.verdict.step, chosen(&choice).map(str::to_owned), waits_for(&choice))
    };
    let who = |name: &str| Some(name.to_owned());
    let all = [weak.clone(), weaker.clone(), help.clone(), none.clone()];
    assert_eq!(at_step(299, &all), (0, None, Some(Reason::TooLittleProficiency)));
    assert_eq!(at_step(300, &all), (1, who("weak"), None));
    assert_eq!(at_step(300, &all[1..]), (1, None, Some(Reason::NoOptionalSkill)));
    assert_eq!(at_step(600, &all[1..]), (2, who("aweaker"), None));
    assert_eq!(
        at_step(600, &all[2..]),
        (2, None, Some(Reason::NoSkill)),
        "a skill that is needed is never given up"
    );
    assert_eq!(at_step(900, &all[2..]), (3, who("ahelp"), None));
    assert_eq!(at_step(900, &all), (3, who("weak"), None), "the own queue first");
    let steps: Vec<_> = [0, 300, 600, 900].map(|now| demand.next_step_at(at(now))).into();
    assert_eq!(steps, [Some(at(300)), Some(at(600)), Some(at(900)), None]);
}

#[test]
fn a_segment_is_preferred_and_a_heavy_case_takes_all_of_somebody() {
    let mut demand = demand(Mode::RoundRobin);
    demand.segment = Some("vip".parse().unwrap());
    let other = with("ann", |p, _| p.segments.clear());
    let vip = with("zoe", |_, s| s.last_assigned = Some(at(99)));
    assert_eq!(chosen(&choice(&demand, &[other.clone(), vip])), Some("zoe"));
    assert_eq!(chosen(&choice(&demand, &[other])), Some("ann"));
    demand.units = 1_000;
    let call = choice(&demand, &[candidate("ann")]);
    assert!(matches!(call.verdict.outcome, Outcome::Chosen { units: 6, .. }), "{call:?}");
    let busy = choice(&demand, &[with("ann", |_, s| s.used = 1)]);
    assert_eq!(waits_for(&busy), Some(Reason::AtCapacity));
}
