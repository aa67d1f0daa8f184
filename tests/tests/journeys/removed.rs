//! What waits when its account is removed becomes a case all the same, and keeps nobody waiting.

use std::sync::Arc;

use dossier::up;
use proto::{
    cases::v1 as pb,
    ingestion::v1::SubmitRequest,
    policy::v1::{ApplyRequest, apply_request::File},
};
use service::{clock::SystemClock, lease::Lease};
use tempfile::TempDir;
use tests::{
    desk::message,
    world::{POLICY, World, command_id},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_of_an_account_that_is_gone_become_cases_of_its_team() {
    let folder = TempDir::new().unwrap();
    let shell = up::shell(folder.path(), Arc::new(SystemClock)).await.unwrap();
    // As long as another replica seems to be at it, nothing becomes a case here.
    let control = shell.stores.control("cases").await.unwrap();
    let lease = Lease::new(control, Arc::clone(&shell.clock), "cases.follow_messages", "another replica");
    assert!(lease.acquire().await.unwrap());
    let world = World::over(shell, folder.path()).await;
    let mut root = world.administrator();
    let mut last = String::new();
    for (account, id) in [("forum", "m-1"), ("chat", "m-2"), ("forum", "m-3")] {
        let messages = vec![message(id, "ada", "It leaks")];
        let request = SubmitRequest { account: account.into(), messages, ..Default::default() };
        last = root.ingestion.submit(request).await.unwrap().into_inner().position;
    }
    let without: String =
        POLICY.split("\n\n").filter(|part| !part.contains("id = \"forum\"")).collect::<Vec<_>>().join("\n\n");
    let files = vec![File { name: "policy.toml".into(), text: without }];
    let request = ApplyRequest { command_id: command_id(), files, ..Default::default() };
    let applied = root.policy.apply(request).await.unwrap().into_inner();
    assert_eq!((applied.problems.len(), applied.changes.len()), (0, 1), "{applied:?}");

    lease.release().await.unwrap();
    world.settled(&last).await;
    let cases = root.list(pb::ListCasesRequest::default()).await;
    let places: Vec<_> = cases.iter().map(|case| (case.account.as_str(), case.team.as_str())).collect();
    assert_eq!(places.iter().filter(|place| **place == ("forum", "north-care")).count(), 2, "{places:?}");
    assert_eq!(places.iter().filter(|place| **place == ("chat", "south-care")).count(), 1, "{places:?}");
    world.end().await;
}
