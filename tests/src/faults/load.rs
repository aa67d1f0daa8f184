use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use proto::{
    cases::v1::{
        AddNoteRequest, AssignRequest, ChangeTagsRequest, CommandResponse, OpenCaseRequest, Priority,
        SetPriorityRequest,
    },
    ingestion::v1::{
        Author, Direction, Message, SubmitRequest,
        submit_request::Origin,
        submit_response::{Outcome, Result as Submitted},
    },
};
use tokio::task::JoinSet;
use tonic::{Code, Response, Status};
use uuid::Uuid;

use super::{Chance, is_unknown};
use crate::world::Caller;

/// Messages of one call.
const BATCH_MAX: u64 = 25;
/// Messages of one thread.
const THREAD: u64 = 4;
/// How long a client waits for an answer before it asks again.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Between two attempts at the same call.
const PAUSE: Duration = Duration::from_millis(20);
/// Attempts at one call before the site is taken for dead.
const ATTEMPTS_MAX: u32 = 3_000;

/// A command that was answered.
#[derive(Clone, Debug)]
pub struct Ack {
    /// The stream of its case.
    pub stream: String,
    /// Its id.
    pub command_id: Uuid,
    /// As the answer had it.
    pub position: String,
    /// Whether it had an effect.
    pub changed: bool,
}

/// What the clients of a load were told.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// Commands that were answered.
    pub acks: Vec<Ack>,
    /// Commands that were refused because of others; they have no effect.
    pub refused: Vec<(String, Uuid)>,
    /// Commands that had no answer and were not sent again.
    pub unknown: u64,
    /// Calls that had no answer at first.
    pub retried: u64,
    /// Messages that were taken in.
    pub messages: u64,
    /// Threads that they are of.
    pub threads: u64,
    /// Cases that were opened by command.
    pub opened: u64,
    /// The last position that anything was told about.
    pub position: String,
}

/// Clients that import messages and work cases, and repeat what was not answered.
pub struct Load {
    told: Arc<Mutex<Told>>,
    stop: Arc<AtomicBool>,
    clients: JoinSet<()>,
}

impl Load {
    /// Two clients of each caller: one that imports, one that works on cases.
    pub fn start(callers: Vec<Caller>, seed: u64) -> Self {
        let (told, stop) = (Arc::<Mutex<Told>>::default(), Arc::<AtomicBool>::default());
        let cases = Arc::<Mutex<Vec<String>>>::default();
        let mut clients = JoinSet::new();
        for (n, caller) in callers.into_iter().enumerate() {
            let n = n as u64;
            let client = |lane| Client {
                caller: caller.clone(),
                chance: Chance::new(seed, lane),
                told: Arc::clone(&told),
                stop: Arc::clone(&stop),
                cases: Arc::clone(&cases),
                lane,
            };
            clients.spawn(client(2 * n + 1).import());
            clients.spawn(client(2 * n + 2).work());
        }
        Self { told, stop, clients }
    }

    /// What the clients have been told so far.
    pub fn told(&self) -> Told {
        lock(&self.told).clone()
    }

    /// Lets the clients finish what they began.
    pub async fn end(mut self) -> Told {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(end) = self.clients.join_next().await {
            if let Err(error) = end {
                std::panic::resume_unwind(error.into_panic());
            }
        }
        self.told()
    }
}

struct Client {
    caller: Caller,
    chance: Chance,
    told: Arc<Mutex<Told>>,
    stop: Arc<AtomicBool>,
    /// The cases that all clients work on.
    cases: Arc<Mutex<Vec<String>>>,
    lane: u64,
}

impl Client {
    async fn import(mut self) {
        let mut batches: Vec<SubmitRequest> = Vec::new();
        while !self.stop.load(Ordering::Relaxed) {
            let again = !batches.is_empty() && self.chance.one_in(4);
            let batch =
                if again { self.chance.pick(&batches).clone() } else { self.batch(batches.len() as u64) };
            let (results, position, retried) = self.submit(&batch).await;
            for result in &results {
                let outcome = result.outcome();
                let right = match (again, retried) {
                    (true, _) => outcome == Outcome::Duplicate,
                    (false, true) => matches!(outcome, Outcome::Accepted | Outcome::Duplicate),
                    (false, false) => outcome == Outcome::Accepted,
                };
                assert!(right, "{outcome:?}, sent before: {again}, unanswered at first: {retried}");
            }
            if !again {
                let mut told = lock(&self.told);
                told.messages += batch.messages.len() as u64;
                told.threads += (batch.messages.len() as u64).div_ceil(THREAD);
                told.advance(&position);
                batches.push(batch);
            }
        }
    }

    fn batch(&mut self, number: u64) -> SubmitRequest {
        let count = 1 + self.chance.below(BATCH_MAX);
        let id = |n: u64| format!("m-{}-{number}-{n}", self.lane);
        let message = |n: u64| Message {
            external_id: id(n),
            reply_to: if n.is_multiple_of(THREAD) { String::new() } else { id(n - 1) },
            author: Some(Author { external_id: format!("u-{}", n % 7), ..Author::default() }),
            direction: Direction::Inbound.into(),
            text: format!("Message {n} of batch {number}"),
            sent_at: Some(prost_types::Timestamp { seconds: 1_700_000_000 + n as i64, nanos: 0 }),
            ..Message::default()
        };
        let messages = (0..count).map(message).collect();
        let origin = if self.chance.one_in(2) { Origin::Import } else { Origin::Unspecified };
        SubmitRequest { account: "forum".into(), messages, origin: origin.into() }
    }

