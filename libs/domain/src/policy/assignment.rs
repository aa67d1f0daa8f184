//! Rules of assignment: what cases weigh, how long an offer stands, who is preferred.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::{Value, json};

use super::{
    kinds::{Kind, view},
    problem::{Fault, suggest},
    schema::{
        self,
        Shape::{Duration, Integer, List, Map, OneOf},
        optional,
    },
    set::Set,
};
use crate::{
    agent::RENEWAL_STEP_S,
    case::Status,
    ids::{ChannelKind, RegionId, TeamId},
    stored::Fields,
};

pub(super) const KIND: Kind = Kind {
    name: "assignment",
    group: "assignment",
    cascades: true,
    defaults,
    fields: &[
        optional("capacity", Integer(1, UNITS_MAX as i64)),
        optional("weight", Integer(1, UNITS_MAX as i64)),
        optional(
            "channel_weights",
            Map(|text| ChannelKind::new(text).map(drop), &Integer(1, UNITS_MAX as i64)),
        ),
        optional("consuming", List(&OneOf(&["new", "open", "pending", "on_hold"]))),
        optional("proficiency", OneOf(&["best", "least_sufficient"])),
        optional("ties", OneOf(&["lowest_id", "seeded"])),
        optional("presence_lease", Duration(DAY_S)),
        optional("offer_timeout", Duration(DAY_S)),
        optional("reservation_timeout", Duration(DAY_S)),
        optional("misses_max", Integer(1, MISSES_MAX)),
        optional("requeue_after", Duration(DAYS_MAX * DAY_S)),
        optional("aging", Duration(DAYS_MAX * DAY_S)),
    ],
    view: view::<Rules>,
    check,
};

/// The most units that an agent may have or a case may weigh. A case of this weight takes all of anybody.
pub const UNITS_MAX: u32 = 1_000;
const MISSES_MAX: i64 = 100;
const DAY_S: i64 = 24 * 60 * 60;
const DAYS_MAX: i64 = 365;

/// The rules of assignment in one place.
///
/// The default weights follow one rule: a voice takes all of a person, and what is written takes the less the longer its
/// author is used to wait. With 12 units that is one call, or 3 chats, or 4 conversations in a messenger, or 6 mails or
/// social posts, or 12 reviews at once.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Rules {
    /// How many units an agent may hold at once.
    pub capacity: u32,
    /// How many units a case takes whose channel is not named below.
    pub weight: u32,
    /// How many units a case takes, by the kind of its channel. What is written joins what holds by default.
    #[serde(deserialize_with = "weights")]
    pub channel_weights: BTreeMap<ChannelKind, u32>,
    /// The statuses in which a case takes units of its agent.
    pub consuming: BTreeSet<Status>,
    /// Whom the mode "skills" prefers.
    pub proficiency: Proficiency,
    /// Who is chosen among equals.
    pub ties: Ties,
    /// For how many seconds an agent is believed to be there who says nothing.
    #[serde(rename = "presence_lease", deserialize_with = "seconds")]
    pub presence_lease_s: i64,
    /// For how many seconds an offer stands.
    #[serde(rename = "offer_timeout", deserialize_with = "seconds")]
    pub offer_timeout_s: i64,
    /// For how many seconds capacity stays reserved without an offer, until the case is claimed.
    #[serde(rename = "reservation_timeout", deserialize_with = "seconds")]
    pub reservation_timeout_s: i64,
    /// After how many offers in a row that were not answered an agent is set away.
    pub misses_max: u32,
    /// After how many seconds of working time the cases of an agent who is gone are requeued, if their customers do not
    /// wait in front of a screen; theirs are at once.
    #[serde(rename = "requeue_after", deserialize_with = "seconds")]
    pub requeue_after_s: i64,
    /// After how many seconds of waiting a case stands one priority higher in its queue. 0: never.
    #[serde(rename = "aging", deserialize_with = "seconds")]
    pub aging_s: i64,
}

/// Whom the mode "skills" prefers among those who are good enough.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proficiency {
    /// The best.
    Best,
    /// The one who is the least above what is needed, so that experts stay free for what only they can do.
    #[default]
    LeastSufficient,
}

/// Who is chosen among equals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ties {
    /// The first by id.
    #[default]
    LowestId,
    /// The first in an order that depends on the seed of the decision: two matchers hit the same agent less often.
    Seeded,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            capacity: 12,
            weight: 2,
            channel_weights: weights_default(),
            consuming: BTreeSet::from([Status::New, Status::Open]),
            proficiency: Proficiency::default(),
            ties: Ties::default(),
            presence_lease_s: 2 * 60,
            offer_timeout_s: 60,
            reservation_timeout_s: 30,
            misses_max: 3,
            requeue_after_s: 30 * 60,
            aging_s: 4 * 60 * 60,
        }
    }
}

