//! Files that channels announce with a message, fetched and kept.
//!
//! A webhook names a file and does not bring it. [`FetchFiles`] follows what came in live, asks the account's platform as its
//! [`Fetcher`] says, keeps the file in the blob store under its customer's key, and writes into the message's own stream what
//! became of it: kept or lost, once for each body of the message. A body that announces a file which is here from the body
//! before is given that one. Between the platform's answer and the entry a process may die: then the file is fetched again,
//! and lies where it lay.
//!
//! What is absent: imported history fetches nothing, and nothing is fetched for a customer who was erased.

mod fetcher;
mod http;
mod known;
mod line;
mod plain;
mod slack;
mod telegram;
mod tries;
mod twilio;
mod whatsapp_cloud;

#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use domain::{
    actor::{Actor, Kind},
    decider::Decider,
    ids::{ActorId, AuthMethod, Invalid, KeyedHash, derive},
    message::{self, Action, Command, Loss},
    time::Timestamp,
};
use eventlog::{Category, Entry, Position, StreamId};
use service::{
    Error,
    envelope::contains,
    lease::Lease,
    reaction::{self, Reaction},
    shell::Shell,
    store::Store,
    transact::{Meta, Transactor},
};
use uuid::Uuid;

use crate::{account::Accounts, channels::Config, secrets::Secrets, take::vault_error};
use fetcher::{Failure, Fetcher};
use known::{Awaited, Kept, Known, Present};
use tries::{Then, Tries};

/// The namespace of the commands that say what became of files.
const NAMESPACE: Uuid = Uuid::from_u128(0x6d0a_91c4_77e2_5b1d_93f5_2e8b_c046_aa17);
/// What stands in every entry with an announced file, and in hardly another one.
const SOURCE: &str = "\"source\":";

/// Every platform whose files are to be asked for in a way of its own. To add one: its file, and its line here.
static FETCHERS: &[&dyn Fetcher] =
    &[&line::Line, &slack::Slack, &telegram::Telegram, &twilio::Twilio, &whatsapp_cloud::WhatsappCloud];

/// How the files of this connector are had.
fn fetcher(connector: Option<&str>) -> &'static dyn Fetcher {
    let own = FETCHERS.iter().copied().find(|fetcher| connector == Some(fetcher.name()));
    own.unwrap_or(&plain::Plain)
}

/// Runs the reaction.
pub(crate) type Runner = reaction::Runner<FetchFiles>;

/// The reaction, ready to run.
pub(crate) fn open(
    shell: &Shell,
    accounts: &Arc<dyn Accounts>,
    (control, secrets): (&Store, &Secrets),
) -> Result<Arc<Runner>, Error> {
    let lease = Lease::new(control.clone(), Arc::clone(&shell.clock), FetchFiles::NAME, &shell.replica);
    let reaction = FetchFiles::new(shell, Arc::clone(accounts), secrets.clone())?;
    Ok(Arc::new(Runner::new(reaction, Arc::clone(&shell.log), control.clone(), lease)))
}

/// Fetches what channels announce.
pub(crate) struct FetchFiles {
    shell: Shell,
    accounts: Arc<dyn Accounts>,
    messages: Transactor<message::State>,
    secrets: Secrets,
    client: http::Client,
    tries: Tries,
    actor: Actor,
}

#[async_trait::async_trait]
impl Reaction for FetchFiles {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn categories(&self) -> Vec<Category> {
        Category::new(message::State::CATEGORY).into_iter().collect()
    }

    fn wants(&self, entry: &Entry) -> bool {
        contains(&entry.body, SOURCE)
    }

    fn lane(&self, entry: &Entry) -> String {
        entry.stream.to_string()
    }

    async fn react(&self, entry: &Entry) -> Result<(), reaction::Error> {
        let again_at = self.fetch_all(entry).await.map_err(|error| match error {
            Error::Unavailable(_) | Error::Aborted { .. } => reaction::Error::Later(error.to_string()),
            other => reaction::Error::Never(format!("{}: {other}", other.reason())),
        })?;
        match again_at {
            None => Ok(()),
            Some(at) => Err(reaction::Error::Rest(between(self.shell.clock.now(), at))),
        }
    }
}

impl FetchFiles {
    const NAME: &str = "ingestion.fetch_files";

    fn new(shell: &Shell, accounts: Arc<dyn Accounts>, secrets: Secrets) -> Result<Self, Error> {
        let (log, vault, clock) =
            (Arc::clone(&shell.log), Arc::clone(&shell.vault), Arc::clone(&shell.clock));
        let messages = Transactor::new(shell.site.as_str(), log, vault, clock);
        let client = http::Client::new()
            .map_err(|error| Error::Internal(format!("files cannot be fetched: {error}")))?;
        let actor = actor().map_err(|error| Error::Internal(error.to_string()))?;
        let tries = Tries::new();
        Ok(Self { shell: shell.clone(), accounts, messages, secrets, client, tries, actor })
    }

    /// Fetches the files of the body that an entry brought, if it is the present one. When to go on, if some may still come.
    async fn fetch_all(&self, entry: &Entry) -> Result<Option<Timestamp>, Error> {
        let stream = &entry.stream;
        let known = Known::read(self.shell.log.as_ref(), &self.shell.vault, stream).await?;
        let Some(present) = &known.present else { return Ok(None) };
        // A later body has an entry of its own.
        if present.position != entry.position || !present.live {
            return Ok(None);
        }
        let mut again_at: Option<Timestamp> = None;
        for awaited in known.awaited() {
            let to_do = ToDo { entry, present, awaited: &awaited };
            let later = match known.same(&awaited) {
                Some(kept) => self.keep(&to_do, kept.clone()).await.map(|()| None)?,
                None => self.fetch_one(&to_do).await?,
            };
            again_at = [again_at, later].into_iter().flatten().min();
        }
        Ok(again_at)
    }

