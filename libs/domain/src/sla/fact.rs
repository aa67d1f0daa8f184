//! What happened to a case, as far as its clocks care.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    case::{Priority, Status},
    ids::{AccountId, CalendarId, ChannelKind, MessageId, RegionId, ReplyId, SegmentId, Tag, TeamId},
    time::Timestamp,
};

/// Where a fact stands in the log: its entry, and which of the entry's events it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The entry.
    pub entry: u64,
    /// The event in it, from 0.
    pub event: u16,
}

/// Something that happened to a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// When it happened: what counts.
    pub occurred: Timestamp,
    /// When the log took it. Later than `occurred` if it came late; it counts nothing, and is shown.
    pub recorded: Timestamp,
    /// Where the log has it. Tells apart what happened at the same instant.
    pub position: Position,
    /// Whether it happened here, and was not imported as history.
    pub live: bool,
    /// What happened.
    pub what: What,
}

/// What happened. The notes of [the module](super) say which stored event each comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// The case began.
    Opened(Box<Opening>),
    /// The customer wrote.
    CustomerMessage {
        /// The message.
        message: MessageId,
        /// Whether it asks for an answer that it does not have yet.
        asks: bool,
    },
    /// Something was sent to the customer.
    Reply {
        /// The reply; none, if it was sent elsewhere.
        reply: Option<ReplyId>,
        /// Who wrote it.
        author: Author,
        /// When it was written: what the customer wrote after that still waits.
        written: Timestamp,
    },
    /// A reply that was thought to be sent did not arrive. It never stopped anything.
    ReplyFailed {
        /// The reply.
        reply: ReplyId,
    },
    /// An internal note. It starts and stops nothing.
    Note,
    /// A bot gave the case to people.
    HandedOver,
    /// The status changed.
    Status {
        /// To.
        to: Status,
    },
    /// A resolved case was opened again.
    Reopened {
        /// The cycle that goes on, or the new one, as the rules of cases have it.
        cycle: u32,
    },
    /// The customer is left unanswered on purpose.
    Silence,
    /// Messages went to a new case.
    SplitAway {
        /// The messages.
        messages: BTreeSet<MessageId>,
    },
    /// Something changed that chooses the policy, the target or the calendar.
    Changed(Change),
    /// Another version of the policy came into force.
    PolicyApplied {
        /// The version.
        version: u64,
    },
}

impl What {
    /// What it is called where something is due to it.
    pub const fn word(&self) -> Word {
        match self {
            Self::Opened(_) => Word::Opened,
            Self::CustomerMessage { .. } => Word::CustomerMessage,
            Self::Reply { .. } => Word::Reply,
            Self::ReplyFailed { .. } => Word::ReplyFailed,
            Self::Note => Word::Note,
            Self::HandedOver => Word::HandedOver,
            Self::Status { .. } => Word::StatusChanged,
            Self::Reopened { .. } => Word::Reopened,
            Self::Silence => Word::SilenceChosen,
            Self::SplitAway { .. } => Word::SplitOff,
            Self::Changed(_) => Word::CaseChanged,
            Self::PolicyApplied { .. } => Word::PolicyApplied,
        }
    }
}

/// What a fact is called where something is due to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// The case began.
    Opened,
    /// The customer wrote.
    CustomerMessage,
    /// Something was sent to the customer.
    Reply,
    /// A reply did not arrive.
    ReplyFailed,
    /// An internal note.
    Note,
    /// A bot gave the case to people.
    HandedOver,
    /// The status changed.
    StatusChanged,
    /// A resolved case was opened again.
    Reopened,
    /// The customer is left unanswered on purpose.
    SilenceChosen,
    /// Messages went to a new case.
    SplitOff,
    /// Something changed that chooses the policy, the target or the calendar.
    CaseChanged,
    /// Another version of the policy came into force.
    PolicyApplied,
}