/// What cases weigh of channels that are not as most are.
const WEIGHTS: [(&str, u32); 16] = [
    ("phone", UNITS_MAX),
    ("store", UNITS_MAX),
    ("chat", 4),
    ("line", 3),
    ("messenger", 3),
    ("slack", 3),
    ("sms", 3),
    ("telegram", 3),
    ("wechat", 3),
    ("whatsapp", 3),
    ("google-reviews", 1),
    ("reviews", 1),
    ("trustpilot", 1),
    ("forum", 1),
    ("news", 1),
    ("blog", 1),
];

impl Rules {
    /// How many units a case of this channel takes.
    pub fn weight_of(&self, channel: &ChannelKind) -> u32 {
        self.channel_weights.get(channel).copied().unwrap_or(self.weight)
    }

    /// Whether a case in this status takes units of its agent.
    pub fn consumes(&self, status: Status) -> bool {
        self.consuming.contains(&status)
    }
}

impl Set {
    /// The rules of assignment for a team, for a region, or for the whole organisation if neither is given.
    pub fn assignment_rules(&self, region: Option<&RegionId>, team: Option<&TeamId>) -> Rules {
        self.effective(KIND.name, region, team).read()
    }
}

/// [`Rules::default`] as it would be written.
fn defaults() -> Fields {
    let weights: Fields =
        WEIGHTS.iter().map(|(kind, weight)| ((*kind).to_owned(), (*weight).into())).collect();
    let Value::Object(defaults) = json!({
        "capacity": 12,
        "weight": 2,
        "channel_weights": weights,
        "consuming": ["new", "open"],
        "proficiency": "least_sufficient",
        "ties": "lowest_id",
        "presence_lease": "2 minutes",
        "offer_timeout": "1 minute",
        "reservation_timeout": "30 seconds",
        "misses_max": 3,
        "requeue_after": "30 minutes",
        "aging": "4 hours",
    }) else {
        return Fields::new();
    };
    defaults
}

fn check(set: &Set, _: &str, body: &Fields) -> Vec<Fault> {
    let mut faults = Vec::new();
    let weights = body.get("channel_weights").and_then(Value::as_object);
    for name in weights.into_iter().flat_map(Fields::keys).filter(|name| !set.knows_channel(name)) {
        let remedy = suggest(name, set.channel_ids(), "the kinds of channels are");
        let message = format!("there is no kind of channel \"{name}\"");
        faults.push(Fault::new(format!("/channel_weights/{name}"), message, remedy));
    }
    for (field, least) in
        [("presence_lease", 2 * RENEWAL_STEP_S), ("offer_timeout", 1), ("reservation_timeout", 1)]
    {
        let written = body.get(field).and_then(Value::as_str).and_then(schema::seconds);
        if written.is_some_and(|seconds| seconds < least) {
            let message = "this is too short to be kept";
            faults.push(Fault::new(
                format!("/{field}"),
                message,
                format!("write at least \"{least} seconds\""),
            ));
        }
    }
    faults
}

fn weights_default() -> BTreeMap<ChannelKind, u32> {
    WEIGHTS.iter().filter_map(|(kind, weight)| Some((ChannelKind::new(kind).ok()?, *weight))).collect()
}

/// Who makes chats heavier does not mean that calls become light.
fn weights<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<ChannelKind, u32>, D::Error> {
    let mut weights = weights_default();
    weights.extend(BTreeMap::<ChannelKind, u32>::deserialize(deserializer)?);
    Ok(weights)
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let text = String::deserialize(deserializer)?;
    schema::seconds(&text).ok_or_else(|| D::Error::custom("not a duration"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_shown_as_they_hold() {
        let names: BTreeSet<&str> = KIND.fields.iter().map(|field| field.name).collect();
        let defaults = defaults();
        assert_eq!(defaults.keys().map(String::as_str).collect::<BTreeSet<_>>(), names);
        assert_eq!(serde_json::from_value::<Rules>(Value::Object(defaults)).unwrap(), Rules::default());
    }

    #[test]
    fn every_channel_that_is_named_is_known() {
        let unknown: Vec<_> =
            WEIGHTS.iter().filter(|(kind, _)| !Set::default().knows_channel(kind)).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }
}
