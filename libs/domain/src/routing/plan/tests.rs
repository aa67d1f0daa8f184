//! A small organisation in two regions: Paris works by day, New York in its afternoon.

use serde_json::{Value, json};

use super::*;
use crate::{
    actor::{Actor, Kind},
    agent::{Event, Presence},
    decider::fold,
    ids::{CaseId, SkillId},
    policy::{Draft, agent::Fluency},
    routing::{
        choose::{Mode as Chooses, RELAXATIONS_MAX, Relax, Ruled},
        rules,
    },
};

/// A Monday on which Paris is open and New York is not.
const MORNING: &str = "2026-11-23T10:00:00Z";
/// The evening of it: Paris is closed, and New York open.
const EVENING: &str = "2026-11-23T18:00:00Z";
/// The night after it, when both are closed.
const NIGHT: &str = "2026-11-24T02:00:00Z";

fn draft(kind: &str, fields: Value) -> Draft {
    let Value::Object(fields) = fields else { panic!("a draft is a table") };
    Draft { kind: kind.into(), fields }
}

fn with(id: &str, more: &Value) -> Value {
    let mut fields = json!({ "id": id, "name": id });
    fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    fields
}

fn calendar(id: &str, hours: &str) -> Draft {
    draft("calendar", with(id, &json!({ "time_zone": "UTC", "hours": { "mon-fri": [hours] } })))
}

/// `queues` and `agents` with an id and what else they say.
fn plan(queues: &[(&str, Value)], agents: &[(&str, Value)]) -> Plan {
    let region = |id: &str| draft("region", with(id, &json!({ "time_zone": "UTC" })));
    let team = |id: &str, region: &str| draft("team", with(id, &json!({ "region": region })));
    let mut drafts = vec![
        region("fr"),
        region("us"),
        team("care", "fr"),
        team("sales", "fr"),
        team("york", "us"),
        calendar("paris", "08:00-17:00"),
        calendar("new-york", "13:00-22:00"),
        draft("skill", with("refunds", &json!({}))),
        draft("skill", with("french", &json!({}))),
        draft(
            "assignment",
            json!({ "level": "region/us", "offer_timeout": "90 seconds", "aging": "1 hour" }),
        ),
    ];
    for (id, more) in queues {
        drafts.push(draft("queue", with(id, more)));
    }
    let none = json!([]);
    for (id, more) in agents {
        drafts.push(draft(
            "person",
            with(id, &json!({ "roles": ["agent"], "teams": more.get("teams").unwrap_or(&none) })),
        ));
        let mut fields = more.clone();
        fields["id"] = (*id).into();
        drafts.push(draft("agent", fields));
    }
    Plan::of(&Set::check(&drafts).unwrap_or_else(|problems| panic!("{problems:#?}")), 7)
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn queue(id: &str) -> QueueId {
    id.parse().unwrap()
}

fn person(id: &str) -> PersonId {
    id.parse().unwrap()
}

fn served<'p>(plan: &'p Plan, id: &str) -> Vec<&'p str> {
    plan.place(&queue(id)).unwrap().agents.iter().map(PersonId::as_str).collect()
}

fn ruled(demand: rules::Demand) -> Ruled {
    let mut ruled = Ruled::default();
    ruled.about.case.channel = Some("email".parse().unwrap());
    ruled.decision.demand = demand;
    ruled
}

fn demand(plan: &Plan, ruled: &Ruled, id: &str, now: &str) -> Demand {
    plan.demand(CaseId(uuid::Uuid::nil()), ruled, &queue(id), time(MORNING), time(now)).unwrap()
}

#[test]
fn a_queue_is_served_by_its_team_by_the_teams_that_help_and_by_who_names_it() {
    let plan = plan(
        &[
            ("own", json!({ "team": "care" })),
            ("shared", json!({ "team": "sales", "teams": ["care"] })),
            ("named", json!({})),
        ],
        &[
            ("ann", json!({ "teams": ["care"] })),
            ("bob", json!({ "teams": ["sales"], "queues": ["named"] })),
            ("eve", json!({ "teams": ["york"] })),
        ],
    );
    assert_eq!(served(&plan, "own"), ["ann"]);
    assert_eq!(served(&plan, "shared"), ["ann", "bob"]);
    assert_eq!(served(&plan, "named"), ["bob"]);
    let queues = |id: &str| {
        let profile = &plan.member(&person(id)).unwrap().profile;
        profile.queues.iter().map(QueueId::as_str).collect::<Vec<_>>()
    };
    assert_eq!(queues("ann"), ["own", "shared"], "what the team serves, everybody in it does");
    assert_eq!(queues("bob"), ["named", "shared"]);
    assert!(queues("eve").is_empty());
    assert_eq!((plan.version(), plan.members().count(), plan.places().count()), (7, 3, 3));
}