    /// Tries to fetch a file. When to try again, if it is still to be had.
    async fn fetch_one(&self, to_do: &ToDo<'_>) -> Result<Option<Timestamp>, Error> {
        let name = to_do.name();
        let now = self.shell.clock.now();
        if let Some(again_at) = self.tries.rests(&name, now) {
            return Ok(Some(again_at));
        }
        let failure = match self.fetched(to_do.present, to_do.awaited).await {
            Ok(fetched) => {
                self.keep_fetched(to_do, fetched).await?;
                self.tries.done(&name);
                return Ok(None);
            }
            Err(failure) => failure,
        };
        match self.tries.failed(&name, failure, self.shell.clock.now()) {
            Then::Again(at) => Ok(Some(at)),
            Then::Lose(reason) => {
                let Awaited { index, .. } = *to_do.awaited;
                let action = Action::LoseFile { digest: to_do.present.digest.clone(), index, reason };
                self.act(to_do, "lost", action).await?;
                let (stream, reason) = (&to_do.entry.stream, reason.as_str());
                tracing::warn!(%stream, index, reason, "a file that a channel announced cannot be had");
                self.tries.done(&name);
                Ok(None)
            }
        }
    }

    async fn fetched(&self, present: &Present, awaited: &Awaited) -> Result<http::Fetched<'_>, Failure> {
        let stored = awaited.stored().ok_or(Failure::Never(Loss::Unreadable))?;
        // An account may come back into the policy.
        let via = self.accounts.via(&present.account).ok_or(Failure::later(Loss::Refused))?;
        let fetcher = fetcher(via.connector.as_deref());
        let config = Config { settings: via.settings, secrets: self.secrets.of(&via.secrets) };
        self.client.fetch(fetcher, &config, &stored).await
    }

    async fn keep_fetched(&self, to_do: &ToDo<'_>, fetched: http::Fetched<'_>) -> Result<(), Error> {
        let awaited = to_do.awaited;
        let blobs = &self.shell.blobs;
        let blob = blobs.put(awaited.subject(), &fetched.content).await.map_err(vault_error)?;
        // Its customer may have been erased meanwhile. Then no entry names what was put, and the sweep takes it.
        self.shell.vault.forget(&[awaited.subject().to_owned()]);
        let known = Known::read(self.shell.log.as_ref(), &self.shell.vault, &to_do.entry.stream).await?;
        if !known.awaited().iter().any(|still| still.index == awaited.index) {
            tracing::debug!(stream = %to_do.entry.stream, "a file is not wanted any more");
            return Ok(());
        }
        let kept = Kept {
            bytes: fetched.content.len() as u64,
            media_type: http::media_type(fetched.media_type.as_deref(), &awaited.media_type),
            blob: KeyedHash::new(&blob.pointer()).map_err(|error| Error::Internal(error.to_string()))?,
        };
        self.keep(to_do, kept).await
    }

    async fn keep(&self, to_do: &ToDo<'_>, kept: Kept) -> Result<(), Error> {
        let (digest, index) = (to_do.present.digest.clone(), to_do.awaited.index);
        let Kept { bytes, media_type, blob } = kept;
        self.act(to_do, "kept", Action::KeepFile { digest, index, bytes, media_type, blob }).await
    }

    /// Writes what became of a file. The same again is nothing.
    async fn act(&self, to_do: &ToDo<'_>, step: &str, action: Action) -> Result<(), Error> {
        let region = self.accounts.channel(&to_do.present.account).map(|(account, _)| account.region);
        let command_id = derive(NAMESPACE, &format!("{}/{step}", to_do.name()));
        let meta = Meta {
            causation: Some(to_do.entry.id),
            region: region.map(|region| region.to_string()),
            ..Meta::new(command_id, step, self.actor.clone())
        };
        let make = |_: &_, at| Ok(vec![Command::new(at, self.actor.clone(), action.clone())]);
        self.messages.execute::<message::Error>(&to_do.entry.stream, &meta, make).await?;
        Ok(())
    }
}

/// A file of the body that an entry brought.
struct ToDo<'a> {
    entry: &'a Entry,
    present: &'a Present,
    awaited: &'a Awaited,
}

impl ToDo<'_> {
    /// Names the file as nothing else is named.
    fn name(&self) -> String {
        name(&self.entry.stream, self.present.position, self.awaited.index)
    }
}

fn name(stream: &StreamId, Position(position): Position, index: u16) -> String {
    format!("{stream}/{position}/{index}")
}

/// Who fetches.
fn actor() -> Result<Actor, Invalid> {
    Ok(Actor::new(Kind::Service, ActorId::new("files")?, AuthMethod::new("internal")?))
}

fn between(now: Timestamp, until: Timestamp) -> Duration {
    let micros = until.as_microsecond().saturating_sub(now.as_microsecond());
    // A little later than asked for is right; a little earlier would be asked again.
    Duration::from_micros(u64::try_from(micros).unwrap_or_default()) + Duration::from_millis(1)
}
