//! Calendars as documents of the policy.

use serde_json::{Value, json};

use super::{super::resolve, *};
use crate::{
    ids::RegionId,
    policy::{Draft, Problem, Set},
};

fn draft(kind: &str, fields: Value) -> Draft {
    let Value::Object(fields) = fields else { panic!("a draft is a table") };
    Draft { kind: kind.into(), fields }
}

fn calendar(id: &str, mut fields: Value) -> Draft {
    for (name, value) in [("id", id), ("name", "C"), ("time_zone", "Europe/Paris")] {
        fields[name] = value.into();
    }
    draft("calendar", fields)
}

fn paris() -> Draft {
    calendar(
        "paris",
        json!({
            "hours": { "mon-fri": ["09:00-12:00", "13:00-17:00"] }, "holidays": ["FR"],
            "closed": [
                { "date": "2026-05-15", "name": "Bridge" },
                { "date": "2026-06-01", "name": "Meeting", "hours": ["14:00-16:00"] },
            ],
            "special": [{ "date": "2026-12-24", "name": "Christmas Eve", "hours": ["09:00-12:00"] }],
        }),
    )
}

fn set(drafts: &[Draft]) -> Set {
    Set::check(drafts).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

#[test]
fn a_document_becomes_a_calendar() {
    let set = set(&[
        paris(),
        calendar("always", json!({ "mode": "always" })),
        calendar("but", json!({ "mode": "always", "holidays": ["FR"] })),
    ]);
    let of = |id: &str| Calendar::of(&set, &id.parse().unwrap());
    let paris = of("paris").unwrap();
    let hours = |day: &str| {
        let from = time(&format!("{day}T00:00:00Z"));
        paris.between(from, from.plus_seconds(86_400)) / 3_600_000_000
    };
    assert_eq!(
        ["2026-05-12", "2026-05-14", "2026-05-15", "2026-06-01", "2026-12-24"].map(hours),
        [7, 0, 0, 5, 3]
    );
    assert_eq!(paris.exception(date("2026-12-24")).unwrap().name, "Christmas Eve");
    assert_eq!(of("always"), Some(Calendar::always()));
    assert!(!of("but").unwrap().is_open(time("2026-07-14T10:00:00Z")));
    assert_eq!(of("london"), None);
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    for (fields, pointer, message) in [
        (json!({}), "", "no \"hours\""),
        (json!({ "hours": {} }), "", "no \"hours\""),
        (json!({ "hours": { "mon": [] } }), "/hours", "does not open"),
        (json!({ "hours": { "mon": ["9-12"] } }), "/hours/mon/0", "not hours of a day"),
        (json!({ "hours": { "monday": ["09:00-12:00"] } }), "/hours/monday", "not a day of the week"),
        (
            json!({ "hours": { "mon-fri": ["09:00-12:00"], "fri": ["09:00-10:00"] } }),
            "/hours/mon-fri",
            "elsewhere",
        ),
        (
            json!({ "hours": { "mon": ["09:00-12:00", "11:00-13:00"] } }),
            "/hours/mon/1",
            "overlap with 09:00-12:00",
        ),
        (json!({ "mode": "always", "hours": { "mon": ["09:00-12:00"] } }), "/hours", "open always"),
        (json!({ "mode": "always", "holidays": ["FR-99"] }), "/holidays/0", "not a place with holidays"),
        (
            json!({ "mode": "always", "closed": [{ "date": "2026-02-30", "name": "X" }] }),
            "/closed/0/date",
            "not a day",
        ),
        (
            json!({ "mode": "always", "closed": [{ "date": "9999-02-03", "name": "X" }] }),
            "/closed/0/date",
            "not a day",
        ),
        (
            json!({ "mode": "always", "special": [{ "date": "2026-02-03", "name": "X", "hours": [] }], "closed": [{ "date": "2026-02-03", "name": "Y" }] }),
            "/special/0/date",
            "closed as a whole",
        ),
        (
            json!({ "mode": "always", "special": [{ "date": "2026-02-03", "name": "X", "hours": [] }, { "date": "2026-02-03", "name": "Y", "hours": [] }] }),
            "/special/1/date",
            "twice",
        ),
    ] {
        let problems: Vec<Problem> = Set::check(&[calendar("c", fields)]).unwrap_err();
        let found = |p: &Problem| p.pointer == pointer && p.message.contains(message) && !p.remedy.is_empty();
        assert!(problems.iter().any(found), "{message}: {problems:?}");
    }
    let region = draft("region", json!({ "id": "r", "name": "R", "time_zone": "UTC", "calendar": "pari" }));
    let problems = Set::check(&[paris(), region]).unwrap_err();
    assert!(problems[0].pointer == "/calendar" && problems[0].remedy.contains("\"paris\""), "{problems:?}");
}

#[test]
fn the_nearest_that_says_something_says_it() {
    let ids = ["own", "team", "account", "region", "above", "global"];
    let all = |without: &[&str]| {
        let with = |id: &str, mut fields: Value, level: &str| {
            fields["id"] = id.into();
            if !without.contains(&level) {
                fields["calendar"] = level.into();
            }
            fields
        };
        let mut drafts: Vec<Draft> = ids.iter().map(|id| calendar(id, json!({ "mode": "always" }))).collect();
        drafts.push(draft("region", with("emea", json!({ "name": "E", "time_zone": "UTC" }), "above")));
        drafts.push(draft("region", with("fr", json!({ "name": "F", "parent": "emea" }), "region")));
        drafts.push(draft("team", with("care", json!({ "name": "T", "region": "fr" }), "team")));
        let account = json!({ "name": "A", "channel": "email", "region": "fr", "team": "care" });
        drafts.push(draft("account", with("mail", account, "account")));
        if !without.contains(&"global") {
            drafts.push(draft("case", json!({ "calendar": "global" })));
        }
        set(&drafts)
    };
    let own: CalendarId = "own".parse().unwrap();
    let (team, account, fr) =
        ("care".parse().unwrap(), "mail".parse().unwrap(), "fr".parse::<RegionId>().unwrap());
    let sources = [
        Source::Case,
        Source::Team("care".parse().unwrap()),
        Source::Account("mail".parse().unwrap()),
        Source::Region(fr.clone()),
        Source::Region("emea".parse().unwrap()),
        Source::Global,
        Source::Nobody,
    ];
    for (gone, source) in sources.into_iter().enumerate() {
        let of_case = (gone == 0).then_some(&own);
        for region in [Some(&fr), None] {
            let found = resolve(&all(&ids[..gone]), of_case, Some(&team), Some(&account), region);
            let calendar = ids.get(gone).map(|id| id.parse().unwrap());
            assert_eq!(found, Resolved { calendar, source: source.clone() }, "{gone}");
        }
    }
    let unknown: CalendarId = "gone".parse().unwrap();
    assert_eq!(
        resolve(&all(&[]), Some(&unknown), Some(&team), None, None).calendar,
        Some("team".parse().unwrap())
    );
    let mut drafts = vec![calendar("c", json!({ "mode": "always" }))];
    drafts.push(draft("region", json!({ "id": "r", "name": "R", "time_zone": "UTC" })));
    drafts.push(draft("case", json!({ "level": "region/r", "calendar": "c" })));
    let problems = Set::check(&drafts).unwrap_err();
    assert!(problems.len() == 1 && problems[0].pointer == "/calendar", "{problems:?}");
}
