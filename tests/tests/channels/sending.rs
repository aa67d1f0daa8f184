//! Replies when something is not as it should be on our side: too long, unread, without a token, crowded out, or in doubt.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use domain::delivery;
use dossier::up;
use proto::cases::v1 as pb;
use service::{clock::SystemClock, shell::Shell};
use tempfile::TempDir;
use tests::{
    interposed::Interposed,
    platform::{FakePlatform, Trouble},
    world::World,
};
use tonic::Code::FailedPrecondition;

use crate::{
    accounts::{Secrets, give_accounts, with_accounts},
    replies::{now, reply, site, told, until},
};

/// How long the reply of an account that works may take while another one hangs: less than a call of that one.
const SOON: Duration = Duration::from_secs(12);
/// How long a call of the one that hangs may take, in seconds.
const HANGS_S: u32 = 40;

/// The attempts at the only part.
fn attempts(delivery: &delivery::Delivery) -> &[delivery::Attempt] {
    &delivery.parts[0].attempts
}

fn account(id: &str, url: &str, call_time_s: u32, secret: &str) -> String {
    format!(
        "id = \"{id}\"\nchannel = \"sms\"\nsecrets = {{ auth_token = \"{secret}\" }}\n\
         settings = {{ base_url = \"{url}\", account_sid = \"AC1\", from = \"+15550100\", call_time_s = \"{call_time_s}\" }}"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_too_long_is_refused_at_once_with_the_limit_and_the_count() {
    let (secrets, platform) = (Secrets::new(), FakePlatform::start().await);
    let world = site(&secrets, &platform).await;
    let mut root = world.administrator();
    for (account, says) in [
        ("sms", "text: 79 SMS segments, and this channel takes at most 10: shorten it"),
        (
            "line",
            "text: 12000 UTF-16 units, and this channel takes at most 2000 in each of 5 messages: shorten it",
        ),
    ] {
        let case = world.receive_one(account, now(&format!("m-{account}"), "+447700900")).await;
        let long = pb::ReplyRequest {
            command_id: tests::world::command_id(),
            case_id: case.case_id.clone(),
            text: "long ".repeat(2_400),
            ..Default::default()
        };
        let wrong = tests::desk::refused(root.cases.reply(long).await, FailedPrecondition, "TOO_LONG");
        assert_eq!(wrong.message(), says);
        assert_eq!(root.case(&case.case_id).await.timeline.len(), 1, "nothing was released");
    }
    assert_eq!(platform.calls(), 0);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_became_too_long_never_reaches_a_platform_though_a_person_tries_it_again() {
    let (secrets, platform) = (Secrets::new(), FakePlatform::start().await);
    let secret = secrets.put("secret", "s3cret-s3cret-s3cret-s3cret-s3cret");
    let account = account("sms", &platform.url(), 2, &secret);
    let world = with_accounts(&[&account]).await;
    let mut root = world.administrator();
    let hold = proto::ingestion::v1::HoldChannelRequest {
        command_id: tests::world::command_id(),
        account: "sms".into(),
        reason: "crisis".into(),
        ..Default::default()
    };
    root.channels.hold_channel(hold).await.unwrap();
    let (case, id) = reply(&world, "sms", "1", &"long ".repeat(60)).await;
    until(&world, &id, |_| true).await;
    // Less is taken there from now on.
    let shorter = format!("{account}\n[[channel]]\nid = \"sms\"\nlength_max = 1");
    give_accounts(&world, &[&shorter]).await;
    let release = proto::ingestion::v1::ReleaseChannelRequest {
        command_id: tests::world::command_id(),
        account: "sms".into(),
        ..Default::default()
    };
    root.channels.release_channel(release).await.unwrap();
    told(&mut root, &case.case_id, "failed").await;
    let known = root.case(&case.case_id).await;
    let item = known.timeline.last().unwrap();
    assert_eq!(item.reason, "too_long");
    assert!(item.reason_text.ends_with("shorten it"), "{}", item.reason_text);
    let replay = proto::ingestion::v1::ReplayDeliveryRequest {
        command_id: tests::world::command_id(),
        reply_id: id.clone(),
        round: 1,
        ..Default::default()
    };
    root.deliveries.replay_delivery(replay).await.unwrap();
    let rejected = until(&world, &id, |delivery| delivery.round == 2 && delivery.is_dead()).await;
    assert_eq!(rejected.stage, delivery::Stage::Rejected(delivery::Rejection::TooLong));
    assert_eq!(platform.calls(), 0);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_whose_words_cannot_be_read_has_a_result_and_is_made_again() {
    let (secrets, platform) = (Secrets::new(), FakePlatform::start().await);
    let folder = TempDir::new().unwrap();
    let shell = up::shell(folder.path(), Arc::new(SystemClock)).await.unwrap();
    let log = Interposed::new(Arc::clone(&shell.log));
    let world = World::over(Shell { log: Arc::clone(&log) as _, ..shell }, folder.path()).await;
    let secret = secrets.put("secret", "s3cret-s3cret-s3cret-s3cret-s3cret");
    give_accounts(&world, &[&account("one", &platform.url(), 2, &secret)]).await;
    let hiding = Arc::downgrade(&log);
    let once = AtomicBool::new(true);
    let was_away = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&was_away);
    log.put(move |_, entry| {
        let starts = service::envelope::contains(&entry.body, "delivery.attempt_started");
        let log = hiding.upgrade().unwrap();
        if starts && once.swap(false, Ordering::Relaxed) {
            log.hide(entry.stream.clone());
        } else if log.show(&entry.stream) {
            // What is written next of it is the result.
            seen.store(true, Ordering::Relaxed);
        }
        Box::pin(async { Ok(()) })
    });
    let (_, id) = reply(&world, "one", "1", "It is on its way").await;
    let sent = until(&world, &id, delivery::Delivery::is_sent).await;
    assert!(was_away.load(Ordering::Relaxed));
    let [first, second] = attempts(&sent) else { panic!("{sent:?}") };
    assert!(matches!(first.outcome, delivery::Outcome::Failed { .. }), "{first:?}");
    assert!(matches!(second.outcome, delivery::Outcome::Sent { .. }), "{second:?}");
    assert_eq!(platform.taken().len(), 1);
    log.take_away();
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_access_token_that_ended_is_renewed_and_without_one_a_reply_waits() {
    let (secrets, platform) = (Secrets::new(), FakePlatform::start().await);
    let (url, refresh) = (platform.url(), secrets.put("refresh", "r3fresh"));
    let account = format!(
        "id = \"wa\"\nchannel = \"whatsapp\"\nsecrets = {{ refresh_token = \"{refresh}\" }}\n\
         settings = {{ base_url = \"{url}\", oauth_url = \"{url}/oauth/token\", client_id = \"dossier\", \
         private_addresses = \"true\", phone_number_id = \"1\", call_time_s = \"2\", retry_s = \"1\" }}"
    );
    let world = with_accounts(&[&account]).await;
    platform.gives_no_tokens(true);
    let (_, waits) = reply(&world, "wa", "1", "first").await;
    // It is not the first look alone that finds none.
    tokio::time::timeout(SOON, platform.refused_tokens(2)).await.expect("it is asked for one again");
    let queued = until(&world, &waits, |_| true).await;
    assert_eq!((attempts(&queued).len(), platform.calls(), platform.tokens()), (0, 0, 0));
    platform.gives_no_tokens(false);
    let sent = until(&world, &waits, delivery::Delivery::is_sent).await;
    assert_eq!((attempts(&sent).len(), platform.tokens()), (1, 1), "no attempt was made without one");
    platform.trouble("second", &[Trouble::Unauthorized]);
    let (_, renewed) = reply(&world, "wa", "2", "second").await;
    let sent = until(&world, &renewed, delivery::Delivery::is_sent).await;
    assert_eq!((attempts(&sent).len(), platform.tokens()), (1, 2), "in the same attempt, with another one");
    assert_eq!((platform.calls(), platform.taken().len()), (3, 2));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_hangs_leaves_lanes_to_the_others() {
    let (secrets, hanging, well) = (Secrets::new(), FakePlatform::start().await, FakePlatform::start().await);
    let secret = secrets.put("secret", "s3cret-s3cret-s3cret-s3cret-s3cret");
    let hangs = account("hangs", &hanging.url(), HANGS_S, &secret);
    let world = with_accounts(&[&hangs, &account("well", &well.url(), 2, &secret)]).await;
    // It has gone well for long: as much as possible is sent at once.
    for n in 0..7 {
        let (_, id) = reply(&world, "hangs", &format!("a{n}"), &format!("before {n}")).await;
        until(&world, &id, delivery::Delivery::is_sent).await;
    }
    hanging.always(Some(Trouble::SilentWithIt));
    for n in 0..service::reaction::LANES_MAX + 8 {
        reply(&world, "hangs", &format!("b{n}"), &format!("hangs {n}")).await;
    }
    let (_, id) = reply(&world, "well", "c", "It is on its way").await;
    let sent = tokio::time::timeout(SOON, until(&world, &id, delivery::Delivery::is_sent)).await;
    assert!(sent.is_ok(), "all lanes are held by the account that hangs");
    let under_way = hanging.calls() - 7;
    assert!((2..=service::reaction::LANES_MAX / 4).contains(&under_way), "{under_way}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_reply_with_the_same_words_proves_nothing() {
    let (secrets, platform) = (Secrets::new(), FakePlatform::start().await);
    let world = site(&secrets, &platform).await;
    let mut root = world.administrator();
    let (case, first) = reply(&world, "sms", "1", "We are looking").await;
    until(&world, &first, delivery::Delivery::is_sent).await;
    platform.trouble("We are looking", &[Trouble::HangsUpWithoutIt]);
    let again = proto::cases::v1::ReplyRequest {
        command_id: tests::world::command_id(),
        case_id: case.case_id,
        text: "We are looking".into(),
        ..Default::default()
    };
    let second = root.cases.reply(again).await.unwrap().into_inner().created_id;
    let asked = |delivery: &delivery::Delivery| {
        let outcome = attempts(delivery).first().map(|first| &first.outcome);
        delivery.is_sent() || matches!(outcome, Some(delivery::Outcome::Unclear(unclear)) if unclear.asks > 0)
    };
    let doubtful = until(&world, &second, asked).await;
    assert!(!doubtful.is_sent(), "the first one was taken for it");
    assert_eq!(platform.taken().len(), 1);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_platform_shows_late_is_not_sent_again() {
    let (secrets, platform) = (Secrets::new(), FakePlatform::start().await);
    let world = site(&secrets, &platform).await;
    platform.trouble("late", &[Trouble::HangsUpWithIt]);
    platform.hide(1);
    let (_, id) = reply(&world, "sms", "1", "late").await;
    let sent = until(&world, &id, delivery::Delivery::is_sent).await;
    assert_eq!((attempts(&sent).len(), platform.taken().len(), platform.calls()), (1, 1, 1));
    world.end().await;
}
