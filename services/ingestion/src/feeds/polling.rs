//! The feeds of the policy, asked by one process of the site.

use std::sync::Arc;

use domain::{
    actor::{Actor, Kind},
    ids::{AccountId, ActorId, AuthMethod},
};
use futures_util::future::BoxFuture;
use proto::ingestion::v1;
use service::{
    Error,
    auth::Principal,
    envelope::Origin,
    health::{Pulse, Runs, Standing},
    lease::{Lease, RENEWAL},
    shell::Shell,
    store::Store,
};
use tokio_util::sync::CancellationToken;

use super::{Http, Runner, Source, runner::Troubles, settings, store::Kept};
use crate::{
    account::Accounts,
    ledger::Ledger,
    submit::{Arriving, Submitter},
    take::{Batch, Taken},
};

/// The lease of whoever asks.
const LEASE: &str = "ingestion.feeds";

/// Asks the feeds while this process holds the lease, and says of itself whether it gets on, and with which it does not.
pub(crate) struct Polling {
    shell: Shell,
    accounts: Arc<dyn Accounts>,
    runner: Runner,
    troubles: Troubles,
    lease: Lease,
    pulse: Pulse,
}

impl Polling {
    /// Of the accounts of the policy. Nothing is asked yet.
    pub(crate) fn open(
        shell: &Shell,
        accounts: &Arc<dyn Accounts>,
        control: &Store,
        (submitter, ledger): (&Arc<Submitter>, &Arc<Ledger>),
    ) -> Result<Self, Error> {
        // Fails only if somebody installed one before, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Http::new().map_err(|error| Error::Internal(error.to_string()))?;
        let (of, clock) = (Arc::clone(accounts), Arc::clone(&shell.clock));
        let troubles = Troubles::default();
        let intake = Arc::new(Intake {
            accounts: Arc::clone(accounts),
            submitter: Arc::clone(submitter),
            ledger: Arc::clone(ledger),
            shell: shell.clone(),
        });
        let runner = Runner {
            sources: Arc::new(move || sources(of.as_ref()).filter_map(|(_, source)| source.ok()).collect()),
            client: Arc::new(client),
            store: Arc::new(Kept(ledger.store().clone())),
            clock,
            submit: Arc::new(move |account, messages| Arc::clone(&intake).take(account, messages)),
            troubles: troubles.clone(),
        };
        let lease = Lease::new(control.clone(), Arc::clone(&shell.clock), LEASE, &shell.replica);
        let accounts = Arc::clone(accounts);
        Ok(Self { shell: shell.clone(), accounts, runner, troubles, lease, pulse: Pulse::default() })
    }

    /// Asks until `stop`.
    pub(crate) async fn run(self: Arc<Self>, stop: CancellationToken) {
        stop.run_until_cancelled(self.work()).await;
        if let Err(error) = self.lease.release().await {
            tracing::debug!(%error, "the lease was not released; it ends by itself");
        }
    }

    async fn work(&self) {
        let mut failures = 0;
        loop {
            match self.lease.acquire().await {
                Ok(holds) => {
                    failures = 0;
                    self.pulse.well();
                    if holds {
                        // What is cut off here was not kept: whoever comes next asks again, and finds duplicates.
                        tokio::select! {
                            () = self.lost_lease() => {}
                            () = self.runner.clone().run(CancellationToken::new()) => {}
                        }
                    }
                }
                Err(error) => {
                    failures += 1;
                    self.pulse.failed(&error, failures);
                    tracing::warn!(%error, failures, "feeds wait; trying again");
                }
            }
            // What is wrong with feeds says who asks them.
            self.troubles.forget();
            self.shell.clock.sleep(RENEWAL).await;
        }
    }

    /// Renews the lease; returns when it is lost.
    async fn lost_lease(&self) {
        loop {
            self.shell.clock.sleep(RENEWAL).await;
            if !matches!(self.lease.acquire().await, Ok(true)) {
                return;
            }
        }
    }
}

impl Runs for Polling {
    fn name(&self) -> &'static str {
        "feeds"
    }

    fn standing(&self) -> Option<Standing> {
        self.pulse.standing()
    }

    /// By account: a feed has no stream of its own.
    fn failing(&self) -> Vec<(String, String)> {
        let unusable = sources(self.accounts.as_ref())
            .filter_map(|(account, source)| Some((account.to_string(), source.err()?.to_string())));
        let failing =
            self.troubles.all().into_iter().map(|(account, trouble)| (account.to_string(), trouble));
        unusable.chain(failing).collect()
    }
}

/// The feeds of the policy as it is now, and what is wrong with those that cannot be asked.
fn sources(
    accounts: &dyn Accounts,
) -> impl Iterator<Item = (AccountId, Result<Source, settings::Unusable>)> + use<> {
    accounts.connected(settings::CONNECTOR).into_iter().map(|(account, via)| {
        let source = settings::source(&account, &via);
        (account, source)
    })
}

/// Where entries go.
struct Intake {
    accounts: Arc<dyn Accounts>,
    submitter: Arc<Submitter>,
    ledger: Arc<Ledger>,
    shell: Shell,
}

impl Intake {
    fn take(
        self: Arc<Self>,
        account: AccountId,
        messages: Vec<v1::Message>,
    ) -> BoxFuture<'static, Result<(), Error>> {
        Box::pin(async move {
            let (policy_version, found) = self.accounts.find(account.as_str());
            // Removed since it was asked: its entries are nobody's.
            let Some(found) = found else { return Ok(()) };
            let batch = Batch {
                account: found,
                policy_version,
                origin: Origin::Live,
                principal: principal().map_err(|error| Error::Internal(error.to_string()))?,
                now: self.shell.clock.now(),
                // Whoever publishes an entry changes it under the same id.
                once: false,
            };
            let arriving = messages.into_iter().map(Arriving::from).collect();
            for taken in self.submitter.take(&self.ledger, &batch, arriving).await? {
                if let Taken::Rejected(rejection) = taken {
                    let (field, reason) = (rejection.field, rejection.reason);
                    tracing::warn!(%account, field, reason, "an entry of a feed is not kept");
                }
            }
            Ok(())
        })
    }
}

/// On whose word it is taken in: the publisher's, as far as his address proves it.
fn principal() -> Result<Principal, domain::ids::Invalid> {
    let actor = Actor::new(Kind::Service, ActorId::new("channels")?, AuthMethod::new("feed")?);
    Ok(Principal { actor, roles: Vec::new() })
}
