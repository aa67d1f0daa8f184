//! One round of asking one account: what its source may do.

use domain::{
    actor::{Actor, Kind},
    ids::{AccountId, ActorId, AuthMethod},
    time::Timestamp,
};
use http::{HeaderMap, StatusCode};
use opentelemetry::KeyValue;
use serde::{Serialize, de::DeserializeOwned};
use service::{Error, auth::Principal};

use super::{
    Broke, Failure,
    asker::Shared,
    http::{Answer, usable},
    settings::Pace,
    state::State,
};
use crate::{
    account::Account,
    channels::{Config, Happening, Malformed, speak},
    hooks::{
        dead::{Kept, call::Call},
        happened::{self, Happened, Unkept},
        read::Loses,
    },
    ledger::Tally,
    postbox::{self, No},
    take::Taken,
};

/// The domain of the digests of what was handed over.
const DIGEST: &str = "asked";

/// One account, asked once.
pub(crate) struct Round {
    pub(super) shared: std::sync::Arc<Shared>,
    pub(super) account: Account,
    pub(super) policy_version: u64,
    /// Settings and secrets of the account.
    pub(super) config: Config,
    pub(super) connector: Option<String>,
    /// What is asked, by its name.
    pub(super) source: &'static str,
    pub(super) pace: Pace,
    pub(super) state: State,
    /// Whether the cursor moved: then what failed before is over.
    pub(super) moved: bool,
}

impl Round {
    /// Settings and secrets of the account.
    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// Now.
    pub(crate) fn now(&self) -> Timestamp {
        self.shared.ingestion.0.shell.clock.now()
    }

    /// What was written before is not taken.
    pub(crate) fn since(&self) -> Option<Timestamp> {
        self.pace.since
    }

    /// The cursor that was remembered last; the default, if there is none that this version can read.
    pub(crate) fn cursor<C: DeserializeOwned + Default>(&self) -> C {
        let kept = self.state.cursor.clone();
        kept.and_then(|cursor| serde_json::from_value(cursor).ok()).unwrap_or_default()
    }

    /// Whom it is about.
    pub(crate) fn account(&self) -> &AccountId {
        &self.account.id
    }

    /// Remembers what failed. It is no way forward: failures go on to be counted.
    pub(crate) async fn note(&mut self, cursor: &impl Serialize) -> Result<(), Broke> {
        let moved = self.moved;
        self.remember(cursor).await?;
        self.moved = moved;
        Ok(())
    }

    /// Remembers how far the account was asked. MUST be called only when all before is taken.
    pub(crate) async fn remember(&mut self, cursor: &impl Serialize) -> Result<(), Broke> {
        let cursor = Some(serde_json::to_value(cursor).map_err(|_| Failure::Fault)?);
        self.moved |= self.state.cursor != cursor;
        self.state.cursor = cursor;
        self.shared.kept.save(&self.account.id, &self.state).await.map_err(|error| not_taken(&error))
    }

    /// Takes in what came. When this answers, it is in the log, or what is answered: refused, to be kept as a
    /// [`letter`](Self::letter). The counts are for [`tally`](Self::tally).
    pub(crate) async fn take(&self, happenings: Vec<Happening>) -> Result<(Vec<Unkept>, Tally), Broke> {
        if happenings.is_empty() {
            return Ok(<(Vec<Unkept>, Tally)>::default());
        }
        let shared = &self.shared;
        let about = (self.account.clone(), self.policy_version, principal().map_err(|_| Failure::Fault)?);
        let mut what = Happened::default();
        let told =
            happened::happened(&shared.ingestion, &shared.teller, about, self.now(), happenings, &mut what);
        told.await.map_err(|error| not_taken(&error))?;
        let Happened { counts, unkept } = what;
        let tally = Tally::of(&counts);
        for ((kind, outcome), count) in counts {
            let account = KeyValue::new("account", self.account.id.to_string());
            shared
                .told
                .add(count, &[account, KeyValue::new("kind", kind), KeyValue::new("outcome", outcome)]);
        }
        Ok((unkept, tally))
    }

    /// Counts what [`take`](Self::take) answered, once its letters are kept: without room for them all of it comes again.
    pub(crate) async fn tally(&self, tally: Tally) -> Result<(), Broke> {
        let parts = &self.shared.ingestion.0;
        let tallied = parts.submitter.tally(&parts.ledger, self.account.id.as_str(), tally);
        tallied.await.map_err(|error| not_taken(&error))
    }