/// With what a case began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// What brought it about.
    pub origin: Origin,
    /// The version of the policy in force then.
    pub version: u64,
    /// Whether a bot talks with the customer until it hands over.
    pub bot: bool,
    /// What chooses its policy, target and calendar.
    pub situation: Situation,
}

/// What brought a case about, as far as its clocks care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A customer's message, or a closed case that it goes on from.
    Customer,
    /// We wrote first, or noted a call.
    Agent,
    /// It was split from another case.
    Split,
    /// It was worked elsewhere, and is here as history: not timed until a live message comes.
    Import,
}

/// Who wrote what was sent to the customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Author {
    /// A person: a response.
    Human,
    /// A bot that talks with customers.
    Bot,
    /// A rule: a receipt, an away message.
    Automatic,
}

/// What is known of a case that chooses its policy, its targets and its calendar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Situation {
    /// The region that works it.
    pub region: RegionId,
    /// The team that works it.
    pub team: Option<TeamId>,
    /// Our account on which it began. That it goes on in private elsewhere changes nothing.
    pub account: AccountId,
    /// The kind of that account's channel.
    pub channel: ChannelKind,
    /// How soon.
    pub priority: Priority,
    /// Its tags.
    pub tags: BTreeSet<Tag>,
    /// The customer's segment, if it is known.
    pub segment: Option<SegmentId>,
    /// The calendar that somebody gave to this very case.
    pub calendar: Option<CalendarId>,
}

/// One thing about a situation that changed, to its new value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The region and team: a transfer.
    Place {
        /// The region.
        region: RegionId,
        /// The team.
        team: Option<TeamId>,
    },
    /// The account and its channel.
    Account {
        /// The account.
        account: AccountId,
        /// The kind of its channel.
        channel: ChannelKind,
    },
    /// The priority.
    Priority(Priority),
    /// Tags that were added and taken away.
    Tags {
        /// Those that were added.
        added: BTreeSet<Tag>,
        /// Those that were taken away.
        removed: BTreeSet<Tag>,
    },
    /// The customer's segment.
    Segment(Option<SegmentId>),
    /// The case's own calendar.
    Calendar(Option<CalendarId>),
}

impl Situation {
    /// The situation after a change.
    pub(super) fn apply(&mut self, change: &Change) {
        match change {
            Change::Place { region, team } => {
                self.region = region.clone();
                self.team.clone_from(team);
            }
            Change::Account { account, channel } => {
                self.account = account.clone();
                self.channel = channel.clone();
            }
            Change::Priority(priority) => self.priority = *priority,
            Change::Tags { added, removed } => {
                self.tags.retain(|tag| !removed.contains(tag));
                self.tags.extend(added.iter().cloned());
            }
            Change::Segment(segment) => self.segment.clone_from(segment),
            Change::Calendar(calendar) => self.calendar.clone_from(calendar),
        }
    }
}

/// What happened to one case, in the order in which it happened, whatever the order in which it came to be known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timeline {
    facts: BTreeMap<(Timestamp, Position), Fact>,
    seen: BTreeSet<Position>,
}

impl Timeline {
    /// Puts a fact in its place. One whose position is there already is the same fact, and changes nothing.
    pub fn insert(&mut self, fact: Fact) {
        if self.seen.insert(fact.position) {
            self.facts.insert((fact.occurred, fact.position), fact);
        }
    }

    /// The facts, as they happened.
    pub fn facts(&self) -> impl Iterator<Item = &Fact> {
        self.facts.values()
    }

    /// The last position that is known.
    pub fn known_to(&self) -> Position {
        self.seen.last().copied().unwrap_or_default()
    }
}

impl FromIterator<Fact> for Timeline {
    fn from_iter<I: IntoIterator<Item = Fact>>(facts: I) -> Self {
        let mut timeline = Self::default();
        facts.into_iter().for_each(|fact| timeline.insert(fact));
        timeline
    }
}
