//! Webhooks: `GET|POST /hooks/<account>`.
//!
//! A call is believed only by its platform's own signature over the bytes as they came, which the account's connector checks;
//! it is answered 2xx only when all that it says is in the log, or is a dead letter ([`dead`]): what can be read of a proved
//! call is taken, and what cannot is kept until it can. What is refused is counted, under the account, and changes nothing. A
//! platform sends again what was not answered 2xx, and the same again is harmless.
//!
//! | status | |
//! |---|---|
//! | 200 | taken, kept or counted as a dead letter, or the answer to a challenge |
//! | 400 | a question that is not what the platform describes, or a body that broke off |
//! | 401 | not proved: no signature, another one, or one of another time |
//! | 404 | no such account, or one that takes no webhooks |
//! | 405, 408, 413, 429 | neither GET nor POST; too slow; too large; too many at once |
//! | 503 | the log or the account's secret is away, or there is no room for a dead letter of this kind; the platform is to send it again |

pub(crate) mod dead;
pub(crate) mod fit;
pub(crate) mod happened;
pub(crate) mod read;
mod room;
pub(crate) mod tell;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{Path, Request, State, rejection::PathRejection},
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use domain::{
    actor::{Actor, Kind},
    ids::{ActorId, AuthMethod},
    time::Timestamp,
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use opentelemetry::{KeyValue, metrics::Counter};
use service::{Error, auth::Principal, http::Limits};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::{
    Ingestion,
    account::Account,
    channels::{self, Answer, Connector, Hook},
    ledger::{self, Tally, UNKNOWN_ACCOUNT},
    secrets::Secrets,
};
use dead::{Kept, call::Call};
use happened::{Counts, Happened};
use read::{Read, Unread};
use room::{Full, Held, Pace, Room};
use tell::Teller;

/// The setting with the address at which a platform calls an account, without a query: what some platforms sign.
const PUBLIC_URL: &str = "public_url";
/// How many connections there may be at once.
const CONNECTIONS_MAX: usize = 2048;
/// All headers of one request, in bytes.
const HEAD_BYTES_MAX: u32 = 32 << 10;
/// After how many seconds a platform may try again.
const RETRY_AFTER_S: u64 = 5;

/// The bounds of the webhooks.
#[derive(Clone, Debug)]
pub struct Config {
    /// The largest body of a connector whose calls carry files, in bytes: a mail.
    pub body_bytes_max: usize,
    /// The largest body of any other.
    pub event_bytes_max: usize,
    /// What all bodies together may hold that are read or worked on, in bytes: nobody has proved anything before. Of one account
    /// they hold half of it at most, and less while others hold some.
    pub bytes_max: usize,
    /// How long a body may take.
    pub body_time_max: Duration,
    /// How long it may take to begin, be silent, and be late.
    pub body_grace: Duration,
    /// How many bytes of it come in a second, at the least, beside that: nobody holds a connection with drops.
    pub body_bytes_per_s_min: u32,
    /// How many calls there may be at once.
    pub calls_max: usize,
    /// How many of them for one account.
    pub calls_of_account_max: usize,
    /// Of the listener.
    pub limits: Limits,
    /// Of the web chats, which are served beside them.
    pub chat: crate::chat::Limits,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            body_bytes_max: 32 << 20,
            event_bytes_max: 4 << 20,
            bytes_max: 256 << 20,
            body_time_max: Duration::from_secs(30),
            body_grace: Duration::from_secs(10),
            body_bytes_per_s_min: 16 << 10,
            calls_max: 256,
            calls_of_account_max: 128,
            limits: Limits {
                connections_max: CONNECTIONS_MAX,
                connections_of_address_max: service::peers::share(CONNECTIONS_MAX),
                head_time_max: Duration::from_secs(10),
                head_bytes_max: HEAD_BYTES_MAX,
                drain_time_max: Duration::from_secs(15),
            },
            chat: crate::chat::Limits::default(),
        }
    }
}

/// Serves the webhooks on `listener` until `stop`.
pub async fn serve(ingestion: Ingestion, config: Config, listener: TcpListener, stop: CancellationToken) {
    let limits = config.limits.clone();
    service::http::serve(router(ingestion, config), limits, listener, stop).await;
}

