//! `dossier case ls`.

use clap::Args;
use proto::cases::v1::{Case, ListCasesRequest, ListCasesResponse, list_cases_request::Order};

use super::{
    super::{
        context::Context,
        error::Failure,
        output::{Cell, Document, Table, json},
        parse,
    },
    filter::FilterArgs,
    kinds,
};

/// The cases of one answer at most, as the contract has it.
const PAGE_MAX: u32 = 200;

/// The cases that match
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  dossier case ls --unassigned --sort waiting
  dossier case ls --status open,pending --team billing --text '\"no refund\"'
  dossier case ls --all --updated-from 2026-03-01T00:00:00Z -o csv > march.csv")]
pub struct LsArgs {
    #[command(flatten)]
    filter: FilterArgs,
    /// What comes first
    #[arg(long, value_name = "ORDER", value_parser = kinds::order(), default_value = "updated-desc")]
    sort: Order,
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// All there are
    #[arg(long, conflicts_with = "limit")]
    all: bool,
    /// Go on where an earlier answer ended
    #[arg(long, value_name = "TOKEN")]
    page_token: Option<String>,
}

/// Lists them, page after page up to the limit.
pub async fn run(args: LsArgs, context: &Context) -> Result<(), Failure> {
    let client = context.client()?;
    let limit = if args.all { u32::MAX } else { args.limit };
    let mut request = ListCasesRequest {
        filter: Some(args.filter.filter()),
        order: args.sort.into(),
        page_size: limit.min(PAGE_MAX),
        page_token: args.page_token.unwrap_or_default(),
        at_least: context.at_least(),
    };
    let mut whole = client.call(request.clone()).await?;
    while let Some(left) = left(limit, &whole) {
        request.page_size = left.min(PAGE_MAX);
        request.page_token.clone_from(&whole.next_page_token);
        let page = client.call(request.clone()).await?;
        let nothing = page.cases.is_empty();
        whole.cases.extend(page.cases);
        whole.next_page_token = page.next_page_token;
        if nothing {
            break;
        }
    }
    context.out.print(&document(&whole))?;
    if whole.cases.is_empty() {
        context.out.note("no case matches");
    } else if !whole.next_page_token.is_empty() {
        context.out.note(&format!("there are more: --all, or --page-token {}", whole.next_page_token));
    }
    Ok(())
}

fn left(limit: u32, so_far: &ListCasesResponse) -> Option<u32> {
    let left = limit.saturating_sub(u32::try_from(so_far.cases.len()).unwrap_or(u32::MAX));
    (left > 0 && !so_far.next_page_token.is_empty()).then_some(left)
}

fn document(answer: &ListCasesResponse) -> Document {
    let mut table =
        Table::new(&["NUMBER", "STATUS", "PRIORITY", "TEAM", "ASSIGNEE", "WAITING", "TITLE", "UPDATED"])
            .wide(&[
                "CUSTOMER", "CHANNEL", "ACCOUNT", "CATEGORY", "TAGS", "LANGUAGE", "OPENED", "POSITION",
                "CASE ID",
            ]);
    for case in &answer.cases {
        table.push(row(case));
    }
    Document {
        whole: json::value(answer),
        items: answer.cases.iter().map(json::value).collect(),
        names: answer.cases.iter().map(|case| case.number.clone()).collect(),
        table,
        ..Document::default()
    }
}

fn row(case: &Case) -> Vec<Cell> {
    let customer = if case.customer_name.is_empty() { &case.customer } else { &case.customer_name };
    vec![
        Cell::text(&case.number),
        Cell::text(status(case)),
        Cell::text(kinds::priority_word(case.priority())),
        Cell::text(&case.team),
        Cell::text(&case.assignee),
        Cell::Since(parse::time(case.waiting_since.as_ref())),
        Cell::text(&case.title),
        Cell::time(parse::time(case.updated_at.as_ref())),
        Cell::text(customer),
        Cell::text(&case.channel),
        Cell::text(&case.account),
        Cell::text(&case.category),
        Cell::text(case.tags.join(" ")),
        Cell::text(&case.language),
        Cell::time(parse::time(case.opened_at.as_ref())),
        Cell::text(&case.position),
        Cell::text(&case.case_id),
    ]
}

/// The status, and the overlays that hide a case from its queue.
pub fn status(case: &Case) -> String {
    let mut status = kinds::status_word(case.status());
    if case.snoozed_until.is_some() {
        status += " (snoozed)";
    }
    if case.parked {
        status += " (parked)";
    }
    status
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proto::cases::v1::{Priority, Status};

    use super::{
        super::super::output::{Format, tests::out},
        *,
    };

    fn time(text: &str) -> Option<prost_types::Timestamp> {
        Some(parse::instant(text).unwrap())
    }

    fn answer() -> ListCasesResponse {
        let case = Case {
            case_id: "0b1c".to_owned(),
            number: "PAR-1042".to_owned(),
            position: "par.1.9".to_owned(),
            status: Status::Open.into(),
            priority: Priority::High.into(),
            team: "billing".to_owned(),
            assignee: "ana".to_owned(),
            title: "Refund\u{1b}[31m please".to_owned(),
            tags: vec!["vip".to_owned(), "refund".to_owned()],
            waiting_since: time("2026-03-01T08:00:00Z"),
            updated_at: time("2026-03-01T09:30:00Z"),
            opened_at: time("2026-02-28T09:30:00Z"),
            ..Case::default()
        };
        let other = Case {
            number: "PAR-7".to_owned(),
            status: Status::Pending.into(),
            snoozed_until: time("2026-03-09T00:00:00Z"),
            ..Case::default()
        };
        ListCasesResponse {
            cases: vec![case, other],
            next_page_token: "next".to_owned(),
            position: "par.1.12".to_owned(),
        }
    }

    #[test]
    fn people_see_how_long_customers_wait() {
        let now: Timestamp = "2026-03-01T10:14:00Z".parse().unwrap();
        let text =
            crate::cli::Out { width: 120, ..out(Format::Table, true) }.render(&document(&answer()), now);
        let expected = "\
NUMBER    STATUS             PRIORITY  TEAM     ASSIGNEE  WAITING  TITLE                   UPDATED
PAR-1042  open               high      billing  ana       2h 14m   Refund\\u{1b}[31m please  2026-03-01 09:30Z
PAR-7     pending (snoozed)
";
        let squeezed = |text: &str| {
            text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>()
        };
        assert_eq!(squeezed(&text), squeezed(expected));
    }

    #[test]
    fn machines_see_everything() {
        let document = document(&answer());
        let csv = out(Format::Csv, false).render(&document, Timestamp::UNIX_EPOCH);
        let mut lines = csv.lines();
        assert!(
            lines
                .next()
                .unwrap()
                .starts_with("number,status,priority,team,assignee,waiting,title,updated,customer")
        );
        assert!(lines.next().unwrap().contains(",2026-03-01T08:00:00Z,"));
        assert_eq!(document.names, ["PAR-1042", "PAR-7"]);
        assert_eq!(document.whole["nextPageToken"], "next");
        assert_eq!(document.whole["cases"][0]["status"], "STATUS_OPEN");
        assert_eq!(document.items[1]["number"], "PAR-7");
    }

    #[test]
    fn pages_are_read_up_to_the_limit() {
        let mut answer = answer();
        assert_eq!(left(50, &answer), Some(48));
        assert_eq!(left(2, &answer), None);
        answer.next_page_token.clear();
        assert_eq!(left(50, &answer), None);
    }
}
