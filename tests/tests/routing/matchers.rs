//! Two matchers over one log and one database, one of which is killed or stands still at moments that a seed chooses, while
//! cases come in.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{Arc, mpsc},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use domain::{
    agent,
    decider::{Decider, fold},
};
use dossier::platform::{Plan, Platform, Role};
use proto::{assignment::v1 as pb, cases::v1 as cases, policy::v1::apply_request::File};
use service::{
    auth::Issuer,
    clock::{Clock, ManualClock},
    envelope::Envelope,
    lease::TTL,
    shell::{Shell, Stores},
};
use tests::{
    desk::message,
    faults::{Chance, seed},
    servers::Postgres,
    world::{Caller, command_id},
};

use crate::organisation::{POLICY, start};

/// How often one of the two is killed or stands still.
const MOMENTS: usize = 50;
/// How long everything may take to find its way after the survivor's turn has come.
const LIMIT: Duration = Duration::from_secs(30);
/// How long the clock goes on until the last case is done: what a dead one reserved is released by then.
const DRAINED_WITHIN_S: i64 = 600;
const STEP: Duration = Duration::from_millis(10);
const AGENTS: [&str; 2] = ["ana", "nils"];
const CAPACITY: u32 = 4;

/// What a process is told.
enum Word {
    /// Stands still for a while: nothing of it runs, and it does not know.
    Pause(mpsc::Receiver<()>),
    /// Ends wherever it is.
    Kill,
}

/// A process with the role assignment, on a thread of its own: as all of it runs there, it can be killed or made to stand
/// still between any two steps.
struct Process {
    grpc: SocketAddr,
    words: tokio::sync::mpsc::UnboundedSender<Word>,
    thread: JoinHandle<()>,
}

fn plan(roles: Vec<Role>) -> Plan {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    Plan {
        roles,
        grpc: any,
        http: any,
        hooks: None,
        mail: None,
        elsewhere: BTreeMap::new(),
        behind_proxy: false,
        metrics: prometheus::Registry::new(),
        hold: None,
    }
}

impl Process {
    fn spawn(shell: Shell) -> Self {
        let (words, mut heard) = tokio::sync::mpsc::unbounded_channel();
        let (told, address) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let platform = Platform::start(shell, plan(vec![Role::Assignment])).await.expect("it starts");
                told.send(platform.grpc).expect("somebody waits");
                while let Some(Word::Pause(until)) = heard.recv().await {
                    // The only thread of the process waits here.
                    let _ = until.recv();
                }
            });
            runtime.shutdown_background();
        });
        Self { grpc: address.recv().expect("it starts"), words, thread }
    }

    fn kill(self) {
        let _ = self.words.send(Word::Kill);
        self.thread.join().expect("it ends");
    }
}

