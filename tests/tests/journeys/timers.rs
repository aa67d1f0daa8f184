//! What happens by itself when its time has come, with that time; and what happens when the time is over.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use domain::time::Timestamp;
use dossier::up;
use eventlog::NewEntry;
use proto::cases::v1 as pb;
use service::{clock::ManualClock, health::State, shell::Shell};
use tempfile::TempDir;
use tests::{
    desk::{SENT_AT_S, instant, message, refused, seconds},
    interposed::{Interposed, away},
    world::{Caller, World, command_id},
};
use tonic::Code;

const DAY_S: i64 = 24 * 60 * 60;
/// No test waits longer for what happens by itself.
const PATIENCE: Duration = Duration::from_secs(60);

struct Site {
    world: World,
    clock: ManualClock,
    now_s: i64,
}

impl Site {
    async fn start() -> Self {
        let clock = ManualClock::new(instant(seconds(SENT_AT_S)));
        let world = World::start_at(Arc::new(clock.clone())).await;
        Self { world, clock, now_s: SENT_AT_S }
    }

    fn at(&self, after_s: i64) -> prost_types::Timestamp {
        seconds(self.now_s + after_s)
    }

    fn pass(&mut self, by_s: i64) {
        self.now_s += by_s;
        self.clock.set(instant(seconds(self.now_s)));
    }

    /// Somebody with a token of now: the one of last week has ended.
    fn ana(&self) -> Caller {
        self.world.caller("ana", &[])
    }

    async fn case(&self, id: &str) -> pb::Case {
        self.ana().case(id).await
    }

    async fn says(&self, id: &str, to: &str, text: &str) -> String {
        let mut said = message(id, "ada", text);
        said.reply_to = to.into();
        said.sent_at = Some(seconds(self.now_s));
        let answer = self.world.receive("forum", vec![said]).await;
        answer.results[0].message_id.clone()
    }

    async fn resolve(&self, id: &str) {
        let request =
            pb::ResolveRequest { command_id: command_id(), case_id: id.into(), ..Default::default() };
        self.ana().cases.resolve(request).await.expect("it is resolved");
    }

    /// Lets time pass, and waits until the case has this event.
    async fn passes_until(&mut self, id: &str, by_s: i64, event: &str) -> pb::HistoryEntry {
        let watch = pb::WatchRequest { case_id: id.into(), ..Default::default() };
        // A watch lasts as long as its token.
        let mut ana = self.world.caller_for(365, "ana", &[]);
        let mut watch = ana.cases.watch(watch).await.expect("a watch").into_inner();
        self.pass(by_s);
        let waiting = async {
            loop {
                let change = watch.message().await.expect("changes").expect("an endless stream");
                if change.events.iter().any(|kind| kind == event) {
                    return change.position;
                }
            }
        };
        let position = tokio::time::timeout(PATIENCE, waiting).await.expect("it happens by itself");
        let history = self.ana().history(id).await;
        history.into_iter().find(|entry| entry.position == position).expect("the entry")
    }
}

