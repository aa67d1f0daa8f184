//! Threads that come in any order: each is one case, and what is done twice is done once.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use domain::{
    actor::{Actor, Kind},
    channel::{Direction, Visibility},
    conversation,
};
use eventlog::{Category, Position};
use futures_util::StreamExt;
use proto::{
    cases::v1 as pb,
    ingestion::v1::{Message, SubmitRequest},
};
use service::{
    clock::SystemClock,
    envelope::Envelope,
    transact::{Meta, Transactor},
};
use tests::{
    desk::{message, refused},
    faults::{Chance, seed},
    interposed::Interposed,
    world::{World, command_id},
};
use tonic::Code;

/// Forests of one run.
const FORESTS: u64 = 15;
/// Messages of one forest, and parents of theirs that never come.
const MESSAGES_MAX: u64 = 9;
const ABSENT_MAX: u64 = 3;

type Partition = BTreeSet<BTreeSet<String>>;

fn reply(id: &str, author: &str, to: &str) -> Message {
    Message { reply_to: to.into(), ..message(id, author, &format!("{id} answers {to}")) }
}

/// Messages in the order in which they come, each with its parent: a message that comes some time, or never, or none.
fn forest(chance: &mut Chance, name: &str) -> Vec<Message> {
    let count = 2 + chance.below(MESSAGES_MAX - 1);
    let mut messages = Vec::new();
    for n in 0..count {
        let id = format!("{name}-{n}");
        let author = format!("author-{}", chance.below(4));
        let parent = match chance.below(8) {
            0 => None,
            1 => Some(format!("{name}-absent-{}", chance.below(ABSENT_MAX))),
            _ if n == 0 => None,
            _ => Some(format!("{name}-{}", chance.below(n))),
        };
        messages.push(match parent {
            Some(parent) => reply(&id, &author, &parent),
            None => message(&id, &author, "It does not boil"),
        });
    }
    for last in (1..messages.len()).rev() {
        let other = usize::try_from(chance.below(last as u64 + 1)).unwrap();
        messages.swap(last, other);
    }
    messages
}

/// The components over reply links. Parents that never come hold them together and are in none.
fn components(messages: &[Message]) -> Partition {
    let mut group: BTreeMap<&str, usize> = BTreeMap::new();
    for (n, message) in messages.iter().enumerate() {
        for id in [&message.external_id, &message.reply_to].into_iter().filter(|id| !id.is_empty()) {
            let (mine, other) = (
                group.get(message.external_id.as_str()).copied().unwrap_or(n),
                group.get(id.as_str()).copied(),
            );
            group.insert(id, mine);
            if let Some(other) = other {
                group.values_mut().filter(|group| **group == other).for_each(|group| *group = mine);
            }
        }
    }
    let mut components: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
    for message in messages {
        components
            .entry(group[message.external_id.as_str()])
            .or_default()
            .insert(message.external_id.clone());
    }
    components.into_values().collect()
}

/// What stands together: in one case, or in cases that go on in one.
async fn partition(world: &World, names: &BTreeMap<String, String>) -> Partition {
    let mut root = world.administrator();
    let (mut said, mut into) = (Vec::new(), BTreeMap::new());
    for case in root.list(pb::ListCasesRequest { page_size: 200, ..Default::default() }).await {
        let case = root.case(&case.case_id).await;
        let messages = case.timeline.iter().filter_map(|item| names.get(&item.id).cloned());
        said.extend(messages.map(|message| (case.case_id.clone(), message)));
        if case.status() == pb::Status::Merged {
            into.insert(case.case_id, case.merged_into);
        }
    }
    assert_eq!(said.len(), names.len(), "each message is in one case");
    let mut groups: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (mut case, message) in said {
        while let Some(next) = into.get(&case) {
            case.clone_from(next);
        }
        groups.entry(case).or_default().insert(message);
    }
    groups.into_values().collect()
}

