//! Replies on the customer's own channel: once, with their fate known or honestly unknown.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

use std::time::Duration;

use domain::delivery;
use futures_util::StreamExt;
use proto::{cases::v1 as pb, ingestion::v1 as ing};
use service::envelope::Envelope;
use tests::{
    desk::message,
    platform::{FakePlatform, Trouble},
    world::{Caller, World, command_id},
};

use crate::{
    accounts::{Secrets, all_taken, with_accounts},
    hooks,
};

/// How long a reply may take in a test, whatever goes wrong.
const AT_MOST: Duration = Duration::from_secs(60);

/// An account for each promise that a platform can make: it knows keys, it can be asked, neither.
pub async fn site(secrets: &Secrets, platform: &FakePlatform) -> World {
    let (url, secret) = (platform.url(), secrets.put("secret", "s3cret-s3cret-s3cret-s3cret-s3cret"));
    let account = |id: &str, channel: &str, settings: &str, name: &str| {
        format!(
            "id = \"{id}\"\nchannel = \"{channel}\"\n\
             settings = {{ base_url = \"{url}\", call_time_s = \"2\", retry_s = \"1\"{settings} }}\nsecrets = {{ {name} = \"{secret}\" }}"
        )
    };
    let line = account("line", "line", "", "channel_access_token");
    let quick = ", account_sid = \"AC1\", from = \"+15550100\", ask_after_s = \"1\", absent_after_s = \"1\"";
    let sms = account("sms", "sms", quick, "auth_token");
    let whatsapp = account("wa", "whatsapp", ", phone_number_id = \"1\"", "access_token");
    let app = format!(", app_secret = \"{0}\", verify_token = \"{0}\" }}", secrets.put("app", hooks::SECRET));
    let whatsapp = whatsapp.trim_end().trim_end_matches('}').to_owned() + &app;
    let lax =
        account("lax", "whatsapp", ", phone_number_id = \"2\", resend_unclear = \"true\"", "access_token");
    with_accounts(&[&line, &sms, &whatsapp, &lax]).await
}

/// A message that came in just now.
pub fn now(id: &str, author: &str) -> ing::Message {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let sent_at =
        Some(prost_types::Timestamp { seconds: i64::try_from(now.as_secs()).unwrap() - 60, nanos: 0 });
    ing::Message { sent_at, ..message(id, author, "Where is it?") }
}

pub async fn reply(world: &World, account: &str, name: &str, text: &str) -> (pb::Case, String) {
    let case = world.receive_one(account, now(&format!("m-{name}"), &format!("+4477009{name}"))).await;
    let reply = pb::ReplyRequest {
        command_id: command_id(),
        case_id: case.case_id.clone(),
        text: text.into(),
        ..Default::default()
    };
    let answer = world.administrator().cases.reply(reply).await.unwrap().into_inner();
    (case, answer.created_id)
}

/// The delivery of a reply, once it says this of itself.
pub async fn until(
    world: &World,
    reply: &str,
    what: impl Fn(&delivery::Delivery) -> bool,
) -> delivery::Delivery {
    let category = eventlog::Category::new("delivery").unwrap();
    let stream = eventlog::StreamId::new(&category, reply).unwrap();
    let mut entries = world.platform.shell.log.follow(eventlog::Position::NONE, &[category]);
    let waiting = async {
        let mut state = delivery::State::default();
        while let Some(entry) = entries.next().await {
            let entry = entry.unwrap();
            if entry.stream != stream {
                continue;
            }
            let envelope = Envelope::<delivery::Event>::of(&entry).unwrap();
            state = envelope.events.iter().fold(state, domain::decider::Decider::evolve);
            if let Some(delivery) = state.delivery().filter(|delivery| what(delivery)) {
                return delivery.clone();
            }
        }
        unreachable!("the log never ends")
    };
    let found = tokio::time::timeout(AT_MOST, waiting).await;
    found.unwrap_or_else(|_| panic!("the delivery of {reply} never came so far"))
}

