//! The command line: what people and scripts ask of a server.

mod agent;
mod case;
mod channel;
mod client;
mod completions;
mod config;
mod config_view;
mod context;
mod customer;
mod delivery;
mod doctor;
mod empty;
pub mod error;
mod event;
mod explain;
pub mod globals;
mod hook;
mod import;
mod issue;
mod ledger;
mod output;
mod parse;
mod policy;
mod queue;
mod rebuild;
mod rpc;
pub mod server;
mod server_file;
mod sla;
mod streaming;
mod token;
mod version;

use std::process::ExitCode;

use clap::{ArgMatches, FromArgMatches, Parser, Subcommand};

use context::Context;
use error::{Exit, Failure};
use globals::Globals;
use output::Out;

/// Customer care as cases that can be proved: the platform and its command line.
#[derive(Debug, Parser)]
#[command(name = "dossier", version, propagate_version = false, max_term_width = 100)]
#[command(before_help = EXAMPLES, after_help = CODES)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// What every command takes.
    #[command(flatten)]
    pub globals: Globals,
}

const EXAMPLES: &str = "\
Examples:
  dossier up --sample                                everything, with something to look at
  dossier case ls --unassigned --sort waiting        who waits longest
  dossier case show PAR-1042                         a case and all that was said
  dossier case reply PAR-1042 \"On its way.\"          answer where the customer asked
  dossier agent online                               takes cases from now on
  dossier explain PAR-1042                           why it was given to whom, or why it waits
  dossier apply -f policy/ --dry-run                 what would change
  dossier import tickets.csv --account support --format csv
  dossier case ls -o json | jq '.cases[].number'";

const CODES: &str = "\
Exit codes: 0 done, 1 failed, 2 wrong usage or invalid input, 3 not allowed, 4 not found,
5 conflict or refused by a rule, 6 unavailable or timed out (worth a retry), 130 interrupted.";

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    Up(server::UpArgs),
    Serve(Box<server::ServeArgs>),
    /// Put policy files into force, or see what they would change
    Apply(policy::ApplyArgs),
    /// The policy in force
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    /// Bring in past messages
    Import(import::ImportArgs),
    /// What came in: received = accepted + duplicate + rejected
    Ledger(ledger::LedgerArgs),
    /// Cases
    #[command(subcommand)]
    Case(Box<case::CaseCommand>),
    /// What was promised of cases
    #[command(subcommand)]
    Sla(sla::SlaCommand),
    /// Customers
    #[command(subcommand)]
    Customer(customer::CustomerCommand),
    /// Who waits for an agent
    #[command(subcommand)]
    Queue(queue::QueueCommand),
    /// Agents, and whether they are there
    #[command(subcommand)]
    Agent(agent::AgentCommand),
    /// Why a case was given to an agent, or why it waits
    Explain(explain::ExplainArgs),
    /// How channel accounts are
    #[command(subcommand)]
    Channel(channel::ChannelCommand),
    /// Replies on their way
    #[command(subcommand)]
    Delivery(delivery::DeliveryCommand),
    /// What platforms told and could not be read
    #[command(subcommand)]
    Hook(hook::HookCommand),
    /// The log
    #[command(subcommand)]
    Event(event::EventCommand),
    /// Build a read model anew from the log, then let it take over
    Rebuild(rebuild::RebuildArgs),
    /// Check this machine and the server, and say how to mend what is wrong
    Doctor,
    /// Make a token for somebody, beside `dossier up`
    Token(issue::TokenArgs),
    /// Completions for a shell
    Completions(completions::CompletionsArgs),
    /// The settings of this command line
    #[command(subcommand)]
    Config(config_view::ConfigCommand),
    /// The version
    Version,
}

/// The command line as it was read.
pub struct Parsed {
    /// What to do, and how.
    pub cli: Cli,
    matches: ArgMatches,
}

/// Reads the command line. What ends here (help, wrong usage) has been told.
pub fn arguments() -> Result<Parsed, ExitCode> {
    let parsed = server_file::arguments(std::env::args_os()).and_then(|arguments| {
        let matches = empty::matches(&mut empty::command(), arguments)?;
        let cli = Cli::from_arg_matches(&matches)?;
        Ok(Parsed { cli, matches })
    });
    parsed.map_err(|error| {
        // If nobody hears it there is nobody to tell.
        let _ = error.print();
        if error.use_stderr() { Exit::Invalid.into() } else { Exit::Done.into() }
    })
}

