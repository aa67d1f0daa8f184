//! Every command is sent one to five times over connections that lose, delay and break, between the clients and the
//! platform and between the platform and its log. Each has its effect once, also when the log's servers have long
//! forgotten it.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    time::Duration,
};

use proto::{
    cases::v1::{
        AddNoteRequest, ChangeTagsRequest, CommandResponse, GetCaseRequest, OpenCaseRequest,
        timeline_item::Kind,
    },
    ingestion::v1::{Author, Direction, Message, SubmitRequest},
};
use tests::{
    faults::{Ack, Brokers, Chance, Fault, Log, Proxy, Site, equal_a_rebuild, is_unknown, seed, whole},
    servers::{Nats, NatsOptions},
    world::{Caller, command_id},
};
use tonic::{Response, Status};

/// Commands of one client.
const COMMANDS: usize = 15;
/// Clients.
const CLIENTS: u64 = 8;
/// How long a client waits for an answer over a connection that may have gone silent.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);
/// The shortest duplicate window that a NATS server takes.
const WINDOW: Duration = Duration::from_millis(100);

/// Most pieces go on; one in eight meets something.
fn lossy(chance: &mut Chance) -> Fault {
    match chance.below(40) {
        0 => Fault::Reset,
        1 => Fault::Drop,
        2 => Fault::HalfOpen,
        3 | 4 => Fault::Delay(chance.millis(200)),
        _ => Fault::Pass,
    }
}

