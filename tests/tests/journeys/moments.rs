//! A case as it was: by time, by position, and as what had occurred by then says.

use std::sync::Arc;

use proto::{
    cases::v1 as pb,
    ingestion::v1::{SubmitRequest, submit_request::Origin},
    operations::v1 as ops,
    policy::v1::ShowRequest,
};
use service::clock::ManualClock;
use tests::{
    desk::{SENT_AT_S, instant, message, refused, seconds, wrong_field},
    world::{World, command_id},
};
use tonic::Code;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_case_is_shown_as_it_was_at_any_time() {
    let clock = ManualClock::new(instant(seconds(SENT_AT_S)));
    let world = World::start_at(Arc::new(clock.clone())).await;
    let mut ana = world.caller("ana", &[]);
    let id = world.receive_one("forum", message("m-1", "ada", "It leaks")).await.case_id;
    let mut shown = vec![(SENT_AT_S, ana.case(&id).await)];
    for (i, title) in ["One", "Two", "Three"].into_iter().enumerate() {
        let at = SENT_AT_S + 60 * (i64::try_from(i).unwrap() + 1);
        clock.set(instant(seconds(at)));
        let retitle = pb::SetTitleRequest {
            command_id: command_id(),
            case_id: id.clone(),
            title: title.into(),
            ..Default::default()
        };
        ana.cases.set_title(retitle).await.unwrap();
        shown.push((at, ana.case(&id).await));
    }
    clock.set(instant(seconds(SENT_AT_S + 600)));
    for (at, then) in &shown {
        let by_time = ana.case_as_of(&id, &instant(seconds(at + 59)).to_string()).await.unwrap();
        assert_eq!(by_time, *then, "a minute has one state");
        assert_eq!(ana.case_as_of(&id, &then.position).await.unwrap(), *then);
    }
    let offset = ana.case_as_of(&id, "2026-01-01T02:00:30+02:00").await.unwrap();
    assert_eq!(offset, shown[0].1, "an offset is an offset");
    let before = ana.case_as_of(&id, &instant(seconds(SENT_AT_S - 1)).to_string()).await;
    refused(before, Code::NotFound, "NOT_FOUND");
    wrong_field(ana.case_as_of(&id, "yesterday").await, "as_of");
    wrong_field(ana.case_as_of(&id, "2026-01-01T00:00:00").await, "as_of");
    let history = |as_of: &str| pb::GetHistoryRequest {
        case_id: id.clone(),
        as_of: as_of.into(),
        ..Default::default()
    };
    let then = ana.cases.get_history(history(&shown[1].1.position)).await.unwrap().into_inner();
    assert_eq!(then.entries.len(), 2);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_had_occurred_is_told_whenever_it_was_recorded() {
    let world = World::start().await;
    let mut ana = world.caller("ana", &[]);
    let before_it = world.platform.shell.token(world.mark().await);
    let said = (1..=3).map(|i| {
        let mut said = message(&format!("m-{i}"), "ada", &format!("Message {i}"));
        said.thread_root = "m-1".into();
        said.sent_at = Some(seconds(SENT_AT_S + i * 3_600));
        said
    });
    let request =
        SubmitRequest { account: "forum".into(), messages: said.collect(), origin: Origin::Import.into() };
    let answer = world.administrator().ingestion.submit(request).await.unwrap().into_inner();
    world.settled(&answer.position).await;
    let listed = ana.list(pb::ListCasesRequest::default()).await;
    let [case] = &listed[..] else { panic!("{} cases", listed.len()) };
    for (hours, heard) in [(1, 1), (2, 2), (3, 3)] {
        let request = pb::GetCaseRequest {
            case_id: case.case_id.clone(),
            occurred_as_of: Some(seconds(SENT_AT_S + hours * 3_600 + 1)),
            ..Default::default()
        };
        let then = ana.cases.get_case(request).await.unwrap().into_inner().case.unwrap();
        assert_eq!(then.timeline.len(), heard, "after {hours} hours");
        let request = pb::GetHistoryRequest {
            case_id: case.case_id.clone(),
            occurred_as_of: Some(seconds(SENT_AT_S + hours * 3_600 + 1)),
            ..Default::default()
        };
        let history = ana.cases.get_history(request).await.unwrap().into_inner();
        assert_eq!(history.entries.len(), heard, "after {hours} hours");
    }
    let request = pb::GetCaseRequest {
        case_id: case.case_id.clone(),
        occurred_as_of: Some(seconds(SENT_AT_S)),
        ..Default::default()
    };
    let early = ana.cases.get_case(request.clone()).await;
    let began = instant(seconds(SENT_AT_S + 3_600)).to_string();
    let told = early.as_ref().map_err(|status| status.message().contains(&began));
    assert!(matches!(told, Err(true)), "it is said when the case began: {early:?}");
    wrong_field(early, "occurred_as_of");
    // As of before it was imported there was no case, whenever it had begun.
    let unknown = pb::GetCaseRequest { as_of: before_it, ..request };
    refused(ana.cases.get_case(unknown).await, Code::NotFound, "NOT_FOUND");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_waits_for_what_its_caller_has_written() {
    let world = World::start().await;
    let mut ana = world.caller("ana", &[]);
    let id = world.receive_one("forum", message("m-1", "ada", "It leaks")).await.case_id;
    for i in 0..20 {
        let tag = pb::ChangeTagsRequest {
            command_id: command_id(),
            case_id: id.clone(),
            add: vec![format!("tag-{i}")],
            ..Default::default()
        };
        let written = ana.cases.change_tags(tag).await.unwrap().into_inner().position;
        let filter = pb::Filter { tag: vec![format!("tag-{i}")], ..Default::default() };
        assert_eq!(ana.ids(filter, &written).await, std::slice::from_ref(&id));
    }
    let ahead = pb::ListCasesRequest { at_least: "local.1.9000000".into(), ..Default::default() };
    wrong_field(ana.cases.list_cases(ahead).await, "at_least");
    let mut root = world.administrator();
    let stream =
        |at_least: &str| ops::GetStreamRequest { stream: format!("case-{id}"), at_least: at_least.into() };
    let read = root.operations.get_stream(stream("")).await.unwrap().into_inner();
    assert_eq!(read.position, read.entries.last().unwrap().position);
    assert_eq!(root.operations.get_stream(stream(&read.position)).await.unwrap().into_inner(), read);
    wrong_field(root.operations.get_stream(stream("local.1.9000000")).await, "at_least");
    let models = |at_least: &str| ops::ListReadModelsRequest { at_least: at_least.into(), digest: false };
    let end = root.operations.list_read_models(models(&read.position)).await.unwrap().into_inner().position;
    assert_eq!(end, read.position, "nothing was written since");
    assert!(root.operations.list_read_models(models(&end)).await.is_ok());
    let policy = root.policy.show(ShowRequest::default()).await.unwrap().into_inner();
    assert_eq!(policy.position, policy.policy_version);
    world.end().await;
}
