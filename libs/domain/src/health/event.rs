//! What was decided about a channel account, as it is stored.

use serde::{Deserialize, Serialize};

use super::values::{Cause, Evidence};
use crate::{actor::Actor, channel::Direction, ids::ReasonCode, stored::Fields, time::Timestamp};

/// What was decided about a channel account. `at` is when. `out` is about sending, `in` about receiving.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub enum Event {
    /// It works, and not as it should.
    #[serde(rename = "channel.degraded")]
    Degraded {
        /// When.
        at: Timestamp,
        /// Sending or receiving.
        direction: Direction,
        /// Why.
        cause: Cause,
        /// On what that was decided.
        evidence: Evidence,
    },
    /// It does not work. Replies wait.
    #[serde(rename = "channel.went_down")]
    WentDown {
        /// When.
        at: Timestamp,
        /// Sending or receiving.
        direction: Direction,
        /// Why.
        cause: Cause,
        /// On what that was decided.
        evidence: Evidence,
        /// The how many-th time, since it last was up, from 1.
        round: u32,
        /// When one reply may be tried.
        retry_at: Timestamp,
    },
    /// One reply is tried.
    #[serde(rename = "channel.recovering")]
    Recovering {
        /// When.
        at: Timestamp,
        /// Sending, as long as nothing else is tried.
        direction: Direction,
        /// The how many-th time, since it last was up, from 1.
        round: u32,
    },
    /// It works again.
    #[serde(rename = "channel.came_up")]
    CameUp {
        /// When.
        at: Timestamp,
        /// Sending or receiving.
        direction: Direction,
        /// Why it was not up.
        cause: Cause,
        /// Since when it was not.
        since: Timestamp,
    },
    /// The platform wants to be called less often: nothing is sent for a while. That is no trouble, and no alert.
    #[serde(rename = "channel.throttled")]
    Throttled {
        /// When.
        at: Timestamp,
        /// Until when.
        until: Timestamp,
    },
    /// A person stops the sending.
    #[serde(rename = "channel.held")]
    Held {
        /// When.
        at: Timestamp,
        /// Who.
        by: Actor,
        /// Why.
        reason: ReasonCode,
    },
    /// A person lets it go on.
    #[serde(rename = "channel.released")]
    Released {
        /// When.
        at: Timestamp,
        /// Who.
        by: Actor,
    },
}

crate::stored_format!(
    Event,
    version = version,
    upcast = upcast,
    [
        "channel.degraded",
        "channel.went_down",
        "channel.recovering",
        "channel.came_up",
        "channel.throttled",
        "channel.held",
        "channel.released",
    ]
);

/// Every event of a channel still is in its first version.
const fn version(_kind: &str) -> u16 {
    1
}

/// There is nothing older than the first version.
fn upcast(_kind: &str, _from: u16, _fields: Fields) -> Option<Fields> {
    None
}
