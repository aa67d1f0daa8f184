//! `dossier case show`.

use clap::Args;
use jiff::Timestamp;
use proto::cases::v1::{Case, GetCaseRequest, GetCaseResponse};
use serde_json::Value;

use super::{
    super::{
        context::Context,
        error::Failure,
        output::{
            Cell, Document, Paint, Table,
            escape::{self, Lines},
            json,
            table::{minute, since},
        },
        parse,
    },
    kinds, ls, timeline,
};

/// A case, and all that was said in it
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  dossier case show PAR-1042
  dossier case show PAR-1042 --as-of 2026-03-01T09:00:00Z     as it was recorded then
  dossier case show PAR-1042 --wait par.1.977                 not before this is applied")]
pub struct ShowArgs {
    /// Its number or id
    case: String,
    /// By what had occurred then, whenever it was recorded
    #[arg(long, value_name = "TIME", value_parser = parse::instant)]
    occurred_as_of: Option<prost_types::Timestamp>,
}

/// Shows it.
pub async fn run(args: ShowArgs, context: &Context) -> Result<(), Failure> {
    let request = GetCaseRequest {
        case_id: args.case,
        at_least: context.at_least(),
        as_of: context.as_of(),
        occurred_as_of: args.occurred_as_of,
    };
    let answer = context.client()?.call(request).await?;
    context.out.print(&document(&answer, Timestamp::now(), context.out.paint))
}

fn document(answer: &GetCaseResponse, now: Timestamp, paint: Paint) -> Document {
    let case = answer.case.clone().unwrap_or_default();
    let value = json::value(&case);
    let mut table = Table::new(&["FIELD", "VALUE"]);
    for (name, value) in value.as_object().into_iter().flatten().filter(|(name, _)| *name != "timeline") {
        table.push(vec![Cell::text(name), Cell::text(plain(value))]);
    }
    for item in &case.timeline {
        table.push(vec![Cell::text("timeline"), Cell::text(timeline::line(item))]);
    }
    let mut text = head(&case, now, paint);
    for item in &case.timeline {
        text.push('\n');
        text += &timeline::block(item, paint);
    }
    Document { whole: json::value(answer), ..Document::one(value, case.number.clone(), table).human(text) }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn head(case: &Case, now: Timestamp, paint: Paint) -> String {
    let mut text = paint.bold(&shown(&format!("{}  {}", case.number, case.title))) + "\n";
    let waiting =
        parse::time(case.waiting_since.as_ref()).map(|then| format!("waiting {}", since(then, now)));
    let state = [
        ls::status(case),
        case.status_label.clone(),
        kinds::priority_word(case.priority()),
        case.team.clone(),
        if case.assignee.is_empty() { "nobody's".to_owned() } else { case.assignee.clone() },
        waiting.unwrap_or_default(),
    ];
    text += &shown(&joined(state.iter().map(String::as_str), " · "));
    text.push('\n');
    for (name, value) in details(case) {
        if !value.is_empty() {
            text += &format!("  {} {}\n", paint.dim(&format!("{name:<12}")), shown(&value));
        }
    }
    text
}

fn details(case: &Case) -> Vec<(&'static str, String)> {
    let time =
        |time: &Option<prost_types::Timestamp>| parse::time(time.as_ref()).map(minute).unwrap_or_default();
    let customer = joined([case.customer_name.as_str(), case.customer.as_str()], "  ");
    let fields: Vec<_> = case.fields.iter().map(|(name, value)| field(name, value)).collect();
    let links = case.links.iter().map(|link| {
        let kind = json::plain(link.kind().as_str_name(), "LINK_KIND_");
        let other = if link.hidden { "a case that you do not see" } else { link.case_id.as_str() };
        if link.inverse { format!("{other} is {kind} this") } else { format!("{kind} {other}") }
    });
    let places = case.places.iter().map(|place| {
        let state = match (place.has_closing_post, place.waived) {
            (true, _) => " (closed)",
            (false, true) => " (waived)",
            (false, false) => "",
        };
        format!("{}{state}", place.place)
    });
    let checklist =
        case.checklist.iter().map(|item| format!("[{}] {}", if item.done { "x" } else { " " }, item.item));
    vec![
        ("customer", customer),
        ("channel", joined([case.channel.as_str(), case.account.as_str()], " ")),
        ("language", case.language.clone()),
        ("category", case.category.clone()),
        ("tags", case.tags.join(" ")),
        ("fields", fields.join(", ")),
        ("region", case.region.clone()),
        ("opened", time(&case.opened_at)),
        ("answered", time(&case.first_response_at)),
        ("resolved", joined([time(&case.resolved_at).as_str(), case.resolution.as_str()], " ")),
        ("closed", time(&case.closed_at)),
        ("snoozed", time(&case.snoozed_until)),
        ("hold", json::plain(case.hold().as_str_name(), "HOLD_KIND_")),
        ("silence", json::plain(case.silence().as_str_name(), "SILENCE_REASON_")),
        ("contact", json::plain(case.contact().as_str_name(), "CONTACT_STEP_")),
        (
            "escalation",
            if case.escalation_level > 0 { case.escalation_level.to_string() } else { String::new() },
        ),
        ("places", places.collect::<Vec<_>>().join(", ")),
        ("checklist", checklist.collect::<Vec<_>>().join(", ")),
        ("links", links.collect::<Vec<_>>().join(", ")),
        ("merged into", case.merged_into.clone()),
        ("merged from", case.merged_from.join(" ")),
        ("follows", case.follow_up_of.clone()),
        ("split from", case.split_from.clone()),
        ("origin", if case.origin == "live" { String::new() } else { case.origin.clone() }),
        ("id", case.case_id.clone()),
        ("position", case.position.clone()),
    ]
}

fn field(name: &str, value: &proto::cases::v1::FieldValue) -> String {
    use proto::cases::v1::field_value::Kind;
    let value = match &value.kind {
        Some(Kind::Text(text) | Kind::Date(text) | Kind::Choice(text)) => text.clone(),
        Some(Kind::Number(number)) => number.to_string(),
        Some(Kind::Flag(flag)) => flag.to_string(),
        None => String::new(),
    };
    format!("{name}={value}")
}

fn joined<'a>(parts: impl IntoIterator<Item = &'a str>, between: &str) -> String {
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(between)
}

