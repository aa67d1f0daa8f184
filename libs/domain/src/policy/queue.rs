//! Queues: where cases wait for somebody, who serves them, and what happens when nobody comes.

use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::{
    kinds::{self, Kind, view},
    problem::{Fault, suggest},
    schema::{
        self,
        Shape::{Bool, Checked, Duration, Integer, List, OneOf, Ref, Table, Text},
        optional, required,
    },
    set::Set,
};
use crate::{
    ids::{CalendarId, QueueId, RegionId, SkillId, TeamId},
    stored::Fields,
};

pub(super) const KIND: Kind = Kind {
    name: "queue",
    group: "routing",
    cascades: false,
    defaults: Fields::new,
    fields: &[
        required("name", Text(NAME_LEN_MAX)),
        optional("region", Ref("region")),
        optional("team", Ref("team")),
        optional("teams", List(&Ref("team"))),
        optional("skills", List(&Checked(|text| SkillId::new(text).map(drop)))),
        optional("mode", OneOf(&["round_robin", "load_balanced", "skills", "pull", "last_agent"])),
        optional("last_agent_for", Duration(DAYS_MAX * DAY_S)),
        optional("calendar", Checked(|text| CalendarId::new(text).map(drop))),
        optional(
            "overflow",
            Table(&[
                required("to", Ref("queue")),
                optional("after", Duration(DAYS_MAX * DAY_S)),
                optional("when_closed", Bool),
            ]),
        ),
        optional("follow_the_sun", List(&Ref("queue"))),
        optional(
            "relaxation",
            List(&Table(&[
                required("after", Duration(DAYS_MAX * DAY_S)),
                required("relax", OneOf(&["proficiency", "optional_skills", "overflow"])),
            ])),
        ),
        optional("aging", Duration(DAYS_MAX * DAY_S)),
        optional("offer", Bool),
        optional("offer_timeout", Duration(DAY_S)),
        optional("misses_max", Integer(1, MISSES_MAX)),
        optional("default", Bool),
    ],
    view: view::<Queue>,
    check,
};

const NAME_LEN_MAX: usize = 200;
const DAY_S: i64 = 24 * 60 * 60;
/// The longest time that a queue may name, in days.
const DAYS_MAX: i64 = 365;
const MISSES_MAX: i64 = 100;
/// The most steps of relaxation.
pub const RELAXATIONS_MAX: usize = 10;
/// The most queues that the work may follow the sun to.
pub const FOLLOW_MAX: usize = 24;

/// A queue of cases.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Queue {
    /// Its id.
    pub id: QueueId,
    /// What it is called.
    pub name: String,
    /// The region that it belongs to; a global queue belongs to none.
    #[serde(default)]
    pub region: Option<RegionId>,
    /// The team that it belongs to.
    #[serde(default)]
    pub team: Option<TeamId>,
    /// The teams whose agents serve it, besides the one that it belongs to. Agents may name queues themselves, too.
    #[serde(default)]
    pub teams: BTreeSet<TeamId>,
    /// The skills that whoever serves it needs.
    #[serde(default)]
    pub skills: BTreeSet<SkillId>,
    /// How one of several agents is chosen.
    #[serde(default)]
    pub mode: Mode,
    /// For how many seconds the agent who had a customer last is preferred.
    #[serde(default, rename = "last_agent_for", deserialize_with = "seconds")]
    pub last_agent_for_s: Option<i64>,
    /// When it is open; always without one.
    #[serde(default)]
    pub calendar: Option<CalendarId>,
    /// Where its cases go when nobody comes.
    #[serde(default)]
    pub overflow: Option<Overflow>,
    /// The queues that are asked in their order, the first one that is open, while this one is closed.
    #[serde(default)]
    pub follow_the_sun: Vec<QueueId>,
    /// What is given up when a case waits for long, the first step first.
    #[serde(default)]
    pub relaxation: Vec<Relaxation>,
    /// After how many seconds of waiting a case counts as one priority higher; as for all queues if there is none.
    #[serde(default, rename = "aging", deserialize_with = "seconds")]
    pub aging_s: Option<i64>,
    /// Whether the agent is asked before he is given a case.
    #[serde(default)]
    pub offer: bool,
    /// For how many seconds an offer stands; as for all queues if there is none.
    #[serde(default, rename = "offer_timeout", deserialize_with = "seconds")]
    pub offer_timeout_s: Option<i64>,
    /// After how many offers in a row that were not answered an agent is set away; as for all queues if there is none.
    #[serde(default)]
    pub misses_max: Option<u32>,
    /// Whether it takes what no rule sends elsewhere: of its region and those below, or of all if it is global.
    #[serde(default)]
    pub default: bool,
}

