//! Two replicas of the role cases on one log and one database: commands to either, what was written through one is read
//! through the other, and one that dies takes nothing with it.

use std::time::{Duration, Instant};

use proto::{
    cases::v1::{
        AddNoteRequest, GetCaseRequest, ListCasesRequest, OpenCaseRequest, SnoozeRequest, Status,
        WatchRequest, timeline_item,
    },
    ingestion::v1::{Author, Direction, Message, SubmitRequest},
};
use service::clock::{Clock, SystemClock};
use tests::{
    faults::{Brokers, Chance, Load, Log, Server, Site, agree, equal_a_rebuild, seed, whole},
    servers::{Nats, NatsOptions},
    world::{Caller, command_id},
};

/// How long the survivor may take for what the dead one did: the lease, and some for the machine.
const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(30);
/// How often a replica is killed.
const KILLS: u32 = 4;

/// Two replicas of cases, and one process for the rest.
async fn site() -> Site {
    let nats = Nats::start(NatsOptions::default());
    Site::serve(Brokers::One(nats), &[&["cases"], &["cases"], &["ingestion", "console"]]).await
}

/// Commands go to the replica, messages to where ingestion runs.
fn split(site: &Site, replica: usize, sub: &str, roles: &[&str]) -> Caller {
    let ingestion = site.caller(2, sub, roles).ingestion;
    Caller { ingestion, ..site.caller(replica, sub, roles) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_written_through_one_is_read_through_the_other() {
    let mut site = site().await;
    let seed = seed();
    let mut chance = Chance::new(seed, 0);
    let mut replicas = [site.administrator(0), site.administrator(1)];
    for n in 0..40 {
        let (writer, reader) = if chance.one_in(2) { (0, 1) } else { (1, 0) };
        let open = OpenCaseRequest {
            command_id: command_id(),
            account: "forum".into(),
            title: format!("Written {n}"),
            ..Default::default()
        };
        let opened = replicas[writer].cases.open_case(open.clone()).await.unwrap().into_inner();
        let note = AddNoteRequest {
            command_id: command_id(),
            case_id: opened.case_id.clone(),
            expected_position: opened.position.clone(),
            text: format!("Note {n}"),
            ..Default::default()
        };
        // The other replica has never heard of the case, nor of the command that the first has executed.
        let noted = replicas[reader].cases.add_note(note.clone()).await.unwrap().into_inner();
        let again = replicas[writer].cases.add_note(note).await.unwrap().into_inner();
        assert_eq!(noted, again, "a command has its effect once, whoever is asked again");
        let reopened = replicas[reader].cases.open_case(open).await.unwrap().into_inner();
        assert_eq!(reopened.case_id, opened.case_id);
        for replica in &mut replicas {
            let get = GetCaseRequest {
                case_id: opened.number.clone(),
                at_least: noted.position.clone(),
                ..Default::default()
            };
            let case = replica.cases.get_case(get).await.unwrap().into_inner().case.unwrap();
            let notes = case.timeline.iter().filter(|item| item.kind() == timeline_item::Kind::Note).count();
            assert_eq!((case.position.as_str(), notes), (noted.position.as_str(), 1));
            let list =
                ListCasesRequest { at_least: noted.position.clone(), page_size: 200, ..Default::default() };
            let cases = replica.cases.list_cases(list).await.unwrap().into_inner().cases;
            let listed = cases.iter().find(|listed| listed.case_id == opened.case_id).expect("it is listed");
            assert_eq!(listed.position, noted.position, "the list has what was written");
        }
    }
    site.servers.iter_mut().for_each(Server::stop);
    site.servers.iter().for_each(Server::is_faultless);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_them_is_killed_in_mid_flight() {
    let mut site = site().await;
    let seed = seed();
    let mut chance = Chance::new(seed, 0);
    let callers = [0, 1, 0, 1].map(|replica| split(&site, replica, "root", &["administrator"]));
    let load = Load::start(callers.to_vec(), seed);
    let mut log = Log::default();
    for _ in 0..KILLS {
        tokio::time::sleep(Duration::from_millis(300) + chance.millis(1_500)).await;
        let (victim, survivor) = if chance.one_in(2) { (0, 1) } else { (1, 0) };
        site.servers[victim].kill();
        tokio::time::sleep(chance.millis(1_000)).await;
        let told = load.told();
        log.read_on(&mut site.administrator(survivor), &told.position).await;
        log.has(&told.acks);
        tokio::task::block_in_place(|| site.servers[victim].resume());
    }
    let told = load.end().await;
    let mut replicas = [site.administrator(0), site.administrator(1)];
    for root in &mut replicas {
        let cases = whole(root, told.messages).await;
        assert_eq!(
            cases.len() as u64,
            told.threads + told.opened,
            "a case for each thread, and those opened"
        );
    }
    log.read_on(&mut replicas[0], &told.position).await;
    log.read_whole(&mut replicas[0]).await;
    log.has(&told.acks);
    for (stream, command) in &told.refused {
        assert_eq!(log.position(stream, *command), None, "a refused command has no entry");
    }
    assert_eq!(log.count("message"), told.messages, "an entry for each message");
    agree(&mut replicas).await;
    for mut root in replicas.into_iter().chain([site.administrator(2)]) {
        equal_a_rebuild(&mut root).await;
    }
    eprintln!(
        "{KILLS} kills: {} commands and {} messages acknowledged, {} attempts without answer, {} refused",
        told.acks.len(),
        told.messages,
        told.retried,
        told.refused.len()
    );
    assert!(told.retried > 0, "the kills met work");
    site.servers.iter_mut().for_each(Server::stop);
    site.servers.iter().for_each(Server::is_faultless);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_survivor_takes_over_reactions_and_timers() {
    let mut site = site().await;
    // The first that started holds the leases.
    let mut survivor = split(&site, 1, "root", &["administrator"]);
    let open = OpenCaseRequest {
        command_id: command_id(),
        account: "forum".into(),
        title: "Kettle".into(),
        ..Default::default()
    };
    let case = survivor.cases.open_case(open).await.unwrap().into_inner().case_id;
    let wakes = SystemClock.now().plus_seconds(2);
    let until = prost_types::Timestamp { seconds: wakes.as_microsecond() / 1_000_000, nanos: 0 };
    let snooze = SnoozeRequest {
        command_id: command_id(),
        case_id: case.clone(),
        until: Some(until),
        ..Default::default()
    };
    let snoozed = survivor.cases.snooze(snooze).await.unwrap().into_inner();
    submit(&mut survivor, "before").await;
    whole(&mut survivor, 1).await;

    site.servers[0].kill();
    let killed = Instant::now();
    submit(&mut survivor, "after").await;
    let cases = whole(&mut survivor, 2).await;
    assert_eq!(cases.len(), 3);
    let taken_over = killed.elapsed();
    let woken = async {
        let watch = WatchRequest { case_id: case.clone(), after: snoozed.position, ..Default::default() };
        let mut changes = survivor.cases.watch(watch).await.unwrap().into_inner();
        loop {
            let change = changes.message().await.unwrap().expect("a watch never ends");
            let case = change.case.expect("a case");
            if case.snoozed_until.is_none() {
                return case;
            }
        }
    };
    let woken = tokio::time::timeout(TAKEN_OVER_WITHIN, woken).await.expect("the timer fires");
    assert!(matches!(woken.status(), Status::New | Status::Open), "it is there again: {woken:?}");
    assert!(
        killed.elapsed() < TAKEN_OVER_WITHIN,
        "taken over after {taken_over:?} and {:?}",
        killed.elapsed()
    );
    eprintln!(
        "messages became cases again after {taken_over:.1?}, timers fired after {:.1?}",
        killed.elapsed()
    );

    // Who comes back finds everything done, and does none of it again.
    site.servers[0].resume();
    let mut log = Log::default();
    log.read_whole(&mut site.administrator(0)).await;
    agree(&mut [site.administrator(0), site.administrator(1)]).await;
    equal_a_rebuild(&mut site.administrator(0)).await;
}

async fn submit(caller: &mut Caller, id: &str) {
    let message = Message {
        external_id: id.into(),
        author: Some(Author { external_id: "u-1".into(), ..Author::default() }),
        direction: Direction::Inbound.into(),
        text: "Hello".into(),
        sent_at: Some(prost_types::Timestamp { seconds: 1_700_000_000, nanos: 0 }),
        ..Message::default()
    };
    let request =
        SubmitRequest { account: "forum".into(), messages: vec![message], ..SubmitRequest::default() };
    caller.ingestion.submit(request).await.expect("the message is taken in");
}
