//! Web chat: `/chat/<account>` beside the webhooks, for browsers.
//!
//! | path | |
//! |---|---|
//! | `GET /chat/<account>` | a page with nothing but the chat, as a link to share |
//! | `GET /chat/<account>/widget.js` | the chat for any page that the account's `origins` name, by one script tag |
//! | `GET /chat/<account>/socket` | a WebSocket |
//! | `POST /chat/<account>/call` | the same where a WebSocket does not get through: one frame in, one out |
//!
//! Both speak the same JSON ([`protocol`]). A browser says `hello` first, with the token of its last `welcome` if there was
//! one, and is told who it is from now on and what was said last. What it `say`s is answered `taken` when it is in the log,
//! and said again until then, under the same id: it counts once. Lines come as `items`, each replacing the one with its id,
//! and a cursor: whoever comes back names it and is told what changed since. Of our lines a browser tells which it has and
//! which were `seen`. Over HTTP the token stands in `authorization: Bearer`, and `wait` is answered when there is something
//! new, or after [`Limits::wait_max`]. What is not taken is `refused`, with a word for programs, a sentence for people, and whether
//! the same again has a chance.
//!
//! The account's settings: `origins` ([`origin`]), without which there is no chat; `title`, `greeting`, `accent` (a colour as `#0a5c8f`);
//! `agent_names = "false"` keeps the names of those who answer; `proxies`, how many of our own stand between the
//! browsers and us, each of which adds to `x-forwarded-for`. Its secret `identity_secret` lets a page vouch for its users ([`visitor`]).
//!
//! What is absent: no cookie, so that there is nothing that another page could use; nothing of a case but what was said to this visitor;
//! no memory of one connection that another needs: any replica serves any visitor at any moment.

mod about;
mod call;
mod hub;
mod limits;
mod origin;
mod pages;
pub(crate) mod protocol;
pub(crate) mod said;
mod session;
mod socket;
mod transcript;
mod visitor;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    routing::{any, get},
};
use opentelemetry::{KeyValue, metrics::Counter};
use service::{Error, models::Models, rush::Rush, shell::Shell, store::Store};
use tokio_util::sync::CancellationToken;

pub use limits::Rate;
pub(crate) use origin::{ORIGINS, is_open};
pub(crate) use visitor::can_look;

use crate::{
    Ingestion,
    account::{Accounts, Via},
    hooks::tell::Teller,
    ledger::Ledger,
    secrets::Secrets,
    submit::Submitter,
};
use hub::Hub;
use limits::{Places, Rates};
use said::Said;

/// As an account's `connector` names it.
pub(crate) const CONNECTOR: &str = "web_chat";
/// The kind of channel that an account with a chat is of: by it what was said there is found in the log.
pub(crate) const CHANNEL: &str = "chat";
/// For how long a reply that was put before a visitor once is known to be the same, in seconds: for ever.
pub(crate) const KEY_KNOWN_S: i64 = 100 * 365 * 24 * 60 * 60;

/// The bounds of the chats of one process.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections, and calls that wait, at once.
    pub connections_max: usize,
    /// Of them for one account.
    pub connections_of_account_max: usize,
    /// Of them from one address.
    pub connections_of_address_max: usize,
    /// Of them of one visitor: each of his tabs has one.
    pub connections_of_visitor_max: usize,
    /// What one visitor may say.
    pub said_by_visitor: Rate,
    /// What may be said from one address.
    pub said_at_address: Rate,
    /// Greetings from one address: each may be a new visitor.
    pub greetings_at_address: Rate,
    /// Frames of one visitor, of whatever type.
    pub frames_by_visitor: Rate,
    /// How long a connection may take to greet.
    pub greeting_time_max: Duration,
    /// How long a frame may take to be sent.
    pub send_time_max: Duration,
    /// How often a silent browser is asked whether it is still there; after twice as long without a word it is not.
    pub ping_every: Duration,
    /// How long a call waits for something new.
    pub wait_max: Duration,
    /// How long a connection lasts; then the browser comes back by itself, and what policy says of it is looked up anew.
    pub connection_time_max: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let rate = |burst, millis| Rate { burst, every: Duration::from_millis(millis) };
        Self {
            connections_max: 2_000,
            connections_of_account_max: 1_500,
            connections_of_address_max: 100,
            connections_of_visitor_max: 8,
            said_by_visitor: rate(10, 2_000),
            said_at_address: rate(60, 500),
            greetings_at_address: rate(60, 1_000),
            frames_by_visitor: rate(60, 200),
            greeting_time_max: Duration::from_secs(10),
            send_time_max: Duration::from_secs(10),
            ping_every: Duration::from_secs(25),
            wait_max: Duration::from_secs(25),
            connection_time_max: Duration::from_secs(12 * 60 * 60),
        }
    }
}