/// Does what the command line says.
pub fn run(parsed: Parsed) -> ExitCode {
    let Globals { no_color, quiet, verbose, .. } = parsed.cli.globals;
    let early = Out::of_process(output::Format::default(), no_color, quiet, verbose);
    let ended = Context::new(&parsed.matches, &parsed.cli.globals)
        .and_then(|context| Ok((context, runtime()?)))
        .and_then(|(context, runtime)| {
            let ended = runtime.block_on(interruptible(parsed.cli.command, &context));
            // What reads a file or waits for a line on a thread of its own would keep an interrupted process.
            runtime.shutdown_background();
            ended
        });
    let failure = match ended {
        Ok(()) => return Exit::Done.into(),
        Err(failure) => failure,
    };
    early.failure(&failure);
    failure.exit.into()
}

/// The client's runtime: one thread is enough to ask.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Failed, "no runtime").because(error.to_string()))
}

async fn interruptible(command: Command, context: &Context) -> Result<(), Failure> {
    command.check(context)?;
    tokio::select! {
        ended = command.run(context) => ended,
        interrupted = tokio::signal::ctrl_c() => {
            interrupted.map_err(|error| {
                Failure::new(Exit::Failed, "no signals on this system").because(error.to_string())
            })?;
            Err(Failure::said(Exit::Interrupted))
        }
    }
}

impl Command {
    async fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Up(_) | Self::Serve(_) => {
                Err(Failure::invalid("a server is started by the program, not by its client"))
            }
            Self::Apply(args) => policy::apply(args, context).await,
            Self::Policy(command) => command.run(context).await,
            Self::Import(args) => import::run(args, context).await,
            Self::Ledger(args) => ledger::run(args, context).await,
            Self::Case(command) => command.run(context).await,
            Self::Sla(command) => command.run(context).await,
            Self::Customer(command) => command.run(context).await,
            Self::Queue(command) => command.run(context).await,
            Self::Agent(command) => command.run(context).await,
            Self::Explain(args) => explain::run(args, context).await,
            Self::Channel(command) => command.run(context).await,
            Self::Delivery(command) => command.run(context).await,
            Self::Hook(command) => command.run(context).await,
            Self::Event(command) => command.run(context).await,
            Self::Rebuild(args) => rebuild::run(args, context).await,
            Self::Doctor => doctor::run(context).await,
            Self::Token(args) => issue::run(&args, context),
            Self::Completions(args) => completions::run(&args, context),
            Self::Config(command) => command.run(context),
            Self::Version => version::run(context),
        }
    }

    /// Refuses `--as-of` and `--wait` where they would mean nothing: to ignore them would be to answer another question.
    fn check(&self, context: &Context) -> Result<(), Failure> {
        if context.as_of.is_some() && !self.takes_as_of() {
            return Err(Failure::invalid("--as-of means nothing here")
                .next("it is for `case show`, `case history`, `customer show` and `policy show`"));
        }
        if context.wait.is_some() && !self.takes_wait() {
            return Err(Failure::invalid("--wait means nothing here").next(
                "it is for `case show`, `case ls`, `case history`, `customer show`, `policy show`, `queue ls`, \
                 `agent ls`, `agent show`, `explain`, `sla explain`, `channel ls`, `channel show`, `delivery ls`, `ledger` and `doctor`",
            ));
        }
        Ok(())
    }

    fn takes_as_of(&self) -> bool {
        match self {
            Self::Case(command) => command.takes_as_of(),
            Self::Customer(command) => command.is_query(),
            Self::Policy(_) => true,
            _ => false,
        }
    }

    fn takes_wait(&self) -> bool {
        match self {
            Self::Case(command) => command.takes_wait(),
            Self::Customer(command) => command.is_query(),
            Self::Agent(command) => command.takes_wait(),
            Self::Channel(command) => command.takes_wait(),
            Self::Delivery(command) => command.takes_wait(),
            Self::Policy(_)
            | Self::Queue(_)
            | Self::Explain(_)
            | Self::Sla(_)
            | Self::Ledger(_)
            | Self::Doctor => true,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests;
