//! Policy over gRPC: files in, effective policy out.

use std::{sync::Arc, time::Duration};

use domain::{
    decider::Command,
    ids::{RegionId, TeamId},
    policy::{self, Changed, PATH_BYTES_MAX, organisation::Role},
};
use eventlog::Position;
use prost::Message;
use proto::policy::v1::{self as pb, policy_service_server::PolicyService};
use service::{
    Error, Refusal,
    grpc::principal,
    policies::{Access, Snapshot},
};
use tonic::{Request, Response, Status};

use crate::{
    act::fields as f,
    core::Core,
    policy_files::{self, File},
    read::one::Until,
};

/// Where a field comes from that nobody has set.
const DEFAULT: &str = "default";
/// How long an apply waits until the policy is in force in this process.
const IN_FORCE_LIMIT: Duration = Duration::from_secs(5);

/// Policy, as the contract has it.
#[derive(Clone)]
pub struct Server(pub Arc<Core>);

#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct No(#[from] policy::Error);

impl Refusal for No {
    fn code(&self) -> &'static str {
        match self.0 {
            policy::Error::NothingToApply(_) => "NOTHING_TO_APPLY",
        }
    }
}

#[tonic::async_trait]
impl PolicyService for Server {
    async fn apply(&self, request: Request<pb::ApplyRequest>) -> Result<Response<pb::ApplyResponse>, Status> {
        let principal = principal(&request)?;
        let caller = self.0.caller(&principal);
        Ok(Response::new(self.0.apply_policy(&caller, request.get_ref()).await?))
    }

    async fn show(&self, request: Request<pb::ShowRequest>) -> Result<Response<pb::ShowResponse>, Status> {
        let caller = self.0.caller(&*principal(&request)?);
        // Everybody who works here may know the rules; a token alone is not enough.
        if caller.access.scope.roles.is_empty() {
            return Err(Error::Denied("showing the policy needs a role in the organisation".into()).into());
        }
        let mut shown = self.0.show_policy(request.get_ref()).await?;
        shown.fields.retain(|field| may_be_shown(&caller.access, &field.path));
        Ok(Response::new(shown))
    }
}

impl Core {
    pub(crate) async fn apply_policy(
        &self,
        caller: &crate::core::Caller,
        request: &pb::ApplyRequest,
    ) -> Result<pb::ApplyResponse, Error> {
        caller.access.need(&[Role::Administrator], "applying a policy")?;
        let files: Vec<File<'_>> =
            request.files.iter().map(|file| File { name: &file.name, text: &file.text }).collect();
        let set = match policy_files::read(&files) {
            Ok(set) => set,
            Err(problems) => {
                let problems = problems.into_iter().map(|problem| pb::apply_response::Problem {
                    file: problem.file,
                    line: problem.line,
                    column: problem.column,
                    message: problem.message,
                    remedy: problem.remedy,
                });
                let position = self.shell.token(self.policies.current().version);
                return Ok(pb::ApplyResponse { position, changes: Vec::new(), problems: problems.collect() });
            }
        };
        let stream = self.policies.stream();
        if request.dry_run {
            let present = self.policy.load::<No>(stream).await?;
            let changes = changes(&present.state, &set);
            return Ok(pb::ApplyResponse {
                position: self.shell.token(present.version),
                changes,
                problems: Vec::new(),
            });
        }
        let command_id = f::uuid("command_id", &request.command_id)?;
        let mut meta = self.meta(caller, command_id, "Apply", &request.encode_to_vec());
        meta.expected = self.shell.position("expected_position", &request.expected_position)?;
        let outcome = self
            .policy
            .execute::<No>(stream, &meta, |_, at| {
                Ok(vec![Command::new(at, caller.actor.clone(), policy::Action::Apply { set: set.clone() })])
            })
            .await
            .map_err(|error| self.refusal("policy", error))?;
        // Whoever applied it works under it from now on, at least here.
        if outcome.changed && !self.policies.wait_for(outcome.position, IN_FORCE_LIMIT).await {
            tracing::warn!("the policy is in the log, and not in force here yet");
        }
        let changes =
            if outcome.changed { self.changed_at(outcome.position, &set).await? } else { Vec::new() };
        Ok(pb::ApplyResponse { position: self.shell.token(outcome.position), changes, problems: Vec::new() })
    }

