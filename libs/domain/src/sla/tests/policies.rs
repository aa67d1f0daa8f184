//! Policies as they are written, those that the literature has numbers for, and those that are refused.

use serde_json::{Value, json};

use super::*;
use crate::policy::{Draft, Problem, Set};

fn draft(kind: &str, fields: Value) -> Draft {
    let Value::Object(fields) = fields else { panic!("no table") };
    Draft { kind: kind.to_owned(), fields }
}

fn regions() -> Vec<Draft> {
    let region = |id: &str, parent: Option<&str>| {
        let mut fields = json!({"id": id, "name": id, "time_zone": "UTC", "languages": ["en"]});
        if let Some(parent) = parent {
            fields["parent"] = parent.into();
        }
        draft("region", fields)
    };
    vec![region("emea", None), region("latam", None), region("brazil", Some("latam"))]
}

fn set(slas: &[Value]) -> Result<Set, Vec<Problem>> {
    let drafts: Vec<Draft> =
        regions().into_iter().chain(slas.iter().map(|fields| draft("sla", fields.clone()))).collect();
    Set::check(&drafts)
}

/// The numbers of the sources as policies, in the order in which they are tried.
fn presets() -> Vec<Value> {
    vec![
        json!({"id": "airline-minutes", "name": "Five minutes", "order": 10,
            "when": {"channels": ["x"], "segments": ["airline"]},
            "targets": {"first_response": {"every": "5 minutes", "time": "calendar", "warnings": ["60%"]}}}),
        json!({"id": "brazil-x", "name": "Twice as fast", "order": 20,
            "when": {"channels": ["x"], "regions": ["latam"]},
            "targets": {"first_response": {"every": "30 minutes", "time": "calendar"}}}),
        json!({"id": "x", "name": "Within the hour", "order": 30, "when": {"channels": ["x"]},
            "targets": {
                "acknowledgement": {"every": "10 minutes", "time": "calendar"},
                "first_response": {"every": "60 minutes", "urgent": "30 minutes", "time": "calendar",
                    "warnings": ["50%", "10 minutes"]}}}),
        json!({"id": "whatsapp", "name": "48 hours", "order": 40, "when": {"channels": ["whatsapp"]},
            "targets": {"first_response": {"every": "48 hours", "time": "calendar"}}}),
        json!({"id": "same-day", "name": "A day of work", "order": 50, "when": {"channels": ["email"]},
            "targets": {"first_response": {"every": "7 hours"}}}),
        json!({"id": "three-days", "name": "Three days, weekends too", "order": 60,
            "targets": {"first_response": {"every": "1 day", "time": "calendar"},
                "resolution": {"every": "3 days", "time": "calendar", "pauses": ["pending"]}}}),
    ]
}

/// From Friday, 3 April 2026, 16:00 in Paris.
fn first_response(place: Situation) -> (String, Timestamp) {
    let hours = Hours {
        calendars: [(id("fr"), paris(&[easter_monday()]))].into(),
        global: Some(id("fr")),
        ..Hours::default()
    };
    let book = Book([(1, set(&presets()).unwrap().sla_edition(hours))].into());
    let opening = Opening { origin: Origin::Customer, version: 1, bot: false, situation: place };
    let start = "2026-04-03T16:00:00+02:00";
    let story = Story::default().fact(start, What::Opened(Box::new(opening))).message(start);
    let first = clock(&story.clocks(&book, start), Kind::FirstResponse);
    (first.terms.unwrap().policy.to_string(), first.due.unwrap())
}

fn on(channel: &str) -> Situation {
    Situation { channel: id(channel), ..situation() }
}

#[test]
fn preset_five_minutes() {
    let place = Situation { segment: Some(id("airline")), ..on("x") };
    assert_eq!(first_response(place), ("airline-minutes".into(), at("2026-04-03T16:05:00+02:00")));
}

#[test]
fn preset_an_hour_and_half_of_it_if_urgent() {
    assert_eq!(first_response(on("x")), ("x".into(), at("2026-04-03T17:00:00+02:00")));
    let urgent = Situation { priority: Priority::Urgent, ..on("x") };
    assert_eq!(first_response(urgent), ("x".into(), at("2026-04-03T16:30:00+02:00")));
}

#[test]
fn preset_twice_as_fast_in_brazil() {
    let place = Situation { region: id("brazil"), ..on("x") };
    assert_eq!(first_response(place), ("brazil-x".into(), at("2026-04-03T16:30:00+02:00")));
}

#[test]
fn preset_48_hours() {
    assert_eq!(first_response(on("whatsapp")), ("whatsapp".into(), at("2026-04-05T16:00:00+02:00")));
}

#[test]
fn preset_a_day_of_work() {
    assert_eq!(first_response(on("email")), ("same-day".into(), at("2026-04-07T16:00:00+02:00")));
}

#[test]
fn preset_a_day_and_three_with_weekends() {
    assert_eq!(first_response(on("forum")), ("three-days".into(), at("2026-04-04T16:00:00+02:00")));
}

