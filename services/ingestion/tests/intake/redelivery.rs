//! The same again is nothing; another body is an edit.

use std::{collections::BTreeMap, sync::Arc};

use proto::ingestion::v1::{Author, Message, submit_request::Origin, submit_response::Outcome::*};

use crate::world::*;

#[tokio::test]
async fn however_often_a_message_comes_it_is_there_once() {
    let world = World::new().await;
    let (one, two) = (message("1", "one"), message("2", "two"));
    let first = world.submit(WALL, &[one.clone(), two.clone(), one.clone()]).await;
    assert_eq!(outcomes(&first), [Accepted, Accepted, Duplicate]);
    let other = world.beside().await;
    for world in [&world, &other] {
        let second = world.submit(WALL, &[two.clone(), one.clone()]).await;
        assert_eq!(outcomes(&second), [Duplicate, Duplicate]);
        assert_eq!((&second[1].message_id, &second[1].position), (&first[0].message_id, &first[0].position));
    }
    assert_eq!(world.entries().await.len(), 2);
    assert_eq!(world.sums().await, (2, 5, 0));
}

#[tokio::test]
async fn a_retry_is_told_where_its_messages_are() {
    let world = World::new().await;
    let both = [message("1", "one"), message("2", "two")];
    let submit = async |messages: &[Message]| world.try_submit(request(CHAT, messages)).await.unwrap();
    let first = submit(&both).await;
    assert_eq!(first.position, first.results[1].position);
    assert_eq!(submit(&both).await.position, first.position);
    assert_eq!(submit(&both[..1]).await.position, first.results[0].position);
    assert_eq!(submit(&[message("3", "")]).await.position, "", "nothing is kept");
}

#[tokio::test]
async fn what_a_channel_says_around_a_body_may_differ() {
    let world = World::new().await;
    world.submit(WALL, &[message("1", "one")]).await;
    let mut again = message("1", "one");
    again.author = Some(Author { external_id: "ana".into(), name: "Ana".into(), handle: "@ana".into() });
    again.language = "pt-BR".into();
    again.fields.insert("seat".into(), "12A".into());
    again.raw = b"Received: by another host".to_vec();
    assert_eq!(outcomes(&world.submit(WALL, &[again]).await), [Duplicate]);
    assert_eq!(world.entries().await.len(), 1);
}

#[tokio::test]
async fn accounts_do_not_share_messages() {
    let world = World::new().await;
    let (wall, chat) =
        (world.submit(WALL, &[message("1", "x")]).await, world.submit(CHAT, &[message("1", "x")]).await);
    assert_eq!([outcomes(&wall), outcomes(&chat)].concat(), [Accepted, Accepted]);
    assert_ne!(wall[0].message_id, chat[0].message_id);
}

#[tokio::test]
async fn another_body_is_an_edit_and_the_same_again_is_none() {
    let world = World::new().await;
    world.submit(WALL, &[reply("1", "0")]).await;
    world.clock.set(at("2026-11-22T10:25:00Z"));
    let edited = message("1", "better");
    assert_eq!(outcomes(&world.submit(WALL, std::slice::from_ref(&edited)).await), [Edited]);
    let other = world.beside().await;
    for world in [&world, &other] {
        let answers = world.submit(WALL, &[edited.clone(), edited.clone()]).await;
        assert_eq!(outcomes(&answers), [Duplicate, Duplicate]);
    }
    let opened = world.opened().await;
    let [first, second] = &opened[..] else { panic!("{} entries", opened.len()) };
    assert_eq!(second["events"][0]["type"], "message.edited");
    assert_eq!(second["events"][0]["content"]["text"]["open"], "better");
    for kept in ["thread", "detected_at", "identity"] {
        assert_eq!(first["events"][0]["content"][kept], second["events"][0]["content"][kept], "{kept}");
    }
    assert_eq!(first["occurred_at"], "2026-11-22T10:00:00.500000Z");
    assert_eq!(second["occurred_at"], "2026-11-22T10:25:00.000000Z");
    assert_eq!(world.sums().await, (2, 4, 0));
}

#[tokio::test]
async fn a_message_may_be_changed_back_to_what_it_was() {
    let world = World::new().await;
    let other = world.beside().await;
    for (world, text, expected) in [
        (&world, "a", Accepted),
        (&world, "b", Edited),
        (&world, "a", Edited),
        (&other, "a", Duplicate),
        (&other, "b", Edited),
        (&world, "b", Duplicate),
        (&world, "a", Edited),
    ] {
        assert_eq!(outcomes(&world.submit(WALL, &[message("1", text)]).await), [expected], "{text}");
    }
    assert_eq!(world.contents().await["1"]["text"]["open"], "a");
    assert_eq!(world.sums().await, (5, 2, 0));
}

