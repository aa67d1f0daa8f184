//! The policy in force: followed, as it was, and what it lets people do.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::{sync::Arc, time::Duration};

use domain::{
    actor::{Actor, Kind},
    decider::Command,
    ids::{ActorId, AuthMethod},
    policy::{self, Action, Draft, Set, organisation::Role},
    time::Timestamp,
};
use eventlog::{EventLog, Faults, NewEntry, Position, SimLog};
use serde_json::{Value, json};
use service::{
    auth::Principal,
    clock::SystemClock,
    conformance,
    policies::{Access, Policies, stream_of},
    transact::Transactor,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const WAIT_MAX: Duration = Duration::from_secs(60);

struct Office {
    log: Arc<dyn EventLog>,
    transactor: Transactor<policy::State>,
}

impl Office {
    async fn new() -> Self {
        let log: Arc<dyn EventLog> = Arc::new(SimLog::new(conformance::seed(), Faults::STORM));
        let vault = conformance::vault().await;
        let transactor = Transactor::new("here", Arc::clone(&log), vault, Arc::new(SystemClock));
        Self { log, transactor }
    }

    async fn apply(&self, n: u64, site: &str, documents: &[Value]) -> Position {
        let set = set(documents);
        let actor = conformance::meta(Uuid::nil()).actor;
        let make = |_: &_, at: Timestamp| {
            Ok::<_, policy::Error>(vec![Command::new(at, actor.clone(), Action::Apply { set: set.clone() })])
        };
        loop {
            let meta = conformance::meta(Uuid::from_u64_pair(n, n));
            if let Ok(outcome) = self.transactor.execute(&stream_of(site).unwrap(), &meta, make).await {
                return outcome.position;
            }
        }
    }
}

#[tokio::test]
async fn the_policy_is_followed_and_can_be_seen_as_it_was() {
    let office = Office::new().await;
    let first = office.apply(1, "here", &world()[..1]).await;
    let policies = Arc::new(Policies::open("here", Arc::clone(&office.log)).await.unwrap());
    assert_eq!((policies.current().version, policies.current().state.set().len()), (first, 1));
    let stop = CancellationToken::new();
    let running = tokio::spawn(Arc::clone(&policies).run(stop.clone()));
    // That of another site is not ours.
    office.apply(2, "there", &world()).await;
    let second = office.apply(3, "here", &world()).await;
    assert!(policies.wait_for(second, WAIT_MAX).await);
    let now = policies.current();
    assert_eq!((now.version, now.state.version(), now.state.set().len()), (second, second.0, world().len()));
    assert!(!policies.wait_for(Position(second.0 + 100), Duration::ZERO).await);
    let then = policies.as_of(|_, position| position < second).await.unwrap();
    assert_eq!((then.version, then.state.set().len()), (first, 1));
    let before = policies.as_of(|envelope, _| envelope.recorded_at < Timestamp::UNIX_EPOCH).await.unwrap();
    assert_eq!((before.version, before.state.set().is_empty()), (Position::NONE, true));
    // A process that begins later has the same, and rules that were asked for once are at hand.
    let later = Policies::open("here", Arc::clone(&office.log)).await.unwrap().current();
    assert_eq!(later.state, now.state);
    assert!(Arc::ptr_eq(&now.rules(None, None), &now.rules(None, None)));
    // What this version cannot read stops the policy, and nothing else.
    let entry =
        NewEntry { id: Uuid::nil(), stream: stream_of("here").unwrap(), traceparent: None, body: "?".into() };
    while office.log.append(second, entry.clone()).await.is_err() {}
    assert!(Policies::open("here", Arc::clone(&office.log)).await.is_err());
    assert_eq!(policies.current().version, second);
    stop.cancel();
    running.await.unwrap();
}

#[tokio::test]
async fn people_see_the_cases_of_their_regions_and_teams_and_no_others() {
    let office = Office::new().await;
    office.apply(1, "here", &world()).await;
    let policy = Policies::open("here", Arc::clone(&office.log)).await.unwrap().current();
    let access = |kind, id: &str, roles: &[&str]| {
        let actor = Actor::new(kind, ActorId::new(id).unwrap(), AuthMethod::new("token").unwrap());
        policy.access(&Principal { actor, roles: roles.iter().map(|&role| role.to_owned()).collect() })
    };
    let sees = |access: &Access| -> Vec<&str> {
        let cases = [
            ("world", None),
            ("emea", None),
            ("fr", Some("billing")),
            ("apac", Some("tech")),
            ("apac", None),
        ];
        let seen = cases.into_iter().filter(|(region, team)| {
            access.sees(&region.parse().unwrap(), team.map(|team: &str| team.parse().unwrap()).as_ref())
        });
        let seen: Vec<_> = seen.collect();
        // What is listed is what may be seen.
        let limits = access.limits();
        for (region, team) in cases {
            let listed = limits.is_none_or(|(regions, teams)| {
                regions.contains(region) || team.is_some_and(|team| teams.contains(team))
            });
            assert_eq!(listed, seen.contains(&(region, team)), "{region} {team:?}");
        }
        seen.into_iter().map(|(region, team)| team.unwrap_or(region)).collect()
    };
    // A region with all below it, but not what is above or beside.
    assert_eq!(sees(&access(Kind::Human, "sue", &[])), ["emea", "billing"]);
    assert_eq!(sees(&access(Kind::Human, "ann", &[])), ["tech"]);
    assert_eq!(sees(&access(Kind::Human, "gus", &[])), ["billing"], "a guest");
    assert_eq!(sees(&access(Kind::Human, "ada", &[])).len(), 5, "an administrator");
    assert_eq!(sees(&access(Kind::Human, "ray", &[])), [""; 0], "figures are not cases");
    assert_eq!(sees(&access(Kind::Human, "nobody", &[])), [""; 0]);
    assert_eq!(sees(&access(Kind::Human, "nobody", &["agent"])), [""; 0], "a role, but nowhere");
    assert_eq!(sees(&access(Kind::Human, "nobody", &["compliance", "no-such-role"])).len(), 5);
    // A token may grant more roles; a system is no person.
    let both = access(Kind::Human, "ann", &["supervisor"]);
    assert!(both.any(&[Role::Agent]) && both.any(&[Role::Supervisor]) && !both.any(&[Role::Administrator]));
    assert_eq!(both.person.map(|person| person.to_string()), Some("ann".to_owned()));
    let system = access(Kind::Service, "export", &["integrator"]);
    assert!(system.person.is_none() && system.everywhere());
    let told = access(Kind::Human, "gus", &[]).need(&[Role::Agent, Role::Supervisor], "a reply").unwrap_err();
    assert_eq!(told.to_string(), "a reply needs one of the roles agent, supervisor");
    access(Kind::Human, "ann", &[]).need(&[Role::Agent], "a reply").unwrap();
}

fn world() -> Vec<Value> {
    vec![
        json!({ "kind": "region", "id": "world", "name": "World", "time_zone": "UTC" }),
        json!({ "kind": "region", "id": "emea", "name": "EMEA", "parent": "world" }),
        json!({ "kind": "region", "id": "fr", "name": "France", "parent": "emea" }),
        json!({ "kind": "region", "id": "apac", "name": "APAC", "parent": "world" }),
        json!({ "kind": "team", "id": "billing", "name": "Billing", "region": "fr" }),
        json!({ "kind": "team", "id": "tech", "name": "Tech", "region": "apac" }),
        json!({ "kind": "person", "id": "sue", "name": "Sue", "regions": ["emea"], "roles": ["supervisor"] }),
        json!({ "kind": "person", "id": "ann", "name": "Ann", "teams": ["tech"], "roles": ["agent"] }),
        json!({ "kind": "person", "id": "gus", "name": "Gus", "teams": ["billing"], "roles": ["guest"] }),
        json!({ "kind": "person", "id": "ada", "name": "Ada", "roles": ["administrator"] }),
        json!({ "kind": "person", "id": "ray", "name": "Ray", "regions": ["world"], "roles": ["analyst"] }),
    ]
}

fn set(documents: &[Value]) -> Set {
    let draft = |document: &Value| {
        let mut fields = document.as_object().unwrap().clone();
        let kind = fields.shift_remove("kind").unwrap();
        Draft { kind: kind.as_str().unwrap().to_owned(), fields: fields.into_iter().collect() }
    };
    Set::check(&documents.iter().map(draft).collect::<Vec<_>>()).unwrap()
}
