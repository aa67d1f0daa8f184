//! Every connector that sends, against a platform that breaks in every way: once where it knows us again or can be asked; else
//! once, or not at all, or honestly unclear and never again by itself. A connector without its line here fails.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

mod places;
mod row;

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
use row::{Row, rows};
use service::envelope::Envelope;
use tests::{
    platform::FakePlatform,
    world::{Caller, World, command_id},
};

use crate::accounts::{Secrets, with_accounts};

/// How long all replies together may take.
const AT_MOST: Duration = Duration::from_secs(120);

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
        if let Some((name, trouble)) = row.trouble_when_asked() {
            platform.trouble_when_asked(&name, trouble);
        }
    }
    answered(&world, &mut rows).await;

    let end = |row: &Row| if row.ends_by_itself() { Delivery::is_sent } else { Delivery::is_unclear };
    until(&world, rows.iter().map(|row| (row, end(row) as fn(&Delivery) -> bool))).await;
    assert_eq!(platform.never_asked(), Vec::<String>::new());
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
        // Where it was written, and nowhere else: the customer is named, or what he wrote under.
        let author = row.message().author.unwrap().external_id;
        for taken in platform.taken().iter().filter(|taken| taken.text == row.text()) {
            let to_him = taken.to == author || taken.to.starts_with('D');
            assert_eq!(to_him, !row.place.3, "{line}: {taken:?}");
        }
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
