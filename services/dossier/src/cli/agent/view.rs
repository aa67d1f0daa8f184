//! How agents are shown.

use proto::assignment::v1::Agent;

use super::super::{
    output::{
        Cell, Document, Paint, Table,
        escape::{self, Lines},
        json,
        table::minute,
    },
    parse,
    queue::yes,
};

/// A row for each.
pub fn table(agents: &[Agent]) -> Table {
    let mut table =
        Table::new(&["AGENT", "PRESENCE", "SINCE", "REASON", "UNITS", "CASES", "OFFERS", "SHIFT", "DRAINS"])
            .wide(&["NAME", "LEASE", "TEAMS", "QUEUES", "SKILLS", "LANGUAGES", "LAST", "POSITION"]);
    for agent in agents {
        table.push(vec![
            Cell::text(&agent.person),
            Cell::text(presence(agent)),
            Cell::Since(parse::time(agent.since.as_ref())),
            Cell::text(&agent.reason),
            Cell::text(format!("{}/{}", agent.used, agent.capacity)),
            Cell::text(agent.held.len().to_string()),
            Cell::text(agent.offers.len().to_string()),
            Cell::text(if agent.on_shift { "on" } else { "off" }),
            Cell::text(yes(agent.draining)),
            Cell::text(&agent.name),
            Cell::time(parse::time(agent.lease_until.as_ref())),
            Cell::text(agent.teams.join(" ")),
            Cell::text(agent.queues.join(" ")),
            Cell::text(pairs(agent.skills.iter())),
            Cell::text(pairs(agent.languages.iter())),
            Cell::time(parse::time(agent.last_assigned.as_ref())),
            Cell::text(&agent.position),
        ]);
    }
    table
}

/// One of them, from top to bottom.
pub fn whole(agent: &Agent, paint: Paint) -> Document {
    let mut table = Table::new(&["FIELD", "VALUE"]);
    let mut text = String::new();
    for (field, value) in lines(agent) {
        let shown = escape::for_terminal(&value, Lines::One);
        text += &format!("{} {shown}\n", paint.dim(&format!("{field:<10}")));
        table.push(vec![Cell::text(field), Cell::text(value)]);
    }
    Document::one(json::value(agent), &agent.person, table).human(text)
}

fn lines(agent: &Agent) -> Vec<(&'static str, String)> {
    let time = |at: &Option<prost_types::Timestamp>| parse::time(at.as_ref()).map(minute).unwrap_or_default();
    let since = |word: &str, at: String| if at.is_empty() { at } else { format!("{word} {at}") };
    let shift = if agent.on_shift { "on shift" } else { "off shift" };
    let drains = if agent.draining { "takes nothing new" } else { "" };
    let mut lines = vec![
        ("agent", joined(&[&agent.person, &agent.name])),
        (
            "presence",
            joined(&[
                &presence(agent),
                &since("since", time(&agent.since)),
                &since("until", time(&agent.lease_until)),
                &agent.reason,
                shift,
                drains,
            ]),
        ),
        ("units", format!("{} of {}", agent.used, agent.capacity)),
        ("teams", agent.teams.join("  ")),
        ("queues", agent.queues.join("  ")),
        ("skills", pairs(agent.skills.iter())),
        ("languages", pairs(agent.languages.iter())),
    ];
    lines.retain(|(_, value)| !value.is_empty());
    lines.extend(agent.offers.iter().map(|offer| {
        let answer = if offer.accepted { "accepted".to_owned() } else { since("until", time(&offer.until)) };
        let decision = format!("decision {}", offer.decision);
        ("offer", joined(&[&offer.case_id, &decision, &offer.channel, &units(offer.units), &answer]))
    }));
    lines.extend(agent.held.iter().map(|held| {
        let units = if held.consumes { units(held.units) } else { "no units now".to_owned() };
        ("case", joined(&[&held.case_id, &held.channel, &units, &since("since", time(&held.since))]))
    }));
    lines
}

fn presence(agent: &Agent) -> String {
    json::plain(agent.presence().as_str_name(), "PRESENCE_")
}

fn units(units: u32) -> String {
    if units == 1 { "1 unit".to_owned() } else { format!("{units} units") }
}

fn pairs<'a, V: std::fmt::Display + 'a>(pairs: impl Iterator<Item = (&'a String, V)>) -> String {
    pairs.map(|(name, value)| format!("{name}:{value}")).collect::<Vec<_>>().join(" ")
}

fn joined(parts: &[&str]) -> String {
    let parts: Vec<_> = parts.iter().filter(|part| !part.is_empty()).copied().collect();
    parts.join("  ")
}

#[cfg(test)]
mod tests {
    use proto::assignment::v1::{Offer, Presence, agent::Held};

    use super::*;

    fn agent() -> Agent {
        let at = || Some(parse::instant("2026-03-01T08:00:00Z").unwrap());
        Agent {
            person: "ana".into(),
            name: "Ana\u{7}".into(),
            presence: Presence::Break.into(),
            since: at(),
            reason: "lunch".into(),
            lease_until: at(),
            on_shift: true,
            used: 3,
            capacity: 12,
            teams: vec!["north".into(), "south".into()],
            skills: [("parts".into(), 4)].into(),
            languages: [("fr".into(), "c1".into())].into(),
            held: vec![Held {
                case_id: "c1".into(),
                channel: "email".into(),
                units: 2,
                since: at(),
                ..Held::default()
            }],
            offers: vec![Offer {
                case_id: "c2".into(),
                decision: 2,
                units: 1,
                until: at(),
                ..Offer::default()
            }],
            ..Agent::default()
        }
    }

    #[test]
    fn a_row_says_whether_an_agent_can_take_more() {
        assert_eq!(
            table(&[agent()]).tsv(false, false),
            "ana\tbreak\t2026-03-01T08:00:00Z\tlunch\t3/12\t1\t1\ton\tno\n"
        );
    }

    #[test]
    fn people_read_what_somebody_has_and_is_offered() {
        let expected = "\
agent      ana  Ana\\u{7}
presence   break  since 2026-03-01 08:00Z  until 2026-03-01 08:00Z  lunch  on shift
units      3 of 12
teams      north  south
skills     parts:4
languages  fr:c1
offer      c2  decision 2  1 unit  until 2026-03-01 08:00Z
case       c1  email  no units now  since 2026-03-01 08:00Z
";
        assert_eq!(whole(&agent(), Paint(false)).human.unwrap(), expected);
    }
}
