//! What a channel says about a message: that it was deleted, that somebody put a sign to it, how far it came.

use domain::{
    actor::{Actor, Kind},
    ids::{ActorId, AuthMethod, Digest, IdentityId, MessageId, ReasonCode, derive},
    message::{self, Action, Command, Fate},
    personal::Personal,
    time::Timestamp,
};
use service::{
    Error,
    transact::{self, Meta, Transactor},
};
use uuid::Uuid;

use crate::{identity::Names, take::Batch};

/// The namespace of the commands of what is told.
const NAMESPACE: Uuid = Uuid::from_u128(0x7c1d_0b5e_9f0a_5d5c_9a3e_61f2_0d84_c9b7);
/// The domain of the hashes of signs.
const SIGN: &str = "sign";
/// The domain of the hashes of a channel's names of its events.
const EVENT: &str = "event";
/// How what is told is known: the channel says so.
const CHANNEL: &str = "channel";

/// What is told of one message.
pub(crate) enum Told {
    Deleted,
    Sign { by: String, sign: Option<String>, timed: bool, event: Option<String> },
    Fate { fate: Fate, code: Option<String> },
}

/// Writes what is told.
pub(crate) struct Teller {
    messages: Transactor<message::State>,
    vault: std::sync::Arc<vault::Vault>,
}

impl Teller {
    pub(crate) fn new(shell: &service::shell::Shell) -> Self {
        let messages = Transactor::new(
            shell.site.as_str(),
            std::sync::Arc::clone(&shell.log),
            std::sync::Arc::clone(&shell.vault),
            std::sync::Arc::clone(&shell.clock),
        );
        Self { messages, vault: std::sync::Arc::clone(&shell.vault) }
    }

    /// Notes what was told of the message that the account calls `external_id`, whether that is here yet or not. Whether it
    /// was news. `None`: it breaks a bound and is not kept.
    pub(crate) async fn tell(
        &self,
        batch: &Batch,
        external_id: &str,
        told: Told,
        at: Timestamp,
    ) -> Result<Option<bool>, Error> {
        let names = Names::new(&self.vault, &batch.account);
        let Ok(id) = names.message(external_id) else { return Ok(None) };
        let stream = self.messages.stream(&id).map_err(|error| Error::Internal(error.to_string()))?;
        let Some((action, actor, digest)) = self.meant(names, &id, told, at, &batch.principal.actor) else {
            return Ok(None);
        };
        let meta = Meta {
            occurred_at: Some(at),
            policy_version: batch.policy_version,
            region: Some(batch.account.region.to_string()),
            ..Meta::new(derive(NAMESPACE, &digest), digest.clone(), actor.clone())
        };
        let make = |_: &_, _| Ok(vec![Command::new(at, actor.clone(), action.clone())]);
        match self.messages.execute::<message::Error>(&stream, &meta, make).await {
            Ok(done) => Ok(Some(done.changed && !done.repeated)),
            Err(transact::Error::Refused(refusal)) => {
                tracing::warn!(%refusal, "what a channel told of a message is not kept");
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// What to do, who did it, and what tells it from all else that is told.
    fn meant(
        &self,
        names: Names<'_>,
        id: &MessageId,
        told: Told,
        at: Timestamp,
        channel: &Actor,
    ) -> Option<(Action, Actor, String)> {
        let named = |what: &str| format!("{id}/{what}");
        Some(match told {
            Told::Deleted => (Action::MarkDeleted, channel.clone(), named("deleted")),
            Told::Sign { by, sign, timed, event } => {
                let by: IdentityId = names.identity(&by).ok()?;
                let actor = Actor::new(
                    Kind::Customer,
                    ActorId::new(by.as_str()).ok()?,
                    AuthMethod::new(CHANNEL).ok()?,
                );
                let hash = self.vault.hash(SIGN, &[sign.as_deref().unwrap_or_default()]);
                // What names neither a time nor itself is told again by what stands alone: by any name of its own, a sign
                // that is put, taken back and put again would be lost.
                let which = match event {
                    _ if timed => at.as_microsecond().to_string(),
                    Some(event) => format!("event/{}", self.vault.hash(EVENT, &[&event])),
                    None => format!("told/{}", Uuid::new_v4().simple()),
                };
                let name = named(&format!("sign/{by}/{which}/{hash}"));
                let digest = match &sign {
                    Some(sign) => Some(Digest::new(&self.vault.hash(SIGN, &[by.as_str(), sign])).ok()?),
                    None => None,
                };
                let sign = sign.map(|sign| Personal::open(by.as_str(), sign));
                (Action::React { by, sign, digest, timed }, actor, name)
            }
            Told::Fate { fate, code } => {
                let code = code.and_then(|code| ReasonCode::new(&code.to_lowercase()).ok());
                let digest = named(&format!("fate/{fate:?}"));
                (Action::Report { fate, code }, channel.clone(), digest)
            }
        })
    }
}
