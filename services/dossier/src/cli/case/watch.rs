//! `dossier case watch`: changes of cases as they happen, until Ctrl-C.

use clap::Args;
use proto::cases::v1::{WatchRequest, WatchResponse};

use super::{
    super::{
        context::Context,
        error::Failure,
        output::{Cell, Document, Table, json},
        parse, streaming,
    },
    filter::FilterArgs,
    kinds, ls,
};

/// Changes of cases, as they happen; Ctrl-C ends it
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  dossier case watch --team billing
  dossier case watch PAR-1042
  dossier case watch --after par.1.977 -o ndjson      nothing since then is left out")]
pub struct WatchArgs {
    /// Only this case
    case: Option<String>,
    #[command(flatten)]
    filter: FilterArgs,
    /// Begin after this position [default: now]
    #[arg(long, value_name = "POSITION")]
    after: Option<String>,
}

/// Watches.
pub async fn run(args: WatchArgs, context: &Context) -> Result<(), Failure> {
    let client = context.client()?;
    let filter = args.filter.filter();
    let case_id = args.case.unwrap_or_default();
    let request = |after| WatchRequest { filter: Some(filter.clone()), case_id: case_id.clone(), after };
    let mut first = true;
    let each = |answer: WatchResponse| {
        context.out.print_item(&document(&answer), first)?;
        first = false;
        Ok(answer.position)
    };
    streaming::follow(&client, &context.out, args.after.unwrap_or_default(), request, each).await
}

fn document(answer: &WatchResponse) -> Document {
    let case = answer.case.clone().unwrap_or_default();
    let mut table =
        Table::new(&["UPDATED", "NUMBER", "EVENTS", "STATUS", "PRIORITY", "TEAM", "ASSIGNEE", "TITLE"])
            .wide(&["POSITION", "CASE ID"]);
    table.push(vec![
        Cell::time(parse::time(case.updated_at.as_ref())),
        Cell::text(&case.number),
        Cell::text(answer.events.join(" ")),
        Cell::text(ls::status(&case)),
        Cell::text(kinds::priority_word(case.priority())),
        Cell::text(&case.team),
        Cell::text(&case.assignee),
        Cell::text(&case.title),
        Cell::text(&answer.position),
        Cell::text(&case.case_id),
    ]);
    Document::one(json::value(answer), case.number, table)
}
