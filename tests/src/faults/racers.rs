use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use proto::cases::v1::{GetCaseRequest, OpenCaseRequest, SetCategoryRequest};
use tokio::{sync::watch, task::JoinSet};
use tonic::{Response, Status};
use tonic_types::StatusExt;

use super::{Chance, Done, History, is_unknown, sequence};
use crate::world::Caller;

/// Cases that are worked on at the same time.
const AT_ONCE: usize = 8;
/// Operations on a case before another takes its place, lest every read be of a long history.
const ON_A_CASE: u32 = 20;
/// The same for one of the places, where cases grow long.
const ON_A_LONG_CASE: u32 = 100;
/// How long a client waits for an answer before it asks again.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// Between two attempts at the same call.
const PAUSE: Duration = Duration::from_millis(20);
/// Attempts at one call before the site is taken for dead.
const ATTEMPTS_MAX: u32 = 3_000;
/// One in so many calls that had no answer is given up.
const GIVEN_UP: u64 = 8;

/// Clients that read and write the categories of few cases, and note what they were told and when. A call that has no
/// answer is repeated, word for word, at the next of the client's connections; some are given up.
pub struct Racers {
    table: Arc<Table>,
    clients: JoinSet<()>,
}

impl Racers {
    /// A client for each list of connections.
    pub async fn start(clients: Vec<Vec<Caller>>, seed: u64) -> Self {
        let table = Arc::new(Table::default());
        let mut clients: Vec<Client> = clients
            .into_iter()
            .zip(1..)
            .map(|(ways, lane)| Client {
                ways,
                way: lane as usize,
                chance: Chance::new(seed, lane),
                table: Arc::clone(&table),
            })
            .collect();
        for _ in 0..AT_ONCE {
            let case = clients[0].open().await;
            lock(&table.places).push(case);
        }
        let mut racing = JoinSet::new();
        for client in clients {
            racing.spawn(client.race());
        }
        Self { table, clients: racing }
    }

    /// Waits until so many operations are done.
    pub async fn reach(&mut self, operations: usize) {
        let mut done = self.table.done.subscribe();
        tokio::select! {
            reached = done.wait_for(|&done| done >= operations) => drop(reached.expect("the table is there")),
            Some(end) = self.clients.join_next() => failed(end),
        }
    }

    /// Lets the clients finish what they began, then reads each case once more over each of `ways`.
    pub async fn end(mut self, ways: Vec<Caller>) -> Told {
        self.table.stop.store(true, Ordering::Relaxed);
        while let Some(end) = self.clients.join_next().await {
            if end.is_err() {
                failed(end);
            }
        }
        let ids = lock(&self.table.ids).clone();
        for way in ways {
            let table = Arc::clone(&self.table);
            let mut last = Client { ways: vec![way], way: 0, chance: Chance::new(0, 0), table };
            for (case, id) in ids.iter().enumerate() {
                last.read(case, id).await;
            }
        }
        let table = Arc::into_inner(self.table).expect("all clients have ended");
        Told { history: table.history, cases: ids.len(), retried: table.retried.into_inner() }
    }
}

