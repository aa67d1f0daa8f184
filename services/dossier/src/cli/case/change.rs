//! The commands on one case and their arguments.

use clap::{Args, Subcommand};
use proto::cases::v1::{ContactStep, FieldValue, HoldKind, LinkKind, Priority, SilenceReason, Waiver};

use super::{super::parse, kinds, reply::ReplyArgs};

/// Makes a retry harmless.
#[derive(Args, Debug)]
pub struct Once {
    /// The id of this command; the same again has no second effect [default: a new one]
    #[arg(long, value_name = "UUID", value_parser = parse::command_id)]
    pub command_id: Option<String>,
}

/// Which case, and as of when.
#[derive(Args, Debug)]
pub struct Target {
    /// Its number or id
    #[arg(value_name = "CASE")]
    pub case: String,
    #[command(flatten)]
    pub once: Once,
    /// Refuse if the case has moved on since this position
    #[arg(long, value_name = "POSITION")]
    pub expected_position: Option<String>,
}

/// What is done with one case.
#[derive(Debug, Subcommand)]
pub enum Change {
    /// Open a case
    Open {
        #[command(flatten)]
        once: Once,
        /// On which account it is treated
        #[arg(long)]
        account: String,
        /// Whom it is about, as messages of the account name them
        #[arg(long)]
        customer: Option<String>,
        /// What it is about
        #[arg(long)]
        title: String,
        /// How urgent it is
        #[arg(long, value_parser = kinds::priority())]
        priority: Option<Priority>,
        /// A category of the policy
        #[arg(long)]
        category: Option<String>,
        /// The customer's language (BCP 47)
        #[arg(long, value_name = "TAG")]
        language: Option<String>,
        /// The team, if it is not the account's
        #[arg(long)]
        team: Option<String>,
        /// A custom field; kinds are text (default), number, flag, date, choice
        #[arg(long = "field", value_name = "NAME[:KIND]=VALUE", value_parser = parse::field)]
        fields: Vec<(String, FieldValue)>,
        /// A tag; as often as needed
        #[arg(long = "tag", value_name = "TAG")]
        tags: Vec<String>,
    },
    Reply(ReplyArgs),
    /// Write a note that no customer sees
    Note {
        #[command(flatten)]
        target: Target,
        /// The text; `-` reads it from stdin
        text: String,
        /// Who is to see it; as often as needed
        #[arg(long = "mention", value_name = "PERSON")]
        mentions: Vec<String>,
    },
    /// Add and remove tags
    Tag {
        #[command(flatten)]
        target: Target,
        /// Tags to add
        #[arg(value_name = "TAG", required_unless_present = "remove")]
        add: Vec<String>,
        /// A tag to remove; as often as needed
        #[arg(long, value_name = "TAG")]
        remove: Vec<String>,
    },
    /// Say how urgent it is
    Priority {
        #[command(flatten)]
        target: Target,
        /// How urgent
        #[arg(value_parser = kinds::priority())]
        priority: Priority,
    },
    /// Say what kind of matter it is
    Category {
        #[command(flatten)]
        target: Target,
        /// A category of the policy
        #[arg(required_unless_present = "none")]
        category: Option<String>,
        /// None at all
        #[arg(long, conflicts_with = "category")]
        none: bool,
    },
    /// Fill in custom fields
    Field {
        #[command(flatten)]
        target: Target,
        /// What to fill in; kinds are text (default), number, flag, date, choice
        #[arg(value_name = "NAME[:KIND]=VALUE", value_parser = parse::field, required_unless_present = "clear")]
        fields: Vec<(String, FieldValue)>,
        /// A field to empty; as often as needed
        #[arg(long, value_name = "NAME")]
        clear: Vec<String>,
    },
    /// Say what it is about
    Title {
        #[command(flatten)]
        target: Target,
        /// In a few words
        title: String,
    },
    /// Say which language the customer speaks
    Language {
        #[command(flatten)]
        target: Target,
        /// BCP 47: fr, pt-BR
        #[arg(value_name = "TAG")]
        language: String,
    },
    /// Set the organisation's own name of the status
    Label {
        #[command(flatten)]
        target: Target,
        /// A label of the policy
        #[arg(required_unless_present = "none")]
        label: Option<String>,
        /// None at all
        #[arg(long, conflicts_with = "label")]
        none: bool,
    },
    /// Give it to somebody
    Assign {
        #[command(flatten)]
        target: Target,
        /// Whom; `me` is you
        person: String,
        /// The person's team, if it is not the case's
        #[arg(long)]
        team: Option<String>,
    },
    /// Take it from whoever has it
    Unassign(Target),
    /// Make another team responsible
    Transfer {
        #[command(flatten)]
        target: Target,
        /// Which
        team: String,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// Ask another team for help; the case's own team stays responsible
    Escalate {
        #[command(flatten)]
        target: Target,
        /// Which
        team: String,
        /// Why
        #[arg(long)]
        reason: String,
        /// 1 to 5 [default: one higher than now]
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..=5))]
        level: Option<u32>,
    },
    /// Wait for the customer
    Pend(Target),
    /// Wait for somebody else
    Hold {
        #[command(flatten)]
        target: Target,
        /// For whom
        #[arg(value_parser = kinds::hold())]
        kind: HoldKind,
        /// Why
        #[arg(long)]
        reason: String,
        /// Until when: a time, or how long from now (3d)
        #[arg(long, value_name = "TIME", value_parser = parse::until)]
        until: Option<prost_types::Timestamp>,
    },
    /// Go on: ends pending or on hold
    Continue(Target),
    /// Put it out of sight for a while
    Snooze {
        #[command(flatten)]
        target: Target,
        /// Until when: a time, or how long from now (2h, 3d)
        #[arg(value_name = "TIME", value_parser = parse::until)]
        until: prost_types::Timestamp,
    },
    /// End the snooze
    Wake(Target),
    /// Say that it is solved
    Resolve {
        #[command(flatten)]
        target: Target,
        /// A place that gets no closing post, and why; as often as needed
        #[arg(long = "waive", value_name = "PLACE=REASON", value_parser = parse::waiver)]
        waivers: Vec<Waiver>,
        /// How it ended: one of the policy's reasons
        #[arg(long)]
        resolution: Option<String>,
    },
    /// Take it up again
    Reopen(Target),
    /// Close it for good
    Close(Target),
    /// Open a case that follows a closed one
    Followup {
        #[command(flatten)]
        once: Once,
        /// The closed case
        case: String,
        /// What the new one is about
        #[arg(long)]
        title: Option<String>,
    },
    /// Mark it as spam
    Spam(Target),
    /// It is no spam after all
    Unspam(Target),
    /// Decide not to answer
    Silence {
        #[command(flatten)]
        target: Target,
        /// Why
        #[arg(value_parser = kinds::silence())]
        reason: SilenceReason,
        /// In your own words
        #[arg(long)]
        comment: Option<String>,
    },
    /// Go on in private where it began in public
    Private {
        #[command(flatten)]
        target: Target,
        /// The public conversation
        #[arg(long, value_name = "CONVERSATION")]
        from: String,
        /// The private one
        #[arg(long, value_name = "CONVERSATION")]
        to: String,
        /// The public reply that told the customer
        #[arg(long, value_name = "REPLY")]
        ack: Option<String>,
    },
    /// Say how far the customer's contact data are
    Contact {
        #[command(flatten)]
        target: Target,
        /// How far
        #[arg(value_parser = kinds::contact())]
        step: ContactStep,
    },
    /// Tick an item of the checklist
    Check {
        #[command(flatten)]
        target: Target,
        /// Which
        item: String,
        /// Untick it
        #[arg(long)]
        undo: bool,
    },
    /// Make two cases one
    Merge {
        #[command(flatten)]
        target: Target,
        /// The case that goes on; CASE ends
        #[arg(long, value_name = "CASE")]
        into: String,
        /// Although the customers differ
        #[arg(long)]
        confirm_other_customer: bool,
    },
    /// Undo a merge
    Unmerge(Target),
    /// Put messages into a case of their own
    Split {
        #[command(flatten)]
        target: Target,
        /// Which messages
        #[arg(required = true, value_name = "MESSAGE")]
        messages: Vec<String>,
        /// What the new case is about
        #[arg(long)]
        title: Option<String>,
    },
    /// Say how it belongs to another case: `link A child-of B`
    Link {
        #[command(flatten)]
        target: Target,
        /// How
        #[arg(value_parser = kinds::link())]
        kind: LinkKind,
        /// The other case
        #[arg(value_name = "OTHER")]
        to: String,
    },
    /// Take such a link away
    Unlink {
        #[command(flatten)]
        target: Target,
        /// How
        #[arg(value_parser = kinds::link())]
        kind: LinkKind,
        /// The other case
        #[arg(value_name = "OTHER")]
        to: String,
    },
}
