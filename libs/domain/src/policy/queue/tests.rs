use serde_json::json;

use super::*;
use crate::policy::{Draft, Problem};

fn draft(kind: &str, fields: Value) -> Draft {
    let Value::Object(fields) = fields else { panic!("a draft is a table") };
    Draft { kind: kind.into(), fields }
}

/// Three regions, a team and a global queue.
fn world(more: impl IntoIterator<Item = Value>) -> Result<Set, Vec<Problem>> {
    let mut drafts = vec![
        draft("region", json!({ "id": "world", "name": "World", "time_zone": "UTC" })),
        draft("region", json!({ "id": "emea", "name": "Europe", "parent": "world" })),
        draft("region", json!({ "id": "fr", "name": "France", "parent": "emea" })),
        draft("team", json!({ "id": "care", "name": "Care", "region": "fr" })),
        draft("queue", json!({ "id": "all", "name": "All", "default": true })),
    ];
    drafts.extend(more.into_iter().map(|fields| draft("queue", fields)));
    let hours = json!({ "mon-fri": ["09:00-17:00"] });
    drafts.push(draft("calendar", json!({ "id": "c", "name": "C", "time_zone": "UTC", "hours": hours })));
    Set::check(&drafts)
}

#[test]
fn a_queue_is_read_with_everything_that_it_may_say() {
    let fields = json!({
        "id": "fr", "name": "France", "region": "fr", "team": "care", "teams": ["care"], "mode": "last_agent",
        "last_agent_for": "7 days", "overflow": { "to": "all", "after": "10 minutes" },
        "relaxation": [
            { "after": "2 minutes", "relax": "proficiency" }, { "after": "5 minutes", "relax": "optional_skills" },
            { "after": "PT10M", "relax": "overflow" },
        ],
        "aging": "4 hours", "offer_timeout": "45 seconds", "misses_max": 3, "default": true,
    });
    let set = world([fields]).unwrap();
    let queue = set.queue(&QueueId::new("fr").unwrap()).unwrap();
    assert_eq!((queue.mode, queue.last_agent_for_s), (Mode::LastAgent, Some(7 * DAY_S)));
    let overflow = queue.overflow.as_ref().unwrap();
    assert_eq!((overflow.to.as_str(), overflow.after_s, overflow.when_closed), ("all", Some(600), false));
    let steps: Vec<_> = queue.relaxation.iter().map(|step| (step.after_s, step.relax)).collect();
    assert_eq!(steps, [(120, Relax::Proficiency), (300, Relax::OptionalSkills), (600, Relax::Overflow)]);
    assert_eq!((queue.aging_s, queue.offer_timeout_s, queue.misses_max), (Some(14_400), Some(45), Some(3)));
    let plain = set.queue(&QueueId::new("all").unwrap()).unwrap();
    assert_eq!((plain.mode, &plain.overflow, plain.aging_s), (Mode::RoundRobin, &None, None));
    assert_eq!(set.queues().count(), 2);
}

#[test]
fn the_default_is_that_of_the_nearest_region_else_the_global_one() {
    let queue = |id: &str, region: &str| json!({ "id": id, "name": id, "region": region, "default": true });
    let set =
        world([queue("europe", "emea"), json!({ "id": "fr", "name": "France", "region": "fr" })]).unwrap();
    let of = |region: Option<&str>| {
        let region = region.map(|region| RegionId::new(region).unwrap());
        set.default_queue(region.as_ref()).map(|queue| queue.id.to_string())
    };
    assert_eq!(of(Some("fr")).as_deref(), Some("europe"));
    assert_eq!(of(Some("world")).as_deref(), Some("all"));
    assert_eq!(of(None).as_deref(), Some("all"));
    let none = Set::check(&[]).unwrap();
    assert!(none.default_queue(None).is_none());
}

