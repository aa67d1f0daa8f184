//! `kill -9` at any moment while replies go out to a platform that breaks: once where it knows them again or can be asked; else
//! once, or not at all, or honestly unclear. Nothing is lost.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

use std::{collections::BTreeMap, time::Duration};

use proto::{
    cases::v1 as pb,
    ingestion::v1::{self as ing, delivery::Status},
};
use tests::{
    desk::message,
    faults::{Chance, Site, is_unknown, seed},
    platform::{FakePlatform, Trouble},
    world::{Caller, command_id},
};

/// Moments at which the process is killed.
const KILLS: u32 = 50;
/// Replies between two kills, at most.
const REPLIES_MAX: u64 = 3;
/// Between two attempts at a process that is away.
const PAUSE: Duration = Duration::from_millis(20);
/// How long all of it may take to settle.
const SETTLED_AFTER: Duration = Duration::from_secs(180);

const TROUBLES: [Trouble; 6] = [
    Trouble::Away,
    Trouble::RateLimited(0),
    Trouble::FailsWithIt,
    Trouble::FailsWithoutIt,
    Trouble::HangsUpWithIt,
    Trouble::HangsUpWithoutIt,
];

fn accounts(url: &str, secret: &str) -> String {
    let account = |id: &str, channel: &str, settings: &str, name: &str| {
        format!(
            "[[account]]\nid = \"{id}\"\nname = \"{id}\"\nregion = \"north\"\nteam = \"north-care\"\nchannel = \"{channel}\"\n\
             settings = {{ base_url = \"{url}\", call_time_s = \"2\"{settings} }}\nsecrets = {{ {name} = \"{secret}\" }}\n"
        )
    };
    let line = account("line", "line", "", "channel_access_token");
    let quick = ", account_sid = \"AC1\", from = \"+15550100\", ask_after_s = \"1\", absent_after_s = \"1\"";
    let sms = account("sms", "sms", quick, "auth_token");
    line + &sms + &account("wa", "whatsapp", ", phone_number_id = \"1\"", "access_token")
}

/// The answer, however often the process has to be asked.
async fn answered<T>(site: &Site, ask: impl AsyncFn(Caller) -> Result<T, tonic::Status>) -> T {
    loop {
        let asked = tokio::time::timeout(Duration::from_secs(5), ask(site.administrator(0))).await;
        match asked {
            Ok(Ok(answer)) => return answer,
            Ok(Err(status)) if is_unknown(&status) || status.code() == tonic::Code::NotFound => {}
            Ok(Err(status)) => panic!("only what is away may fail: {status:?}"),
            Err(_) => {}
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// A customer writes, and is answered. The reply's id.
async fn conversation(site: &Site, account: &str, text: &str) -> String {
    let word = text.replace('-', "");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let sent_at = prost_types::Timestamp { seconds: i64::try_from(now).unwrap() - 5, nanos: 0 };
    let message =
        ing::Message { sent_at: Some(sent_at), ..message(&format!("m-{text}"), &format!("p-{text}"), &word) };
    let request =
        ing::SubmitRequest { account: account.into(), messages: vec![message], ..Default::default() };
    let position = answered(site, async |mut root| root.ingestion.submit(request.clone()).await).await;
    let position = position.into_inner().position;
    let filter = pb::Filter { text: word.clone(), ..Default::default() };
    let list =
        pb::ListCasesRequest { filter: Some(filter), at_least: position, page_size: 1, ..Default::default() };
    let case = answered(site, async |mut root| {
        let cases = root.cases.list_cases(list.clone()).await?.into_inner().cases;
        cases.into_iter().next().ok_or_else(|| tonic::Status::not_found("its case is still to come"))
    });
    let case = case.await;
    let reply = pb::ReplyRequest {
        command_id: command_id(),
        case_id: case.case_id,
        text: text.into(),
        ..Default::default()
    };
    answered(site, async |mut root| root.cases.reply(reply.clone()).await).await.into_inner().created_id
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replies_arrive_as_often_as_they_say() {
    let platform = FakePlatform::start().await;
    let secrets = tempfile::tempdir().unwrap();
    let secret = secrets.path().join("secret");
    std::fs::write(&secret, "s3cret-s3cret-s3cret-s3cret-s3cret").unwrap();
    let mut site = Site::up_with(&accounts(&platform.url(), &format!("file:{}", secret.display())));
    let seed = seed();
    let mut chance = Chance::new(seed, 0);
    let mut replies = BTreeMap::new();
    for kill in 0..KILLS {
        for n in 0..=chance.below(REPLIES_MAX) {
            let account = *chance.pick(&["line", "sms", "wa"]);
            let text = format!("reply-{kill}-{n}");
            if chance.one_in(2) {
                platform.trouble(&text, &[*chance.pick(&TROUBLES)]);
            }
            replies.insert(text.clone(), (account, conversation(&site, account, &text).await));
        }
        tokio::time::sleep(chance.millis(120)).await;
        site.servers[0].kill();
        site.servers[0].resume();
    }
    let (mut sent, mut unclear) = (0, 0);
    let settled = async {
        for (text, (account, reply_id)) in &replies {
            let delivery = answered(&site, async |mut root| {
                let request = ing::GetDeliveryRequest { reply_id: reply_id.clone() };
                let delivery =
                    root.deliveries.get_delivery(request).await?.into_inner().delivery.unwrap_or_default();
                match (delivery.status(), *account) {
                    (Status::Sent, _) | (Status::Unclear, "wa") => Ok(delivery),
                    // What these were told is known again, or can be asked for: no person has to decide.
                    (Status::Queued | Status::Sending | Status::Unclear, _) => {
                        Err(tonic::Status::not_found("it is on its way"))
                    }
                    (other, _) => panic!("{text} is {other:?}, {}", delivery.reason),
                }
            });
            let status = delivery.await.status();
            let here = platform.taken().iter().filter(|taken| taken.text == *text).count();
            match status {
                Status::Sent => assert_eq!(here, 1, "{text} at {account} is sent"),
                _ => assert!(here <= 1, "{text} is there {here} times, and unclear"),
            }
            if status == Status::Sent { sent += 1 } else { unclear += 1 }
        }
    };
    tokio::time::timeout(SETTLED_AFTER, settled).await.expect("every reply comes to an end");
    eprintln!(
        "{KILLS} kills: {sent} replies arrived once, {unclear} are unclear, {} calls",
        platform.calls()
    );
    assert!(sent > KILLS as usize / 2 && unclear > 0, "the kills met work: {sent}, {unclear}");
    site.servers[0].stop();
    site.servers[0].is_faultless();
}
