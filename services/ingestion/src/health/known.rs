//! How all accounts are, from the log, in every process.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use domain::{decider::fold, health::State, ids::AccountId};
use eventlog::{Entry, Position};
use futures_util::TryStreamExt;
use service::{
    Error, backoff,
    health::{Pulse, Standing},
    shell::Shell,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{At, Channels, Envelope, category};

/// What was decided about all accounts. There are few of them, and few decisions.
pub(super) struct Known {
    accounts: Mutex<BTreeMap<AccountId, At>>,
    followed: watch::Sender<Position>,
    pulse: Pulse,
}

impl Known {
    /// Reads the log up to now.
    pub(super) async fn open(shell: &Shell) -> Result<Self, Error> {
        let known =
            Self { accounts: Mutex::default(), followed: watch::Sender::default(), pulse: Pulse::default() };
        let passes = |error: &Error| matches!(error, Error::Unavailable(_));
        let tail = async || Ok(shell.log.tail(&[category()?]).await?);
        let tail = backoff::patiently(backoff::START_MAX, passes, tail).await?;
        if tail > Position::NONE {
            backoff::patiently(backoff::START_MAX, passes, || known.read(shell, Some(tail))).await?;
        }
        Ok(known)
    }

    /// An account, and the position of its last entry.
    pub(super) fn of(&self, account: &AccountId) -> At {
        self.accounts().get(account).cloned().unwrap_or_default()
    }

    /// All accounts about which something was decided.
    pub(super) fn all(&self) -> Vec<(AccountId, State)> {
        self.accounts().iter().map(|(account, (_, state))| (account.clone(), state.clone())).collect()
    }

    /// Takes a newer state in; whether it is one.
    pub(super) fn learn(&self, account: &AccountId, version: Position, state: &State) -> bool {
        let mut accounts = self.accounts();
        let known = accounts.entry(account.clone()).or_default();
        let is_newer = version > known.0;
        if is_newer {
            *known = (version, state.clone());
        }
        is_newer
    }

    /// Waits until everything up to `position` is known.
    pub(super) async fn wait_for(&self, position: Position, limit: Duration) -> bool {
        let mut followed = self.followed.subscribe();
        matches!(
            tokio::time::timeout(limit, followed.wait_for(|followed| *followed >= position)).await,
            Ok(Ok(_))
        )
    }

    /// Up to where everything is known.
    pub(super) fn position(&self) -> Position {
        *self.followed.borrow()
    }

    pub(super) fn standing(&self) -> Option<Standing> {
        self.pulse.standing()
    }

    /// Takes in what comes after what is known; up to a position, or until the log fails.
    async fn read(&self, shell: &Shell, upto: Option<Position>) -> Result<(), Error> {
        let mut entries = shell.log.follow(self.position(), &[category()?]);
        while let Some(entry) = entries.try_next().await? {
            self.take(&entry);
            self.followed.send_replace(entry.position);
            if upto.is_some_and(|upto| entry.position >= upto) {
                return Ok(());
            }
        }
        Err(Error::Unavailable("the log has ended".into()))
    }

    fn take(&self, entry: &Entry) {
        let Ok(account) = AccountId::new(entry.stream.id()) else { return };
        let (version, state) = self.of(&account);
        if entry.position <= version {
            return;
        }
        match Envelope::of(entry) {
            Ok(envelope) => drop(self.learn(&account, entry.position, &fold(state, &envelope.events))),
            // A newer version decides what this one cannot read. What was known goes on to hold.
            Err(error) => tracing::warn!(%account, %error, "how a channel is cannot be read by this version"),
        }
    }

    fn accounts(&self) -> MutexGuard<'_, BTreeMap<AccountId, At>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Channels {
    /// Follows what is decided until `stop`.
    pub(super) async fn follow(self: Arc<Self>, stop: CancellationToken) {
        for (account, state) in self.known.all() {
            self.measure(&account, &state);
        }
        stop.run_until_cancelled(self.follow_for_ever()).await;
    }

    async fn follow_for_ever(&self) -> Infallible {
        let mut failures = 0;
        loop {
            let before = self.known.position();
            self.known.pulse.trying();
            let Err(error) = self.known.read(&self.shell, None).await else { continue };
            failures = if self.known.position() > before { 1 } else { failures + 1 };
            self.known.pulse.failed(&error, failures);
            tracing::warn!(%error, failures, "how channels are is not followed just now; trying again");
            backoff::wait(failures, Duration::from_millis(50), Duration::from_secs(5)).await;
        }
    }
}
