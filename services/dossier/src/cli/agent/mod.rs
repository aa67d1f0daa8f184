//! `dossier agent …`: agents, whether they are there, and the cases that they take.

mod offer;
mod view;

use clap::{Args, Subcommand, ValueEnum};
use proto::assignment::v1::{
    Agent, ChangeAgentResponse, GetAgentRequest, ListAgentsRequest, Presence, SetDrainingRequest,
    SetPresenceRequest, TakeNextRequest,
};

use super::{
    case::{Once, again},
    client::Client,
    context::Context,
    error::{Exit, Failure},
    output::{Cell, Document, Table, json, table::minute},
    parse,
};

/// Whom a command is about if it names nobody.
const ME: &str = "me";

/// Agents, and whether they are there
#[derive(Debug, Subcommand)]
#[command(before_help = "\
Examples:
  dossier agent online                           # takes cases from now on
  dossier agent break --reason lunch
  dossier agent show                             # what I have, and what I am offered
  dossier agent accept PAR-1042
  dossier agent next --queue press               # takes the first one that waits there
  dossier agent ls --team emea-care --presence online
  dossier agent drain leila                      # takes nothing new, keeps what she has

WHO is a person's id; left out, it is you.")]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub enum AgentCommand {
    /// Those whom you see, by their id
    Ls {
        /// Only those of this team
        #[arg(long)]
        team: Option<String>,
        /// Only those who serve this queue
        #[arg(long)]
        queue: Option<String>,
        /// Only those who are so
        #[arg(long, value_enum)]
        presence: Option<Is>,
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=200))]
        limit: u32,
        /// Goes on where an answer ended
        #[arg(long, value_name = "TOKEN")]
        page_token: Option<String>,
    },
    /// One of them, with his cases and offers
    Show {
        /// A person's id
        #[arg(value_name = "WHO", default_value = ME)]
        who: String,
    },
    /// Be there: cases come
    Online(Target),
    /// Be away for a moment
    Away(Target),
    /// Be there, and take nothing now
    Busy(Target),
    /// Take a break
    Break(Target),
    /// Be gone
    Offline(Target),
    /// Take nothing new, whatever the presence is
    Drain(Whom),
    /// Take cases again
    Undrain(Whom),
    /// Take the first case that waits for you
    Next {
        /// In this queue [default: in any of yours]
        #[arg(long)]
        queue: Option<String>,
        #[command(flatten)]
        once: Once,
    },
    /// Take a case that you are offered
    Accept(offer::Offered),
    /// Do not take a case that you are offered: another one is asked
    Decline {
        #[command(flatten)]
        offered: offer::Offered,
        /// Why, in a word: conflict, language
        #[arg(long, value_name = "CODE")]
        reason: Option<String>,
    },
}

/// Who.
#[derive(Args, Debug)]
pub struct Whom {
    /// A person's id
    #[arg(value_name = "WHO", default_value = ME)]
    who: String,
    #[command(flatten)]
    once: Once,
}

/// Who, and why.
#[derive(Args, Debug)]
pub struct Target {
    #[command(flatten)]
    whom: Whom,
    /// Why, in a word: lunch, training
    #[arg(long, value_name = "CODE")]
    reason: Option<String>,
}

/// Whether somebody is there.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Is {
    /// Cases come
    Online,
    /// For a moment
    Away,
    /// There, and takes nothing now
    Busy,
    /// In a break
    Break,
    /// Gone
    Offline,
}

impl From<Is> for Presence {
    fn from(is: Is) -> Self {
        match is {
            Is::Online => Self::Online,
            Is::Away => Self::Away,
            Is::Busy => Self::Busy,
            Is::Break => Self::Break,
            Is::Offline => Self::Offline,
        }
    }
}

