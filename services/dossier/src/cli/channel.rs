//! `dossier channel …`: whether replies leave our accounts and messages come in, and what a person decides about it.

use clap::{Args, Subcommand};
use proto::ingestion::v1::{
    ChangeChannelResponse, Channel, GetChannelRequest, HoldChannelRequest, ListChannelsRequest,
    ReleaseChannelRequest,
    channel::{Side, State, sends::By},
};

use super::{
    case::{Once, again},
    client::Client,
    context::Context,
    error::{Exit, Failure},
    output::{Cell, Document, Table, json},
    parse,
    rpc::Request,
};

/// How channel accounts are
#[derive(Debug, Subcommand)]
#[command(before_help = "\
Examples:
  dossier channel ls --troubled                  # what is not up, or held
  dossier channel show whatsapp-emea
  dossier channel hold whatsapp-emea --reason maintenance
  dossier channel release whatsapp-emea")]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub enum ChannelCommand {
    /// All of them, by their id
    Ls {
        /// Only those that are not up, or held
        #[arg(long)]
        troubled: bool,
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=200))]
        limit: u32,
    },
    /// One of them
    Show {
        /// The account
        account: String,
    },
    /// Stop the sending: replies wait
    Hold {
        #[command(flatten)]
        target: Target,
        /// Why, in a word: maintenance, crisis
        #[arg(long)]
        reason: String,
    },
    /// Let the sending go on
    Release(Target),
}

/// Which account.
#[derive(Args, Debug)]
pub struct Target {
    /// The account
    account: String,
    #[command(flatten)]
    once: Once,
}

impl ChannelCommand {
    /// Does it.
    pub async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = &context.client()?;
        match self {
            Self::Ls { troubled, limit } => {
                let request = ListChannelsRequest {
                    troubled_only: troubled,
                    page_size: limit,
                    at_least: context.at_least(),
                    ..ListChannelsRequest::default()
                };
                let answer = client.call(request).await?;
                let whole = json::value(&answer);
                let items = whole["channels"].as_array().cloned().unwrap_or_default();
                let names = answer.channels.iter().map(|channel| channel.account.clone()).collect();
                let table = table(&answer.channels);
                context.out.print(&Document { whole, items, names, table, ..Document::default() })
            }
            Self::Show { account } => {
                let answer = client.call(GetChannelRequest { account, at_least: context.at_least() }).await?;
                let channel = answer.channel;
                let channel =
                    channel.ok_or_else(|| Failure::new(Exit::NotFound, "there is no such account"))?;
                tell(context, &channel)
            }
            Self::Hold { target: Target { account, once }, reason } => {
                let request =
                    HoldChannelRequest { command_id: once.id(), account, reason, ..Default::default() };
                changed(context, client, request.command_id.clone(), request).await
            }
            Self::Release(Target { account, once }) => {
                let request = ReleaseChannelRequest { command_id: once.id(), account, ..Default::default() };
                changed(context, client, request.command_id.clone(), request).await
            }
        }
    }

    /// Whether `--wait` means something.
    pub fn takes_wait(&self) -> bool {
        matches!(self, Self::Ls { .. } | Self::Show { .. })
    }
}

async fn changed<R>(context: &Context, client: &Client, command_id: String, request: R) -> Result<(), Failure>
where
    R: Request<Answer = ChangeChannelResponse>,
{
    let answer = client.call(request).await;
    let answer = answer.map_err(|failure| failure.next_if_unavailable(|| again(&command_id)))?;
    tell(context, &answer.channel.unwrap_or_default())
}

fn tell(context: &Context, channel: &Channel) -> Result<(), Failure> {
    let table = table(std::slice::from_ref(channel));
    context.out.print(&Document::one(json::value(channel), &channel.account, table))
}

