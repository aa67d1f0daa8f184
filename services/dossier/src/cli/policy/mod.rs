//! `dossier apply` and `dossier policy show`: policy is files of the operator, put into force as a whole.

mod files;

use std::{
    io::{self, BufRead, IsTerminal},
    path::PathBuf,
};

use clap::{Args, Subcommand};
use proto::policy::v1::{
    ApplyRequest, ApplyResponse, ShowRequest, ShowResponse,
    apply_response::{Change, Problem},
};

use super::{
    context::Context,
    error::{Exit, Failure},
    output::{Cell, Colour, Document, Paint, Table, escape, json},
    parse,
};

/// Removed documents that are named before one is asked.
const NAMED_MAX: usize = 10;

/// What to do if somebody else was faster.
const STALE: &str = "see what changed with `dossier event tail --category policy --until-now` and what holds with \
                     `dossier policy show`, then insist on the new position or on none";

/// Put policy files into force, all of them or none
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  dossier apply -f policy/ --dry-run      what would change
  dossier apply -f policy/                every *.toml in it and below
  dossier apply -f policy/ --expected-position par.1.12    not if somebody else was faster")]
pub struct ApplyArgs {
    /// A folder with *.toml files, or one file
    #[arg(long, short, value_name = "DIR")]
    file: PathBuf,
    /// Only say what would change
    #[arg(long)]
    dry_run: bool,
    /// Remove the documents that are in force and not in the files, without asking
    #[arg(long)]
    yes: bool,
    /// The id of this command; the same again has no second effect [default: a new one]
    #[arg(long, value_name = "UUID", value_parser = parse::command_id)]
    command_id: Option<String>,
    /// Refuse if the policy has moved on since this position
    #[arg(long, value_name = "POSITION")]
    expected_position: Option<String>,
}

/// The policy in force
#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// The effective value, and where each field of it comes from
    Show(ShowArgs),
}

/// The effective value, and where each field of it comes from
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  dossier policy show case.reopen_window --team billing
  dossier policy show account/support-mail --as-of 2026-03-01T09:00:00Z")]
pub struct ShowArgs {
    /// `case`, `account/support-mail`, `case.reopen_window` … [default: everything]
    path: Option<String>,
    /// As it is for this region
    #[arg(long)]
    region: Option<String>,
    /// As it is for this team
    #[arg(long)]
    team: Option<String>,
}

/// Applies.
pub async fn apply(args: ApplyArgs, context: &Context) -> Result<(), Failure> {
    let files = files::read(&args.file)?;
    let count = files.len();
    let command_id = args.command_id.unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
    let request = ApplyRequest {
        command_id: command_id.clone(),
        expected_position: args.expected_position.unwrap_or_default(),
        files,
        dry_run: args.dry_run,
    };
    let client = context.client()?;
    if !args.dry_run && !args.yes {
        let look = ApplyRequest { dry_run: true, ..request.clone() };
        may_remove(&client.call(look).await?)?;
    }
    let answer = client.call(request).await;
    let answer = answer.map_err(|failure| {
        if failure.has_reason("STALE_POSITION") {
            return failure.next(STALE);
        }
        failure.next_if_unavailable(|| super::case::again(&command_id))
    })?;
    context.out.print(&changes(&answer, context.out.paint))?;
    if !answer.problems.is_empty() {
        let mut failure = Failure::invalid(format!(
            "nothing was put into force: {}",
            counted(answer.problems.len(), "problem")
        ));
        failure.why = answer.problems.iter().map(problem).collect();
        return Err(failure.next("mend the files, then look with --dry-run"));
    }
    let (files, documents) = (counted(count, "file"), counted(answer.changes.len(), "document"));
    context.out.note(&match (answer.changes.is_empty(), args.dry_run) {
        (true, _) => format!("{files}, nothing changes"),
        (false, true) => format!("{files} would change {documents}"),
        (false, false) => format!("{files} changed {documents} (position {})", answer.position),
    });
    Ok(())
}

/// What is removed may be what others work under: a folder that lacks a file is not to do that by mistake.
fn may_remove(look: &ApplyResponse) -> Result<(), Failure> {
    let removed = look.changes.iter().filter(|change| change.change == "removed");
    let removed: Vec<&str> = removed.map(|change| change.document.as_str()).collect();
    if removed.is_empty() || !look.problems.is_empty() {
        return Ok(());
    }
    let what = format!("{} in force that the files do not have", counted(removed.len(), "document"));
    let named: Vec<&str> = removed.iter().copied().take(NAMED_MAX).collect();
    let more = removed.len().saturating_sub(NAMED_MAX);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let named = format!("{}{more}", named.join(", "));
    let stdin = io::stdin();
    if stdin.is_terminal() && io::stderr().is_terminal() {
        eprint!("This removes {what}: {}. Go on? [y/N] ", escape::for_terminal(&named, escape::Lines::One));
        let mut answer = String::new();
        stdin.lock().read_line(&mut answer).map_err(|error| Failure::new(Exit::Failed, error.to_string()))?;
        if matches!(answer.trim(), "y" | "Y" | "yes") {
            return Ok(());
        }
    }
    let mut failure = Failure::invalid(format!("nothing was put into force: this would remove {what}"));
    failure.why = vec![named];
    Err(failure.next("look with --dry-run; if they are to go, the same with --yes"))
}

