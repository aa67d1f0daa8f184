//! Every connector that sends, against a platform that breaks in every way: once where it knows us again or can be asked; else
//! once, or not at all, or honestly unclear and never again by itself. A connector without its line here fails.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use domain::{
    decider::Decider,
    delivery::{Delivery, Event, State},
};
use futures_util::StreamExt;
use ingestion::channels::{SPEAKERS, speak::Promise};
use proto::{
    cases::v1 as pb,
    ingestion::v1::{self as ing, delivery::Status},
};
use service::envelope::Envelope;
use tests::{
    platform::{FakePlatform, Trouble},
    world::{Caller, World, command_id},
};

use crate::{
    accounts::{Secrets, with_accounts},
    replies::now,
};

/// How long all replies together may take.
const AT_MOST: Duration = Duration::from_secs(120);

/// Every trouble, and whether the platform has the message all the same.
const TROUBLES: [(Trouble, bool); 7] = [
    (Trouble::RateLimited(1), false),
    (Trouble::Away, false),
    (Trouble::FailsWithIt, true),
    (Trouble::FailsWithoutIt, false),
    (Trouble::HangsUpWithIt, true),
    (Trouble::HangsUpWithoutIt, false),
    (Trouble::SilentWithIt, true),
];

/// How an account of a connector is written in policy: the kind of its channel, its settings, the name of its secret.
fn of_policy(connector: &str, url: &str) -> (&'static str, String, &'static str) {
    let callback = || format!("callback_url = \"{url}/callback\"");
    let at = |more: &str| format!("base_url = \"{url}\"{more}");
    match connector {
        "cloudevents" | "standard_webhooks" => ("sav", callback(), "secret"),
        "facebook_page" => ("facebook", at(""), "access_token"),
        "google_reviews" => ("google-reviews", at(""), "access_token"),
        "instagram" => ("instagram", at(""), "access_token"),
        "line" => ("line", at(""), "channel_access_token"),
        "messenger" => ("messenger", at(""), "access_token"),
        "slack" => ("slack", at(""), "bot_token"),
        "telegram" => ("telegram", at(""), "bot_token"),
        "trustpilot" => ("trustpilot", at(""), "access_token"),
        "twilio" => ("sms", at(", account_sid = \"AC1\", from = \"+15550100\""), "auth_token"),
        "vk" => ("vk", at(""), "access_token"),
        "vonage" => ("sms", at(", from = \"15550100\""), "jwt"),
        "wechat" => ("wechat", at(""), "access_token"),
        "whatsapp_cloud" => ("whatsapp", at(", phone_number_id = \"1\""), "access_token"),
        "x" => ("x", at(", user_id = \"2244994945\""), "access_token"),
        "youtube" => ("youtube", at(""), "access_token"),
        other => panic!("{other} can send: write here how its accounts are"),
    }
}

/// Where a connector answers: a name, what its platform calls the customer and the message (`#` is a number), whether everybody
/// reads it, and, where that differs, what can be done there in doubt.
type Place = (&'static str, &'static str, &'static str, bool, Option<Promise>);

fn places(connector: &str) -> &'static [Place] {
    match connector {
        "cloudevents" | "standard_webhooks" => &[("", "c-#", "m-#", false, None)],
        "facebook_page" => &[("chat", "25#", "m_#", false, None), ("comment", "25#", "44_#", true, None)],
        "google_reviews" => &[("", "c-#", "accounts/1/locations/2/reviews/R#", true, None)],
        "instagram" => &[("chat", "98#", "aW#", false, None), ("comment", "98#", "178#", true, None)],
        "line" => &[("", "U#", "325#", false, None)],
        "messenger" => &[("", "26#", "m_#", false, None)],
        "slack" => &[
            ("chat", "U#", "D#:1700.1", false, None),
            ("thread", "U#", "C#:1700.1", true, None),
            // The chat with whoever wrote in a channel has a name that nobody told us.
            ("new chat", "U#", "C#:1700.2", false, Some(Promise::Nothing)),
        ],
        "telegram" => &[("chat", "42#", "42#:31", false, None), ("group", "43#", "-100#:31", true, None)],
        "trustpilot" => &[("", "c-#", "R#", true, None)],
        "twilio" => &[("", "+44770#", "SM#", false, None)],
        "vk" => &[("chat", "77#", "77#:5", false, None), ("comment", "78#", "wall-1_#", true, None)],
        "vonage" => &[("", "44771#", "V#", false, None)],
        "wechat" => &[("", "o#", "23#", false, None)],
        "whatsapp_cloud" => &[("", "44772#", "wamid.#", false, None)],
        "x" => &[("chat", "22#", "15#", false, None), ("post", "23#", "13#", true, None)],
        "youtube" => &[("", "UC#", "Ug#", true, None)],
        other => panic!("{other} can send: write here where it answers"),
    }
}