#[tokio::test]
async fn what_is_late_by_the_channels_own_word_is_no_edit() {
    let world = World::new().await;
    world.clock.set(at("2026-11-22T10:25:00Z"));
    let edited = |text: &str, minute: u32| Message {
        edited_at: Some(instant(&format!("2026-11-22T10:{minute:02}:00Z"))),
        ..message("1", text)
    };
    for (message, expected) in [
        (message("1", "a"), Accepted),
        (edited("c", 7), Edited),
        // What came before that comes late: the body between, and the first one.
        (edited("b", 5), Duplicate),
        (message("1", "a"), Duplicate),
        (edited("c", 7), Duplicate),
        // Changed back to what it was.
        (edited("a", 9), Edited),
        (edited("c", 7), Duplicate),
    ] {
        let said = format!("{} {:?}", message.text, message.edited_at);
        assert_eq!(outcomes(&world.submit(WALL, &[message]).await), [expected], "{said}");
    }
    assert_eq!(world.contents().await["1"]["text"]["open"], "a");
    let opened = world.opened().await;
    let last = opened.last().unwrap();
    assert_eq!(last["occurred_at"], "2026-11-22T10:09:00.000000Z");
    assert_eq!(last["events"][0]["content"]["revised_at"], "2026-11-22T10:09:00.000000Z");
    assert_eq!((opened.len(), world.sums().await), (3, (3, 4, 0)));
}

#[tokio::test]
async fn an_import_that_is_run_again_brings_no_older_body_back() {
    let world = World::new().await;
    let mut request = request(WALL, &["a", "b"].map(|text| message("1", text)));
    request.origin = Origin::Import.into();
    let run = async || outcomes(&world.try_submit(request.clone()).await.unwrap().results);
    assert_eq!(run().await, [Accepted, Edited]);
    assert_eq!(run().await, [Duplicate, Duplicate]);
    assert_eq!(world.entries().await.len(), 2);
}

#[tokio::test]
async fn edits_in_one_call_are_taken_in_their_order() {
    let world = World::new().await;
    let texts = ["a", "b", "c", "d"];
    let answers = world.submit(WALL, &texts.map(|text| message("1", text))).await;
    assert_eq!(outcomes(&answers), [Accepted, Edited, Edited, Edited]);
    let opened = world.opened().await;
    let stored = opened.iter().map(|entry| entry["events"][0]["content"]["text"]["open"].as_str().unwrap());
    assert_eq!(stored.collect::<Vec<_>>(), texts);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_deliveries_at_once_one_is_first() {
    let one = Arc::new(World::new().await);
    let two = Arc::new(one.beside().await);
    for round in 0..8 {
        let deliveries: Vec<_> = (0..16)
            .map(|n| {
                let world = Arc::clone(if n % 2 == 0 { &one } else { &two });
                tokio::spawn(async move { world.submit(WALL, &[message(&round.to_string(), "x")]).await })
            })
            .collect();
        let mut counts = BTreeMap::new();
        for delivery in deliveries {
            *counts.entry(delivery.await.unwrap()[0].outcome().as_str_name()).or_insert(0) += 1;
        }
        assert_eq!(counts, BTreeMap::from([("OUTCOME_ACCEPTED", 1), ("OUTCOME_DUPLICATE", 15)]));
    }
    assert_eq!(one.entries().await.len(), 8);
    // One replica answers for what both wrote, once its read model has come that far.
    one.submit(WALL, &[message("last", "x")]).await;
    assert_eq!(one.sums().await, (9, 8 * 15, 0));
}

#[tokio::test]
async fn a_redelivery_does_not_bring_back_what_was_erased() {
    let world = World::new().await;
    world.submit(WALL, &[message("1", "one")]).await;
    let subject = world.contents().await["1"]["identity"].as_str().unwrap().to_owned();
    world.shell.vault.destroy(&[subject]).await.unwrap();
    for text in ["one", "an edit, or not: nobody can tell"] {
        assert_eq!(outcomes(&world.submit(WALL, &[message("1", text)]).await), [Duplicate]);
    }
    assert_eq!(world.entries().await.len(), 1);
    // What the person says from now on is new.
    assert_eq!(outcomes(&world.submit(WALL, &[message("2", "one")]).await), [Accepted]);
}
