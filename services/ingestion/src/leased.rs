//! What one process of the site does for all: while it holds a lease.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use domain::ids::AccountId;
use futures_util::future::BoxFuture;
use service::{
    clock::Clock,
    health::{Pulse, Standing},
    lease::{Lease, RENEWAL},
    shell::Shell,
    store::Store,
};
use tokio_util::sync::CancellationToken;

/// What is done while the lease is held.
pub(crate) type Work = Box<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

/// Work that one process of the site does, and whether it gets on.
pub(crate) struct Leased {
    clock: Arc<dyn Clock>,
    lease: Lease,
    pulse: Pulse,
}

impl Leased {
    /// Under the lease of this name. Nothing is done yet.
    pub(crate) fn new(shell: &Shell, control: &Store, name: &str) -> Self {
        let clock = Arc::clone(&shell.clock);
        let lease = Lease::new(control.clone(), Arc::clone(&clock), name, &shell.replica);
        Self { clock, lease, pulse: Pulse::default() }
    }

    /// Does `work` whenever the lease is held, until `stop`. It is cut off when the lease is lost; as long as it is not held,
    /// `rest` is called again and again.
    pub(crate) async fn run(&self, stop: CancellationToken, work: Work, rest: impl Fn() + Send) {
        stop.run_until_cancelled(self.work(work, rest)).await;
        if let Err(error) = self.lease.release().await {
            tracing::debug!(%error, "the lease was not released; it ends by itself");
        }
    }

    /// That it fails, if it does.
    pub(crate) fn standing(&self) -> Option<Standing> {
        self.pulse.standing()
    }

    async fn work(&self, work: Work, rest: impl Fn() + Send) {
        let mut failures = 0;
        loop {
            match self.lease.acquire().await {
                Ok(holds) => {
                    failures = 0;
                    self.pulse.well();
                    if holds {
                        // What is cut off here was not kept: whoever comes next asks again, and finds duplicates.
                        tokio::select! {
                            () = self.lost() => {}
                            () = work() => {}
                        }
                    }
                }
                Err(error) => {
                    failures += 1;
                    self.pulse.failed(&error, failures);
                    tracing::warn!(%error, failures, "who asks is not known; trying again");
                }
            }
            rest();
            self.clock.sleep(RENEWAL).await;
        }
    }

    /// Renews the lease; returns when it is lost.
    async fn lost(&self) {
        loop {
            self.clock.sleep(RENEWAL).await;
            if !matches!(self.lease.acquire().await, Ok(true)) {
                return;
            }
        }
    }
}

/// What is wrong with accounts that are asked: those that fail again and again, and those that are gone. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Troubles(Arc<Mutex<BTreeMap<AccountId, String>>>);

impl Troubles {
    /// All that is wrong now.
    pub fn all(&self) -> BTreeMap<AccountId, String> {
        self.now().clone()
    }

    /// Nothing is known of any account any more.
    pub(crate) fn forget(&self) {
        self.now().clear();
    }

    /// Nothing is known of other accounts than these.
    pub(crate) fn keep_those_of<'a>(&self, accounts: impl Iterator<Item = &'a AccountId>) {
        let accounts: BTreeSet<_> = accounts.collect();
        self.now().retain(|account, _| accounts.contains(account));
    }

    /// What is wrong with an account now, if something is.
    pub(crate) fn note(&self, account: &AccountId, trouble: Option<String>) {
        match trouble {
            Some(trouble) => self.now().insert(account.clone(), trouble),
            None => self.now().remove(account),
        };
    }

    fn now(&self) -> MutexGuard<'_, BTreeMap<AccountId, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
