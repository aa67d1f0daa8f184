//! What each request asks of a case. Pure: the state, the policy and the caller in, actions out.

use std::sync::Arc;

use domain::{
    case::{Action, Case, Escalation, NOTE_LEN_MAX, REASON_LEN_MAX, TAGS_MAX, TITLE_LEN_MAX, Waiver},
    ids::{CaseId, CategoryId, FieldId, NoteId, PersonId, ReasonCode, StatusLabel, Tag, TeamId},
    personal::Personal,
    policy::{
        case::Rules,
        organisation::{Person, Role},
    },
};
use proto::cases::v1 as pb;
use service::{
    Error,
    policies::{Access, Snapshot},
};
use uuid::Uuid;

use super::{custom_fields::field_value, fields as f, no::No, request::Request};

/// What a decision is made on.
pub struct Ground<'a> {
    /// The command.
    pub command_id: Uuid,
    /// The case.
    pub id: CaseId,
    /// As it stands.
    pub case: &'a Case,
    /// What the caller may do.
    pub access: &'a Access,
    /// The policy.
    pub policy: &'a Snapshot,
}

impl Ground<'_> {
    /// The rules that hold for the case where it stands.
    pub fn rules(&self) -> Arc<Rules> {
        self.policy.rules(Some(&self.case.region), self.case.team.as_ref())
    }

    /// Words about the case, under its customer's key.
    pub fn personal(&self, text: String) -> Personal {
        Personal::open(owner(self.id, self.case.customer()), text)
    }
}

/// Whose key seals words about a case.
pub fn owner(id: CaseId, identity: Option<&domain::ids::IdentityId>) -> String {
    identity.map_or_else(|| format!("case-{id}"), ToString::to_string)
}

/// Roles to whose people a case may be given. Who has no role in the policy may have it in a token.
const RESPONSIBLE: &[Role] = &[Role::Administrator, Role::Supervisor, Role::Agent];
/// Roles that work cases.
pub const WORKERS: &[Role] = &[Role::Administrator, Role::Supervisor, Role::Agent, Role::Integrator];
/// Roles that may write notes.
pub const NOTERS: &[Role] =
    &[Role::Administrator, Role::Supervisor, Role::Agent, Role::Integrator, Role::Guest];

/// A request that is about one case and needs nothing else to be looked up.
pub trait Act: Request {
    /// Who may ask.
    const ROLES: &'static [Role] = WORKERS;

    /// What is to be done. Errors name the field of the request.
    fn actions(&self, ground: &Ground<'_>) -> Result<Vec<Action>, No>;

    /// The id of what the command creates in the case.
    fn created(&self, _command_id: Uuid) -> String {
        String::new()
    }
}

impl Act for pb::AddNoteRequest {
    const ROLES: &'static [Role] = NOTERS;

    fn actions(&self, ground: &Ground<'_>) -> Result<Vec<Action>, No> {
        let text = ground.personal(f::words("text", &self.text, NOTE_LEN_MAX)?);
        let mentions = f::set::<PersonId>("mentions", &self.mentions, domain::case::MENTIONS_MAX)?;
        for (i, person) in mentions.iter().enumerate() {
            let field = format!("mentions[{i}]");
            if person_known(ground, &field, person)?.is_some()
                && !may_see(ground, person, ground.case.team.as_ref())
            {
                return Err(Error::field(field, "the person does not see this case").into());
            }
        }
        Ok(vec![Action::Note { note: note_id(ground.command_id), text, mentions }])
    }

