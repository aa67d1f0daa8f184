//! Every command is sent one to five times over connections that lose, delay and break, between the clients and the
//! platform and between the platform and its log. Each has its effect once, also when the log's servers have long
//! forgotten it.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    time::Duration,
};

use async_nats::jetstream::stream::Stream;
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
const COMMANDS: usize = 30;
/// Clients.
const CLIENTS: u64 = 8;
/// How long a client waits for an answer over a connection that may have gone silent.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);
/// Attempts at a command that was answered long ago.
const LATE_ATTEMPTS_MAX: u32 = 10;
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
    sent_again_and_again(&mut site, seed).await;
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
    // The window is shorter than a client's patience: what is sent again comes after it.
    forgetful(&site).await;
    sent_again_and_again(&mut site, seed).await;
    site.servers[0].stop();
    site.servers[0].is_faultless();
}

/// Gives the log the shortest window in which the server itself knows an entry again.
async fn forgetful(site: &Site) -> Stream {
    let Brokers::One(nats) = &site.nats else { panic!("one NATS server") };
    let client = async_nats::connect(nats.url()).await.expect("a connection");
    let context = async_nats::jetstream::new(client);
    let mut stream = context.get_stream("DOSSIER_LOCAL").await.expect("the log");
    let mut config = stream.info().await.expect("the log").config.clone();
    config.duplicate_window = WINDOW;
    context.update_stream(config).await.expect("the window can be made shorter");
    stream
}

async fn sent_again_and_again(site: &mut Site, seed: u64) {
    let way = Proxy::start(site.servers[0].grpc, Chance::new(seed, 0), lossy).await;
    let token = site.token("root", &["administrator"]);
    let clients: Vec<_> = (1..=CLIENTS)
        .map(|n| tokio::spawn(client(way.address, token.clone(), Chance::new(seed, n), n)))
        .collect();
    let mut sent = Vec::new();
    for client in clients {
        sent.push(client.await.expect("a client"));
    }
    let acked = || sent.iter().flat_map(|one| &one.acked);
    let messages = CLIENTS * COMMANDS as u64;
    let mut direct = site.administrator(0);
    whole(&mut direct, messages).await;
    // Once more, long after: to the process that knows them, and to one that has forgotten all.
    for forgotten in [false, true] {
        if forgotten {
            site.servers[0].kill();
            site.servers[0].resume();
            direct = site.administrator(0);
        }
        for (command, told) in acked() {
            let again = late(&direct, command).await;
            assert_eq!(again, *told, "a process that has forgotten: {forgotten}");
        }
    }
    for Sent { case_id, notes, .. } in &sent {
        let get = GetCaseRequest { case_id: case_id.clone(), ..Default::default() };
        let case = direct.cases.get_case(get).await.expect("the case").into_inner().case.expect("a case");
        let there: Vec<_> = case.timeline.iter().filter(|item| item.kind() == Kind::Note).collect();
        let texts: BTreeSet<&str> = there.iter().map(|item| item.text.as_str()).collect();
        let wanted: BTreeSet<&str> = notes.iter().map(String::as_str).collect();
        assert_eq!((there.len(), texts), (notes.len(), wanted), "each note once");
    }
    let acks: Vec<Ack> = acked().map(|(command, done)| ack(command, done)).collect();
    let last = acks.iter().max_by_key(|ack| tests::faults::sequence(&ack.position)).expect("acknowledged");
    let mut log = Log::default();
    log.read_on(&mut direct, &last.position).await;
    log.read_whole(&mut direct).await;
    log.has(&acks);
    assert_eq!(log.count("message"), messages, "each message once");
    equal_a_rebuild(&mut direct).await;
}

/// The answer to a command that is sent again. Between the platform and its log something may still be lost.
async fn late(to: &Caller, command: &Command) -> CommandResponse {
    for _ in 0..LATE_ATTEMPTS_MAX {
        match command.clone().send(to.clone()).await {
            Ok(told) => return told.into_inner(),
            Err(status) => assert!(is_unknown(&status), "{status:?}"),
        }
    }
    panic!("no answer to a command that was answered before");
}

/// What one client did to a case of its own.
struct Sent {
    case_id: String,
    notes: Vec<String>,
    acked: Vec<(Command, CommandResponse)>,
}

/// What a client asks of its case. Sent again it is the same to the byte.
#[derive(Clone)]
enum Command {
    Open(OpenCaseRequest),
    Note(AddNoteRequest),
    Tag(ChangeTagsRequest),
}

impl Command {
    async fn send(self, mut to: Caller) -> Result<Response<CommandResponse>, Status> {
        match self {
            Self::Open(request) => to.cases.open_case(request).await,
            Self::Note(request) => to.cases.add_note(request).await,
            Self::Tag(request) => to.cases.change_tags(request).await,
        }
    }

    fn id(&self) -> &str {
        match self {
            Self::Open(request) => &request.command_id,
            Self::Note(request) => &request.command_id,
            Self::Tag(request) => &request.command_id,
        }
    }
}

async fn client(way: SocketAddr, token: String, mut chance: Chance, lane: u64) -> Sent {
    let connect = || Caller::new(way, &token);
    let mut caller = connect();
    let open = Command::Open(OpenCaseRequest {
        command_id: chance.uuid().to_string(),
        account: "chat".into(),
        title: "Kettle".into(),
        ..Default::default()
    });
    let opened = repeated(&mut caller, &mut chance, &connect, |to| open.clone().send(to)).await;
    let (case_id, mut notes) = (opened.case_id.clone(), Vec::new());
    let mut acked = vec![(open, opened)];
    for n in 0..COMMANDS {
        if chance.one_in(8) {
            // A new connection: what the old one still holds may arrive later than what this one sends.
            caller = connect();
        }
        let (command_id, case_id) = (chance.uuid().to_string(), case_id.clone());
        let command = if chance.one_in(2) {
            let text = format!("Note {n}");
            notes.push(text.clone());
            Command::Note(AddNoteRequest { command_id, case_id, text, ..Default::default() })
        } else {
            let add = vec![format!("tag-{n}")];
            Command::Tag(ChangeTagsRequest { command_id, case_id, add, ..Default::default() })
        };
        let done = repeated(&mut caller, &mut chance, &connect, |to| command.clone().send(to)).await;
        acked.push((command, done));
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

fn ack(command: &Command, done: &CommandResponse) -> Ack {
    assert!(done.changed, "each command is new to its case");
    Ack {
        stream: format!("case-{}", done.case_id),
        command_id: command.id().parse().expect("a UUID"),
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
    let mut stream = forgetful(&site).await;
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
