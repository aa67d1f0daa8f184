//! Commands that come again, come late, or come from somebody who has not seen the latest.

use proto::cases::v1 as pb;
use tests::{
    desk::{message, refused, wrong_field},
    world::{World, command_id},
};
use tonic::Code;

use crate::rules::files;

fn note(command: &str, case: &str, text: &str) -> pb::AddNoteRequest {
    pb::AddNoteRequest {
        command_id: command.into(),
        case_id: case.into(),
        text: text.into(),
        ..Default::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_insists_on_what_it_has_seen() {
    let world = World::start().await;
    let mut ana = world.caller("ana", &[]);
    let case = world.receive_one("forum", message("m-1", "ada", "It leaks")).await;
    let id = case.case_id.as_str();
    let insisting =
        pb::AddNoteRequest { expected_position: case.position.clone(), ..note(&command_id(), id, "First") };
    let first = ana.cases.add_note(insisting.clone()).await.unwrap().into_inner();
    let late = pb::AddNoteRequest { expected_position: case.position, ..note(&command_id(), id, "Second") };
    let mark = world.mark().await;
    let stale = refused(ana.cases.add_note(late).await, Code::Aborted, "STALE_POSITION");
    assert!(stale.message().ends_with(&format!("it is now at {}", first.position)), "{stale:?}");
    world.nothing_since(mark).await;
    let again = ana.cases.add_note(insisting).await.unwrap().into_inner();
    assert_eq!(first, again, "it had its effect: that the case has moved on since is its own doing");
    let next = pb::AddNoteRequest { expected_position: first.position, ..note(&command_id(), id, "Third") };
    ana.cases.add_note(next).await.unwrap();
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_is_for_one_command() {
    let world = World::start().await;
    let mut ana = world.caller("ana", &[]);
    let id = world.receive_one("forum", message("m-1", "ada", "It leaks")).await.case_id;
    let command = command_id();
    let done = ana.cases.add_note(note(&command, &id, "Once")).await.unwrap().into_inner();
    let mark = world.mark().await;
    let reused = "COMMAND_ID_REUSED";
    refused(ana.cases.add_note(note(&command, &id, "Other")).await, Code::InvalidArgument, reused);
    let title = pb::SetTitleRequest {
        command_id: command.clone(),
        case_id: id.clone(),
        title: "Once".into(),
        ..Default::default()
    };
    refused(ana.cases.set_title(title).await, Code::InvalidArgument, reused);
    world.nothing_since(mark).await;
    assert_eq!(ana.cases.add_note(note(&command, &id, "Once")).await.unwrap().into_inner(), done);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_case_that_was_opened_is_opened_whatever_the_policy_says_by_now() {
    let world = World::start().await;
    let mut ana = world.caller("ana", &[]);
    let open = pb::OpenCaseRequest {
        command_id: command_id(),
        account: "forum".into(),
        title: "By telephone".into(),
        category: "invented".into(),
        ..Default::default()
    };
    let opened = ana.cases.open_case(open.clone()).await.unwrap().into_inner();
    let resolve = pb::ResolveRequest {
        command_id: command_id(),
        case_id: opened.case_id.clone(),
        ..Default::default()
    };
    ana.cases.resolve(resolve).await.unwrap();
    let follow_up = pb::FollowUpRequest {
        command_id: command_id(),
        case_id: opened.case_id.clone(),
        title: "Once more".into(),
        ..Default::default()
    };
    let followed = ana.cases.follow_up(follow_up.clone()).await.unwrap().into_inner();
    assert_ne!(followed.case_id, opened.case_id);

    // From now on the category is none, and the case that was followed is worked again.
    let closed = "[[case]]\nlevel = \"region/north\"\ncategory_vocabulary = \"closed\"\n\n[case.categories]\ndefect = { name = \"Defect\" }\n";
    dossier::sample::apply(&world.platform, files(&[closed])).await.unwrap();
    let reopen =
        pb::ReopenRequest { command_id: command_id(), case_id: opened.case_id.clone(), ..Default::default() };
    ana.cases.reopen(reopen).await.unwrap();
    let mark = world.mark().await;
    assert_eq!(ana.cases.open_case(open.clone()).await.unwrap().into_inner(), opened);
    assert_eq!(ana.cases.follow_up(follow_up.clone()).await.unwrap().into_inner(), followed);
    let anew = pb::OpenCaseRequest { command_id: command_id(), ..open.clone() };
    wrong_field(ana.cases.open_case(anew).await, "category");
    let anew = pb::FollowUpRequest { command_id: command_id(), ..follow_up.clone() };
    refused(ana.cases.follow_up(anew).await, Code::FailedPrecondition, "CASE_NOT_ENDED");
    let other = pb::OpenCaseRequest { title: "Another".into(), ..open };
    refused(ana.cases.open_case(other).await, Code::InvalidArgument, "COMMAND_ID_REUSED");
    let other = pb::FollowUpRequest { title: "Another".into(), ..follow_up };
    refused(ana.cases.follow_up(other).await, Code::InvalidArgument, "COMMAND_ID_REUSED");
    world.nothing_since(mark).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_command_twenty_times_at_once_has_one_effect() {
    let world = World::start().await;
    let ana = world.caller("ana", &[]);
    let id = world.receive_one("forum", message("m-1", "ada", "It leaks")).await.case_id;
    let request = pb::ReplyRequest {
        command_id: command_id(),
        case_id: id.clone(),
        text: "Once".into(),
        ..Default::default()
    };
    let calls = (0..20).map(|_| {
        let (mut ana, request) = (ana.clone(), request.clone());
        tokio::spawn(async move { ana.cases.reply(request).await.map(tonic::Response::into_inner) })
    });
    let mut answers = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        answers.push(call.await.unwrap().unwrap());
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(ana.clone().case(&id).await.timeline.len(), 2);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_to_what_was_not_read_is_held_back_unless_it_is_meant() {
    let world = World::start().await;
    let mut ana = world.caller("ana", &[]);
    let case = world.receive_one("forum", message("m-1", "ada", "It leaks")).await;
    let seen = case.timeline[0].id.clone();
    let mut more = message("m-2", "ada", "No, wait");
    more.reply_to = "m-1".into();
    world.receive("forum", vec![more]).await;
    let reply = |override_stale| pb::ReplyRequest {
        command_id: command_id(),
        case_id: case.case_id.clone(),
        text: "Close the lid".into(),
        seen_message_id: seen.clone(),
        override_stale,
        ..Default::default()
    };
    let mark = world.mark().await;
    refused(ana.cases.reply(reply(false)).await, Code::FailedPrecondition, "STALE_REPLY");
    let late = pb::ReplyRequest {
        seen_message_id: String::new(),
        expected_position: case.position.clone(),
        ..reply(false)
    };
    refused(ana.cases.reply(late).await, Code::Aborted, "STALE_POSITION");
    world.nothing_since(mark).await;
    ana.cases.reply(reply(true)).await.unwrap();
    let history = ana.history(&case.case_id).await;
    let released = history.iter().flat_map(|entry| &entry.events).find(|e| e.r#type == "case.reply_released");
    let released: serde_json::Value = serde_json::from_str(&released.unwrap().json).unwrap();
    assert_eq!(released["stale_overridden"], true, "that it was meant is recorded");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_list_has_shown_is_insisted_on_for_all_of_it() {
    let world = World::start().await;
    let mut ana = world.caller("ana", &[]);
    let mut case_ids = Vec::new();
    for id in ["m-1", "m-2", "m-3"] {
        case_ids.push(world.receive_one("forum", message(id, "ada", id)).await.case_id);
    }
    let page = ana.cases.list_cases(pb::ListCasesRequest::default()).await.unwrap().into_inner();
    ana.cases.add_note(note(&command_id(), &case_ids[1], "I am on it")).await.unwrap();
    let bulk = pb::BulkRequest {
        command_id: command_id(),
        case_ids: case_ids.clone(),
        change: Some(pb::bulk_request::Change::Resolve(pb::bulk_request::Resolve::default())),
        expected_position: page.position.clone(),
    };
    let told = ana.cases.bulk(bulk.clone()).await.unwrap().into_inner();
    let reasons: Vec<_> = told.results.iter().map(|result| result.reason.as_str()).collect();
    assert_eq!(reasons, ["", "STALE_POSITION", ""], "{told:?}");
    assert_eq!(ana.cases.bulk(bulk).await.unwrap().into_inner(), told, "the changes are their own doing");

    let follow_up = pb::FollowUpRequest {
        command_id: command_id(),
        case_id: case_ids[0].clone(),
        expected_position: page.position,
        ..Default::default()
    };
    let mark = world.mark().await;
    refused(ana.cases.follow_up(follow_up.clone()).await, Code::Aborted, "STALE_POSITION");
    world.nothing_since(mark).await;
    let seen = pb::FollowUpRequest { expected_position: told.position, ..follow_up };
    let followed = ana.cases.follow_up(seen.clone()).await.unwrap().into_inner();
    ana.cases
        .reopen(pb::ReopenRequest {
            command_id: command_id(),
            case_id: case_ids[0].clone(),
            ..Default::default()
        })
        .await
        .unwrap();
    assert_eq!(ana.cases.follow_up(seen).await.unwrap().into_inner(), followed);
    let open = pb::OpenCaseRequest {
        command_id: command_id(),
        account: "forum".into(),
        title: "By telephone".into(),
        expected_position: "nonsense".into(),
        ..Default::default()
    };
    wrong_field(ana.cases.open_case(open.clone()).await, "expected_position");
    let open = pb::OpenCaseRequest { expected_position: followed.position, ..open };
    ana.cases.open_case(open).await.unwrap();
    world.end().await;
}
