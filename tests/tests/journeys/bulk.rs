//! One change for many cases.

use std::time::{Duration, Instant};

use proto::cases::v1::{self as pb, bulk_request as bulk};
use tests::{
    desk::{message, wrong_field},
    world::{World, command_id},
};

/// Far less than half a second for each of the 500, and enough for a slow machine.
const LIMIT: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_that_never_were_are_waited_for_once() {
    let world = World::start().await;
    let mut ana = world.caller("ana", &[]);
    let case = world.receive_one("forum", message("m-1", "ada", "It leaks")).await;
    let strange = ["LOC-0", "LOC-18446744073709551615", "LOC-18446744073709551616", "PAR-7", "seven"];
    let strange = strange.into_iter().map(str::to_owned);
    let unknown = (0..493).map(|n| format!("LOC-{}", 9_000_000 + n));
    let known = [case.case_id.clone(), case.number.clone()];
    let case_ids: Vec<String> = known.into_iter().chain(strange).chain(unknown).collect();
    let tags = bulk::ChangeTags { add: vec!["kettle".into()], ..Default::default() };
    let request = pb::BulkRequest {
        command_id: command_id(),
        case_ids,
        change: Some(bulk::Change::Tags(tags)),
        ..Default::default()
    };
    let began = Instant::now();
    let answer = ana.cases.bulk(request.clone()).await.unwrap().into_inner();
    assert!(began.elapsed() < LIMIT, "{:?}", began.elapsed());
    let told: Vec<_> = answer.results.iter().map(|result| result.case_id.as_str()).collect();
    assert_eq!(told, request.case_ids, "each is told apart, in the order of the request");
    let reasons: Vec<_> = answer.results.iter().map(|result| result.reason.as_str()).collect();
    assert_eq!(reasons[..4], ["", "", "NOT_FOUND", "NOT_FOUND"]);
    assert_eq!(reasons[4..7], ["INVALID_FIELD"; 3]);
    let changed = answer.results.iter().filter(|result| result.changed).count();
    assert_eq!(changed, 1, "a case that is named twice is changed once");
    assert!(reasons[7..].iter().all(|reason| *reason == "NOT_FOUND"));
    assert_eq!(ana.case(&case.number).await.tags, ["kettle"]);

    let none = pb::BulkRequest { case_ids: vec!["LOC-0".into()], ..request.clone() };
    let nothing = ana.cases.bulk(none).await.unwrap().into_inner();
    assert_ne!(nothing.position, "local.1.0", "what there is can be waited for");
    ana.ids(pb::Filter::default(), &nothing.position).await;

    let more = pb::BulkRequest { case_ids: vec![case.number; 501], ..request };
    wrong_field(ana.cases.bulk(more).await, "case_ids");
    world.end().await;
}
