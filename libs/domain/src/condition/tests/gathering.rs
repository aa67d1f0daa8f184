//! What the facts of a case are gathered from.

use serde_json::{Value, json};

use super::*;
use crate::{
    actor::{Actor, Kind},
    case::{self, FieldValue, Opening, Origin},
    condition::{AccountFacts, CustomerFacts, TimeFacts},
    decider::fold,
    message::{Attachment, Automatic, Content},
    policy::{Draft, Set, account},
    time::Timestamp,
};

/// A Friday; it is Saturday in Tokyo.
const OPENED: &str = "2026-11-27T15:30:00Z";

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn personal(text: &str) -> Personal {
    Personal::open("support_0123456789abcdef", text)
}

fn set() -> Set {
    let draft = |kind: &str, fields: Value| {
        let Value::Object(fields) = fields else { panic!("a draft is a table") };
        Draft { kind: kind.into(), fields }
    };
    let calendar = |id: &str, zone: &str| {
        let hours = json!({ "mon-fri": ["09:00-17:00"] });
        draft("calendar", json!({ "id": id, "name": id, "time_zone": zone, "hours": hours }))
    };
    Set::check(&[
        draft(
            "region",
            json!({ "id": "jp", "name": "Japan", "time_zone": "Asia/Tokyo", "calendar": "tokyo" }),
        ),
        draft("region", json!({ "id": "uk", "name": "UK", "time_zone": "Europe/London" })),
        draft("team", json!({ "id": "care", "name": "Care", "region": "jp" })),
        draft("team", json!({ "id": "london", "name": "London", "region": "uk", "calendar": "london" })),
        calendar("tokyo", "Asia/Tokyo"),
        calendar("london", "Europe/London"),
        draft(
            "account",
            json!({
                "id": "shop", "channel": "email", "name": "Shop", "region": "jp", "team": "care", "tier": 1,
                "purpose": "marketing", "brand": "Maison",
            }),
        ),
    ])
    .unwrap_or_else(|problems| panic!("{problems:#?}"))
}

fn opening() -> Opening {
    Opening {
        account: "shop".parse().unwrap(),
        channel: "email".parse().unwrap(),
        region: "jp".parse().unwrap(),
        team: None,
        conversation: None,
        identity: None,
        title: None,
        language: Some("ja".parse().unwrap()),
        priority: Priority::Urgent,
        category: Some("billing".parse().unwrap()),
        fields: BTreeMap::from([
            (field("order-number"), FieldValue::Text("A-17".into())),
            (field("iban"), FieldValue::Personal(personal("FR76"))),
        ]),
        origin: Origin::Agent,
    }
}

fn opened(opening: Opening) -> case::State {
    let by = Actor::new(Kind::Service, "intake".parse().unwrap(), "internal".parse().unwrap());
    let opened = case::Event::Opened { at: time(OPENED), by, opening: Box::new(opening) };
    fold(case::State::default(), &[opened])
}

fn content() -> Content {
    let file = Attachment {
        name: personal("receipt.png"),
        media_type: "image/png".parse().unwrap(),
        bytes: 7,
        blob: Some("b10bb10bb10bb10b".parse().unwrap()),
        source: None,
    };
    Content {
        account: "shop".parse().unwrap(),
        channel: "email".parse().unwrap(),
        external_id: personal("1"),
        identity: None,
        contact: Some(personal("somebody@example.org")),
        author_name: None,
        author_handle: None,
        text: personal("Where is my parcel?"),
        subject: Some(personal("Parcel")),
        sent_at: time(OPENED),
        detected_at: time(OPENED),
        revised_at: None,
        visibility: Visibility::Public,
        thread: None,
        reply_to: None,
        language: Some("en".parse().unwrap()),
        attachments: vec![file.clone(), file],
        digest: "0123456789abcdef".parse().unwrap(),
        fields: BTreeMap::from([(field("rating"), personal("2"))]),
        automatic: Some(Automatic::AutoReply),
        forwarded: true,
        entry_point: Some(EntryPoint::MessageUs),
        campaign: Some("spring".parse().unwrap()),
    }
}

