//! Which boxes of dead letters fill up, for operators: said once in the log for each crossing, and as long as it is so in the
//! health of the process.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use service::{
    Error,
    clock::Clock,
    health::{Runs, Standing},
};

use super::{
    DeadLetters,
    room::{Filled, LETTERS_MAX, WARNED_FROM},
};

/// How often all boxes are looked at: other replicas fill them as well, and people empty them.
const LOOK: Duration = Duration::from_secs(30);

/// Boxes that fill up, by account.
#[derive(Default)]
pub(super) struct Filling(Mutex<BTreeMap<String, Filled>>);

impl Filling {
    /// Notes how full the box of an account is. Whether that is a crossing, up or down.
    pub(super) fn note(&self, account: &str, filled: Filled) -> bool {
        let percent = filled.percent();
        let mut filling = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let was = if percent >= WARNED_FROM {
            filling.insert(account.to_owned(), filled)
        } else {
            filling.remove(account)
        };
        let crossed = was.is_some() != (percent >= WARNED_FROM);
        if crossed && was.is_none() {
            let Filled { letters, bytes, alike, .. } = filled;
            tracing::warn!(
                account,
                percent,
                letters,
                bytes,
                alike,
                "the dead letters of an account fill their room; when it is full, calls that cannot be read are answered 503"
            );
        } else if crossed {
            tracing::info!(account, percent, "the dead letters of an account have room again");
        }
        crossed
    }

    fn all(&self) -> BTreeMap<String, Filled> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl DeadLetters {
    /// How full the boxes are, of one account or of all: each with its fullest kind.
    pub(super) async fn filled(&self, account: &str) -> Result<BTreeMap<String, Filled>, Error> {
        let kinds = self.rows.kinds(account).await?;
        let mut boxes = BTreeMap::<String, Filled>::new();
        for (account, letters, bytes) in &kinds {
            let all = boxes.entry(account.clone()).or_default();
            all.letters += letters;
            all.bytes += bytes;
        }
        for (account, alike, alike_bytes) in kinds {
            let Some(fullest) = boxes.get_mut(&account) else { continue };
            let of_kind = Filled { alike, alike_bytes, ..*fullest };
            if (of_kind.percent(), alike) > (fullest.percent(), fullest.alike) {
                *fullest = of_kind;
            }
        }
        Ok(boxes)
    }

    /// Looks at all boxes once.
    pub(super) async fn look(&self) -> Result<(), Error> {
        let boxes = self.filled("").await?;
        for account in self.filling.all().into_keys().filter(|account| !boxes.contains_key(account)) {
            self.filling.note(&account, Filled::default());
        }
        for (account, filled) in boxes {
            self.filling.note(&account, filled);
        }
        Ok(())
    }

    /// Looks at all boxes for ever.
    pub(crate) async fn watched(&self, clock: &dyn Clock) {
        loop {
            if let Err(error) = self.look().await {
                tracing::warn!(%error, "how full the boxes of dead letters are is not known; trying again");
            }
            clock.sleep(LOOK).await;
        }
    }
}

/// A box that fills up is named, and takes nobody out.
impl Runs for DeadLetters {
    fn name(&self) -> &'static str {
        "dead letters"
    }

    fn standing(&self) -> Option<Standing> {
        None
    }

    /// By account.
    fn failing(&self) -> Vec<(String, String)> {
        let reason = |filled: Filled| {
            format!(
                "dead letters fill {} % of their room ({} of {LETTERS_MAX}; {} alike): take them again or give them up \
                 (`dossier hook ls`)",
                filled.percent(),
                filled.letters,
                filled.alike,
            )
        };
        self.filling.all().into_iter().map(|(account, filled)| (account, reason(filled))).collect()
    }
}
