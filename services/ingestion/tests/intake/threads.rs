//! A message joins its thread, whatever comes first.

use std::collections::BTreeSet;

use proto::ingestion::v1::{Author, Direction, Message, submit_request::Origin, submit_response::Outcome};
use serde_json::Value;

use crate::world::*;

async fn threads(world: &World) -> Vec<(String, Value)> {
    world.contents().await.into_iter().map(|(id, mut content)| (id, content["thread"].take())).collect()
}

/// How many threads the messages make, all of which must have one.
async fn count(world: &World) -> usize {
    let threads: BTreeSet<String> =
        threads(world).await.into_iter().map(|(_, thread)| thread.as_str().unwrap().to_owned()).collect();
    threads.len()
}

#[tokio::test]
async fn an_answer_is_in_the_thread_of_its_parent_in_either_order() {
    for order in [[0, 1], [1, 0]] {
        let world = World::new().await;
        let pair = [message("parent", "?"), reply("child", "parent")];
        for index in order {
            world.submit(WALL, &pair[index..=index]).await;
        }
        assert_eq!(count(&world).await, 1, "{order:?}");
    }
}

#[tokio::test]
async fn a_chain_in_one_call_is_one_thread_in_any_order() {
    let chain = [message("a", "a"), reply("b", "a"), reply("c", "b"), reply("d", "c")];
    for rotation in 0..chain.len() {
        let world = World::new().await;
        let mut shuffled = chain.clone();
        shuffled.rotate_left(rotation);
        shuffled.swap(0, 2);
        world.submit(WALL, &shuffled).await;
        assert_eq!(count(&world).await, 1, "{rotation}");
    }
}

#[tokio::test]
async fn an_answer_follows_its_parent_into_the_thread_that_the_log_has() {
    let world = World::new().await;
    world.submit(WALL, &[Message { thread_root: "root".into(), ..reply("b", "a") }]).await;
    world.submit(WALL, &[reply("c", "b"), reply("d", "c"), message("root", "first")]).await;
    assert_eq!(count(&world).await, 1);
}

#[tokio::test]
async fn answers_in_a_circle_are_one_thread() {
    let world = World::new().await;
    let messages =
        [reply("x", "b"), reply("a", "c"), reply("b", "a"), reply("c", "b"), reply("self", "self")];
    world.submit(WALL, &messages).await;
    assert_eq!(count(&world).await, 2);
}

#[tokio::test]
async fn conversations_by_contact_have_no_threads() {
    let world = World::new().await;
    world.submit(CHAT, &[message("a", "a"), reply("b", "a")]).await;
    assert!(threads(&world).await.iter().all(|(_, thread)| thread.is_null()));
    let contents = world.contents().await;
    assert_eq!(contents["a"]["identity"], contents["b"]["identity"]);
    assert!(contents["b"]["reply_to"].as_str().unwrap().starts_with("chat-"));
}

#[tokio::test]
async fn history_is_recorded_in_both_directions() {
    let world = World::new().await;
    let ours = Message {
        direction: Direction::Outbound.into(),
        author: Some(Author { external_id: "brand".into(), ..Author::default() }),
        ..reply("2", "1")
    };
    let addressed = Message {
        external_id: "3".into(),
        recipient: Some(Author { external_id: "ana".into(), ..Author::default() }),
        ..ours.clone()
    };
    let mut request = request(WALL, &[message("1", "?"), ours, addressed]);
    request.origin = Origin::Import.into();
    let answers = world.try_submit(request).await.unwrap().results;
    assert_eq!(outcomes(&answers), [Outcome::Accepted; 3]);
    for envelope in world.opened().await {
        assert_eq!(envelope["origin"], "import");
        let actor = serde_json::json!({"kind": "import", "id": "hooks", "auth": "token"});
        assert_eq!(envelope["actor"], actor);
        let event = &envelope["events"][0];
        let inbound = event["content"]["external_id"]["open"] == "1";
        assert_eq!(event["type"], if inbound { "message.received" } else { "message.recorded" });
    }
    assert_eq!(count(&world).await, 1);
    let contents = world.contents().await;
    assert_eq!(contents["3"]["identity"], contents["1"]["identity"]);
    assert!(contents["2"]["identity"].is_null());
}