    /// What an entry changed: it was decided upon the state before it, however often it is asked for.
    async fn changed_at(
        &self,
        position: Position,
        set: &policy::Set,
    ) -> Result<Vec<pb::apply_response::Change>, Error> {
        let before = Position(position.0.saturating_sub(1));
        let before = self.policy.load_to::<No>(self.policies.stream(), before).await?;
        Ok(changes(&before.state, set))
    }

    async fn show_policy(&self, request: &pb::ShowRequest) -> Result<pb::ShowResponse, Error> {
        self.model(&request.at_least).await?;
        let until = Until::parse(&self.shell, &request.as_of, None).await?;
        let snapshot: Arc<Snapshot> = if until.is_now() {
            self.policies.current()
        } else {
            Arc::new(self.policies.as_of(|envelope, position| until.keeps(position, envelope)).await?)
        };
        if request.path.len() > PATH_BYTES_MAX {
            return Err(Error::field("path", format_args!("at most {PATH_BYTES_MAX} bytes")));
        }
        let region = f::optional::<RegionId>("region", &request.region)?;
        let team = f::optional::<TeamId>("team", &request.team)?;
        let set = snapshot.state.set();
        if region.as_ref().is_some_and(|region| set.region(region).is_none()) {
            return Err(Error::field("region", "the policy knows no such region"));
        }
        if team.as_ref().is_some_and(|team| set.team(team).is_none()) {
            return Err(Error::field("team", "the policy knows no such team"));
        }
        let shown = snapshot.state.show(&request.path, region.as_ref(), team.as_ref());
        let shown = shown.map_err(|unknown| Error::field("path", unknown))?;
        let fields = shown.into_iter().map(|shown| pb::show_response::Field {
            path: shown.path,
            value: shown.value.to_string(),
            level: shown.level.map_or_else(|| DEFAULT.to_owned(), |level| level.to_string()),
            locked: shown.locked.is_some(),
            position: shown.version.map(|version| self.shell.token(Position(version))).unwrap_or_default(),
        });
        let position = self.shell.token(snapshot.version);
        Ok(pb::ShowResponse { fields: fields.collect(), policy_version: position.clone(), position })
    }
}

/// The addresses of colleagues are for who leads or answers for them, and for themselves.
fn may_be_shown(access: &Access, path: &str) -> bool {
    let person = path.strip_prefix("person/").and_then(|path| path.strip_suffix(".email"));
    let own = |id| access.person.as_ref().is_some_and(|me| me.as_str() == id);
    person.is_none_or(|id| own(id) || access.any(&[Role::Administrator, Role::Supervisor, Role::Compliance]))
}

fn changes(before: &policy::State, next: &policy::Set) -> Vec<pb::apply_response::Change> {
    let change = |change: policy::Change| pb::apply_response::Change {
        document: change.document.to_string(),
        change: match change.changed {
            Changed::Added => "added",
            Changed::Changed => "changed",
            Changed::Removed => "removed",
        }
        .to_owned(),
        fields: change.fields,
    };
    before.changes(next).into_iter().map(change).collect()
}

#[cfg(test)]
mod tests {
    use domain::policy::organisation::Scope;

    use super::*;

    #[test]
    fn addresses_of_colleagues_are_shown_to_who_leads_and_to_themselves() {
        let access = |role, person: &str| Access {
            person: person.parse().ok(),
            scope: Scope { roles: [role].into(), ..Scope::default() },
        };
        for (role, own, of_others) in [
            (Role::Administrator, true, true),
            (Role::Supervisor, true, true),
            (Role::Compliance, true, true),
            (Role::Agent, true, false),
            (Role::Guest, true, false),
            (Role::Analyst, true, false),
        ] {
            let shown = |path| may_be_shown(&access(role, "ines"), path);
            assert_eq!(
                (shown("person/ines.email"), shown("person/tomas.email")),
                (own, of_others),
                "{role:?}"
            );
            assert!(shown("person/tomas.name") && shown("case.reopen_window"));
        }
    }
}
