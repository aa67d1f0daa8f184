//! `dossier ledger`: nothing that came in is unaccounted for.

use clap::Args;
use proto::ingestion::v1::{GetLedgerRequest, GetLedgerResponse};

use super::{
    context::Context,
    error::Failure,
    output::{Cell, Document, Table, json},
    parse,
};

/// What came in, for each account and hour
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  dossier ledger
  dossier ledger --account support --from 2026-03-01T00:00:00Z -o csv")]
pub struct LedgerArgs {
    /// Of this account only
    #[arg(long)]
    account: Option<String>,
    /// From then on
    #[arg(long, value_name = "TIME", value_parser = parse::instant)]
    from: Option<prost_types::Timestamp>,
    /// Before then
    #[arg(long, value_name = "TIME", value_parser = parse::instant)]
    to: Option<prost_types::Timestamp>,
}

/// Shows it.
pub async fn run(args: LedgerArgs, context: &Context) -> Result<(), Failure> {
    let request = GetLedgerRequest {
        account: args.account.unwrap_or_default(),
        from: args.from,
        to: args.to,
        at_least: context.at_least(),
    };
    let answer = context.client()?.call(request).await?;
    context.out.print(&document(&answer))
}

fn document(answer: &GetLedgerResponse) -> Document {
    let mut table =
        Table::new(&["HOUR", "ACCOUNT", "RECEIVED", "ACCEPTED", "DUPLICATE", "REJECTED", "HELD BACK"]);
    for row in &answer.rows {
        let mut cells = vec![Cell::time(parse::time(row.hour.as_ref())), Cell::text(&row.account)];
        let counts = [row.received, row.accepted, row.duplicate, row.rejected, row.held_back];
        cells.extend(counts.map(|count| Cell::text(count.to_string())));
        table.push(cells);
    }
    let whole = json::value(answer);
    Document {
        items: whole["rows"].as_array().cloned().unwrap_or_default(),
        whole,
        names: answer.rows.iter().map(|row| row.account.clone()).collect(),
        table,
        ..Document::default()
    }
}
