use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;
use crate::{
    actor::{Actor, Kind as ActorKind},
    case::{FieldValue, Status},
    decider::{Decider, fold, testing::given},
    ids::{ActorId, AuthMethod, FieldId, PersonId, ReasonCode, RegionId, TeamId},
    policy::{
        case::{Refused, Rules},
        organisation::Role,
    },
};

#[test]
fn a_whole_set_is_one_decision_and_the_same_set_is_none() {
    let world = set(&world());
    given::<State>([]).when(apply(&world)).then_kinds(&["policy.document_put"; 9]);
}

#[test]
fn what_is_referred_to_is_put_first_and_removed_last() {
    let keys = |events: &[Event]| {
        let key = |event: &Event| match event {
            Event::DocumentPut { kind, id, .. } => format!("+{kind}/{id}"),
            Event::DocumentRemoved { kind, id, .. } => format!("-{kind}/{id}"),
        };
        events.iter().map(key).collect::<Vec<_>>()
    };
    let full = State::default().decide(apply(&set(&world()))).unwrap();
    let order = [
        "+region/emea",
        "+region/fr",
        "+region/world",
        "+team/billing",
        "+team/tech",
        "+person/ann",
        "+account/support",
        "+case/global",
        "+case/region/fr",
    ];
    assert_eq!(keys(&full), order);
    let state = fold(State::default(), &full);
    let fewer = set(&world()[..5]);
    let gone = state.decide(apply(&fewer)).unwrap();
    assert_eq!(keys(&gone), ["-case/region/fr", "-case/global", "-account/support", "-person/ann"]);
    assert_eq!(fold(state, &gone).set(), &fewer);
}

#[test]
fn only_what_changed_is_put_whatever_the_order_of_its_fields() {
    let mut drafts = world();
    let state = in_force(&drafts);
    drafts.reverse();
    let account = drafts.iter_mut().find(|draft| draft.kind == "account").unwrap();
    let mut fields: Vec<_> = account.fields.clone().into_iter().collect();
    fields.reverse();
    account.fields = fields.into_iter().collect();
    assert_eq!(state.decide(apply(&set(&drafts))).unwrap(), []);

    let account = drafts.iter_mut().find(|draft| draft.kind == "account").unwrap();
    account.fields.insert("tier".into(), 3.into());
    let next = set(&drafts);
    let events = state.decide(apply(&next)).unwrap();
    assert!(matches!(&events[..], [Event::DocumentPut { id, .. }] if id == "support"), "{events:?}");
    let changes = state.changes(&next);
    let change = Change {
        document: Key::new("account", "support"),
        changed: Changed::Changed,
        fields: vec!["tier".into()],
    };
    assert_eq!(changes, [change]);
}

#[test]
fn an_empty_set_is_refused_where_there_is_something_to_lose() {
    let all = world();
    let events = State::default().decide(apply(&set(&all))).unwrap();
    given::<State>(&events).when(apply(&Set::default())).then_refused(&Error::NothingToApply(9));
    given::<State>([]).when(apply(&Set::default())).then_nothing();
}

#[test]
fn the_reader_says_at_which_position_a_document_was_put() {
    let mut state = in_force(&world());
    state.stamp(7);
    let mut drafts = world();
    drafts[3].fields.insert("name".into(), "Bills".into());
    let events = state.decide(apply(&set(&drafts))).unwrap();
    let mut state = fold(state, &events);
    assert_eq!(state.version_of(&Key::new("team", "billing")), None, "nobody has said it yet");
    state.stamp(12);
    assert_eq!(state.version(), 12);
    assert_eq!(state.version_of(&Key::new("team", "billing")), Some(12));
    assert_eq!(state.version_of(&Key::new("team", "tech")), Some(7));
    assert_eq!(state.ordinal_of(&Key::new("team", "billing")), Some(10));
}