/// One reply with one trouble, at an account of its own: what one account suffers must not hold up another.
struct Row {
    connector: &'static str,
    place: Place,
    promise: Promise,
    /// Whether policy would rather have it twice than never.
    lax: bool,
    trouble: Trouble,
    with_it: bool,
    account: String,
    number: usize,
    case: String,
    reply: String,
}

impl Row {
    fn text(&self) -> String {
        format!("reply {}", self.number)
    }

    /// Whether it takes nobody to bring it to an end.
    fn ends_by_itself(&self) -> bool {
        self.promise != Promise::Nothing
            || self.lax
            || matches!(self.trouble, Trouble::RateLimited(_) | Trouble::Away)
    }

    fn policy(&self, url: &str, secret: &str) -> String {
        let (channel, settings, name) = of_policy(self.connector, url);
        let lax = if self.lax { ", resend_unclear = \"true\"" } else { "" };
        format!(
            "id = \"{}\"\nchannel = \"{channel}\"\nconnector = \"{}\"\nsecrets = {{ {name} = \"{secret}\" }}\n\
             settings = {{ {settings}, call_time_s = \"2\"{lax} }}",
            self.account, self.connector
        )
    }

    fn message(&self) -> ing::Message {
        let (_, author, id, public, _) = self.place;
        let number = self.number.to_string();
        ing::Message {
            public: Some(public),
            text: format!("question{}", self.number),
            ..now(&id.replace('#', &number), &author.replace('#', &number))
        }
    }

    fn name(&self) -> String {
        let lax = if self.lax { ", resend_unclear" } else { "" };
        format!("{} {}{lax}", self.connector, self.place.0)
    }
}

fn rows() -> Vec<Row> {
    let places = SPEAKERS.iter().flat_map(|speaker| {
        let own = places(speaker.name()).iter();
        own.map(|place| (speaker.name(), *place, place.4.unwrap_or(speaker.promise()), false))
    });
    let lax = the_lax();
    let with_trouble = places.chain([lax]).flat_map(|of| TROUBLES.map(|trouble| (of, trouble)));
    with_trouble
        .enumerate()
        .map(|(n, ((connector, place, promise, lax), (trouble, with_it)))| Row {
            connector,
            place,
            promise,
            lax,
            trouble,
            with_it,
            account: format!("every-{n}"),
            number: 1_000 + n,
            case: String::new(),
            reply: String::new(),
        })
        .collect()
}

/// One of those that know nothing again, whose account would rather say it twice than never.
fn the_lax() -> (&'static str, Place, Promise, bool) {
    ("whatsapp_cloud", places("whatsapp_cloud")[0], Promise::Nothing, true)
}

/// Customers write, and their cases are answered.
async fn answered(world: &World, rows: &mut [Row]) {
    let mut root = world.administrator();
    let mut position = String::new();
    for row in rows.iter() {
        let request = ing::SubmitRequest {
            account: row.account.clone(),
            messages: vec![row.message()],
            ..Default::default()
        };
        let answer = root.ingestion.submit(request).await.unwrap().into_inner();
        let result = &answer.results[0];
        assert_eq!(
            result.outcome(),
            ing::submit_response::Outcome::Accepted,
            "{}: {}",
            row.name(),
            result.reason
        );
        position = answer.position;
    }
    world.settled(&position).await;
    let list = pb::ListCasesRequest { at_least: position, page_size: 200, ..Default::default() };
    let mut by_question = HashMap::new();
    for case in root.list(list).await {
        let case = root.case(&case.case_id).await;
        by_question.insert(case.timeline[0].text.clone(), case.case_id);
    }
    for row in rows {
        row.case.clone_from(&by_question[&row.message().text]);
        let reply = pb::ReplyRequest {
            command_id: command_id(),
            case_id: row.case.clone(),
            text: row.text(),
            ..Default::default()
        };
        row.reply = root.cases.reply(reply).await.unwrap().into_inner().created_id;
    }
}

/// The deliveries, once each says of itself what is waited for.
async fn until(
    world: &World,
    rows: impl Iterator<Item = (&Row, fn(&Delivery) -> bool)>,
) -> BTreeMap<String, Delivery> {
    let mut waiting: HashMap<_, _> = rows.map(|(row, what)| (row.reply.clone(), (row, what))).collect();
    let mut states = BTreeMap::<String, State>::new();
    let mut found = BTreeMap::new();
    let category = eventlog::Category::new("delivery").unwrap();
    let mut entries = world.platform.shell.log.follow(eventlog::Position::NONE, &[category]);
    let all = async {
        while !waiting.is_empty() {
            let entry = entries.next().await.unwrap().unwrap();
            let id = entry.stream.id().to_owned();
            let envelope = Envelope::<Event>::of(&entry).unwrap();
            let state = states.remove(&id).unwrap_or_default();
            let state = envelope.events.iter().fold(state, State::evolve);
            if let Some(delivery) = state.delivery()
                && waiting.get(&id).is_some_and(|(_, what)| what(delivery))
            {
                waiting.remove(&id);
                found.insert(id.clone(), delivery.clone());
            }
            states.insert(id, state);
        }
    };
    let in_time = tokio::time::timeout(AT_MOST, all).await.is_ok();
    let late = waiting.iter().map(|(id, (row, _))| {
        let stage = states.get(id).and_then(State::delivery).map(|delivery| format!("{:?}", delivery.stage));
        format!("{}, {:?}: {}", row.name(), row.trouble, stage.unwrap_or_default())
    });
    assert!(in_time, "these came to no end: {:#?}", late.collect::<Vec<_>>());
    found
}

