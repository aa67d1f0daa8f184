//! `dossier hook …`: what platforms told by webhook that could not be read, and what becomes of it.

use std::{borrow::Cow, io::Write};

use clap::Subcommand;
use proto::ingestion::v1::{
    DeadLetter, DiscardDeadLetterRequest, DiscardDeadLettersRequest, DiscardDeadLettersResponse,
    GetDeadLetterRequest, ListDeadLettersRequest, ListDeadLettersResponse, RetryDeadLetterRequest,
    dead_letter::State,
};

use super::{
    client::Client,
    context::Context,
    error::{Exit, Failure},
    output::{
        Cell, Document, Table,
        escape::{self, Lines},
        json,
    },
    parse,
};

/// Letters of one question.
const PAGE: u32 = 200;

/// What platforms told and could not be read
#[derive(Debug, Subcommand)]
#[command(before_help = "\
Examples:
  dossier hook ls                                # what waits for somebody
  dossier hook show LETTER
  dossier hook show LETTER --raw | jq .          # what it says, as it came
  dossier hook retry LETTER
  dossier hook retry --account wa-emea           # all of it, after an upgrade
  dossier hook discard LETTER LETTER
  dossier hook discard --account wa-emea --reason 'missing: the platform always sends it'

LETTER is the id of a dead letter: `hook ls` has it.")]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub enum HookCommand {
    /// Dead letters, the oldest first
    Ls {
        /// Of this account only
        #[arg(long)]
        account: Option<String>,
        /// In this state: kept, taken, discarded
        #[arg(long, value_parser = state, default_value = "kept")]
        state: State,
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
    /// One of them
    Show {
        /// The dead letter
        letter: String,
        /// What it says, as it came, and nothing else: somebody's words
        #[arg(long)]
        raw: bool,
    },
    /// Read them anew
    Retry {
        /// The dead letters [default: all that are kept]
        letter: Vec<String>,
        /// Of all, those of this account
        #[arg(long, conflicts_with = "letter")]
        account: Option<String>,
    },
    /// Give some up: what they say is destroyed
    Discard {
        /// The dead letters
        #[arg(required_unless_present = "account")]
        letter: Vec<String>,
        /// All that are kept of this account
        #[arg(long, conflicts_with = "letter")]
        account: Option<String>,
        /// Of these, those with this reason, whatever numbers stand in it
        #[arg(long, conflicts_with = "letter")]
        reason: Option<String>,
    },
}

fn state(text: &str) -> Result<State, String> {
    let known = State::from_str_name(&format!("STATE_{}", text.to_uppercase()));
    known
        .filter(|state| *state != State::Unspecified)
        .ok_or_else(|| "one of kept, taken, discarded".to_owned())
}

