//! Positions and times that nobody has been told yet, and texts that are too long to be said again.

use std::time::{Duration, Instant};

use proto::{
    cases::v1 as pb, ingestion::v1 as ingestion, operations::v1 as operations, policy::v1 as policy,
};
use tests::{
    desk::{message, refused, wrong_field},
    world::{POLICY, World, command_id},
};
use tonic::Code;

/// Far below the time for which a call waits for a read model.
const AT_ONCE: Duration = Duration::from_secs(3);
/// More calls than a service works on at once for one connection.
const CALLS: usize = 1_200;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_position_beyond_the_end_of_the_log_is_refused_at_once() {
    let world = World::start().await;
    let case = world.receive_one("forum", message("m-1", "ada", "It leaks")).await;
    let id = case.case_id.as_str();
    let mut root = world.administrator();
    let beyond = || world.platform.shell.token(eventlog::Position(1_000_000));
    let began = Instant::now();
    let list = pb::ListCasesRequest { at_least: beyond(), ..Default::default() };
    wrong_field(root.cases.list_cases(list.clone()).await, "at_least");
    let get = pb::GetCaseRequest { case_id: id.into(), at_least: beyond(), ..Default::default() };
    wrong_field(root.cases.get_case(get).await, "at_least");
    let history = pb::GetHistoryRequest { case_id: id.into(), at_least: beyond(), ..Default::default() };
    wrong_field(root.cases.get_history(history).await, "at_least");
    let file = pb::GetAttachmentRequest { case_id: id.into(), at_least: beyond(), ..Default::default() };
    wrong_field(root.cases.get_attachment(file).await.map(drop), "at_least");
    let show = policy::ShowRequest { at_least: beyond(), ..Default::default() };
    wrong_field(root.policy.show(show).await, "at_least");
    let ledger = ingestion::GetLedgerRequest { at_least: beyond(), ..Default::default() };
    wrong_field(root.ingestion.get_ledger(ledger).await, "at_least");
    let models = operations::ListReadModelsRequest { at_least: beyond(), ..Default::default() };
    wrong_field(root.operations.list_read_models(models).await, "at_least");
    let tail = operations::TailEventsRequest { after: beyond(), ..Default::default() };
    wrong_field(root.operations.tail_events(tail).await.map(drop), "after");
    let watch = pb::WatchRequest { after: beyond(), ..Default::default() };
    wrong_field(root.cases.watch(watch).await.map(drop), "after");

    // Many of them hold up nobody who calls on the same connection.
    let many = (0..CALLS).map(|_| {
        let (mut root, list) = (root.clone(), list.clone());
        tokio::spawn(async move { wrong_field(root.cases.list_cases(list).await, "at_least") })
    });
    let many: Vec<_> = many.collect();
    assert_eq!(root.case(id).await.case_id, id);
    assert!(began.elapsed() < AT_ONCE + AT_ONCE, "{:?}", began.elapsed());
    for call in many {
        call.await.unwrap();
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_insists_on_a_position_that_nobody_has_seen() {
    let world = World::start().await;
    let one = world.receive_one("forum", message("m-1", "ada", "It leaks")).await.case_id;
    let other = world.receive_one("forum", message("m-2", "bob", "It hums")).await.case_id;
    let mut root = world.administrator();
    let mark = world.mark().await;
    let beyond = || world.platform.shell.token(eventlog::Position(1_000_000));
    let note = |case: &str, position: String| pb::AddNoteRequest {
        command_id: command_id(),
        case_id: case.into(),
        text: "Ask for the model".into(),
        expected_position: position,
        ..Default::default()
    };
    wrong_field(root.cases.add_note(note(&one, beyond())).await, "expected_position");
    let merge = pb::MergeRequest {
        command_id: command_id(),
        case_id: one.clone(),
        into_case_id: other.clone(),
        expected_position: beyond(),
        ..Default::default()
    };
    wrong_field(root.cases.merge(merge).await, "expected_position");
    let bulk = pb::BulkRequest {
        command_id: command_id(),
        case_ids: vec![one.clone()],
        change: Some(pb::bulk_request::Change::Close(pb::bulk_request::Close {})),
        expected_position: beyond(),
    };
    let told = root.cases.bulk(bulk).await.unwrap().into_inner().results.remove(0);
    assert_eq!((told.changed, told.reason.as_str()), (false, "INVALID_FIELD"), "{told:?}");
    let apply = policy::ApplyRequest {
        command_id: command_id(),
        files: vec![policy::apply_request::File { name: "policy.toml".into(), text: POLICY.into() }],
        expected_position: beyond(),
        ..Default::default()
    };
    wrong_field(root.policy.apply(apply).await, "expected_position");
    world.nothing_since(mark).await;
    // Others' entries count: who has seen the end of the log has seen all of the case.
    let last = root.cases.add_note(note(&other, String::new())).await.unwrap().into_inner().position;
    root.cases.add_note(note(&one, last)).await.unwrap();
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_not_been_recorded_yet_is_not_asked_for() {
    let world = World::start().await;
    let case = world.receive_one("forum", message("m-1", "ada", "It leaks")).await;
    let id = case.case_id.as_str();
    let mut root = world.administrator();
    let beyond = world.platform.shell.token(eventlog::Position(1_000_000));
    let soon = world.platform.shell.clock.now().plus_seconds(60).to_string();
    for as_of in [beyond.as_str(), &soon, "2999-01-01T00:00:00Z"] {
        wrong_field(root.case_as_of(id, as_of).await, "as_of");
        let history = pb::GetHistoryRequest { case_id: id.into(), as_of: as_of.into(), ..Default::default() };
        wrong_field(root.cases.get_history(history).await, "as_of");
        let show = policy::ShowRequest { as_of: as_of.into(), ..Default::default() };
        wrong_field(root.policy.show(show).await, "as_of");
    }
    let now = world.platform.shell.clock.now().to_string();
    assert_eq!(root.case_as_of(id, &now).await.unwrap().case_id, id);
    assert_eq!(root.case_as_of(id, &case.position).await.unwrap().case_id, id);
    world.end().await;
}

/// What a refusal says is sent in trailers, and those are bounded by the connection that everybody shares.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_path_of_the_policy_is_refused_and_breaks_no_connection() {
    let world = World::start().await;
    let mut root = world.administrator();
    for length in [513, 9_500, 70_000, 1_000_000] {
        let show = policy::ShowRequest { path: "x".repeat(length), ..Default::default() };
        wrong_field(root.policy.show(show).await, "path");
    }
    let show = policy::ShowRequest { path: "é".repeat(256), ..Default::default() };
    refused(root.policy.show(show).await, Code::InvalidArgument, "INVALID_FIELD");
    world.end().await;
}
