//! The accounts of the policy that are asked, by one process of the site.

use std::sync::Arc;

use domain::ids::AccountId;
use service::{
    Error,
    health::{Runs, Standing},
    shell::Shell,
    store::Store,
};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{
    asker::{Asker, Shared},
    http::Client,
    settings,
    state::Kept,
};
use crate::{
    Ingestion,
    account::Accounts,
    hooks::tell::Teller,
    leased::{Leased, Troubles, Work},
    ledger::Ledger,
};

/// The lease of whoever asks.
const LEASE: &str = "ingestion.asking";

/// Asks while this process holds the lease, and says of itself whether it gets on, and with which accounts it does not.
pub(crate) struct Polling {
    accounts: Arc<dyn Accounts>,
    kept: Kept,
    troubles: Troubles,
    wanted: Arc<Notify>,
    leased: Leased,
}

impl Polling {
    /// Of the accounts of the policy. Nothing is asked yet.
    pub(crate) fn open(
        shell: &Shell,
        accounts: &Arc<dyn Accounts>,
        control: &Store,
        ledger: &Ledger,
    ) -> Self {
        Self {
            accounts: Arc::clone(accounts),
            kept: Kept(ledger.store().clone()),
            troubles: Troubles::default(),
            wanted: Arc::default(),
            leased: Leased::new(shell, control, LEASE),
        }
    }

    /// Asks for `ingestion` until `stop`.
    pub(crate) async fn run(self: Arc<Self>, ingestion: Ingestion, stop: CancellationToken) {
        let client = match Client::new() {
            Ok(client) => client,
            Err(error) => {
                tracing::error!(%error, "nobody is asked: HTTPS cannot be set up");
                return;
            }
        };
        let meter = opentelemetry::global::meter("ingestion");
        let shared = Arc::new(Shared {
            teller: Teller::new(&ingestion.0.shell),
            kept: self.kept.clone(),
            http: client,
            secrets: ingestion.0.secrets.clone(),
            troubles: self.troubles.clone(),
            asked: meter
                .u64_counter("ask_rounds")
                .with_description("Rounds of asking platforms, by account and what became of them.")
                .build(),
            told: meter
                .u64_counter("ask_happenings")
                .with_description("What platforms told when asked, by account, kind and what became of it.")
                .build(),
            ingestion,
        });
        let wanted = Arc::clone(&self.wanted);
        let ask: Work =
            Box::new(move || Box::pin(Asker::new(Arc::clone(&shared), Arc::clone(&wanted)).run()));
        // What is wrong with accounts says who asks them.
        self.leased.run(stop, ask, || self.troubles.forget()).await;
    }

    /// The platform says that there is something: the account is asked at once, if it is one that is asked.
    pub(crate) async fn want(&self, account: &AccountId, at: domain::time::Timestamp) -> Result<(), Error> {
        let via = self.accounts.via(account).unwrap_or_default();
        if super::of(&via).is_none() {
            return Ok(());
        }
        self.kept.want(account, at).await?;
        self.wanted.notify_one();
        Ok(())
    }
}

impl Runs for Polling {
    fn name(&self) -> &'static str {
        "asking"
    }

    fn standing(&self) -> Option<Standing> {
        self.leased.standing()
    }

    /// By account: one that is asked has no stream of its own.
    fn failing(&self) -> Vec<(String, String)> {
        let unusable = self.accounts.all().into_iter().filter_map(|(account, via)| {
            let (source, place) = super::of(&via)?;
            let wrong = place.err().or_else(|| settings::pace(&via.settings, source.interval_s()).err())?;
            Some((account.to_string(), wrong))
        });
        let failing = self.troubles.all().into_iter();
        unusable.chain(failing.map(|(account, trouble)| (account.to_string(), trouble))).collect()
    }
}