    /// Keeps what cannot be read or taken as a dead letter. Whether it was not there.
    pub(crate) async fn letter(&self, body: &[u8], why: &Malformed) -> Result<bool, Broke> {
        let (name, call) = (super::letters_of(self.source), Call::asked(body, self.now()));
        let letters = &self.shared.ingestion.0.dead_letters;
        let kept = letters.keep(&self.account, &name, &call, (why, Loses::Words)).await;
        let new = kept.map_err(|error| not_taken(&error))? != Kept::Again;
        if new {
            tracing::warn!(account = %self.account.id, reason = %why, "something that was asked for is a dead letter");
        }
        Ok(new)
    }

    /// Takes in a mail. Whether it is in the log; if not, it is refused for ever and counted.
    pub(crate) async fn take_mail(&self, bytes: &[u8]) -> Result<bool, Broke> {
        let about = (self.account.clone(), self.policy_version);
        match postbox::take(&self.shared.ingestion, about, ("", None), bytes).await {
            Ok(Taken::Accepted(_) | Taken::Edited(_) | Taken::Duplicate(_)) => Ok(true),
            Ok(Taken::Rejected(rejection)) => {
                self.letter(bytes, &Malformed::new(rejection.field, rejection.reason)).await?;
                Ok(false)
            }
            Err(No::Never(code, reason)) => {
                tracing::warn!(account = %self.account.id, code, reason, "a mail is not taken");
                // What is refused on purpose, a mail of ours that came back, is not missed.
                if let Some(why) = reason.strip_prefix(postbox::UNREADABLE) {
                    self.letter(bytes, &Malformed::new("mail", why.trim())).await?;
                }
                Ok(false)
            }
            Err(No::Later(error)) => Err(not_taken(&error)),
        }
    }

    /// Counts something that cannot be taken in, for ever.
    pub(crate) async fn refuse(&self, reason: &str) -> Result<(), Broke> {
        tracing::warn!(account = %self.account.id, reason, "something that was asked for is not kept");
        let parts = &self.shared.ingestion.0;
        let tally = Tally { rejected: 1, ..Tally::default() };
        let counted = parts.submitter.tally(&parts.ledger, self.account.id.as_str(), tally).await;
        counted.map_err(|error| not_taken(&error))
    }

    /// What tells something from all else that this site ever hands over. Of another site it is another one.
    pub(crate) fn digest(&self, of: &str) -> String {
        self.shared.ingestion.0.shell.vault.hash(DIGEST, &[self.account.id.as_str(), of])
    }

    /// Calls the platform and reads a page, at most `body_max` bytes of it. With another access token, if this one has ended.
    pub(crate) async fn call(
        &mut self,
        body_max: usize,
        make: impl Fn(&Config) -> Result<speak::Call, Broke> + Send + Sync,
    ) -> Result<Vec<u8>, Broke> {
        let mut renewed = false;
        loop {
            self.fill().await?;
            let answer = self.send(make(&self.config)?, body_max).await?;
            if answer.status == StatusCode::UNAUTHORIZED
                && !renewed
                && self.shared.secrets.renew(&mut self.config)
            {
                renewed = true;
                continue;
            }
            return usable(answer, self.now());
        }
    }

    async fn send(&self, call: speak::Call, body_max: usize) -> Result<Answer, Broke> {
        let private = super::settings::private_addresses(&self.config.settings);
        self.shared.http.call(call, private, body_max).await
    }

    /// An access token, where the account has what gets one.
    pub(crate) async fn fill(&mut self) -> Result<(), Broke> {
        let now = self.now();
        let filled = self.shared.secrets.fill(self.connector.as_deref(), &mut self.config, now).await;
        filled.map_err(|error| Failure::Account(error.to_string()).into())
    }
}

/// Headers of an answer that a failure is read from.
pub(super) fn retry_after_s(headers: &HeaderMap, now: Timestamp) -> Option<i64> {
    let value = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?;
    crate::feeds::pace::retry_after_s(value, now)
}

fn not_taken(error: &impl std::fmt::Display) -> Broke {
    tracing::warn!(%error, "what was asked for is not kept; it comes again");
    Failure::NotTaken.into()
}

/// On whose word it is taken in: the platform's, as far as the account's credentials prove it.
fn principal() -> Result<Principal, domain::ids::Invalid> {
    let actor = Actor::new(Kind::Service, ActorId::new("channels")?, AuthMethod::new("asked")?);
    Ok(Principal { actor, roles: Vec::new() })
}

/// As the service says it.
impl From<Error> for Broke {
    fn from(error: Error) -> Self {
        not_taken(&error)
    }
}
