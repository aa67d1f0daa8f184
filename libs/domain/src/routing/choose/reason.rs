//! Why a candidate cannot have a case.

use serde::{Deserialize, Serialize};

use super::{
    candidate::{Row, Serves},
    demand::{Demand, Relaxed},
};
use crate::{agent::Presence, time::Timestamp};

/// Why a candidate cannot have a case, and why a case waits.
///
/// The order is that in which it is looked at: what takes long to change first, what may change any moment last. So the
/// greatest reason of all candidates is what is in the way for the one who came nearest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// There is no candidate.
    Nobody,
    /// The queue's calendar is closed.
    Closed,
    /// The queue's cases are not pushed.
    ToBeTaken,
    /// Another one is asked for.
    NotAskedFor,
    /// Serves neither of the queues.
    OtherQueue,
    /// Serves the queue that helps out, and it is too early for that.
    NoOverflowYet,
    /// May not have the team's cases.
    NoPermission,
    /// May not have the region's cases.
    OtherRegion,
    /// Is not senior enough.
    TooJunior,
    /// Does not speak the language.
    NoLanguage,
    /// Speaks it, and not well enough.
    TooLittleFluency,
    /// Does not have a skill that is needed.
    NoSkill,
    /// Has the skills, and does not have one of those that would be liked.
    NoOptionalSkill,
    /// Has them all, and one not well enough.
    TooLittleProficiency,
    /// Declined this case.
    Excluded,
    /// Cases are not pushed to the agent.
    NoPush,
    /// The agent's calendar is closed.
    OffShift,
    /// Is not there.
    Offline,
    /// Is there, and is away, busy or on a break.
    NotOnline,
    /// Takes nothing new.
    Draining,
    /// Has as many cases on the channel as may be.
    AtChannelLimit,
    /// Has no room.
    AtCapacity,
}

/// The first reason why not, if there is one.
pub(super) fn first(demand: &Demand, relaxed: Relaxed, row: &Row, now: Timestamp) -> Option<Reason> {
    let asked = demand.is_asked_for(now);
    if asked && demand.direct.as_ref().is_some_and(|direct| direct.agent != row.id) {
        return Some(Reason::NotAskedFor);
    }
    let s = &row.snapshot;
    let weak = |levels: &[u8], mins: &mut dyn Iterator<Item = &u8>| {
        levels.iter().zip(mins).any(|(level, min)| level < min)
    };
    let lacks = |levels: &[u8]| levels.contains(&0);
    let tests = [
        (!asked && row.serves == Serves::Neither, Reason::OtherQueue),
        (!asked && row.serves == Serves::Overflow && !relaxed.overflow, Reason::NoOverflowYet),
        (!row.in_team, Reason::NoPermission),
        (!row.in_region, Reason::OtherRegion),
        (!asked && row.seniority < demand.seniority_min, Reason::TooJunior),
        (row.languages.iter().any(Option::is_none), Reason::NoLanguage),
        (
            row.languages
                .iter()
                .zip(demand.languages.values())
                .any(|(has, min)| has.is_none_or(|has| has < *min)),
            Reason::TooLittleFluency,
        ),
        (!asked && lacks(&row.skills), Reason::NoSkill),
        (!asked && !relaxed.optional_skills && lacks(&row.optional_skills), Reason::NoOptionalSkill),
        (
            !asked && !relaxed.proficiency && weak(&row.skills, &mut demand.skills.values()),
            Reason::TooLittleProficiency,
        ),
        (
            !asked
                && !relaxed.proficiency
                && !relaxed.optional_skills
                && weak(&row.optional_skills, &mut demand.optional_skills.values()),
            Reason::TooLittleProficiency,
        ),
        (s.excluded, Reason::Excluded),
        (!row.push, Reason::NoPush),
        (!s.on_shift, Reason::OffShift),
        (s.presence == Presence::Offline, Reason::Offline),
        (s.presence != Presence::Online, Reason::NotOnline),
        (s.draining, Reason::Draining),
        (s.at_most.is_some_and(|max| s.on_channel >= max), Reason::AtChannelLimit),
        (s.used.saturating_add(row.takes) > s.capacity, Reason::AtCapacity),
    ];
    tests.into_iter().find(|(fails, _)| *fails).map(|(_, reason)| reason)
}
