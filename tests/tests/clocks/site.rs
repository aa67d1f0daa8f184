//! A site with promises and a clock of its own, and what was announced there.

use std::{sync::Arc, time::Duration};

use domain::{decider::Decider, sla::Event, time::Timestamp};
use proto::{
    cases::v1 as pb,
    ingestion::v1::{Direction, SubmitRequest, submit_request},
    policy::v1::{ApplyRequest, apply_request::File},
};
use service::{
    clock::{Clock, ManualClock},
    envelope::Envelope,
};
use tempfile::TempDir;
use tests::{
    desk::message,
    world::{Caller, World, command_id},
};

/// No test waits longer for what happens by itself.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often it is looked.
const LOOK: Duration = Duration::from_millis(50);
/// As long as the timer needs for a round or two.
const ROUNDS: Duration = Duration::from_millis(2_500);

/// First response in 1 hour, resolution in 4, while somebody is there: weekdays from 9 to 17 in Paris (north) and in São
/// Paulo (south).
pub const POLICY: &str = r#"
[[calendar]]
id = "paris"
name = "Paris"
time_zone = "Europe/Paris"
hours = { mon-fri = ["09:00-17:00"] }

[[calendar]]
id = "sao-paulo"
name = "São Paulo"
time_zone = "America/Sao_Paulo"
hours = { mon-fri = ["09:00-17:00"] }

[[sla]]
id = "usual"
name = "As usual"
order = 10

[sla.targets.first_response]
every = "1 hour"
warnings = ["50%"]

[sla.targets.resolution]
every = "4 hours"
pauses = ["pending", "on_hold"]
"#;

/// A site.
pub struct Site {
    pub world: World,
    pub clock: ManualClock,
    folder: TempDir,
}

/// An instant, on that Monday.
pub fn at(time: &str) -> Timestamp {
    format!("2026-11-30T{time}:00Z").parse().unwrap()
}

/// The same as the contract has it.
pub fn told(time: &str) -> Option<prost_types::Timestamp> {
    let micros = at(time).as_microsecond();
    Some(prost_types::Timestamp { seconds: micros / 1_000_000, nanos: 0 })
}

impl Site {
    /// On a Monday at 09:00 in UTC: 10:00 in Paris.
    pub async fn start(more: &str) -> Self {
        let clock = ManualClock::new(at("09:00"));
        let folder = TempDir::new().unwrap();
        let world = World::open(folder.path(), Arc::new(clock.clone()) as Arc<dyn Clock>).await;
        let site = Self { world, clock, folder };
        if !more.is_empty() {
            // After the organisation of all tests: it gives regions a calendar that they have not there.
            site.apply(more).await;
        }
        site
    }

    /// It is that time now, and what follows from that has been announced.
    pub async fn pass(&self, time: &str) {
        self.clock.set(at(time));
        self.followed().await;
    }

    /// What happened in cases has reached their clocks.
    pub async fn followed(&self) {
        let cases = self.world.platform.cases.as_ref().unwrap();
        let category = eventlog::Category::new("case").unwrap();
        let tail = self.world.platform.shell.log.tail(&[category]).await.unwrap();
        let mut followed = cases.followed_clocks();
        let reached = tokio::time::timeout(PATIENCE, followed.wait_for(|done| *done >= tail)).await;
        reached.expect("cases are followed").unwrap();
    }

    /// Somebody with a token of now.
    pub fn caller(&self, who: &str) -> Caller {
        self.world.caller(who, &[])
    }

    /// A customer writes now.
    pub async fn asks(&self, account: &str, id: &str) -> String {
        let mut said = message(id, "ada", "Where is it?");
        let now = self.clock.now().as_microsecond();
        said.sent_at = Some(prost_types::Timestamp { seconds: now / 1_000_000, nanos: 0 });
        let case = self.world.receive_one(account, said).await.case_id;
        self.followed().await;
        case
    }

    /// Our answer that was sent elsewhere, at that time, becomes known.
    pub async fn answered(&self, id: &str, to: &str, time: &str) {
        let mut answer = message(id, "desk", "On its way.");
        answer.direction = Direction::Outbound.into();
        answer.reply_to = to.into();
        answer.sent_at = told(time);
        self.world.receive("forum", vec![answer]).await;
        self.followed().await;
    }