#[test]
fn a_case_waits_where_the_rules_say_but_what_a_team_was_given_waits_with_it() {
    let plan = plan(
        &[
            ("a-helped", json!({ "team": "sales", "teams": ["care"] })),
            ("care-1", json!({ "team": "care" })),
            ("care-2", json!({ "team": "care" })),
            ("rest", json!({ "default": true })),
        ],
        &[],
    );
    let of = |named: Option<&str>, team: Option<&str>| {
        let demand = rules::Demand { queue: named.map(queue), ..Default::default() };
        let decision = Decision { demand, ..Default::default() };
        let team: Option<TeamId> = team.map(|team| team.parse().unwrap());
        plan.queue_of(&decision, team.as_ref()).map(|queue| queue.to_string())
    };
    for (named, team, expected) in [
        (Some("rest"), None, Some("rest")),
        (None, None, None),
        // Of the team's queues the first by id, and one of its own before one in which it helps.
        (Some("rest"), Some("care"), Some("care-1")),
        (None, Some("care"), Some("care-1")),
        (Some("rest"), Some("sales"), Some("a-helped")),
        // The rules may say which of the team's.
        (Some("care-2"), Some("care"), Some("care-2")),
        (Some("a-helped"), Some("care"), Some("a-helped")),
        // A team without a queue leaves it to the rules.
        (Some("rest"), Some("york"), Some("rest")),
        (None, Some("york"), None),
        // A queue that the policy does not have any more is no queue of the team.
        (Some("gone"), Some("care"), Some("care-1")),
    ] {
        assert_eq!(of(named, team).as_deref(), expected, "named {named:?}, given to {team:?}");
    }
}

#[test]
fn what_no_rule_sends_elsewhere_waits_in_the_default_queue() {
    let plan = plan(
        &[("rest", json!({ "default": true })), ("us", json!({ "region": "us", "default": true }))],
        &[],
    );
    let of = |region: &str| {
        let mut facts = crate::condition::Facts::default();
        facts.about.case.region = Some(region.parse().unwrap());
        let decision = plan.rules().decide(&facts);
        assert!(decision.demand.by_default);
        plan.queue_of(&decision, None).unwrap().to_string()
    };
    assert_eq!((of("fr"), of("us")), ("rest".into(), "us".into()));
}

#[test]
fn skills_of_the_queue_join_those_of_the_rules_and_languages_have_a_least_fluency() {
    let plan =
        plan(&[("q", json!({ "skills": ["refunds", "french"], "mode": "skills", "team": "york" }))], &[]);
    let skill = |id: &str| id.parse::<SkillId>().unwrap();
    let ruled = ruled(rules::Demand {
        skills: [(skill("refunds"), 4)].into(),
        // One that is needed is not liked besides.
        optional_skills: [(skill("french"), 5)].into(),
        languages: ["fr".parse().unwrap()].into(),
        difficulty: Some(3),
        ..Default::default()
    });
    let demand = demand(&plan, &ruled, "q", MORNING);
    assert_eq!(demand.skills, [(skill("refunds"), 4), (skill("french"), 1)].into());
    assert!(demand.optional_skills.is_empty());
    assert_eq!(demand.languages, [("fr".parse().unwrap(), Fluency::B1)].into());
    assert_eq!((demand.seniority_min, demand.mode, demand.units, demand.open), (3, Chooses::Skills, 2, true));
    assert_eq!(demand.check(), Ok(()));
    // Neither a queue that is not there nor a case without a channel makes a demand.
    let (at, none) = (time(MORNING), Ruled::default());
    assert_eq!(plan.demand(CaseId(uuid::Uuid::nil()), &ruled, &queue("gone"), at, at), None);
    assert_eq!(plan.demand(CaseId(uuid::Uuid::nil()), &none, &queue("q"), at, at), None);
    // Times that the queue leaves out are those of its team's region.
    let place = plan.place(&queue("q")).unwrap();
    assert_eq!((place.offer_timeout_s(), place.aging_s(), place.misses_max()), (90, 3_600, 3));
}

