//! `dossier event …`: the log as it is, sealed.

use clap::{Args, Subcommand};
use proto::operations::v1::{
    GetStreamRequest, GetStreamResponse, LogEntry, TailEventsRequest, TailEventsResponse,
};
use serde_json::Value;

use super::{
    context::Context,
    error::{Exit, Failure},
    output::{Cell, Document, Table, json},
    parse, streaming,
};

/// The log
#[derive(Debug, Subcommand)]
#[command(before_help = "\
Examples:
  dossier event tail --category case,message
  dossier event tail --until-now -o ndjson > log.ndjson
  dossier event get case-0197f0e2-5c1e-7a44-b1a2-6c0c9d0f3f11")]
pub enum EventCommand {
    /// Entries as they come; Ctrl-C ends it
    Tail(TailArgs),
    /// All entries of one stream
    Get(GetArgs),
}

/// Entries as they come
#[derive(Args, Debug)]
pub struct TailArgs {
    /// Begin after this position [default: the first entry]
    #[arg(long, value_name = "POSITION")]
    after: Option<String>,
    /// Of these categories only: case, message, policy …
    #[arg(long, value_delimiter = ',')]
    category: Vec<String>,
    /// End where the log ends now
    #[arg(long)]
    until_now: bool,
}

/// All entries of one stream
#[derive(Args, Debug)]
pub struct GetArgs {
    /// `case-<id>`, `message-<account>-<hash>` …
    stream: String,
}

impl EventCommand {
    /// Shows them.
    pub async fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Tail(args) => tail(args, context).await,
            Self::Get(args) => get(args, context).await,
        }
    }
}

async fn tail(args: TailArgs, context: &Context) -> Result<(), Failure> {
    let client = context.client()?;
    let request =
        |after| TailEventsRequest { after, categories: args.category.clone(), until_now: args.until_now };
    let mut first = true;
    let each = |answer: TailEventsResponse| {
        let entry = answer.entry.clone().unwrap_or_default();
        let mut table = table();
        table.push(row(&entry));
        let document = Document::one(json::value(&answer), entry.entry_id, table);
        context.out.print_item(&document, first)?;
        first = false;
        Ok(entry.position)
    };
    streaming::follow(&client, &context.out, args.after.unwrap_or_default(), request, each).await
}

async fn get(args: GetArgs, context: &Context) -> Result<(), Failure> {
    let answer = context
        .client()?
        .call(GetStreamRequest { stream: args.stream.clone(), ..Default::default() })
        .await?;
    if answer.entries.is_empty() {
        return Err(Failure::new(Exit::NotFound, format!("the stream {} has no entries", args.stream))
            .next("`dossier event tail --until-now` shows every stream there is"));
    }
    context.out.print(&document(&answer))
}

fn document(answer: &GetStreamResponse) -> Document {
    let mut table = table();
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

fn table() -> Table {
    Table::new(&["TIME", "POSITION", "STREAM", "ACTOR", "EVENTS"]).wide(&["ENTRY", "TRACEPARENT", "BODY"])
}

fn row(entry: &LogEntry) -> Vec<Cell> {
    let body: Value = serde_json::from_str(&entry.body).unwrap_or_default();
    let types: Vec<&str> =
        body["events"].as_array().into_iter().flatten().filter_map(|event| event["type"].as_str()).collect();
    let actor = [&body["actor"]["kind"], &body["actor"]["id"]].map(|part| part.as_str().unwrap_or_default());
    vec![
        Cell::time(parse::time(entry.recorded_at.as_ref())),
        Cell::text(&entry.position),
        Cell::text(&entry.stream),
        Cell::text(actor.join(" ").trim()),
        Cell::text(types.join(" ")),
        Cell::text(&entry.entry_id),
        Cell::text(&entry.traceparent),
        Cell::text(&entry.body),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_told_by_its_events() {
        let entry = LogEntry {
            position: "par.1.4".to_owned(),
            entry_id: "e4".to_owned(),
            stream: "case-1".to_owned(),
            recorded_at: Some(parse::instant("2026-03-01T08:00:00Z").unwrap()),
            body: r#"{"actor":{"kind":"human","id":"ana"},"events":[{"type":"case.opened"},{"type":"case.assigned"}]}"#
                .to_owned(),
            traceparent: String::new(),
        };
        let document = document(&GetStreamResponse { entries: vec![entry], ..Default::default() });
        assert_eq!(
            document.table.tsv(false, false),
            "2026-03-01T08:00:00Z\tpar.1.4\tcase-1\thuman ana\tcase.opened case.assigned\n"
        );
    }

    #[test]
    fn a_body_that_nobody_can_read_is_shown_all_the_same() {
        let entry = LogEntry { body: "not JSON".to_owned(), ..LogEntry::default() };
        let document = document(&GetStreamResponse { entries: vec![entry], ..Default::default() });
        assert!(document.table.tsv(true, false).ends_with("\tnot JSON\n"));
    }
}
