//! What was promised: policies, targets, and the hours in which they count.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{Deserialize, Serialize};

use super::fact::Situation;
use crate::{
    calendar::Calendar,
    case::{Priority, Status},
    ids::{AccountId, CalendarId, ChannelKind, RegionId, SegmentId, SlaId, Tag, TeamId},
};

/// Microseconds of a second.
pub(super) const SECOND: i64 = 1_000_000;

/// What a clock measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// From the first message to any receipt, an automatic one too.
    Acknowledgement,
    /// From the first message to the first answer of a person.
    FirstResponse,
    /// From the oldest unanswered message to the next answer of a person.
    NextResponse,
    /// From one answer of a person to the next, whether the customer asks or not.
    PeriodicUpdate,
    /// From the beginning to the resolution.
    Resolution,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Acknowledgement,
        Self::FirstResponse,
        Self::NextResponse,
        Self::PeriodicUpdate,
        Self::Resolution,
    ];

    /// The word, as it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Acknowledgement => "acknowledgement",
            Self::FirstResponse => "first_response",
            Self::NextResponse => "next_response",
            Self::PeriodicUpdate => "periodic_update",
            Self::Resolution => "resolution",
        }
    }
}

/// In what time a target counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// While the calendar is open.
    #[default]
    Business,
    /// Always, nights and weekends too.
    Calendar,
}

/// When to warn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Warning {
    /// When so many percent of the target are consumed.
    Percent(u8),
    /// When no more than so many seconds remain, in the time in which the target counts.
    Before(i64),
}

impl Warning {
    /// How much is consumed of a target of `target` microseconds when it is due.
    pub(super) fn threshold(self, target: i64) -> i64 {
        match self {
            Self::Percent(percent) => share(target, percent),
            Self::Before(seconds) => target.saturating_sub(seconds.saturating_mul(SECOND)).max(0),
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Percent(percent) => write!(f, "{percent}%"),
            Self::Before(seconds) => write!(f, "{seconds} s before"),
        }
    }
}

/// The promise of one clock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// In how many seconds, by priority. A priority that is not there is promised nothing.
    pub seconds: BTreeMap<Priority, i64>,
    /// In what time.
    pub measure: Measure,
    /// The statuses in which the clock stands still.
    pub pauses: BTreeSet<Status>,
    /// When to warn.
    pub warnings: BTreeSet<Warning>,
}

/// When little time remains: less than the greater of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct AtRisk {
    /// Percent of the target.
    pub percent: u8,
    /// Minutes.
    pub minutes: i64,
}

impl Default for AtRisk {
    fn default() -> Self {
        Self { percent: 20, minutes: 0 }
    }
}

impl AtRisk {
    /// With less than this of `target` a clock is at risk, in microseconds.
    pub(super) fn bound(self, target: i64) -> i64 {
        share(target, self.percent).max(self.minutes.saturating_mul(60 * SECOND))
    }
}

/// What a reopening does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reopen {
    /// What the rules of cases say: see [`CycleRule`](crate::case::CycleRule).
    #[default]
    AsCase,
    /// The cycle goes on: resolution resumes with what it had consumed, and the gap does not count.
    Continue,
    /// Another cycle begins.
    Restart,
}

/// What a change of policy, priority, team or calendar does to a clock that runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnChange {
    /// What is consumed stays, each segment as it counted under what was in force; the target is the new one.
    #[default]
    Replay,
    /// It counts from nothing again.
    Restart,
}

/// From when the clocks of a case run that was split from another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SplitStart {
    /// From the message that was split off.
    #[default]
    Message,
    /// From the split.
    Split,
}

/// From when the first response is awaited of a case that a bot began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FirstResponseStart {
    /// From the first message.
    #[default]
    FirstMessage,
    /// From the handover to people.
    Handover,
}

/// For which cases a policy is: every list that is not empty must have what the case has.
///
/// It looks at plain fields that stand at that instant. An expression over more than these would stand beside the lists,
/// and hold as one more of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Conditions {
    /// Regions, with all below them.
    pub regions: BTreeSet<RegionId>,
    /// Teams.
    pub teams: BTreeSet<TeamId>,
    /// Kinds of channels.
    pub channels: BTreeSet<ChannelKind>,
    /// Accounts.
    pub accounts: BTreeSet<AccountId>,
    /// Priorities.
    pub priorities: BTreeSet<Priority>,
    /// Tags, one of which is enough.
    pub tags: BTreeSet<Tag>,
    /// Segments of customers.
    pub segments: BTreeSet<SegmentId>,
}

