//! The organisation: regions, teams, people and what they may do.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    kinds::{Kind, view},
    problem::Fault,
    schema::{
        Shape::{Checked, List, OneOf, Ref, Text},
        optional, required, time_zone,
    },
    set::Set,
};
use crate::{
    ids::{CalendarId, Invalid, Language, PersonId, RegionId, TeamId},
    stored::Fields,
};

pub(super) const REGION: Kind = Kind {
    name: "region",
    group: GROUP,
    cascades: false,
    defaults: Fields::new,
    fields: &[
        required("name", Text(NAME_LEN_MAX)),
        optional("parent", Ref("region")),
        optional("languages", List(&Checked(|text| Language::new(text).map(drop)))),
        optional("time_zone", Checked(time_zone)),
        optional("calendar", Ref("calendar")),
    ],
    view: view::<Region>,
    check: check_region,
};

pub(super) const TEAM: Kind = Kind {
    name: "team",
    group: GROUP,
    cascades: false,
    defaults: Fields::new,
    fields: &[
        required("name", Text(NAME_LEN_MAX)),
        required("region", Ref("region")),
        optional("kind", OneOf(&["care", "communications", "marketing", "technical", "legal", "other"])),
        optional("calendar", Ref("calendar")),
    ],
    view: view::<Team>,
    check: |_, _, _| Vec::new(),
};

pub(super) const PERSON: Kind = Kind {
    name: "person",
    group: GROUP,
    cascades: false,
    defaults: Fields::new,
    fields: &[
        required("name", Text(NAME_LEN_MAX)),
        optional("email", Checked(email)),
        optional("teams", List(&Ref("team"))),
        optional("regions", List(&Ref("region"))),
        required("roles", List(&OneOf(&ROLES))),
    ],
    view: view::<Person>,
    check: check_person,
};

const GROUP: &str = "organisation";
const NAME_LEN_MAX: usize = 200;
const EMAIL_LEN_MAX: usize = 254;
const ROLES: [&str; 7] =
    ["administrator", "supervisor", "agent", "guest", "analyst", "compliance", "integrator"];

/// A node of the organisation's tree.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Region {
    /// Its id.
    pub id: RegionId,
    /// What it is called.
    pub name: String,
    /// The region that it is part of.
    #[serde(default)]
    pub parent: Option<RegionId>,
    /// The languages that it serves; those of its parent if there are none.
    #[serde(default)]
    pub languages: Vec<Language>,
    /// Its time zone in the IANA database; that of its parent if there is none.
    #[serde(default)]
    pub time_zone: Option<String>,
    /// When somebody is there; that of its parent if there is none.
    #[serde(default)]
    pub calendar: Option<CalendarId>,
}

/// People who work cases together.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Team {
    /// Its id.
    pub id: TeamId,
    /// What it is called.
    pub name: String,
    /// The region for which it works.
    pub region: RegionId,
    /// What it does.
    #[serde(default)]
    pub kind: TeamKind,
    /// When it works, where that is not as in its region.
    #[serde(default)]
    pub calendar: Option<CalendarId>,
}

/// What a team does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TeamKind {
    /// It answers customers.
    #[default]
    Care,
    /// It speaks for the organisation.
    Communications,
    /// It sells.
    Marketing,
    /// It repairs.
    Technical,
    /// It knows the law.
    Legal,
    /// Anything else.
    Other,
}

/// Somebody who works here, or a system that acts in the organisation's name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Person {
    /// The id.
    pub id: PersonId,
    /// The name.
    pub name: String,
    /// The address of the mail, if there is one.
    #[serde(default)]
    pub email: Option<String>,
    /// The teams.
    #[serde(default)]
    pub teams: BTreeSet<TeamId>,
    /// The regions that the person watches over, with all below them.
    #[serde(default)]
    pub regions: BTreeSet<RegionId>,
    /// What the person may do.
    pub roles: BTreeSet<Role>,
}

/// What a person may do. The list is fixed: what each may do is code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Changes the policy.
    Administrator,
    /// Watches over teams and their cases.
    Supervisor,
    /// Works cases.
    Agent,
    /// Reads cases and writes notes, and no more.
    Guest,
    /// Sees figures, and no personal data.
    Analyst,
    /// Reads everything, proves, holds and erases.
    Compliance,
    /// A system that brings messages in or takes events out.
    Integrator,
}

/// What a person may do, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// What.
    pub roles: BTreeSet<Role>,
    /// In which teams.
    pub teams: BTreeSet<TeamId>,
    /// In which regions: those of the person and all below them.
    pub regions: BTreeSet<RegionId>,
}

impl Set {
    /// A region.
    pub fn region(&self, id: &RegionId) -> Option<&Region> {
        self.document("region", id.as_str())?.view()
    }

