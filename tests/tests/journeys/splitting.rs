//! Messages that go to a case of their own, whatever happens between the two entries that this takes.

use std::{path::Path, sync::Arc, time::Duration};

use eventlog::Position;
use proto::{cases::v1 as pb, ingestion::v1::Message};
use service::{clock::SystemClock, shell::Shell};
use tempfile::TempDir;
use tests::{
    desk::{SENT_AT_S, message, refused, seconds, wrong_field},
    interposed::{Interposed, away},
    world::{World, command_id},
};
use tonic::Code;

const NO: Code = Code::FailedPrecondition;
/// How long the reaction may take.
const LIMIT: Duration = Duration::from_secs(60);

fn split(case: &str, messages: &[&str], title: &str) -> pb::SplitRequest {
    pb::SplitRequest {
        command_id: command_id(),
        case_id: case.into(),
        message_ids: messages.iter().map(|&id| id.to_owned()).collect(),
        title: title.into(),
        ..Default::default()
    }
}

/// An answer in the thread that `m-1` began, an hour later.
fn answer(id: &str, author: &str, text: &str) -> Message {
    let sent_at = Some(seconds(SENT_AT_S + 3_600));
    Message { reply_to: "m-1".into(), sent_at, ..message(id, author, text) }
}

/// A case of Ada, in which Ben has joined: the case and Ben's message.
async fn two_voices(world: &World) -> (pb::Case, String) {
    let case = world.receive_one("forum", message("m-1", "ada", "It leaks")).await;
    let joined = world.receive("forum", vec![answer("m-2", "ben", "Mine whistles")]).await;
    (case, joined.results[0].message_id.clone())
}

