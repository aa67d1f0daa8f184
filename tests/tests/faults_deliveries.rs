//! `kill -9` at any moment while replies of every kind go out to platforms and a mail server that break: once where they know
//! them again or can be asked; else once, or not at all, or honestly unclear. Nothing is lost, and a conversation keeps its
//! order.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

#[path = "channels/every_speaker/places.rs"]
mod places;

use std::{collections::BTreeMap, time::Duration};

use ingestion::channels::{SPEAKERS, speak::Promise};
use places::{of_policy, places};
use proto::{
    cases::v1 as pb,
    ingestion::v1::{self as ing, delivery::Status},
};
use tests::{
    desk::message,
    faults::{Chance, Site, is_unknown, seed},
    mail_server::{self, FakeMailServer},
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

/// Replies of one conversation, spread over the kills.
const IN_ORDER: u32 = 10;
/// The number of its customer.
const ORDERLY: usize = 9_000;
/// The number of the first of the others.
const FIRST: usize = 1_000;

const TROUBLES: [Trouble; 8] = [
    Trouble::Away,
    Trouble::AwayWithIt,
    Trouble::RateLimited(0),
    Trouble::FailsWithIt,
    Trouble::FailsWithoutIt,
    Trouble::HangsUpWithIt,
    Trouble::HangsUpWithoutIt,
    Trouble::SilentWithIt,
];

const TROUBLES_OF_MAILS: [mail_server::Trouble; 5] = [
    mail_server::Trouble::SaysToMail("451 4.3.0 later"),
    mail_server::Trouble::HangsUpBefore,
    mail_server::Trouble::HangsUpWithIt,
    mail_server::Trouble::HangsUpWithoutIt,
    mail_server::Trouble::SilentWithIt,
];

/// Where replies go: an account, and how those who write there, and what they write, are called (`#` is a number).
struct Place {
    account: String,
    author: &'static str,
    id: &'static str,
    is_public: bool,
    promise: Promise,
}

impl Place {
    fn author(&self, number: usize) -> String {
        self.author.replace('#', &number.to_string())
    }

    fn is_mail(&self) -> bool {
        self.account == "mail"
    }
}

/// Every place of every connector that sends, and a mail account; with the policy that has them.
fn all_places(url: &str, mail: &str, secret: &str) -> (Vec<Place>, String) {
    let mut policy = String::new();
    let mut account = |id: &str, channel: &str, rest: &str, settings: &str| {
        policy += &format!(
            "[[account]]\nid = \"{id}\"\nname = \"{id}\"\nregion = \"north\"\nteam = \"north-care\"\nchannel = \"{channel}\"\n\
             {rest}settings = {{ {settings}, call_time_s = \"2\", retry_s = \"1\" }}\n"
        );
    };
    account("mail", "email", "", &format!("address = \"care@brand.example\", {mail}"));
    let (author, id) = ("p-#@example.org", "m-#@example.org");
    let promise = Promise::Nothing;
    let mut all = vec![Place { account: "mail".into(), author, id, is_public: false, promise }];
    for speaker in SPEAKERS {
        let connector = speaker.name();
        let (channel, settings, name) = of_policy(connector, url);
        for (n, &(_, author, id, is_public, own)) in places(connector).iter().enumerate() {
            let own_id = format!("{}-{n}", connector.replace('_', "-"));
            let rest = format!("connector = \"{connector}\"\nsecrets = {{ {name} = \"{secret}\" }}\n");
            account(&own_id, channel, &rest, &settings);
            let promise = own.unwrap_or(speaker.promise());
            all.push(Place { account: own_id, author, id, is_public, promise });
        }
    }
    (all, policy)
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

/// A customer of this number writes. The id of the case.
async fn case(site: &Site, place: &Place, number: usize) -> String {
    let word = format!("question{number}");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let sent_at = prost_types::Timestamp { seconds: i64::try_from(now).unwrap() - 5, nanos: 0 };
    let message = message(&place.id.replace('#', &number.to_string()), &place.author(number), &word);
    let message = ing::Message { sent_at: Some(sent_at), public: Some(place.is_public), ..message };
    let account = place.account.clone();
    let request = ing::SubmitRequest { account, messages: vec![message], ..Default::default() };
    let answer = answered(site, async |mut root| root.ingestion.submit(request.clone()).await).await;
    let position = answer.into_inner().position;
    let filter = pb::Filter { text: word, ..Default::default() };
    let list =
        pb::ListCasesRequest { filter: Some(filter), at_least: position, page_size: 1, ..Default::default() };
    let case = answered(site, async |mut root| {
        let cases = root.cases.list_cases(list.clone()).await?.into_inner().cases;
        cases.into_iter().next().ok_or_else(|| tonic::Status::not_found("its case is still to come"))
    });
    case.await.case_id
}

/// It is answered. The reply's id.
async fn reply(site: &Site, case_id: &str, text: &str) -> String {
    let reply = pb::ReplyRequest {
        command_id: command_id(),
        case_id: case_id.into(),
        text: text.into(),
        ..Default::default()
    };
    answered(site, async |mut root| root.cases.reply(reply.clone()).await).await.into_inner().created_id
}

/// Replies by what they say: where they go, to the customer of which number, and their ids.
type Written<'a> = BTreeMap<String, (&'a Place, usize, String)>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replies_arrive_as_often_as_they_say() {
    let (platform, mails) = (FakePlatform::start().await, FakeMailServer::start().await);
    let secrets = tempfile::tempdir().unwrap();
    let secret = secrets.path().join("secret");
    std::fs::write(&secret, "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=").unwrap();
    let secret = format!("file:{}", secret.display());
    let (places, policy) = all_places(&platform.url(), &mails.settings(), &secret);
    let mut site = Site::up_with(&policy);
    let seed = seed();
    let mut chance = Chance::new(seed, 0);
    let mut replies = Written::new();
    let line = places.iter().find(|place| place.account == "line-0").unwrap();
    let orderly = case(&site, line, ORDERLY).await;
    for kill in 0..KILLS {
        for n in 0..=chance.below(REPLIES_MAX) {
            // Mails have a server of their own, and a share of their own.
            let place = if chance.one_in(6) { &places[0] } else { chance.pick(&places) };
            let (text, number) = (format!("reply-{kill}-{n}"), FIRST + replies.len());
            if chance.one_in(2) {
                platform.trouble(&text, &[*chance.pick(&TROUBLES)]);
                if place.is_mail() {
                    mails.trouble(&place.author(number), &[*chance.pick(&TROUBLES_OF_MAILS)]);
                }
            }
            let case = case(&site, place, number).await;
            replies.insert(text.clone(), (place, number, reply(&site, &case, &text).await));
        }
        if kill % (KILLS / IN_ORDER) == 0 {
            let text = format!("order-{kill:02}");
            if chance.one_in(2) {
                platform.trouble(&text, &[*chance.pick(&TROUBLES)]);
            }
            replies.insert(text.clone(), (line, ORDERLY, reply(&site, &orderly, &text).await));
        }
        tokio::time::sleep(chance.millis(120)).await;
        site.servers[0].kill();
        site.servers[0].resume();
    }
    let (mut sent, mut unclear) = (0, 0);
    let settled = async {
        for (text, (place, number, reply_id)) in &replies {
            let delivery = answered(&site, async |mut root| {
                let request = ing::GetDeliveryRequest { reply_id: reply_id.clone() };
                let delivery =
                    root.deliveries.get_delivery(request).await?.into_inner().delivery.unwrap_or_default();
                match (delivery.status(), place.promise) {
                    (Status::Sent, _) | (Status::Unclear, Promise::Nothing) => Ok(delivery),
                    // What these were told is known again, or can be asked for: no person has to decide.
                    (Status::Queued | Status::Sending | Status::Unclear, _) => {
                        Err(tonic::Status::not_found("it is on its way"))
                    }
                    (other, _) => panic!("{text} at {} is {other:?}, {}", place.account, delivery.reason),
                }
            });
            let status = delivery.await.status();
            let here = if place.is_mail() {
                mails.taken_for(&place.author(*number)).len()
            } else {
                platform.taken().iter().filter(|taken| taken.text == *text).count()
            };
            let account = &place.account;
            match status {
                Status::Sent => assert_eq!(here, 1, "{text} at {account} is sent"),
                _ => assert!(here <= 1, "{text} is there {here} times, and unclear"),
            }
            if status == Status::Sent { sent += 1 } else { unclear += 1 }
        }
    };
    tokio::time::timeout(SETTLED_AFTER, settled).await.expect("every reply comes to an end");
    let order: Vec<_> = platform
        .taken()
        .into_iter()
        .filter(|taken| taken.to == line.author(ORDERLY))
        .map(|taken| taken.text)
        .collect();
    assert_eq!(order.len(), IN_ORDER as usize);
    assert!(order.is_sorted(), "a conversation keeps its order: {order:?}");
    eprintln!(
        "{KILLS} kills, {} accounts: {sent} replies arrived once, {unclear} are unclear, {} calls and {} mails, {IN_ORDER} in order",
        replies.values().map(|(place, ..)| &place.account).collect::<std::collections::BTreeSet<_>>().len(),
        platform.calls(),
        mails.calls()
    );
    assert!(sent > KILLS as usize / 2 && unclear > 0, "the kills met work: {sent}, {unclear}");
    site.servers[0].stop();
    site.servers[0].is_faultless();
}
