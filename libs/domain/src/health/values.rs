//! What the health of an account is made of.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// How well one direction of an account works. The worse, the greater.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// It works.
    #[default]
    Up,
    /// It works, and not as it should.
    Degraded,
    /// It was down, and one is sent to see whether it works again.
    Recovering,
    /// It does not work.
    Down,
}

impl Level {
    /// All of them, the best first.
    pub const ALL: [Self; 4] = [Self::Up, Self::Degraded, Self::Recovering, Self::Down];

    /// As operators call it.
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Degraded => "degraded",
            Self::Recovering => "recovering",
            Self::Down => "down",
        }
    }
}

/// Why an account is not up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// No connection comes about.
    Unreachable,
    /// The platform says that it cannot: 503 and its like.
    Unavailable,
    /// It takes calls, and answers none in time.
    Unanswered,
    /// It fails in the middle of calls, or answers what nobody understands.
    Failing,
    /// It does not know us: a secret is wrong or has expired.
    Authentication,
    /// Nothing comes in where much used to.
    Silence,
    /// What is asked is gone for good.
    Gone,
}

impl Cause {
    /// As operators call it.
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Unavailable => "unavailable",
            Self::Unanswered => "unanswered",
            Self::Failing => "failing",
            Self::Authentication => "authentication",
            Self::Silence => "silence",
            Self::Gone => "gone",
        }
    }

    /// What noticed it.
    pub const fn sense(self) -> Sense {
        match self {
            Self::Silence => Sense::Silence,
            Self::Unreachable
            | Self::Unavailable
            | Self::Unanswered
            | Self::Failing
            | Self::Authentication
            | Self::Gone => Sense::Calls,
        }
    }
}

/// What notices that something is wrong, and that it is right again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sense {
    /// What calls come to.
    Calls,
    /// How much comes in.
    Silence,
}

/// What a decision was taken on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case")]
pub enum Evidence {
    /// Calls, the last ones.
    Calls {
        /// How many failed in a row, up to the last one.
        in_a_row: u32,
        /// How many of the last ones failed.
        failed: u32,
        /// How many the last ones are.
        calls: u32,
    },
    /// Messages that did not come.
    Silence {
        /// When the last one came.
        last_in: Timestamp,
        /// How many used to come in as long a time, at this time of the week.
        expected: u32,
        /// In how many past weeks that was looked up.
        weeks: u32,
    },
}

/// When something counts as wrong, and how it is tried whether it is right again. Data of the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// After how many failures in a row it is degraded.
    pub degraded_after: u32,
    /// After how many failures in a row it is down.
    pub down_after: u32,
    /// After how many successes in a row what was degraded is up again. What was down is up after the first.
    pub recovered_after: u32,
    /// How long after it went down one is tried; twice that after the second time, and so on.
    pub retry_s: i64,
    /// The longest time between two of those.
    pub retry_max_s: i64,
    /// How long everything waits after a refusal for having been too fast that names no time.
    pub throttle_s: i64,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            degraded_after: 3,
            down_after: 5,
            recovered_after: 2,
            retry_s: 15,
            retry_max_s: 15 * 60,
            throttle_s: 5,
        }
    }
}

impl Rules {
    /// When one is tried after it went down for the `round`th time in a row.
    pub fn retry_at(&self, at: Timestamp, round: u32) -> Timestamp {
        let doublings = round.saturating_sub(1).min(i64::BITS - 2);
        let wait = self.retry_s.max(0).saturating_mul(1_i64 << doublings).min(self.retry_max_s.max(0));
        at.plus_seconds(wait)
    }
}
