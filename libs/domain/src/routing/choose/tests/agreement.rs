//! What the choice says of an agent's room and presence is what the agent's stream says.

use serde_json::json;

use super::{
    triggers::{agent_action, service},
    *,
};
use crate::{
    agent::{self, How},
    decider::{Decider, fold},
    policy::{Draft, Set, agent::Agent, assignment::Rules},
};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// As long as nothing happens in between, who is chosen is not refused, and who has no room is not chosen.
    #[test]
    fn what_is_seen_at_an_instant_is_what_is_decided_at_it(
        actions in proptest::collection::vec(agent_action(), 0..40), capacity in 1u32..12, weight in 1u32..14,
        at_most in prop::option::of(0u32..4), push: bool, second in prop_oneof![Just(700i64), Just(5_000)],
    ) {
        let mut state = agent::State::default();
        for action in actions {
            if let Ok(events) = state.decide(agent::Command::new(at(700), service(), action)) {
                state = fold(state, &events);
            }
        }
        let channel = "chat".parse().unwrap();
        let rules = Rules::default();
        let chat = at_most.map_or(json!({ "weight": weight }), |max| json!({ "weight": weight, "at_most": max }));
        let document = json!({ "id": "ann", "capacity": capacity, "push": push, "channels": { "chat": chat } });
        let agent: Agent = serde_json::from_value(document).unwrap();
        let profile = Profile { push, ..profile() };
        let snapshot = Snapshot::of(&agent, &state, &channel, &rules, at(second), true);
        let candidate = Candidate { id: person("ann"), profile: Arc::new(profile), snapshot };
        let choice = choose(&demand(Mode::RoundRobin), &[candidate], at(second), 0);
        let reserve = agent::Action::Reserve {
            case: case(99),
            decision: 1,
            units: agent.units_of(&channel, &rules),
            limits: agent.limits(&channel, &rules),
            channel,
            until: at(second + 60),
            how: How::Push,
        };
        let decided = state.decide(agent::Command::new(at(second), service(), reserve));
        prop_assert_eq!(decided.is_ok(), chosen(&choice).is_some(), "{:?} and {:?}", decided, choice);
        if let Outcome::Chosen { units, .. } = choice.verdict.outcome {
            prop_assert_eq!(units, agent.units_of(&"chat".parse().unwrap(), &rules));
        }
    }
}

#[test]
fn a_profile_is_what_the_policy_says() {
    let draft = |kind: &str, fields: serde_json::Value| {
        let serde_json::Value::Object(fields) = fields else { panic!("a draft is a table") };
        Draft { kind: kind.into(), fields }
    };
    let set = Set::check(&[
        draft("region", json!({ "id": "emea", "name": "EMEA", "time_zone": "UTC" })),
        draft("region", json!({ "id": "fr", "name": "France", "parent": "emea" })),
        draft("team", json!({ "id": "care", "name": "Care", "region": "emea" })),
        draft("person", json!({ "id": "ann", "name": "Ann", "teams": ["care"], "roles": ["agent"] })),
        draft("skill", json!({ "id": "refunds", "name": "Refunds" })),
        draft("agent", json!({ "id": "ann", "skills": { "refunds": 4 }, "languages": { "fr": "c1" } })),
    ])
    .unwrap();
    let profile = Profile::of(&set, set.agent(&person("ann")).unwrap());
    let mut demand = demand(Mode::Skills);
    demand.skills = skills(&[("refunds", 4)]);
    (demand.region, demand.team) = (Some("fr".parse().unwrap()), Some("care".parse().unwrap()));
    demand.languages = [("fr".parse().unwrap(), Fluency::C1)].into();
    let mut ann = candidate("ann");
    ann.profile = Arc::new(profile.clone());
    let waiting = choose(&demand, std::slice::from_ref(&ann), at(1), 0);
    assert_eq!(waits_for(&waiting), Some(Reason::OtherQueue), "no queue is written");
    ann.profile = Arc::new(Profile { queues: [demand.queue.clone()].into(), ..profile });
    assert_eq!(chosen(&choose(&demand, &[ann], at(1), 0)), Some("ann"));
}
