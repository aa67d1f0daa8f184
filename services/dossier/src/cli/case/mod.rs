//! `dossier case …`: finding cases, looking at them, and doing something with them.

mod attachment;
mod bulk;
mod change;
mod filter;
mod history;
pub mod kinds;
mod ls;
mod reply;
mod send;
mod show;
mod timeline;
mod watch;

use clap::Subcommand;

pub use change::Once;
pub use send::again;

use super::{context::Context, error::Failure};

/// Cases
#[derive(Debug, Subcommand)]
#[command(before_help = "\
Examples:
  dossier case ls --assignee me --status open,pending
  dossier case show PAR-1042 --as-of 2026-03-01T09:00:00Z
  dossier case reply PAR-1042 - < answer.txt
  dossier case reply PAR-1042 \"Here it is\" --attach invoice.pdf
  dossier case snooze PAR-1042 3d
  dossier case merge PAR-1042 --into PAR-1040
  dossier case ls --tag outage -o name | dossier case bulk resolve -

CASE is a case's number or its id.")]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub enum CaseCommand {
    /// The cases that match
    Ls(ls::LsArgs),
    /// A case, and all that was said in it
    Show(show::ShowArgs),
    /// A file that came with a message
    Attachment(attachment::AttachmentArgs),
    /// What happened in a case, who did it and why
    History(history::HistoryArgs),
    /// Changes of cases, as they happen
    Watch(watch::WatchArgs),
    #[command(flatten)]
    Change(change::Change),
    /// One change for many cases
    #[command(subcommand)]
    Bulk(bulk::BulkCommand),
}

impl CaseCommand {
    /// Does it.
    pub async fn run(self: Box<Self>, context: &Context) -> Result<(), Failure> {
        match *self {
            Self::Ls(args) => ls::run(args, context).await,
            Self::Show(args) => show::run(args, context).await,
            Self::Attachment(args) => attachment::run(args, context).await,
            Self::History(args) => history::run(args, context).await,
            Self::Watch(args) => watch::run(args, context).await,
            Self::Change(change) => send::run(change, context).await,
            Self::Bulk(command) => bulk::run(command, context).await,
        }
    }

    /// Whether `--as-of` means something.
    pub fn takes_as_of(&self) -> bool {
        matches!(self, Self::Show(_) | Self::History(_))
    }

    /// Whether `--wait` means something.
    pub fn takes_wait(&self) -> bool {
        matches!(self, Self::Ls(_) | Self::Show(_) | Self::Attachment(_) | Self::History(_))
    }
}
