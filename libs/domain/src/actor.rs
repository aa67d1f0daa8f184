//! Who did it.

use serde::{Deserialize, Serialize};

use crate::ids::{ActorId, AuthMethod};

/// Who did something, and how that is known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Actor {
    /// What kind of actor.
    pub kind: Kind,
    /// A person's id, a service's name, `<rule>@<version>`, a bot's id, a customer's identity, an import's name.
    pub id: ActorId,
    /// How the actor was authenticated: `token`, `session`, `internal`, `channel`.
    pub auth: AuthMethod,
}

/// Kinds of actors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A person of the organisation.
    Human,
    /// A part of the platform, or another system.
    Service,
    /// A rule of the policy, at a version.
    Rule,
    /// A bot that talks with customers.
    Bot,
    /// A customer, on a channel.
    Customer,
    /// A run of an import.
    Import,
}

impl Actor {
    /// An actor of `kind`.
    pub const fn new(kind: Kind, id: ActorId, auth: AuthMethod) -> Self {
        Self { kind, id, auth }
    }

    /// Whether a person of the organisation did it: only their replies count as responses.
    pub fn is_human(&self) -> bool {
        self.kind == Kind::Human
    }
}
