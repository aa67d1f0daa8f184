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
async fn an_answer_joins_the_case_of_what_it_answers() {
    let world = World::start().await;
    let mut ana = world.caller("ana", &[]);
    let (case, second) = two_voices(&world).await;
    let id = case.case_id.as_str();
    let fresh = ana.cases.split(split(id, &[&second], "")).await.unwrap().into_inner().case_id;
    let to = |id: &str, parent: &str, author: &str| Message {
        reply_to: parent.into(),
        ..answer(id, author, "So?")
    };
    // Of the thread, and in answer to nothing.
    let aloud = |id: &str, author: &str| Message {
        reply_to: String::new(),
        thread_root: "m-1".into(),
        ..answer(id, author, "Hello?")
    };
    for (message, expected) in [
        (to("m-3", "m-2", "cleo"), fresh.as_str()),
        (to("m-4", "m-1", "ben"), id),
        (to("m-5", "m-3", "ben"), fresh.as_str()),
        (to("m-6", "m-5", "ada"), fresh.as_str()),
        (to("m-7", "m-4", "ada"), id),
        // Each goes on where he was last; who was nowhere, where the thread is.
        (aloud("m-8", "ben"), fresh.as_str()),
        (aloud("m-9", "ada"), id),
        (aloud("m-10", "dora"), id),
        (to("m-11", "m-8", "dora"), fresh.as_str()),
    ] {
        let name = message.external_id.clone();
        assert_eq!(world.receive_one("forum", message).await.case_id, expected, "{name}");
    }

    // It is closed: what it was about goes on in a follow-up of its own.
    for close in [false, true] {
        let (command_id, case_id) = (command_id(), fresh.clone());
        if close {
            let close = pb::CloseRequest { command_id, case_id, ..Default::default() };
            ana.cases.close(close).await.unwrap();
        } else {
            let resolve = pb::ResolveRequest { command_id, case_id, ..Default::default() };
            ana.cases.resolve(resolve).await.unwrap();
        }
    }
    let next = world.receive_one("forum", to("m-12", "m-2", "ben")).await;
    assert_eq!(next.follow_up_of, fresh);
    for (message, expected) in [
        (to("m-13", "m-5", "cleo"), next.case_id.as_str()),
        (to("m-14", "m-12", "ada"), next.case_id.as_str()),
        (to("m-15", "m-1", "ada"), id),
    ] {
        let name = message.external_id.clone();
        assert_eq!(world.receive_one("forum", message).await.case_id, expected, "{name}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_contact_goes_on_where_he_was_last() {
    let world = World::start().await;
    let mut sol = world.caller("sol", &[]);
    let case = world.receive_one("chat", message("c-1", "ada", "It leaks")).await;
    let second = world.receive("chat", vec![message("c-2", "ada", "And it whistles")]).await;
    let second = second.results[0].message_id.clone();
    let fresh = sol.cases.split(split(&case.case_id, &[&second], "")).await.unwrap().into_inner().case_id;
    let to = |id: &str, parent: &str| Message { reply_to: parent.into(), ..message(id, "ada", "So?") };
    for (message, expected) in [
        (message("c-3", "ada", "Loudly"), &fresh),
        (to("c-4", "c-1"), &case.case_id),
        (message("c-5", "ada", "A puddle"), &case.case_id),
        (to("c-6", "c-3"), &fresh),
        (message("c-7", "ada", "All night"), &fresh),
    ] {
        let name = message.external_id.clone();
        assert_eq!(world.receive_one("chat", message).await.case_id, *expected, "{name}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_finds_what_was_split_off_before_its_thread_was_whole() {
    let world = World::start().await;
    let mut ana = world.caller("ana", &[]);
    let to = |id: &str, parent: &str, author: &str| Message {
        reply_to: parent.into(),
        ..message(id, author, &format!("{id} answers {parent}"))
    };
    let older = world.receive_one("forum", to("D", "B", "cleo")).await.case_id;
    let younger = world.receive_one("forum", to("E", "C", "ada")).await.case_id;
    let second = world.receive("forum", vec![to("F", "E", "ben")]).await.results[0].message_id.clone();
    let fresh = ana.cases.split(split(&younger, &[&second], "")).await.unwrap().into_inner().case_id;
    for (message, expected) in [
        (to("B", "A", "cleo"), &older),
        (to("C", "A", "ada"), &older),
        (to("G", "E", "ada"), &older),
        (to("H", "F", "ada"), &fresh),
        (to("I", "H", "cleo"), &fresh),
        (to("J", "D", "ada"), &older),
    ] {
        let name = message.external_id.clone();
        assert_eq!(world.receive_one("forum", message).await.case_id, *expected, "{name}");
    }
    assert_eq!(ana.case(&younger).await.merged_into, older);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_waits_no_more_and_who_left_is_gone() {
    let world = World::start().await;
    let mut ana = world.caller("ana", &[]);
    let (case, second) = two_voices(&world).await;
    let third = world.receive_one("forum", answer("m-3", "cleo", "Mine rattles")).await;
    let third = third.timeline.last().unwrap().id.clone();
    let ours = Message {
        direction: proto::ingestion::v1::Direction::Outbound.into(),
        sent_at: Some(seconds(SENT_AT_S + 7_200)),
        ..answer("o-1", "desk", "Oil it")
    };
    world.receive("forum", vec![ours]).await;
    assert_eq!(ana.case(&case.case_id).await.waiting_since, None);
    let late = Message { sent_at: Some(seconds(SENT_AT_S + 9_000)), ..answer("m-4", "ben", "No oil") };
    let late = world.receive("forum", vec![late]).await.results[0].message_id.clone();

    let answered = ana.cases.split(split(&case.case_id, &[&third], "")).await.unwrap().into_inner().case_id;
    assert_eq!(ana.case(&answered).await.waiting_since, None, "it was answered where it was");
    let taken = split(&case.case_id, &[&second, &late], "");
    let taken = ana.cases.split(taken).await.unwrap().into_inner();
    let fresh = ana.case(&taken.case_id).await;
    assert_eq!(fresh.waiting_since, Some(seconds(SENT_AT_S + 9_000)), "since what was not answered");

    // Ben has nothing there any more. He is found where he is.
    let of_ben = pb::Filter { customer: fresh.customer.clone(), ..Default::default() };
    assert_eq!(ana.ids(of_ben, &taken.position).await, [taken.case_id.as_str()]);
    // Who began it leaves too: it is of the one who is left.
    let fourth = world.receive_one("forum", answer("m-5", "dora", "Mine hums")).await;
    let begun = case.timeline[0].id.clone();
    let adas = ana.cases.split(split(&case.case_id, &[&begun], "")).await.unwrap().into_inner();
    assert_eq!(ana.case(&adas.case_id).await.customer, case.customer);
    let left = ana.case(&case.case_id).await;
    assert_eq!((fourth.case_id, left.customer_name.as_str()), (case.case_id, "Name of dora"));
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
    // A case that is not there yet is named to who sees every case.
    let entry = world.administrator().history(id).await.pop().unwrap();
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
    let mut splits = cases.followed_cases();
    tokio::time::timeout(LIMIT, splits.wait_for(|done| *done >= position))
        .await
        .expect("splits become cases")
        .expect("the reaction runs");
    world
}