/// Waits until a case is told this of one of its replies.
pub async fn told(root: &mut Caller, case: &str, delivery: &str) {
    let waiting = async {
        loop {
            let case = root.case(case).await;
            if case.timeline.iter().any(|item| item.delivery == delivery) {
                return;
            }
            // The case hears of it from the log; each look is at a later position of it.
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(AT_MOST, waiting)
        .await
        .unwrap_or_else(|_| panic!("the case is not told {delivery}"));
}

const ALL: [Trouble; 8] = [
    Trouble::RateLimited(1),
    Trouble::Away,
    Trouble::AwayWithIt,
    Trouble::FailsWithIt,
    Trouble::FailsWithoutIt,
    Trouble::HangsUpWithIt,
    Trouble::HangsUpWithoutIt,
    Trouble::SilentWithIt,
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_arrives_once_whatever_goes_wrong_where_the_platform_knows_it_again_or_can_be_asked() {
    let (secrets, platform) = (Secrets::new(), FakePlatform::start().await);
    let world = site(&secrets, &platform).await;
    let mut root = world.administrator();
    let mut sent = Vec::new();
    for account in ["line", "sms"] {
        for (n, trouble) in ALL.into_iter().enumerate() {
            let text = format!("{account} {trouble:?}");
            platform.trouble(&text, &[trouble]);
            let (case, id) = reply(&world, account, &format!("{account}{n}"), &text).await;
            sent.push((case, id, text));
        }
    }
    for (case, id, text) in sent {
        until(&world, &id, delivery::Delivery::is_sent).await;
        let here = platform.taken().into_iter().filter(|taken| taken.text == text).count();
        assert_eq!(here, 1, "{text}");
        told(&mut root, &case.case_id, "sent").await;
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_unclear_is_never_sent_again_by_itself_and_a_person_decides() {
    let (secrets, platform) = (Secrets::new(), FakePlatform::start().await);
    let world = site(&secrets, &platform).await;
    let mut root = world.administrator();
    for (n, trouble) in ALL.into_iter().enumerate() {
        let text = format!("{trouble:?}");
        platform.trouble(&text, &[trouble]);
        let (case, id) = reply(&world, "wa", &format!("wa{n}"), &text).await;
        let here = || platform.taken().into_iter().filter(|taken| taken.text == text).count();
        if matches!(trouble, Trouble::RateLimited(_)) {
            until(&world, &id, delivery::Delivery::is_sent).await;
            assert_eq!(here(), 1, "{text}");
            continue;
        }
        let unclear = until(&world, &id, delivery::Delivery::is_unclear).await;
        let with_it = matches!(
            trouble,
            Trouble::AwayWithIt | Trouble::FailsWithIt | Trouble::HangsUpWithIt | Trouble::SilentWithIt
        );
        assert_eq!((here(), unclear.parts[0].attempts.len()), (usize::from(with_it), 1), "{text}");
        let list = ing::ListDeliveriesRequest { at_least: case.position.clone(), ..Default::default() };
        let listed = world.administrator().deliveries.list_deliveries(list).await.unwrap().into_inner();
        let known = root.deliveries.get_delivery(ing::GetDeliveryRequest { reply_id: id.clone() }).await;
        let known = known.unwrap().into_inner().delivery.unwrap();
        assert_eq!(known.status(), ing::delivery::Status::Unclear);
        assert!(listed.deliveries.iter().all(|delivery| delivery.status() != ing::delivery::Status::Sent));
        if with_it {
            let says = ing::ClarifyDeliveryRequest {
                command_id: command_id(),
                reply_id: id.clone(),
                part: 1,
                attempt: known.parts[0].unclear_attempt,
                has: true,
                ..Default::default()
            };
            root.deliveries.clarify_delivery(says).await.unwrap();
        } else {
            let again = ing::ResendDeliveryRequest {
                command_id: command_id(),
                reply_id: id.clone(),
                part: 1,
                attempt: known.parts[0].attempts,
                ..Default::default()
            };
            root.deliveries.resend_delivery(again).await.unwrap();
        }
        until(&world, &id, delivery::Delivery::is_sent).await;
        assert_eq!(here(), 1, "{text}");
        told(&mut root, &case.case_id, "sent").await;
    }
    // An account can want it otherwise: rather twice than never.
    platform.trouble("rather twice", &[Trouble::HangsUpWithIt]);
    let (_, id) = reply(&world, "lax", "lax", "rather twice").await;
    let sent = until(&world, &id, delivery::Delivery::is_sent).await;
    assert_eq!(platform.taken().iter().filter(|taken| taken.text == "rather twice").count(), 2);
    assert_eq!(sent.parts[0].attempts.len(), 2);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replies_of_a_conversation_keep_their_order() {
    let (secrets, platform) = (Secrets::new(), FakePlatform::start().await);
    let world = site(&secrets, &platform).await;
    platform.trouble("one", &[Trouble::Away, Trouble::RateLimited(1)]);
    let (case, _) = reply(&world, "line", "order", "one").await;
    let mut last = String::new();
    for text in ["two", "three"] {
        let reply = pb::ReplyRequest {
            command_id: command_id(),
            case_id: case.case_id.clone(),
            text: text.into(),
            ..Default::default()
        };
        last = world.administrator().cases.reply(reply).await.unwrap().into_inner().created_id;
    }
    until(&world, &last, delivery::Delivery::is_sent).await;
    let said: Vec<_> = platform.taken().into_iter().map(|taken| taken.text).collect();
    assert_eq!(said, ["one", "two", "three"]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn imported_history_sends_nothing_answers_nobody_and_opens_no_window() {
    let (secrets, platform) = (Secrets::new(), FakePlatform::start().await);
    let world = site(&secrets, &platform).await;
    let mut root = world.administrator();
    // What was asked and what was answered, then.
    let answered = ing::Message {
        author: None,
        recipient: now("", "+447700900999").author,
        direction: ing::Direction::Outbound.into(),
        reply_to: "m-old".into(),
        text: "It came back".into(),
        ..now("m-answer", "+447700900999")
    };
    let import = ing::SubmitRequest {
        account: "wa".into(),
        messages: vec![now("m-old", "+447700900999"), answered, now("m-thanks", "+447700900999")],
        origin: ing::submit_request::Origin::Import.into(),
    };
    // Run twice, it is the same history.
    root.ingestion.submit(import.clone()).await.unwrap();
    let answer = root.ingestion.submit(import).await.unwrap().into_inner();
    assert!(answer.results.iter().all(|of| of.outcome() == ing::submit_response::Outcome::Duplicate));
    let position = answer.position;
    world.settled(&position).await;
    let list = pb::ListCasesRequest { at_least: position, page_size: 10, ..Default::default() };
    let cases = root.list(list).await;
    assert_eq!(cases.len(), 1);
    let case = root.case(&cases[0].case_id).await;
    assert_eq!(case.timeline.len(), 3, "{:?}", case.timeline);
    assert!(world.log_entries(&["delivery"]).await.is_empty(), "nothing is to be sent");
    let reply = pb::ReplyRequest {
        command_id: command_id(),
        case_id: case.case_id,
        text: "Too late".into(),
        ..Default::default()
    };
    let id = root.cases.reply(reply).await.unwrap().into_inner().created_id;
    let refused = until(&world, &id, |delivery| matches!(delivery.stage, delivery::Stage::Refused(_))).await;
    assert_eq!((refused.has_begun(), platform.calls()), (false, 0));
    let known = root.deliveries.get_delivery(ing::GetDeliveryRequest { reply_id: id }).await.unwrap();
    assert_eq!(
        known.into_inner().delivery.unwrap().reason,
        "no_basis",
        "what is imported lets nobody answer"
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_platform_tells_of_a_reply_later_is_of_the_reply() {
    let (secrets, platform) = (Secrets::new(), FakePlatform::start().await);
    let world = site(&secrets, &platform).await;
    let calls = hooks::Platform::of(&world);
    let (case, id) = reply(&world, "wa", "told", "It is on its way").await;
    until(&world, &id, delivery::Delivery::is_sent).await;
    let external = platform.taken()[0].id.clone();
    let status = |status: &str| {
        let status = serde_json::json!([{"id": external, "status": status, "timestamp": "1790000000",
                                         "recipient_id": "447700900000"}]);
        hooks::delivery(&serde_json::json!([]), &status)
    };
    // In any order, and again.
    for word in ["read", "delivered", "sent", "read"] {
        assert_eq!(calls.signed("wa", &status(word)).await, http::StatusCode::OK);
    }
    until(&world, &id, |delivery| delivery.status() == delivery::Status::Read).await;
    all_taken(&world).await;
    let case = world.administrator().case(&case.case_id).await;
    assert_eq!(case.timeline.len(), 2, "the reply stands there once: {:?}", case.timeline);
    world.end().await;
}