impl Conditions {
    /// Whether they hold; `lineage` is the case's region and those above it.
    fn hold(&self, situation: &Situation, lineage: &[&RegionId]) -> bool {
        fn among<T: Ord>(list: &BTreeSet<T>, value: Option<&T>) -> bool {
            list.is_empty() || value.is_some_and(|value| list.contains(value))
        }
        (self.regions.is_empty() || lineage.iter().any(|region| self.regions.contains(*region)))
            && among(&self.teams, situation.team.as_ref())
            && among(&self.channels, Some(&situation.channel))
            && among(&self.accounts, Some(&situation.account))
            && among(&self.priorities, Some(&situation.priority))
            && (self.tags.is_empty() || !self.tags.is_disjoint(&situation.tags))
            && among(&self.segments, situation.segment.as_ref())
    }
}

/// A policy of service levels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Its id.
    pub id: SlaId,
    /// Its place in the order: the lowest whose conditions hold is taken.
    pub order: i64,
    /// What it is called.
    pub name: String,
    /// For which cases it is.
    pub conditions: Conditions,
    /// What it promises, by clock.
    pub targets: BTreeMap<Kind, Target>,
    /// When little time remains.
    pub at_risk: AtRisk,
    /// What a reopening does.
    pub reopen: Reopen,
    /// What a change does.
    pub on_change: OnChange,
    /// From when the clocks of a split case run.
    pub split_start: SplitStart,
    /// From when the first response of a case that a bot began is awaited.
    pub first_response_start: FirstResponseStart,
}

/// Which calendar holds where: the case's own, that of its team, its account, its region or one above, of all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hours {
    /// The calendars.
    pub calendars: BTreeMap<CalendarId, Calendar>,
    /// Of teams.
    pub teams: BTreeMap<TeamId, CalendarId>,
    /// Of accounts.
    pub accounts: BTreeMap<AccountId, CalendarId>,
    /// Of regions.
    pub regions: BTreeMap<RegionId, CalendarId>,
    /// Of everything else.
    pub global: Option<CalendarId>,
}

/// The policies of service levels as they are at one version of the policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Edition {
    policies: Vec<Policy>,
    hours: Hours,
    /// What each region is part of.
    parents: BTreeMap<RegionId, RegionId>,
    always: Calendar,
}

impl Default for Edition {
    fn default() -> Self {
        Self::new(Vec::new(), Hours::default(), BTreeMap::new())
    }
}

impl Edition {
    /// The policies in any order, the calendars, and what each region is part of.
    pub fn new(mut policies: Vec<Policy>, hours: Hours, parents: BTreeMap<RegionId, RegionId>) -> Self {
        policies.sort_by(|a, b| (a.order, &a.id).cmp(&(b.order, &b.id)));
        Self { policies, hours, parents, always: Calendar::always() }
    }

    /// Whether nothing is promised to anybody.
    pub fn is_empty(&self) -> bool {
        self.policies.is_empty()
    }

    /// The policy of a case: the first whose conditions hold.
    pub fn select(&self, situation: &Situation) -> Option<&Policy> {
        let lineage = self.lineage(&situation.region);
        self.policies.iter().find(|policy| policy.conditions.hold(situation, &lineage))
    }

    /// The calendar of a case, and its name; always open, where nobody gave one.
    pub fn calendar(&self, situation: &Situation) -> (Option<&CalendarId>, &Calendar) {
        let hours = &self.hours;
        let regions = self.lineage(&situation.region).into_iter();
        let named = situation.calendar.iter();
        let named = named.chain(situation.team.as_ref().and_then(|team| hours.teams.get(team)));
        let named = named.chain(hours.accounts.get(&situation.account));
        let named = named.chain(regions.filter_map(|region| hours.regions.get(region)));
        let mut named = named.chain(hours.global.iter());
        let known = named.find_map(|id| hours.calendars.get_key_value(id));
        known.map_or((None, &self.always), |(id, calendar)| (Some(id), calendar))
    }

    /// The calendar of this name.
    pub(super) fn calendar_named(&self, id: Option<&CalendarId>) -> &Calendar {
        id.and_then(|id| self.hours.calendars.get(id)).unwrap_or(&self.always)
    }

    /// The region and those above it, nearest first; it ends before it begins again.
    fn lineage<'e>(&'e self, region: &'e RegionId) -> Vec<&'e RegionId> {
        let mut lineage = vec![region];
        let mut next = self.parents.get(region);
        while let Some(region) = next.filter(|region| !lineage.contains(region)) {
            lineage.push(region);
            next = self.parents.get(region);
        }
        lineage
    }
}

/// Every version of the policy that a case was worked under.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Book(pub BTreeMap<u64, Edition>);

impl Measure {
    /// As it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Business => "business",
            Self::Calendar => "calendar",
        }
    }
}

/// So many percent of a length.
fn share(length: i64, percent: u8) -> i64 {
    i64::try_from(i128::from(length) * i128::from(percent) / 100).unwrap_or(i64::MAX)
}