fn shown(text: &str) -> String {
    escape::for_terminal(text, Lines::One).into_owned()
}

#[cfg(test)]
mod tests {
    use proto::cases::v1::{Actor, Status, TimelineItem, timeline_item::Kind};

    use super::*;

    fn answer() -> GetCaseResponse {
        let item = |kind: Kind, name: &str, text: &str| TimelineItem {
            at: Some(parse::instant("2026-03-01T08:00:00Z").unwrap()),
            kind: kind.into(),
            author: Some(Actor { kind: "human".to_owned(), id: "ben".to_owned(), auth: String::new() }),
            author_name: name.to_owned(),
            text: text.to_owned(),
            ..TimelineItem::default()
        };
        let sent = TimelineItem { delivery: "sent".to_owned(), ..item(Kind::Reply, "", "On its way.") };
        let case = Case {
            number: "PAR-1".to_owned(),
            title: "Late\u{7}".to_owned(),
            status: Status::Open.into(),
            customer: "c1".to_owned(),
            customer_name: "Zoë".to_owned(),
            message_count: 1,
            waiting_since: Some(parse::instant("2026-03-01T08:00:00Z").unwrap()),
            timeline: vec![
                item(Kind::MessageIn, "Zoë", "Where is it?\n\u{1b}[2Jplease"),
                sent,
                item(Kind::Note, "", "calm down"),
            ],
            ..Case::default()
        };
        GetCaseResponse { case: Some(case), position: "par.1.3".to_owned() }
    }

    #[test]
    fn people_read_it_from_top_to_bottom() {
        let now: Timestamp = "2026-03-01T09:30:00Z".parse().unwrap();
        let document = document(&answer(), now, Paint(false));
        let expected = "\
PAR-1  Late\\u{7}
open · nobody's · waiting 1h 30m
  customer     Zoë  c1

2026-03-01 08:00Z  ← Zoë
    Where is it?
    \\u{1b}[2Jplease

2026-03-01 08:00Z  → ben (sent)
    On its way.

2026-03-01 08:00Z  ✎ note by ben
    calm down
";
        assert_eq!(document.human.unwrap(), expected);
    }

    #[test]
    fn machines_get_fields() {
        let document = document(&answer(), Timestamp::UNIX_EPOCH, Paint(false));
        let tsv = document.table.tsv(false, true);
        assert!(tsv.contains("status\tSTATUS_OPEN\n"), "{tsv}");
        assert!(tsv.contains("messageCount\t1\n"), "{tsv}");
        assert!(tsv.contains("timeline\t2026-03-01T08:00:00Z reply ben: On its way.\n"), "{tsv}");
        assert_eq!(document.whole["position"], "par.1.3");
        assert_eq!(document.items[0]["number"], "PAR-1");
    }
}
