//! The policy in force, as the log says, at hand in every service.

use std::{
    collections::{BTreeSet, HashMap},
    convert::Infallible,
    sync::{Arc, RwLock},
    time::Duration,
};

use domain::{
    actor::Kind,
    decider::{Decider, fold},
    ids::{PersonId, RegionId, TeamId},
    policy::{
        State,
        case::Rules,
        organisation::{Role, Scope},
    },
};
use eventlog::{Category, Entry, EventLog, Position, StreamId};
use futures_util::TryStreamExt;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    Error,
    auth::Principal,
    backoff::{self, START_MAX},
    envelope::{Envelope, Unreadable},
    health::{Pulse, Runs, Standing},
};

/// The policy at one position.
pub struct Snapshot {
    /// Position of the last policy entry; none before the first.
    pub version: Position,
    /// The documents.
    pub state: State,
    rules: RwLock<HashMap<Place, Arc<Rules>>>,
}

/// Where rules hold: a team in a region.
type Place = (Option<RegionId>, Option<TeamId>);

impl Snapshot {
    fn new(version: Position, state: State) -> Self {
        Self { version, state, rules: RwLock::default() }
    }

    /// The rules of cases of a team in a region.
    pub fn rules(&self, region: Option<&RegionId>, team: Option<&TeamId>) -> Arc<Rules> {
        let key = (region.cloned(), team.cloned());
        if let Some(rules) = self.rules.read().unwrap_or_else(std::sync::PoisonError::into_inner).get(&key) {
            return Arc::clone(rules);
        }
        let rules = Arc::new(self.state.set().case_rules(region, team));
        self.rules.write().unwrap_or_else(std::sync::PoisonError::into_inner).insert(key, Arc::clone(&rules));
        rules
    }

    /// What a caller may do, and where.
    pub fn access(&self, principal: &Principal) -> Access {
        let person = (principal.actor.kind == Kind::Human)
            .then(|| PersonId::new(principal.actor.id.as_str()).ok())
            .flatten();
        let known = PersonId::new(principal.actor.id.as_str()).ok();
        let mut scope = known.and_then(|id| self.state.set().scope_of(&id)).unwrap_or_default();
        scope.roles.extend(principal.roles.iter().filter_map(|role| role_named(role)));
        Access { person, scope }
    }
}

fn role_named(name: &str) -> Option<Role> {
    serde_json::from_value(serde_json::Value::String(name.to_owned())).ok()
}

/// What a caller may do, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// The person, if it is one.
    pub person: Option<PersonId>,
    /// Roles, teams, regions.
    pub scope: Scope,
}

impl Access {
    /// Whether the caller has one of these roles.
    pub fn any(&self, roles: &[Role]) -> bool {
        roles.iter().any(|role| self.scope.roles.contains(role))
    }

    /// Refuses a caller without one of these roles.
    pub fn need(&self, roles: &[Role], what: &str) -> Result<(), Error> {
        if self.any(roles) {
            return Ok(());
        }
        let names: Vec<String> = roles.iter().map(|role| format!("{role:?}").to_lowercase()).collect();
        Err(Error::Denied(format!("{what} needs one of the roles {}", names.join(", "))))
    }

    /// Whether the caller sees the cases of every team and region.
    pub fn everywhere(&self) -> bool {
        self.any(SEEING_ALL)
    }

    /// Refuses a caller none of whose roles lets him see any case: to tell him that there is none would be wrong.
    pub fn need_sight(&self) -> Result<(), Error> {
        self.need(&[SEEING_ALL, SEEING].concat(), "looking at cases")
    }

    /// Whether the caller sees the cases of this region and team. A role must allow to see cases at all.
    pub fn sees(&self, region: &RegionId, team: Option<&TeamId>) -> bool {
        self.everywhere()
            || (self.any(SEEING)
                && (self.scope.regions.contains(region)
                    || team.is_some_and(|team| self.scope.teams.contains(team))))
    }

    /// Whether the caller is of a team that is asked to help, whosever the case is. A role must allow to see cases at all.
    pub fn is_asked(&self, team: &TeamId) -> bool {
        self.any(SEEING) && self.scope.teams.contains(team)
    }

    /// The regions and teams whose cases the caller sees; `None`: all. As with [`Access::sees`], a role must allow it.
    pub fn limits(&self) -> Option<(&BTreeSet<RegionId>, &BTreeSet<TeamId>)> {
        static NO_REGIONS: BTreeSet<RegionId> = BTreeSet::new();
        static NO_TEAMS: BTreeSet<TeamId> = BTreeSet::new();
        if self.everywhere() {
            return None;
        }
        let sees = self.any(SEEING);
        Some(if sees { (&self.scope.regions, &self.scope.teams) } else { (&NO_REGIONS, &NO_TEAMS) })
    }
}