#[test]
fn a_region_overrides_the_whole_and_a_team_its_region_field_by_field() {
    let mut drafts = world();
    drafts.push(draft(
        "case",
        json!({ "level": "team/tech", "fields": { "serial": { "name": "Serial no.", "type": "text" } } }),
    ));
    let set = set(&drafts);
    let (fr, tech) = (RegionId::new("fr").unwrap(), TeamId::new("tech").unwrap());
    let global = set.case_rules(None, None);
    assert_eq!((global.reopen_window_s, global.auto_close_after_s), (14 * 86_400, 30 * 86_400));
    let french = set.case_rules(Some(&fr), None);
    assert_eq!((french.reopen_window_s, french.auto_close_after_s), (7 * 86_400, 30 * 86_400));
    assert_eq!(french.fields.keys().map(FieldId::as_str).collect::<Vec<_>>(), ["order", "serial"]);
    assert_eq!(french.fields["serial"].name, "Serial", "the field of the whole organisation");
    let team = set.case_rules(None, Some(&tech));
    assert_eq!((team.reopen_window_s, &team.fields["serial"].name[..]), (7 * 86_400, "Serial no."));
    assert_eq!(team.fields["order"].name, "Order");

    let effective = set.effective("case", Some(&fr), None);
    let from = |path: &str| (effective.0[path].level.to_string(), effective.0[path].locked.clone());
    assert_eq!(from("reopen_window"), ("region/fr".into(), None));
    assert_eq!(from("fields.order"), ("global".into(), Some(Level::Global)));
    assert_eq!(from("closing_post"), ("global".into(), Some(Level::Global)));
}

#[test]
fn what_is_locked_above_cannot_be_set_below() {
    for (fields, pointer) in [
        (json!({ "level": "team/tech", "closing_post": "optional" }), "/closing_post"),
        (
            json!({ "level": "region/emea", "fields": { "order": { "name": "O", "type": "text" } } }),
            "/fields/order",
        ),
    ] {
        let mut drafts = world();
        drafts.push(draft("case", fields));
        let problems = Set::check(&drafts).unwrap_err();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!((problems[0].draft, &problems[0].pointer[..]), (9, pointer));
        assert!(problems[0].message.contains("locked by case/global"), "{}", problems[0]);
    }
}

#[test]
fn everything_that_is_wrong_is_said_at_once_with_its_remedy() {
    let cases = [
        (draft("acount", json!({ "id": "x" })), "", "unknown kind", "did you mean \"account\"?"),
        (draft("team", json!({ "name": "T", "region": "fr" })), "", "\"id\" is missing", "add it"),
        (draft("team", json!({ "id": "Übung", "name": "T", "region": "fr" })), "/id", "not an id", "a-z"),
        (
            draft("team", json!({ "id": "a", "name": "T", "region": "francs" })),
            "/region",
            "no region",
            "the regions",
        ),
        (
            draft("team", json!({ "id": "b", "name": "T", "regoin": "fr", "region": "fr" })),
            "/regoin",
            "unknown key",
            "\"region\"",
        ),
        (draft("team", json!({ "id": "c", "name": 7, "region": "fr" })), "/name", "a number", "in quotes"),
        (draft("team", json!({ "id": "d", "region": "fr" })), "", "\"name\" is missing", "add it"),
        (
            draft("team", json!({ "id": "tech", "name": "T", "region": "fr" })),
            "/id",
            "stands twice",
            "another id",
        ),
        (
            draft("region", json!({ "id": "e", "name": "E", "time_zone": "Europe/Pari" })),
            "/time_zone",
            "not a time zone",
            "IANA",
        ),
        (
            draft("person", json!({ "id": "f", "name": "F", "roles": ["agnet"] })),
            "/roles/0",
            "unknown word",
            "\"agent\"",
        ),
        (
            draft("person", json!({ "id": "g", "name": "G", "roles": ["agent"], "teams": ["billng"] })),
            "/teams/0",
            "no team",
            "\"billing\"",
        ),
        (
            draft("person", json!({ "id": "h", "name": "H", "roles": ["agent", "agent"] })),
            "/roles/1",
            "twice",
            "away",
        ),
        (draft("case", json!({ "level": "region/atlantis" })), "/level", "no region", "the regions"),
        (draft("case", json!({ "level": "planet/mars" })), "/level", "not a level", "team/<id>"),
        (
            draft("case", json!({ "level": "team/billing", "reopen_window": "2 months" })),
            "/reopen_window",
            "another text",
            "14 days",
        ),
        (
            draft("case", json!({ "level": "team/tech", "locked": ["windows"] })),
            "/locked/0",
            "no field",
            "fields that can be locked",
        ),
        (
            draft(
                "account",
                json!({ "id": "i", "channel": "email", "name": "I", "region": "fr", "team": "tech", "tier": 4 }),
            ),
            "/tier",
            "another number",
            "1 to 3",
        ),
        (
            draft(
                "account",
                json!({ "id": "j", "channel": "email", "name": "J", "region": "fr", "team": "tech", "secrets": { "token": "abc" } }),
            ),
            "/secrets/token",
            "not a reference",
            "env:NAME",
        ),
    ];
    let mut drafts = world();
    drafts.extend(cases.iter().map(|(draft, ..)| draft.clone()));
    let problems = Set::check(&drafts).unwrap_err();
    for (index, (_, pointer, message, remedy)) in cases.iter().enumerate() {
        let here: Vec<_> = problems.iter().filter(|problem| problem.draft == 9 + index).collect();
        let fits =
            |p: &&Problem| p.pointer == *pointer && p.message.contains(message) && p.remedy.contains(remedy);
        assert!(here.len() == 1 && fits(&here[0]), "{message}: {here:?}");
    }
    assert_eq!(problems.len(), cases.len());
}

