//! What the clocks of a case say.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    fact::{Position, Word},
    terms::{Kind, Measure, Warning},
};
use crate::{
    case::Status,
    ids::{CalendarId, SlaId},
    time::Timestamp,
};

/// Which clock: its kind, the cycle, and the how many-th of that kind in the cycle, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key {
    /// What it measures.
    pub clock: Kind,
    /// The cycle.
    pub cycle: u32,
    /// The run: only answers and updates have more than one.
    pub run: u32,
}

/// Why a clock is not awaited any more though nothing met it. Such clocks are in no denominator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The case was resolved: nobody waits for an answer.
    Resolved,
    /// The case was closed.
    Closed,
    /// It goes on in another case.
    Merged,
    /// It is not worth an answer.
    Spam,
    /// The customer is left unanswered on purpose.
    Silence,
    /// What was asked went to another case.
    SplitOff,
    /// Another cycle began.
    NewCycle,
    /// It is history, worked elsewhere.
    Imported,
}

impl Reason {
    /// The word, as it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Resolved => "resolved",
            Self::Closed => "closed",
            Self::Merged => "merged",
            Self::Spam => "spam",
            Self::Silence => "silence",
            Self::SplitOff => "split_off",
            Self::NewCycle => "new_cycle",
            Self::Imported => "imported",
        }
    }
}

/// How a clock is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It runs, and there is time. Nights and weekends are part of that.
    Ok,
    /// It runs, and little time remains.
    AtRisk,
    /// It stands still: the case is in a status that pauses it.
    Paused(Status),
    /// Its deadline passed before it was met. It stays so, whatever comes later.
    Breached,
    /// It was met in time.
    Met,
    /// It is not awaited any more.
    Cancelled(Reason),
    /// Nothing is promised: it only measures.
    Measured,
}

/// A length in both times, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Both {
    /// While the calendar was open.
    pub business: i64,
    /// In all.
    pub calendar: i64,
}

/// The deadlines in both times: that in which the target counts binds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// If it counts while the calendar is open.
    pub business: Option<Timestamp>,
    /// If it counts always.
    pub calendar: Option<Timestamp>,
}

/// What a clock did for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It counted, as far as its calendar was open.
    Counted,
    /// It stood still in this status.
    Paused(Status),
    /// It was not awaited, and came back.
    Stopped(Reason),
}

/// What was promised for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The policy.
    pub policy: SlaId,
    /// The target, in microseconds.
    pub target: i64,
    /// In what time it counts.
    pub measure: Measure,
}

/// A while in which nothing changed for a clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// From.
    pub from: Timestamp,
    /// To.
    pub to: Timestamp,
    /// What the clock did.
    pub standing: Standing,
    /// The version of the policy.
    pub version: u64,
    /// What was promised, if something was.
    pub terms: Option<Terms>,
    /// The calendar; none: always open.
    pub calendar: Option<CalendarId>,
    /// How much it counted towards the target, in microseconds.
    pub consumed: i64,
    /// Whether what was consumed before it was forgotten: the policy says that a change begins anew.
    pub restarted: bool,
}

/// A clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clock {
    /// Which.
    pub key: Key,
    /// Whether it is more than history: what is not timed is never warned of and never breached.
    pub timed: bool,
    /// How it is.
    pub state: State,
    /// When it began.
    pub started: Timestamp,
    /// When it was met or cancelled, if it was.
    pub stopped: Option<Timestamp>,
    /// What is promised now, or was last.
    pub terms: Option<Terms>,
    /// The version of the policy that says so.
    pub version: u64,
    /// The calendar; none: always open.
    pub calendar: Option<CalendarId>,
    /// The deadline: passed, or to come if nothing changes. None while it stands still, and after it ended in time.
    pub due: Option<Timestamp>,
    /// The deadlines in both times.
    pub due_both: Due,
    /// The deadline, if it passed: the same instant, whenever it was noticed.
    pub breached_at: Option<Timestamp>,
    /// How much it counted towards the target, in microseconds.
    pub consumed: i64,
    /// How much of the target is left; negative once it is over.
    pub remaining: Option<i64>,
    /// How much of the target would be left in both times; negative once it is over.
    pub remaining_both: Option<Both>,
    /// What it counted in both times, without pauses.
    pub elapsed: Both,
    /// When it passed each warning.
    pub warnings: BTreeMap<Warning, Timestamp>,
    /// When it is at risk, if nothing changes.
    pub at_risk_at: Option<Timestamp>,
    /// What it did from its beginning to its end or to now, without a gap.
    pub segments: Vec<Segment>,
}

/// How long things took in the whole case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measures {
    /// From the first message to a person's first answer to it.
    pub first_response: Option<Both>,
    /// From the beginning to the first resolution, pauses and all.
    pub first_resolution: Option<Both>,
    /// From the beginning to the last resolution, if it still stands.
    pub full_resolution: Option<Both>,
    /// When it was first resolved.
    pub first_resolved_at: Option<Timestamp>,
    /// When it was resolved for good, as far as is known.
    pub resolved_at: Option<Timestamp>,
    /// How long the customer waited: new, open and on hold.
    pub requester_wait: Both,
    /// How long we worked: new and open.
    pub agent_work: Both,
}

/// Every clock of a case, at an instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clocks {
    /// The instant.
    pub at: Timestamp,
    /// The clocks, in the order in which they came about.
    pub clocks: Vec<Clock>,
    /// How long things took.
    pub measures: Measures,
    /// Versions of the policy that are not in the book: nothing was promised under them, as far as is known here.
    pub unknown_versions: BTreeSet<u64>,
    /// The position up to which facts are known.
    pub known_to: Position,
    /// Facts that happened by then, with their positions: what a retraction is due to.
    pub(super) causes: BTreeMap<Position, (Timestamp, Word)>,
    /// The next fact that is known and did not happen yet.
    pub(super) next_fact: Option<Timestamp>,
}

impl Clock {
    /// Whether anything was ever promised of it.
    pub fn is_promised(&self) -> bool {
        self.terms.is_some() || self.segments.iter().any(|segment| segment.terms.is_some())
    }
}

impl Clocks {
    /// The clock of this key.
    pub fn get(&self, key: Key) -> Option<&Clock> {
        self.clocks.iter().find(|clock| clock.key == key)
    }

    /// The last clock of this kind.
    pub fn last(&self, kind: Kind) -> Option<&Clock> {
        self.clocks.iter().rfind(|clock| clock.key.clock == kind)
    }

    /// The next instant at which something changes though nothing happens: a warning, a risk, a deadline.
    pub fn next_wake(&self) -> Option<Timestamp> {
        let running = self.clocks.iter().filter(|clock| clock.timed && clock.stopped.is_none());
        let instants = running.flat_map(|clock| {
            clock.due.into_iter().chain(clock.at_risk_at).chain(clock.warnings.values().copied())
        });
        instants.chain(self.next_fact).filter(|at| *at > self.at).min()
    }
}
