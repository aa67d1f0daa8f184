//! `dossier case bulk …`: one change for many cases, in parts of what one request may have.

use std::{
    collections::HashSet,
    io::{BufRead, Read},
};

use clap::{Args, Subcommand};
use proto::cases::v1::{BulkRequest, BulkResponse, Priority, Waiver, bulk_request as bulk};
use uuid::Uuid;

use super::{
    super::{
        context::Context,
        error::{Exit, Failure},
        output::{Cell, Document, Table, json},
        parse,
        rebuild::sequence,
    },
    change::Once,
    kinds,
    send::again,
};

/// The cases of one request at most, as the contract has it.
const CASES_MAX: usize = 500;
/// The longest list on stdin, in bytes.
const STDIN_MAX: u64 = 16 * 1024 * 1024;

/// Which cases
#[derive(Args, Debug)]
pub struct Cases {
    /// Numbers or ids; `-` reads them from stdin, one a line
    #[arg(required = true, value_name = "CASE")]
    cases: Vec<String>,
    #[command(flatten)]
    once: Once,
}

/// One change for many cases
#[derive(Debug, Subcommand)]
#[command(before_help = "\
Examples:
  dossier case bulk assign --to ana PAR-1 PAR-2 PAR-3
  dossier case ls --tag outage --all -o name | dossier case bulk resolve --resolution fixed -")]
pub enum BulkCommand {
    /// Add and remove tags
    Tag {
        #[command(flatten)]
        cases: Cases,
        /// A tag to add; as often as needed
        #[arg(long, value_name = "TAG", required_unless_present = "remove")]
        add: Vec<String>,
        /// A tag to remove; as often as needed
        #[arg(long, value_name = "TAG")]
        remove: Vec<String>,
    },
    /// Give them to somebody
    Assign {
        #[command(flatten)]
        cases: Cases,
        /// Whom; `me` is you
        #[arg(long, value_name = "PERSON")]
        to: String,
        /// The person's team, if it is not the cases'
        #[arg(long)]
        team: Option<String>,
    },
    /// Make another team responsible
    Transfer {
        #[command(flatten)]
        cases: Cases,
        /// Which
        #[arg(long)]
        team: String,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// Say how urgent they are
    Priority {
        #[command(flatten)]
        cases: Cases,
        /// How urgent
        #[arg(long, value_parser = kinds::priority())]
        to: Priority,
    },
    /// Say that they are solved
    Resolve {
        #[command(flatten)]
        cases: Cases,
        /// A place that gets no closing post, and why; as often as needed
        #[arg(long = "waive", value_name = "PLACE=REASON", value_parser = parse::waiver)]
        waivers: Vec<Waiver>,
        /// How they ended: one of the policy's reasons
        #[arg(long)]
        resolution: Option<String>,
    },
    /// Close them for good
    Close(Cases),
    /// Mark them as spam
    Spam(Cases),
    /// Put them out of sight for a while
    Snooze {
        #[command(flatten)]
        cases: Cases,
        /// Until when: a time, or how long from now (2h, 3d)
        #[arg(long, value_name = "TIME", value_parser = parse::until)]
        until: prost_types::Timestamp,
    },
}

impl BulkCommand {
    fn change(self) -> (Cases, bulk::Change) {
        use bulk::Change;
        match self {
            Self::Tag { cases, add, remove } => (cases, Change::Tags(bulk::ChangeTags { add, remove })),
            Self::Assign { cases, to, team } => {
                (cases, Change::Assign(bulk::Assign { assignee: to, team: team.unwrap_or_default() }))
            }
            Self::Transfer { cases, team, reason } => {
                (cases, Change::Transfer(bulk::Transfer { team, reason }))
            }
            Self::Priority { cases, to } => {
                (cases, Change::Priority(bulk::SetPriority { priority: to.into() }))
            }
            Self::Resolve { cases, waivers, resolution } => {
                let resolution = resolution.unwrap_or_default();
                (cases, Change::Resolve(bulk::Resolve { waivers, resolution }))
            }
            Self::Close(cases) => (cases, Change::Close(bulk::Close {})),
            Self::Spam(cases) => (cases, Change::Spam(bulk::Spam {})),
            Self::Snooze { cases, until } => (cases, Change::Snooze(bulk::Snooze { until: Some(until) })),
        }
    }
}

/// Changes them, and ends with "refused" if any was.
pub async fn run(command: BulkCommand, context: &Context) -> Result<(), Failure> {
    let client = context.client()?;
    let (cases, change) = command.change();
    let command_id = cases.once.id();
    let cases = read(cases.cases)?;
    let mut whole = BulkResponse::default();
    for (part, case_ids) in cases.chunks(CASES_MAX).enumerate() {
        let request = BulkRequest {
            command_id: id_of_part(&command_id, part),
            case_ids: case_ids.to_vec(),
            change: Some(change.clone()),
            ..BulkRequest::default()
        };
        let answer = client.call(request).await;
        let answer = answer.map_err(|failure| failure.next_if_unavailable(|| again(&command_id)))?;
        whole.results.extend(answer.results);
        // What the last part did may be older than what one before it did: it may have found everything done.
        if sequence(&answer.position) >= sequence(&whole.position) {
            whole.position = answer.position;
        }
    }
    context.out.print(&document(&whole))?;
    let refused = whole.results.iter().filter(|result| !result.reason.is_empty()).count();
    let changed = whole.results.iter().filter(|result| result.changed).count();
    context.out.note(&format!("{} cases: {changed} changed, {refused} refused", whole.results.len()));
    if refused > 0 { Err(Failure::said(Exit::Refused)) } else { Ok(()) }
}

/// The first part has the id that was given, the others one derived from it: the same list again is the same commands.
fn id_of_part(command_id: &str, part: usize) -> String {
    match command_id.parse::<Uuid>() {
        Ok(id) if part > 0 => Uuid::new_v5(&id, part.to_string().as_bytes()).to_string(),
        _ => command_id.to_owned(),
    }
}

/// The cases that are named, each once.
fn read(cases: Vec<String>) -> Result<Vec<String>, Failure> {
    let mut cases = if cases == ["-"] { of_stdin()? } else { cases };
    let mut seen = HashSet::new();
    cases.retain(|case| seen.insert(case.clone()));
    Ok(cases)
}

fn of_stdin() -> Result<Vec<String>, Failure> {
    let lines = std::io::stdin().lock().take(STDIN_MAX).lines();
    let lines: Vec<String> = lines.collect::<Result<_, _>>().map_err(|error| {
        Failure::invalid("the list of cases on stdin cannot be read").because(error.to_string())
    })?;
    let cases: Vec<String> =
        lines.iter().map(|line| line.trim()).filter(|line| !line.is_empty()).map(str::to_owned).collect();
    if cases.is_empty() {
        return Err(
            Failure::invalid("there is no case on stdin").next("`dossier case ls -o name` lists some")
        );
    }
    Ok(cases)
}

fn document(answer: &BulkResponse) -> Document {
    let mut table = Table::new(&["CASE", "RESULT", "REASON", "MESSAGE"]);
    for result in &answer.results {
        let outcome = match (result.changed, result.reason.is_empty()) {
            (true, _) => "changed",
            (false, true) => "nothing to do",
            (false, false) => "refused",
        };
        table.push(vec![
            Cell::text(&result.case_id),
            Cell::text(outcome),
            Cell::text(&result.reason),
            Cell::text(&result.message),
        ]);
    }
    Document {
        whole: json::value(answer),
        items: answer.results.iter().map(json::value).collect(),
        names: answer.results.iter().map(|result| result.case_id.clone()).collect(),
        table,
        ..Document::default()
    }
}

#[cfg(test)]
mod tests {
    use proto::cases::v1::bulk_response;

