//! One message becomes an entry, or is found to be one already.

use std::sync::Arc;

use domain::{
    actor::{Actor, Kind},
    channel::Direction,
    ids::{ActorId, AuthMethod, Digest, IdentityId, Invalid, KeyedHash, derive},
    message::{self, Action, Command, State},
    time::Timestamp,
};
use eventlog::{EventLog, Position};
use service::{
    Error,
    auth::Principal,
    envelope::Origin,
    shell::Shell,
    transact::{self, Meta, Transactor},
};
use uuid::Uuid;
use vault::{Blobs, Compared, Vault};

use crate::{
    account::Account,
    content,
    delivery::{self, Delivery},
    history::{self, History},
    identity::Names,
    intake::{Incoming, Rejection},
    thread::Root,
};

/// How often a message is looked at anew because another delivery of it was faster.
const ATTEMPTS_MAX: usize = 8;
/// The namespace of the commands of deliveries.
const NAMESPACE: Uuid = Uuid::from_u128(0x1f0c_8f1e_52d7_5a3b_8f6e_3d0b_97c1_42aa);
/// The domain of the digests that stand in events.
const DIGEST: &str = "message body";
/// The domain of the ids of messages whose own id another one had before.
const OTHERWISE: &str = "message of the same id";
/// How a customer is known: the channel says so.
const CHANNEL: &str = "channel";

/// What one call says of all its messages.
#[derive(Clone)]
pub(crate) struct Batch {
    pub(crate) account: Account,
    pub(crate) policy_version: u64,
    pub(crate) origin: Origin,
    /// Who submitted it.
    pub(crate) principal: Principal,
    pub(crate) now: Timestamp,
    /// Messages of this channel never change: another body under the same id is another message, whoever chose the id.
    pub(crate) once: bool,
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It is new: there.
    Accepted(Position),
    /// Its body changed: there.
    Edited(Position),
    /// It had been there: there.
    Duplicate(Position),
    /// It is not kept.
    Rejected(Rejection),
}

/// Writes messages. One entry for each change of a message's body, however often and by however many replicas at once it
/// is delivered:
///
/// - The stream is named after the message, and an append names the version of the stream that was looked at, so that
///   of two deliveries one is second and sees the first.
/// - The command is named after the message, what it follows, its body and the replica: a repeated append is the same entry, and of two
///   replicas that write the same body at once one is told that the other was faster, so that only one counts it.
pub(crate) struct Taker {
    log: Arc<dyn EventLog>,
    vault: Arc<Vault>,
    blobs: Arc<Blobs>,
    messages: Transactor<State>,
    replica: Arc<str>,
}

impl Taker {
    pub(crate) fn new(shell: &Shell) -> Self {
        let (log, vault, clock) =
            (Arc::clone(&shell.log), Arc::clone(&shell.vault), Arc::clone(&shell.clock));
        let messages = Transactor::new(shell.site.as_str(), log, vault, clock);
        let (log, vault, blobs) =
            (Arc::clone(&shell.log), Arc::clone(&shell.vault), Arc::clone(&shell.blobs));
        Self { log, vault, blobs, messages, replica: Arc::clone(&shell.replica) }
    }

    /// How the log calls a message of this thread, and whose it is.
    pub(crate) fn delivery(
        &self,
        account: &Account,
        incoming: &Incoming,
        root: Root<'_>,
    ) -> Result<Delivery, Error> {
        Delivery::of(&self.vault, account, incoming, root).map_err(internal)
    }

