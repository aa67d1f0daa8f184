//! Which cases: the filter of `ls` and `watch`.

use clap::Args;
use proto::cases::v1::{Filter, Priority, Status};

use super::{super::parse, kinds};

/// Which cases. Values of one flag are alternatives, flags must all fit
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Which cases")]
pub struct FilterArgs {
    /// In one of these states
    #[arg(long, value_delimiter = ',', value_parser = kinds::status())]
    status: Vec<Status>,
    /// Of one of these teams
    #[arg(long, value_delimiter = ',')]
    team: Vec<String>,
    /// Of one of these regions
    #[arg(long, value_delimiter = ',')]
    region: Vec<String>,
    /// Of one of these people; `me` is you
    #[arg(long, value_delimiter = ',', value_name = "PERSON")]
    assignee: Vec<String>,
    /// Nobody's
    #[arg(long)]
    unassigned: bool,
    /// With one of these tags
    #[arg(long, value_delimiter = ',')]
    tag: Vec<String>,
    /// Of one of these categories
    #[arg(long, value_delimiter = ',')]
    category: Vec<String>,
    /// Of one of these priorities
    #[arg(long, value_delimiter = ',', value_parser = kinds::priority())]
    priority: Vec<Priority>,
    /// From one of these accounts
    #[arg(long, value_delimiter = ',')]
    account: Vec<String>,
    /// From one of these channels
    #[arg(long, value_delimiter = ',')]
    channel: Vec<String>,
    /// About this customer
    #[arg(long)]
    customer: Option<String>,
    /// With all these words in the title or in anything said; "in quotes" as a phrase
    #[arg(long, value_name = "WORDS")]
    text: Option<String>,
    /// Opened then or later
    #[arg(long, value_name = "TIME", value_parser = parse::instant)]
    opened_from: Option<prost_types::Timestamp>,
    /// Opened before then
    #[arg(long, value_name = "TIME", value_parser = parse::instant)]
    opened_to: Option<prost_types::Timestamp>,
    /// Changed then or later
    #[arg(long, value_name = "TIME", value_parser = parse::instant)]
    updated_from: Option<prost_types::Timestamp>,
    /// Changed last before then
    #[arg(long, value_name = "TIME", value_parser = parse::instant)]
    updated_to: Option<prost_types::Timestamp>,
    /// Snoozed ones only
    #[arg(long, conflicts_with = "not_snoozed")]
    snoozed: bool,
    /// No snoozed ones
    #[arg(long)]
    not_snoozed: bool,
    /// Where the case began
    #[arg(long, value_parser = ["live", "import"])]
    origin: Option<String>,
    /// In this language (BCP 47)
    #[arg(long, value_name = "TAG")]
    language: Option<String>,
}

impl FilterArgs {
    /// As the contract has it.
    pub fn filter(self) -> Filter {
        Filter {
            status: self.status.into_iter().map(i32::from).collect(),
            team: self.team,
            region: self.region,
            assignee: self.assignee,
            unassigned: self.unassigned,
            tag: self.tag,
            category: self.category,
            priority: self.priority.into_iter().map(i32::from).collect(),
            account: self.account,
            channel: self.channel,
            customer: self.customer.unwrap_or_default(),
            text: self.text.unwrap_or_default(),
            opened_from: self.opened_from,
            opened_to: self.opened_to,
            updated_from: self.updated_from,
            updated_to: self.updated_to,
            snoozed: if self.not_snoozed { Some(false) } else { self.snoozed.then_some(true) },
            origin: self.origin.unwrap_or_default(),
            language: self.language.unwrap_or_default(),
        }
    }
}