#[test]
fn another_queue_helps_after_a_while_and_at_once_when_its_own_is_closed() {
    let overflow = |more: Value| {
        let mut overflow = json!({ "to": "rest" });
        overflow.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "calendar": "paris", "overflow": overflow })
    };
    let plan = plan(
        &[
            ("rest", json!({})),
            ("later", overflow(json!({ "after": "10 minutes" }))),
            ("closed", overflow(json!({ "when_closed": true }))),
            ("both", overflow(json!({ "after": "10 minutes", "when_closed": true }))),
        ],
        &[],
    );
    let ruled = ruled(rules::Demand::default());
    let seen = |id: &str, now: &str| {
        let demand = demand(&plan, &ruled, id, now);
        let step =
            demand.relaxation.iter().find(|step| step.relax == Relax::Overflow).map(|step| step.after_s);
        (demand.open, demand.overflow.map(|queue| queue.to_string()), step)
    };
    let rest = || Some("rest".to_owned());
    assert_eq!(seen("later", MORNING), (true, rest(), Some(600)));
    assert_eq!(seen("later", EVENING), (false, None, Some(600)), "nobody helps who is not to");
    assert_eq!(seen("closed", MORNING), (true, rest(), None));
    assert_eq!(seen("closed", EVENING), (true, rest(), Some(0)));
    assert_eq!(seen("both", MORNING), (true, rest(), Some(600)));
    assert_eq!(seen("both", EVENING), (true, rest(), Some(0)), "at once goes before later");
}

#[test]
fn work_follows_the_sun_to_the_first_queue_that_is_open() {
    let plan = plan(
        &[
            ("paris", json!({ "calendar": "paris", "follow_the_sun": ["tokyo", "york"] })),
            ("tokyo", json!({ "calendar": "paris" })),
            ("york", json!({ "calendar": "new-york" })),
        ],
        &[],
    );
    let ruled = ruled(rules::Demand::default());
    let seen = |now: &str| {
        let demand = demand(&plan, &ruled, "paris", now);
        (demand.open, demand.overflow.map(|queue| queue.to_string()))
    };
    assert_eq!(seen(MORNING), (true, None), "an open queue needs nobody");
    assert_eq!(seen(EVENING), (true, Some("york".into())));
    assert_eq!(seen(NIGHT), (false, None), "nobody is there");
}

#[test]
fn who_had_the_customer_and_who_is_asked_for_go_first_for_a_time() {
    let plan = plan(
        &[
            ("plain", json!({})),
            ("last", json!({ "mode": "last_agent" })),
            ("week", json!({ "mode": "last_agent", "last_agent_for": "7 days" })),
        ],
        &[],
    );
    let mut known = ruled(rules::Demand::default());
    known.last_agent = Some(person("ann"));
    let until = |id: &str, ruled: &Ruled| {
        let last = demand(&plan, ruled, id, MORNING).last_agent?;
        Some((last.agent.to_string(), last.until.seconds_since(time(MORNING))))
    };
    assert_eq!(until("plain", &known), None);
    assert_eq!(until("last", &known), Some(("ann".into(), 900)));
    assert_eq!(until("week", &known), Some(("ann".into(), 604_800)));
    assert_eq!(demand(&plan, &known, "last", MORNING).mode, Chooses::RoundRobin);
    known.decision.demand.last_agent_for_s = Some(60);
    assert_eq!(until("week", &known), Some(("ann".into(), 60)), "a rule says it more exactly");
    assert_eq!(until("plain", &known), Some(("ann".into(), 60)));

    let direct = |for_s| rules::Demand {
        direct: Some(rules::Direct { agent: person("bob"), for_s }),
        ..Default::default()
    };
    let asked = |for_s| demand(&plan, &ruled(direct(for_s)), "plain", MORNING).direct.unwrap();
    assert_eq!((asked(None).agent, asked(None).until), (person("bob"), None));
    assert_eq!(asked(Some(300)).until, Some(time(MORNING).plus_seconds(300)));
}

#[test]
fn steps_come_in_their_order_and_are_no_more_than_a_record_may_have() {
    let minutes = |n: usize| format!("{n} minutes");
    let step = |n: usize, relax: &str| json!({ "after": minutes(n), "relax": relax });
    let many: Vec<Value> = (1..=RELAXATIONS_MAX).map(|n| step(2 * n, "proficiency")).collect();
    let overflow = |after: usize| json!({ "to": "rest", "after": minutes(after) });
    let plan = plan(
        &[
            ("rest", json!({})),
            (
                "some",
                json!({ "overflow": overflow(3), "relaxation": [step(2, "proficiency"), step(4, "optional_skills"), step(9, "overflow")] }),
            ),
            ("many", json!({ "overflow": overflow(1), "relaxation": many })),
        ],
        &[],
    );
    let ruled = ruled(rules::Demand::default());
    let steps = |id: &str| -> Vec<(u32, Relax)> {
        let demand = demand(&plan, &ruled, id, MORNING);
        assert_eq!(demand.check(), Ok(()));
        demand.relaxation.iter().map(|step| (step.after_s, step.relax)).collect()
    };
    // The time that stands with the overflow itself is the one that counts.
    assert_eq!(
        steps("some"),
        [(120, Relax::Proficiency), (180, Relax::Overflow), (240, Relax::OptionalSkills)]
    );
    let many = steps("many");
    assert_eq!(
        (many.len(), many[0], many[1]),
        (RELAXATIONS_MAX, (60, Relax::Overflow), (120, Relax::Proficiency))
    );
}

