//! `dossier delivery …`: replies on their way, and what a person decides about them.

use clap::{Args, Subcommand, ValueEnum};
use proto::ingestion::v1::{
    AbandonDeliveryRequest, CancelDeliveryRequest, ChangeDeliveryResponse, ClarifyDeliveryRequest, Delivery,
    GetDeliveryRequest, ListDeliveriesRequest, ReplayDeliveryRequest, ResendDeliveryRequest,
    delivery::Status,
};

use super::{
    case::{Once, again},
    client::Client,
    context::Context,
    error::{Exit, Failure},
    output::{Cell, Document, Table, json},
    rpc::Request,
};

/// Replies on their way
#[derive(Debug, Subcommand)]
#[command(before_help = "\
Examples:
  dossier delivery ls                            # what waits for a person
  dossier delivery ls --status sending --account whatsapp-emea
  dossier delivery ls --reason account_incomplete
  dossier delivery show REPLY
  dossier delivery resend REPLY                  # though the customer may get it twice
  dossier delivery clarify REPLY has             # somebody looked, and the platform has it
  dossier delivery replay REPLY

REPLY is the id of a reply: `case reply` answers it, and `case show -o json` has it.")]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub enum DeliveryCommand {
    /// Those in some statuses, those that wait longest first
    Ls {
        /// In this status; several times: in one of these [default: unclear, rejected, given_up, and refused, unless
        /// the customer opted out or was erased; with --reason all]
        #[arg(long, value_parser = status)]
        status: Vec<Status>,
        /// For this reason: opted_out, too_long, account_incomplete; several times: for one of these
        #[arg(long, value_parser = reason)]
        reason: Vec<String>,
        /// Of this account only
        #[arg(long)]
        account: Option<String>,
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=200))]
        limit: u32,
    },
    /// One of them
    Show {
        /// The reply
        reply: String,
    },
    /// Take a reply back before it is sent
    Cancel(Target),
    /// Send again what nobody knows whether it was taken
    Resend(Target),
    /// Say whether the platform has what nobody knew whether it was taken
    Clarify {
        #[command(flatten)]
        target: Target,
        /// What the platform has
        says: Says,
    },
    /// Give it up
    Abandon(Target),
    /// Try again what was refused, rejected or given up
    Replay(Target),
}

/// Which reply.
#[derive(Args, Debug)]
pub struct Target {
    /// The reply
    reply: String,
    #[command(flatten)]
    once: Once,
}

/// What a platform has.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Says {
    /// It has the message
    Has,
    /// It has it not
    HasNot,
}

fn status(text: &str) -> Result<Status, String> {
    let name = format!("STATUS_{}", text.to_uppercase().replace('-', "_"));
    let known = Status::from_str_name(&name).filter(|status| *status != Status::Unspecified);
    known.ok_or_else(|| {
        "one of queued, sending, unclear, cancelled, refused, rejected, given_up, bounced, undelivered, sent, delivered, \
         read"
            .to_owned()
    })
}

/// A reason as it is shown, or as a case's history writes it.
fn reason(text: &str) -> Result<String, String> {
    let reason = text.to_lowercase().replace('-', "_");
    let is_word = !reason.is_empty() && reason.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if is_word { Ok(reason) } else { Err("a word as the column REASON has it: opted_out".to_owned()) }
}