#[test]
fn what_only_shows_together_is_said_too() {
    for (kind, fields, pointer, message) in [
        ("region", json!({ "id": "moon", "name": "Moon" }), "", "time_zone"),
        ("person", json!({ "id": "zoe", "name": "Zoe", "roles": [] }), "/roles", "no role"),
        (
            "person",
            json!({ "id": "zoe", "name": "Zoe", "roles": ["agent"], "email": "ANN@example.com" }),
            "/email",
            "same email",
        ),
        (
            "account",
            json!({ "id": "x", "channel": "email", "name": "X", "region": "fr", "team": "tech", "settings": { "api_token": "x" } }),
            "/settings/api_token",
            "secret",
        ),
        (
            "case",
            json!({ "level": "team/tech", "required_fields": ["ordr"] }),
            "/required_fields/0",
            "no field",
        ),
        (
            "case",
            json!({ "level": "team/tech", "categories": { "c": { "name": "C", "required_fields": ["nope"] } } }),
            "/categories/c/required_fields/0",
            "no field",
        ),
        (
            "case",
            json!({ "level": "team/tech", "fields": { "f": { "name": "F", "type": "choice" } } }),
            "/fields/f",
            "choices",
        ),
        (
            "case",
            json!({ "level": "team/tech", "fields": { "f": { "name": "F", "type": "bool", "personal": true } } }),
            "/fields/f",
            "personal",
        ),
        (
            "case",
            json!({ "level": "team/tech", "auto_close_after": "1 day" }),
            "/auto_close_after",
            "reopen window",
        ),
        ("case", json!({ "level": "team/tech", "priorities": [] }), "/priorities", "no priority"),
    ] {
        let mut drafts = world();
        drafts.push(draft(kind, fields));
        let problems = Set::check(&drafts).unwrap_err();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!((problems[0].draft, &problems[0].pointer[..]), (9, pointer), "{problems:?}");
        assert!(problems[0].message.contains(message), "{problems:?}");
    }
}

#[test]
fn regions_in_a_circle_are_named_once_and_end_no_loop() {
    let region = |id: &str, parent: &str| {
        draft("region", json!({ "id": id, "name": id, "parent": parent, "time_zone": "UTC" }))
    };
    let drafts =
        [region("a", "b"), region("b", "c"), region("c", "b"), draft("case", json!({ "level": "region/a" }))];
    let problems = Set::check(&drafts).unwrap_err();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(problems[0].message, "regions stand in a circle: b → c → b");
}

#[test]
fn a_scope_reaches_down_the_tree() {
    let set = set(&world());
    let scope = set.scope_of(&PersonId::new("ann").unwrap()).unwrap();
    assert_eq!(scope.roles, BTreeSet::from([Role::Agent, Role::Supervisor]));
    assert_eq!(scope.teams, BTreeSet::from([TeamId::new("billing").unwrap()]));
    assert_eq!(scope.regions, BTreeSet::from(["emea", "fr"].map(|id| RegionId::new(id).unwrap())));
    assert_eq!(set.scope_of(&PersonId::new("nobody").unwrap()), None);
    let fr = RegionId::new("fr").unwrap();
    assert_eq!(set.time_zone_of(&fr), Some("UTC"), "the world's");
    assert_eq!(set.languages_of(&fr)[0].as_str(), "fr");
}

