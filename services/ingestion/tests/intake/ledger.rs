//! received = accepted + duplicate + rejected, for each account and hour.

use proto::ingestion::v1::{GetLedgerRequest, Message, get_ledger_response::Row};
use service::Error;

use crate::world::*;

fn row(account: &str, hour: &str, [received, accepted, duplicate, rejected]: [u64; 4]) -> Row {
    Row {
        account: account.into(),
        hour: Some(instant(hour)),
        received,
        accepted,
        duplicate,
        rejected,
        held_back: 0,
    }
}

async fn two_hours() -> World {
    let world = World::new().await;
    let empty = message("3", "");
    world.submit(WALL, &[message("1", "x"), message("2", "x"), message("1", "x"), empty]).await;
    world.submit(CHAT, &[message("1", "x")]).await;
    world.clock.set(at("2026-11-22T11:00:00Z"));
    world.submit(WALL, &[message("1", "x"), message("2", "edited"), message("4", "x")]).await;
    world
}

#[tokio::test]
async fn each_account_and_hour_has_its_row() {
    let world = two_hours().await;
    let expected = [
        row(CHAT, "2026-11-22T10:00:00Z", [1, 1, 0, 0]),
        row(WALL, "2026-11-22T10:00:00Z", [4, 2, 1, 1]),
        row(WALL, "2026-11-22T11:00:00Z", [3, 2, 1, 0]),
    ];
    assert_eq!(world.rows(GetLedgerRequest::default()).await, expected);
    let wall = GetLedgerRequest { account: WALL.into(), ..Default::default() };
    assert_eq!(world.rows(wall).await, expected[1..]);
    let (ten, eleven) = (Some(instant("2026-11-22T10:30:00Z")), Some(instant("2026-11-22T11:00:00Z")));
    let first = GetLedgerRequest { from: ten, to: eleven, ..Default::default() };
    assert_eq!(world.rows(first).await, expected[..2]);
    let second = GetLedgerRequest { from: eleven, ..Default::default() };
    assert_eq!(world.rows(second).await, expected[2..]);
}

#[tokio::test]
async fn it_says_up_to_where_it_has_counted() {
    let world = two_hours().await;
    let last = world.try_submit(request(WALL, &[message("5", "x")])).await.unwrap().position;
    let asked = GetLedgerRequest { at_least: last.clone(), ..Default::default() };
    let told = world.ingestion.ledger(&integrator(), &asked).await.unwrap();
    assert_eq!((told.position, told.rows.len()), (last, 3));
}

#[tokio::test]
async fn it_outlives_the_process() {
    let world = two_hours().await;
    let again = world.restarted().await;
    // It knows what it wrote itself, and with that everything before it.
    again.submit(WALL, &[message("5", "x")]).await;
    assert_eq!(again.sums().await, (6, 2, 1));
}

#[tokio::test]
async fn wrong_questions_are_told_so() {
    let world = World::new().await;
    let (early, late) = (Some(instant("2026-11-22T10:00:00Z")), Some(instant("2026-11-22T11:00:00Z")));
    let broken = Some(prost_types::Timestamp { seconds: i64::MAX, nanos: 0 });
    for (field, request) in [
        ("from", GetLedgerRequest { from: late, to: early, ..Default::default() }),
        ("from", GetLedgerRequest { from: broken, ..Default::default() }),
        ("to", GetLedgerRequest { to: broken, ..Default::default() }),
        ("account", GetLedgerRequest { account: "Not An Account".into(), ..Default::default() }),
    ] {
        match world.ingestion.ledger(&integrator(), &request).await {
            Err(Error::Invalid(violations)) => assert_eq!(violations[0].field, field),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_call_without_messages_is_nothing() {
    let world = World::new().await;
    let none: [Message; 0] = [];
    let response = world.try_submit(request(WALL, &none)).await.unwrap();
    assert_eq!((response.results.len(), response.position.as_str()), (0, ""));
    assert_eq!(world.rows(GetLedgerRequest::default()).await, []);
}
