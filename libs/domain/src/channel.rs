//! Where messages are exchanged.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::{AccountId, KeyedHash};

/// Who can see a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Anybody.
    Public,
    /// The customer and we.
    Private,
}

/// Which way a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From a customer to us.
    In,
    /// From us to a customer.
    Out,
}

/// A place where a customer may post and be answered: what a closing post must reach.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// Our account there.
    pub account: AccountId,
    /// Who can see what is posted there.
    pub visibility: Visibility,
    /// The root of the thread, where the channel has threads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<KeyedHash>,
}

impl fmt::Display for Visibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Public => "public",
            Self::Private => "private",
        })
    }
}

/// `<account>/<visibility>` and, with a thread, `/<thread>`.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.account, self.visibility)?;
        self.thread.as_ref().map_or(Ok(()), |thread| write!(f, "/{thread}"))
    }
}
