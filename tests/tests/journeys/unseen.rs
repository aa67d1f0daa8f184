//! What somebody does not see he neither hears of nor changes; who is asked to help sees what it is about.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

use proto::cases::v1 as pb;
use tests::{
    desk::{message, refused, wrong_field},
    world::{Caller, World, command_id},
};
use tonic::Code;

tests::on_both_stores! {
    a_message_that_was_taken_in_is_a_case_for_who_has_seen_that,
    the_team_that_is_asked_to_help_sees_the_case_and_no_other,
    a_merge_into_an_unseen_case_is_told_without_it_and_not_taken_back,
    a_case_is_opened_for_a_customer_whom_its_opener_may_know,
}

async fn a_message_that_was_taken_in_is_a_case_for_who_has_seen_that(world: World) {
    let mut root = world.administrator();
    for n in 0..20 {
        let word = format!("kettle{n}");
        let request = proto::ingestion::v1::SubmitRequest {
            account: "forum".into(),
            messages: vec![message(&format!("m-{n}"), &format!("author-{n}"), &word)],
            ..Default::default()
        };
        let taken = root.ingestion.submit(request).await.unwrap().into_inner().position;
        let filter = pb::Filter { text: word, ..Default::default() };
        assert_eq!(root.ids(filter, &taken).await.len(), 1, "message {n}");
    }
    world.end().await;
}

async fn the_team_that_is_asked_to_help_sees_the_case_and_no_other(world: World) {
    let case = world.receive_one("forum", message("m-1", "ada", "My kettle sings")).await;
    let other = world.receive_one("forum", message("m-2", "ben", "My kettle weeps")).await;
    let (mut ana, mut sol) = (world.caller("ana", &[]), world.caller("sol", &[]));
    refused(sol.case_as_of(&case.case_id, "").await, Code::NotFound, "NOT_FOUND");
    let escalate = pb::EscalateRequest {
        command_id: command_id(),
        case_id: case.case_id.clone(),
        team: "south-care".into(),
        reason: "They know singing".into(),
        ..Default::default()
    };
    let asked = ana.cases.escalate(escalate).await.unwrap().into_inner().position;
    assert_eq!(sol.ids(pb::Filter::default(), &asked).await, std::slice::from_ref(&case.case_id));
    let shown = sol.case(&case.case_id).await;
    assert_eq!((shown.escalated_to.as_str(), shown.team.as_str()), ("south-care", "north-care"));
    refused(sol.case_as_of(&other.case_id, "").await, Code::NotFound, "NOT_FOUND");
    let note = pb::AddNoteRequest {
        command_id: command_id(),
        case_id: case.case_id.clone(),
        text: "Descale it".into(),
        ..Default::default()
    };
    sol.cases.add_note(note).await.unwrap();
    world.end().await;
}

async fn transfer(caller: &mut Caller, case: &str, team: &str) -> String {
    let request = pb::TransferRequest {
        command_id: command_id(),
        case_id: case.into(),
        team: team.into(),
        reason: "Theirs".into(),
        ..Default::default()
    };
    caller.cases.transfer(request).await.unwrap().into_inner().position
}

async fn a_merge_into_an_unseen_case_is_told_without_it_and_not_taken_back(world: World) {
    let source = world.receive_one("forum", message("m-1", "ada", "It leaks")).await;
    let target = world.receive_one("forum", message("m-2", "ada", "It still leaks")).await;
    let mut ana = world.caller("ana", &[]);
    let merge = pb::MergeRequest {
        command_id: command_id(),
        case_id: source.case_id.clone(),
        into_case_id: target.case_id.clone(),
        ..Default::default()
    };
    ana.cases.merge(merge).await.unwrap();
    let at_least = transfer(&mut ana, &target.case_id, "south-care").await;
    ana.ids(pb::Filter::default(), &at_least).await;

    let note = pb::AddNoteRequest {
        command_id: command_id(),
        case_id: source.case_id.clone(),
        text: "Look".into(),
        ..Default::default()
    };
    let told = refused(ana.cases.add_note(note).await, Code::FailedPrecondition, "CASE_MERGED");
    assert!(!told.message().contains(&target.case_id), "{told}");
    let history = format!("{:?}", ana.history(&source.case_id).await);
    assert!(history.contains("case.merged") && !history.contains(&target.case_id), "{history}");
    let other = world.receive_one("forum", message("m-3", "ada", "And it leaks again")).await;
    let elsewhere = pb::MergeRequest {
        command_id: command_id(),
        case_id: source.case_id.clone(),
        into_case_id: other.case_id,
        ..Default::default()
    };
    let told = refused(ana.cases.merge(elsewhere).await, Code::FailedPrecondition, "ALREADY_MERGED");
    assert!(!told.message().contains(&target.case_id), "{told}");
    let unmerge = || pb::UnmergeRequest {
        command_id: command_id(),
        case_id: source.case_id.clone(),
        ..Default::default()
    };
    let mark = world.mark().await;
    refused(ana.cases.unmerge(unmerge()).await, Code::PermissionDenied, "NOT_ALLOWED");
    world.nothing_since(mark).await;

    let mut root = world.administrator();
    assert!(format!("{:?}", root.history(&source.case_id).await).contains(&target.case_id));
    root.cases.unmerge(unmerge()).await.unwrap();
    world.end().await;
}

async fn a_case_is_opened_for_a_customer_whom_its_opener_may_know(world: World) {
    let north = world.receive_one("forum", message("m-1", "ada", "It leaks")).await;
    let open = |account: &str, team: &str, customer: &str| pb::OpenCaseRequest {
        command_id: command_id(),
        account: account.into(),
        team: team.into(),
        customer: customer.into(),
        title: "By hand".into(),
        ..Default::default()
    };
    let nobody = format!("forum_{}", "1".repeat(40));
    let (mut ana, mut sol) = (world.caller("ana", &[]), world.caller("sol", &[]));
    let mark = world.mark().await;
    wrong_field(ana.cases.open_case(open("forum", "", &nobody)).await, "customer");
    wrong_field(sol.cases.open_case(open("chat", "", &north.customer)).await, "customer");
    world.nothing_since(mark).await;
    ana.cases.open_case(open("forum", "", &north.customer)).await.unwrap();

    // A case is given only to who works.
    for idle in ["gus", "yan", "cleo"] {
        let assign = pb::AssignRequest {
            command_id: command_id(),
            case_id: north.case_id.clone(),
            assignee: idle.into(),
            ..Default::default()
        };
        wrong_field(ana.cases.assign(assign).await, "assignee");
    }
    world.end().await;
}