/// How one of several agents is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Who was not given one for the longest time.
    #[default]
    RoundRobin,
    /// Who has the largest share of the capacity left.
    LoadBalanced,
    /// Who has the skills.
    Skills,
    /// Nobody: agents take the next one.
    Pull,
    /// Who had the customer last, else round robin.
    LastAgent,
}

/// Where cases go when nobody comes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Overflow {
    /// To which queue.
    pub to: QueueId,
    /// After how many seconds of waiting.
    #[serde(default, rename = "after", deserialize_with = "seconds")]
    pub after_s: Option<i64>,
    /// Whether at once while the queue is closed.
    #[serde(default)]
    pub when_closed: bool,
}

/// A step of relaxation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Relaxation {
    /// After how many seconds of waiting.
    #[serde(rename = "after", deserialize_with = "seconds_there")]
    pub after_s: i64,
    /// What is given up.
    pub relax: Relax,
}

/// What is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Relax {
    /// How well the skills are had.
    Proficiency,
    /// Skills that a case would like to have.
    OptionalSkills,
    /// That only its own agents serve the queue: those of the overflow queue help out.
    Overflow,
}

impl Set {
    /// A queue.
    pub fn queue(&self, id: &QueueId) -> Option<&Queue> {
        self.document(KIND.name, id.as_str())?.view()
    }

    /// All queues, in the order of their ids.
    pub fn queues(&self) -> impl Iterator<Item = &Queue> {
        self.of_kind(KIND.name).filter_map(|document| document.view())
    }

    /// The queue that takes what no rule sends elsewhere: of the nearest region that has one, else the global one.
    pub fn default_queue(&self, region: Option<&RegionId>) -> Option<&Queue> {
        let of = |id: Option<&str>| {
            self.queues().find(|queue| queue.default && queue.region.as_ref().map(RegionId::as_str) == id)
        };
        let mut lineage = region.map_or_else(Vec::new, |region| self.lineage(region.as_str())).into_iter();
        lineage.find_map(|region| of(Some(region))).or_else(|| of(None))
    }
}

/// A fault where a document of another kind is named that is not there. As long as that kind is not known here, nothing can
/// be said of its ids.
pub(super) fn unknown(set: &Set, pointer: impl Into<String>, kind: &str, id: &str) -> Option<Fault> {
    if kinds::find(kind).is_none() || set.document(kind, id).is_some() {
        return None;
    }
    let known = set.of_kind(kind).map(|document| &*document.key().id);
    let remedy = suggest(id, known, &format!("the {kind}s"));
    Some(Fault::new(pointer, format!("there is no {kind} \"{id}\""), remedy))
}

