use serde_json::json;

use super::*;
use crate::policy::{Draft, Problem};

/// What somebody can do here.
const SKILLS: [&str; 2] = ["refunds", "phones"];

fn draft(kind: &str, fields: Value) -> Draft {
    let Value::Object(fields) = fields else { panic!("a draft is a table") };
    Draft { kind: kind.into(), fields }
}

/// A region, a team, a person and two queues; the rules come behind them, from draft 5.
fn world(rules: impl IntoIterator<Item = Value>) -> Result<Set, Vec<Problem>> {
    let mut drafts = vec![
        draft("region", json!({ "id": "fr", "name": "France", "time_zone": "Europe/Paris" })),
        draft("team", json!({ "id": "care", "name": "Care", "region": "fr" })),
        draft("person", json!({ "id": "ann", "name": "Ann", "roles": ["agent"] })),
        draft("queue", json!({ "id": "all", "name": "All" })),
        draft("queue", json!({ "id": "vip", "name": "VIP" })),
    ];
    drafts.extend(rules.into_iter().map(|fields| draft("routing_rule", fields)));
    drafts.extend(SKILLS.map(|id| draft("skill", json!({ "id": id, "name": id }))));
    drafts.push(draft("agent", json!({ "id": "ann" })));
    Set::check(&drafts)
}

fn rule(id: &str, order: i64, when: &str, more: Value) -> Value {
    let mut fields =
        json!({ "id": id, "name": id, "order": order, "when": when, "then": { "queue": "all" } });
    let Value::Object(more) = more else { panic!("more fields are a table") };
    fields.as_object_mut().unwrap().extend(more);
    fields
}

#[test]
fn a_rule_is_read_with_everything_that_it_may_say() {
    let then = json!({
        "priority": "urgent", "difficulty": 4, "tags": ["vip"], "language": "fr", "languages": ["en"], "queue": "vip",
        "team": "care", "region": "fr", "segment": "gold", "direct": "ann", "direct_for": "15 minutes",
        "last_agent_for": "P7D", "skills": { "refunds": 3 }, "optional_skills": { "phones": 1 },
    });
    let set = world([
        rule("later", 20, "case.team == 'care'", json!({ "continue": true })),
        rule("first", 10, "'gold' in customer.tags", json!({ "then": then })),
    ])
    .unwrap();
    let rules = set.routing_rules();
    assert_eq!(rules.iter().map(|rule| rule.id.as_str()).collect::<Vec<_>>(), ["first", "later"]);
    let then = &rules[0].then;
    assert_eq!(
        (then.priority, then.difficulty, then.direct_for_s),
        (Some(Priority::Urgent), Some(4), Some(900))
    );
    assert_eq!((then.skills["refunds"], then.last_agent_for_s), (3, Some(7 * DAY_S)));
    assert!(rules[1].goes_on && !rules[0].goes_on);
    let stored = serde_json::to_string(then).unwrap();
    assert_eq!(&serde_json::from_str::<Then>(&stored).unwrap(), then, "it comes back from a decision");
}