/// The client of the log pings and finds out by itself; what is silent for long is only slow to watch.
fn lossy_to_the_log(chance: &mut Chance) -> Fault {
    match chance.below(400) {
        0 => Fault::Reset,
        1 => Fault::Drop,
        2..8 => Fault::Delay(chance.millis(100)),
        _ => Fault::Pass,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_files() {
    let mut site = Site::up();
    let seed = seed();
    sent_again_and_again(&site, seed).await;
    site.servers[0].stop();
    site.servers[0].is_faultless();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_log_that_is_reached_over_such_a_connection_too() {
    let seed = seed();
    let nats = Nats::start(NatsOptions::default());
    let address = nats.url().trim_start_matches("nats://").parse().expect("an address");
    let way = Proxy::start(address, Chance::new(seed, 1_000), lossy_to_the_log).await;
    let url = format!("nats://{}", way.address);
    let mut site = Site::serve_by(Brokers::One(nats), &[url], &[&["all"]]).await;
    sent_again_and_again(&site, seed).await;
    site.servers[0].stop();
    site.servers[0].is_faultless();
}

async fn sent_again_and_again(site: &Site, seed: u64) {
    let way = Proxy::start(site.servers[0].grpc, Chance::new(seed, 0), lossy).await;
    let token = site.token("root", &["administrator"]);
    let clients: Vec<_> = (1..=CLIENTS)
        .map(|n| tokio::spawn(client(way.address, token.clone(), Chance::new(seed, n), n)))
        .collect();
    let mut direct = site.administrator(0);
    let mut acks = Vec::new();
    for client in clients {
        let Sent { case_id, notes, acked } = client.await.expect("a client");
        let get = GetCaseRequest { case_id, ..Default::default() };
        let case = direct.cases.get_case(get).await.expect("the case").into_inner().case.expect("a case");
        let there: Vec<_> = case.timeline.iter().filter(|item| item.kind() == Kind::Note).collect();
        let texts: BTreeSet<&str> = there.iter().map(|item| item.text.as_str()).collect();
        let wanted: BTreeSet<&str> = notes.iter().map(String::as_str).collect();
        assert_eq!((there.len(), texts), (notes.len(), wanted), "each note once");
        acks.extend(acked);
    }
    whole(&mut direct, CLIENTS * COMMANDS as u64).await;
    let last = acks.iter().max_by_key(|ack| tests::faults::sequence(&ack.position)).expect("acknowledged");
    let mut log = Log::default();
    log.read_on(&mut direct, &last.position).await;
    log.read_whole(&mut direct).await;
    log.has(&acks);
    assert_eq!(log.count("message"), CLIENTS * COMMANDS as u64, "each message once");
    equal_a_rebuild(&mut direct).await;
}

/// What one client did to a case of its own.
struct Sent {
    case_id: String,
    notes: Vec<String>,
    acked: Vec<Ack>,
}

async fn client(way: SocketAddr, token: String, mut chance: Chance, lane: u64) -> Sent {
    let connect = || Caller::new(way, &token);
    let mut caller = connect();
    let open = OpenCaseRequest {
        command_id: chance.uuid().to_string(),
        account: "chat".into(),
        title: "Kettle".into(),
        ..Default::default()
    };
    let opened = repeated(&mut caller, &mut chance, &connect, |mut to: Caller| {
        let request = open.clone();
        async move { to.cases.open_case(request).await }
    })
    .await;
    let (case_id, mut notes) = (opened.case_id.clone(), Vec::new());
    let mut acked = vec![ack(&open.command_id, &opened)];
    for n in 0..COMMANDS {
        if chance.one_in(8) {
            // A new connection: what the old one still holds may arrive later than what this one sends.
            caller = connect();
        }
        let command_id = chance.uuid().to_string();
        let done = if chance.one_in(2) {
            notes.push(format!("Note {n}"));
            let note = AddNoteRequest {
                command_id: command_id.clone(),
                case_id: case_id.clone(),
                text: format!("Note {n}"),
                ..Default::default()
            };
            repeated(&mut caller, &mut chance, &connect, |mut to: Caller| {
                let request = note.clone();
                async move { to.cases.add_note(request).await }
            })
            .await
        } else {
            let tags = ChangeTagsRequest {
                command_id: command_id.clone(),
                case_id: case_id.clone(),
                add: vec![format!("tag-{n}")],
                ..Default::default()
            };
            repeated(&mut caller, &mut chance, &connect, |mut to: Caller| {
                let request = tags.clone();
                async move { to.cases.change_tags(request).await }
            })
            .await
        };
        acked.push(ack(&command_id, &done));
        let submit = message(&format!("m-{lane}-{n}"));
        repeated(&mut caller, &mut chance, &connect, |mut to: Caller| {
            let request = submit.clone();
            async move { to.ingestion.submit(request).await }
        })
        .await;
    }
    Sent { case_id, notes, acked }
}

/// Sends until there is an answer, and then up to four times more. All answers to a command are the same.
async fn repeated<T, F>(
    caller: &mut Caller,
    chance: &mut Chance,
    connect: &impl Fn() -> Caller,
    send: impl Fn(Caller) -> F,
) -> T
where
    F: Future<Output = Result<Response<T>, Status>>,
{
    let mut wanted = 1 + chance.below(5);
    let mut answer = None;
    loop {
        match tokio::time::timeout(ANSWER_WITHIN, send(caller.clone())).await {
            Ok(Ok(told)) => answer = Some(told.into_inner()),
            Ok(Err(status)) => assert!(is_unknown(&status), "{status:?}"),
            // A connection that has gone silent is given up, as any client does.
            Err(_) => *caller = connect(),
        }
        wanted = wanted.saturating_sub(1);
        if wanted == 0
            && let Some(answer) = answer.take()
        {
            return answer;
        }
    }
}

fn ack(command_id: &str, done: &CommandResponse) -> Ack {
    assert!(done.changed, "each command is new to its case");
    Ack {
        stream: format!("case-{}", done.case_id),
        command_id: command_id.parse().expect("a UUID"),
        position: done.position.clone(),
        changed: true,
    }
}

fn message(id: &str) -> SubmitRequest {
    let message = Message {
        external_id: id.into(),
        author: Some(Author { external_id: "u-1".into(), ..Author::default() }),
        direction: Direction::Inbound.into(),
        text: "Hello".into(),
        sent_at: Some(prost_types::Timestamp { seconds: 1_700_000_000, nanos: 0 }),
        ..Message::default()
    };
    SubmitRequest { account: "forum".into(), messages: vec![message], ..SubmitRequest::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_the_servers_have_forgotten() {
    let mut site = Site::serve_all().await;
    let Brokers::One(nats) = &site.nats else { panic!("one NATS server") };
    let client = async_nats::connect(nats.url()).await.unwrap();
    let context = async_nats::jetstream::new(client);
    let mut stream = context.get_stream("DOSSIER_LOCAL").await.unwrap();
    let mut config = stream.info().await.unwrap().config.clone();
    config.duplicate_window = WINDOW;
    context.update_stream(config).await.expect("the window can be made shorter");

    let mut root = site.administrator(0);
    let open = OpenCaseRequest {
        command_id: command_id(),
        account: "forum".into(),
        title: "Kettle".into(),
        ..Default::default()
    };
    let opened = root.cases.open_case(open.clone()).await.unwrap().into_inner();
    let note = AddNoteRequest {
        command_id: command_id(),
        case_id: opened.case_id.clone(),
        text: "Once".into(),
        ..Default::default()
    };
    let noted = root.cases.add_note(note.clone()).await.unwrap().into_inner();
    let submitted = root.ingestion.submit(message("m-1")).await.unwrap().into_inner();
    let entries = |info: &async_nats::jetstream::stream::Info| info.state.messages;
    let mut known = BTreeMap::new();
    for (what, restart) in [("the window is over", false), ("the process has forgotten too", true)] {
        tokio::time::sleep(3 * WINDOW).await;
        whole(&mut root, 1).await;
        let before = entries(stream.info().await.unwrap());
        if restart {
            site.servers[0].kill();
            site.servers[0].resume();
        }
        assert_eq!(root.cases.open_case(open.clone()).await.unwrap().into_inner(), opened, "{what}");
        assert_eq!(root.cases.add_note(note.clone()).await.unwrap().into_inner(), noted, "{what}");
        let again = root.ingestion.submit(message("m-1")).await.unwrap().into_inner();
        assert_eq!(again.results[0].message_id, submitted.results[0].message_id, "{what}");
        assert_eq!(again.results[0].position, submitted.results[0].position, "{what}");
        known.insert(what, (before, entries(stream.info().await.unwrap())));
    }
    assert!(known.values().all(|(before, after)| before == after), "nothing was written again: {known:?}");
    site.servers[0].stop();
    site.servers[0].is_faultless();
}
