//! Commands on one case, sent: each becomes its request, and all have the same kind of answer.

use std::io::{IsTerminal, Read};

use proto::cases::v1::*;
use uuid::Uuid;

use super::{
    super::{
        client::Client,
        context::Context,
        error::Failure,
        output::{Cell, Document, Table, escape, json},
        parse,
        rpc::Request,
    },
    change::{Change, Once, Target},
};

/// The longest text that is read from stdin, in bytes.
const TEXT_MAX: usize = 1024 * 1024;

/// A request about the case of `$target`, sent.
macro_rules! about {
    ($client:expr, $target:expr, $request:ident { $($field:tt)* }) => {{
        let Target { case, once, expected_position } = $target;
        let command_id = once.id();
        let request = $request {
            command_id: command_id.clone(),
            case_id: case,
            expected_position: expected_position.unwrap_or_default(),
            $($field)*
        };
        send($client, &command_id, request).await
    }};
}

/// Sends the command and tells what came of it.
pub async fn run(change: Change, context: &Context) -> Result<(), Failure> {
    let client = &context.client()?;
    let answer = match change {
        Change::Open { once, account, customer, title, priority, category, language, team, fields, tags } => {
            let command_id = once.id();
            let request = OpenCaseRequest {
                command_id: command_id.clone(),
                account,
                customer: customer.unwrap_or_default(),
                title,
                priority: priority.unwrap_or_default().into(),
                category: category.unwrap_or_default(),
                language: language.unwrap_or_default(),
                team: team.unwrap_or_default(),
                fields: parse::fields(fields, Vec::new()),
                tags,
                ..OpenCaseRequest::default()
            };
            send(client, &command_id, request).await
        }
        Change::Reply(args) => {
            let (target, said) = args.said()?;
            about!(client, target, ReplyRequest { ..said })
        }
        Change::Note { target, text, mentions } => {
            let text = or_stdin(text)?;
            about!(client, target, AddNoteRequest { text, mentions })
        }
        Change::Tag { target, add, remove } => {
            about!(client, target, ChangeTagsRequest { add, remove })
        }
        Change::Priority { target, priority } => {
            about!(client, target, SetPriorityRequest { priority: priority.into() })
        }
        Change::Category { target, category, none: _ } => {
            about!(client, target, SetCategoryRequest { category: category.unwrap_or_default() })
        }
        Change::Field { target, fields, clear } => {
            about!(client, target, SetFieldsRequest { fields: parse::fields(fields, clear) })
        }
        Change::Title { target, title } => about!(client, target, SetTitleRequest { title }),
        Change::Language { target, language } => {
            about!(client, target, SetLanguageRequest { language })
        }
        Change::Label { target, label, none: _ } => {
            about!(client, target, SetStatusLabelRequest { label: label.unwrap_or_default() })
        }
        Change::Assign { target, person, team } => {
            about!(client, target, AssignRequest { assignee: person, team: team.unwrap_or_default() })
        }
        Change::Unassign(target) => about!(client, target, UnassignRequest {}),
        Change::Transfer { target, team, reason } => {
            about!(client, target, TransferRequest { team, reason })
        }
        Change::Escalate { target, team, reason, level } => {
            about!(client, target, EscalateRequest { team, reason, level: level.unwrap_or_default() })
        }
        Change::Pend(target) => about!(client, target, PendRequest {}),
        Change::Hold { target, kind, reason, until } => {
            about!(client, target, HoldRequest { kind: kind.into(), reason, until })
        }
        Change::Continue(target) => about!(client, target, ContinueRequest {}),
        Change::Snooze { target, until } => {
            about!(client, target, SnoozeRequest { until: Some(until) })
        }
        Change::Wake(target) => about!(client, target, WakeRequest {}),
        Change::Resolve { target, waivers, resolution } => {
            about!(client, target, ResolveRequest { waivers, resolution: resolution.unwrap_or_default() })
        }
        Change::Reopen(target) => about!(client, target, ReopenRequest {}),
        Change::Close(target) => about!(client, target, CloseRequest {}),
        Change::Followup { once, case, title } => {
            let command_id = once.id();
            let request = FollowUpRequest {
                command_id: command_id.clone(),
                case_id: case,
                title: title.unwrap_or_default(),
                ..FollowUpRequest::default()
            };
            send(client, &command_id, request).await
        }
        Change::Spam(target) => about!(client, target, MarkSpamRequest {}),
        Change::Unspam(target) => about!(client, target, UnmarkSpamRequest {}),
        Change::Silence { target, reason, comment } => {
            about!(
                client,
                target,
                KeepSilenceRequest { reason: reason.into(), comment: comment.unwrap_or_default() }
            )
        }
        Change::Private { target, from, to, ack } => {
            about!(
                client,
                target,
                MoveToPrivateRequest {
                    from_conversation_id: from,
                    to_conversation_id: to,
                    ack_reply_id: ack.unwrap_or_default(),
                }
            )
        }
        Change::Contact { target, step } => {
            about!(client, target, ContactRequest { step: step.into() })
        }
        Change::Check { target, item, undo } => {
            about!(client, target, CheckItemRequest { item, done: !undo })
        }
        Change::Merge { target, into, confirm_other_customer } => {
            about!(client, target, MergeRequest { into_case_id: into, confirm_other_customer })
        }
        Change::Unmerge(target) => about!(client, target, UnmergeRequest {}),
        Change::Split { target, messages, title } => {
            about!(client, target, SplitRequest { message_ids: messages, title: title.unwrap_or_default() })
        }
        Change::Link { target, kind, to } => {
            about!(client, target, LinkRequest { kind: kind.into(), to_case_id: to })
        }
        Change::Unlink { target, kind, to } => {
            about!(client, target, UnlinkRequest { kind: kind.into(), to_case_id: to })
        }
    };
    context.out.print(&document(&answer?))
}

