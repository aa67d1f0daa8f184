//! Polls in the service's store, so that a start asks for what is new only.

use domain::ids::AccountId;
use service::{Error, store::Store as Table};

use super::{Poll, runner::Store};

/// Polls as rows of the table `feed`.
#[derive(Clone, Debug)]
pub(crate) struct Kept(pub(crate) Table);

#[async_trait::async_trait]
impl Store for Kept {
    async fn load(&self, account: &AccountId) -> Result<Option<Poll>, Error> {
        let rows =
            self.0.query("select poll from feed where account = $1", &[account.as_str().into()]).await?;
        let Some(text) = rows.first().and_then(|row| row.text(0)) else { return Ok(None) };
        match serde_json::from_str(text) {
            Ok(poll) => Ok(Some(poll)),
            // Of another version perhaps. To begin anew costs one request, and its entries are found to be duplicates.
            Err(error) => {
                tracing::warn!(%account, %error, "what is known of a feed cannot be read; it begins anew");
                Ok(None)
            }
        }
    }

    async fn save(&self, account: &AccountId, poll: &Poll) -> Result<(), Error> {
        let poll = serde_json::to_string(poll).map_err(|error| Error::Internal(error.to_string()))?;
        let sql = "insert into feed (account, poll) values ($1, $2) \
                   on conflict (account) do update set poll = excluded.poll";
        self.0.execute(sql, &[account.as_str().into(), poll.into()]).await?;
        Ok(())
    }
}