fn failed(end: Result<(), tokio::task::JoinError>) -> ! {
    match end {
        Ok(()) => panic!("a client went home"),
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// What the clients were told.
#[derive(Debug)]
pub struct Told {
    /// What was done and when.
    pub history: History,
    /// Cases that were opened.
    pub cases: usize,
    /// Attempts that had no answer.
    pub retried: u64,
}

/// What the clients share.
#[derive(Default)]
struct Table {
    history: History,
    /// The cases that are worked on.
    places: Mutex<Vec<Case>>,
    /// All cases that there ever were.
    ids: Mutex<Vec<String>>,
    /// Which value stands at a position, as far as anybody was told.
    values: Mutex<HashMap<String, u64>>,
    /// The last value that was written or tried.
    value: AtomicU64,
    /// Of each case a value and its position, as somebody has last read or written them: what clients insist on, while
    /// it may have changed.
    seen: Mutex<HashMap<usize, (u64, String)>>,
    retried: AtomicU64,
    done: watch::Sender<usize>,
    stop: AtomicBool,
}

#[derive(Clone)]
struct Case {
    number: usize,
    id: String,
    operations: u32,
}

impl Table {
    /// A position is where one value stands, whoever is told of it.
    fn stands(&self, position: &str, value: u64) {
        let known = *lock(&self.values).entry(position.to_owned()).or_insert(value);
        assert_eq!(known, value, "at {position}");
    }

    fn add(&self, case: usize, began: i64, done: Done) {
        self.history.add(case, began, done);
        self.done.send_modify(|done| *done += 1);
    }
}

struct Client {
    ways: Vec<Caller>,
    way: usize,
    chance: Chance,
    table: Arc<Table>,
}

impl Client {
    async fn race(mut self) {
        while !self.table.stop.load(Ordering::Relaxed) {
            let place = self.chance.below(AT_ONCE as u64) as usize;
            let case = {
                let mut places = lock(&self.table.places);
                places[place].operations += 1;
                places[place].clone()
            };
            if case.operations == if place == 0 { ON_A_LONG_CASE } else { ON_A_CASE } {
                let next = self.open().await;
                lock(&self.table.places)[place] = next;
                continue;
            }
            let seen = lock(&self.table.seen).get(&case.number).cloned();
            match (self.chance.below(10), seen) {
                (0..3, _) | (3..8, None) => self.read(case.number, &case.id).await,
                (3..8, seen @ Some(_)) => self.write(case.number, &case.id, seen).await,
                _ => self.write(case.number, &case.id, None).await,
            }
        }
    }

    async fn open(&mut self) -> Case {
        let open = OpenCaseRequest {
            command_id: self.chance.uuid().to_string(),
            account: "forum".into(),
            title: "Kettle".into(),
            ..OpenCaseRequest::default()
        };
        let opened = loop {
            let send = |mut way: Caller| {
                let open = open.clone();
                async move { way.cases.open_case(open).await }
            };
            // A case that nobody heard of could not be read at the end.
            if let Some(opened) = self.answered(send).await {
                break opened.expect("a case can be opened");
            }
        };
        let mut ids = lock(&self.table.ids);
        ids.push(opened.case_id.clone());
        Case { number: ids.len() - 1, id: opened.case_id, operations: 0 }
    }

    async fn read(&mut self, case: usize, id: &str) {
        let get = GetCaseRequest { case_id: id.to_owned(), ..GetCaseRequest::default() };
        let began = self.table.history.now();
        let send = |mut way: Caller| {
            let get = get.clone();
            async move { way.cases.get_case(get).await }
        };
        let Some(answer) = self.answered(send).await else { return };
        let read = answer.expect("the case is there").case.expect("a case");
        let value = match read.category.strip_prefix('v') {
            Some(value) => value.parse().expect("a value that was written"),
            None => 0,
        };
        self.table.add(case, began, Done::Read { value, at: sequence(&read.position) });
        self.table.stands(&read.position, value);
        lock(&self.table.seen).insert(case, (value, read.position));
    }

    /// Writes a new value, if what was seen still stands there.
    async fn write(&mut self, case: usize, id: &str, seen: Option<(u64, String)>) {
        let new = self.table.value.fetch_add(1, Ordering::Relaxed) + 1;
        let (old, expected_position) = seen.map_or((None, String::new()), |(old, at)| (Some(old), at));
        let set = SetCategoryRequest {
            command_id: self.chance.uuid().to_string(),
            case_id: id.to_owned(),
            expected_position,
            category: format!("v{new}"),
        };
        let began = self.table.history.now();
        let send = |mut way: Caller| {
            let set = set.clone();
            async move { way.cases.set_category(set).await }
        };
        let done = match self.answered(send).await {
            None => Done::Unknown { old, new },
            Some(Ok(answer)) => {
                assert!(answer.changed, "{new} stood nowhere before");
                self.table.stands(&answer.position, new);
                let at = sequence(&answer.position);
                lock(&self.table.seen).insert(case, (new, answer.position));
                Done::Wrote { old, new, at }
            }
            Some(Err(status)) => {
                let old = old.filter(|_| reason(&status) == "STALE_POSITION");
                lock(&self.table.seen).remove(&case);
                Done::Stale { old: old.unwrap_or_else(|| panic!("a write is refused: {status:?}")) }
            }
        };
        self.table.add(case, began, done);
    }

    /// The answer to a call, however often it must be sent; none if it is given up.
    async fn answered<T, F>(&mut self, send: impl Fn(Caller) -> F) -> Option<Result<T, Status>>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        for _ in 0..ATTEMPTS_MAX {
            let way = self.ways[self.way % self.ways.len()].clone();
            let status = match tokio::time::timeout(ANSWER_WITHIN, send(way)).await {
                Ok(Ok(answer)) => return Some(Ok(answer.into_inner())),
                Ok(Err(status)) => status,
                Err(_) => Status::deadline_exceeded("no answer in time"),
            };
            if is_unknown(&status) {
                self.way += 1;
                self.table.retried.fetch_add(1, Ordering::Relaxed);
                if self.chance.one_in(GIVEN_UP) {
                    return None;
                }
            } else if reason(&status) != "CONTENTION" {
                return Some(Err(status));
            }
            tokio::time::sleep(PAUSE).await;
        }
        panic!("the site does not come back");
    }
}

/// The stable reason of a refusal.
fn reason(status: &Status) -> String {
    status.get_details_error_info().map(|info| info.reason).unwrap_or_default()
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