#[test]
fn the_next_change_is_that_of_any_queue_or_shift() {
    let queues = [("paris", json!({ "calendar": "paris" })), ("always", json!({}))];
    let york = plan(&queues, &[("eve", json!({ "shifts": "new-york" }))]);
    let next = |plan: &Plan, now: &str| plan.next_change(time(now));
    assert_eq!(next(&york, MORNING), Some(time("2026-11-23T13:00:00Z")), "a shift begins");
    assert_eq!(next(&york, "2026-11-23T13:00:00Z"), Some(time("2026-11-23T17:00:00Z")), "a queue closes");
    assert_eq!(next(&york, EVENING), Some(time("2026-11-23T22:00:00Z")), "a shift ends");
    assert_eq!(next(&plan(&queues[..1], &[]), EVENING), Some(time("2026-11-24T08:00:00Z")));
    assert_eq!(next(&plan(&queues[1..], &[]), MORNING), None);
}

#[test]
fn candidates_are_who_serves_helps_or_is_asked_for_and_each_is_on_his_own_shift() {
    let plan = plan(
        &[
            (
                "paris",
                json!({ "calendar": "paris", "team": "care", "overflow": { "to": "york", "after": "5 minutes" } }),
            ),
            ("york", json!({ "team": "york" })),
            ("other", json!({ "team": "sales" })),
        ],
        &[
            ("zoe", json!({ "teams": ["care"], "shifts": "paris" })),
            ("ann", json!({ "teams": ["care"], "shifts": "new-york" })),
            (
                "eve",
                json!({ "teams": ["york"], "capacity": 6, "channels": { "email": { "weight": 3, "at_most": 1 } } }),
            ),
            ("bob", json!({ "teams": ["sales"] })),
        ],
    );
    let state = fold(
        State::default(),
        &[Event::PresenceSet {
            at: time(MORNING),
            by: Actor::new(Kind::Human, "zoe".parse().unwrap(), "sso".parse().unwrap()),
            presence: Presence::Online,
            reason: None,
            lease_until: Some(time(MORNING).plus_seconds(120)),
        }],
    );
    let state = |id: &PersonId| (id.as_str() == "zoe").then_some(&state);
    let seen = |demand: &Demand, now: &str| {
        let excluded = |id: &PersonId| id.as_str() == "eve";
        let candidates = plan.candidates(demand, state, excluded, time(now));
        for candidate in &candidates {
            let id = &candidate.id;
            let alone = plan.candidate(demand, id, state(id), excluded(id), time(now));
            assert_eq!(alone.as_ref(), Some(candidate), "one alone is seen as among the others");
        }
        candidates
    };
    let mut demand = demand(&plan, &ruled(rules::Demand::default()), "paris", MORNING);
    let of = |candidates: &[Candidate]| -> Vec<(String, bool, bool)> {
        let of = |c: &Candidate| (c.id.to_string(), c.snapshot.on_shift, c.snapshot.excluded);
        candidates.iter().map(of).collect()
    };
    let named = |id: &str, on_shift, excluded| (id.to_owned(), on_shift, excluded);
    let morning = seen(&demand, MORNING);
    assert_eq!(
        of(&morning),
        [named("ann", false, false), named("eve", true, true), named("zoe", true, false)],
        "in the order of their ids, and nobody of another team"
    );
    assert_eq!(
        of(&seen(&demand, EVENING)),
        [named("ann", true, false), named("eve", true, true), named("zoe", false, false)]
    );
    // Whoever was never heard of is offline, and whose lease is over is too.
    let presences = |now: &str| seen(&demand, now).iter().map(|c| c.snapshot.presence).collect::<Vec<_>>();
    assert_eq!(presences(MORNING), [Presence::Offline, Presence::Offline, Presence::Online]);
    assert_eq!(presences(EVENING), [Presence::Offline; 3]);
    let eve = &morning[1].snapshot;
    assert_eq!((eve.capacity, eve.units, eve.at_most), (6, Some(3), Some(1)), "as the document says");
    // Who is asked for need not serve the queue; who is no agent any more is passed over.
    demand.direct = Some(crate::routing::choose::Direct { agent: person("bob"), until: None });
    demand.last_agent =
        Some(crate::routing::choose::LastAgent { agent: person("gone"), until: time(EVENING) });
    let ids: Vec<String> = seen(&demand, MORNING).iter().map(|c| c.id.to_string()).collect();
    assert_eq!(ids, ["ann", "bob", "eve", "zoe"]);
}