    fn created(&self, command_id: Uuid) -> String {
        note_id(command_id).to_string()
    }
}

fn note_id(command_id: Uuid) -> NoteId {
    NoteId::derive(command_id, "note")
}

impl Act for pb::ChangeTagsRequest {
    fn actions(&self, ground: &Ground<'_>) -> Result<Vec<Action>, No> {
        tags(ground, &self.add, &self.remove)
    }
}

/// Tags to add and to remove.
pub fn tags(ground: &Ground<'_>, add: &[String], remove: &[String]) -> Result<Vec<Action>, No> {
    let (tags, gone) = (f::set::<Tag>("add", add, TAGS_MAX)?, f::set::<Tag>("remove", remove, TAGS_MAX)?);
    if tags.is_empty() && gone.is_empty() {
        return Err(Error::field("add", "give tags to add or to remove").into());
    }
    if let Some(tag) = tags.iter().find(|tag| gone.contains(*tag)) {
        return Err(Error::field("remove", format!("tag {tag} cannot be added and removed at once")).into());
    }
    let rules = ground.rules();
    if tags.iter().any(|tag| !rules.takes_tag(tag)) {
        return Err(Error::field("add", "the policy allows only the tags that it lists").into());
    }
    let tag = (!tags.is_empty()).then_some(Action::Tag { tags });
    let untag = (!gone.is_empty()).then_some(Action::Untag { tags: gone });
    Ok(untag.into_iter().chain(tag).collect())
}

impl Act for pb::SetPriorityRequest {
    fn actions(&self, ground: &Ground<'_>) -> Result<Vec<Action>, No> {
        priority(ground, self.priority)
    }
}

/// A priority that the policy allows.
pub fn priority(ground: &Ground<'_>, number: i32) -> Result<Vec<Action>, No> {
    let priority = f::priority("priority", number)?;
    if !ground.rules().takes_priority(priority) {
        return Err(Error::field("priority", "the policy does not allow this priority").into());
    }
    Ok(vec![Action::Prioritise { priority }])
}

impl Act for pb::SetCategoryRequest {
    fn actions(&self, ground: &Ground<'_>) -> Result<Vec<Action>, No> {
        let category = f::optional::<CategoryId>("category", &self.category)?;
        if category.as_ref().is_some_and(|category| !ground.rules().takes_category(category)) {
            return Err(
                Error::field("category", "the policy allows only the categories that it lists").into()
            );
        }
        Ok(vec![Action::Categorise { category }])
    }
}

impl Act for pb::SetFieldsRequest {
    fn actions(&self, ground: &Ground<'_>) -> Result<Vec<Action>, No> {
        if self.fields.is_empty() {
            return Err(Error::field("fields", "must not be empty").into());
        }
        let owner = owner(ground.id, ground.case.customer());
        let fields = self
            .fields
            .iter()
            .map(|(name, value)| {
                let id = f::required::<FieldId>("fields", name)?;
                let path = format!("fields.{id}");
                let value = field_value(&path, &id, value, &ground.rules(), &owner)?;
                Ok((id, value))
            })
            .collect::<Result<_, Error>>()?;
        Ok(vec![Action::SetFields { fields }])
    }
}

impl Act for pb::SetTitleRequest {
    fn actions(&self, ground: &Ground<'_>) -> Result<Vec<Action>, No> {
        Ok(vec![Action::Retitle { title: ground.personal(f::words("title", &self.title, TITLE_LEN_MAX)?) }])
    }
}

impl Act for pb::SetLanguageRequest {
    fn actions(&self, _: &Ground<'_>) -> Result<Vec<Action>, No> {
        let language = f::language("language", &self.language)?;
        let language = language.ok_or_else(|| Error::field("language", "must be given"))?;
        Ok(vec![Action::SetLanguage { language }])
    }
}

impl Act for pb::SetStatusLabelRequest {
    fn actions(&self, ground: &Ground<'_>) -> Result<Vec<Action>, No> {
        let Some(label) = f::optional::<StatusLabel>("label", &self.label)? else {
            return Ok(vec![Action::Label { label: None, status: ground.case.status }]);
        };
        let status = ground.rules().status_of(&label);
        let status = status.ok_or_else(|| Error::field("label", "the policy has no such label"))?;
        Ok(vec![Action::Label { label: Some(label), status }])
    }
}

impl Act for pb::AssignRequest {
    fn actions(&self, ground: &Ground<'_>) -> Result<Vec<Action>, No> {
        assign(ground, &self.assignee, &self.team)
    }
}

/// Makes a person responsible.
pub fn assign(ground: &Ground<'_>, assignee: &str, team: &str) -> Result<Vec<Action>, No> {
    let person: PersonId = match (assignee, &ground.access.person) {
        ("me", Some(me)) => me.clone(),
        ("me", None) => return Err(Error::field("assignee", "the caller is not a person; name one").into()),
        (name, _) => f::required("assignee", name)?,
    };
    let known = person_known(ground, "assignee", &person)?;
    if known
        .is_some_and(|known| !known.roles.is_empty() && !known.roles.iter().any(|r| RESPONSIBLE.contains(r)))
    {
        let text = "the policy gives this person no role that works cases (agent, supervisor, administrator)";
        return Err(Error::field("assignee", text).into());
    }
    let team = f::optional::<TeamId>("team", team)?;
    if let Some(team) = &team {
        let region = team_known(ground, "team", team)?;
        if region != ground.case.region {
            return Err(Error::field("team", "works in another region: transfer the case first").into());
        }
        if known.is_some_and(|person| !person.teams.contains(team)) {
            return Err(Error::field("team", "the person is not in this team").into());
        }
    }
    let whose = team.as_ref().or(ground.case.team.as_ref());
    if known.is_some() && !may_see(ground, &person, whose) {
        let text =
            "the person does not see this case: name a team of the person's, or transfer the case first";
        return Err(Error::field("assignee", text).into());
    }
    Ok(vec![Action::Assign { person, team }])
}

impl Act for pb::UnassignRequest {
    fn actions(&self, _: &Ground<'_>) -> Result<Vec<Action>, No> {
        Ok(vec![Action::Unassign])
    }
}

impl Act for pb::TransferRequest {
    fn actions(&self, ground: &Ground<'_>) -> Result<Vec<Action>, No> {
        transfer(ground, &self.team, &self.reason)
    }
}

/// Gives the case to a team, and with it to the team's region.
pub fn transfer(ground: &Ground<'_>, team: &str, reason: &str) -> Result<Vec<Action>, No> {
    let team: TeamId = f::required("team", team)?;
    let region = team_known(ground, "team", &team)?;
    let reason = ground.personal(f::words("reason", reason, REASON_LEN_MAX)?);
    Ok(vec![Action::Transfer { team, region: Some(region), reason }])
}

impl Act for pb::EscalateRequest {
    fn actions(&self, ground: &Ground<'_>) -> Result<Vec<Action>, No> {
        let team = f::optional::<TeamId>("team", &self.team)?;
        if let Some(team) = &team {
            team_known(ground, "team", team)?;
        }
        let present = ground.case.escalation.as_ref().map_or(0, |escalation| escalation.level);
        let level = if self.level == 0 {
            present.saturating_add(1)
        } else {
            u8::try_from(self.level).unwrap_or(u8::MAX)
        };
        let reason = ground.personal(f::words("reason", &self.reason, REASON_LEN_MAX)?);
        Ok(vec![Action::Escalate { to: Escalation { level, team }, reason }])
    }
}

impl Act for pb::PendRequest {
    fn actions(&self, _: &Ground<'_>) -> Result<Vec<Action>, No> {
        Ok(vec![Action::Pend])
    }
}

impl Act for pb::HoldRequest {
    fn actions(&self, ground: &Ground<'_>) -> Result<Vec<Action>, No> {
        let kind = f::hold("kind", self.kind)?;
        let reason = ground.personal(f::words("reason", &self.reason, REASON_LEN_MAX)?);
        let until = self.until.as_ref().map(|until| f::instant("until", until)).transpose()?;
        Ok(vec![Action::Hold { kind, reason, until }])
    }
}

impl Act for pb::ContinueRequest {
    fn actions(&self, _: &Ground<'_>) -> Result<Vec<Action>, No> {
        Ok(vec![Action::Resume { deadline: None }])
    }
}

impl Act for pb::SnoozeRequest {
    fn actions(&self, _: &Ground<'_>) -> Result<Vec<Action>, No> {
        Ok(vec![Action::Snooze { until: f::required_instant("until", self.until.as_ref())? }])
    }
}

impl Act for pb::WakeRequest {
    fn actions(&self, _: &Ground<'_>) -> Result<Vec<Action>, No> {
        Ok(vec![Action::Wake { deadline: None }])
    }
}

impl Act for pb::ResolveRequest {
    fn actions(&self, ground: &Ground<'_>) -> Result<Vec<Action>, No> {
        resolve(ground, &self.waivers, &self.resolution)
    }
}

/// Resolves under the rules of the case's category.
pub fn resolve(ground: &Ground<'_>, waivers: &[pb::Waiver], resolution: &str) -> Result<Vec<Action>, No> {
    let rules = ground.rules();
    let resolution = f::optional::<ReasonCode>("resolution", resolution)?;
    if resolution.as_ref().is_some_and(|resolution| !rules.takes_resolution(resolution)) {
        return Err(Error::field("resolution", "the policy allows only the resolutions that it lists").into());
    }
    let waivers = waivers
        .iter()
        .enumerate()
        .map(|(i, waiver)| {
            Ok(Waiver {
                place: f::place(&format!("waivers[{i}].place"), &waiver.place)?,
                reason: f::required(&format!("waivers[{i}].reason"), &waiver.reason)?,
            })
        })
        .collect::<Result<_, Error>>()?;
    let guards = rules.guards(ground.case.category.as_ref());
    Ok(vec![Action::Resolve { resolution, waivers, guards }])
}

impl Act for pb::ReopenRequest {
    fn actions(&self, ground: &Ground<'_>) -> Result<Vec<Action>, No> {
        let rules = ground.rules();
        Ok(vec![Action::Reopen { window_s: rules.reopen_window_s, cycle_rule: rules.reopen_cycle }])
    }
}

impl Act for pb::CloseRequest {
    fn actions(&self, _: &Ground<'_>) -> Result<Vec<Action>, No> {
        Ok(vec![Action::Close])
    }
}

impl Act for pb::MarkSpamRequest {
    fn actions(&self, _: &Ground<'_>) -> Result<Vec<Action>, No> {
        Ok(vec![Action::MarkSpam])
    }
}

impl Act for pb::UnmarkSpamRequest {
    fn actions(&self, _: &Ground<'_>) -> Result<Vec<Action>, No> {
        Ok(vec![Action::UnmarkSpam])
    }
}

impl Act for pb::KeepSilenceRequest {
    fn actions(&self, ground: &Ground<'_>) -> Result<Vec<Action>, No> {
        let reason = f::silence("reason", self.reason)?;
        let note = (!self.comment.is_empty())
            .then(|| f::words("comment", &self.comment, REASON_LEN_MAX))
            .transpose()?
            .map(|words| ground.personal(words));
        Ok(vec![Action::ChooseSilence { reason, note }])
    }
}

impl Act for pb::ContactRequest {
    fn actions(&self, _: &Ground<'_>) -> Result<Vec<Action>, No> {
        Ok(vec![Action::AdvanceContact { stage: f::contact("step", self.step)? }])
    }
}

impl Act for pb::CheckItemRequest {
    fn actions(&self, ground: &Ground<'_>) -> Result<Vec<Action>, No> {
        let item = f::required("item", &self.item)?;
        let checklist = || ground.rules().checklist.keys().cloned().collect();
        Ok(vec![if self.done {
            Action::Tick { item, checklist: checklist() }
        } else {
            Action::Untick { item }
        }])
    }
}

/// A person whom the policy knows. A policy without people knows everybody: there is nobody to choose from.
fn person_known<'p>(ground: &Ground<'p>, field: &str, id: &PersonId) -> Result<Option<&'p Person>, Error> {
    let set = ground.policy.state.set();
    match set.person(id) {
        Some(person) => Ok(Some(person)),
        None if ground.access.person.as_ref() == Some(id) => Ok(None),
        None if set.people().next().is_none() => Ok(None),
        None => Err(Error::field(field, "the policy knows no such person")),
    }
}

/// Whether a person sees the case if it is a team's, as far as the policy says: roles may also be in a token. The caller
/// sees it anyhow.
fn may_see(ground: &Ground<'_>, person: &PersonId, team: Option<&TeamId>) -> bool {
    let scope = ground.policy.state.set().scope_of(person).unwrap_or_default();
    let region = &ground.case.region;
    let place = scope.regions.contains(region) || team.is_some_and(|team| scope.teams.contains(team));
    let access = Access { person: Some(person.clone()), scope };
    place || ground.access.person.as_ref() == Some(person) || access.sees(region, team)
}

/// The region of a team that the policy knows.
fn team_known(ground: &Ground<'_>, field: &str, id: &TeamId) -> Result<domain::ids::RegionId, Error> {
    let team = ground.policy.state.set().team(id);
    team.map(|team| team.region.clone()).ok_or_else(|| Error::field(field, "the policy knows no such team"))
}