/// The routes of the webhooks.
pub fn router(ingestion: Ingestion, config: Config) -> Router {
    let meter = opentelemetry::global::meter("ingestion");
    let chats = crate::chat::router(&ingestion, config.chat.clone());
    let doors = Doors {
        teller: Teller::new(&ingestion.0.shell),
        secrets: ingestion.0.secrets.clone(),
        calls: Calls::default(),
        called: meter
            .u64_counter("hook_calls")
            .with_description("Calls of platforms, by account and what became of them.")
            .build(),
        told: meter
            .u64_counter("hook_happenings")
            .with_description("What platforms told, by account, kind and what became of it.")
            .build(),
        room: Room::new(config.bytes_max),
        ingestion,
        config,
    };
    Router::new().route("/hooks/{account}", get(call).post(call)).with_state(Arc::new(doors)).merge(chats)
}

/// How many of a call's dead letters are new, were there, and are counted only.
#[derive(Default)]
struct Letters {
    new: u64,
    again: u64,
    counted: u64,
}

struct Doors {
    ingestion: Ingestion,
    config: Config,
    teller: Teller,
    secrets: Secrets,
    calls: Calls,
    room: Room,
    called: Counter<u64>,
    told: Counter<u64>,
}

/// Why a call is not taken.
struct No {
    status: StatusCode,
    /// As metrics and the answer call it.
    code: &'static str,
    message: String,
}

impl No {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }
}

async fn call(
    State(doors): State<Arc<Doors>>,
    name: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    // What is no text names no account.
    let name = name.map(|Path(name)| name).unwrap_or_default();
    let (policy_version, account) = doors.ingestion.0.accounts.find(&name);
    let known = account.as_ref().map(|account| account.id.to_string());
    let span = tracing::info_span!("hook", account = known.as_deref().unwrap_or(UNKNOWN_ACCOUNT));
    async {
        let taken = match account {
            Some(account) => doors.taken(account, policy_version, request).await,
            None => Err(No::new(
                StatusCode::NOT_FOUND,
                "unknown_account",
                "no account of the policy is called like this; see `dossier policy show account`",
            )),
        };
        doors.answered(known.as_deref(), taken).await
    }
    .instrument(span)
    .await
}

impl Doors {
    async fn taken(&self, account: Account, policy_version: u64, request: Request) -> Result<Answer, No> {
        let via = self.ingestion.0.accounts.via(&account.id).unwrap_or_default();
        let connector = via.connector.as_deref().and_then(channels::find).ok_or_else(|| {
            let message = "the account takes no webhooks; give it a `connector` that does";
            No::new(StatusCode::NOT_FOUND, "no_connector", message)
        })?;
        let secrets = self.secrets.of(&via.secrets);
        let config = channels::Config { settings: via.settings, secrets };
        let (head, body) = request.into_parts();
        let (body, _room) = self.body((&account, connector), &head.headers, body).await?;
        // Not before: whoever sends a body slowly has proved nothing, and would keep others out.
        let _permit = self.calls.permit(account.id.as_str(), &self.config).ok_or_else(|| {
            No::new(StatusCode::TOO_MANY_REQUESTS, "too_many", "too many calls at once; send it again")
        })?;
        let url = url(&head, config.setting(PUBLIC_URL));
        let now = self.ingestion.0.shell.clock.now();
        let hook = Hook { method: &head.method, url: &url, headers: &head.headers, body: &body, now };
        verified(connector, &hook, &config)?;
        let read = Read::of(connector, &hook, &config);
        if let Some(unread) = read.unread.first().filter(|_| !connector.tells(&hook)) {
            return Err(No::new(StatusCode::BAD_REQUEST, "malformed", unread.why.to_string()));
        }
        // A notice that says nothing of what there is: the platform has to be asked.
        if read.happenings.iter().any(|happening| matches!(happening, channels::Happening::Passed(_))) {
            self.ingestion.0.asking.want(&account.id, now).await.map_err(away)?;
        }
        let by = principal().map_err(internal)?;
        let call = || {
            let identity = Call::of(&hook, hook.body).identity(account.id.as_str(), connector.name());
            self.ingestion.0.shell.vault.fingerprint(&identity)
        };
        let (mut what, mut letters) = (Happened::default(), Letters::default());
        let decided = async {
            let about = (account.clone(), policy_version, by);
            happened::happened(&self.ingestion, &self.teller, about, now, read.happenings, &mut what).await?;
            self.meter(&account, &what.counts);
            // Last: without room for a letter the platform sends all of it again, and what could be read is there already.
            self.letters(&account, connector, &hook, &read.unread, &mut letters).await?;
            if !what.unkept.is_empty() {
                let unread = read::unkept(connector, &hook, &config, &what.unkept);
                self.letters(&account, connector, &hook, &unread, &mut Letters::default()).await?;
            }
            let Letters { new, again, counted } = letters;
            let Tally { duplicate, rejected, held_back } = Tally::of(&what.counts);
            // What cannot be read counts as rejected once, then as a duplicate.
            let tally = Tally { duplicate: duplicate + again, rejected: rejected + new + counted, held_back };
            let parts = &self.ingestion.0;
            let call = if duplicate + again > 0 { call() } else { String::new() };
            parts.submitter.answered(&parts.ledger, (account.id.as_str(), &call), now, tally).await
        };
        let decided: Result<(), Error> = decided.await;
        if let Err(error) = decided {
            self.unanswered(&account, &call(), now, (&what.counts, letters.new)).await;
            return Err(away(error));
        }
        Ok(read.answer)
    }