#[test]
fn what_is_wrong_is_refused_and_named() {
    let base =
        || json!({"id": "a", "name": "A", "order": 1, "targets": {"resolution": {"every": "8 hours"}}});
    let with = |pointer: &str, value: Value| {
        let mut fields = base();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        fields.pointer_mut(parent).unwrap()[name] = value;
        fields
    };
    set(&[base()]).unwrap();
    let twice = [base(), with("/id", "b".into())];
    for (fields, place) in [
        (vec![with("/targets/resolution/every", "-8 hours".into())], "/targets/resolution/every"),
        (vec![with("/targets/resolution/every", "9000 days".into())], "/targets/resolution/every"),
        (vec![with("/targets/resolution/every", "2 days".into())], "/targets/resolution/every"),
        (vec![with("/targets/resolution/every", 8.into())], "/targets/resolution/every"),
        (vec![with("/targets/resolution", json!({}))], "/targets/resolution"),
        (vec![with("/targets/answer", json!({"every": "1 hour"}))], "/targets/answer"),
        (
            vec![with("/targets/resolution/warnings", json!(["50%", "8 hours"]))],
            "/targets/resolution/warnings/1",
        ),
        (vec![with("/targets/resolution/warnings", json!(["100%"]))], "/targets/resolution/warnings/0"),
        (vec![with("/targets/resolution/warnings", json!(["-5 minutes"]))], "/targets/resolution/warnings/0"),
        (
            vec![with(
                "/targets/resolution/warnings",
                json!((1..=11).map(|n| format!("{n}%")).collect::<Vec<_>>()),
            )],
            "/targets/resolution/warnings",
        ),
        (vec![with("/targets/resolution/pauses", json!(["waiting"]))], "/targets/resolution/pauses/0"),
        (
            vec![with("/targets/first_response", json!({"every": "1 hour", "pauses": ["pending"]}))],
            "/targets/first_response/pauses/0",
        ),
        (
            vec![with("/targets/acknowledgement", json!({"every": "1 hour", "pauses": ["pending"]}))],
            "/targets/acknowledgement/pauses",
        ),
        (vec![with("/when", json!({"regions": ["atlantis"]}))], "/when/regions/0"),
        (vec![with("/when", json!({"priorities": ["now"]}))], "/when/priorities/0"),
        (vec![with("/at_risk", json!({"percent": 100}))], "/at_risk/percent"),
        (vec![with("/reopen", "sometimes".into())], "/reopen"),
        (vec![with("/order", (-1).into())], "/order"),
        (twice.to_vec(), "/order"),
    ] {
        let problems = set(&fields).expect_err(place);
        assert!(problems.iter().any(|p| p.pointer == place && !p.remedy.is_empty()), "{place}: {problems:?}");
    }
}

#[test]
fn every_option_is_read() {
    let set = set(&[json!({"id": "a", "name": "A", "order": 1, "reopen": "restart", "on_change": "restart",
        "split_start": "split", "first_response_start": "handover", "at_risk": {"percent": 10, "minutes": 5},
        "targets": {"resolution": {"normal": "8 hours", "pauses": ["pending", "on_hold"],
            "warnings": ["75%", "30 minutes"]}}})])
    .unwrap();
    let edition = set.sla_edition(Hours::default());
    let policy = edition.select(&situation()).unwrap();
    assert_eq!((policy.reopen, policy.on_change), (Reopen::Restart, OnChange::Restart));
    assert_eq!(
        (policy.split_start, policy.first_response_start),
        (SplitStart::Split, FirstResponseStart::Handover)
    );
    assert_eq!(policy.at_risk, AtRisk { percent: 10, minutes: 5 });
    let target = &policy.targets[&Kind::Resolution];
    assert_eq!(
        target.seconds,
        [(Priority::Normal, 8 * 3600)].into(),
        "other priorities are promised nothing"
    );
    assert_eq!(target.warnings, [Warning::Percent(75), Warning::Before(1800)].into());
    assert_eq!(target.pauses, [Status::Pending, Status::OnHold].into());
}

#[test]
fn calendars_come_from_the_same_policy() {
    let week = json!({"mon-fri": ["09:00-12:00", "13:00-17:00"]});
    let drafts = [
        draft(
            "calendar",
            json!({"id": "fr", "name": "France", "time_zone": "Europe/Paris", "hours": week, "holidays": ["FR"]}),
        ),
        draft("calendar", json!({"id": "all", "name": "Always", "time_zone": "UTC", "mode": "always"})),
        draft(
            "region",
            json!({"id": "world", "name": "World", "time_zone": "UTC", "languages": ["en"], "calendar": "fr"}),
        ),
        draft(
            "region",
            json!({"id": "emea", "name": "EMEA", "time_zone": "UTC", "languages": ["en"], "parent": "world"}),
        ),
        draft("team", json!({"id": "night", "name": "Night", "region": "emea", "calendar": "all"})),
        draft(
            "sla",
            json!({"id": "a", "name": "A", "order": 1, "targets": {"resolution": {"every": "3 hours"}}}),
        ),
    ];
    let set = Set::check(&drafts).unwrap();
    let book = Book([(1, set.sla_edition(set.sla_hours()))].into());
    let resolution = |team: &str| {
        let place = Situation { team: Some(id(team)), ..situation() };
        let opening = Opening { origin: Origin::Customer, version: 1, bot: false, situation: place };
        let start = "2026-04-03T16:00:00+02:00";
        let story = Story::default().fact(start, What::Opened(Box::new(opening)));
        let clock = clock(&story.clocks(&book, start), Kind::Resolution);
        (clock.calendar.unwrap().to_string(), clock.due.unwrap())
    };
    assert_eq!(resolution("care"), ("fr".into(), at("2026-04-07T11:00:00+02:00")), "of the region above");
    assert_eq!(resolution("night"), ("all".into(), at("2026-04-03T19:00:00+02:00")), "of the team");
}
