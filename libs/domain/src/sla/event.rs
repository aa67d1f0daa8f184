//! What was announced about the clocks of a case, as it is stored.

use serde::{Deserialize, Serialize};

use super::{
    clock::{Key, Reason},
    fact::Word,
    terms::{Measure, Warning},
};
use crate::{
    ids::{CalendarId, SlaId},
    stored::Fields,
    time::Timestamp,
};

/// What was announced about a clock. `at` is when it happened, `noticed_at` when that was found out. `known_to` is the
/// position up to which the case's log was known then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub enum Event {
    /// Little is left of a target.
    #[serde(rename = "sla.warned")]
    Warned {
        /// When.
        at: Timestamp,
        /// When that was found out.
        noticed_at: Timestamp,
        /// The clock.
        clock: Key,
        /// Which warning.
        warning: Warning,
        /// The deadline, if nothing changes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        due: Option<Timestamp>,
        /// Under what.
        under: Under,
    },
    /// A deadline passed.
    #[serde(rename = "sla.breached")]
    Breached {
        /// When: the deadline.
        at: Timestamp,
        /// When that was found out.
        noticed_at: Timestamp,
        /// The clock.
        clock: Key,
        /// The how many-th time that this is said of this clock, from 1: those before were retracted.
        round: u32,
        /// Up to where the log was known.
        known_to: u64,
        /// Under what.
        under: Under,
    },
    /// It did not pass after all, or not then.
    #[serde(rename = "sla.breach_retracted")]
    BreachRetracted {
        /// When that was found out.
        at: Timestamp,
        /// The clock.
        clock: Key,
        /// The deadline that was said to have passed.
        breached_at: Timestamp,
        /// What says so, if it is one fact.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cause: Option<Cause>,
    },
    /// What was promised was done in time.
    #[serde(rename = "sla.met")]
    Met {
        /// When.
        at: Timestamp,
        /// When that was found out.
        noticed_at: Timestamp,
        /// The clock.
        clock: Key,
        /// Up to where the log was known.
        known_to: u64,
    },
    /// It is not awaited any more.
    #[serde(rename = "sla.cancelled")]
    Cancelled {
        /// When.
        at: Timestamp,
        /// When that was found out.
        noticed_at: Timestamp,
        /// The clock.
        clock: Key,
        /// Why.
        reason: Reason,
        /// Up to where the log was known.
        known_to: u64,
    },
    /// A clock that was met or cancelled runs again.
    #[serde(rename = "sla.resumed")]
    Resumed {
        /// When that was found out.
        at: Timestamp,
        /// The clock.
        clock: Key,
        /// What says so, if it is one fact.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cause: Option<Cause>,
    },
}

/// Under what a deadline was computed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Under {
    /// The policy.
    pub policy: SlaId,
    /// The version of the whole policy, its calendars too.
    pub version: u64,
    /// The calendar; none: always open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<CalendarId>,
    /// The target, in seconds.
    pub target_s: i64,
    /// In what time it counts.
    pub measure: Measure,
    /// The version of the time zones, as the IANA database calls it.
    pub time_zones: String,
}

/// The fact that changed what was announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// What it is.
    pub fact: Word,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// Its entry in the log.
    pub entry: u64,
}

crate::stored_format!(
    Event,
    version = version,
    upcast = upcast,
    ["sla.warned", "sla.breached", "sla.breach_retracted", "sla.met", "sla.cancelled", "sla.resumed"]
);

/// Every event of a clock still is in its first version.
const fn version(_kind: &str) -> u16 {
    1
}

/// There is nothing older than the first version.
fn upcast(_kind: &str, _from: u16, _fields: Fields) -> Option<Fields> {
    None
}