    /// Remembers what was new in a call that is to come again, and how many new letters there are of it.
    async fn unanswered(
        &self,
        account: &Account,
        call: &str,
        now: Timestamp,
        (counts, letters): (&Counts, u64),
    ) {
        let ledger = &self.ingestion.0.ledger;
        let new = (ledger::is_new(counts), letters);
        if let Err(error) = ledger.unanswered((account.id.as_str(), call), now, new).await {
            tracing::warn!(%error, "what was new in a call that comes again is counted twice");
        }
    }

    async fn letters(
        &self,
        account: &Account,
        connector: &dyn Connector,
        hook: &Hook<'_>,
        unread: &[Unread],
        letters: &mut Letters,
    ) -> Result<(), Error> {
        for Unread { body, why, loses } in unread {
            let call = Call::of(hook, body.as_deref().unwrap_or(hook.body));
            let letters_of = &self.ingestion.0.dead_letters;
            match letters_of.keep(account, connector.name(), &call, (why, *loses)).await? {
                Kept::New => {
                    letters.new += 1;
                    tracing::warn!(connector = connector.name(), reason = %why, "an event is a dead letter");
                }
                Kept::Again => letters.again += 1,
                Kept::Counted => letters.counted += 1,
            }
        }
        let counts = [
            (("event", "dead_letter"), letters.new),
            (("event", "duplicate"), letters.again),
            (("event", "counted"), letters.counted),
        ];
        self.meter(account, &counts.into_iter().filter(|(_, count)| *count > 0).collect());
        Ok(())
    }

    fn meter(&self, account: &Account, counts: &Counts) {
        for ((kind, outcome), count) in counts {
            let labels = [
                KeyValue::new("account", account.id.to_string()),
                KeyValue::new("kind", *kind),
                KeyValue::new("outcome", *outcome),
            ];
            self.told.add(*count, &labels);
        }
    }