/// What must hold of every agent's stream after every entry, and who has what at the end.
async fn agents(shell: &Shell) -> BTreeMap<String, agent::State> {
    let mut states = BTreeMap::new();
    for who in AGENTS {
        let category = eventlog::Category::new(agent::State::CATEGORY).expect("a category");
        let stream = eventlog::StreamId::new(&category, who).expect("a stream");
        let mut state = agent::State::default();
        let mut entries = shell.log.read(&stream);
        while let Some(entry) = futures_util::StreamExt::next(&mut entries).await {
            let entry = entry.expect("the log can be read");
            state = fold(state, &Envelope::<agent::Event>::of(&entry).expect("it can be read").events);
            assert!(state.used() <= CAPACITY, "{who} has {} units at {:?}", state.used(), entry.position);
        }
        states.insert(who.to_owned(), state);
    }
    states
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_two_matchers_is_killed_or_stands_still() {
    let mut chance = Chance::new(seed(), 0);
    let folder = tempfile::TempDir::new().expect("a folder");
    let server = Postgres::start();
    let clock = ManualClock::new(start());
    let time = Arc::new(clock.clone()) as Arc<dyn Clock>;
    let shell = dossier::up::shell(folder.path(), time).await.expect("the folder can be opened");
    let shell = Shell { stores: Stores::Postgres(server.url()), ..shell };
    let rest = plan(vec![Role::Cases, Role::Ingestion, Role::Console]);
    let rest = Platform::start(shell.clone(), rest).await.expect("the roles start");
    let file = |name: &str, text: &str| File { name: name.into(), text: text.into() };
    let files = vec![file("policy.toml", tests::world::POLICY), file("routing.toml", POLICY)];
    dossier::sample::apply(&rest, files).await.expect("the policy is right");
    let issuer =
        Issuer::load_or_create("local", &folder.path().join("issuer.pem")).expect("the issuer's key");
    let caller = |address, who: &str, roles: &[&str]| {
        let expires = dossier::platform::in_days(start(), 30);
        let token = issuer.token(who, service::auth::PrincipalKind::Human, roles, expires).expect("a token");
        Caller::new(address, &token)
    };
    let mut root = caller(rest.grpc, "root", &["administrator"]);
    let mut replicas = 0;
    let mut spawn = || {
        replicas += 1;
        Process::spawn(Shell { replica: format!("replica-{replicas}").into(), ..shell.clone() })
    };
    let mut processes = [spawn(), spawn()];
    let mut received = 0;
    let (mut kills, mut pauses, mut slowest_s) = (0, 0, 0);
    for moment in 0..MOMENTS {
        for who in AGENTS {
            online(caller(processes[0].grpc, who, &[])).await;
        }
        // What is there is done, so that there is room, and new ones come.
        for case in open(&mut root).await {
            if !case.assignee.is_empty() && !chance.one_in(4) {
                resolve(&mut root, &case.case_id).await;
            }
        }
        let messages = (0..1 + chance.below(4)).map(|n| {
            let text = if chance.one_in(3) { "an offer" } else { "hello" };
            message(&format!("m-{moment}-{n}"), "kim", text)
        });
        let messages: Vec<_> = messages.collect();
        received += messages.len();
        let request =
            proto::ingestion::v1::SubmitRequest { account: "forum".into(), messages, ..Default::default() };
        root.ingestion.submit(request).await.expect("they are taken in");
        tokio::time::sleep(chance.millis(40)).await;
        let victim = chance.below(2) as usize;
        if chance.one_in(2) {
            kills += 1;
            let fresh = tokio::task::block_in_place(&mut spawn);
            let dead = std::mem::replace(&mut processes[victim], fresh);
            tokio::task::block_in_place(|| dead.kill());
            pass(&clock, TTL).await;
        } else {
            pauses += 1;
            let (resume, until) = mpsc::channel();
            processes[victim].words.send(Word::Pause(until)).expect("it lives");
            // Its leases are over, and the other one goes on; then it wakes up in the middle of what it did.
            pass(&clock, TTL).await;
            tokio::time::sleep(chance.millis(40)).await;
            drop(resume);
        }
        let (begun, lease_over) = (Instant::now(), clock.now());
        let mut offered = BTreeSet::new();
        // Everybody who is asked takes it; each case is somebody's or waits for a reason that is told.
        while let Some(left) =
            unsettled(&mut root, &caller(processes[0].grpc, "root", &["administrator"]), received).await
        {
            assert!(begun.elapsed() < LIMIT, "moment {moment}: {left} has neither an agent nor a reason");
            accept(&shell, async |who| caller(processes[0].grpc, who, &[]), &mut offered).await;
            pass(&clock, Duration::from_secs(1)).await;
            tokio::time::sleep(STEP).await;
        }
        slowest_s = slowest_s.max(clock.now().seconds_since(lease_over));
        let mut owners = BTreeMap::new();
        for (who, state) in agents(&shell).await {
            for case in state.held().keys() {
                assert_eq!(owners.insert(case.to_string(), who.clone()), None, "{case} has two agents");
            }
        }
    }
    // As long as somebody is there, everything comes to an end: no room is lost, and nothing waits for ever.
    let begun = clock.now();
    let mut offered = BTreeSet::new();
    loop {
        let open = open(&mut root).await;
        if open.is_empty() {
            break;
        }
        let waits_s = clock.now().seconds_since(begun);
        assert!(waits_s < DRAINED_WITHIN_S, "{} cases wait after {waits_s} seconds", open.len());
        for who in AGENTS {
            online(caller(processes[0].grpc, who, &[])).await;
        }
        for case in open.iter().filter(|case| !case.assignee.is_empty()) {
            resolve(&mut root, &case.case_id).await;
        }
        accept(&shell, async |who| caller(processes[0].grpc, who, &[]), &mut offered).await;
        pass(&clock, Duration::from_secs(1)).await;
        tokio::time::sleep(STEP).await;
    }
    let drained_s = clock.now().seconds_since(begun);
    // What is on its way back to the agents arrives.
    let limit = Instant::now();
    while agents(&shell).await.values().any(|state| state.used() > 0) {
        assert!(limit.elapsed() < LIMIT, "room is lost: {:?}", agents(&shell).await);
        pass(&clock, Duration::from_secs(1)).await;
    }
    eprintln!(
        "{kills} kills, {pauses} pauses, {received} cases; settled {slowest_s} s after the lease at most, drained within {drained_s} s"
    );
    assert!(kills > 0 && pauses > 0);
    for process in processes {
        tokio::task::block_in_place(|| process.kill());
    }
    rest.end().await;
    shell.log.close().await;
}

/// Time passes in steps, as it does.
async fn pass(clock: &ManualClock, time: Duration) {
    for _ in 0..time.as_secs() {
        clock.set(clock.now().plus_seconds(1));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    clock.set(clock.now().plus_seconds(1));
}

async fn online(mut caller: Caller) {
    let request = pb::SetPresenceRequest {
        command_id: command_id(),
        person: "me".into(),
        presence: pb::Presence::Online.into(),
        ..Default::default()
    };
    caller.assignment.set_presence(request).await.expect("a presence");
}

/// Whoever is asked takes it, once for each decision.
async fn accept(
    shell: &Shell,
    caller: impl AsyncFn(&str) -> Caller,
    offered: &mut BTreeSet<(domain::ids::CaseId, u32)>,
) {
    for (who, state) in agents(shell).await {
        for (case, reserved) in state.reserved() {
            let is_asked = reserved.offer.is_some_and(|offer| !offer.accepted);
            if is_asked && offered.insert((*case, reserved.decision)) {
                let request = pb::AnswerOfferRequest {
                    command_id: command_id(),
                    case_id: case.to_string(),
                    decision: reserved.decision,
                    ..Default::default()
                };
                // It may be over by then.
                let _ = caller(&who).await.assignment.accept_offer(request).await;
            }
        }
    }
}

async fn open(root: &mut Caller) -> Vec<cases::Case> {
    let all = cases::ListCasesRequest { page_size: 200, ..Default::default() };
    let is_open = |case: &cases::Case| matches!(case.status(), cases::Status::New | cases::Status::Open);
    root.list(all).await.into_iter().filter(is_open).collect()
}

async fn resolve(root: &mut Caller, case: &str) {
    let request =
        cases::ResolveRequest { command_id: command_id(), case_id: case.into(), ..Default::default() };
    root.cases.resolve(request).await.expect("it is resolved");
}

/// A case that has neither an agent nor a reason to wait; none if there is no such one.
async fn unsettled(root: &mut Caller, assignment: &Caller, received: usize) -> Option<String> {
    let all = root.list(cases::ListCasesRequest { page_size: 200, ..Default::default() }).await;
    if all.len() < received {
        return Some("a message".into());
    }
    let mut assignment = assignment.clone();
    let mut waiting = BTreeSet::new();
    for queue in ["north", "asked"] {
        let request = pb::ListWaitingRequest { queue: queue.into(), page_size: 200, ..Default::default() };
        let listed = assignment.assignment.list_waiting(request).await.expect("a list").into_inner().waiting;
        waiting.extend(listed.into_iter().filter(|w| !w.reason.is_empty()).map(|w| w.case_id));
    }
    let open = open(root).await;
    let left = open.into_iter().find(|case| case.assignee.is_empty() && !waiting.contains(&case.case_id));
    left.map(|case| case.number)
}