/// Roles that see all cases.
const SEEING_ALL: &[Role] = &[Role::Administrator, Role::Compliance, Role::Integrator];
/// Roles that see the cases of their regions and teams.
const SEEING: &[Role] = &[Role::Supervisor, Role::Agent, Role::Guest];

/// The policy in force.
pub struct Policies {
    log: Arc<dyn EventLog>,
    stream: StreamId,
    current: watch::Sender<Arc<Snapshot>>,
    pulse: Pulse,
}

impl Policies {
    /// Reads the policy of a site up to now.
    pub async fn open(site: &str, log: Arc<dyn EventLog>) -> Result<Self, Error> {
        let stream = stream_of(site)?;
        let passes = |error: &Error| matches!(error, Error::Unavailable(_));
        let snapshot =
            backoff::patiently(START_MAX, passes, || read(log.as_ref(), &stream, |_| true)).await?;
        Ok(Self { log, stream, current: watch::Sender::new(Arc::new(snapshot)), pulse: Pulse::default() })
    }

    /// The stream that all of it stands in.
    pub fn stream(&self) -> &StreamId {
        &self.stream
    }

    /// The policy as this process knows it.
    pub fn current(&self) -> Arc<Snapshot> {
        Arc::clone(&self.current.borrow())
    }

    /// The policy as this process knows it, for those who wait for another one.
    pub fn changes(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.current.subscribe()
    }

    /// The policy as it was: the entries that `keep` keeps.
    pub async fn as_of(
        &self,
        keep: impl Fn(&Envelope<domain::policy::Event>, Position) -> bool,
    ) -> Result<Snapshot, Error> {
        read(self.log.as_ref(), &self.stream, |(envelope, position)| keep(envelope, position)).await
    }

    /// Waits until the policy of `position` is in force here.
    pub async fn wait_for(&self, position: Position, limit: Duration) -> bool {
        let mut current = self.current.subscribe();
        let reached = current.wait_for(|snapshot| snapshot.version >= position);
        matches!(tokio::time::timeout(limit, reached).await, Ok(Ok(_)))
    }

    /// Follows the log until `stop`.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        stop.run_until_cancelled(self.follow_for_ever()).await;
    }

    async fn follow_for_ever(&self) {
        let mut failures = 0;
        loop {
            let Err(error) = self.follow(&mut failures).await;
            failures += 1;
            self.pulse.failed(&error, failures);
            tracing::warn!(%error, failures, "the policy is not followed just now; trying again");
            backoff::wait(failures, Duration::from_millis(50), Duration::from_secs(5)).await;
        }
    }

    /// Ends with an error only.
    async fn follow(&self, failures: &mut u32) -> Result<Infallible, Error> {
        let category = Category::new(State::CATEGORY).map_err(|error| Error::Internal(error.to_string()))?;
        let mut entries = self.log.follow(self.current().version, &[category]);
        self.pulse.trying();
        while let Some(entry) = entries.try_next().await? {
            if entry.stream == self.stream {
                let mut state = self.current().state.clone();
                apply(&mut state, &entry)?;
                self.current.send_replace(Arc::new(Snapshot::new(entry.position, state)));
            }
            *failures = 0;
            self.pulse.well();
        }
        Err(Error::Unavailable("the log has ended".to_owned()))
    }
}

/// While it cannot be followed, the policy in force here may be an old one.
impl Runs for Policies {
    fn name(&self) -> &'static str {
        "policy"
    }

    fn standing(&self) -> Option<Standing> {
        self.pulse.standing()
    }
}

/// The policy's stream of a site.
pub fn stream_of(site: &str) -> Result<StreamId, Error> {
    let category = Category::new(State::CATEGORY);
    let stream = category.and_then(|category| StreamId::new(&category, site));
    stream.map_err(|error| Error::Internal(error.to_string()))
}

async fn read(
    log: &dyn EventLog,
    stream: &StreamId,
    keep: impl Fn((&Envelope<domain::policy::Event>, Position)) -> bool,
) -> Result<Snapshot, Error> {
    let mut entries = log.read(stream);
    let mut snapshot = Snapshot::new(Position::NONE, State::default());
    while let Some(entry) = entries.try_next().await? {
        let envelope = Envelope::of(&entry).map_err(|error| unreadable(&error))?;
        if keep((&envelope, entry.position)) {
            snapshot.state = fold(snapshot.state, &envelope.events);
            snapshot.state.stamp(entry.position.0);
            snapshot.version = entry.position;
        }
    }
    Ok(snapshot)
}

fn apply(state: &mut State, entry: &Entry) -> Result<(), Error> {
    let envelope = Envelope::<domain::policy::Event>::of(entry).map_err(|error| unreadable(&error))?;
    *state = fold(std::mem::take(state), &envelope.events);
    state.stamp(entry.position.0);
    Ok(())
}

fn unreadable(error: &Unreadable) -> Error {
    Error::Refused {
        reason: "STREAM_PARKED",
        message: format!("the policy cannot be read by this version: {error}"),
    }
}
