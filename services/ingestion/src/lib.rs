//! Channels in, replies out: how messages enter Dossier and how answers leave it.
//!
//! A submitted message is checked ([`intake`]), named after what its channel calls it, sealed, and appended to a stream of
//! its own, so that a second delivery finds the first, this year or next. The sender is answered when the entry is
//! durable and the call is counted in the [`ledger`].
//!
//! What is absent: nothing here opens a case, decides who answers, or reads what another service keeps.

mod accepted;
mod access;
pub mod account;
mod asking;
pub mod channels;
pub mod chat;
mod contacts;
mod content;
mod delivery;
pub mod feeds;
mod files;
mod grpc;
mod guarded;
mod health;
mod history;
pub mod hooks;
mod identity;
pub mod import;
pub mod intake;
mod lanes;
mod leased;
pub mod ledger;
pub mod mail;
mod media;
mod postbox;
mod replies;
mod secrets;
pub mod smtp;
pub mod submit;
mod take;
mod thread;
mod wire;

use std::sync::Arc;

use proto::ingestion::v1;
use service::{
    Error, auth::Principal, health::Runs, lifecycle::Tasks, operations::AnyModel, reaction::AnyReaction,
    shell::Shell,
};

use account::Accounts;
use ledger::Ledger;
use submit::Submitter;

/// What the service has to be told.
#[derive(Clone)]
pub struct Config {
    /// Where channel accounts are looked up.
    pub accounts: Arc<dyn Accounts>,
}

/// The service, open. Clones are the same service.
#[derive(Clone)]
pub struct Ingestion(Arc<Parts>);

struct Parts {
    shell: Shell,
    accounts: Arc<dyn Accounts>,
    secrets: secrets::Secrets,
    submitter: Arc<Submitter>,
    ledger: Arc<Ledger>,
    channels: Arc<health::Channels>,
    replies: replies::Runners,
    guard: postbox::guard::Guard,
    parsing: postbox::parsing::Parsing,
    feeds: Arc<feeds::Polling>,
    asking: Arc<asking::Polling>,
    files: Arc<files::Runner>,
    chat: Arc<chat::Chat>,
    dead_letters: Arc<hooks::dead::DeadLetters>,
}

/// Opens the stores of the service and brings them to their schema.
pub async fn open(config: Config, shell: Shell) -> Result<Ingestion, Error> {
    let ledger = Arc::new(Ledger::open(&shell).await?);
    let submitter = Arc::new(Submitter::new(shell.clone(), Arc::clone(&config.accounts)));
    let control = shell.stores.control("ingestion").await?;
    let channels = health::Channels::open(&shell, &config.accounts, (&control, &ledger)).await?;
    let secrets = secrets::Secrets::new();
    let replies = replies::Runners::open(&shell, &config.accounts, (&control, &channels), &secrets).await?;
    let feeds = feeds::Polling::open(&shell, &config.accounts, &control, (&submitter, &ledger))?;
    let feeds = Arc::new(feeds);
    let asking = Arc::new(asking::Polling::open(&shell, &config.accounts, &control, &ledger));
    let files = files::open(&shell, &config.accounts, (&control, &secrets))?;
    let dead_letters = Arc::new(hooks::dead::DeadLetters::new(&shell, ledger.store().clone()));
    let chat =
        chat::Chat::open(&shell, &config.accounts, (&control, &secrets), (&submitter, &ledger)).await?;
    let chat = Arc::new(chat);
    let accounts = config.accounts;
    let guard = postbox::guard::Guard::new();
    Ok(Ingestion(Arc::new(Parts {
        shell,
        accounts,
        secrets,
        submitter,
        ledger,
        channels,
        replies,
        guard,
        parsing: postbox::parsing::Parsing::new(),
        feeds,
        asking,
        files,
        chat,
        dead_letters,
    })))
}

impl Ingestion {
    /// Takes messages in for `principal`. When this answers, what was accepted is in the log and everything is counted;
    /// after an error the same request again is harmless.
    pub async fn submit(
        &self,
        principal: &Principal,
        request: v1::SubmitRequest,
    ) -> Result<v1::SubmitResponse, Error> {
        self.0.submitter.submit(&self.0.ledger, principal, request).await
    }

    /// What came in, for `principal`: everything that this replica has answered, and of others what has arrived here.
    pub async fn ledger(
        &self,
        principal: &Principal,
        request: &v1::GetLedgerRequest,
    ) -> Result<v1::GetLedgerResponse, Error> {
        access::may_read_ledger(self.0.accounts.as_ref(), principal)?;
        let at_least = self.0.shell.position("at_least", &request.at_least)?;
        let (rows, position) = self.0.ledger.rows(request, at_least, self.0.shell.clock.now()).await?;
        Ok(v1::GetLedgerResponse { rows, position: self.0.shell.token(position) })
    }

    /// What the service adds to the gRPC server of its process.
    pub fn routes(&self) -> Box<dyn service::grpc::Routes> {
        Box::new(grpc::Service::new(self.clone(), self.0.shell.clone()))
    }

    /// Its read models, for operators.
    pub fn models(&self) -> Vec<Arc<dyn AnyModel>> {
        vec![self.0.ledger.accepted(), self.0.replies.model(), self.0.chat.model()]
    }

    /// Its reactions, for operators.
    pub fn reactions(&self) -> Vec<Arc<dyn AnyReaction>> {
        let mut all = self.0.replies.all();
        all.push(Arc::clone(&self.0.files) as _);
        all
    }

    /// What else runs for ever, for its health: the feeds, platforms that are asked, how channels are, and how full the boxes
    /// of dead letters.
    pub fn others(&self) -> Vec<Arc<dyn Runs>> {
        vec![
            Arc::clone(&self.0.feeds) as _,
            Arc::clone(&self.0.asking) as _,
            Arc::clone(&self.0.channels) as _,
            Arc::clone(&self.0.dead_letters) as _,
        ]
    }

    /// Starts what goes on without being asked: the count of what is accepted, the way of replies, how channels
    /// are, the feeds, the platforms that are asked, and the files that channels announce.
    pub fn spawn(&self, tasks: &mut Tasks) {
        self.0.channels.spawn(tasks);
        self.0.replies.spawn(tasks);
        tasks.spawn("feeds", Arc::clone(&self.0.feeds).run(tasks.stop()));
        tasks.spawn("asking", Arc::clone(&self.0.asking).run(self.clone(), tasks.stop()));
        tasks.spawn("announced files", Arc::clone(&self.0.files).run(tasks.stop()));
        let (ingestion, stop) = (self.clone(), tasks.stop());
        tasks.spawn("dead letters", async move {
            let parts = &ingestion.0;
            let clock = parts.shell.clock.as_ref();
            let letters =
                async { tokio::join!(parts.dead_letters.swept(clock), parts.dead_letters.watched(clock)) };
            stop.run_until_cancelled(letters).await;
        });
        tasks.spawn("web chats", Arc::clone(&self.0.chat).run(tasks.stop()));
        let accepted = self.0.ledger.accepted();
        tasks.spawn("ingestion: accepted messages", accepted.run(tasks.stop()));
        tasks.spawn("ingestion: refused calls", self.0.ledger.gathering(tasks.stop()));
    }
}
