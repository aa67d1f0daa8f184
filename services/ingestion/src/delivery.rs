//! A message on its way: what the log may call it, and whose it is.

use std::sync::Arc;

use domain::{
    decider::Decider,
    ids::{IdentityId, Invalid, KeyedHash, MessageId},
    message::State,
};
use eventlog::{Category, InvalidName, StreamId};
use vault::Vault;

use crate::{account::Account, identity::Names, intake::Incoming, thread::Root};

/// What of a message follows from what its sender calls things.
pub(crate) struct Delivery {
    pub(crate) id: MessageId,
    pub(crate) stream: StreamId,
    pub(crate) reply_to: Option<MessageId>,
    /// The root of its thread, where the account has threads.
    pub(crate) thread: Option<KeyedHash>,
    /// The customer.
    pub(crate) identity: Option<IdentityId>,
    /// Under whose key it is sealed.
    pub(crate) subject: Arc<str>,
    /// What its digest is made of.
    pub(crate) body: String,
}

/// A name that cannot be. Its parts are checked before, so that this is a fault of ours.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Id(#[from] Invalid),
    #[error(transparent)]
    Stream(#[from] InvalidName),
    #[error("a body has no JSON form: {0}")]
    Body(#[from] serde_json::Error),
}

impl Delivery {
    pub(crate) fn of(
        vault: &Vault,
        account: &Account,
        incoming: &Incoming,
        root: Root<'_>,
    ) -> Result<Self, Error> {
        let names = Names::new(vault, account);
        let id = names.message(&incoming.external_id)?;
        let stream = stream(&id)?;
        let identity = incoming.customer.as_deref().map(|author| names.identity(author)).transpose()?;
        // An outbound message to nobody known speaks of no customer: it is sealed under a key of its own.
        let subject = identity.as_ref().map_or(stream.as_str(), IdentityId::as_str).into();
        let thread = match root {
            _ if !account.threads => None,
            Root::Stored(thread) => Some(thread.clone()),
            Root::External(root) => Some(names.root(root)?),
        };
        let reply_to = incoming.reply_to.as_deref().map(|parent| names.message(parent)).transpose()?;
        Ok(Self { id, stream, reply_to, thread, identity, subject, body: incoming.body()? })
    }

    /// What it is said in: its thread, else what is between us and its customer.
    pub(crate) fn conversation(&self) -> &str {
        let contact = || self.identity.as_ref().map(IdentityId::as_str);
        self.thread.as_ref().map(KeyedHash::as_str).or_else(contact).unwrap_or(self.id.as_str())
    }
}

/// The stream of the message that an account calls `external_id`.
pub(crate) fn stream_of(vault: &Vault, account: &Account, external_id: &str) -> Result<StreamId, Error> {
    stream(&Names::new(vault, account).message(external_id)?)
}

fn stream(id: &MessageId) -> Result<StreamId, Error> {
    Ok(StreamId::new(&Category::new(State::CATEGORY)?, id)?)
}