    async fn body(
        &self,
        (account, connector): (&Account, &dyn Connector),
        headers: &HeaderMap,
        body: Body,
    ) -> Result<(Bytes, Held), No> {
        let max = match connector.carries_files() {
            true => self.config.body_bytes_max,
            false => self.config.event_bytes_max,
        };
        let full = |full| match full {
            Full::Body => {
                let message = format!("a body has at most {max} bytes");
                No::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message)
            }
            Full::Broken => {
                No::new(StatusCode::BAD_REQUEST, "broken_off", "the body broke off; send it again")
            }
            Full::Room => {
                No::new(StatusCode::TOO_MANY_REQUESTS, "too_many", "too many calls at once; send it again")
            }
            Full::Slow => No::new(StatusCode::REQUEST_TIMEOUT, "too_slow", "the body did not come in time"),
        };
        let announced =
            headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        if announced.is_some_and(|announced: usize| announced > max) {
            return Err(full(Full::Body));
        }
        let pace = Pace {
            grace: self.config.body_grace,
            bytes_per_s_min: self.config.body_bytes_per_s_min,
            time_max: self.config.body_time_max,
        };
        self.room.read(account.id.as_str(), body, max, pace).await.map_err(full)
    }

    async fn answered(&self, account: Option<&str>, taken: Result<Answer, No>) -> Response {
        let outcome = taken.as_ref().map_or_else(|no| no.code, |_| "taken");
        let label = account.unwrap_or(UNKNOWN_ACCOUNT).to_owned();
        self.called.add(1, &[KeyValue::new("account", label), KeyValue::new("outcome", outcome)]);
        let mut response = match taken {
            Ok(Answer::Taken) => StatusCode::OK.into_response(),
            Ok(Answer::Text(media_type, text)) => {
                ([(header::CONTENT_TYPE, HeaderValue::from_static(media_type))], text).into_response()
            }
            Err(no) => {
                // What comes again by itself is not counted as refused: it may be taken then.
                if no.status != StatusCode::SERVICE_UNAVAILABLE {
                    let parts = &self.ingestion.0;
                    if let Err(error) = parts.submitter.refused(&parts.ledger, account).await {
                        tracing::warn!(%error, "a refused call is not counted");
                    }
                }
                refusal(&no)
            }
        };
        let headers = response.headers_mut();
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
        );
        response
    }
}

fn verified(connector: &dyn Connector, hook: &Hook<'_>, config: &channels::Config) -> Result<(), No> {
    connector.verify(hook, config).map_err(|refused| {
        let refused = match refused {
            channels::Refused::Unsigned(name) if hook.headers.get_all(name).iter().nth(1).is_some() => {
                channels::Refused::Twice(name)
            }
            refused => refused,
        };
        tracing::warn!(connector = connector.name(), reason = %refused, "a call is refused");
        // What an account lacks is the operator's to know, not of whoever calls.
        let told = match refused {
            channels::Refused::NoSecret(_) | channels::Refused::BadSecret(_) => {
                "the account cannot prove calls yet; send it again".to_owned()
            }
            refused => refused.to_string(),
        };
        No::new(refused.status(), refused.name(), told)
    })
}

/// The address as the platform called it.
fn url(head: &http::request::Parts, public: Option<&str>) -> String {
    let query = head.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    match public {
        Some(public) => format!("{public}{query}"),
        None => {
            let host = head.headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
            format!("http://{host}{}{query}", head.uri.path())
        }
    }
}

fn refusal(no: &No) -> Response {
    let body = serde_json::json!({ "code": no.code, "message": no.message }).to_string();
    let json = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let mut response = (no.status, [json], body).into_response();
    if matches!(no.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER_S.into());
    }
    response
}

/// On whose word it is taken in: the channel's.
fn principal() -> Result<Principal, domain::ids::Invalid> {
    let actor = Actor::new(Kind::Service, ActorId::new("channels")?, AuthMethod::new("signature")?);
    Ok(Principal { actor, roles: Vec::new() })
}

#[expect(clippy::needless_pass_by_value, reason = "as `map_err` hands it over")]
fn away(error: Error) -> No {
    tracing::warn!(%error, "a call is not taken");
    No::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "it could not be kept; send it again")
}

fn internal(error: impl std::fmt::Display) -> No {
    tracing::error!(%error, "a call cannot be taken");
    No::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "it could not be kept; send it again")
}

/// How many calls are worked on.
#[derive(Clone, Default)]
struct Calls(Arc<Mutex<HashMap<String, usize>>>);

/// The right to one call.
struct Permit {
    account: String,
    of: Calls,
}

impl Calls {
    fn permit(&self, account: &str, config: &Config) -> Option<Permit> {
        let mut calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if calls.values().sum::<usize>() >= config.calls_max {
            return None;
        }
        let of_account = calls.entry(account.to_owned()).or_default();
        if *of_account >= config.calls_of_account_max {
            return None;
        }
        *of_account += 1;
        Some(Permit { account: account.to_owned(), of: self.clone() })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut calls = self.of.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(of_account) = calls.get_mut(&self.account) {
            *of_account -= 1;
            if *of_account == 0 {
                calls.remove(&self.account);
            }
        }
    }
}
