use serde_json::json;

use super::*;
use crate::policy::{Draft, Problem};

fn draft(kind: &str, fields: Value) -> Draft {
    let Value::Object(fields) = fields else { panic!("a draft is a table") };
    Draft { kind: kind.into(), fields }
}

fn world(more: impl IntoIterator<Item = Draft>) -> Result<Set, Vec<Problem>> {
    let mut drafts = vec![
        draft("region", json!({ "id": "world", "name": "World", "time_zone": "UTC" })),
        draft("region", json!({ "id": "fr", "name": "France", "parent": "world" })),
        draft("team", json!({ "id": "care", "name": "Care", "region": "fr" })),
        draft("team", json!({ "id": "sales", "name": "Sales", "region": "world" })),
        draft("person", json!({ "id": "ann", "name": "Ann", "teams": ["care"], "roles": ["agent"] })),
        draft("person", json!({ "id": "bob", "name": "Bob", "regions": ["world"], "roles": ["analyst"] })),
        draft("skill", json!({ "id": "refunds", "name": "Refunds" })),
    ];
    drafts.extend(more);
    Set::check(&drafts)
}

#[test]
fn an_agent_is_read_with_everything_that_is_left_out_as_the_rules_say() {
    let fields = json!({
        "id": "ann", "skills": { "refunds": 4 }, "languages": { "fr": "native", "en": "b2" },
        "channels": { "chat": { "at_most": 2 }, "x": { "weight": 1 } },
    });
    let rules = json!({ "level": "team/care", "capacity": 20, "channel_weights": { "chat": 5 } });
    let set = world([draft("agent", fields), draft("assignment", rules)]).unwrap();
    let agent = set.agent(&"ann".parse().unwrap()).unwrap();
    let rules = set.assignment_rules(None, Some(&"care".parse().unwrap()));
    let units = |channel: &str| agent.units_of(&channel.parse().unwrap(), &rules);
    assert_eq!(agent.units_max(&rules), 20);
    assert_eq!((units("chat"), units("x"), units("email"), units("phone")), (5, 1, 2, 20));
    assert_eq!(agent.at_most(&"chat".parse().unwrap()), Some(2));
    let limits = agent.limits(&"chat".parse().unwrap(), &rules);
    assert_eq!(limits, Limits { units: 20, at_most: Some(2), push: true });
    assert!(agent.push && agent.seniority == SENIORITY_MIN && agent.languages["en"] < Fluency::Native);
    assert_eq!(set.teams_of(agent).iter().map(TeamId::as_str).collect::<Vec<_>>(), ["care"]);
    assert_eq!(set.regions_of(agent).iter().map(RegionId::as_str).collect::<Vec<_>>(), ["fr"]);
}

/// Calls take everything, chats two or three at once, and what is not urgent four to eight times as many as calls.
#[test]
fn the_default_weights_let_an_agent_do_as_much_at_once_as_is_usual() {
    let set = world([draft("agent", json!({ "id": "ann" }))]).unwrap();
    let agent = set.agent(&"ann".parse().unwrap()).unwrap();
    let rules = set.assignment_rules(None, None);
    let at_once = |channel: &str| agent.units_max(&rules) / agent.units_of(&channel.parse().unwrap(), &rules);
    assert_eq!(
        ["phone", "chat", "whatsapp", "email", "x", "facebook", "reviews"].map(at_once),
        [1, 3, 4, 6, 6, 6, 12]
    );
}

#[test]
fn unknown_names_are_refused_naming_the_place() {
    let cases = [
        (json!({ "id": "anne" }), "/id", "no person", "\"ann\""),
        (json!({ "id": "bob" }), "/id", "role \"agent\"", "roles of the person"),
        (json!({ "id": "ann", "skills": { "refund": 3 } }), "/skills/refund", "no skill", "\"refunds\""),
        (json!({ "id": "ann", "skills": { "refunds": 6 } }), "/skills/refunds", "another number", "1 to 5"),
        (json!({ "id": "ann", "languages": { "fr": "b3" } }), "/languages/fr", "unknown word", "\"b1\""),
        (
            json!({ "id": "ann", "languages": { "French": "b2" } }),
            "/languages/French",
            "a language",
            "BCP 47",
        ),
        (
            json!({ "id": "ann", "channels": { "chta": {} } }),
            "/channels/chta",
            "no kind of channel",
            "\"chat\"",
        ),
        (json!({ "id": "ann", "shifts": "nights" }), "/shifts", "no calendar", "the calendars"),
        (json!({ "id": "ann", "queues": ["vip"] }), "/queues/0", "no queue", "the queues"),
        (json!({ "id": "ann", "teams": ["car"] }), "/teams/0", "no team", "\"care\""),
        (
            json!({ "id": "ann", "teams": ["care", "sales"] }),
            "/teams/1",
            "may not see",
            "teams of the person",
        ),
        (json!({ "id": "ann", "regions": ["de"] }), "/regions/0", "no region", "the regions"),
        (json!({ "id": "ann", "capacity": 0 }), "/capacity", "another number", "1 to 1000"),
        (json!({ "id": "ann", "seniority": 9 }), "/seniority", "another number", "1 to 5"),
        (json!({ "id": "ann", "capasity": 9 }), "/capasity", "unknown key", "\"capacity\""),
    ];
    for (fields, pointer, message, remedy) in cases {
        let problems = world([draft("agent", fields)]).unwrap_err();
        assert_eq!(problems.len(), 1, "{problems:?}");
        let problem = &problems[0];
        assert!(problem.message.contains(message) && problem.remedy.contains(remedy), "{problem}");
        assert_eq!((problem.draft, &problem.pointer[..]), (7, pointer));
    }
    for (fields, pointer) in [
        (json!({ "channel_weights": { "fax": 1 } }), "/channel_weights/fax"),
        (json!({ "presence_lease": "5 seconds" }), "/presence_lease"),
        (json!({ "offer_timeout": "0 seconds" }), "/offer_timeout"),
        (json!({ "consuming": ["closed"] }), "/consuming/0"),
    ] {
        let problems = world([draft("assignment", fields)]).unwrap_err();
        assert_eq!(problems.iter().map(|p| &p.pointer[..]).collect::<Vec<_>>(), [pointer]);
    }
}
