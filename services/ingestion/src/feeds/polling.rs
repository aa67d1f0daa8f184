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
    health::{Runs, Standing},
    shell::Shell,
    store::Store,
};
use tokio_util::sync::CancellationToken;

use super::{Http, Runner, Source, runner::Troubles, settings, store::Kept};
use crate::{
    account::Accounts,
    leased::{Leased, Work},
    ledger::Ledger,
    submit::{Arriving, Submitter},
    take::{Batch, Taken},
};

/// The lease of whoever asks.
const LEASE: &str = "ingestion.feeds";

/// Asks the feeds while this process holds the lease, and says of itself whether it gets on, and with which it does not.
pub(crate) struct Polling {
    accounts: Arc<dyn Accounts>,
    runner: Runner,
    troubles: Troubles,
    leased: Leased,
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
        let leased = Leased::new(shell, control, LEASE);
        Ok(Self { accounts: Arc::clone(accounts), runner, troubles, leased })
    }

    /// Asks until `stop`.
    pub(crate) async fn run(self: Arc<Self>, stop: CancellationToken) {
        let runner = self.runner.clone();
        let ask: Work = Box::new(move || Box::pin(runner.clone().run(CancellationToken::new())));
        // What is wrong with feeds says who asks them.
        self.leased.run(stop, ask, || self.troubles.forget()).await;
    }
}

impl Runs for Polling {
    fn name(&self) -> &'static str {
        "feeds"
    }

    fn standing(&self) -> Option<Standing> {
        self.leased.standing()
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