/// Submits each message by itself; waits for each, or for all together.
async fn come(world: &World, messages: &[Message], one_by_one: bool) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    let mut last = String::new();
    for message in messages {
        let request =
            SubmitRequest { account: "forum".into(), messages: vec![message.clone()], ..Default::default() };
        let answer = world.administrator().ingestion.submit(request).await.unwrap().into_inner();
        names.insert(answer.results[0].message_id.clone(), message.external_id.clone());
        last = answer.position;
        if one_by_one {
            world.settled(&last).await;
        }
    }
    world.settled(&last).await;
    names
}

#[test]
fn components_are_those_of_the_links() {
    let messages =
        [reply("a", "x", "gone"), reply("b", "x", "gone"), reply("d", "x", "c"), message("c", "x", "!")];
    let group = |ids: &[&str]| ids.iter().map(|&id| id.to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(components(&messages), Partition::from([group(&["a", "b"]), group(&["c", "d"])]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_child_its_parent_and_then_another_child_are_one_case() {
    let world = World::start().await;
    let thread = [
        reply("C", "ada", "B"),
        reply("B", "ben", "A"),
        reply("D", "cleo", "B"),
        message("A", "ada", "Hello?"),
    ];
    let names = come(&world, &thread, true).await;
    assert_eq!(partition(&world, &names).await, components(&thread));
    let conversations: BTreeSet<_> = world
        .administrator()
        .list(Default::default())
        .await
        .into_iter()
        .collect::<Vec<_>>()
        .iter()
        .map(|case| case.case_id.clone())
        .collect();
    assert_eq!(conversations.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thread_in_any_order_is_one_case() {
    let seed = seed();
    for (lane, one_by_one) in [(1, true), (2, false)] {
        let world = World::start().await;
        let mut chance = Chance::new(seed, lane);
        let (mut names, mut all) = (BTreeMap::new(), Vec::new());
        for n in 0..FORESTS {
            let messages = forest(&mut chance, &format!("f{n}"));
            names.extend(come(&world, &messages, one_by_one).await);
            all.extend(messages);
        }
        let found = partition(&world, &names).await;
        let expected = components(&all);
        let wrong: Vec<_> = found.symmetric_difference(&expected).collect();
        assert!(
            wrong.is_empty(),
            "seed {seed}, one by one {one_by_one}: {wrong:#?} of {:#?}",
            order(&all, &wrong)
        );

        // Everything once more: the same entries, and nothing else.
        let shell = world.platform.shell.clone();
        let control = shell.stores.control("cases").await.unwrap();
        let mark = world.mark().await;
        control.execute("delete from checkpoint where name = 'cases.follow_messages'", &[]).await.unwrap();
        let folder = world.folder.as_ref().unwrap().path();
        let again = World::over(shell, folder).await;
        let mut followed = again.platform.cases.as_ref().unwrap().followed();
        let last = world.platform.cases.as_ref().unwrap().followed().borrow().to_owned();
        followed.wait_for(|done| *done >= last).await.unwrap();
        again.nothing_since(mark).await;
        again.end().await;
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_root_that_comes_while_an_answer_brings_its_thread_together_is_of_it() {
    let folder = tempfile::TempDir::new().unwrap();
    let mut shell = dossier::up::shell(folder.path(), Arc::new(SystemClock)).await.unwrap();
    let log = Interposed::new(Arc::clone(&shell.log));
    shell.log = Arc::clone(&log) as _;
    let world = Arc::new(World::over(shell, folder.path()).await);
    let thread = [reply("C", "ada", "B"), reply("B", "ben", "A"), reply("A", "cleo", "gone")];
    world.receive("forum", vec![thread[0].clone()]).await;

    // B connects its answers with A's, of which there are none yet. Before that is written, A comes and finds no conversation.
    let (meanwhile, root) = (Arc::downgrade(&world), thread[2].clone());
    log.put(move |_, entry| {
        let connects = String::from_utf8_lossy(&entry.body).contains("conversation.continued");
        let (world, root) = (meanwhile.upgrade().filter(|_| connects), root.clone());
        Box::pin(async move {
            let Some(world) = world else { return Ok(()) };
            let request =
                SubmitRequest { account: "forum".into(), messages: vec![root], ..Default::default() };
            world.administrator().ingestion.submit(request).await.unwrap();
            // That of C, and the one that A begins.
            let conversations = [Category::new("conversation").unwrap()];
            let log = &world.platform.shell.log;
            log.follow(Position::NONE, &conversations).take(2).for_each(|_| std::future::ready(())).await;
            Ok(())
        })
    });
    world.receive("forum", vec![thread[1].clone()]).await;
    log.take_away();
    let names = come(&world, &thread, true).await;
    assert_eq!(partition(&world, &names).await, components(&thread));
    Arc::into_inner(world).unwrap().end().await;
}

/// A conversation goes on in another, whatever speaks against it.
async fn goes_on(world: &World, from: &conversation::Key, into: &conversation::Key) {
    let shell = world.platform.shell.clone();
    let conversations = Transactor::<conversation::State>::new(
        shell.site.as_str(),
        Arc::clone(&shell.log),
        Arc::clone(&shell.vault),
        Arc::clone(&shell.clock),
    );
    let by = Actor::new(Kind::Service, "cases".parse().unwrap(), "internal".parse().unwrap());
    let meta = Meta::new(uuid::Uuid::new_v4(), "", by.clone());
    let make = |_: &_, at| {
        let start = conversation::Action::Start {
            key: from.clone(),
            channel: "forum".parse().unwrap(),
            visibility: Visibility::Public,
            initiated_by: Direction::In,
        };
        let steps = [start, conversation::Action::Continue { into: into.clone() }];
        Ok(steps.map(|step| conversation::Command::new(at, by.clone(), step)).into())
    };
    let stream = conversations.stream(from.id()).unwrap();
    conversations.execute::<conversation::Error>(&stream, &meta, make).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_circle_in_the_log_is_told_and_not_walked_for_ever() {
    let world = World::start().await;
    let case = world.receive_one("forum", message("A", "ada", "Hello?")).await;
    let entry = world.log_entries(&["conversation"]).await.remove(0);
    let started = Envelope::<conversation::Event>::of(&entry).unwrap().events.remove(0);
    let conversation::Event::Started { key, .. } = started else { panic!("{started:?}") };
    let conversation::Key::Thread { account, root } = key.clone() else { panic!("{key:?}") };
    let other =
        conversation::Key::Contact { identity: format!("{account}_{root}").parse().unwrap(), account };
    goes_on(&world, &key, &other).await;
    goes_on(&world, &other, &key).await;

    let said = world.receive("forum", vec![reply("B", "ben", "A")]).await;
    let cases = world.platform.cases.as_ref().unwrap();
    let [parked] = &cases.reactions()[0].parked().await.unwrap()[..] else {
        panic!("one message is set aside")
    };
    assert_eq!(parked.0, format!("message-{}", said.results[0].message_id));
    let go = pb::MoveToPrivateRequest {
        command_id: command_id(),
        case_id: case.case_id.clone(),
        from_conversation_id: case.places[0].conversation_id.clone(),
        to_conversation_id: key.id().to_string(),
        ..Default::default()
    };
    refused(world.administrator().cases.move_to_private(go).await, Code::Internal, "INTERNAL");
    world.end().await;
}

/// The messages of some groups, as they came.
fn order(messages: &[Message], groups: &[&BTreeSet<String>]) -> Vec<String> {
    let in_any = |message: &&Message| groups.iter().any(|group| group.contains(&message.external_id));
    messages.iter().filter(in_any).map(|m| format!("{} -> {}", m.external_id, m.reply_to)).collect()
}

/// Two halves of a thread, each with its case: the older one, the younger one.
async fn halves(world: &World) -> (pb::Case, pb::Case) {
    let one = world.receive_one("forum", reply("D", "ada", "B")).await;
    let two = world.receive_one("forum", reply("E", "ben", "C")).await;
    world.receive_one("forum", reply("B", "ada", "A")).await;
    assert_ne!(one.case_id, two.case_id);
    (one, two)
}

async fn assign(world: &World, case: &pb::Case, assignee: &str) {
    let request = pb::AssignRequest {
        command_id: command_id(),
        case_id: case.case_id.clone(),
        assignee: assignee.into(),
        ..Default::default()
    };
    world.administrator().cases.assign(request).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_half_that_nobody_took_up_goes_on_in_the_other() {
    for worked in [None, Some(0), Some(1)] {
        let world = World::start().await;
        let (one, two) = halves(&world).await;
        let halves = [one, two];
        if let Some(worked) = worked {
            assign(&world, &halves[worked], "ana").await;
        }
        // The case that somebody works on stays; else the older one.
        let stays = &halves[worked.unwrap_or(0)].case_id;
        for (id, parent) in [("C", "A"), ("F", "C"), ("G", "B")] {
            let case = world.receive_one("forum", reply(id, "cleo", parent)).await;
            assert_eq!(case.case_id, *stays, "{worked:?} {id}");
        }
        let case = world.administrator().case(stays).await;
        assert_eq!((case.merged_from.len(), case.links.len()), (1, 0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn halves_that_are_worked_on_stay_and_know_of_each_other() {
    let world = World::start().await;
    let (older, younger) = halves(&world).await;
    assign(&world, &older, "ana").await;
    assign(&world, &younger, "nils").await;
    for (id, parent) in [("C", "A"), ("F", "C"), ("G", "B"), ("A", ""), ("H", "E")] {
        let case = world.receive_one("forum", reply(id, "cleo", parent)).await;
        assert_eq!(case.case_id, older.case_id, "{id}");
    }
    let mut root = world.administrator();
    let (older, younger) = (root.case(&older.case_id).await, root.case(&younger.case_id).await);
    assert_eq!((older.assignee.as_str(), younger.assignee.as_str()), ("ana", "nils"));
    let [link] = &younger.links[..] else { panic!("{:?}", younger.links) };
    assert_eq!(
        (link.kind(), &link.case_id, link.inverse),
        (pb::LinkKind::DuplicateOf, &older.case_id, false)
    );
    let [link] = &older.links[..] else { panic!("{:?}", older.links) };
    assert_eq!(
        (link.kind(), &link.case_id, link.inverse),
        (pb::LinkKind::DuplicateOf, &younger.case_id, true)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_half_that_is_closed_gives_way_to_the_one_that_is_not() {
    let world = World::start().await;
    let (older, younger) = halves(&world).await;
    let spam = pb::MarkSpamRequest {
        command_id: command_id(),
        case_id: older.case_id.clone(),
        ..Default::default()
    };
    world.administrator().cases.mark_spam(spam).await.unwrap();
    for (id, parent) in [("C", "A"), ("F", "C"), ("G", "B")] {
        let case = world.receive_one("forum", reply(id, "cleo", parent)).await;
        assert_eq!(case.case_id, younger.case_id, "{id}");
    }
    let younger = world.administrator().case(&younger.case_id).await;
    assert_eq!((younger.links.len(), younger.merged_from.len()), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_import_brings_together_is_history() {
    let world = World::start().await;
    let mut root = world.administrator();
    for (id, parent) in [("D", "B"), ("E", "C"), ("B", "A"), ("C", "A")] {
        let request = SubmitRequest {
            account: "forum".into(),
            messages: vec![reply(id, "ada", parent)],
            origin: proto::ingestion::v1::submit_request::Origin::Import.into(),
        };
        let answer = root.ingestion.submit(request).await.unwrap().into_inner();
        world.settled(&answer.position).await;
    }
    let cases = root.list(pb::ListCasesRequest::default()).await;
    assert_eq!(cases.len(), 2, "two halves of one thread");
    let merged = cases.iter().filter(|case| case.status() == pb::Status::Merged).count();
    assert_eq!(merged, 1);
    for case in &cases {
        for entry in root.history(&case.case_id).await {
            let kinds: Vec<_> = entry.events.iter().map(|event| event.r#type.as_str()).collect();
            assert_eq!(entry.origin, "import", "{kinds:?}");
            assert_eq!(entry.occurred_at, Some(tests::desk::seconds(tests::desk::SENT_AT_S)), "{kinds:?}");
        }
    }
    world.end().await;
}