#[test]
fn rules_say_what_a_case_needs() {
    let rules = set(&world()).case_rules(None, None);
    let guards = rules.guards(Some(&"delivery".parse().unwrap()));
    assert_eq!(
        guards.required_fields,
        BTreeSet::from(["order", "serial"].map(|id| FieldId::new(id).unwrap()))
    );
    assert!(guards.closing_posts_required && !guards.assignee_required);
    assert_eq!(rules.guards(None).required_fields.len(), 1);
    assert_eq!(rules.status_of(&"parts".parse().unwrap()), Some(Status::OnHold));
    assert!(
        rules.takes_category(&"delivery".parse().unwrap())
            && !rules.takes_category(&"other".parse().unwrap())
    );
    assert_eq!(guards.required_items, BTreeSet::from(["informed".parse().unwrap()]));

    let (order, colour) = (FieldId::new("order").unwrap(), FieldId::new("colour").unwrap());
    assert_eq!(rules.check_field(&order, &FieldValue::Text("A-1".into())), Ok(()));
    assert!(matches!(rules.check_field(&order, &FieldValue::Bool(true)), Err(Refused::WrongKind { .. })));
    assert_eq!(
        rules.check_field(&colour, &FieldValue::Bool(true)),
        Err(Refused::UnknownField(colour.clone()))
    );
    let choice = |text: &str| FieldValue::Choice(ReasonCode::new(text).unwrap());
    let french = set(&world()).case_rules(Some(&RegionId::new("fr").unwrap()), None);
    assert!(
        french.fields.len() == 2
            && french.check_field(&FieldId::new("serial").unwrap(), &choice("x")).is_err()
    );
}