fn check(set: &Set, id: &str, body: &Fields) -> Vec<Fault> {
    let mut faults = Vec::new();
    let Some(queue) = set.document(KIND.name, id).and_then(|document| document.view::<Queue>()) else {
        return faults;
    };
    faults.extend(queue.calendar.iter().filter_map(|id| unknown(set, "/calendar", "calendar", id.as_str())));
    let skills = body.get("skills").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    faults.extend(
        skills.enumerate().filter_map(|(index, id)| unknown(set, format!("/skills/{index}"), "skill", id)),
    );
    let path = overflows(set, id);
    let circle: Vec<&str> =
        path.iter().skip_while(|queue| Some(**queue) != next(set, path.last())).copied().collect();
    // Each queue of the circle would say the same: the first in order says it for all.
    if circle.iter().min() == Some(&id) {
        let message = format!("queues overflow in a circle: {} → {}", circle.join(" → "), circle[0]);
        faults.push(Fault::new(
            "/overflow/to",
            message,
            "one of them must overflow elsewhere, or not at all",
        ));
    }
    if let Some(overflow) = &queue.overflow {
        if overflow.after_s.is_none() && !overflow.when_closed {
            let remedy = "say when: after = \"10 minutes\", or when_closed = true";
            faults.push(Fault::new("/overflow", "the queue never overflows", remedy));
        }
        if overflow.when_closed && queue.calendar.is_none() {
            let remedy = "give the queue a calendar, or take it away";
            faults.push(Fault::new(
                "/overflow/when_closed",
                "a queue without a calendar is never closed",
                remedy,
            ));
        }
    }
    if !queue.follow_the_sun.is_empty() && queue.calendar.is_none() {
        let remedy = "give the queue a calendar, or take it away";
        faults.push(Fault::new("/follow_the_sun", "a queue without a calendar is never closed", remedy));
    }
    if let Some(index) = queue.follow_the_sun.iter().position(|other| other.as_str() == id) {
        let remedy = "name the queues of other regions";
        faults.push(Fault::new(format!("/follow_the_sun/{index}"), "the queue follows itself", remedy));
    }
    for (field, count, max) in [
        ("relaxation", queue.relaxation.len(), RELAXATIONS_MAX),
        ("follow_the_sun", queue.follow_the_sun.len(), FOLLOW_MAX),
    ] {
        if count > max {
            faults.push(Fault::new(
                format!("/{field}"),
                format!("it has {count}"),
                format!("write at most {max}"),
            ));
        }
    }
    faults.extend(relaxation(queue));
    let same = |other: &&Queue| other.default && other.region == queue.region && other.id.as_str() < id;
    if let Some(other) = set.queues().find(same).filter(|_| queue.default) {
        let of =
            queue.region.as_ref().map_or("all regions".to_owned(), |region| format!("region \"{region}\""));
        let message = format!("queue \"{}\" is the default of {of} already", other.id);
        faults.push(Fault::new("/default", message, "a region has one default queue: take one of them away"));
    }
    faults
}

fn relaxation(queue: &Queue) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (index, step) in queue.relaxation.iter().enumerate() {
        if index > 0 && queue.relaxation[index - 1].after_s >= step.after_s {
            let message = "a step does not come after the one before it";
            faults.push(Fault::new(
                format!("/relaxation/{index}/after"),
                message,
                "write the steps in their order",
            ));
        }
        if step.relax == Relax::Overflow && queue.overflow.is_none() {
            let message = "the queue has nowhere to overflow to";
            let remedy = "say where: overflow = { to = \"…\", after = \"…\" }";
            faults.push(Fault::new(format!("/relaxation/{index}/relax"), message, remedy));
        }
    }
    faults
}

/// A queue and those that it overflows to, one after the other. Where they stand in a circle it ends before it begins again.
fn overflows<'s>(set: &'s Set, queue: &'s str) -> Vec<&'s str> {
    let mut path = vec![queue];
    while let Some(after) = next(set, path.last()).filter(|after| !path.contains(after)) {
        path.push(after);
    }
    path
}

fn next<'s>(set: &'s Set, queue: Option<&&str>) -> Option<&'s str> {
    let overflow = set.document(KIND.name, queue?)?.body().get("overflow")?;
    overflow.get("to")?.as_str()
}

pub(super) fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    seconds_there(deserializer).map(Some)
}

fn seconds_there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    use serde::de::Error as _;
    let text = String::deserialize(deserializer)?;
    schema::seconds(&text).ok_or_else(|| D::Error::custom("not a duration"))
}

#[cfg(test)]
mod tests;
