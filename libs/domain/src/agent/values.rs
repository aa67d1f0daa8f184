//! What is said of agents.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Whether an agent is there, as he says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// Takes cases.
    Online,
    /// There, and takes nothing new for a while.
    Away,
    /// Does something else.
    Busy,
    /// On a break.
    Break,
    /// Not there.
    #[default]
    Offline,
}

/// Who wants that the agent gets a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// The matcher.
    Push,
    /// The agent.
    Pull,
    /// Somebody else who knows why, whatever the agent has.
    Manual,
}

/// Why a reservation ended without a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// The agent does not want the case.
    Declined,
    /// The agent did not answer.
    TimedOut,
    /// It was not claimed in time.
    Expired,
    /// Another one has the case.
    Lost,
    /// The case needs nobody any more.
    Withdrawn,
    /// The agent is gone.
    Offline,
}

/// Why a case is no longer the agent's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Left {
    /// It is resolved, closed, merged or spam.
    Done,
    /// Another one has it.
    Reassigned,
    /// It waits in a queue again.
    Requeued,
}

/// What an agent may hold, as the policy in force has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// The most units.
    pub units: u32,
    /// The most cases on the channel that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<u32>,
    /// Whether cases may be pushed.
    pub push: bool,
}

impl fmt::Display for Presence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Online => "online",
            Self::Away => "away",
            Self::Busy => "busy",
            Self::Break => "on a break",
            Self::Offline => "offline",
        })
    }
}