    async fn submit(&mut self, batch: &SubmitRequest) -> (Vec<Submitted>, String, bool) {
        for attempt in 0..ATTEMPTS_MAX {
            let mut ingestion = self.caller.ingestion.clone();
            match answered(ingestion.submit(batch.clone())).await {
                Ok(answer) => return (answer.results, answer.position, attempt > 0),
                Err(status) => self.again(&status).await,
            }
        }
        panic!("the site does not come back");
    }

    async fn again(&self, status: &Status) {
        assert!(is_unknown(status), "only what is away may fail: {status:?}");
        lock(&self.told).retried += 1;
        tokio::time::sleep(PAUSE).await;
    }

    async fn work(mut self) {
        while !self.stop.load(Ordering::Relaxed) {
            let known = lock(&self.cases).len() as u64;
            let opens = known == 0 || (known < 40 && self.chance.one_in(10));
            let (case, command) = if opens {
                (None, Command::open(&mut self.chance))
            } else {
                let case = self.chance.pick(&lock(&self.cases).clone()).clone();
                (Some(case.clone()), Command::on(case, &mut self.chance))
            };
            self.carry_through(case, command).await;
        }
    }

    async fn carry_through(&mut self, case: Option<String>, command: Command) {
        for _ in 0..ATTEMPTS_MAX {
            match answered_by(&mut self.caller, &command).await {
                Ok(answer) => return self.acknowledged(case.is_none(), command.id(), answer),
                Err(status) if status.code() == Code::Aborted => {
                    let stream = format!("case-{}", case.unwrap_or_default());
                    return lock(&self.told).refused.push((stream, command.id()));
                }
                Err(status) => {
                    self.again(&status).await;
                    // Somebody who gives up; but a case that nobody heard of could not be counted.
                    if case.is_some() && self.chance.one_in(4) {
                        lock(&self.told).unknown += 1;
                        return;
                    }
                }
            }
        }
        panic!("the site does not come back");
    }

    fn acknowledged(&self, opened: bool, command_id: Uuid, answer: CommandResponse) {
        let CommandResponse { position, changed, case_id, .. } = answer;
        let mut told = lock(&self.told);
        if opened {
            told.opened += 1;
            lock(&self.cases).push(case_id.clone());
        }
        if changed {
            told.advance(&position);
        }
        told.acks.push(Ack { stream: format!("case-{case_id}"), command_id, position, changed });
    }
}

impl Told {
    fn advance(&mut self, position: &str) {
        let number = |text: &str| if text.is_empty() { 0 } else { super::sequence(text) };
        if number(position) > number(&self.position) {
            self.position = position.to_owned();
        }
    }
}

/// What a client asks for. Sent again it is the same to the byte.
enum Command {
    Open(OpenCaseRequest),
    Note(AddNoteRequest),
    Tags(ChangeTagsRequest),
    Priority(SetPriorityRequest),
    Assign(AssignRequest),
}

impl Command {
    fn open(chance: &mut Chance) -> Self {
        let command_id = chance.uuid().to_string();
        let title = format!("Case {}", chance.below(1_000));
        Self::Open(OpenCaseRequest { command_id, account: "forum".into(), title, ..Default::default() })
    }

    fn on(case_id: String, chance: &mut Chance) -> Self {
        let command_id = chance.uuid().to_string();
        match chance.below(4) {
            0 => {
                let text = format!("Note {}", chance.below(1_000));
                Self::Note(AddNoteRequest { command_id, case_id, text, ..Default::default() })
            }
            1 => {
                let first = chance.below(10);
                let (add, remove) = (vec![format!("tag-{first}")], vec![format!("tag-{}", first + 1)]);
                Self::Tags(ChangeTagsRequest { command_id, case_id, add, remove, ..Default::default() })
            }
            2 => {
                let all = [Priority::Low, Priority::Normal, Priority::High, Priority::Urgent];
                let priority = (*chance.pick(&all)).into();
                Self::Priority(SetPriorityRequest { command_id, case_id, priority, ..Default::default() })
            }
            _ => {
                let assignee = (*chance.pick(&["ana", "nils"])).to_owned();
                Self::Assign(AssignRequest { command_id, case_id, assignee, ..Default::default() })
            }
        }
    }

    fn id(&self) -> Uuid {
        let id = match self {
            Self::Open(request) => &request.command_id,
            Self::Note(request) => &request.command_id,
            Self::Tags(request) => &request.command_id,
            Self::Priority(request) => &request.command_id,
            Self::Assign(request) => &request.command_id,
        };
        id.parse().expect("a UUID")
    }
}

async fn answered_by(caller: &mut Caller, command: &Command) -> Result<CommandResponse, Status> {
    let cases = &mut caller.cases;
    match command {
        Command::Open(request) => answered(cases.open_case(request.clone())).await,
        Command::Note(request) => answered(cases.add_note(request.clone())).await,
        Command::Tags(request) => answered(cases.change_tags(request.clone())).await,
        Command::Priority(request) => answered(cases.set_priority(request.clone())).await,
        Command::Assign(request) => answered(cases.assign(request.clone())).await,
    }
}

/// The answer, or that there is none in time.
async fn answered<T>(call: impl Future<Output = Result<Response<T>, Status>>) -> Result<T, Status> {
    match tokio::time::timeout(ANSWER_WITHIN, call).await {
        Ok(answer) => answer.map(Response::into_inner),
        Err(_) => Err(Status::deadline_exceeded("no answer in time")),
    }
}

fn lock<T>(of: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
