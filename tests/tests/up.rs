//! The shortest journey: a message comes in, becomes a case, is answered and resolved, and can be shown as it was.

use proto::{
    cases::v1 as pb,
    ingestion::v1::{Author, Direction, Message, SubmitRequest},
};
use tests::world::{World, command_id};

fn message(id: &str, text: &str) -> Message {
    Message {
        external_id: id.into(),
        author: Some(Author { external_id: "u-1".into(), name: "Ada".into(), handle: "@ada".into() }),
        direction: Direction::Inbound.into(),
        text: text.into(),
        sent_at: Some(prost_types::Timestamp { seconds: 1_700_000_000, nanos: 0 }),
        ..Message::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_becomes_a_case_that_is_worked_and_shown_as_it_was() {
    let world = World::start().await;
    let mut root = world.administrator();
    let messages = vec![message("m-1", "My kettle does not boil")];
    let submit = SubmitRequest { account: "forum".into(), messages, ..SubmitRequest::default() };
    let submitted = root.ingestion.submit(submit.clone()).await.unwrap().into_inner();
    world.settled(&submitted.position).await;

    let mut ana = world.caller("ana", &[]);
    let listed = ana.cases.list_cases(pb::ListCasesRequest::default()).await.unwrap().into_inner();
    let [case] = &listed.cases[..] else { panic!("one case, not {}", listed.cases.len()) };
    assert_eq!((case.title.as_str(), case.status()), ("My kettle does not boil", pb::Status::New));
    let before = case.position.clone();

    let case_id = case.number.clone();
    let reply = pb::ReplyRequest {
        command_id: command_id(),
        case_id: case_id.clone(),
        text: "Try the switch".into(),
        ..Default::default()
    };
    let replied = ana.cases.reply(reply.clone()).await.unwrap().into_inner();
    let again = ana.cases.reply(reply).await.unwrap().into_inner();
    assert_eq!(replied, again, "a retry is answered as the first time");
    let resolve =
        pb::ResolveRequest { command_id: command_id(), case_id: case_id.clone(), ..Default::default() };
    let resolved = ana.cases.resolve(resolve).await.unwrap().into_inner();

    let get = |as_of: &str| pb::GetCaseRequest {
        case_id: case_id.clone(),
        as_of: as_of.into(),
        ..Default::default()
    };
    let now = ana.cases.get_case(get("")).await.unwrap().into_inner().case.unwrap();
    assert_eq!((now.status(), now.timeline.len()), (pb::Status::Resolved, 2));
    assert_eq!(now.position, resolved.position);
    let then = ana.cases.get_case(get(&before)).await.unwrap().into_inner().case.unwrap();
    assert_eq!((then.status(), then.timeline.len()), (pb::Status::New, 1));

    // Another region's case is not there, whatever is asked.
    let mut sol = world.caller("sol", &[]);
    let by_id = pb::GetCaseRequest { case_id: now.case_id.clone(), ..Default::default() };
    assert_eq!(sol.cases.get_case(by_id).await.unwrap_err().code(), tonic::Code::NotFound);
    assert!(
        sol.cases.list_cases(pb::ListCasesRequest::default()).await.unwrap().into_inner().cases.is_empty()
    );
    world.end().await;
}