impl HookCommand {
    /// Does it.
    pub async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = &context.client()?;
        match self {
            Self::Ls { account, state, limit } => {
                let mut request = ListDeadLettersRequest {
                    account: account.unwrap_or_default(),
                    state: state.into(),
                    page_size: limit.min(PAGE),
                    page_token: String::new(),
                };
                let mut answer = client.call(request.clone()).await?;
                while let Some(left) = left(limit, &answer) {
                    request.page_size = left.min(PAGE);
                    request.page_token.clone_from(&answer.next_page_token);
                    let page = client.call(request.clone()).await?;
                    answer.dead_letters.extend(page.dead_letters);
                    answer.next_page_token = page.next_page_token;
                }
                heads(&answer).iter().for_each(|line| context.out.note(line));
                tell(context, json::value(&answer), &answer.dead_letters)?;
                if !answer.next_page_token.is_empty() {
                    context.out.note("there are more: --limit N");
                }
                Ok(())
            }
            Self::Show { letter, raw } => {
                let answer = client.call(GetDeadLetterRequest { id: letter, with_call: raw }).await?;
                if raw {
                    let call = answer.call.ok_or_else(|| {
                        Failure::new(Exit::NotFound, "what it said is not kept any more")
                            .next("`dossier hook show LETTER` says what became of it")
                    })?;
                    let body = raw_of(&call.body, context.out.terminal);
                    return std::io::stdout().write_all(&body).map_err(|error| {
                        Failure::new(Exit::Failed, "it cannot be written").because(error.to_string())
                    });
                }
                one(context, answer.dead_letter)
            }
            Self::Retry { letter, account } => {
                let letters =
                    if letter.is_empty() { kept(client, account.unwrap_or_default()).await? } else { letter };
                let mut done = Vec::with_capacity(letters.len());
                for id in letters {
                    done.extend(client.call(RetryDeadLetterRequest { id }).await?.dead_letter);
                }
                let whole = done.iter().map(json::value).collect::<Vec<_>>();
                tell(context, serde_json::json!({ "deadLetters": whole }), &done)?;
                let left = done.iter().filter(|letter| letter.state() == State::Kept).count();
                if left == 0 {
                    return Ok(());
                }
                Err(Failure::new(Exit::Refused, format!("{left} of {} still cannot be read", done.len()))
                    .next("their reasons stand beside them; they are kept"))
            }
            Self::Discard { letter, account: None, .. } if letter.len() == 1 => {
                let id = letter.into_iter().next().unwrap_or_default();
                let answer = client.call(DiscardDeadLetterRequest { id }).await?;
                one(context, answer.dead_letter)
            }
            Self::Discard { letter, account, reason } => {
                let mut done = DiscardDeadLettersResponse::default();
                for ids in letter.chunks(PAGE as usize) {
                    let request = DiscardDeadLettersRequest { ids: ids.to_vec(), ..Default::default() };
                    add(&mut done, client.call(request).await?);
                }
                if let Some(account) = account {
                    let (ids, reason) = (Vec::new(), reason.unwrap_or_default());
                    let request = DiscardDeadLettersRequest { ids, account, reason };
                    add(&mut done, client.call(request.clone()).await?);
                    while done.more {
                        add(&mut done, client.call(request.clone()).await?);
                    }
                }
                let text = format!("{} dead letters are given up\n", done.discarded);
                let document =
                    Document::one(json::value(&done), done.discarded.to_string(), Table::default());
                context.out.print(&document.line(text))
            }
        }
    }
}

/// What a letter says: to a program as it came, to a terminal with nothing in it that it would obey.
fn raw_of(body: &[u8], terminal: bool) -> Cow<'_, [u8]> {
    if !terminal {
        return Cow::Borrowed(body);
    }
    let text = String::from_utf8_lossy(body);
    Cow::Owned(escape::for_terminal(&text, Lines::Many).into_owned().into_bytes())
}

/// How many letters of a list are still to be asked for.
fn left(limit: u32, so_far: &ListDeadLettersResponse) -> Option<u32> {
    let left = limit.saturating_sub(u32::try_from(so_far.dead_letters.len()).unwrap_or(u32::MAX));
    (left > 0 && !so_far.next_page_token.is_empty()).then_some(left)
}

fn add(done: &mut DiscardDeadLettersResponse, more: DiscardDeadLettersResponse) {
    let discarded = done.discarded + more.discarded;
    *done = DiscardDeadLettersResponse { discarded, ..more };
}

/// What stands above a list: which boxes fill up, and what was counted and not kept.
fn heads(answer: &ListDeadLettersResponse) -> Vec<String> {
    let filling = answer.rooms.iter().filter(|room| room.filling).map(|room| {
        format!(
            "{}: dead letters fill {} % of their room: {} of {} are kept, {} of {} bytes, {} alike. At 100 % calls that cannot be \
             read are refused: retry or discard some",
            room.account, room.percent, room.letters, room.letters_max, room.bytes, room.bytes_max, room.alike
        )
    });
    let counted = answer.counted.iter().map(|counted| {
        let time = |at: Option<&prost_types::Timestamp>| parse::time(at).map(|at| at.to_string());
        format!(
            "{}: {} more notices like this were counted and not kept, {} to {}: {}: {}",
            counted.account,
            counted.count,
            time(counted.first_at.as_ref()).unwrap_or_default(),
            time(counted.last_at.as_ref()).unwrap_or_default(),
            counted.path,
            counted.reason
        )
    });
    filling.chain(counted).collect()
}

/// The ids of all that are kept.
async fn kept(client: &Client, account: String) -> Result<Vec<String>, Failure> {
    let mut request =
        ListDeadLettersRequest { account, page_size: PAGE, ..ListDeadLettersRequest::default() };
    let mut ids = Vec::new();
    loop {
        let answer = client.call(request.clone()).await?;
        ids.extend(answer.dead_letters.into_iter().map(|letter| letter.id));
        if answer.next_page_token.is_empty() {
            return Ok(ids);
        }
        request.page_token = answer.next_page_token;
    }
}