fn said(case: &pb::Case) -> Vec<&str> {
    case.timeline.iter().map(|item| item.id.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_split_takes_messages_along_once() {
    let world = World::start().await;
    let mut ana = world.caller("ana", &[]);
    let (case, second) = two_voices(&world).await;
    let (id, second) = (case.case_id.as_str(), second.as_str());
    let before = ana.case(id).await;
    assert_eq!((before.message_count, said(&before).len()), (2, 2));
    wrong_field(ana.cases.split(split(id, &[], "")).await, "message_ids");
    wrong_field(ana.cases.split(split(id, &["no message"], "")).await, "message_ids[0]");
    let many = vec![second; 301];
    wrong_field(ana.cases.split(split(id, &many, "")).await, "message_ids");
    let elsewhere = world.receive_one("forum", message("m-9", "ada", "Else")).await.timeline[0].id.clone();
    refused(ana.cases.split(split(id, &[&elsewhere], "")).await, NO, "MESSAGE_NOT_IN_CASE");

    let request = split(id, &[second], "The whistle");
    let answered = ana.cases.split(request.clone()).await.unwrap().into_inner();
    assert!(answered.changed);
    assert_eq!(ana.cases.split(request).await.unwrap().into_inner(), answered);
    refused(ana.cases.split(split(id, &[second], "")).await, NO, "MESSAGE_ALREADY_SPLIT");

    let fresh = ana.case(&answered.number).await;
    assert_eq!((said(&fresh), fresh.split_from.as_str()), (vec![second], id));
    assert_eq!((fresh.title.as_str(), fresh.customer_name.as_str()), ("The whistle", "Name of ben"));
    assert_eq!((fresh.region, fresh.team, fresh.account), (case.region, case.team, case.account));
    assert_eq!(fresh.waiting_since, Some(seconds(SENT_AT_S + 3_600)), "since Ben wrote");
    assert_eq!((fresh.position, fresh.message_count), (answered.position.clone(), 1));

    // Where it was it counts no more: in the case, in lists, in searches. The history has it, and so has the past.
    let left = ana.case(id).await;
    assert_eq!((left.message_count, said(&left).len(), left.customer_name), (1, 1, case.customer_name));
    assert_eq!(left.waiting_since, Some(seconds(SENT_AT_S)));
    let words = |text: &str| pb::Filter { text: text.into(), ..Default::default() };
    let found = ana.ids(words("whistles"), &answered.position).await;
    assert_eq!(found, [fresh.case_id.as_str()]);
    assert_eq!(ana.ids(words("leaks"), "").await, [id]);
    let listed = ana.list(pb::ListCasesRequest::default()).await;
    let count = |id: &str| listed.iter().find(|case| case.case_id == id).map(|case| case.message_count);
    assert_eq!((count(id), count(&fresh.case_id)), (Some(1), Some(1)));
    let history = ana.history(id).await;
    let kinds: Vec<_> =
        history.iter().flat_map(|entry| &entry.events).map(|event| event.r#type.as_str()).collect();
    assert!(kinds.ends_with(&["case.customer_message_received", "case.split_off"]), "{kinds:?}");
    assert_eq!(said(&ana.case_as_of(id, &before.position).await.unwrap()), said(&before));

    // An edit is of the case where the message is now.
    world.receive("forum", vec![answer("m-2", "ben", "Mine sings")]).await;
    assert_eq!(ana.ids(words("sings"), "").await, [fresh.case_id.as_str()]);
    let (before, after) = world.administrator().rebuild().await;
    assert_eq!(before, after);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_command_id_for_two_cases_makes_two_new_cases() {
    let world = World::start().await;
    let mut ana = world.caller("ana", &[]);
    let one = world.receive_one("forum", message("m-1", "ada", "It leaks")).await;
    let two = world.receive_one("forum", message("m-2", "ada", "It rusts")).await;
    let request = split(&one.case_id, &[&one.timeline[0].id], "");
    let first = ana.cases.split(request.clone()).await.unwrap().into_inner();
    let other = pb::SplitRequest { command_id: request.command_id, ..split(&two.case_id, &said(&two), "") };
    let second = ana.cases.split(other).await.unwrap().into_inner();
    assert_ne!(first.case_id, second.case_id);
    assert_eq!(said(&ana.case(&second.case_id).await), said(&two));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_between_the_two_entries_loses_nothing() {
    let folder = TempDir::new().unwrap();
    let mut shell = dossier::up::shell(folder.path(), Arc::new(SystemClock)).await.unwrap();
    let log = Interposed::new(Arc::clone(&shell.log));
    shell.log = Arc::clone(&log) as _;
    let world = World::over(shell.clone(), folder.path()).await;
    let mut ana = world.caller("ana", &[]);
    let (case, second) = two_voices(&world).await;
    let (request, id) = (split(&case.case_id, &[&second], "The whistle"), case.case_id.as_str());

    // From here on no case can begin: the split is written, and the new case is not.
    log.put(|expected, entry| {
        let begins = expected == Position::NONE && entry.stream.category() == "case";
        Box::pin(async move { if begins { Err(away()) } else { Ok(()) } })
    });
    refused(ana.cases.split(request.clone()).await, Code::Unavailable, "UNAVAILABLE");
    let entry = ana.history(id).await.pop().unwrap();
    let event: serde_json::Value = serde_json::from_str(&entry.events[0].json).unwrap();
    let into = event["into"].as_str().unwrap();
    refused(ana.case_as_of(into, "").await, Code::NotFound, "NOT_FOUND");
    world.end().await;
    log.take_away();

    // Nobody asks again. The next process finds what was left undone.
    let world = followed(&shell, folder.path(), &entry.position).await;
    let mut ana = world.caller("ana", &[]);
    let fresh = ana.case(into).await;
    assert_eq!((said(&fresh), fresh.split_from.as_str()), (vec![second.as_str()], id));
    assert_eq!((fresh.title.as_str(), fresh.customer_name.as_str()), ("The whistle", "Name of ben"));
    assert_eq!(fresh.opened_at, entry.occurred_at, "it began when it was split off, not when that was found");
    let [opened] = &ana.history(into).await[..] else { panic!("not one entry") };
    assert_eq!((&opened.causation, &opened.policy_version), (&entry.entry_id, &entry.policy_version));
    assert_eq!((opened.on_behalf_of.as_str(), opened.origin.as_str()), ("ana", "live"));
    assert_eq!(opened.actor.as_ref().unwrap().kind, "service");
    // Who asks again is answered as if nothing had happened.
    let mark = world.mark().await;
    let again = ana.cases.split(request).await.unwrap().into_inner();
    assert_eq!((again.case_id.as_str(), &again.position, again.changed), (into, &opened.position, true));
    world.nothing_since(mark).await;

    // A reaction that has forgotten how far it was does everything once more, and that is nothing.
    let mark = world.mark().await;
    world.end().await;
    for suffix in ["", "-wal", "-shm"] {
        let control = folder.path().join(format!("models/cases_control.db{suffix}"));
        assert!(std::fs::remove_file(control).is_ok() || !suffix.is_empty());
    }
    let world = followed(&shell, folder.path(), &opened.position).await;
    world.nothing_since(mark).await;
    world.end().await;
}

/// A site on what was left, once its reactions are past `position`.
async fn followed(shell: &Shell, folder: &Path, position: &str) -> World {
    let world = World::over(shell.clone(), folder).await;
    let position = shell.position("position", position).expect("a position").expect("one is given");
    let cases = world.platform.cases.as_ref().expect("the role cases");
    let mut splits = cases.followed_splits();
    tokio::time::timeout(LIMIT, splits.wait_for(|done| *done >= position))
        .await
        .expect("splits become cases")
        .expect("the reaction runs");
    world
}
