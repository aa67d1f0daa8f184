//! From public to private: the answers go there, the customer is heard from there, and nobody else ever is.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

use std::{sync::Arc, time::Duration};

use proto::{cases::v1 as pb, ingestion::v1::Message};
use service::clock::SystemClock;
use tempfile::TempDir;
use tests::{
    desk::{message, refused, wrong_field},
    interposed::{Interposed, away},
    world::{Caller, World, command_id},
};
use tonic::Code;

use crate::whose::link;

const NO: Code = Code::FailedPrecondition;
/// How long the reaction may take.
const LIMIT: Duration = Duration::from_secs(60);

fn answer(id: &str, to: &str, author: &str) -> Message {
    Message { reply_to: to.into(), ..message(id, author, &format!("{id} answers {to}")) }
}

/// A message on the forum that only we see.
fn in_private(message: Message) -> Message {
    Message { public: Some(false), ..message }
}

fn conversation(case: &pb::Case) -> &str {
    &case.places[0].conversation_id
}

fn go(case: &pb::Case, to: &pb::Case) -> pb::MoveToPrivateRequest {
    pb::MoveToPrivateRequest {
        command_id: command_id(),
        case_id: case.case_id.clone(),
        from_conversation_id: conversation(case).into(),
        to_conversation_id: conversation(to).into(),
        ..Default::default()
    }
}