    /// Takes a message in. When this answers, it is in the log.
    pub(crate) async fn take(
        &self,
        batch: &Batch,
        incoming: &Incoming,
        delivery: &Delivery,
    ) -> Result<Taken, Error> {
        // Most are new. What the log has of one is read when it turns out to have something.
        if batch.origin == Origin::Live
            && incoming.is_words_alone()
            && let Some(taken) = self.append(batch, incoming, delivery, &History::default()).await?
        {
            return Ok(taken);
        }
        for _ in 0..ATTEMPTS_MAX {
            let history = match History::read(self.log.as_ref(), &delivery.stream).await {
                Ok(history) => history,
                Err(history::Error::Log(error)) => return Err(error.into()),
                Err(history::Error::Unreadable(error)) => return Ok(unreadable(&error)),
            };
            if let Some(position) = self.seen(&history, &delivery.body, batch.origin).await? {
                return Ok(Taken::Duplicate(position));
            }
            if batch.once && history.first.is_some() {
                let (other, delivery) = self.otherwise(batch, incoming, delivery)?;
                return Box::pin(self.take(&Batch { once: false, ..batch.clone() }, &other, &delivery)).await;
            }
            if let Some(taken) = self.append(batch, incoming, delivery, &history).await? {
                return Ok(taken);
            }
        }
        Err(Error::Aborted {
            reason: "CONTENTION",
            message: "too many deliveries of the same message at once; send it again".into(),
        })
    }

    /// The same message under an id that only this body has.
    fn otherwise(
        &self,
        batch: &Batch,
        incoming: &Incoming,
        delivery: &Delivery,
    ) -> Result<(Incoming, Delivery), Error> {
        let body = self.vault.hash(OTHERWISE, &[&incoming.external_id, &delivery.body]);
        let other = Incoming { external_id: body, ..incoming.clone() };
        let own = Names::new(&self.vault, &batch.account).root(&incoming.external_id).map_err(internal)?;
        // What begins a thread under its own id begins one of its own under the other id.
        let thread = delivery.thread.as_ref().filter(|thread| **thread != own);
        let root = thread.map_or(Root::External(&other.external_id), Root::Stored);
        let renamed = self.delivery(&batch.account, &other, root)?;
        Ok((other, renamed))
    }

    /// The thread of a message, if the log has one for it.
    pub(crate) async fn stored_thread(
        &self,
        account: &Account,
        external_id: &str,
    ) -> Result<Option<KeyedHash>, Error> {
        let stream = delivery::stream_of(&self.vault, account, external_id).map_err(internal)?;
        match History::read(self.log.as_ref(), &stream).await {
            Ok(history) => Ok(history.first.and_then(|first| first.thread)),
            Err(history::Error::Log(error)) => Err(error.into()),
            // Its answers are threaded as if it had not come yet.
            Err(history::Error::Unreadable(_)) => Ok(None),
        }
    }

    /// Where the body is in the log, if it is no news. Live, only the present body is none: a message may be changed back to
    /// what it was. An import tells of the past, and brings no older body back, however often it is run.
    ///
    /// Where the key of an earlier body is destroyed nobody can tell any more whether this is that body. It is taken for
    /// it: a late redelivery must not bring back what was erased.
    async fn seen(&self, history: &History, body: &str, origin: Origin) -> Result<Option<Position>, Error> {
        let mut erased = None;
        for (age, (position, digest)) in history.digests.iter().rev().enumerate() {
            match self.vault.compare(digest, body).await.map_err(vault_error)? {
                Compared::Same if age == 0 || origin == Origin::Import => return Ok(Some(*position)),
                Compared::Erased => erased = Some(history.version),
                Compared::Same | Compared::Different => {}
            }
        }
        Ok(erased)
    }