impl PolicyCommand {
    /// Shows it.
    pub async fn run(self, context: &Context) -> Result<(), Failure> {
        let Self::Show(args) = self;
        let path = args.path.unwrap_or_default();
        let request = ShowRequest {
            path: path.clone(),
            region: args.region.unwrap_or_default(),
            team: args.team.unwrap_or_default(),
            as_of: context.as_of(),
            at_least: context.at_least(),
        };
        let answer = context.client()?.call(request).await?;
        if answer.fields.is_empty() && !path.is_empty() {
            return Err(Failure::new(Exit::NotFound, format!("the policy has nothing at {path}"))
                .next("`dossier policy show -o name` lists every path"));
        }
        context.out.print(&effective(&answer))
    }
}

/// `1 file`, `2 files`.
fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// As compilers tell it, so that editors find the place.
fn problem(problem: &Problem) -> String {
    let mut text = format!("{}:{}:{}: {}", problem.file, problem.line, problem.column, problem.message);
    if !problem.remedy.is_empty() {
        text += &format!(" ({})", problem.remedy);
    }
    text
}

fn changes(answer: &ApplyResponse, paint: Paint) -> Document {
    let mut table = Table::new(&["CHANGE", "DOCUMENT", "FIELDS"]);
    for change in &answer.changes {
        table.push(vec![
            Cell::text(&change.change),
            Cell::text(&change.document),
            Cell::text(change.fields.join(" ")),
        ]);
    }
    Document {
        whole: json::value(answer),
        items: answer.changes.iter().map(json::value).collect(),
        names: answer.changes.iter().map(|change| change.document.clone()).collect(),
        table,
        human: Some(answer.changes.iter().map(|change| difference(change, paint)).collect()),
        ..Document::default()
    }
}

/// A document that changes, in the manner of a diff.
fn difference(change: &Change, paint: Paint) -> String {
    let (sign, colour) = match change.change.as_str() {
        "added" => ("+", Colour::Green),
        "removed" => ("-", Colour::Red),
        _ => ("~", Colour::Yellow),
    };
    let document = escape::for_terminal(&change.document, escape::Lines::One);
    let mut text = paint.colour(&format!("{sign} {document}"), colour) + "\n";
    for field in &change.fields {
        text += &format!("    {}\n", escape::for_terminal(field, escape::Lines::One));
    }
    text
}

fn effective(answer: &ShowResponse) -> Document {
    let mut table = Table::new(&["PATH", "VALUE", "FROM", "LOCKED"]).wide(&["POSITION"]);
    for field in &answer.fields {
        table.push(vec![
            Cell::text(&field.path),
            Cell::text(&field.value),
            Cell::text(&field.level),
            Cell::text(if field.locked { "locked" } else { "" }),
            Cell::text(&field.position),
        ]);
    }
    Document {
        whole: json::value(answer),
        items: answer.fields.iter().map(json::value).collect(),
        names: answer.fields.iter().map(|field| field.path.clone()).collect(),
        table,
        ..Document::default()
    }
}

#[cfg(test)]
mod tests {
    use proto::policy::v1::show_response::Field;

    use super::*;

    #[test]
    fn a_change_reads_as_a_diff() {
        let change = |document: &str, change: &str, fields: &[&str]| Change {
            document: document.to_owned(),
            change: change.to_owned(),
            fields: fields.iter().map(|&field| field.to_owned()).collect(),
        };
        let answer = ApplyResponse {
            changes: vec![
                change("team/billing", "added", &[]),
                change("case/global", "changed", &["reopen_window", "close_after"]),
                change("team/old", "removed", &[]),
            ],
            ..ApplyResponse::default()
        };
        let document = changes(&answer, Paint(false));
        assert_eq!(
            document.human.unwrap(),
            "+ team/billing\n~ case/global\n    reopen_window\n    close_after\n- team/old\n"
        );
        assert!(
            document.table.tsv(false, false).contains("changed\tcase/global\treopen_window close_after\n")
        );
    }

    #[test]
    fn a_problem_names_its_place_and_remedy() {
        let at = Problem {
            file: "policy/teams.toml".to_owned(),
            line: 3,
            column: 8,
            message: "no such region: emae".to_owned(),
            remedy: "did you mean emea?".to_owned(),
        };
        assert_eq!(problem(&at), "policy/teams.toml:3:8: no such region: emae (did you mean emea?)");
    }

    #[test]
    fn every_field_says_where_it_comes_from() {
        let field = Field {
            path: "case.reopen_window".to_owned(),
            value: "\"7d\"".to_owned(),
            level: "region/emea".to_owned(),
            locked: true,
            position: "par.1.3".to_owned(),
        };
        let answer =
            ShowResponse { fields: vec![field], policy_version: "par.1.3".to_owned(), ..Default::default() };
        assert_eq!(
            effective(&answer).table.tsv(true, false),
            "case.reopen_window\t\"7d\"\tregion/emea\tlocked\tpar.1.3\n"
        );
    }
}