impl DeliveryCommand {
    /// Does it.
    pub async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = &context.client()?;
        match self {
            Self::Ls { status, reason, account, limit } => {
                let request = ListDeliveriesRequest {
                    status: status.into_iter().map(i32::from).collect(),
                    reason,
                    account: account.unwrap_or_default(),
                    page_size: limit,
                    at_least: context.at_least(),
                    ..ListDeliveriesRequest::default()
                };
                let answer = client.call(request).await?;
                let whole = json::value(&answer);
                let items = whole["deliveries"].as_array().cloned().unwrap_or_default();
                let names = answer.deliveries.iter().map(|delivery| delivery.reply_id.clone()).collect();
                let table = table(&answer.deliveries);
                context.out.print(&Document { whole, items, names, table, ..Document::default() })
            }
            Self::Show { reply } => tell(context, &known(client, reply).await?),
            Self::Cancel(Target { reply, once }) => {
                let command_id = once.id();
                let request =
                    CancelDeliveryRequest { command_id, reply_id: reply, ..CancelDeliveryRequest::default() };
                changed(context, client, request.command_id.clone(), request).await
            }
            Self::Resend(Target { reply, once }) => {
                let delivery = known(client, reply).await?;
                let part = doubted(&delivery)?;
                let request = ResendDeliveryRequest {
                    command_id: once.id(),
                    reply_id: delivery.reply_id.clone(),
                    part: part.number,
                    attempt: part.attempts,
                    ..ResendDeliveryRequest::default()
                };
                changed(context, client, request.command_id.clone(), request).await
            }
            Self::Clarify { target: Target { reply, once }, says } => {
                let delivery = known(client, reply).await?;
                let part = doubted(&delivery)?;
                let request = ClarifyDeliveryRequest {
                    command_id: once.id(),
                    reply_id: delivery.reply_id.clone(),
                    part: part.number,
                    attempt: part.unclear_attempt,
                    has: matches!(says, Says::Has),
                    ..ClarifyDeliveryRequest::default()
                };
                changed(context, client, request.command_id.clone(), request).await
            }
            Self::Abandon(Target { reply, once }) => {
                let delivery = known(client, reply).await?;
                let request = AbandonDeliveryRequest {
                    command_id: once.id(),
                    reply_id: delivery.reply_id,
                    round: delivery.round,
                    ..AbandonDeliveryRequest::default()
                };
                changed(context, client, request.command_id.clone(), request).await
            }
            Self::Replay(Target { reply, once }) => {
                let delivery = known(client, reply).await?;
                let request = ReplayDeliveryRequest {
                    command_id: once.id(),
                    reply_id: delivery.reply_id,
                    round: delivery.round,
                    ..ReplayDeliveryRequest::default()
                };
                changed(context, client, request.command_id.clone(), request).await
            }
        }
    }

    /// Whether `--wait` means something.
    pub fn takes_wait(&self) -> bool {
        matches!(self, Self::Ls { .. })
    }
}

async fn known(client: &Client, reply_id: String) -> Result<Delivery, Failure> {
    let answer = client.call(GetDeliveryRequest { reply_id }).await?;
    answer.delivery.ok_or_else(|| Failure::new(Exit::NotFound, "there is no such delivery"))
}

/// The part of which nobody knows whether it was taken.
fn doubted(delivery: &Delivery) -> Result<&proto::ingestion::v1::delivery::Part, Failure> {
    delivery.parts.iter().find(|part| part.unclear_attempt > 0).ok_or_else(|| {
        Failure::new(Exit::Refused, "everybody knows what became of it")
            .next("`dossier delivery show REPLY` says what it waits for")
    })
}

async fn changed<R>(context: &Context, client: &Client, command_id: String, request: R) -> Result<(), Failure>
where
    R: Request<Answer = ChangeDeliveryResponse>,
{
    let answer = client.call(request).await;
    let answer = answer.map_err(|failure| failure.next_if_unavailable(|| again(&command_id)))?;
    tell(context, &answer.delivery.unwrap_or_default())
}

fn tell(context: &Context, delivery: &Delivery) -> Result<(), Failure> {
    let table = table(std::slice::from_ref(delivery));
    context.out.print(&Document::one(json::value(delivery), &delivery.reply_id, table))
}

fn table(deliveries: &[Delivery]) -> Table {
    let mut table =
        Table::new(&["REPLY", "ACCOUNT", "STATUS", "REASON", "PARTS", "TRIES", "CASE"]).wide(&["WHY"]);
    for delivery in deliveries {
        let sent = delivery.parts.iter().filter(|part| !part.progress.is_empty()).count();
        let tries: u32 = delivery.parts.iter().map(|part| part.attempts).sum();
        table.push(vec![
            Cell::text(&delivery.reply_id),
            Cell::text(&delivery.account),
            Cell::text(json::plain(delivery.status().as_str_name(), "STATUS_")),
            Cell::text(&delivery.reason),
            Cell::text(format!("{sent}/{}", delivery.parts.len())),
            Cell::text(tries.to_string()),
            Cell::text(&delivery.case_id),
            Cell::text(&delivery.reason_text),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_written_as_it_is_shown() {
        assert_eq!(status("given_up"), Ok(Status::GivenUp));
        assert_eq!(status("given-up"), Ok(Status::GivenUp));
        assert!(status("unspecified").is_err() && status("lost").is_err());
    }

    #[test]
    fn a_row_says_how_much_of_it_is_out() {
        let part = |number, progress: &str| proto::ingestion::v1::delivery::Part {
            number,
            attempts: 2,
            progress: progress.into(),
            ..Default::default()
        };
        let delivery = Delivery {
            reply_id: "r".into(),
            account: "wa".into(),
            status: Status::Unclear.into(),
            parts: vec![part(1, "sent"), part(2, "")],
            ..Delivery::default()
        };
        assert_eq!(table(&[delivery]).tsv(false, false), "r\twa\tunclear\t\t1/2\t4\t\n");
    }

    #[test]
    fn a_reason_is_written_as_it_is_shown_or_stored() {
        assert_eq!(reason("opted-out").as_deref(), Ok("opted_out"));
        assert!(reason("").is_err() && reason("opted out").is_err());
    }
}