/// What all chats of a process share.
pub(crate) struct Chat {
    shell: Shell,
    accounts: Arc<dyn Accounts>,
    submitter: Arc<Submitter>,
    ledger: Arc<Ledger>,
    teller: Teller,
    secrets: Secrets,
    model: Arc<Models<Said>>,
    hub: Arc<Hub>,
    rates: Rates,
    places: Places,
    frames: Counter<u64>,
    /// Cancelled when the process ends: connections that were upgraded outlive their listener.
    stop: CancellationToken,
}

impl Chat {
    pub(crate) async fn open(
        shell: &Shell,
        accounts: &Arc<dyn Accounts>,
        (control, secrets): (&Store, &Secrets),
        (submitter, ledger): (&Arc<Submitter>, &Arc<Ledger>),
    ) -> Result<Self, Error> {
        // Somebody looks at the page on which it appears: it does not stand back.
        let live = Shell { rush: Rush::default(), ..shell.clone() };
        let model = Models::open(live, control.clone(), Said).await?;
        let frames = opentelemetry::global::meter("ingestion")
            .u64_counter("chat_frames")
            .with_description("What browsers said in web chats, by account and what became of it.")
            .build();
        Ok(Self {
            shell: shell.clone(),
            accounts: Arc::clone(accounts),
            submitter: Arc::clone(submitter),
            ledger: Arc::clone(ledger),
            teller: Teller::new(shell),
            secrets: secrets.clone(),
            model: Arc::new(model),
            hub: Arc::default(),
            rates: Rates::new(),
            places: Places::default(),
            frames,
            stop: CancellationToken::new(),
        })
    }

    /// The read model, for operators.
    pub(crate) fn model(&self) -> Arc<Models<Said>> {
        Arc::clone(&self.model)
    }

    /// Keeps the read model up to date and tells who waits, until `stop`.
    pub(crate) async fn run(self: Arc<Self>, stop: CancellationToken) {
        let _ended = self.stop.clone().drop_guard();
        let model = Arc::clone(&self.model).run(stop.clone());
        tokio::join!(model, stop.run_until_cancelled(self.hub.follow(&self.model)), async {
            stop.cancelled().await;
            self.stop.cancel();
        });
    }

    fn counted(&self, account: &str, outcome: &'static str) {
        let labels = [KeyValue::new("account", account.to_owned()), KeyValue::new("outcome", outcome)];
        self.frames.add(1, &labels);
    }
}

/// Whether an account has all that a chat needs.
pub(crate) fn is_complete(via: &Via) -> bool {
    via.connector.as_deref() == Some(CONNECTOR) && is_open(&via.settings)
}

/// What the handlers share.
#[derive(Clone)]
struct Doors {
    chat: Arc<Chat>,
    limits: Arc<Limits>,
}

/// The routes of the chats.
pub(crate) fn router(ingestion: &Ingestion, limits: Limits) -> Router {
    let doors = Doors { chat: Arc::clone(&ingestion.0.chat), limits: Arc::new(limits) };
    Router::new()
        .route("/chat/{account}", get(pages::page))
        .route("/chat/{account}/widget.js", get(pages::widget))
        .route("/chat/{account}/socket", any(socket::open))
        .route("/chat/{account}/call", any(call::call))
        .with_state(doors)
}