#[test]
fn rules_that_cannot_be_are_refused_naming_the_place() {
    let deep = format!("{}true{}", "(".repeat(40), ")".repeat(40));
    let long = format!("case.team == '{}'", "x".repeat(3_000));
    let longer = format!("case.team == '{}'", "é".repeat(3_000));
    for (fields, pointer, message, remedy) in [
        (
            rule("r", 1, "case.taem == 'care'", json!({})),
            "/when",
            "line 1, column 6: unknown field \"case.taem\"",
            "\"team\"",
        ),
        (rule("r", 1, "true &&\n case.team", json!({})), "/when", "line 2, column 7", "has()"),
        (rule("r", 1, &deep, json!({})), "/when", "too many brackets", "at most 32"),
        (rule("r", 1, &longer, json!({})), "/when", "bytes", "at most 4096"),
        (rule("r", 1, &long, json!({})), "/when", "there is no team", "the teams"),
        (
            rule("r", 1, "case.team == 'car'", json!({})),
            "/when",
            "column 6: there is no team \"car\"",
            "\"care\"",
        ),
        (
            rule("r", 1, "case.region in ['fr', 'fra']", json!({})),
            "/when",
            "there is no region \"fra\"",
            "\"fr\"",
        ),
        (
            rule("r", 1, "message.channel == 'emial'", json!({})),
            "/when",
            "there is no channel \"emial\"",
            "\"email\"",
        ),
        (rule("r", 1, "message.account == 'x'", json!({})), "/when", "there is no account \"x\"", "none yet"),
        (rule("r", 1, "case.status == 'opne'", json!({})), "/when", "unknown word \"opne\"", "\"open\""),
        (rule("r", 1, "size(case.tags)", json!({})), "/when", "gives a whole number", "yes or no"),
        (
            rule("r", 1, "case.tags.exists(a, case.tags.exists(b, a == b))", json!({})),
            "/when",
            "stands in another",
            "one list",
        ),
        (rule("r", 1, "", json!({})), "/when", "another length", "1 to 4096"),
        (rule("r", 1, "true", json!({ "when": 7 })), "/when", "a number", "in quotes"),
        (rule("r", -1, "true", json!({})), "/order", "another number", "0 to"),
        (rule("r", 1, "true", json!({ "then": {} })), "/then", "nothing follows", "a queue"),
        (
            rule("r", 1, "true", json!({ "then": { "queue": "vpi" } })),
            "/then/queue",
            "no queue \"vpi\"",
            "\"vip\"",
        ),
        (rule("r", 1, "true", json!({ "then": { "team": "cares" } })), "/then/team", "no team", "\"care\""),
        (rule("r", 1, "true", json!({ "then": { "region": "f" } })), "/then/region", "no region", "\"fr\""),
        (
            rule("r", 1, "true", json!({ "then": { "direct": "an" } })),
            "/then/direct",
            "no person \"an\"",
            "\"ann\"",
        ),
        (
            rule("r", 1, "true", json!({ "then": { "direct_for": "1 hour" } })),
            "/then/direct_for",
            "nobody",
            "direct =",
        ),
        (
            rule("r", 1, "true", json!({ "then": { "priority": "hihg" } })),
            "/then/priority",
            "unknown word",
            "\"high\"",
        ),
        (
            rule("r", 1, "true", json!({ "then": { "difficulty": 6 } })),
            "/then/difficulty",
            "another number",
            "1 to 5",
        ),
        (
            rule("r", 1, "true", json!({ "then": { "skills": { "refunds": 9 } } })),
            "/then/skills/refunds",
            "another number",
            "1 to 5",
        ),
        (
            rule("r", 1, "true", json!({ "then": { "skills": { "Ü": 1 } } })),
            "/then/skills/Ü",
            "not a skill id",
            "a-z",
        ),
        (
            rule("r", 1, "true", json!({ "then": { "tags": ["Not One"] } })),
            "/then/tags/0",
            "not a tag",
            "lower case",
        ),
        (rule("r", 1, "true", json!({ "continue": "yes" })), "/continue", "a text", "true or false"),
        (rule("r", 1, "true", json!({ "than": {} })), "/than", "unknown key", "\"then\""),
    ] {
        let problems = world([fields]).unwrap_err();
        assert_eq!(problems.len(), 1, "{problems:#?}");
        let problem = &problems[0];
        assert_eq!((problem.draft, problem.pointer.as_str()), (5, pointer), "{problem}");
        assert!(problem.message.contains(message) && problem.remedy.contains(remedy), "{problem}");
    }
}

#[test]
fn what_only_shows_together_is_refused_and_several_flaws_at_once() {
    let problems = world([
        rule("ends", 10, "true", json!({})),
        rule("late", 20, "case.team == 'nobody'", json!({})),
        rule("b", 5, "case.reopened", json!({ "then": { "direct_for": "1 hour" } })),
        rule("a", 5, "case.reopened &&", json!({})),
        rule("c", 5, "case.reopened", json!({})),
    ])
    .unwrap_err();
    let said: Vec<_> = problems.iter().map(|p| (p.draft, p.pointer.as_str(), p.message.as_str())).collect();
    assert_eq!(said.len(), 5, "{problems:#?}");
    assert_eq!(said[0], (6, "/when", "line 1, column 6: there is no team \"nobody\""));
    assert_eq!(said[1], (6, "/order", "this rule is never looked at: rule \"ends\" before it always holds"));
    assert_eq!(said[2], (7, "/then/direct_for", "nobody is asked for"));
    assert!(said[3].0 == 8 && said[3].2.starts_with("line 1, column 17: it cannot be read"), "{problems:#?}");
    assert_eq!(said[4], (9, "/order", "rule \"b\" has the same order"));

    world([rule("goes-on", 10, "true", json!({ "continue": true })), rule("ends", 20, "true", json!({}))])
        .unwrap();
}

#[test]
fn there_are_at_most_so_many_rules() {
    let rules =
        |count: usize| (0..count).map(|n| rule(&format!("r{n}"), n as i64, "case.reopened", json!({})));
    assert_eq!(world(rules(RULES_MAX)).unwrap().routing_rules().len(), RULES_MAX);
    let problems = world(rules(RULES_MAX + 1)).unwrap_err();
    assert_eq!(problems.len(), 1);
    assert!(problems[0].message.contains("501 rules"), "{}", problems[0]);
}

#[test]
fn a_rule_in_the_log_that_can_no_longer_be_read_is_named() {
    use crate::{decider::Decider, policy};
    let event = policy::Event::DocumentPut {
        at: "2026-11-22T10:00:00Z".parse().unwrap(),
        kind: "routing_rule".into(),
        id: "old".into(),
        body: rule("old", 1, "weather.is_fine", json!({})).as_object().unwrap().clone(),
    };
    let state = policy::State::default().evolve(&event);
    assert_eq!(state.set().routing_rules_unread(), [RuleId::new("old").unwrap()]);
    assert!(state.set().routing_rules().is_empty());
}