#[test]
fn facts_say_what_case_account_message_and_time_are() {
    let (state, content, id) = (opened(opening()), content(), "shop-0123456789abcdef".parse().unwrap());
    let now = time(OPENED).plus_seconds(90);
    let facts = Facts::of_case(state.case().unwrap(), Some((&id, &content)), &set(), now);
    let case = &facts.about.case;
    assert_eq!(
        (case.status, case.priority, case.age_s),
        (Some(Status::New), Some(Priority::Urgent), Some(90))
    );
    let (region, channel, account) = (case.region.as_ref(), case.channel.as_ref(), case.account.as_ref());
    assert_eq!((region.map(crate::ids::RegionId::as_str), &case.team), (Some("jp"), &None));
    assert_eq!(
        (channel.map(crate::ids::ChannelKind::as_str), account.map(crate::ids::AccountId::as_str)),
        (Some("email"), Some("shop"))
    );
    assert_eq!(
        (&case.language, &case.category),
        (&Some("ja".parse().unwrap()), &Some("billing".parse().unwrap()))
    );
    assert_eq!((case.difficulty, case.reopenings, case.tags.is_empty()), (None, 0, true));
    // What is personal is apart: it is not stored with a decision.
    assert_eq!(case.fields, BTreeMap::from([(field("order-number"), FactValue::Text("A-17".into()))]));
    assert_eq!(facts.texts.case_fields, BTreeMap::from([(field("iban"), personal("FR76"))]));
    assert_eq!(
        facts.about.account,
        AccountFacts {
            tier: Some(1),
            purpose: Some(account::Purpose::Marketing),
            brand: Some("Maison".into()),
            region: Some("jp".parse().unwrap()),
            team: Some("care".parse().unwrap()),
        }
    );
    assert_eq!(
        facts.about.message,
        Some(MessageFacts {
            id,
            digest: content.digest.clone(),
            language: content.language.clone(),
            channel: content.channel.clone(),
            account: content.account.clone(),
            visibility: Visibility::Public,
            automatic: Some(Automatic::AutoReply),
            forwarded: true,
            entry_point: Some(EntryPoint::MessageUs),
            campaign: content.campaign.clone(),
            attachments: 2,
        })
    );
    assert_eq!((&facts.texts.text, &facts.texts.subject), (&Some(content.text), &content.subject));
    assert_eq!(facts.texts.message_fields, content.fields);
    assert_eq!(
        facts.about.customer,
        CustomerFacts { languages: vec!["ja".parse().unwrap()], ..Default::default() }
    );
    // Half past midnight in Tokyo, on a Saturday.
    assert_eq!(
        facts.about.time,
        TimeFacts { hour: Some(0), weekday: Some(Weekday::Saturday), open: Some(false) }
    );
    assert!(
        parsed("case.priority == 'urgent' && message.subject == 'Parcel' && !time.open")
            .holds(&facts)
            .unwrap()
    );
}

#[test]
fn the_team_says_the_hours_and_the_region_what_the_clock_shows() {
    let of = |team: Option<&str>, region: &str| {
        let opening = Opening {
            team: team.map(|team| team.parse().unwrap()),
            region: region.parse().unwrap(),
            ..opening()
        };
        Facts::of_case(opened(opening).case().unwrap(), None, &set(), time(OPENED)).about.time
    };
    let time =
        |hour: u8, weekday, open| TimeFacts { hour: Some(hour), weekday: Some(weekday), open: Some(open) };
    assert_eq!(of(None, "jp"), time(0, Weekday::Saturday, false));
    assert_eq!(of(Some("london"), "jp"), time(0, Weekday::Saturday, true));
    // A region without a calendar of its own, and an account without one: always open.
    assert_eq!(of(None, "uk"), time(15, Weekday::Friday, true));
    // One that the policy does not have any more has no clock.
    assert_eq!(of(None, "gone"), TimeFacts { hour: None, weekday: None, open: Some(true) });
}

#[test]
fn what_is_not_known_is_not_made_up() {
    let mut opening = opening();
    (opening.account, opening.language, opening.category) = ("gone".parse().unwrap(), None, None);
    let before = time(OPENED).plus_seconds(-60);
    let facts = Facts::of_case(opened(opening).case().unwrap(), None, &set(), before);
    assert_eq!(facts.about.account, AccountFacts::default());
    assert_eq!((facts.about.message, facts.texts.text), (None, None));
    assert!(facts.about.customer.languages.is_empty() && facts.about.scores.is_empty());
    assert_eq!(facts.about.case.age_s, Some(0), "a clock that goes back makes no age below nothing");
}
