//! A site with nothing but an intake.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use domain::{
    actor::{Actor, Kind},
    channel::Visibility,
    ids::{ActorId, AuthMethod},
    time::Timestamp,
};
use eventlog::{AppendError, Category, Entry, EventLog, NewEntry, Position, SqliteLog, StreamId};
use futures_util::StreamExt;
use ingestion::{
    Config, Ingestion,
    account::{Account, Accounts},
};
use proto::ingestion::v1::{
    self, Author, Direction, Message,
    submit_response::{Outcome, Result as Answer},
};
use serde_json::Value;
use service::{
    Error,
    auth::{Authenticator, Principal},
    clock::ManualClock,
    lifecycle::Tasks,
    shell::{Shell, Stores},
};
use sqlx::{Connection, Executor};
use uuid::Uuid;
use vault::{Blobs, MemoryBlobs, MemoryKeys, SiteKey, Vault};

/// When every test begins.
pub const NOW: &str = "2026-11-22T10:20:00Z";
/// The version of the policy.
pub const POLICY_VERSION: u64 = 7;
/// An account with public threads.
pub const WALL: &str = "wall";
/// An account with one private conversation for each contact.
pub const CHAT: &str = "chat";

/// One replica of the service, and what it stands on.
pub struct World {
    pub folder: Arc<tempfile::TempDir>,
    pub shell: Shell,
    pub clock: ManualClock,
    pub ingestion: Ingestion,
    /// What goes on in the background; it ends with the replica.
    tasks: Tasks,
}

impl World {
    /// A site on an embedded log.
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = SqliteLog::open(folder.path().join("log.db")).await.unwrap();
        Self::on(Arc::new(log), folder).await
    }

    /// A site on `log`.
    pub async fn on(log: Arc<dyn EventLog>, folder: tempfile::TempDir) -> Self {
        let keys = Arc::new(MemoryKeys::default());
        let vault = Arc::new(Vault::unlock(&SiteKey::generate().unwrap(), keys).await.unwrap());
        let blobs = Arc::new(Blobs::new(Arc::clone(&vault), Arc::new(MemoryBlobs::default())));
        let clock = ManualClock::new(at(NOW));
        let shell = Shell {
            site: "paris".parse().unwrap(),
            number_prefix: "P".into(),
            epoch: 1,
            log,
            vault,
            blobs,
            clock: Arc::new(clock.clone()),
            stores: stores(folder.path()).await,
            auth: Arc::new(Authenticator::new([]).unwrap()),
            replica: "one".into(),
            rush: service::rush::Rush::default(),
        };
        Self::of(shell, clock, Arc::new(folder)).await
    }

    /// Another replica at the same time. The first one keeps the read model.
    pub async fn beside(&self) -> Self {
        let shell = Shell { replica: "two".into(), ..self.shell.clone() };
        let ingestion = open(&shell).await;
        Self {
            shell,
            ingestion,
            tasks: Tasks::default(),
            clock: self.clock.clone(),
            folder: Arc::clone(&self.folder),
        }
    }

    /// The same replica after its end: nothing that was in memory is left.
    pub async fn restarted(self) -> Self {
        let Self { folder, shell, clock, ingestion, tasks } = self;
        drop((ingestion, tasks));
        Self::of(shell, clock, folder).await
    }

    async fn of(shell: Shell, clock: ManualClock, folder: Arc<tempfile::TempDir>) -> Self {
        let ingestion = open(&shell).await;
        let mut tasks = Tasks::default();
        ingestion.spawn(&mut tasks);
        Self { folder, shell, clock, ingestion, tasks }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Submits live messages.
    pub async fn submit(&self, account: &str, messages: &[Message]) -> Vec<Answer> {
        self.try_submit(request(account, messages)).await.unwrap().results
    }

    pub async fn try_submit(&self, request: v1::SubmitRequest) -> Result<v1::SubmitResponse, Error> {
        self.ingestion.submit(&integrator(), request).await
    }

    pub async fn rows(&self, request: v1::GetLedgerRequest) -> Vec<v1::get_ledger_response::Row> {
        self.ingestion.ledger(&integrator(), &request).await.unwrap().rows
    }

    /// The sums of the whole ledger: accepted, duplicate, rejected. Every row is checked.
    pub async fn sums(&self) -> (u64, u64, u64) {
        let rows = self.rows(v1::GetLedgerRequest::default()).await;
        rows.iter().fold((0, 0, 0), |(accepted, duplicate, rejected), row| {
            assert_eq!(row.received, row.accepted + row.duplicate + row.rejected, "{row:?}");
            (accepted + row.accepted, duplicate + row.duplicate, rejected + row.rejected)
        })
    }

    /// Everything that is in the log of messages.
    pub async fn entries(&self) -> Vec<Entry> {
        let message = Category::new("message").unwrap();
        let marker = Category::new("marker").unwrap();
        let id = Uuid::new_v4();
        let stream = StreamId::new(&marker, id).unwrap();
        let end = NewEntry { id, stream, traceparent: None, body: "{}".into() };
        let end = loop {
            match self.shell.log.append(Position::NONE, end.clone()).await {
                Ok(position) => break position,
                Err(AppendError::Log(_)) => {}
                Err(error) => panic!("{error}"),
            }
        };
        let all = self.shell.log.follow(Position::NONE, &[message, marker]).map(Result::unwrap);
        let upto = all.take_while(|entry| std::future::ready(entry.position < end));
        upto.filter(|entry| std::future::ready(entry.stream.category() == "message")).collect().await
    }

    /// The envelopes of everything that is in the log of messages, personal values opened.
    pub async fn opened(&self) -> Vec<Value> {
        let mut opened = Vec::new();
        for entry in self.entries().await {
            let mut envelope: Value = serde_json::from_slice(&entry.body).unwrap();
            let events = envelope["events"].as_array_mut().unwrap();
            self.shell.vault.open(entry.stream.as_str(), entry.id, events).await.unwrap();
            opened.push(envelope);
        }
        opened
    }

    /// The content of the last event of each message, by the message's external id.
    pub async fn contents(&self) -> BTreeMap<String, Value> {
        let opened = self.opened().await;
        let contents = opened.into_iter().map(|mut envelope| envelope["events"][0]["content"].take());
        contents
            .map(|content| (content["external_id"]["open"].as_str().unwrap().to_owned(), content))
            .collect()
    }
}