impl AgentCommand {
    /// Does it.
    pub async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = &context.client()?;
        match self {
            Self::Ls { team, queue, presence, limit, page_token } => {
                let request = ListAgentsRequest {
                    team: team.unwrap_or_default(),
                    queue: queue.unwrap_or_default(),
                    presence: presence.map_or(Presence::Unspecified, Presence::from).into(),
                    page_size: limit,
                    page_token: page_token.unwrap_or_default(),
                    at_least: context.at_least(),
                };
                let answer = client.call(request).await?;
                let whole = json::value(&answer);
                let items = whole["agents"].as_array().cloned().unwrap_or_default();
                let names = answer.agents.iter().map(|agent| agent.person.clone()).collect();
                let table = view::table(&answer.agents);
                context.out.print(&Document { whole, items, names, table, ..Document::default() })?;
                if !answer.next_page_token.is_empty() {
                    context.out.note(&format!("there are more: --page-token {}", answer.next_page_token));
                } else if answer.agents.is_empty() {
                    context.out.note("there is no such agent whom you see");
                }
                Ok(())
            }
            Self::Show { who } => {
                let agent = known(client, &who, &context.at_least()).await?;
                context.out.print(&view::whole(&agent, context.out.paint))
            }
            Self::Online(target) => present(context, client, target, Is::Online).await,
            Self::Away(target) => present(context, client, target, Is::Away).await,
            Self::Busy(target) => present(context, client, target, Is::Busy).await,
            Self::Break(target) => present(context, client, target, Is::Break).await,
            Self::Offline(target) => present(context, client, target, Is::Offline).await,
            Self::Drain(whom) => drain(context, client, whom, true).await,
            Self::Undrain(whom) => drain(context, client, whom, false).await,
            Self::Next { queue, once } => next(context, client, queue, once).await,
            Self::Accept(offered) => offer::accept(context, client, offered).await,
            Self::Decline { offered, reason } => offer::decline(context, client, offered, reason).await,
        }
    }

    /// Whether `--wait` means something.
    pub fn takes_wait(&self) -> bool {
        matches!(self, Self::Ls { .. } | Self::Show { .. })
    }
}

async fn known(client: &Client, who: &str, at_least: &str) -> Result<Agent, Failure> {
    let request = GetAgentRequest { person: who.to_owned(), at_least: at_least.to_owned() };
    let answer = client.call(request).await?;
    answer.agent.ok_or_else(|| Failure::new(Exit::NotFound, "there is no such agent"))
}

async fn present(context: &Context, client: &Client, target: Target, is: Is) -> Result<(), Failure> {
    let Target { whom: Whom { who, once }, reason } = target;
    let command_id = once.id();
    let request = SetPresenceRequest {
        command_id: command_id.clone(),
        person: who,
        presence: Presence::from(is).into(),
        reason: reason.unwrap_or_default(),
        ..SetPresenceRequest::default()
    };
    let answer = client.call(request).await;
    // Whoever is there is believed for as long as a lease runs, which no program in the background renews here.
    let until = answer.as_ref().ok().and_then(|answer| answer.agent.as_ref()?.lease_until);
    changed(context, &command_id, answer)?;
    if let (false, Some(until)) = (matches!(is, Is::Offline), parse::time(until.as_ref())) {
        context.out.note(&format!("this holds until {}; say it again before that", minute(until)));
    }
    Ok(())
}

async fn drain(context: &Context, client: &Client, whom: Whom, draining: bool) -> Result<(), Failure> {
    let Whom { who, once } = whom;
    let request =
        SetDrainingRequest { command_id: once.id(), person: who, draining, ..SetDrainingRequest::default() };
    changed(context, &request.command_id.clone(), client.call(request).await)
}

fn changed(
    context: &Context,
    command_id: &str,
    answer: Result<ChangeAgentResponse, Failure>,
) -> Result<(), Failure> {
    let answer = answer.map_err(|failure| failure.next_if_unavailable(|| again(command_id)))?;
    let agent = answer.agent.unwrap_or_default();
    let table = view::table(std::slice::from_ref(&agent));
    context.out.print(&Document::one(json::value(&agent), &agent.person, table))
}

async fn next(context: &Context, client: &Client, queue: Option<String>, once: Once) -> Result<(), Failure> {
    let request = TakeNextRequest { command_id: once.id(), queue: queue.unwrap_or_default() };
    let command_id = request.command_id.clone();
    let answer = client.call(request).await;
    let answer = answer.map_err(|failure| failure.next_if_unavailable(|| again(&command_id)))?;
    let whole = json::value(&answer);
    let mut table = Table::new(&["CASE", "DECISION"]);
    if answer.case_id.is_empty() {
        context.out.print(&Document { whole, table, ..Document::default() })?;
        context.out.note(&match answer.reason.as_str() {
            "" => "nothing waits for you".to_owned(),
            "offline" | "not_online" => "you are not online: `dossier agent online` first".to_owned(),
            reason => format!("nothing waits that you could have now: {reason}"),
        });
        return Ok(());
    }
    table.push(vec![Cell::text(&answer.case_id), Cell::text(answer.decision.to_string())]);
    context.out.print(&Document::one(whole, &answer.case_id, table))
}