impl Once {
    /// The id that was given, or a new one.
    pub fn id(self) -> String {
        self.command_id.unwrap_or_else(|| Uuid::new_v4().to_string())
    }
}

/// What to do if nobody knows whether a command was done: to say its id again is harmless.
pub fn again(command_id: &str) -> String {
    format!(
        "whether it was done is not known: run it again with --command-id {command_id}, which does it once at most"
    )
}

async fn send<R>(client: &Client, command_id: &str, request: R) -> Result<CommandResponse, Failure>
where
    R: Request<Answer = CommandResponse>,
{
    client.call(request).await.map_err(|failure| failure.next_if_unavailable(|| again(command_id)))
}

pub(super) fn or_stdin(text: String) -> Result<String, Failure> {
    if text != "-" {
        return Ok(text);
    }
    let stdin = std::io::stdin().lock();
    if stdin.is_terminal() {
        eprintln!("(the text, then Ctrl-D)");
    }
    let mut text = String::new();
    let read = stdin.take(TEXT_MAX as u64 + 1).read_to_string(&mut text);
    read.map_err(|error| Failure::invalid("stdin cannot be read as text").because(error.to_string()))?;
    if text.len() > TEXT_MAX {
        return Err(Failure::invalid(format!("the text on stdin is longer than {TEXT_MAX} bytes")));
    }
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

fn document(answer: &CommandResponse) -> Document {
    let name = if answer.number.is_empty() { &answer.case_id } else { &answer.number };
    let mut table = Table::new(&["NUMBER", "CHANGED", "POSITION", "CASE ID", "CREATED ID"]);
    table.push(vec![
        Cell::text(&answer.number),
        Cell::text(answer.changed.to_string()),
        Cell::text(&answer.position),
        Cell::text(&answer.case_id),
        Cell::text(&answer.created_id),
    ]);
    let done = match (answer.changed, answer.created_id.as_str()) {
        (false, _) => "nothing to do".to_owned(),
        (true, "") => "done".to_owned(),
        (true, created) => format!("done, {created}"),
    };
    let text = format!("{name}: {done} (position {})", answer.position);
    let human = escape::for_terminal(&text, escape::Lines::One).into_owned() + "\n";
    Document::one(json::value(answer), name, table).human(human)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_whether_something_was_done() {
        let mut answer = CommandResponse {
            position: "par.1.7".to_owned(),
            changed: true,
            case_id: "c".to_owned(),
            number: "PAR-1".to_owned(),
            created_id: String::new(),
        };
        assert_eq!(document(&answer).human.as_deref(), Some("PAR-1: done (position par.1.7)\n"));
        answer.changed = false;
        let document = document(&answer);
        assert_eq!(document.human.as_deref(), Some("PAR-1: nothing to do (position par.1.7)\n"));
        assert_eq!(document.table.tsv(false, false), "PAR-1\tfalse\tpar.1.7\tc\t\n");
        assert_eq!(document.names, ["PAR-1"]);
    }

    #[test]
    fn a_command_without_an_id_gets_one_of_its_own() {
        let id = || Once { command_id: None }.id();
        assert_ne!(id(), id());
        assert_eq!(Once { command_id: Some("x".to_owned()) }.id(), "x");
    }
}
