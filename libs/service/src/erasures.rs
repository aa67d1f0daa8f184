//! Erasures, heard by every process: a key that it holds of somebody who was erased goes at once, and not when it would have
//! been asked for again.

use std::{convert::Infallible, sync::Arc, time::Duration};

use domain::{customer, decider::Decider};
use eventlog::{Category, EventLog, Position};
use futures_util::TryStreamExt;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use vault::Vault;

use crate::{
    Error,
    backoff::{self, START_MAX},
    envelope::Envelope,
    health::{Pulse, Runs, Standing},
};

/// Follows the erasures of a site.
pub struct Erasures {
    log: Arc<dyn EventLog>,
    vault: Arc<Vault>,
    category: Category,
    heard: watch::Sender<Position>,
    pulse: Pulse,
}

impl Erasures {
    /// Those that come from now on: before anything was opened here, no key is held.
    pub async fn open(log: Arc<dyn EventLog>, vault: Arc<Vault>) -> Result<Self, Error> {
        let category = Category::new(customer::State::CATEGORY);
        let category = category.map_err(|error| Error::Internal(error.to_string()))?;
        let passes = |error: &eventlog::Error| matches!(error, eventlog::Error::Unavailable(_));
        let followed = [category.clone()];
        let tail = backoff::patiently(START_MAX, passes, || log.tail(&followed)).await?;
        Ok(Self { log, vault, category, heard: watch::Sender::new(tail), pulse: Pulse::default() })
    }

    /// Up to where they are heard, for those who wait for it.
    pub fn heard(&self) -> watch::Receiver<Position> {
        self.heard.subscribe()
    }

    /// Listens until `stop`.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        stop.run_until_cancelled(self.follow_for_ever()).await;
    }

    async fn follow_for_ever(&self) {
        let mut failures = 0;
        loop {
            let Err(error) = self.follow(&mut failures).await;
            failures += 1;
            self.pulse.failed(&error, failures);
            tracing::warn!(%error, failures, "erasures are not heard just now; trying again");
            backoff::wait(failures, Duration::from_millis(50), Duration::from_secs(5)).await;
        }
    }

    /// Ends with an error only.
    async fn follow(&self, failures: &mut u32) -> Result<Infallible, Error> {
        let from = *self.heard.borrow();
        let mut entries = self.log.follow(from, std::slice::from_ref(&self.category));
        self.pulse.trying();
        while let Some(entry) = entries.try_next().await? {
            // One that cannot be read is parked by the read models, which say so; here it holds nothing up.
            let events = Envelope::<customer::Event>::of(&entry).map(|envelope| envelope.events);
            for event in events.unwrap_or_default() {
                if let customer::Event::Erased { identities, .. } = event {
                    let subjects: Vec<String> = identities.iter().map(ToString::to_string).collect();
                    self.vault.forget(&subjects);
                }
            }
            self.heard.send_replace(entry.position);
            *failures = 0;
            self.pulse.well();
        }
        Err(Error::Unavailable("the log has ended".to_owned()))
    }
}

/// While they are not heard, what was erased elsewhere may still be shown here.
impl Runs for Erasures {
    fn name(&self) -> &'static str {
        "erasures"
    }

    fn standing(&self) -> Option<Standing> {
        self.pulse.standing()
    }
}