async fn known(root: &mut Caller, row: &Row) -> ing::Delivery {
    let request = ing::GetDeliveryRequest { reply_id: row.reply.clone() };
    root.deliveries.get_delivery(request).await.unwrap().into_inner().delivery.unwrap()
}

fn taken(platform: &FakePlatform, row: &Row) -> usize {
    platform.taken().iter().filter(|taken| taken.text == row.text()).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_of_every_kind_ends_as_its_platform_promises_whatever_goes_wrong() {
    let (secrets, platform) = (Secrets::new(), FakePlatform::start().await);
    let secret = secrets.put("secret", "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=");
    let mut rows = rows();
    let policy: Vec<_> = rows.iter().map(|row| row.policy(&platform.url(), &secret)).collect();
    let world = with_accounts(&policy.iter().map(String::as_str).collect::<Vec<_>>()).await;
    for row in &rows {
        platform.trouble(&row.text(), &[row.trouble]);
    }
    answered(&world, &mut rows).await;

    let end = |row: &Row| if row.ends_by_itself() { Delivery::is_sent } else { Delivery::is_unclear };
    until(&world, rows.iter().map(|row| (row, end(row) as fn(&Delivery) -> bool))).await;
    let mut root = world.administrator();
    let mut table = String::new();
    let mut unclear = Vec::new();
    for row in &rows {
        let delivery = known(&mut root, row).await;
        let (calls, here) = (platform.calls_for(&row.text()), taken(&platform, row));
        let status = delivery.status().as_str_name().trim_start_matches("STATUS_").to_lowercase();
        let line = format!(
            "{:<34} {:<8} {:<17} {calls:>5} {here:>5} {status}",
            row.name(),
            format!("{:?}", row.promise),
            format!("{:?}", row.trouble)
        );
        table += &format!("{line}\n");
        if !row.ends_by_itself() {
            // Others took seconds more: it had the time to be sent again by itself, and was not.
            let once = (calls, here, delivery.parts[0].attempts) == (1, usize::from(row.with_it), 1);
            assert!(once && delivery.status() == Status::Unclear, "{line}");
            assert_eq!(delivery.parts[0].unclear_attempt, 1, "{line}");
            unclear.push((row, delivery));
            continue;
        }
        // What was said twice because policy wants it so is said to be.
        let twice = row.lax && row.with_it;
        assert_eq!((delivery.status(), here), (Status::Sent, 1 + usize::from(twice)), "{line}");
        let asked_for_it = row.promise == Promise::Ask && row.with_it;
        assert_eq!(calls, if asked_for_it { 1 } else { 2 }, "{line}");
    }
    eprintln!("{:<34} {:<8} {:<17} calls taken status\n{table}", "connector", "promise", "trouble");

    // Whoever wants to decide finds them, and them alone; and decides.
    let list = ing::ListDeliveriesRequest {
        status: vec![Status::Unclear.into()],
        page_size: 200,
        at_least: world.platform.shell.token(world.mark().await),
        ..Default::default()
    };
    let listed = root.deliveries.list_deliveries(list).await.unwrap().into_inner().deliveries;
    assert_eq!(listed.len(), unclear.len());
    for (row, delivery) in &unclear {
        let again = ing::ResendDeliveryRequest {
            command_id: command_id(),
            reply_id: row.reply.clone(),
            part: 1,
            attempt: delivery.parts[0].attempts,
            ..Default::default()
        };
        // The same command twice is one.
        root.deliveries.resend_delivery(again.clone()).await.unwrap();
        root.deliveries.resend_delivery(again).await.unwrap();
    }
    until(&world, unclear.iter().map(|(row, _)| (*row, Delivery::is_sent as fn(&Delivery) -> bool))).await;
    for (row, _) in &unclear {
        let (calls, here) = (platform.calls_for(&row.text()), taken(&platform, row));
        assert_eq!((calls, here), (2, 1 + usize::from(row.with_it)), "{}, {:?}", row.name(), row.trouble);
    }
    eprintln!(
        "{} connectors, {} replies: {} ended by themselves, {} by a person",
        SPEAKERS.len(),
        rows.len(),
        rows.len() - unclear.len(),
        unclear.len()
    );
    world.end().await;
}
