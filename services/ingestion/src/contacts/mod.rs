//! What channels say of people: that somebody blocked us, that he takes no advertising, that he said stop.
//!
//! Each person on an account is a stream, `contact-<identity>`, and its rules are [`domain::contact`]'s. What follows for the
//! customer is decided where customers are; here nobody is opted out or in.

use std::{convert::Infallible, sync::Arc};

use domain::{
    actor::{Actor, Kind},
    channel::Direction,
    contact::{self, Action, Command},
    customer,
    ids::{ActorId, AuthMethod, ChannelKind, IdentityId, Invalid, MessageId, derive},
    outbound::opt_out,
    policy::channel::OptOutWords,
    time::Timestamp,
};
use service::{
    Error, Refusal,
    envelope::Origin,
    shell::Shell,
    transact::{Meta, Transactor},
};
use uuid::Uuid;
use vault::Vault;

use crate::{account::Accounts, delivery::Delivery, identity::Names, intake::Incoming, take::Batch};

/// The namespace of the commands of what is said. Never changed.
const NAMESPACE: Uuid = Uuid::from_u128(0x5a0e_7d31_c8f2_5b64_9d17_42ab_e06c_83f5);
/// How what is said is known: the channel says so.
const CHANNEL: &str = "channel";
/// The setting that makes any word enough on an account, whatever its kind of channel says, if it is `true`.
const OPT_OUT_WORDS: &str = "opt_out_words";

/// What a channel says of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// Whether he can be written to.
    Reach(bool),
    /// Whether he takes advertising.
    Market(bool),
}

/// Writes what is said.
pub(crate) struct Contacts {
    contacts: Transactor<contact::State>,
    accounts: Arc<dyn Accounts>,
    vault: Arc<Vault>,
}

/// A refusal that cannot be.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Never(#[from] Infallible);

impl Refusal for Never {
    fn code(&self) -> &'static str {
        match self.0 {}
    }
}

/// What is written, and what tells it from all else that is said of the person.
struct Written {
    identity: IdentityId,
    said: Said,
    at: Timestamp,
    message: Option<MessageId>,
    digest: String,
}

impl Contacts {
    pub(crate) fn new(shell: &Shell, accounts: Arc<dyn Accounts>) -> Self {
        let (log, vault, clock) =
            (Arc::clone(&shell.log), Arc::clone(&shell.vault), Arc::clone(&shell.clock));
        let contacts = Transactor::new(shell.site.as_str(), log, Arc::clone(&vault), clock);
        Self { contacts, accounts, vault }
    }

    /// Notes what the channel says of the person whom it calls `person`; where it does not say when, it is told `with` a
    /// message of his, and as old as that. Whether it was news. `None`: it names nobody.
    pub(crate) async fn told(
        &self,
        batch: &Batch,
        person: &str,
        said: Said,
        (at, with): (Option<Timestamp>, Option<&str>),
    ) -> Result<Option<bool>, Error> {
        if person.trim().is_empty() {
            return Ok(None);
        }
        let names = Names::new(&self.vault, &batch.account);
        let identity = names.identity(person).map_err(internal)?;
        // Clocks differ: nothing was said after it came.
        let at = at.unwrap_or(batch.now).clamp(Timestamp::UNIX_EPOCH, batch.now);
        let message = with.map(|with| names.message(with)).transpose().map_err(internal)?;
        let digest = match &message {
            Some(message) => by_message(message, said, None),
            None => format!("{identity}/{said:?}/{}", at.as_microsecond()),
        };
        self.write(batch, Written { identity, said, at, message, digest }).await.map(Some)
    }

    /// Notes what a message says that is nothing but a word to opt out or in, where such a word is enough. It says so once,
    /// however often it is delivered. Words of machines are none, and history opts nobody out.
    pub(crate) async fn heard(
        &self,
        batch: &Batch,
        incoming: &Incoming,
        delivery: &Delivery,
    ) -> Result<(), Error> {
        let from_a_person = incoming.direction == Direction::In && incoming.automatic.is_none();
        if batch.origin != Origin::Live || !from_a_person {
            return Ok(());
        }
        let Some(identity) = &delivery.identity else { return Ok(()) };
        let Some(word) = opt_out::keyword(&incoming.text) else { return Ok(()) };
        let said = match word.action(identity.clone(), false) {
            Some(customer::Action::OptOut { .. }) => Said::Reach(false),
            Some(customer::Action::OptIn { .. }) => Said::Reach(true),
            _ => return Ok(()),
        };
        let enough = match self.words(batch) {
            OptOutWords::None => false,
            OptOutWords::Clear => word.clear,
            OptOutWords::All => true,
        };
        if !enough {
            return Ok(());
        }
        let at = incoming.edited_at.unwrap_or(incoming.sent_at).min(batch.now);
        let digest = by_message(&delivery.id, said, incoming.edited_at);
        let message = Some(delivery.id.clone());
        self.write(batch, Written { identity: identity.clone(), said, at, message, digest }).await?;
        Ok(())
    }

    /// Which words are enough: those of the kind of channel, unless the account says otherwise.
    fn words(&self, batch: &Batch) -> OptOutWords {
        let account = &batch.account.id;
        let via = self.accounts.via(account).unwrap_or_default();
        if via.settings.get(OPT_OUT_WORDS).is_some_and(|setting| setting == "true") {
            return OptOutWords::All;
        }
        self.accounts.channel(account).map(|(_, channel)| channel.opt_out_words).unwrap_or_default()
    }

    async fn write(&self, batch: &Batch, written: Written) -> Result<bool, Error> {
        let Written { identity, said, at, message, digest } = written;
        let stream = self.contacts.stream(&identity).map_err(internal)?;
        let actor = customer_of(&identity).map_err(internal)?;
        let action = action(said, batch.account.channel.clone(), message);
        let meta = Meta {
            occurred_at: Some(at),
            policy_version: batch.policy_version,
            region: Some(batch.account.region.to_string()),
            ..Meta::new(derive(NAMESPACE, &digest), digest, actor.clone())
        };
        let make = |_: &_, _| Ok(vec![Command::new(at, actor.clone(), action.clone())]);
        let done = self.contacts.execute::<Never>(&stream, &meta, make).await?;
        Ok(done.changed && !done.repeated)
    }
}

/// What a message says, as it was when it came or was edited. Some channels do not say when a message was sent: what comes
/// again tells another time then, and is the same.
fn by_message(message: &MessageId, said: Said, edited_at: Option<Timestamp>) -> String {
    format!("{message}/{said:?}/{:?}", edited_at.map(Timestamp::as_microsecond))
}

fn action(said: Said, channel: ChannelKind, message: Option<MessageId>) -> Action {
    match said {
        Said::Reach(reachable) => Action::Reach { reachable, channel, message },
        Said::Market(allowed) => Action::Market { allowed, channel },
    }
}

/// It is his own word.
fn customer_of(identity: &IdentityId) -> Result<Actor, Invalid> {
    Ok(Actor::new(Kind::Customer, ActorId::new(identity.as_str())?, AuthMethod::new(CHANNEL)?))
}

fn internal(error: impl std::fmt::Display) -> Error {
    Error::Internal(error.to_string())
}
