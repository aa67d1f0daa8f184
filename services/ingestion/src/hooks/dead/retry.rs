//! Taking a dead letter again: it is read anew by its connector or source as that is now.

use domain::time::Timestamp;
use service::Error;

use super::{
    super::{
        happened::{Happened, happened},
        principal,
        read::Read,
        tell::Teller,
    },
    call::Call,
    store::{Row, State},
};
use crate::{
    Ingestion,
    account::Account,
    asking,
    channels::{self, Config, Happening, Hook, Malformed},
    postbox,
    secrets::Secrets,
};

/// Takes letters again.
pub(super) struct Retry {
    pub(super) ingestion: Ingestion,
    teller: Teller,
    secrets: Secrets,
}

impl Retry {
    pub(super) fn new(ingestion: Ingestion) -> Self {
        Self { teller: Teller::new(&ingestion.0.shell), secrets: ingestion.0.secrets.clone(), ingestion }
    }

    /// Takes a letter again. What can be read of it is in the log when this answers; the same again is harmless, since what
    /// it says has the ids that it had before. It ends when all of it is.
    pub(super) async fn take(&self, row: &mut Row, now: Timestamp) -> Result<(), Error> {
        let letters = &self.ingestion.0.dead_letters;
        if row.state != State::Kept {
            return letters.destroy(row).await;
        }
        let mut what = Happened::default();
        match self.read(row, &mut what).await? {
            None => letters.taken(row, now, &what.counts).await,
            Some(why) => {
                (row.path, row.reason) = (super::cut(&why.path), super::cut(&why.what));
                row.kind = super::room::kind(&row.path, &row.reason);
                (row.changed, row.retries) = (now, row.retries + 1);
                letters.change(row).await
            }
        }
    }

    /// Takes in what can be read; why something cannot. None of it is counted: it was, when it came.
    async fn read(&self, row: &Row, what: &mut Happened) -> Result<Option<Malformed>, Error> {
        let parts = &self.ingestion.0;
        let (policy_version, account) = parts.accounts.find(&row.account);
        let account = account.ok_or_else(|| Error::Refused {
            reason: "UNKNOWN_ACCOUNT",
            message: "the account of the dead letter is not in the policy any more; add it again, or give the letter up"
                .into(),
        })?;
        // It is in the log already: there is nothing to read anew, and a person decides.
        if row.connector == postbox::HELD_BACK {
            return Ok(Some(postbox::why_held_back()));
        }
        let call = parts.dead_letters.call(row).await?;
        let received = call.head.received_at;
        let (happenings, unread) = match asking::of_letters(&row.connector) {
            Some(source) => match source.read(&call.body) {
                Ok(happenings) => (happenings, None),
                Err(why) => return Ok(Some(why)),
            },
            None => self.told(row, &account, &call)?,
        };
        let principal = principal().map_err(|error| Error::Internal(error.to_string()))?;
        let about = (account, policy_version, principal);
        happened(&self.ingestion, &self.teller, about, received, happenings, what).await?;
        Ok(unread.or_else(|| what.unkept.first().map(|unkept| unkept.why.clone())))
    }

    /// What a call says, and why something of it cannot be read.
    fn told(
        &self,
        row: &Row,
        account: &Account,
        call: &Call,
    ) -> Result<(Vec<Happening>, Option<Malformed>), Error> {
        let connector = channels::find(&row.connector).ok_or_else(|| Error::Refused {
            reason: "UNKNOWN_CONNECTOR",
            message: "this version has not the connector of the dead letter; take one that has it".into(),
        })?;
        let via = self.ingestion.0.accounts.via(&account.id).unwrap_or_default();
        let secrets = self.secrets.now(&via.secrets);
        let config = Config { settings: via.settings, secrets };
        let (method, headers) =
            call.parts().ok_or_else(|| Error::Internal("a dead letter has no call".into()))?;
        let now = call.head.received_at;
        let hook = Hook { method: &method, url: &call.head.url, headers: &headers, body: &call.body, now };
        let Read { happenings, unread, .. } = Read::of(connector, &hook, &config);
        Ok((happenings, unread.into_iter().map(|unread| unread.why).next()))
    }
}
