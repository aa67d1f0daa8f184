//! Replies that are not sent, or not at once: taken back, refused, tried again by a person.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

use domain::delivery;
use proto::{
    cases::v1 as pb,
    ingestion::v1::{self as ing, delivery::Status},
};
use tests::{
    desk::message,
    platform::FakePlatform,
    world::{World, command_id},
};
use tonic::Code;

use crate::{
    accounts::{Secrets, with_accounts},
    replies::{now, reply, site, told, until},
};

/// How long a reply can be taken back, in seconds: longer than any test goes on.
const UNDO_S: u32 = 600;

async fn known(world: &World, reply_id: &str) -> ing::Delivery {
    let request = ing::GetDeliveryRequest { reply_id: reply_id.to_owned() };
    world.administrator().deliveries.get_delivery(request).await.unwrap().into_inner().delivery.unwrap()
}

async fn cancel(world: &World, reply_id: &str) -> Result<ing::Delivery, tonic::Status> {
    let request = ing::CancelDeliveryRequest {
        command_id: command_id(),
        reply_id: reply_id.to_owned(),
        ..Default::default()
    };
    let answer = world.administrator().deliveries.cancel_delivery(request).await?;
    Ok(answer.into_inner().delivery.unwrap())
}

/// Two accounts of one platform: replies of `slow` can be taken back for a while.
async fn undoing(secrets: &Secrets, platform: &FakePlatform) -> World {
    let (url, token) = (platform.url(), secrets.put("token", "s3cret"));
    let account = |id: &str, more: &str| {
        format!(
            "id = \"{id}\"\nchannel = \"line\"\nsettings = {{ base_url = \"{url}\"{more} }}\n\
             secrets = {{ channel_access_token = \"{token}\" }}"
        )
    };
    let slow = account("slow", &format!(", undo_send_s = \"{UNDO_S}\""));
    with_accounts(&[&slow, &account("line", "")]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_that_is_taken_back_in_time_never_reaches_the_platform() {
    let (secrets, platform) = (Secrets::new(), FakePlatform::start().await);
    let world = undoing(&secrets, &platform).await;
    let mut root = world.administrator();
    let (case, id) = reply(&world, "slow", "undo", "Oh no").await;
    let queued = until(&world, &id, |_| true).await;
    assert!(!queued.has_begun());
    let taken_back = cancel(&world, &id).await.unwrap();
    assert_eq!(taken_back.status(), Status::Cancelled);
    let again = cancel(&world, &id).await.unwrap();
    assert_eq!(again.status(), Status::Cancelled, "again is nothing");
    told(&mut root, &case.case_id, "failed").await;

    // What another account sent meanwhile went out; and what is sent is said.
    let (_, sent) = reply(&world, "line", "said", "It is on its way").await;
    until(&world, &sent, delivery::Delivery::is_sent).await;
    assert_eq!(cancel(&world, &sent).await.unwrap_err().code(), Code::FailedPrecondition);
    let said: Vec<_> = platform.taken().into_iter().map(|taken| taken.text).collect();
    assert_eq!((said, platform.calls()), (vec!["It is on its way".to_owned()], 1));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_wants_no_answers_gets_none_until_he_wants_them_again_and_the_letter_is_sent_once() {
    let (secrets, platform) = (Secrets::new(), FakePlatform::start().await);
    let world = site(&secrets, &platform).await;
    let mut root = world.administrator();
    let case = world.receive_one("line", now("m-1", "U1")).await;
    let customer = case.customer.clone();
    let out = pb::OptOutRequest {
        command_id: command_id(),
        customer: customer.clone(),
        purpose: pb::Purpose::Any.into(),
        ..Default::default()
    };
    root.customers.opt_out(out).await.unwrap();
    let reply = pb::ReplyRequest {
        command_id: command_id(),
        case_id: case.case_id.clone(),
        text: "It is on its way".into(),
        ..Default::default()
    };
    let id = root.cases.reply(reply).await.unwrap().into_inner().created_id;
    until(&world, &id, |delivery| matches!(delivery.stage, delivery::Stage::Refused(_))).await;
    let refused = known(&world, &id).await;
    assert_eq!((refused.status(), &*refused.reason), (Status::Refused, "opted_out"));
    assert_eq!(platform.calls(), 0);
    told(&mut root, &case.case_id, "failed").await;

    let again = pb::OptInRequest {
        command_id: command_id(),
        customer,
        purpose: pb::Purpose::Any.into(),
        ..Default::default()
    };
    root.customers.opt_in(again).await.unwrap();
    let replay = ing::ReplayDeliveryRequest {
        command_id: command_id(),
        reply_id: id.clone(),
        round: refused.round,
        ..Default::default()
    };
    // The same command again, and another one for a round that is over: nothing.
    root.deliveries.replay_delivery(replay.clone()).await.unwrap();
    root.deliveries.replay_delivery(replay.clone()).await.unwrap();
    until(&world, &id, delivery::Delivery::is_sent).await;
    let late = ing::ReplayDeliveryRequest { command_id: command_id(), ..replay };
    let _ = root.deliveries.replay_delivery(late).await;
    told(&mut root, &case.case_id, "sent").await;
    let said: Vec<_> = platform.taken().into_iter().map(|taken| taken.text).collect();
    assert_eq!((said, platform.calls()), (vec!["It is on its way".to_owned()], 1));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_its_window_a_reply_is_refused_and_says_so() {
    let (secrets, platform) = (Secrets::new(), FakePlatform::start().await);
    let world = site(&secrets, &platform).await;
    // WhatsApp takes answers for a day; this was said long before.
    let case = world.receive_one("wa", message("m-1", "+447700900123", "It leaks")).await;
    let reply = pb::ReplyRequest {
        command_id: command_id(),
        case_id: case.case_id.clone(),
        text: "Too late".into(),
        ..Default::default()
    };
    // That is certain as soon as it is written: nothing is released, and the author is told what is left.
    let refused = world.administrator().cases.reply(reply).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert!(refused.message().starts_with("text: the reply window closed at 2026-01-02"), "{refused:?}");
    assert!(refused.message().contains("template"), "{refused:?}");
    let case = world.administrator().case(&case.case_id).await;
    assert!(case.timeline.iter().all(|item| item.delivery.is_empty()), "{case:?}");
    assert_eq!(platform.calls(), 0);
    // He writes again: the window is open, and what is said then goes out.
    let (_, id) = super::replies::reply(&world, "wa", "123", "Here I am").await;
    until(&world, &id, delivery::Delivery::is_sent).await;
    assert_eq!(platform.taken().len(), 1);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_is_not_sent_over_plain_http_and_says_which_setting_it_is() {
    let (secrets, platform) = (Secrets::new(), FakePlatform::start().await);
    let token = secrets.put("token", "s3cret");
    let account = |id: &str, url: &str, more: &str| {
        format!(
            "id = \"{id}\"\nchannel = \"line\"\nsecrets = {{ channel_access_token = \"{token}\" }}\n\
             settings = {{ base_url = \"{url}\", call_time_s = \"2\"{more} }}"
        )
    };
    // This machine, under an address that does not say so.
    let here = format!("http://0.0.0.0:{}", platform.address.port());
    let world = with_accounts(&[
        &account("far", "http://198.51.100.7", ""),
        &account("here", &here, ""),
        &account("allowed", &here, ", private_addresses = \"true\""),
        &account("loopback", &platform.url(), ""),
    ])
    .await;
    let mut root = world.administrator();
    for name in ["far", "here"] {
        let (case, id) = reply(&world, name, name, "Who reads along?").await;
        let refused = until(&world, &id, delivery::Delivery::is_dead).await;
        assert_eq!(refused.stage, delivery::Stage::Rejected(delivery::Rejection::BaseUrlNotHttps));
        assert_eq!(refused.parts[0].attempts.len(), 1, "it is final");
        let known = known(&world, &id).await;
        assert_eq!((known.status(), &*known.reason), (Status::Rejected, "base_url_not_https"));
        told(&mut root, &case.case_id, "failed").await;
    }
    assert_eq!(platform.calls(), 0);
    for name in ["allowed", "loopback"] {
        let (_, id) = reply(&world, name, name, "Among ourselves").await;
        until(&world, &id, delivery::Delivery::is_sent).await;
    }
    assert_eq!(platform.taken().len(), 2);
    world.end().await;
}