/// Where an answer goes out that names no conversation: which, and whether everybody can read it there.
pub async fn answered_in(caller: &mut Caller, case: &str) -> (String, bool) {
    let request = pb::ReplyRequest {
        command_id: command_id(),
        case_id: case.into(),
        text: "We look into it".into(),
        ..Default::default()
    };
    let created = caller.cases.reply(request).await.unwrap().into_inner().created_id;
    let case = caller.case(case).await;
    let reply = case.timeline.iter().find(|item| item.id == created).unwrap();
    (reply.conversation_id.clone(), reply.public)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_goes_on_in_private_is_answered_there_and_heard_from_there() {
    let world = World::start().await;
    let mut ana = world.caller("ana", &[]);
    let case = world.receive_one("forum", message("m-1", "ada", "It leaks")).await;
    let other = world.receive_one("forum", in_private(message("p-1", "ada", "My number"))).await;
    let (public, private) = (conversation(&case).to_owned(), conversation(&other).to_owned());
    assert_ne!(case.case_id, other.case_id);
    assert_eq!(answered_in(&mut ana, &case.case_id).await, (public.clone(), true));

    let wrong = pb::MoveToPrivateRequest { ack_reply_id: command_id(), ..go(&case, &other) };
    wrong_field(ana.cases.move_to_private(wrong).await, "ack_reply_id");
    let told = ana.case(&case.case_id).await.timeline.last().unwrap().id.clone();
    let request = pb::MoveToPrivateRequest { ack_reply_id: told, ..go(&case, &other) };
    let first = ana.cases.move_to_private(request.clone()).await.unwrap().into_inner();
    assert_eq!(ana.cases.move_to_private(request).await.unwrap().into_inner(), first);
    assert_eq!(answered_in(&mut ana, &case.case_id).await, (private.clone(), false));

    let heard = world.receive_one("forum", in_private(answer("p-2", "p-1", "ada"))).await;
    assert_eq!(heard.case_id, case.case_id, "what is said there joins the case that went there");
    // He may forget himself: he is heard, and answered in private all the same.
    let heard = world.receive_one("forum", answer("m-2", "m-1", "ada")).await;
    assert_eq!(heard.case_id, case.case_id);
    assert_eq!(answered_in(&mut ana, &case.case_id).await, (private.clone(), false));
    // Who wants to be read by all says where.
    let aloud = pb::ReplyRequest {
        command_id: command_id(),
        case_id: case.case_id.clone(),
        text: "Thank you".into(),
        conversation_id: public,
        ..Default::default()
    };
    ana.cases.reply(aloud).await.unwrap();

    // What goes on in another case goes on in private there.
    let third = world.receive_one("forum", message("m-9", "ada", "Once more")).await;
    let merge = pb::MergeRequest {
        command_id: command_id(),
        case_id: case.case_id.clone(),
        into_case_id: third.case_id.clone(),
        ..Default::default()
    };
    ana.cases.merge(merge).await.unwrap();
    let heard = world.receive_one("forum", answer("m-3", "m-1", "ada")).await;
    assert_eq!(heard.case_id, third.case_id);
    assert_eq!(answered_in(&mut ana, &third.case_id).await, (private, false));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_goes_to_somebody_elses_private_conversation() {
    let world = World::start().await;
    let (mut root, mut ana) = (world.administrator(), world.caller("ana", &[]));
    let case = world.receive_one("forum", message("m-1", "ada", "It leaks")).await;
    let bens = world.receive_one("forum", in_private(message("p-1", "ben", "My number"))).await;
    let chat = world.receive_one("chat", message("c-1", "ada", "My address")).await;
    // One that both of them read.
    let both = world.receive_one("forum", in_private(message("p-2", "ada", "We both"))).await;
    let both =
        world.receive_one("forum", in_private(answer("p-3", "p-2", "ben"))).await.case_id == both.case_id;
    assert!(both);
    let both = root.list(Default::default()).await.into_iter().find(|case| case.message_count == 2).unwrap();
    let both = root.case(&both.case_id).await;

    let mark = world.mark().await;
    for other in [&bens, &both, &chat] {
        refused(root.cases.move_to_private(go(&case, other)).await, NO, "CONVERSATION_OF_ANOTHER_CUSTOMER");
        let aside = pb::ReplyRequest {
            command_id: command_id(),
            case_id: case.case_id.clone(),
            text: "Ada, your number is".into(),
            conversation_id: conversation(other).into(),
            ..Default::default()
        };
        wrong_field(root.cases.reply(aside).await, "conversation_id");
    }
    world.nothing_since(mark).await;

    // With his consent it is the same customer. Another team's conversation is still not there for Ana.
    link(&world, &case.customer, &chat.customer).await;
    wrong_field(ana.cases.move_to_private(go(&case, &chat)).await, "to_conversation_id");
    root.cases.move_to_private(go(&case, &chat)).await.unwrap();
    assert_eq!(answered_in(&mut ana, &case.case_id).await, (conversation(&chat).to_owned(), false));
    let heard = world.receive_one("chat", message("c-2", "ada", "And my street")).await;
    assert_eq!(heard.case_id, case.case_id);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_after_the_move_leaves_nobody_unheard() {
    let folder = TempDir::new().unwrap();
    let mut shell = dossier::up::shell(folder.path(), Arc::new(SystemClock)).await.unwrap();
    let log = Interposed::new(Arc::clone(&shell.log));
    shell.log = Arc::clone(&log) as _;
    let world = World::over(shell.clone(), folder.path()).await;
    let mut ana = world.caller("ana", &[]);
    let case = world.receive_one("forum", message("m-1", "ada", "It leaks")).await;
    let other = world.receive_one("forum", in_private(message("p-1", "ada", "My number"))).await;
    let chat = world.receive_one("chat", message("c-1", "ben", "It whistles")).await;
    let mut root = world.administrator();
    let id = chat.case_id.clone();
    let resolve = pb::ResolveRequest { command_id: command_id(), case_id: id.clone(), ..Default::default() };
    root.cases.resolve(resolve).await.unwrap();

    // From here on no conversation can be told anything.
    log.put(|_, entry| {
        let told = entry.stream.category() == "conversation";
        Box::pin(async move { if told { Err(away()) } else { Ok(()) } })
    });
    refused(ana.cases.move_to_private(go(&case, &other)).await, Code::Unavailable, "UNAVAILABLE");
    let follow_up = pb::FollowUpRequest { command_id: command_id(), case_id: id, ..Default::default() };
    refused(root.cases.follow_up(follow_up).await, Code::Unavailable, "UNAVAILABLE");
    world.end().await;
    log.take_away();

    // Nobody asks again. The next process finds what was left undone.
    let world = World::over(shell, folder.path()).await;
    let mut followed = world.platform.cases.as_ref().unwrap().followed_cases();
    let last = world.log_entries(&["case"]).await.last().unwrap().position;
    tokio::time::timeout(LIMIT, followed.wait_for(|done| *done >= last)).await.unwrap().unwrap();
    let heard = world.receive_one("forum", in_private(answer("p-2", "p-1", "ada"))).await;
    assert_eq!(heard.case_id, case.case_id);
    let heard = world.receive_one("chat", message("c-2", "ben", "Still")).await;
    assert_eq!(heard.follow_up_of, chat.case_id);
    world.end().await;
}