    use super::*;

    #[test]
    fn every_part_has_an_id_that_the_same_list_gets_again() {
        let id = "7f0c1a52-7d5c-4a59-9b06-0a5a3f0c9e11";
        assert_eq!(id_of_part(id, 0), id);
        assert_eq!(id_of_part(id, 1), id_of_part(id, 1));
        assert_ne!(id_of_part(id, 1), id_of_part(id, 2));
    }

    #[test]
    fn a_case_that_is_named_again_is_one_case() {
        let named = ["PAR-2", "PAR-1", "PAR-2"].map(str::to_owned).to_vec();
        assert_eq!(read(named).unwrap(), ["PAR-2", "PAR-1"]);
    }

    #[test]
    fn each_case_has_its_result() {
        let result = |case: &str, changed, reason: &str| bulk_response::Result {
            case_id: case.to_owned(),
            changed,
            reason: reason.to_owned(),
            message: String::new(),
        };
        let results =
            vec![result("PAR-1", true, ""), result("PAR-2", false, ""), result("PAR-3", false, "CLOSED")];
        let answer = BulkResponse { position: "par.1.2".to_owned(), results };
        assert_eq!(
            document(&answer).table.tsv(false, false),
            "PAR-1\tchanged\t\t\nPAR-2\tnothing to do\t\t\nPAR-3\trefused\tCLOSED\t\n"
        );
    }
}