fn one(context: &Context, letter: Option<DeadLetter>) -> Result<(), Failure> {
    let letter = letter.unwrap_or_default();
    let table = table(std::slice::from_ref(&letter));
    context.out.print(&Document::one(json::value(&letter), &letter.id, table))
}

fn tell(context: &Context, whole: serde_json::Value, letters: &[DeadLetter]) -> Result<(), Failure> {
    let items = whole["deadLetters"].as_array().cloned().unwrap_or_default();
    let names = letters.iter().map(|letter| letter.id.clone()).collect();
    context.out.print(&Document { whole, items, names, table: table(letters), ..Document::default() })
}

fn table(letters: &[DeadLetter]) -> Table {
    let mut table =
        Table::new(&["LETTER", "RECEIVED", "ACCOUNT", "STATE", "WHERE", "REASON", "BYTES", "RETRIES"]);
    for letter in letters {
        table.push(vec![
            Cell::text(&letter.id),
            Cell::time(parse::time(letter.received_at.as_ref())),
            Cell::text(&letter.account),
            Cell::text(json::plain(letter.state().as_str_name(), "STATE_")),
            Cell::text(&letter.path),
            Cell::text(&letter.reason),
            Cell::text(letter.bytes.to_string()),
            Cell::text(letter.retries.to_string()),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_written_as_it_is_shown() {
        assert_eq!(state("kept"), Ok(State::Kept));
        assert!(state("unspecified").is_err() && state("lost").is_err());
    }

    #[test]
    fn a_terminal_is_told_nothing_that_it_obeys() {
        let body = b"a\x1b]0;x\x07\xff\n";
        assert_eq!(&*raw_of(body, false), body);
        let shown = raw_of(body, true);
        assert_eq!(shown.last(), Some(&b'\n'));
        assert!(!shown.iter().any(|byte| *byte < b'\n' || *byte == 0x1b), "{shown:?}");
    }

    #[test]
    fn a_list_goes_on_until_there_is_enough() {
        let of = |count, token: &str| ListDeadLettersResponse {
            dead_letters: vec![DeadLetter::default(); count],
            next_page_token: token.into(),
            ..ListDeadLettersResponse::default()
        };
        assert_eq!(left(500, &of(200, "next")), Some(300));
        assert_eq!(left(200, &of(200, "next")), None);
        assert_eq!(left(500, &of(200, "")), None);
    }

    #[test]
    fn above_a_list_stands_what_fills_up_and_what_was_counted() {
        use proto::ingestion::v1::list_dead_letters_response::{Counted, Room};
        let room = |account: &str, percent, filling| Room {
            account: account.into(),
            letters: 4_100,
            letters_max: 10_000,
            percent,
            filling,
            ..Room::default()
        };
        let counted = Counted {
            account: "wa".into(),
            path: "entry[0].id".into(),
            reason: "missing".into(),
            count: 7,
            first_at: Some(prost_types::Timestamp { seconds: 0, nanos: 0 }),
            ..Counted::default()
        };
        let answer = ListDeadLettersResponse {
            rooms: vec![room("fb", 79, false), room("wa", 82, true)],
            counted: vec![counted],
            ..ListDeadLettersResponse::default()
        };
        let heads = heads(&answer);
        assert_eq!(heads.len(), 2);
        assert!(heads[0].starts_with("wa: dead letters fill 82 % of their room: 4100 of 10000"), "{heads:?}");
        assert!(heads[1].starts_with("wa: 7 more") && heads[1].contains("1970-01-01"), "{heads:?}");
    }

    #[test]
    fn a_row_says_where_and_why() {
        let letter = DeadLetter {
            id: "l".into(),
            account: "wa".into(),
            state: State::Kept.into(),
            path: "entry[0].changes".into(),
            reason: "missing".into(),
            bytes: 7,
            ..DeadLetter::default()
        };
        let row = table(&[letter]).tsv(false, false);
        assert_eq!(row, "l\t\twa\tkept\tentry[0].changes\tmissing\t7\t0\n");
    }
}
