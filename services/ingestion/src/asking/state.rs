//! What is known of the accounts that are asked, in the service's store.

use std::collections::BTreeMap;

use domain::{ids::AccountId, time::Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use service::{Error, health::FAILURES_MAX, store::Store};

/// What is known of an account. Read and written as a whole, in JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    /// What is asked. Another place begins anew.
    pub(super) place: String,
    /// How far it was asked; the source's own.
    pub(super) cursor: Option<Value>,
    /// When it is asked again.
    pub(super) next_at: Timestamp,
    /// When the last round began.
    pub(super) asked_at: Option<Timestamp>,
    /// Failures since the last round that went well.
    pub(super) failures: u32,
    /// Why the last one failed.
    pub(super) failure: Option<String>,
}

impl State {
    /// Of a place that was never asked.
    pub(super) fn new(place: String, next_at: Timestamp) -> Self {
        Self { place, cursor: None, next_at, asked_at: None, failures: 0, failure: None }
    }

    /// What operators should know: that it fails again and again, and why.
    pub(super) fn trouble(&self) -> Option<String> {
        let failure = self.failure.as_deref().filter(|_| self.failures >= FAILURES_MAX)?;
        Some(format!("{} failures in a row, the last one: {failure}", self.failures))
    }
}

/// A row.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// Nothing, if this version cannot read it: it begins anew, and finds duplicates.
    pub(super) state: Option<State>,
    /// When the platform last said that there is something.
    pub(super) wanted_at: Option<Timestamp>,
}

/// The rows of the table `asked`.
#[derive(Clone, Debug)]
pub(super) struct Kept(pub(super) Store);

impl Kept {
    /// All that is known.
    pub(super) async fn all(&self) -> Result<BTreeMap<String, Row>, Error> {
        let rows = self.0.query("select account, state, wanted_at from asked", &[]).await?;
        let read = rows.iter().filter_map(|row| {
            let account = row.text(0)?.to_owned();
            let state = row.text(1).and_then(|text| serde_json::from_str(text).ok());
            let wanted_at = row.int(2).and_then(Timestamp::from_microsecond);
            Some((account, Row { state, wanted_at }))
        });
        Ok(read.collect())
    }

    /// Keeps what is known of an account.
    pub(super) async fn save(&self, account: &AccountId, state: &State) -> Result<(), Error> {
        let state = serde_json::to_string(state).map_err(|error| Error::Internal(error.to_string()))?;
        let sql = "insert into asked (account, state) values ($1, $2) \
                   on conflict (account) do update set state = excluded.state";
        self.0.execute(sql, &[account.as_str().into(), state.into()]).await?;
        Ok(())
    }

    /// Notes that an account should be asked, whichever process does that.
    pub(super) async fn want(&self, account: &AccountId, at: Timestamp) -> Result<(), Error> {
        let sql = "insert into asked (account, state, wanted_at) values ($1, '', $2) \
                   on conflict (account) do update set wanted_at = excluded.wanted_at";
        self.0.execute(sql, &[account.as_str().into(), at.as_microsecond().into()]).await?;
        Ok(())
    }
}