    /// Messages of the past are loaded; they are cases when this answers.
    pub async fn imports(&self, id: &str, sent_at: &str) -> String {
        let mut said = message(id, "ada", "Where was it?");
        said.sent_at = told(sent_at);
        let request = SubmitRequest {
            account: "forum".into(),
            messages: vec![said],
            origin: submit_request::Origin::Import.into(),
        };
        let answer = self.world.administrator().ingestion.submit(request).await.unwrap().into_inner();
        self.world.settled(&answer.position).await;
        self.followed().await;
        let cases = self.world.administrator().list(pb::ListCasesRequest::default()).await;
        cases.first().unwrap().case_id.clone()
    }

    pub async fn resolve(&self, who: &str, id: &str) {
        let request =
            pb::ResolveRequest { command_id: command_id(), case_id: id.into(), ..Default::default() };
        self.caller(who).cases.resolve(request).await.unwrap();
        self.followed().await;
    }

    pub async fn hold(&self, who: &str, id: &str) {
        let request = pb::HoldRequest {
            command_id: command_id(),
            case_id: id.into(),
            kind: pb::HoldKind::ThirdParty.into(),
            reason: "The carrier looks for it".into(),
            ..Default::default()
        };
        self.caller(who).cases.hold(request).await.unwrap();
        self.followed().await;
    }

    /// More policy comes into force.
    pub async fn apply(&self, text: &str) {
        // What is not in the files is taken away: the organisation goes with it, with calendars for its regions.
        let organisation = tests::world::POLICY
            .replace("name = \"North\"", "name = \"North\"\ncalendar = \"paris\"")
            .replace("name = \"South\"", "name = \"South\"\ncalendar = \"sao-paulo\"");
        let file = File { name: "more.toml".into(), text: format!("{organisation}{text}") };
        let request = ApplyRequest { command_id: command_id(), files: vec![file], ..ApplyRequest::default() };
        let answer = self.world.administrator().policy.apply(request).await.unwrap().into_inner();
        assert!(answer.problems.is_empty(), "{:#?}", answer.problems);
    }

    /// The clocks as they are explained.
    pub async fn clocks(&self, id: &str) -> Vec<pb::Clock> {
        let request = pb::ExplainSlaRequest { case_id: id.into(), ..Default::default() };
        self.world.administrator().cases.explain_sla(request).await.unwrap().into_inner().clocks
    }

    /// The only clock of a kind.
    pub async fn explained(&self, id: &str, kind: &str) -> pb::Clock {
        let clocks = self.clocks(id).await;
        let mut of_kind = clocks.into_iter().filter(|clock| clock.kind == kind);
        let clock = of_kind.next().unwrap_or_else(|| panic!("no clock of {kind}"));
        assert!(of_kind.next().is_none(), "several clocks of {kind}");
        clock
    }

    /// Everything that was announced of a case.
    pub async fn announced(&self, id: &str) -> Vec<Event> {
        let entries = self.world.log_entries(&[domain::sla::State::CATEGORY]).await;
        let of_case = entries.iter().filter(|entry| entry.stream.id() == id);
        of_case.flat_map(|entry| Envelope::<Event>::of(entry).unwrap().events).collect()
    }

    /// Waits until so much was announced of a case, and then a little longer: it is not more.
    pub async fn announces(&self, id: &str, count: usize) -> Vec<Event> {
        let waiting = async {
            while self.announced(id).await.len() < count {
                tokio::time::sleep(LOOK).await;
            }
        };
        if tokio::time::timeout(PATIENCE, waiting).await.is_err() {
            panic!("{count} are awaited of {:?}", self.announced(id).await);
        }
        tokio::time::sleep(ROUNDS).await;
        let announced = self.announced(id).await;
        assert_eq!(announced.len(), count, "{announced:#?}");
        announced
    }

    /// The site is closed and opened again at that time.
    pub async fn restarts(self, time: &str) -> Self {
        let Self { world, clock, folder } = self;
        world.end().await;
        clock.set(at(time));
        let world = World::open(folder.path(), Arc::new(clock.clone())).await;
        Self { world, clock, folder }
    }

    pub async fn end(self) {
        self.world.end().await;
        drop(self.folder);
    }
}

/// An event in short: its name, kind of clock, and time.
pub fn short(events: &[Event]) -> Vec<String> {
    let one = |event: &Event| {
        let value = serde_json::to_value(event).unwrap();
        let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
        let kind = text("type").trim_start_matches("sla.").to_owned();
        let time = if text("breached_at").is_empty() { text("at") } else { text("breached_at") };
        let clock = value["clock"]["clock"].as_str().unwrap_or_default();
        format!("{clock} {kind} {}", &instant_minute(&time))
    };
    events.iter().map(one).collect()
}

fn instant_minute(text: &str) -> String {
    let at: Timestamp = text.parse().unwrap();
    at.to_string()[11..16].to_owned()
}
