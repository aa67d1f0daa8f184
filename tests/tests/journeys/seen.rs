//! What a caller has seen, of whatever it was, the next answer has seen too.

use std::time::{Duration, Instant};

use proto::{
    cases::v1 as pb,
    ingestion::v1::{GetLedgerRequest, SubmitRequest},
    policy::v1::{ApplyRequest, ApplyResponse, ShowRequest},
};
use tests::{
    desk::{message, wrong_field},
    world::{World, command_id},
};

use crate::rules;

/// Far less than the ten seconds after which a query gives up.
const LIMIT: Duration = Duration::from_secs(5);

async fn apply(world: &World, text: &str) -> ApplyResponse {
    let request =
        ApplyRequest { command_id: command_id(), files: rules::files(&[text]), ..Default::default() };
    world.administrator().policy.apply(request).await.expect("the policy is right").into_inner()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_position_of_the_policy_is_reached_while_nothing_else_happens() {
    let world = World::start().await;
    let case = world.receive_one("forum", message("m-1", "ada", "It leaks")).await;
    let mut ana = world.caller("ana", &[]);
    let began = Instant::now();
    // Each time it is the last entry of the log.
    let mut at_least = Vec::new();
    for label in ["a", "b", "c", "d", "e"] {
        let text = format!(
            "[[case]]\nlevel = \"region/north\"\n[case.checklist]\n{label} = {{ text = \"Do {label}\" }}\n"
        );
        at_least.push(apply(&world, &text).await.position);
    }
    let position = at_least.pop().unwrap();
    let get = pb::GetCaseRequest {
        case_id: case.case_id.clone(),
        at_least: position.clone(),
        ..Default::default()
    };
    let shown = ana.cases.get_case(get).await.unwrap().into_inner().case.unwrap();
    assert_eq!(shown.checklist[0].item, "e", "it shows what that policy asks for");
    assert_eq!(ana.ids(pb::Filter::default(), &position).await, std::slice::from_ref(&case.case_id));
    let history = pb::GetHistoryRequest {
        case_id: case.case_id.clone(),
        at_least: position.clone(),
        ..Default::default()
    };
    ana.cases.get_history(history).await.unwrap();
    let show = ShowRequest { at_least: position.clone(), ..Default::default() };
    ana.policy.show(show).await.unwrap();
    let mut root = world.administrator();
    let ledger = GetLedgerRequest { at_least: position.clone(), ..Default::default() };
    let rows = root.ingestion.get_ledger(ledger).await.unwrap().into_inner().rows;
    assert_eq!(rows.iter().map(|row| row.accepted).sum::<u64>(), 1);
    assert!(began.elapsed() < LIMIT, "{:?}", began.elapsed());

    // What has not been written is not waited for.
    let (front, number) = position.rsplit_once('.').unwrap();
    let ahead = format!("{front}.{}", number.parse::<u64>().unwrap() + 1_000);
    let get = pb::GetCaseRequest { case_id: case.case_id, at_least: ahead, ..Default::default() };
    wrong_field(ana.cases.get_case(get).await, "at_least");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ledger_has_counted_what_was_accepted_up_to_a_position() {
    let world = World::start().await;
    let mut root = world.administrator();
    for n in 0..20u64 {
        let request = SubmitRequest {
            account: "forum".into(),
            messages: vec![message(&format!("m-{n}"), "ada", "It leaks")],
            ..SubmitRequest::default()
        };
        let at_least = root.ingestion.submit(request).await.unwrap().into_inner().position;
        let ledger = GetLedgerRequest { at_least, ..Default::default() };
        let rows = root.ingestion.get_ledger(ledger).await.unwrap().into_inner().rows;
        assert_eq!(rows.iter().map(|row| row.accepted).sum::<u64>(), n + 1);
    }
    let ledger = GetLedgerRequest { at_least: "nonsense".into(), ..Default::default() };
    wrong_field(root.ingestion.get_ledger(ledger).await, "at_least");
    world.end().await;
}
