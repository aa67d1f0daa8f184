//! Names of things. Each is a type of its own, so that a team is never taken for a person.
//!
//! An id is never personal data: what a channel calls an author or a message is in here only as a keyed hash.

use std::{borrow::Borrow, fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

/// The id of something that a command or an entry brings about: the same name in the same namespace, the same id (UUID v5).
pub fn derive(namespace: Uuid, name: &str) -> Uuid {
    Uuid::new_v5(&namespace, name.as_bytes())
}

/// A value that breaks the rule of its type. It does not repeat the value, which may be anybody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} is {rule}")]
pub struct Invalid {
    /// What it should have been: `a team id`.
    pub what: &'static str,
    /// The rule that it breaks.
    pub rule: &'static str,
}

macro_rules! uuid_ids {
    ($($(#[$doc:meta])* $name:ident, $what:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// The id of what `name` calls in `namespace`.
            pub fn derive(namespace: Uuid, name: &str) -> Self {
                Self(derive(namespace, name))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                Uuid::try_parse(text).map(Self).map_err(|_| Invalid { what: $what, rule: "a UUID" })
            }
        }
    )*};
}

uuid_ids! {
    /// A case; its stream is `case-<id>`.
    CaseId, "a case id";
    /// A conversation; derived from its key, see [`crate::conversation::Key`].
    ConversationId, "a conversation id";
    /// A customer: one or several identities.
    CustomerId, "a customer id";
    /// A command, given by the caller.
    CommandId, "a command id";
    /// A reply to a customer.
    ReplyId, "a reply id";
    /// An internal note.
    NoteId, "a note id";
    /// A customer's consent.
    ConsentId, "a consent id";
    /// By what a platform knows a message again that it was given twice.
    IdempotencyKey, "an idempotency key";
}

/// Writes a type that holds a short text which keeps a rule.
macro_rules! text_ids {
    ($($(#[$doc:meta])* $name:ident, $what:literal, $rule:ident, $check:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks the text against the rule.
            pub fn new(text: &str) -> Result<Self, Invalid> {
                if $check(text) { Ok(Self(text.into())) } else { Err(Invalid { what: $what, rule: $rule }) }
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                Self::new(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl de::Visitor<'_> for Text {
                    type Value = $name;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($what)
                    }

                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$name, E> {
                        $name::new(text).map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Text)
            }
        }
    )*};
}

text_ids! {
    /// A deployment: one log.
    SiteId, "a site id", SLUG, is_slug;
    /// A node of the organisation's tree.
    RegionId, "a region id", SLUG, is_slug;
    /// A team.
    TeamId, "a team id", SLUG, is_slug;
    /// A person of the organisation.
    PersonId, "a person id", SLUG, is_slug;
    /// An account of ours on a channel: where messages come in and replies go out.
    AccountId, "an account id", SLUG, is_slug;
    /// A kind of channel: `email`, `instagram`. The registry of kinds is policy, not code.
    ChannelKind, "a channel kind", SLUG, is_slug;
    /// A calendar: when somebody is there, from the policy.
    CalendarId, "a calendar id", SLUG, is_slug;
    /// A category of cases, from the policy.
    CategoryId, "a category id", SLUG, is_slug;
    /// A custom field of cases, from the policy.
    FieldId, "a field id", SLUG, is_slug;
    /// An item of a checklist, from the policy.
    ChecklistItemId, "a checklist item id", SLUG, is_slug;
    /// A label that stands above a status, from the policy.
    StatusLabel, "a status label", SLUG, is_slug;
    /// Something that a person can do, from the policy.
    SkillId, "a skill id", SLUG, is_slug;
    /// A queue of cases, from the policy.
    QueueId, "a queue id", SLUG, is_slug;
    /// A rule of routing, from the policy.
    RuleId, "a rule id", SLUG, is_slug;
    /// A short reason that is chosen from a list.
    ReasonCode, "a reason code", SLUG, is_slug;
    /// A policy of service levels.
    SlaId, "an SLA policy id", SLUG, is_slug;
    /// A segment of customers: `gold`.
    SegmentId, "a customer segment", SLUG, is_slug;
    /// A campaign, an advertisement, a promotion.
    CampaignId, "a campaign id", SLUG, is_slug;
    /// How a person was authenticated: `token`, `session`, `internal`, `channel`.
    AuthMethod, "an authentication method", SLUG, is_slug;
    /// A language, as a BCP 47 tag in lower case: `fr`, `pt-br`.
    Language, "a language", LANGUAGE, is_language;
    /// The id of an actor; what it is depends on the actor's kind.
    ActorId, "an actor id", ACTOR, is_actor;
    /// A keyed hash of something external (a message's id, an author, a thread's root), in hex or base 32.
    KeyedHash, "a keyed hash", HASH, is_hash;
    /// A keyed digest of a message's body: tells an edit from a second delivery.
    Digest, "a digest", HASH, is_hash;
    /// A media type, without parameters: `image/png`.
    MediaType, "a media type", MEDIA, is_media;
    /// A tag of a case: any script, lower case, no spaces.
    Tag, "a tag", TAG, is_tag;
    /// A template that a platform approved, as the platform calls it.
    TemplateName, "a template name", PLATFORM, is_platform_name;
    /// What a platform calls a value that is put into a template.
    ParameterName, "a parameter's name", PLATFORM, is_platform_name;
    /// What a platform lets a message be marked with, to be sent after the reply window: `human_agent`.
    MessageTag, "a message tag", PLATFORM, is_platform_name;
    /// A data subject's identity: `<account>_<keyed hash of the external author>`.
    IdentityId, "an identity id", IDENTITY, is_identity;
    /// A message, and the id of its stream: `<account>-<keyed hash of the external id>`.
    MessageId, "a message id", MESSAGE, is_message;
}

impl IdentityId {
    /// The author that `hash` stands for on `account`.
    pub fn of(account: &AccountId, hash: &KeyedHash) -> Self {
        Self(format!("{account}_{hash}").into())
    }

    /// The account on which the author was met.
    pub fn account(&self) -> &str {
        self.0.split_once('_').map_or("", |(account, _)| account)
    }
}

/// The namespace of customers' ids. Never changed: the ids are in the log.
const CUSTOMERS: Uuid = Uuid::from_u128(0x0b0f_7a1c_5a0e_5c39_8d60_3c52_81f4_7e6d);

impl CustomerId {
    /// The customer who was first met under `identity`: everywhere the same.
    pub fn first_met(identity: &IdentityId) -> Self {
        Self::derive(CUSTOMERS, identity.as_str())
    }
}

impl MessageId {
    /// The message that `hash` stands for on `account`.
    pub fn of(account: &AccountId, hash: &KeyedHash) -> Self {
        Self(format!("{account}-{hash}").into())
    }

    /// What the message's name on its account is hashed to.
    pub fn external(&self) -> Option<KeyedHash> {
        KeyedHash::new(self.0.rsplit_once('-')?.1).ok()
    }

    /// The account on which the message was exchanged.
    pub fn account(&self) -> &str {
        self.0.rsplit_once('-').map_or("", |(account, _)| account)
    }
}

impl AccountId {
    /// The longest slug, in bytes.
    pub const LEN_MAX: usize = SLUG_LEN_MAX;
}

impl Tag {
    /// The longest tag, in characters.
    pub const LEN_MAX: usize = 64;
}

const SLUG_LEN_MAX: usize = 64;
const HASH_LEN: std::ops::RangeInclusive<usize> = 16..=63;
const ACTOR_LEN_MAX: usize = 128;
const MEDIA_LEN_MAX: usize = 127;
const PLATFORM_LEN_MAX: usize = 512;
const LANGUAGE_LEN: std::ops::RangeInclusive<usize> = 2..=35;

const SLUG: &str = "1 to 64 of a-z, 0-9 and '-'";
const HASH: &str = "16 to 63 of a-z and 0-9";
const LANGUAGE: &str = "a BCP 47 tag in lower case, as fr or pt-br";
const ACTOR: &str = "1 to 128 of a-z, A-Z, 0-9 and '-', '_', '.', ':', '@', '/'";
const MEDIA: &str = "type/subtype, at most 127 of a-z, 0-9 and '-', '.', '+', '_'";
const TAG: &str = "1 to 64 letters in lower case, digits and '-', '_', '.', ':', '/'";
const PLATFORM: &str = "1 to 512 of a-z, A-Z, 0-9 and '-', '_', '.', ':'";
const IDENTITY: &str = "an account id, '_' and a keyed hash";
const MESSAGE: &str = "an account id, '-' and a keyed hash";

fn is_slug(text: &str) -> bool {
    (1..=SLUG_LEN_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn is_hash(text: &str) -> bool {
    HASH_LEN.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

fn is_language(text: &str) -> bool {
    let part = |p: &str| {
        (1..=8).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    LANGUAGE_LEN.contains(&text.len())
        && text.split('-').all(part)
        && text
            .split('-')
            .next()
            .is_some_and(|primary| primary.len() > 1 && primary.bytes().all(|b| b.is_ascii_lowercase()))
}

fn is_actor(text: &str) -> bool {
    (1..=ACTOR_LEN_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:@/".contains(&b))
}

fn is_media(text: &str) -> bool {
    let part = |p: &str| {
        !p.is_empty()
            && p.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.+_".contains(&b))
    };
    text.len() <= MEDIA_LEN_MAX
        && text.split_once('/').is_some_and(|(kind, subtype)| part(kind) && part(subtype))
}

fn is_tag(text: &str) -> bool {
    (1..=Tag::LEN_MAX).contains(&text.chars().count())
        && text.chars().all(|c| (c.is_alphanumeric() && !c.is_uppercase()) || "-_.:/".contains(c))
}

fn is_platform_name(text: &str) -> bool {
    (1..=PLATFORM_LEN_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b))
}

fn is_identity(text: &str) -> bool {
    text.split_once('_').is_some_and(|(account, hash)| is_slug(account) && is_hash(hash))
}

fn is_message(text: &str) -> bool {
    text.rsplit_once('-').is_some_and(|(account, hash)| is_slug(account) && is_hash(hash))
}

#[cfg(test)]
mod tests;