    /// Appends the message to its stream as it was read. Nothing: the stream has moved on since.
    async fn append(
        &self,
        batch: &Batch,
        incoming: &Incoming,
        delivery: &Delivery,
        history: &History,
    ) -> Result<Option<Taken>, Error> {
        let Delivery { id, stream, subject, body, .. } = delivery;
        let digest = self.vault.digest(subject, body).await.map_err(vault_error)?;
        let blobs = content::keep(&self.blobs, incoming, subject).await.map_err(vault_error)?;
        // The digest of an event is one of the digest, in the form that events have for it: it dies with the key, too.
        let short = Digest::new(&self.vault.hash(DIGEST, &[&digest])).map_err(internal)?;
        let first = history.first.as_ref();
        let content = content::content(&batch.account, incoming, delivery, first, &blobs, short, batch.now);
        let content = Box::new(content.map_err(internal)?);
        let actor = actor(batch, incoming.direction, delivery.identity.as_ref()).map_err(internal)?;
        let command_id = derive(NAMESPACE, &format!("{id}/{}/{digest}/{}", history.version, self.replica));
        let meta = Meta {
            origin: batch.origin,
            // Where nobody says when a message was edited, it was some time before now.
            occurred_at: if first.is_none() { Some(incoming.sent_at) } else { incoming.edited_at },
            policy_version: batch.policy_version,
            expected: Some(history.version),
            region: Some(batch.account.region.to_string()),
            ..Meta::new(command_id, digest, actor.clone())
        };
        let action = match incoming.direction {
            Direction::In => Action::Receive(content),
            Direction::Out => Action::Record(content),
        };
        let make = |at| vec![Command::new(at, actor.clone(), action.clone())];
        let taken = if history.version == Position::NONE {
            let begun = self.messages.begin::<message::Error>(stream, &meta, make(incoming.sent_at)).await;
            begun.map(|position| position.map(Taken::Accepted))
        } else {
            let done = self.messages.execute::<message::Error>(stream, &meta, |_, at| Ok(make(at))).await;
            done.map(|done| {
                Some(match first {
                    _ if done.repeated || !done.changed => Taken::Duplicate(done.position),
                    None => Taken::Accepted(done.position),
                    Some(_) => Taken::Edited(done.position),
                })
            })
        };
        match taken {
            Ok(taken) => Ok(taken),
            Err(transact::Error::Stale { .. } | transact::Error::Contention) => Ok(None),
            Err(transact::Error::Refused(refusal)) => Ok(Some(rejected(refusal))),
            Err(transact::Error::TooLarge(bytes)) => {
                Ok(Some(rejected(format_args!("its entry would have {bytes} bytes; send less of it"))))
            }
            Err(transact::Error::Unreadable(error)) => Ok(Some(unreadable(&error))),
            Err(error @ transact::Error::Unavailable(_)) => Err(Error::Unavailable(error.to_string())),
            Err(error @ (transact::Error::Beyond | transact::Error::CommandIdReused)) => Err(internal(error)),
        }
    }
}

fn actor(batch: &Batch, direction: Direction, customer: Option<&IdentityId>) -> Result<Actor, Invalid> {
    let submitter = &batch.principal.actor;
    Ok(match (batch.origin, direction, customer) {
        (Origin::Import, ..) => Actor::new(Kind::Import, submitter.id.clone(), submitter.auth.clone()),
        (_, Direction::In, Some(identity)) => {
            Actor::new(Kind::Customer, ActorId::new(identity.as_str())?, AuthMethod::new(CHANNEL)?)
        }
        (_, Direction::In, None) | (_, Direction::Out, _) => submitter.clone(),
    })
}

fn rejected(reason: impl std::fmt::Display) -> Taken {
    Taken::Rejected(Rejection::new("", reason))
}

fn unreadable(error: &service::envelope::Unreadable) -> Taken {
    tracing::warn!(%error, "a message cannot be taken in");
    rejected("earlier deliveries of it cannot be read by this version; send it again after the upgrade")
}

fn internal(error: impl std::fmt::Display) -> Error {
    Error::Internal(error.to_string())
}

pub(crate) fn vault_error(error: vault::Error) -> Error {
    match error {
        vault::Error::Unavailable { .. } => Error::Unavailable(error.to_string()),
        vault::Error::Unusable(_)
        | vault::Error::Value(_)
        | vault::Error::Blob { .. }
        | vault::Error::TooLarge { .. } => internal(error),
    }
}
