//! Who gives a case away is told that it went, and sees it no more.

use std::sync::Arc;

use proto::cases::v1::{self as pb, bulk_request as bulk};
use service::{clock::SystemClock, envelope::Cause};
use tests::{
    desk::{message, refused},
    world::{World, command_id},
};
use tonic::Code;

use crate::pairs::elsewhere;

fn transfer(case: &str) -> pb::TransferRequest {
    pb::TransferRequest {
        command_id: command_id(),
        case_id: case.into(),
        team: "south-care".into(),
        reason: "Theirs".into(),
        ..Default::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_case_that_was_given_away_is_gone_and_its_transfer_was_done() {
    let world = World::start().await;
    let case = world.receive_one("forum", message("m-1", "ada", "It leaks")).await;
    let (mut ana, mut nils, mut sol) =
        (world.caller("ana", &[]), world.caller("nils", &[]), world.caller("sol", &[]));
    let request = pb::TransferRequest { expected_position: case.position.clone(), ..transfer(&case.case_id) };
    let gone = ana.cases.transfer(request.clone()).await.unwrap().into_inner();
    assert!(gone.changed);
    assert_eq!(gone.number, case.number);
    let missing = |answer: Result<(), tonic::Status>| refused(answer, Code::NotFound, "NOT_FOUND");
    missing(ana.case_as_of(&case.case_id, "").await.map(drop));

    // What was done is answered again, to whom it was answered, and to those who see the case.
    let mark = world.mark().await;
    assert_eq!(ana.cases.transfer(request.clone()).await.unwrap().into_inner(), gone);
    assert_eq!(sol.cases.transfer(request.clone()).await.unwrap().into_inner(), gone);
    // To nobody else: neither by the command's id, nor by another under it, nor by a position.
    missing(nils.cases.transfer(request.clone()).await.map(drop));
    let other = pb::TransferRequest { reason: "Mine".into(), ..request.clone() };
    missing(ana.cases.transfer(other.clone()).await.map(drop));
    missing(nils.cases.transfer(other).await.map(drop));
    for case_id in [case.case_id.clone(), command_id()] {
        let told = pb::TransferRequest { case_id, command_id: command_id(), ..request.clone() };
        missing(nils.cases.transfer(told.clone()).await.map(drop));
        missing(ana.cases.transfer(told).await.map(drop));
    }
    world.nothing_since(mark).await;
    assert_eq!(sol.case(&case.case_id).await.position, gone.position);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_cases_that_were_given_away_are_told_as_done() {
    let world = World::start().await;
    let mut case_ids = Vec::new();
    for id in ["m-1", "m-2"] {
        case_ids.push(world.receive_one("forum", message(id, "ada", id)).await.case_id);
    }
    let mut ana = world.caller("ana", &[]);
    let change = bulk::Transfer { team: "south-care".into(), reason: "Theirs".into() };
    let request = pb::BulkRequest {
        command_id: command_id(),
        case_ids,
        change: Some(bulk::Change::Transfer(change)),
        ..Default::default()
    };
    let gone = ana.cases.bulk(request.clone()).await.unwrap().into_inner();
    assert!(gone.results.iter().all(|result| result.changed && result.reason.is_empty()), "{gone:?}");
    assert_eq!(ana.cases.bulk(request.clone()).await.unwrap().into_inner(), gone);
    let strange = world.caller("nils", &[]).cases.bulk(request).await.unwrap().into_inner();
    assert!(
        strange.results.iter().all(|result| !result.changed && result.reason == "NOT_FOUND"),
        "{strange:?}"
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_command_has_opened_is_answered_after_it_was_given_away() {
    let world = World::start().await;
    let mut ana = world.caller("ana", &[]);
    let open = pb::OpenCaseRequest {
        command_id: command_id(),
        account: "forum".into(),
        title: "By telephone".into(),
        ..Default::default()
    };
    let opened = ana.cases.open_case(open.clone()).await.unwrap().into_inner();
    ana.cases.transfer(transfer(&opened.case_id)).await.unwrap();
    assert_eq!(ana.cases.open_case(open.clone()).await.unwrap().into_inner(), opened);
    refused(world.caller("nils", &[]).cases.open_case(open).await, Code::NotFound, "NOT_FOUND");

    // Two cases are one decision: that it was taken is answered as well.
    let mut ids = Vec::new();
    for id in ["m-1", "m-2"] {
        ids.push(world.receive_one("forum", message(id, "ada", id)).await.case_id);
    }
    let merge = pb::MergeRequest {
        command_id: command_id(),
        case_id: ids[0].clone(),
        into_case_id: ids[1].clone(),
        ..Default::default()
    };
    let merged = ana.cases.merge(merge.clone()).await.unwrap().into_inner();
    let unmerge =
        pb::UnmergeRequest { command_id: command_id(), case_id: ids[0].clone(), ..Default::default() };
    let apart = ana.cases.unmerge(unmerge.clone()).await.unwrap().into_inner();
    for id in &ids {
        ana.cases.transfer(transfer(id)).await.unwrap();
    }
    assert_eq!(ana.cases.merge(merge.clone()).await.unwrap().into_inner(), merged);
    assert_eq!(ana.cases.unmerge(unmerge).await.unwrap().into_inner(), apart);
    refused(world.caller("nils", &[]).cases.merge(merge).await, Code::NotFound, "NOT_FOUND");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_case_that_was_given_away_elsewhere_is_answered_by_those_who_have_it_now() {
    let folders = [tempfile::TempDir::new().unwrap(), tempfile::TempDir::new().unwrap()];
    let shell = dossier::up::shell(folders[0].path(), Arc::new(SystemClock)).await.unwrap();
    let there = World::over(elsewhere(&shell, &folders[1]), folders[0].path()).await;
    let here = World::over(shell, folders[0].path()).await;
    let case = here.receive_one("forum", message("m-1", "ada", "It leaks")).await;
    let note = |text: &str| pb::AddNoteRequest {
        command_id: command_id(),
        case_id: case.case_id.clone(),
        text: text.into(),
        ..Default::default()
    };
    // Both processes have seen the case in the north; then it goes south by way of one of them.
    there.caller("ana", &[]).cases.add_note(note("Ours")).await.unwrap();
    here.caller("ana", &[]).cases.transfer(transfer(&case.case_id)).await.unwrap();
    let reply = pb::ReplyRequest {
        command_id: command_id(),
        case_id: case.case_id.clone(),
        text: "A plumber comes".into(),
        override_stale: true,
        ..Default::default()
    };
    refused(there.caller("nils", &[]).cases.reply(reply.clone()).await, Code::NotFound, "NOT_FOUND");
    let sol = pb::ReplyRequest { command_id: command_id(), ..reply.clone() };
    assert!(there.caller("sol", &[]).cases.reply(sol).await.unwrap().into_inner().changed);

    // Who sees both sides is not told which one a process believes in: the entry is of where the case is.
    here.administrator()
        .cases
        .transfer(pb::TransferRequest { team: "north-care".into(), ..transfer(&case.case_id) })
        .await
        .unwrap();
    there.administrator().cases.add_note(note("Back")).await.unwrap();
    let regions =
        here.log_entries(&["case"]).await.into_iter().map(|entry| Cause::of(&entry).unwrap().region);
    let regions: Vec<_> = regions.flatten().collect();
    assert_eq!(regions, ["north", "north", "north", "south", "south", "north"]);
    here.end().await;
    there.end().await;
}