fn table(channels: &[Channel]) -> Table {
    let head =
        ["ACCOUNT", "STATE", "SENDING", "RECEIVING", "HELD", "SINCE", "WAITING", "LAST-IN", "LAST-OUT"];
    let mut table = Table::new(&head).wide(&["SEEN", "EXPECTED", "REMEDY"]);
    for channel in channels {
        let expected = channel.expected_this_hour.map(|expected| format!("{expected:.0}"));
        table.push(vec![
            Cell::text(&channel.account),
            Cell::text(json::plain(channel.state().as_str_name(), "STATE_")),
            Cell::text(sending(channel)),
            Cell::text(side(channel.receiving.as_ref())),
            Cell::text(channel.held.as_ref().map_or("", |held| &held.reason)),
            Cell::Since(since(channel)),
            Cell::text(channel.waiting.to_string()),
            Cell::time(parse::time(channel.last_in.as_ref())),
            Cell::time(parse::time(channel.last_out.as_ref())),
            Cell::text(channel.seen_this_hour.to_string()),
            Cell::text(expected.unwrap_or_default()),
            Cell::text(channel.sends.as_ref().map_or("", |sends| &sends.remedy)),
        ]);
    }
    table
}

/// How the way out is; where there is none, who sends instead and what is missing.
fn sending(channel: &Channel) -> String {
    let sends = channel.sends.clone().unwrap_or_default();
    match sends.by() {
        By::Unspecified | By::Itself => side(channel.sending.as_ref()),
        By::Deliverer => "by a deliverer".to_owned(),
        By::NobodyNoWay => "cannot (no way out)".to_owned(),
        By::NobodyIncomplete => {
            let missing = [sends.missing_settings, sends.missing_secrets].concat();
            format!("cannot (no {})", missing.join(", no "))
        }
    }
}

/// How a direction is, and why: `down (authentication)`.
fn side(side: Option<&Side>) -> String {
    let Some(side) = side else { return String::new() };
    let state = json::plain(side.state().as_str_name(), "STATE_");
    if side.state() == State::Up { state } else { format!("{state} ({})", side.cause) }
}

/// Since when something is not as it should be.
fn since(channel: &Channel) -> Option<jiff::Timestamp> {
    let sides = [channel.sending.as_ref(), channel.receiving.as_ref()];
    let troubled = sides.into_iter().flatten().map(|side| side.since.as_ref());
    let held = channel.held.as_ref().and_then(|held| held.since.as_ref());
    troubled.chain([held]).filter_map(parse::time).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_what_is_wrong_and_since_when() {
        let at = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
        let sending = Side {
            state: State::Down.into(),
            cause: "authentication".into(),
            since: at(60),
            ..Side::default()
        };
        let receiving = Side { state: State::Up.into(), ..Side::default() };
        let channel = Channel {
            account: "wa".into(),
            state: State::Down.into(),
            sending: Some(sending),
            receiving: Some(receiving),
            held: Some(proto::ingestion::v1::channel::Held {
                since: at(90),
                reason: "crisis".into(),
                ..Default::default()
            }),
            waiting: 3,
            last_in: at(30),
            ..Channel::default()
        };
        assert_eq!(
            table(&[channel]).tsv(false, false),
            "wa\tdown\tdown (authentication)\tup\tcrisis\t1970-01-01T00:01:00Z\t3\t1970-01-01T00:00:30Z\t\n"
        );
    }

    #[test]
    fn a_row_says_what_is_missing_to_send() {
        let missing = proto::ingestion::v1::channel::Sends {
            by: By::NobodyIncomplete.into(),
            missing_settings: vec!["from".into()],
            missing_secrets: vec!["auth_token".into()],
            remedy: "name it".into(),
            ..Default::default()
        };
        let sends = |sends| sending(&Channel { sends: Some(sends), ..Channel::default() });
        assert_eq!(sends(missing.clone()), "cannot (no from, no auth_token)");
        let by = |by: By| proto::ingestion::v1::channel::Sends { by: by.into(), ..Default::default() };
        assert_eq!(sends(by(By::Deliverer)), "by a deliverer");
        let channel = Channel { account: "sms".into(), sends: Some(missing), ..Channel::default() };
        assert!(table(&[channel]).tsv(true, false).ends_with("\tname it\n"));
    }
}
