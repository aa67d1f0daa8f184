//! Watching: changes come as they happen, and begin again after the last one that was seen.

use std::time::Duration;

use proto::cases::v1 as pb;
use tests::{
    desk::message,
    world::{World, command_id},
};

/// No test waits longer for a change.
const PATIENCE: Duration = Duration::from_secs(30);

type Changes = tonic::Streaming<pb::WatchResponse>;

async fn next(changes: &mut Changes) -> pb::WatchResponse {
    let next = tokio::time::timeout(PATIENCE, changes.message()).await.expect("a change in time");
    next.expect("a change").expect("an endless stream")
}

fn tag(case: &str, tag: &str) -> pb::ChangeTagsRequest {
    pb::ChangeTagsRequest {
        command_id: command_id(),
        case_id: case.into(),
        add: vec![tag.into()],
        ..Default::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_begins_again_where_it_was() {
    let world = World::start().await;
    let mut ana = world.caller("ana", &[]);
    let a = world.receive_one("forum", message("m-1", "ada", "It leaks")).await;
    let b = world.receive_one("forum", message("m-2", "ben", "It boils")).await;
    let mut all = ana.cases.watch(pb::WatchRequest::default()).await.unwrap().into_inner();
    let only = pb::WatchRequest { case_id: b.number.clone(), ..Default::default() };
    let mut only = ana.cases.watch(only).await.unwrap().into_inner();
    let mut positions = Vec::new();
    for i in 0..5 {
        let case = if i % 2 == 0 { &a } else { &b };
        let request = tag(&case.case_id, &format!("tag-{i}"));
        positions.push((
            case.case_id.clone(),
            ana.cases.change_tags(request).await.unwrap().into_inner().position,
        ));
    }
    for (case, position) in &positions {
        let change = next(&mut all).await;
        let seen = change.case.unwrap();
        assert_eq!((&seen.case_id, &change.position), (case, position));
        assert_eq!(change.events, ["case.tagged"]);
        assert!(seen.timeline.is_empty());
    }
    for (case, position) in positions.iter().filter(|(case, _)| *case == b.case_id) {
        let change = next(&mut only).await;
        assert_eq!((&change.case.unwrap().case_id, &change.position), (case, position));
    }
    let after = pb::WatchRequest { after: positions[2].1.clone(), ..Default::default() };
    let mut again = ana.cases.watch(after).await.unwrap().into_inner();
    for (_, position) in &positions[3..] {
        assert_eq!(next(&mut again).await.position, *position);
    }
    // By filter: what does not match is not told.
    let filter = pb::Filter { tag: vec!["hot".into()], ..Default::default() };
    let hot = pb::WatchRequest { filter: Some(filter), ..Default::default() };
    let mut hot = ana.cases.watch(hot).await.unwrap().into_inner();
    ana.cases.change_tags(tag(&a.case_id, "cold")).await.unwrap();
    let warm = ana.cases.change_tags(tag(&b.case_id, "hot")).await.unwrap().into_inner().position;
    assert_eq!(next(&mut hot).await.position, warm);
    world.end().await;
}