/// Files in `folder`; or a database of its own for each test on the server that `DOSSIER_TEST_DATABASE` names
/// (`postgres://user@host`, without a database).
async fn stores(folder: &Path) -> Stores {
    let Ok(server) = std::env::var("DOSSIER_TEST_DATABASE") else {
        println!("DOSSIER_TEST_DATABASE is not set: going on with SQLite");
        return Stores::Folder(folder.to_owned());
    };
    let name = format!("intake_{}", Uuid::new_v4().simple());
    let mut connection = sqlx::PgConnection::connect(&format!("{server}/postgres")).await.unwrap();
    let create = sqlx::AssertSqlSafe(format!("create database {name}"));
    connection.execute(sqlx::raw_sql(create)).await.unwrap();
    Stores::Postgres(format!("{server}/{name}"))
}

async fn open(shell: &Shell) -> Ingestion {
    ingestion::open(Config { accounts: Arc::new(Policy) }, shell.clone()).await.unwrap()
}

/// The accounts of the tests.
struct Policy;

impl Accounts for Policy {
    fn find(&self, id: &str) -> (u64, Option<Account>) {
        let account = |threads, visibility| Account {
            id: id.parse().unwrap(),
            channel: "forum".parse().unwrap(),
            visibility,
            threads,
            region: "france".parse().unwrap(),
        };
        let account = match id {
            WALL => Some(account(true, Visibility::Public)),
            CHAT => Some(account(false, Visibility::Private)),
            _ => None,
        };
        (POLICY_VERSION, account)
    }

    fn via(&self, _: &domain::ids::AccountId) -> Option<ingestion::account::Via> {
        None
    }

    fn channel(&self, _: &domain::ids::AccountId) -> Option<(Account, domain::policy::channel::Channel)> {
        None
    }

    fn mailbox(&self, _: &str) -> Option<(u64, Account)> {
        None
    }

    fn all(&self) -> Vec<(domain::ids::AccountId, ingestion::account::Via)> {
        [WALL, CHAT].map(|id| (id.parse().unwrap(), Default::default())).to_vec()
    }

    fn scope(&self, principal: &Principal) -> domain::policy::organisation::Scope {
        let role = |name: &String| serde_json::from_value(name.as_str().into()).ok();
        let roles = principal.roles.iter().filter_map(role).collect();
        domain::policy::organisation::Scope { roles, ..Default::default() }
    }
}

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub fn instant(text: &str) -> prost_types::Timestamp {
    let micros = at(text).as_microsecond();
    let nanos = i32::try_from(micros.rem_euclid(1_000_000)).unwrap() * 1_000;
    prost_types::Timestamp { seconds: micros.div_euclid(1_000_000), nanos }
}

pub fn principal(roles: &[&str]) -> Principal {
    let actor = Actor::new(Kind::Service, ActorId::new("hooks").unwrap(), AuthMethod::new("token").unwrap());
    Principal { actor, roles: roles.iter().map(|&role| role.to_owned()).collect() }
}

pub fn integrator() -> Principal {
    principal(&["integrator"])
}

pub fn request(account: &str, messages: &[Message]) -> v1::SubmitRequest {
    v1::SubmitRequest { account: account.to_owned(), messages: messages.to_vec(), origin: 0 }
}

/// A customer's message.
pub fn message(id: &str, text: &str) -> Message {
    Message {
        external_id: id.to_owned(),
        author: Some(Author { external_id: "ana".to_owned(), ..Author::default() }),
        direction: Direction::Inbound.into(),
        text: text.to_owned(),
        sent_at: Some(instant("2026-11-22T10:00:00.5Z")),
        ..Message::default()
    }
}

/// A customer's answer to another message.
pub fn reply(id: &str, to: &str) -> Message {
    Message { reply_to: to.to_owned(), ..message(id, id) }
}

pub fn outcomes(answers: &[Answer]) -> Vec<Outcome> {
    answers.iter().map(Answer::outcome).collect()
}
