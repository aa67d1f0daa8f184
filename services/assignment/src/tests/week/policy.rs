//! An organisation with four regions, twenty teams, forty queues and two hundred agents.

use domain::{
    policy::{Draft, Set},
    routing::plan::Plan,
};
use serde_json::{Value, json};

/// The regions, with their time zone and their languages.
pub(super) const REGIONS: [(&str, &str, &[&str]); 4] = [
    ("emea", "Europe/Paris", &["fr", "de", "en"]),
    ("amer", "America/New_York", &["en", "es"]),
    ("apac", "Asia/Tokyo", &["ja", "en"]),
    ("latam", "America/Sao_Paulo", &["pt", "es"]),
];
/// What a region's queues are about, one each.
pub(super) const TOPICS: usize = 10;
const TOPICS_OF_TEAM: usize = 2;
const AGENTS_OF_TEAM: usize = 10;
/// The kinds of channels, with how many of a hundred cases come in on each and how long one takes, in minutes.
pub(super) const CHANNELS: [(&str, u64, u64); 4] =
    [("email", 50, 70), ("chat", 25, 25), ("whatsapp", 15, 40), ("phone", 10, 12)];
/// What nobody can do.
pub(super) const RARE: &str = "rare";
/// Cases of somebody who is asked for.
pub(super) const ASKED: &str = "asked";
pub(super) const VIP: &str = "vip";

fn draft(kind: &str, fields: Value) -> Draft {
    let Value::Object(fields) = fields else { panic!("a draft is a table") };
    Draft { kind: kind.into(), fields }
}

#[expect(clippy::needless_pass_by_value, reason = "as `json!` makes it")]
fn named(kind: &str, id: &str, more: Value) -> Draft {
    let mut fields = json!({ "id": id, "name": id });
    fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    draft(kind, fields)
}

pub(super) fn plan() -> Plan {
    let mut drafts = vec![named("skill", RARE, json!({}))];
    drafts.extend((0..TOPICS).map(|topic| named("skill", &skill(topic), json!({}))));
    let (mut agent, mut order) = (0, 0);
    let mut rule = |when: String, goes_on: bool, then: Value| {
        order += 1;
        let more = json!({ "order": order, "when": when, "continue": goes_on, "then": then });
        named("routing_rule", &format!("r{order:03}"), more)
    };
    drafts.push(rule(has(RARE), true, json!({ "skills": { RARE: 1 } })));
    drafts.push(rule(has(ASKED), true, json!({ "direct": "a000", "direct_for": "10 minutes" })));
    drafts.push(rule(
        has(VIP),
        true,
        json!({ "priority": "urgent", "segment": VIP, "optional_skills": { "topic-1": 1 } }),
    ));
    for language in ["fr", "de", "en", "es", "ja", "pt"] {
        drafts.push(rule(format!("case.language == '{language}'"), true, json!({ "language": language })));
    }
    for (region, zone, languages) in REGIONS {
        drafts.push(named("region", region, json!({ "time_zone": zone })));
        let mut calendar = |name: &str, hours: &str| {
            let hours = json!({ "mon-fri": [hours], "sat": [hours] });
            drafts.push(named(
                "calendar",
                &format!("{region}-{name}"),
                json!({ "time_zone": zone, "hours": hours }),
            ));
        };
        calendar("open", "07:00-21:00");
        calendar("early", "07:00-15:00");
        calendar("late", "13:00-21:00");
        for topic in 0..TOPICS {
            drafts.push(named("queue", &queue(region, topic), queue_of(region, topic)));
            let mut then = json!({ "queue": queue(region, topic) });
            match topic {
                3 => then["region"] = region.into(),
                5 => then["skills"] = json!({ skill(5): 4 }),
                _ => {}
            }
            if topic > 0 {
                drafts.push(rule(
                    format!("case.region == '{region}' && {}", has(&skill(topic))),
                    false,
                    then,
                ));
            }
        }
        for team in 0..TOPICS / TOPICS_OF_TEAM {
            let id = format!("{region}-{team}");
            drafts.push(named("team", &id, json!({ "region": region })));
            for n in 0..AGENTS_OF_TEAM {
                let person = format!("a{agent:03}");
                drafts.push(named("person", &person, json!({ "roles": ["agent"], "teams": [id] })));
                let own = |i: usize| skill(team * TOPICS_OF_TEAM + i);
                let mut spoken = json!({ "en": "b2" });
                spoken[languages[(n + 1) % languages.len()]] = "b2".into();
                spoken[languages[n % languages.len()]] = "native".into();
                let shift = if n % 2 == 0 { "early" } else { "late" };
                let segments = if n % 5 == 0 { json!([VIP]) } else { json!([]) };
                drafts.push(draft(
                    "agent",
                    json!({
                        "id": person, "skills": { own(0): 1 + n % 5, own(1): 1 + (n + 2) % 5 }, "languages": spoken,
                        "capacity": 10 + n % 4, "channels": { "chat": { "at_most": 2 } },
                        "shifts": format!("{region}-{shift}"), "segments": segments, "seniority": 1 + n % 5,
                    }),
                ));
                agent += 1;
            }
        }
    }
    Plan::of(&Set::check(&drafts).unwrap_or_else(|problems| panic!("{problems:#?}")), 1)
}

fn queue_of(region: &str, topic: usize) -> Value {
    let modes = ["round_robin", "load_balanced", "skills", "last_agent"];
    let mut fields = json!({
        "region": region, "team": format!("{region}-{}", topic / TOPICS_OF_TEAM), "mode": modes[topic % modes.len()],
        "offer": topic % 3 == 1, "default": topic == 0,
    });
    if topic % 2 == 1 {
        fields["skills"] = json!([skill(topic)]);
    }
    if topic >= 2 {
        fields["calendar"] = format!("{region}-open").into();
    }
    let rest = queue(region, 0);
    match topic {
        5 => fields["relaxation"] = json!([{ "after": "20 minutes", "relax": "proficiency" }]),
        6 => fields["overflow"] = json!({ "to": rest, "after": "15 minutes" }),
        8 => fields["overflow"] = json!({ "to": rest, "after": "30 minutes", "when_closed": true }),
        9 => {
            let others = REGIONS.iter().filter(|(other, ..)| *other != region);
            fields["follow_the_sun"] = others.map(|(other, ..)| queue(other, 9)).collect();
        }
        _ => {}
    }
    fields
}

pub(super) fn skill(topic: usize) -> String {
    format!("topic-{topic}")
}

fn queue(region: &str, topic: usize) -> String {
    format!("{region}-{topic}")
}

fn has(tag: &str) -> String {
    format!("case.tags.exists(t, t == '{tag}')")
}
