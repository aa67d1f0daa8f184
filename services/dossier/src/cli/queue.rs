//! `dossier queue …`: who waits for an agent, since when and why.

use std::collections::BTreeMap;

use clap::Subcommand;
use proto::assignment::v1::{ListQueuesRequest, ListWaitingRequest, Queue, Waiting};

use super::{
    context::Context,
    error::Failure,
    output::{Cell, Document, Table, json},
    parse,
};

/// Who waits for an agent
#[derive(Debug, Subcommand)]
#[command(before_help = "\
Examples:
  dossier queue ls                               # how many wait where, since when, and why
  dossier queue ls --team emea-care
  dossier queue ls emea                          # who waits there, the first one first")]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub enum QueueCommand {
    /// All queues; of one, who waits there
    Ls {
        /// Who waits in this queue, the first one first
        queue: Option<String>,
        /// Only queues of this team
        #[arg(long, conflicts_with = "queue")]
        team: Option<String>,
        /// Only queues of this region
        #[arg(long, conflicts_with = "queue")]
        region: Option<String>,
        /// At most so many of those who wait
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=200))]
        limit: u32,
        /// Goes on where an answer ended
        #[arg(long, value_name = "TOKEN")]
        page_token: Option<String>,
    },
}

impl QueueCommand {
    /// Does it.
    pub async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = context.client()?;
        let Self::Ls { queue, team, region, limit, page_token } = self;
        if queue.is_none() && page_token.is_some() {
            return Err(Failure::invalid("all queues are one page").next("name the queue whose list goes on"));
        }
        let Some(queue) = queue else {
            let request = ListQueuesRequest {
                team: team.unwrap_or_default(),
                region: region.unwrap_or_default(),
                at_least: context.at_least(),
            };
            let answer = client.call(request).await?;
            let whole = json::value(&answer);
            let items = whole["queues"].as_array().cloned().unwrap_or_default();
            let names = answer.queues.iter().map(|queue| queue.queue.clone()).collect();
            let table = queues(&answer.queues);
            context.out.print(&Document { whole, items, names, table, ..Document::default() })?;
            if answer.queues.is_empty() {
                context.out.note("there is no queue that you see: queues are policy, [[queue]]");
            }
            return Ok(());
        };
        let request = ListWaitingRequest {
            queue,
            page_size: limit,
            page_token: page_token.unwrap_or_default(),
            at_least: context.at_least(),
        };
        let answer = client.call(request).await?;
        let whole = json::value(&answer);
        let items = whole["waiting"].as_array().cloned().unwrap_or_default();
        let names = answer.waiting.iter().map(|waiting| waiting.number.clone()).collect();
        let table = waiting(&answer.waiting);
        context.out.print(&Document { whole, items, names, table, ..Document::default() })?;
        if !answer.next_page_token.is_empty() {
            context.out.note(&format!("there are more: --page-token {}", answer.next_page_token));
        } else if answer.waiting.is_empty() {
            context.out.note("nobody waits there whom you see");
        }
        Ok(())
    }
}

fn queues(queues: &[Queue]) -> Table {
    let mut table = Table::new(&["QUEUE", "MODE", "OPEN", "WAITING", "OLDEST", "ONLINE", "REASONS"])
        .wide(&["NAME", "REGION", "TEAM", "CHANGES"]);
    for queue in queues {
        table.push(vec![
            Cell::text(&queue.queue),
            Cell::text(&queue.mode),
            Cell::text(yes(queue.open)),
            Cell::text(queue.waiting.to_string()),
            Cell::Since(parse::time(queue.oldest.as_ref())),
            Cell::text(format!("{}/{}", queue.online, queue.agents)),
            Cell::text(counts(&queue.reasons)),
            Cell::text(&queue.name),
            Cell::text(&queue.region),
            Cell::text(&queue.team),
            Cell::time(parse::time(queue.changes_at.as_ref())),
        ]);
    }
    table
}

fn waiting(waiting: &[Waiting]) -> Table {
    let mut table = Table::new(&["CASE", "PRIORITY", "CHANNEL", "SINCE", "REASON", "TEAM"]).wide(&[
        "REGION",
        "DECISIONS",
        "AWARDED-TO",
        "CASE ID",
    ]);
    for one in waiting {
        let on_its_way = !one.awarded_to.is_empty() && one.reason.is_empty();
        table.push(vec![
            Cell::text(&one.number),
            Cell::text(&one.priority),
            Cell::text(&one.channel),
            Cell::Since(parse::time(one.since.as_ref())),
            Cell::text(if on_its_way { "on_its_way" } else { &one.reason }),
            Cell::text(&one.team),
            Cell::text(&one.region),
            Cell::text(one.decisions.to_string()),
            Cell::text(&one.awarded_to),
            Cell::text(&one.case_id),
        ]);
    }
    table
}

/// How many by each reason, the most frequent one first: `offline 3, at_capacity 1`.
pub fn counts(reasons: &BTreeMap<String, u32>) -> String {
    let mut reasons: Vec<_> = reasons.iter().collect();
    // Stable: of those that are equally frequent the first by name.
    reasons.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    reasons.iter().map(|(reason, count)| format!("{reason} {count}")).collect::<Vec<_>>().join(", ")
}

/// A word for a flag.
pub const fn yes(flag: bool) -> &'static str {
    if flag { "yes" } else { "no" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_says_how_many_wait_since_when_and_why() {
        let queue = Queue {
            queue: "emea".into(),
            mode: "least_occupied".into(),
            open: true,
            waiting: 4,
            oldest: Some(prost_types::Timestamp { seconds: 60, nanos: 0 }),
            reasons: [("at_capacity".into(), 1), ("offline".into(), 2), ("no_skill".into(), 1)].into(),
            agents: 3,
            online: 1,
            team: "emea-care".into(),
            ..Queue::default()
        };
        let table =
            queues(&[queue, Queue { queue: "press".into(), mode: "pull".into(), ..Queue::default() }]);
        assert_eq!(
            table.tsv(false, false),
            "emea\tleast_occupied\tyes\t4\t1970-01-01T00:01:00Z\t1/3\toffline 2, at_capacity 1, no_skill 1\n\
             press\tpull\tno\t0\t\t0/0\t\n"
        );
        assert!(
            table.tsv(true, true).starts_with("QUEUE\tMODE\tOPEN\tWAITING\tOLDEST\tONLINE\tREASONS\tNAME\t")
        );
    }

    #[test]
    fn who_waits_has_a_reason_or_is_on_its_way() {
        let row = |reason: &str, awarded_to: &str| {
            let one = Waiting {
                number: "PAR-7".into(),
                priority: "high".into(),
                channel: "email".into(),
                reason: reason.into(),
                awarded_to: awarded_to.into(),
                ..Waiting::default()
            };
            waiting(&[one]).tsv(false, false)
        };
        assert_eq!(row("offline", ""), "PAR-7\thigh\temail\t\toffline\t\n");
        assert_eq!(row("", "ana"), "PAR-7\thigh\temail\t\ton_its_way\t\n");
        assert_eq!(row("", ""), "PAR-7\thigh\temail\t\t\t\n", "nothing was decided yet");
    }
}
