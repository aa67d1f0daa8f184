//! The organisation of these tests, and what is done with it.

use std::sync::Arc;

use domain::time::Timestamp;
use proto::{assignment::v1 as pb, cases::v1 as cases, policy::v1::apply_request::File};
use service::clock::{Clock, ManualClock};
use tempfile::TempDir;
use tests::world::{Caller, World, command_id};

/// Agents, queues and rules beside the organisation of all tests.
pub const POLICY: &str = r#"
[[agent]]
id = "ana"
capacity = 4
languages = { en = "native", fr = "c1" }

[[agent]]
id = "nils"
capacity = 4
languages = { en = "native" }

[[agent]]
id = "sol"
capacity = 4

[[queue]]
id = "north"
name = "North"
region = "north"
team = "north-care"
default = true

[[queue]]
id = "south"
name = "South"
region = "south"
team = "south-care"
default = true

[[queue]]
id = "asked"
name = "Asked first"
team = "north-care"
offer = true
offer_timeout = "45 seconds"

[[queue]]
id = "taken"
name = "Taken"
team = "north-care"
mode = "pull"

[[routing_rule]]
id = "urgent"
name = "Urgent"
order = 10
when = "message.text.contains('urgent')"
continue = true
then = { priority = "urgent", tags = ["hurry"] }

[[routing_rule]]
id = "offered"
name = "Offered"
order = 20
when = "message.text.contains('offer')"
then = { queue = "asked" }

[[routing_rule]]
id = "pulled"
name = "Pulled"
order = 30
when = "message.text.contains('pull')"
then = { queue = "taken" }

[[routing_rule]]
id = "french"
name = "French"
order = 40
when = "message.text.contains('bonjour')"
then = { languages = ["fr"] }
"#;

/// How long a test waits for what comes without an entry to wait for.
const UNTIL_LIMIT: std::time::Duration = std::time::Duration::from_secs(30);
const UNTIL_STEP: std::time::Duration = std::time::Duration::from_millis(20);

/// A site with a clock of its own.
pub struct Site {
    pub world: World,
    pub clock: ManualClock,
    folder: TempDir,
}

/// When it begins.
pub fn start() -> Timestamp {
    "2026-11-30T09:00:00Z".parse().expect("an instant")
}

impl Site {
    pub async fn start() -> Self {
        Self::with("").await
    }

    /// With more policy.
    pub async fn with(more: &str) -> Self {
        Self::of(&format!("{POLICY}{more}")).await
    }

    /// With other agents, queues and rules.
    pub async fn of(text: &str) -> Self {
        let clock = ManualClock::new(start());
        let folder = TempDir::new().expect("a temporary folder");
        let file = File { name: "routing.toml".into(), text: text.into() };
        let world =
            World::open_with(folder.path(), Arc::new(clock.clone()) as Arc<dyn Clock>, vec![file]).await;
        Self { world, clock, folder }
    }

    /// Puts other agents, queues and rules into force, and maybe another organisation.
    pub async fn apply(&self, organisation: &str, text: &str) {
        let file = |name: &str, text: &str| File { name: name.into(), text: text.into() };
        let files = vec![file("policy.toml", organisation), file("routing.toml", text)];
        dossier::sample::apply(&self.world.platform, files).await.expect("the policy is right");
    }

    /// Waits for what time or policy alone bring about: nothing in the log tells when.
    ///
    /// # Panics
    ///
    /// If it does not come.
    pub async fn until(&self, what: &str, is_so: impl AsyncFn() -> bool) {
        let begun = std::time::Instant::now();
        while !is_so().await {
            assert!(begun.elapsed() < UNTIL_LIMIT, "it does not come: {what}");
            tokio::time::sleep(UNTIL_STEP).await;
        }
        self.world.routed().await;
    }

    /// Waits until an agent has a case.
    pub async fn until_assigned(&self, case: &str, who: &str) {
        self.until(&format!("{who:?} has the case"), async || self.assignee(case).await == who).await;
    }

    /// Somebody gives a case to somebody.
    pub async fn assign(&self, case: &str, who: &str) {
        let request = cases::AssignRequest {
            command_id: command_id(),
            case_id: case.into(),
            assignee: who.into(),
            ..Default::default()
        };
        self.root().cases.assign(request).await.expect("it is assigned");
        self.world.routed().await;
    }

    pub async fn resolve(&self, case: &str) {
        let request =
            cases::ResolveRequest { command_id: command_id(), case_id: case.into(), ..Default::default() };
        self.root().cases.resolve(request).await.expect("it is resolved");
        self.world.routed().await;
    }

    /// So many seconds later.
    pub async fn later(&self, seconds: i64) {
        self.clock.set(self.clock.now().plus_seconds(seconds));
        self.world.routed().await;
    }

    pub async fn end(self) {
        self.world.end().await;
        drop(self.folder);
    }

    /// An agent is there.
    pub async fn online(&self, who: &str) -> pb::Agent {
        self.present(who, pb::Presence::Online).await
    }

    /// An agent says whether he is there.
    pub async fn present(&self, who: &str, presence: pb::Presence) -> pb::Agent {
        let mut caller = self.world.caller(who, &[]);
        let request = pb::SetPresenceRequest {
            command_id: command_id(),
            person: "me".into(),
            presence: presence.into(),
            ..Default::default()
        };
        let answer = caller.assignment.set_presence(request).await.expect("a presence").into_inner();
        self.world.routed().await;
        answer.agent.expect("an agent")
    }

    /// A message comes in; the id of its case, once it has found its way.
    pub async fn receive(&self, id: &str, author: &str, text: &str) -> String {
        let case = self.world.receive_one("forum", tests::desk::message(id, author, text)).await;
        self.world.routed().await;
        case.case_id
    }

    pub async fn assignee(&self, case: &str) -> String {
        self.root().case(case).await.assignee
    }

    pub async fn agent(&self, who: &str) -> pb::Agent {
        let request = pb::GetAgentRequest { person: who.into(), ..Default::default() };
        let answer = self.root().assignment.get_agent(request).await.expect("an agent");
        answer.into_inner().agent.expect("an agent")
    }

    pub async fn waiting(&self, queue: &str) -> Vec<pb::Waiting> {
        let at_least = self.world.platform.shell.token(self.world.mark().await);
        let request = pb::ListWaitingRequest { queue: queue.into(), at_least, ..Default::default() };
        self.root().assignment.list_waiting(request).await.expect("a list").into_inner().waiting
    }

    pub async fn explain(&self, decision: &str) -> pb::ExplainResponse {
        let request = pb::ExplainRequest { decision: decision.into(), ..Default::default() };
        self.root().assignment.explain(request).await.expect("an explanation").into_inner()
    }

    pub fn root(&self) -> Caller {
        self.world.administrator()
    }
}