    /// A team.
    pub fn team(&self, id: &TeamId) -> Option<&Team> {
        self.document("team", id.as_str())?.view()
    }

    /// A person.
    pub fn person(&self, id: &PersonId) -> Option<&Person> {
        self.document("person", id.as_str())?.view()
    }

    /// All regions.
    pub fn regions(&self) -> impl Iterator<Item = &Region> {
        self.of_kind("region").filter_map(|document| document.view())
    }

    /// All teams.
    pub fn teams(&self) -> impl Iterator<Item = &Team> {
        self.of_kind("team").filter_map(|document| document.view())
    }

    /// All people.
    pub fn people(&self) -> impl Iterator<Item = &Person> {
        self.of_kind("person").filter_map(|document| document.view())
    }

    /// A region and all below it.
    pub fn within(&self, region: &RegionId) -> BTreeSet<RegionId> {
        let below = |candidate: &&Region| self.lineage(candidate.id.as_str()).contains(&region.as_str());
        self.regions().filter(below).map(|region| region.id.clone()).collect()
    }

    /// What a person may do, and where; nothing if the policy does not know the person.
    pub fn scope_of(&self, person: &PersonId) -> Option<Scope> {
        let person = self.person(person)?;
        Some(Scope {
            roles: person.roles.clone(),
            teams: person.teams.clone(),
            regions: person.regions.iter().flat_map(|region| self.within(region)).collect(),
        })
    }

    /// The time zone of a region, or of the nearest above it that has one.
    pub fn time_zone_of(&self, region: &RegionId) -> Option<&str> {
        let mut lineage = self.lineage(region.as_str()).into_iter();
        lineage.find_map(|id| self.document("region", id)?.view::<Region>()?.time_zone.as_deref())
    }

    /// The languages of a region, or of the nearest above it that has some.
    pub fn languages_of(&self, region: &RegionId) -> &[Language] {
        let languages = |id: &str| {
            let region: &Region = self.document("region", id)?.view()?;
            Some(&region.languages[..]).filter(|languages| !languages.is_empty())
        };
        self.lineage(region.as_str()).into_iter().find_map(languages).unwrap_or_default()
    }
}

fn check_region(set: &Set, id: &str, body: &Fields) -> Vec<Fault> {
    let mut faults = Vec::new();
    let lineage = set.lineage(id);
    let top = lineage.last().copied().unwrap_or(id);
    let parent_of = |id: &str| set.document("region", id)?.body().get("parent")?.as_str();
    if let Some(again) = parent_of(top) {
        let circle: Vec<&str> = lineage.iter().skip_while(|region| **region != again).copied().collect();
        // Each region of the circle would say the same: the first in order says it for all.
        if circle.iter().min() == Some(&id) {
            let message = format!("regions stand in a circle: {} → {again}", circle.join(" → "));
            faults.push(Fault::new("/parent", message, "one of them must have another parent, or none"));
        }
        return faults;
    }
    if !body.contains_key("time_zone") && lineage.iter().all(|id| !has(set, id, "time_zone")) {
        let remedy = "add it here or to a region above it: time_zone = \"Europe/Paris\"";
        faults.push(Fault::new("", "neither this region nor one above it has a \"time_zone\"", remedy));
    }
    faults
}

fn check_person(set: &Set, id: &str, body: &Fields) -> Vec<Fault> {
    let mut faults = Vec::new();
    if body.get("roles").and_then(Value::as_array).is_none_or(Vec::is_empty) {
        let remedy = format!("give at least one of {}", ROLES.join(", "));
        faults.push(Fault::new("/roles", "this person has no role", remedy));
    }
    let email = body.get("email").and_then(Value::as_str).map(str::to_lowercase);
    let same = |other: &&Person| other.email.as_ref().map(|email| email.to_lowercase()) == email;
    if let Some(other) =
        email.as_ref().and_then(|_| set.people().find(|other| other.id.as_str() < id && same(other)))
    {
        let message = format!("person \"{}\" has the same email", other.id);
        faults.push(Fault::new("/email", message, "people are told apart by it: give each their own"));
    }
    faults
}

fn has(set: &Set, region: &str, field: &str) -> bool {
    set.document("region", region).is_some_and(|document| document.body().contains_key(field))
}

/// Enough to catch a slip; whether mail arrives there only the mail can tell.
fn email(text: &str) -> Result<(), Invalid> {
    let fits = text.len() <= EMAIL_LEN_MAX
        && !text.chars().any(|c| c.is_whitespace() || c.is_control())
        && text
            .split_once('@')
            .is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty() && !domain.contains('@'));
    if fits { Ok(()) } else { Err(Invalid { what: "an email address", rule: "of the form name@host" }) }
}
