use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    condition::{About, MessageFacts},
    personal::Personal,
    policy::Draft,
};

/// What somebody can do here.
const SKILLS: [&str; 1] = ["money"];

fn draft(kind: &str, fields: Value) -> Draft {
    let Value::Object(fields) = fields else { panic!("a draft is a table") };
    Draft { kind: kind.into(), fields }
}

fn set(rules: impl IntoIterator<Item = Value>) -> Set {
    let queue = |id: &str, more: Value| {
        let mut fields = json!({ "id": id, "name": id });
        fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        draft("queue", fields)
    };
    let mut drafts = vec![
        draft("region", json!({ "id": "emea", "name": "Europe", "time_zone": "UTC" })),
        draft("region", json!({ "id": "fr", "name": "France", "parent": "emea" })),
        draft("region", json!({ "id": "us", "name": "USA", "time_zone": "UTC" })),
        draft("team", json!({ "id": "care", "name": "Care", "region": "fr" })),
        draft("person", json!({ "id": "ann", "name": "Ann", "roles": ["agent"] })),
        queue("all", json!({ "default": true })),
        queue("europe", json!({ "region": "emea", "default": true })),
        queue("refunds", json!({})),
        queue("vip", json!({})),
    ];
    drafts.extend(rules.into_iter().map(|fields| draft("routing_rule", fields)));
    drafts.extend(SKILLS.map(|id| draft("skill", json!({ "id": id, "name": id }))));
    drafts.push(draft("agent", json!({ "id": "ann" })));
    Set::check(&drafts).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

fn rule(id: &str, order: usize, when: &str, goes_on: bool, then: Value) -> Value {
    let mut fields = json!({ "id": id, "name": id, "order": order, "when": when, "continue": goes_on });
    fields["then"] = then;
    fields
}

fn facts(text: &str) -> Facts {
    let mut facts = Facts::default();
    facts.about.message = Some(MessageFacts {
        id: "support-0123456789abcdef".parse().unwrap(),
        digest: "0123456789abcdef".parse().unwrap(),
        language: None,
        channel: "email".parse().unwrap(),
        account: "support".parse().unwrap(),
        visibility: crate::channel::Visibility::Private,
        automatic: None,
        forwarded: false,
        entry_point: None,
        campaign: None,
        attachments: 0,
    });
    facts.about.case.region = Some("fr".parse().unwrap());
    facts.texts.text = Some(Personal::open("support_0123456789abcdef", text));
    facts
}

fn ids(ids: &[RuleId]) -> Vec<&str> {
    ids.iter().map(RuleId::as_str).collect()
}

fn verdicts(decision: &Decision) -> Vec<(&str, Verdict)> {
    decision.trace.iter().map(|step| (step.rule.as_str(), step.verdict)).collect()
}

#[test]
fn the_first_that_holds_ends_it_unless_it_goes_on_and_each_is_in_the_trace() {
    let rules = Rules::of(
        &set([
            rule("d-end", 40, "true", false, json!({ "queue": "all" })),
            rule(
                "c-refund",
                30,
                "message.text.contains('refund')",
                false,
                json!({ "queue": "refunds", "skills": { "money": 2 } }),
            ),
            rule("a-score", 10, "scores.csat < 0.3", true, json!({ "priority": "urgent" })),
            rule(
                "b-french",
                20,
                "case.region == 'fr'",
                true,
                json!({ "language": "fr", "tags": ["france"], "queue": "europe", "skills": { "money": 4 }, "team": "care" }),
            ),
        ]),
        7,
    );
    let decision = rules.decide(&facts("a refund, please"));
    assert_eq!(
        verdicts(&decision),
        [
            ("a-score", Verdict::Failed(Failed::Missing)),
            ("b-french", Verdict::True),
            ("c-refund", Verdict::True)
        ],
        "what fails stops nothing, and what comes after the end is not looked at"
    );
    assert_eq!((ids(&decision.matched), decision.rules_version), (vec!["b-french", "c-refund"], 7));
    let demand = &decision.demand;
    assert_eq!(demand.queue.as_ref().map(QueueId::as_str), Some("refunds"), "the later one counts");
    assert_eq!((demand.skills["money"], demand.priority, demand.by_default), (4, None, false));
    assert!(demand.languages.contains("fr") && demand.tags.contains("france"));
    assert!(
        decision.trace[0].set.is_none()
            && decision.trace[2].set.as_ref().is_some_and(|set| set.queue.is_some())
    );

    let other = rules.decide(&facts("hello"));
    assert_eq!(ids(&other.matched), ["b-french", "d-end"]);
    let mut scored = facts("hello");
    scored.about.scores.insert("csat".into(), 0.1);
    assert_eq!(rules.decide(&scored).demand.priority, Some(Priority::Urgent));
}

#[test]
fn what_no_rule_sends_elsewhere_goes_to_the_default_queue_of_its_region() {
    let rules = Rules::of(&set([rule("to-us", 1, "case.reopened", false, json!({ "region": "us" }))]), 1);
    let queue = |facts: &Facts| {
        let demand = rules.decide(facts).demand;
        (demand.queue.unwrap().to_string(), demand.by_default)
    };
    assert_eq!(queue(&facts("")), ("europe".into(), true));
    assert_eq!(queue(&Facts::default()), ("all".into(), true));
    let mut reopened = facts("");
    reopened.about.case.reopenings = 1;
    assert_eq!(queue(&reopened), ("all".into(), true), "the region that the rule asks for counts");
    let mut of_account = Facts::default();
    of_account.about.account.region = Some("emea".parse().unwrap());
    assert_eq!(queue(&of_account), ("europe".into(), true));
    assert_eq!(Rules::default().decide(&facts("")).demand, Demand::default(), "nowhere to go is no error");
}

#[test]
fn a_language_that_a_later_rule_changes_is_not_asked_for() {
    let rules = Rules::of(
        &set([
            rule("one", 1, "true", true, json!({ "language": "fr", "languages": ["en"] })),
            rule(
                "two",
                2,
                "true",
                true,
                json!({ "language": "de", "direct": "ann", "direct_for": "1 hour" }),
            ),
        ]),
        1,
    );
    let demand = rules.decide(&facts("")).demand;
    assert_eq!(demand.languages.iter().map(Language::as_str).collect::<Vec<_>>(), ["de", "en"]);
    assert_eq!(demand.direct, Some(Direct { agent: "ann".parse().unwrap(), for_s: Some(3_600) }));
}

#[test]
fn a_decision_is_stored_without_what_is_personal_and_replayed_from_there() {
    let rules = || {
        set([
            rule("refund", 10, "message.text.contains('refund')", false, json!({ "queue": "refunds" })),
            rule("rest", 20, "true", false, json!({ "queue": "vip" })),
        ])
    };
    let rules_7 = Rules::of(&rules(), 7);
    let facts = facts("my secret refund");
    let decision = rules_7.decide(&facts);
    let stored = serde_json::to_string(&json!({ "decision": decision, "facts": facts.about })).unwrap();
    assert!(!stored.contains("secret"), "{stored}");
    let back: Value = serde_json::from_str(&stored).unwrap();
    let recorded: Decision = serde_json::from_value(back["decision"].clone()).unwrap();
    let about: About = serde_json::from_value(back["facts"].clone()).unwrap();
    assert_eq!(recorded, decision);

    // The message can be read still.
    let mut again = Facts { about, texts: facts.texts.clone() };
    assert_eq!(rules_7.decide(&again), decision);
    assert_eq!(
        rules_7.replay(&again, &recorded),
        Replay { decision: decision.clone(), taken_over: Vec::new() }
    );
    // Its key is destroyed.
    again.texts.text = Some(Personal::erased("support_0123456789abcdef"));
    let replay = rules_7.replay(&again, &recorded);
    assert_eq!((&replay.decision, ids(&replay.taken_over)), (&decision, vec!["refund"]));
    // Other rules are another matter: nothing is taken over from those that were recorded.
    let other = Rules::of(&rules(), 8).replay(&again, &recorded);
    assert_eq!(verdicts(&other.decision)[0], ("refund", Verdict::Failed(Failed::Unreadable)));
    assert!(other.taken_over.is_empty() && ids(&other.decision.matched) == ["rest"]);
}

#[test]
fn all_rules_together_have_so_much_work_and_no_more() {
    let much = "case.tags.exists(t, message.text.matches('x') || message.text.matches('y'))";
    let mut rules: Vec<Value> =
        (0..30).map(|n| rule(&format!("r{n:02}"), n, much, false, json!({ "queue": "vip" }))).collect();
    rules.push(rule("z", 99, "true", false, json!({ "queue": "all" })));
    let rules = Rules::of(&set(rules), 1);
    let mut facts = facts(&"a".repeat(100_000));
    facts.about.case.tags = (0..200).map(|n| format!("t{n}").parse().unwrap()).collect();
    let decision = rules.decide(&facts);
    assert_eq!(decision.trace.len(), 31);
    assert!(decision.trace.iter().all(|step| step.verdict == Verdict::Failed(Failed::TooMuchWork)));
    assert_eq!(decision.demand.queue.as_ref().unwrap().as_str(), "europe", "it still goes somewhere");
    assert_eq!(decision, rules.decide(&facts));
}

proptest! {
    #[test]
    fn the_first_match_is_what_a_plain_reading_of_the_rules_says(
        rows in prop::collection::vec((0..3_u8, any::<bool>(), 0..3_u8), 1..12),
        reverse in any::<bool>(),
    ) {
        // Each rule holds, does not hold, or fails; and names a queue.
        let when = |kind: u8| ["case.region == 'fr'", "case.region == 'us'", "case.difficulty > 3"][usize::from(kind)];
        let queue = |n: u8| ["all", "refunds", "vip"][usize::from(n)];
        let mut drafts: Vec<Value> = rows
            .iter()
            .enumerate()
            .map(|(n, (kind, goes_on, q))| rule(&format!("r{n:02}"), n, when(*kind), *goes_on, json!({ "queue": queue(*q) })))
            .collect();
        if reverse {
            drafts.reverse();
        }
        let decision = Rules::of(&set(drafts), 3).decide(&facts(""));
        let (mut trace, mut matched, mut chosen) = (Vec::new(), Vec::new(), None);
        for (n, (kind, goes_on, q)) in rows.iter().enumerate() {
            let verdict = [Verdict::True, Verdict::False, Verdict::Failed(Failed::Missing)][usize::from(*kind)];
            trace.push((format!("r{n:02}"), verdict));
            if verdict == Verdict::True {
                matched.push(format!("r{n:02}"));
                chosen = Some(queue(*q));
                if !goes_on {
                    break;
                }
            }
        }
        let found: Vec<(String, Verdict)> =
            decision.trace.iter().map(|step| (step.rule.to_string(), step.verdict)).collect();
        prop_assert_eq!(found, trace);
        prop_assert_eq!(ids(&decision.matched), matched);
        prop_assert_eq!(decision.demand.queue.as_ref().map(QueueId::as_str), chosen.or(Some("europe")));
        prop_assert_eq!(decision.demand.by_default, chosen.is_none());
    }
}
