//! From what a channel calls things to what the log may call them.

use domain::ids::{AccountId, IdentityId, Invalid, KeyedHash, MessageId};
use vault::Vault;

use crate::account::Account;

/// The domain of the hashes of external message ids. In the names of streams: never changed.
const MESSAGE: &str = "message";
/// The domain of the hashes of external author ids. In identities and subjects: never changed.
const IDENTITY: &str = "identity";

/// The names of one account's messages and authors.
#[derive(Clone, Copy)]
pub(crate) struct Names<'a> {
    vault: &'a Vault,
    account: &'a AccountId,
}

impl<'a> Names<'a> {
    pub(crate) fn new(vault: &'a Vault, account: &'a Account) -> Self {
        Self { vault, account: &account.id }
    }

    /// The message that the channel calls `external_id`.
    pub(crate) fn message(self, external_id: &str) -> Result<MessageId, Invalid> {
        Ok(MessageId::of(self.account, &self.root(external_id)?))
    }

    /// The thread that begins with the message that the channel calls `external_id`.
    pub(crate) fn root(self, external_id: &str) -> Result<KeyedHash, Invalid> {
        KeyedHash::new(&self.vault.hash(MESSAGE, &[self.account.as_str(), external_id]))
    }

    /// The person whom the channel calls `external_id`.
    pub(crate) fn identity(self, external_id: &str) -> Result<IdentityId, Invalid> {
        let hash = self.vault.hash(IDENTITY, &[self.account.as_str(), external_id]);
        Ok(IdentityId::of(self.account, &KeyedHash::new(&hash)?))
    }
}
