//! Which calendar holds for a case.

use serde::{Deserialize, Serialize};

use crate::{
    ids::{AccountId, CalendarId, RegionId, TeamId},
    policy::{Set, case::Rules},
};

/// Which calendar holds, and who says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolved {
    /// The calendar; `None` is [`super::Calendar::always`].
    pub calendar: Option<CalendarId>,
    /// Who says so.
    pub source: Source,
}

/// Who says which calendar holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The case itself.
    Case,
    /// Its team.
    Team(TeamId),
    /// The account that it came in on.
    Account(AccountId),
    /// Its region, or the nearest above it that has a calendar.
    Region(RegionId),
    /// The rules of the whole organisation: `calendar` of a case document without a level.
    Global,
    /// Nobody: it is open always.
    Nobody,
}

/// The calendar that holds, in the order case, team, account, region and those above it, whole organisation.
///
/// Where no region is given, it is that of the team or else of the account. An id that the policy does not know (any more)
/// is passed over.
pub fn resolve(
    set: &Set,
    of_case: Option<&CalendarId>,
    team: Option<&TeamId>,
    account: Option<&AccountId>,
    region: Option<&RegionId>,
) -> Resolved {
    let known = |id: &CalendarId| set.calendar(id).is_some();
    let team = team.and_then(|id| set.team(id));
    let account = account.and_then(|id| set.account(id));
    let region = region.or(team.map(|team| &team.region)).or(account.map(|account| &account.region));
    let own = of_case.map(|id| (id, Source::Case));
    let of_team = team.and_then(|team| Some((team.calendar.as_ref()?, Source::Team(team.id.clone()))));
    let of_account =
        account.and_then(|account| Some((account.calendar.as_ref()?, Source::Account(account.id.clone()))));
    let mut found: Option<(CalendarId, Source)> = [own, of_team, of_account]
        .into_iter()
        .flatten()
        .find(|(id, _)| known(id))
        .map(|(id, source)| (id.clone(), source));
    found = found.or_else(|| {
        let region = region?;
        let mut regions =
            set.lineage(region.as_str()).into_iter().filter_map(|id| set.region(&id.parse().ok()?));
        regions.find_map(|region| {
            let id = region.calendar.as_ref().filter(|id| known(id))?;
            Some((id.clone(), Source::Region(region.id.clone())))
        })
    });
    found = found.or_else(|| {
        let rules: &Rules = set.document("case", "global")?.view()?;
        rules.calendar.as_ref().filter(|id| known(id)).map(|id| (id.clone(), Source::Global))
    });
    match found {
        Some((id, source)) => Resolved { calendar: Some(id), source },
        None => Resolved { calendar: None, source: Source::Nobody },
    }
}