#[test]
fn queues_that_cannot_be_are_refused_naming_the_place() {
    let with = |more: Value| {
        let mut fields = json!({ "id": "q", "name": "Q" });
        fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        fields
    };
    for (fields, pointer, message, remedy) in [
        (json!({ "region": "frr" }), "/region", "no region \"frr\"", "\"fr\""),
        (json!({ "teams": ["car"] }), "/teams/0", "no team \"car\"", "\"care\""),
        (json!({ "mode": "rond_robin" }), "/mode", "unknown word", "\"round_robin\""),
        (
            json!({ "overflow": { "to": "al", "after": "1 minute" } }),
            "/overflow/to",
            "no queue \"al\"",
            "\"all\"",
        ),
        (json!({ "overflow": { "to": "all" } }), "/overflow", "never overflows", "after ="),
        (json!({ "overflow": { "after": "1 minute" } }), "/overflow", "\"to\" is missing", "id of a queue"),
        (json!({ "overflow": { "to": "all", "after": 10 } }), "/overflow/after", "a number", "duration"),
        (
            json!({ "overflow": { "to": "all", "when_closed": true } }),
            "/overflow/when_closed",
            "never closed",
            "calendar",
        ),
        (
            json!({ "overflow": { "to": "q", "after": "1 minute" } }),
            "/overflow/to",
            "circle: q → q",
            "elsewhere",
        ),
        (json!({ "follow_the_sun": ["all"] }), "/follow_the_sun", "never closed", "calendar"),
        (
            json!({ "follow_the_sun": ["q"], "calendar": "c" }),
            "/follow_the_sun/0",
            "follows itself",
            "other regions",
        ),
        (json!({ "calendar": "Über" }), "/calendar", "not a calendar id", "a-z"),
        (json!({ "skills": ["Ü"] }), "/skills/0", "not a skill id", "a-z"),
        (
            json!({ "relaxation": [{ "after": "5 minutes", "relax": "proficiency" }, { "after": "5 minutes", "relax": "optional_skills" }] }),
            "/relaxation/1/after",
            "does not come after",
            "in their order",
        ),
        (
            json!({ "relaxation": [{ "after": "5 minutes", "relax": "overflow" }] }),
            "/relaxation/0/relax",
            "nowhere to overflow to",
            "overflow =",
        ),
        (json!({ "offer_timeout": "2 days" }), "/offer_timeout", "another text", "at most 1 days"),
        (
            json!({ "default": true }),
            "/default",
            "queue \"all\" is the default of all regions",
            "one default",
        ),
    ] {
        let problems = world([with(fields)]).unwrap_err();
        assert_eq!(problems.len(), 1, "{problems:#?}");
        let problem = &problems[0];
        assert_eq!((problem.draft, problem.pointer.as_str()), (5, pointer), "{problem}");
        assert!(problem.message.contains(message) && problem.remedy.contains(remedy), "{problem}");
    }
    let steps: Vec<Value> =
        (1..=11).map(|n| json!({ "after": format!("{n} minutes"), "relax": "proficiency" })).collect();
    let problems = world([with(json!({ "relaxation": steps }))]).unwrap_err();
    assert_eq!((problems[0].pointer.as_str(), problems.len()), ("/relaxation", 1));
}

#[test]
fn a_circle_of_overflow_is_named_once_with_its_path_and_beside_other_flaws() {
    let queue =
        |id: &str, to: &str| json!({ "id": id, "name": id, "overflow": { "to": to, "after": "1 minute" } });
    let problems = world([
        queue("into", "c"),
        queue("c", "a"),
        queue("a", "b"),
        queue("b", "c"),
        json!({ "id": "z", "name": "Z", "overflow": { "to": "all" } }),
    ])
    .unwrap_err();
    let said: Vec<_> = problems
        .iter()
        .map(|problem| (problem.draft, problem.pointer.as_str(), problem.message.as_str()))
        .collect();
    assert_eq!(
        said,
        [
            (7, "/overflow/to", "queues overflow in a circle: a → b → c → a"),
            (9, "/overflow", "the queue never overflows")
        ]
    );
}