fn micros(at: Option<prost_types::Timestamp>) -> Option<Timestamp> {
    at.map(instant)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snoozed_case_wakes_with_the_time_that_was_set() {
    let mut site = Site::start().await;
    let id = site.world.receive_one("forum", message("m-1", "ada", "Later")).await.case_id;
    let until = site.at(3_600);
    let snooze = |until| pb::SnoozeRequest {
        command_id: command_id(),
        case_id: id.clone(),
        until: Some(until),
        ..Default::default()
    };
    refused(
        site.ana().cases.snooze(snooze(site.at(-1))).await,
        Code::FailedPrecondition,
        "DEADLINE_NOT_AHEAD",
    );
    site.ana().cases.snooze(snooze(until)).await.unwrap();
    assert_eq!(site.case(&id).await.snoozed_until, Some(until));
    let entry = site.passes_until(&id, 2 * 3_600, "case.woken").await;
    assert_eq!(entry.occurred_at, Some(until), "however late the timer was");
    assert_eq!(entry.recorded_at, Some(site.at(0)));
    assert_eq!(entry.actor.map(|actor| actor.kind).as_deref(), Some("service"));
    assert_eq!(site.case(&id).await.snoozed_until, None);
    // What had occurred when it was over is told without what was recorded later.
    let request = pb::GetCaseRequest {
        case_id: id.clone(),
        occurred_as_of: Some(seconds(until.seconds - 1)),
        ..Default::default()
    };
    let then = site.ana().cases.get_case(request).await.unwrap().into_inner().case.unwrap();
    assert_eq!(then.snoozed_until, Some(until));
    site.world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_timer_that_means_nothing_any_more_fails_no_more() {
    let broken = Arc::new(Mutex::new(None));
    let (mut site, _folder) = broken_site(Arc::clone(&broken)).await;
    let id = site.world.receive_one("forum", message("m-1", "ada", "Later")).await.case_id;
    let until = Some(site.at(3_600));
    let request =
        pb::SnoozeRequest { command_id: command_id(), case_id: id.clone(), until, ..Default::default() };
    site.ana().cases.snooze(request).await.unwrap();
    *broken.lock().unwrap() = Some(id.clone());
    let mut health = site.world.platform.health();
    site.pass(3_600);
    let told = |state: &State| state.degraded.iter().any(|waits| waits.stream.ends_with(&id));
    tokio::time::timeout(PATIENCE, health.wait_for(told)).await.expect("it fails").unwrap();
    // Somebody is faster than the next attempt, which is seconds away by now.
    *broken.lock().unwrap() = None;
    let spam = pb::MarkSpamRequest { command_id: command_id(), case_id: id.clone(), ..Default::default() };
    site.ana().cases.mark_spam(spam).await.unwrap();
    let health = health.wait_for(|state| !told(state));
    tokio::time::timeout(PATIENCE, health).await.expect("it fails no more").unwrap();
    site.world.end().await;
}

/// A site whose log takes no entry of the streams that are named.
async fn broken_site(broken: Arc<Mutex<Option<String>>>) -> (Site, TempDir) {
    let folder = TempDir::new().unwrap();
    let clock = ManualClock::new(instant(seconds(SENT_AT_S)));
    let shell = up::shell(folder.path(), Arc::new(clock.clone())).await.unwrap();
    let log = Interposed::new(Arc::clone(&shell.log));
    log.put(move |_, entry| {
        let refused = broken.lock().unwrap().as_deref() == Some(entry.stream.id());
        Box::pin(async move { if refused { Err(away()) } else { Ok(()) } })
    });
    let world = World::over(Shell { log, ..shell }, folder.path()).await;
    (Site { world, clock, now_s: SENT_AT_S }, folder)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_timer_that_fails_keeps_no_other_from_its_time() {
    let broken = Arc::new(Mutex::new(None));
    let (mut site, _folder) = broken_site(Arc::clone(&broken)).await;
    let mut ids = Vec::new();
    for (n, until) in [(1, 3_600), (2, 3_700), (3, 3_800)] {
        let said = message(&format!("m-{n}"), &format!("u-{n}"), "Later");
        let id = site.world.receive_one("forum", said).await.case_id;
        let request = pb::SnoozeRequest {
            command_id: command_id(),
            case_id: id.clone(),
            until: Some(site.at(until)),
            ..Default::default()
        };
        site.ana().cases.snooze(request).await.unwrap();
        ids.push(id);
    }
    // One cannot be written, one cannot be read any more.
    *broken.lock().unwrap() = Some(ids[0].clone());
    let unreadable = site.world.log_entries(&["case"]).await;
    let last = unreadable.into_iter().rfind(|entry| entry.stream.id() == ids[1]).unwrap();
    let entry = NewEntry {
        id: uuid::Uuid::new_v4(),
        stream: last.stream,
        traceparent: None,
        body: b"{}".as_slice().into(),
    };
    site.world.platform.shell.log.append(last.position, entry).await.unwrap();

    site.passes_until(&ids[2], 2 * 3_600, "case.woken").await;
    let others = site.world.platform.cases.as_ref().unwrap().others();
    let timers = others.iter().find(|other| other.name() == "timers of cases").unwrap();
    let mut failing: Vec<_> = timers.failing().into_iter().map(|(stream, _)| stream).collect();
    failing.sort_unstable();
    let mut expected = vec![format!("case-{}", ids[0]), format!("case-{}", ids[1])];
    expected.sort_unstable();
    assert_eq!(failing, expected, "it is told which fail");
    assert_eq!(timers.standing(), None, "they do not stand still");

    *broken.lock().unwrap() = None;
    let woken = site.passes_until(&ids[0], 1, "case.woken").await;
    assert_eq!(woken.occurred_at, Some(seconds(SENT_AT_S + 3_600)), "it is tried again, with its time");
    site.world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hold_ends_with_the_time_that_was_set() {
    let mut site = Site::start().await;
    let id = site.world.receive_one("forum", message("m-1", "ada", "Wait")).await.case_id;
    let until = site.at(1_800);
    let hold = pb::HoldRequest {
        command_id: command_id(),
        case_id: id.clone(),
        kind: pb::HoldKind::Internal.into(),
        reason: "The workshop".into(),
        until: Some(until),
        ..Default::default()
    };
    site.ana().cases.hold(hold).await.unwrap();
    let entry = site.passes_until(&id, 1_801, "case.resumed").await;
    assert_eq!(entry.occurred_at, Some(until));
    assert_eq!(site.case(&id).await.status(), pb::Status::Open);
    site.world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_resolved_case_comes_back_in_its_window_and_not_after() {
    let mut site = Site::start().await;
    let case = site.world.receive_one("forum", message("m-1", "ada", "It does not boil")).await;
    let id = case.case_id.as_str();
    site.resolve(id).await;
    site.pass(13 * DAY_S);
    site.says("m-2", "m-1", "Still not").await;
    let back = site.case(id).await;
    assert_eq!((back.status(), back.timeline.len()), (pb::Status::Open, 2));
    site.resolve(id).await;
    site.pass(14 * DAY_S + 1);
    let reopen = pb::ReopenRequest { command_id: command_id(), case_id: id.into(), ..Default::default() };
    refused(site.ana().cases.reopen(reopen).await, Code::FailedPrecondition, "REOPEN_WINDOW_OVER");
    let late = site.says("m-3", "m-2", "And now it leaks").await;
    let old = site.case(id).await;
    assert_eq!((old.status(), old.timeline.len()), (pb::Status::Resolved, 2), "it stays as it was");
    let next = follow_up(&site, id).await;
    assert_eq!(next.timeline.iter().map(|item| &item.id).collect::<Vec<_>>(), [&late]);
    site.world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_resolved_case_closes_by_itself_and_its_conversation_goes_on_in_another() {
    let mut site = Site::start().await;
    let case = site.world.receive_one("forum", message("m-1", "ada", "It does not boil")).await;
    let id = case.case_id.as_str();
    site.resolve(id).await;
    let resolved_at = site.case(id).await.resolved_at.unwrap();
    let entry = site.passes_until(id, 30 * DAY_S, "case.closed").await;
    let due = seconds(resolved_at.seconds + 28 * DAY_S);
    assert_eq!(
        micros(entry.occurred_at),
        micros(Some(due)),
        "closed when it was due, not when it was noticed"
    );
    let closed = site.case(id).await;
    assert_eq!((closed.status(), micros(closed.closed_at)), (pb::Status::Closed, micros(Some(due))));

    let first = site.says("m-2", "m-1", "It is me again").await;
    let next = follow_up(&site, id).await;
    assert_ne!(next.case_id, id);
    assert_eq!((next.region.as_str(), next.customer.as_str()), ("north", closed.customer.as_str()));
    // The conversation stays there from now on.
    let second = site.says("m-3", "m-2", "Are you there?").await;
    let next = site.case(&next.case_id).await;
    assert_eq!(next.timeline.iter().map(|item| &item.id).collect::<Vec<_>>(), [&first, &second]);
    assert_eq!(site.case(id).await, closed, "the closed case is as it was");
    let root = site.world.administrator().rebuild().await;
    assert_eq!(root.0, root.1);
    site.world.end().await;
}

/// The one case that follows another.
async fn follow_up(site: &Site, of: &str) -> pb::Case {
    let mut found = Vec::new();
    for listed in site.ana().list(pb::ListCasesRequest::default()).await {
        let case = site.case(&listed.case_id).await;
        found.extend((case.follow_up_of == of).then_some(case));
    }
    let [case] = &found[..] else { panic!("{} cases follow it", found.len()) };
    case.clone()
}
