//! `dossier case history`: what happened, who did it, and why.

use clap::Args;
use proto::cases::v1::{Actor, GetHistoryRequest, GetHistoryResponse, HistoryEntry};

use super::super::{
    context::Context,
    error::Failure,
    output::{Cell, Document, Table, json},
    parse,
};

/// The entries of one answer at most, as the contract has it.
const PAGE_MAX: u32 = 1_000;

/// What happened in a case, who did it and why
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  dossier case history PAR-1042
  dossier case history PAR-1042 -o wide        with causes, positions and the events themselves
  dossier case history PAR-1042 -o ndjson | jq -r '.events[].type'")]
pub struct HistoryArgs {
    /// Its number or id
    case: String,
    /// How many entries at most [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
}

/// Tells it, from the beginning.
pub async fn run(args: HistoryArgs, context: &Context) -> Result<(), Failure> {
    let client = context.client()?;
    let limit = args.limit.unwrap_or(u32::MAX);
    let mut request = GetHistoryRequest {
        case_id: args.case,
        at_least: context.at_least(),
        as_of: context.as_of(),
        page_size: limit.min(PAGE_MAX),
        ..GetHistoryRequest::default()
    };
    let mut whole = client.call(request.clone()).await?;
    loop {
        let left = limit.saturating_sub(u32::try_from(whole.entries.len()).unwrap_or(u32::MAX));
        if left == 0 || whole.next_page_token.is_empty() {
            break;
        }
        request.page_size = left.min(PAGE_MAX);
        request.page_token.clone_from(&whole.next_page_token);
        let page = client.call(request.clone()).await?;
        whole.next_page_token = page.next_page_token;
        if page.entries.is_empty() {
            break;
        }
        whole.entries.extend(page.entries);
    }
    context.out.print(&document(&whole))
}

fn document(answer: &GetHistoryResponse) -> Document {
    let mut table = Table::new(&["TIME", "ACTOR", "EVENTS", "REASON"]).wide(&[
        "ORIGIN",
        "OCCURRED",
        "CAUSE",
        "CORRELATION",
        "POLICY",
        "COMMAND",
        "REQUEST",
        "POSITION",
        "ENTRY",
        "DETAILS",
    ]);
    for entry in &answer.entries {
        table.push(row(entry));
    }
    Document {
        whole: json::value(answer),
        items: answer.entries.iter().map(json::value).collect(),
        names: answer.entries.iter().map(|entry| entry.entry_id.clone()).collect(),
        table,
        ..Document::default()
    }
}

fn row(entry: &HistoryEntry) -> Vec<Cell> {
    let types: Vec<&str> = entry.events.iter().map(|event| event.r#type.as_str()).collect();
    let details: Vec<&str> = entry.events.iter().map(|event| event.json.as_str()).collect();
    vec![
        Cell::time(parse::time(entry.recorded_at.as_ref())),
        Cell::text(who(entry)),
        Cell::text(types.join(" ")),
        Cell::text(&entry.reason),
        Cell::text(&entry.origin),
        Cell::time(parse::time(entry.occurred_at.as_ref())),
        Cell::text(&entry.causation),
        Cell::text(&entry.correlation),
        Cell::text(&entry.policy_version),
        Cell::text(&entry.command_id),
        Cell::text(&entry.request_id),
        Cell::text(&entry.position),
        Cell::text(&entry.entry_id),
        Cell::text(details.join(" ")),
    ]
}

fn who(entry: &HistoryEntry) -> String {
    let actor = entry.actor.as_ref().map(actor).unwrap_or_default();
    if entry.on_behalf_of.is_empty() { actor } else { format!("{actor} for {}", entry.on_behalf_of) }
}

/// People by their id; everything else says what it is.
fn actor(actor: &Actor) -> String {
    match actor.kind.as_str() {
        "human" | "" => actor.id.clone(),
        kind if actor.id.is_empty() => kind.to_owned(),
        kind => format!("{kind} {}", actor.id),
    }
}

#[cfg(test)]
mod tests {
    use proto::cases::v1::history_entry::Event;

    use super::*;

    #[test]
    fn an_entry_says_who_did_what_and_why() {
        let event = |kind: &str| Event { r#type: kind.to_owned(), json: format!("{{\"type\":\"{kind}\"}}") };
        let entry = HistoryEntry {
            position: "par.1.4".to_owned(),
            entry_id: "e4".to_owned(),
            recorded_at: Some(parse::instant("2026-03-01T08:00:00.25Z").unwrap()),
            actor: Some(Actor { kind: "rule".to_owned(), id: "vip".to_owned(), auth: String::new() }),
            on_behalf_of: "ana".to_owned(),
            reason: "gold".to_owned(),
            causation: "e3".to_owned(),
            events: vec![event("case.tagged"), event("case.assigned")],
            ..HistoryEntry::default()
        };
        let answer = GetHistoryResponse { entries: vec![entry], ..GetHistoryResponse::default() };
        let document = document(&answer);
        assert_eq!(
            document.table.tsv(false, false),
            "2026-03-01T08:00:00.25Z\trule vip for ana\tcase.tagged case.assigned\tgold\n"
        );
        let wide = document.table.tsv(true, false);
        assert!(wide.contains("\te3\t") && wide.contains("{\"type\":\"case.assigned\"}"), "{wide}");
        assert_eq!(document.items[0]["events"][1]["type"], "case.assigned");
    }

    #[test]
    fn people_are_called_by_their_id_alone() {
        let of = |kind: &str, id: &str| {
            actor(&Actor { kind: kind.to_owned(), id: id.to_owned(), auth: String::new() })
        };
        assert_eq!(of("human", "ana"), "ana");
        assert_eq!(of("import", ""), "import");
        assert_eq!(of("bot", "greeter"), "bot greeter");
    }
}
