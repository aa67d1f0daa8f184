//! Words of ours that a platform repeats with what it reports: they clear up what its answer left in doubt.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

use domain::delivery::{Delivery, Outcome, Status};
use http::StatusCode;
use serde_json::{Value, json};
use tests::{
    platform::{FakePlatform, Taken, Trouble},
    world::World,
};

use crate::{
    accounts::Secrets,
    hooks,
    replies::{reply, site, told, until},
};

/// A status of a message, with this word.
fn status(id: &str, status: &str, word: &Value) -> Vec<u8> {
    let mut status =
        json!({"id": id, "status": status, "timestamp": "1790000000", "recipient_id": "447700900000"});
    if word.is_string() {
        status["biz_opaque_callback_data"] = word.clone();
    }
    hooks::delivery(&json!([]), &json!([status]))
}

/// A reply of which nobody knows whether the platform took it, though it did; its case and what the platform has.
async fn doubtful(world: &World, platform: &FakePlatform, name: &str) -> (String, String, Taken) {
    platform.trouble(name, &[Trouble::HangsUpWithIt]);
    let (case, id) = reply(world, "wa", name, name).await;
    until(world, &id, |delivery| delivery.status() == Status::Unclear).await;
    told(&mut world.administrator(), &case.case_id, "unclear").await;
    let taken = platform.taken().into_iter().find(|taken| taken.text == name).unwrap();
    (case.case_id, id, taken)
}

async fn now(world: &World, id: &str) -> Delivery {
    until(world, id, |_| true).await;
    let stream = format!("delivery-{id}");
    let entries = world.log_entries(&["delivery"]).await;
    let of = entries.iter().filter(|entry| entry.stream.to_string() == stream);
    let state = of.fold(domain::delivery::State::default(), |state, entry| {
        let envelope = service::envelope::Envelope::<domain::delivery::Event>::of(entry).unwrap();
        envelope.events.iter().fold(state, domain::decider::Decider::evolve)
    });
    state.delivery().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_status_with_our_word_says_that_a_doubtful_reply_was_taken_and_how_far_it_came() {
    let (secrets, platform) = (Secrets::new(), FakePlatform::start().await);
    let world = site(&secrets, &platform).await;
    let calls = hooks::Platform::of(&world);
    let mut root = world.administrator();
    for (name, word, reached) in [
        ("sent", "sent", Status::Sent),
        ("delivered", "delivered", Status::Delivered),
        ("failed", "failed", Status::Undelivered),
    ] {
        let (case, id, taken) = doubtful(&world, &platform, name).await;
        let body = status(&taken.id, word, &taken.word.clone().unwrap().into());
        for _ in 0..3 {
            assert_eq!(calls.signed("wa", &body).await, StatusCode::OK);
        }
        let known = until(&world, &id, |delivery| delivery.status() == reached).await;
        let outcome = &known.parts[0].attempts[0].outcome;
        assert!(matches!(outcome, Outcome::Sent { external: Some(_) }), "{name}: {outcome:?}");
        told(&mut root, &case, if word == "failed" { "bounced" } else { "sent" }).await;
        // What comes later without the word is of it as well.
        assert_eq!(calls.signed("wa", &status(&taken.id, "read", &Value::Null)).await, StatusCode::OK);
        until(&world, &id, |delivery| delivery.status() == Status::Read).await;
        assert_eq!(platform.calls_for(name), 1, "nothing is sent again");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_word_that_is_not_of_this_reply_proves_nothing() {
    let (secrets, platform) = (Secrets::new(), FakePlatform::start().await);
    let world = site(&secrets, &platform).await;
    let calls = hooks::Platform::of(&world);
    let (_, id, taken) = doubtful(&world, &platform, "doubtful").await;
    let word = taken.word.unwrap();
    let (of_reply, key) = word.split_once('/').unwrap();
    let other = "0192f0c1-2b3c-7d4e-8f50-617283940a1b";
    let words = [
        Value::Null,
        "no word of ours".into(),
        key.into(),
        format!("{other}/{key}").into(),
        format!("{of_reply}/{other}").into(),
        format!("{word}/").into(),
    ];
    for (n, word) in words.iter().enumerate() {
        let body = status(&format!("wamid.{n}"), "delivered", word);
        assert_eq!(calls.signed("wa", &body).await, StatusCode::OK, "{word}");
    }
    let known = now(&world, &id).await;
    assert_eq!(known.status(), Status::Unclear, "{known:?}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_status_that_is_faster_than_the_answer_is_the_answer() {
    let (secrets, platform) = (Secrets::new(), FakePlatform::start().await);
    let world = site(&secrets, &platform).await;
    let calls = hooks::Platform::of(&world);
    platform.trouble("silent", &[Trouble::SilentWithIt]);
    let (case, id) = reply(&world, "wa", "silent", "silent").await;
    let taken = loop {
        if let Some(taken) = platform.taken().into_iter().find(|taken| taken.text == "silent") {
            break taken;
        }
        tokio::task::yield_now().await;
    };
    let body = status(&taken.id, "delivered", &taken.word.unwrap().into());
    assert_eq!(calls.signed("wa", &body).await, StatusCode::OK);
    let known = until(&world, &id, |delivery| delivery.status() == Status::Delivered).await;
    assert_eq!(known.parts[0].attempts.len(), 1);
    told(&mut world.administrator(), &case.case_id, "sent").await;
    assert_eq!((platform.calls_for("silent"), platform.taken().len()), (1, 1));
    world.end().await;
}
