//! What a machine writes is kept, and opens and reopens nothing.

use proto::{
    cases::v1 as pb,
    ingestion::v1::{Message, SubmitRequest},
};
use tests::{
    desk::message,
    world::{Caller, World, command_id},
};

/// What a machine writes for `author`.
fn automatic(id: &str, author: &str, kind: &str) -> Message {
    Message { automatic: kind.into(), ..message(id, author, "I am away until Monday") }
}

async fn all(root: &mut Caller, at_least: &str) -> usize {
    root.ids(pb::Filter::default(), at_least).await.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_automatic_message_opens_and_reopens_nothing_and_stands_in_its_case() {
    let world = World::start().await;
    let mut root = world.administrator();
    for kind in ["auto_reply", "report", "list"] {
        let author = format!("ada-{kind}");
        let said = world.receive("chat", vec![automatic(&format!("a-{kind}"), &author, kind)]).await;
        let before = all(&mut root, &said.position).await;
        let case = world.receive_one("chat", message(&format!("m-{kind}"), &author, "It leaks")).await;
        assert_eq!(
            all(&mut root, &case.position).await,
            before + 1,
            "only the person's message opened a case"
        );
        let resolve = pb::ResolveRequest {
            command_id: command_id(),
            case_id: case.case_id.clone(),
            ..Default::default()
        };
        root.cases.resolve(resolve).await.unwrap();
        let late = world.receive("chat", vec![automatic(&format!("b-{kind}"), &author, kind)]).await;
        world.settled(&late.position).await;
        let now = root.case(&case.case_id).await;
        assert_eq!(now.status(), pb::Status::Resolved, "{kind} reopened the case");
        assert_eq!(now.timeline.len(), case.timeline.len() + 1, "{kind} stands in the case");
        let close = pb::CloseRequest {
            command_id: command_id(),
            case_id: case.case_id.clone(),
            ..Default::default()
        };
        root.cases.close(close).await.unwrap();
        let last = world.receive("chat", vec![automatic(&format!("c-{kind}"), &author, kind)]).await;
        world.settled(&last.position).await;
        assert_eq!(all(&mut root, &last.position).await, before + 1, "{kind} began a follow-up");
    }
    let messages = vec![automatic("w", "ada", "robot")];
    let request = SubmitRequest { account: "chat".into(), messages, ..SubmitRequest::default() };
    let wrong = root.ingestion.submit(request).await.unwrap().into_inner();
    assert_eq!(wrong.results[0].field, "messages[0].automatic");
    world.end().await;
}