#[test]
fn the_policy_is_shown_with_its_sources() {
    let mut state = in_force(&world());
    state.stamp(42);
    let show = |path: &str, region: Option<&str>| {
        let region = region.map(|id| RegionId::new(id).unwrap());
        state.show(path, region.as_ref(), None)
    };
    let lines = |path, region| {
        let line = |s: Shown| {
            let level = s.level.map_or("default".to_owned(), |level| level.to_string());
            format!("{} = {} ({level}, {:?})", s.path, s.value, s.version)
        };
        show(path, region).unwrap().into_iter().map(line).collect::<Vec<_>>()
    };
    assert_eq!(lines("case.reopen_window", None), ["case.reopen_window = \"14 days\" (global, Some(42))"]);
    assert_eq!(
        lines("case.reopen_window", Some("fr")),
        ["case.reopen_window = \"P7D\" (region/fr, Some(42))"]
    );
    assert_eq!(
        lines("case/region/fr", None),
        ["case/region/fr.reopen_window = \"P7D\" (region/fr, Some(42))"]
    );
    assert_eq!(lines("account/support.tier", None), ["account/support.tier = 1 (global, Some(42))"]);
    assert_eq!(show("case.fields", None).unwrap().len(), 2);
    assert_eq!(
        lines("case.priorities", Some("fr")),
        [r#"case.priorities = ["low","normal","high","urgent"] (default, None)"#]
    );
    assert_eq!(
        show("organisation", None).unwrap().len(),
        show("region", None).unwrap().len()
            + show("team", None).unwrap().len()
            + show("person", None).unwrap().len()
    );
    assert!(show("", None).unwrap().len() > 20);
    assert_eq!(show("case.closing_post", Some("fr")).unwrap()[0].locked, Some(Level::Global));

    for (path, remedy) in [
        ("cas", "did you mean \"case\"?"),
        ("account/suport", "did you mean \"support\"?"),
        ("case/region/fr.priorities", "it may be set there, and is not"),
        ("account/support.brand", "it may be set there, and is not"),
        ("case.reopen_windows", "did you mean \"reopen_window\"?"),
    ] {
        assert_eq!(show(path, None).unwrap_err().remedy, remedy);
    }
}

#[test]
fn what_the_log_says_is_taken_even_if_it_could_not_be_applied_today() {
    let at = at();
    let put = |kind: &str, id: &str, body: Value| Event::DocumentPut {
        at,
        kind: kind.into(),
        id: id.into(),
        body: body.as_object().unwrap().clone(),
    };
    let state = fold(
        State::default(),
        &[
            put("region", "a", json!({ "parent": "a" })),
            put("horoscope", "leo", json!({ "luck": 7 })),
            put("case", "global", json!({ "reopen_window": "ages", "locked": "all" })),
            Event::DocumentRemoved { at, kind: "team".into(), id: "never-there".into() },
        ],
    );
    assert_eq!(state.set().len(), 3);
    assert_eq!(state.set().case_rules(None, None), Rules::default());
    assert_eq!(state.set().regions().count(), 0);
    state.show("", None, None).unwrap();
}

#[test]
fn every_event_comes_out_as_it_went_in() {
    for kind in Event::TYPES {
        let path = format!("{}/testdata/events/{kind}.json", env!("CARGO_MANIFEST_DIR"));
        let golden = include_golden(&path);
        let event: Event = serde_json::from_str(&golden).unwrap();
        assert_eq!(serde_json::to_string_pretty(&event).unwrap() + "\n", golden);
    }
}

#[expect(clippy::disallowed_methods, reason = "a golden file is read by a test, not by a rule")]
fn include_golden(path: &str) -> String {
    std::fs::read_to_string(path).unwrap()
}

/// Three regions below each other, two teams, a person, an account, and rules for all and for one region.
fn world() -> Vec<Draft> {
    vec![
        draft("region", json!({ "id": "world", "name": "World", "time_zone": "UTC", "languages": ["en"] })),
        draft("region", json!({ "id": "emea", "name": "Europe", "parent": "world" })),
        draft("region", json!({ "id": "fr", "name": "France", "parent": "emea", "languages": ["fr"] })),
        draft("team", json!({ "id": "billing", "name": "Billing", "region": "emea" })),
        draft("team", json!({ "id": "tech", "name": "Technicians", "region": "fr", "kind": "technical" })),
        draft(
            "person",
            json!({
                "id": "ann", "name": "Ann", "email": "ann@example.com", "teams": ["billing"], "regions": ["emea"],
                "roles": ["agent", "supervisor"],
            }),
        ),
        draft(
            "account",
            json!({
                "id": "support", "channel": "email", "name": "Support", "region": "emea", "team": "billing", "tier": 1,
                "secrets": { "password": "env:MAIL_PASSWORD" },
            }),
        ),
        draft(
            "case",
            json!({
                "locked": ["closing_post", "fields.order"],
                "reopen_window": "14 days", "auto_close_after": "P30D", "closing_post": "required",
                "required_fields": ["order"],
                "fields": { "order": { "name": "Order", "type": "text" }, "serial": { "name": "Serial", "type": "text" } },
                "categories": { "delivery": { "name": "Delivery", "required_fields": ["serial"] } },
                "category_vocabulary": "closed",
                "labels": { "parts": { "name": "Waiting for parts", "status": "on_hold" } },
                "checklist": { "informed": { "text": "The customer knows" } },
            }),
        ),
        draft("case", json!({ "level": "region/fr", "reopen_window": "P7D" })),
    ]
}

fn draft(kind: &str, fields: Value) -> Draft {
    let Value::Object(fields) = fields else { panic!("a draft is a table") };
    Draft { kind: kind.into(), fields }
}

fn set(drafts: &[Draft]) -> Set {
    Set::check(drafts).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

fn in_force(drafts: &[Draft]) -> State {
    fold(State::default(), &State::default().decide(apply(&set(drafts))).unwrap())
}

fn apply(set: &Set) -> Command {
    let by = Actor::new(ActorKind::Human, ActorId::new("ann").unwrap(), AuthMethod::new("token").unwrap());
    Command::new(at(), by, Action::Apply { set: set.clone() })
}

fn at() -> crate::time::Timestamp {
    "2026-11-22T10:00:00Z".parse().unwrap()
}
