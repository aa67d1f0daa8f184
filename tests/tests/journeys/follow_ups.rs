//! Cases that are opened by hand, after another or for a customer: they answer, and hear the customer.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

use proto::{cases::v1 as pb, ingestion::v1::Message};
use tests::{
    desk::{message, refused, wrong_field},
    world::{Caller, World, command_id},
};
use tonic::Code;

use crate::moving::answered_in;

const NO: Code = Code::FailedPrecondition;

fn answer(id: &str, to: &str, author: &str) -> Message {
    Message { reply_to: to.into(), ..message(id, author, &format!("{id} answers {to}")) }
}

async fn end(root: &mut Caller, case: &str, close: bool) {
    let resolve = pb::ResolveRequest { command_id: command_id(), case_id: case.into(), ..Default::default() };
    root.cases.resolve(resolve).await.unwrap();
    if close {
        let close = pb::CloseRequest { command_id: command_id(), case_id: case.into(), ..Default::default() };
        root.cases.close(close).await.unwrap();
    }
}

async fn follow_up(root: &mut Caller, case: &str) -> String {
    let request =
        pb::FollowUpRequest { command_id: command_id(), case_id: case.into(), ..Default::default() };
    let first = root.cases.follow_up(request.clone()).await.unwrap().into_inner();
    assert_eq!(root.cases.follow_up(request).await.unwrap().into_inner(), first);
    first.case_id
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follow_up_answers_where_the_case_before_did_and_hears_the_customer() {
    let world = World::start().await;
    let mut root = world.administrator();
    for (account, close) in [("forum", true), ("forum", false), ("chat", true), ("chat", false)] {
        let (name, author) = (format!("{account}-{close}"), format!("ada-{close}"));
        let case = world.receive_one(account, message(&name, &author, "It leaks")).await;
        end(&mut root, &case.case_id, close).await;
        let next = follow_up(&mut root, &case.case_id).await;
        let conversation = case.places[0].conversation_id.clone();
        assert_eq!(answered_in(&mut root, &next).await, (conversation, account == "forum"), "{name}");
        let again = format!("{name}-again");
        let heard = world.receive_one(account, answer(&again, &name, &author)).await;
        assert_eq!(heard.case_id, next, "{name}: the follow-up hears the customer");
        let heard = world.receive_one(account, answer(&format!("{name}-more"), &again, &author)).await;
        assert_eq!(heard.case_id, next, "{name}: and goes on hearing him");
        assert_eq!((heard.follow_up_of, heard.customer), (case.case_id, case.customer));
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_opens_a_follow_up_of_a_merged_case_opens_one() {
    let world = World::start().await;
    let mut root = world.administrator();
    let source = world.receive_one("forum", message("m-1", "ada", "It leaks")).await;
    let target = world.receive_one("forum", message("m-2", "ada", "It still leaks")).await;
    let merge = pb::MergeRequest {
        command_id: command_id(),
        case_id: source.case_id.clone(),
        into_case_id: target.case_id.clone(),
        ..Default::default()
    };
    root.cases.merge(merge).await.unwrap();
    end(&mut root, &target.case_id, true).await;
    // In both threads: the one case that was closed is followed by one.
    let one = world.receive_one("forum", answer("m-3", "m-1", "ada")).await;
    let two = world.receive_one("forum", answer("m-4", "m-2", "ada")).await;
    assert_eq!((&one.follow_up_of, &one.case_id), (&target.case_id, &two.case_id));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_case_that_is_opened_for_a_customer_speaks_with_him() {
    let world = World::start().await;
    let mut root = world.administrator();
    let open = |account: &str, customer: &str| pb::OpenCaseRequest {
        command_id: command_id(),
        account: account.into(),
        customer: customer.into(),
        title: "By telephone".into(),
        ..Default::default()
    };
    let known = world.receive_one("chat", message("c-1", "ada", "It leaks")).await;
    let conversation = known.places[0].conversation_id.clone();
    // While somebody works on what he wrote, that is where he is heard.
    let beside = root.cases.open_case(open("chat", &known.customer)).await.unwrap().into_inner().case_id;
    assert_eq!(answered_in(&mut root, &beside).await, (conversation.clone(), false));
    let heard = world.receive_one("chat", message("c-2", "ada", "Hello?")).await;
    assert_eq!(heard.case_id, known.case_id);
    // After that, the case that was opened for him hears him.
    end(&mut root, &known.case_id, true).await;
    let opened = root.cases.open_case(open("chat", &known.customer)).await.unwrap().into_inner().case_id;
    assert_eq!(answered_in(&mut root, &opened).await, (conversation, false));
    let heard = world.receive_one("chat", message("c-3", "ada", "And again")).await;
    assert_eq!(heard.case_id, opened);

    // Where there are threads, it begins one of its own.
    let post = world.receive_one("forum", message("m-1", "ada", "It leaks")).await;
    let one = root.cases.open_case(open("forum", &post.customer)).await.unwrap().into_inner().case_id;
    let two = root.cases.open_case(open("forum", &post.customer)).await.unwrap().into_inner().case_id;
    let (one, two) = (answered_in(&mut root, &one).await, answered_in(&mut root, &two).await);
    assert!(one.1 && two.1, "the forum is public");
    assert_ne!(one.0, two.0);
    assert_ne!(one.0, post.places[0].conversation_id);
    // Without a customer there is nobody to speak with.
    let nobody = root.cases.open_case(open("chat", "")).await.unwrap().into_inner().case_id;
    let reply = pb::ReplyRequest {
        command_id: command_id(),
        case_id: nobody,
        text: "Hello?".into(),
        ..Default::default()
    };
    refused(root.cases.reply(reply).await, NO, "NO_CONVERSATION");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_case_is_not_opened_on_another_regions_account() {
    let world = World::start().await;
    let (mut ana, mut sol) = (world.caller("ana", &[]), world.caller("sol", &[]));
    let customer = world.receive_one("chat", message("c-1", "cleo", "Where is it?")).await.customer;
    let open = |account: &str, team: &str| pb::OpenCaseRequest {
        command_id: command_id(),
        account: account.into(),
        team: team.into(),
        customer: customer.clone(),
        title: "Where it is".into(),
        ..Default::default()
    };
    let mark = world.mark().await;
    for team in ["north-care", "south-care", ""] {
        let hidden = ana.cases.open_case(open("chat", team)).await;
        let unknown = ana.cases.open_case(open("nowhere", team)).await;
        let said =
            |answer: &Result<_, tonic::Status>| answer.as_ref().map(drop).unwrap_err().message().to_owned();
        assert_eq!(said(&hidden), said(&unknown), "as one that is not there");
        wrong_field(hidden, "account");
    }
    world.nothing_since(mark).await;
    // What comes in next is theirs who see the account.
    sol.cases.open_case(open("chat", "")).await.unwrap();
    let next = world.receive_one("chat", message("c-2", "cleo", "Still waiting")).await;
    assert_eq!(next.region, "south");
    world.end().await;
}
