//! Messages that were split off get a case of their own.
//!
//! The split's entry says what the new case needs, and the entries before it say the rest. Then the conversations are told
//! where their messages are, so that what answers them goes there: not before, or an answer would find no case.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use domain::{
    actor::Actor,
    case::{self, Action, Opening, Origin},
    conversation,
    ids::{CaseId, ConversationId, MessageId},
    personal::Personal,
    time::Timestamp,
};
use eventlog::{Entry, Position};
use service::{Error, envelope::Envelope, policies::Snapshot, transact::Meta};

use crate::{
    act::{actions::owner, no::No, open::goes_on},
    core::{Case, Core, bad_name, caused, commands, derived},
};

/// A split, and the entry that says so.
pub struct Split<'a> {
    pub entry: &'a Entry,
    pub envelope: &'a Envelope<case::Event>,
    pub step: String,
    pub at: Timestamp,
    pub by: &'a Actor,
    pub messages: &'a BTreeSet<MessageId>,
    pub into: CaseId,
    pub title: Option<&'a Personal>,
}

impl Core {
    /// Opens the case that was split off.
    pub async fn open_split(&self, split: &Split<'_>) -> Result<Case, Error> {
        let Split { entry, envelope, messages, into, .. } = split;
        let source = self.cases.load_to::<No>(&entry.stream, entry.position).await?;
        let (Some(source), Ok(from)) = (source.state.case(), entry.stream.id().parse()) else {
            return Err(Error::Internal("messages were split off a case that was never opened".into()));
        };
        let identity = source.customer_of(messages).cloned();
        let first = source.inbound(messages).into_iter().next();
        let title = split.title.and_then(Personal::as_open);
        let title = title.map(|title| Personal::open(owner(*into, identity.as_ref()), title));
        let opening = Opening {
            identity,
            title,
            conversation: first.map(|message| message.conversation),
            origin: Origin::Split { from, messages: messages.iter().cloned().collect() },
            ..goes_on(source)
        };
        let meta = Meta {
            on_behalf_of: Some(split.by.id.to_string()),
            occurred_at: Some(split.at),
            policy_version: envelope.policy_version,
            region: Some(opening.region.to_string()),
            ..derived(self, entry, &split.step)?
        };
        let inbound = source.inbound(messages);
        let make = |_: &_, at| {
            let opening = Box::new(opening.clone());
            Ok(commands(at, split.by, vec![Action::Open { opening, messages: inbound.clone() }]))
        };
        let opened = self.cases.execute::<No>(&self.stream(*into)?, &meta, make).await?;
        self.split_conversations(split, &inbound).await?;
        Ok(opened)
    }

    async fn split_conversations(&self, split: &Split<'_>, inbound: &[case::Inbound]) -> Result<(), Error> {
        let mut parts: BTreeMap<ConversationId, BTreeSet<MessageId>> = BTreeMap::new();
        for message in inbound {
            parts.entry(message.conversation).or_default().insert(message.message.clone());
        }
        let meta = caused(self, split.entry, split.envelope, &split.step)?;
        for (conversation, messages) in parts {
            let stream = self.conversations.stream(conversation).map_err(bad_name)?;
            let action = conversation::Action::Split { messages, into: split.into };
            let make = |_: &_, at| Ok(commands(at, &meta.actor, vec![action.clone()]));
            self.conversations.execute::<conversation::Error>(&stream, &meta, make).await?;
        }
        Ok(())
    }

    /// The policy under which an entry was decided.
    pub async fn policy_of(&self, envelope: &Envelope<case::Event>) -> Result<Arc<Snapshot>, Error> {
        let (current, then) = (self.policies.current(), Position(envelope.policy_version));
        if current.version == then {
            return Ok(current);
        }
        Ok(Arc::new(self.policies.as_of(|_, position| position <= then).await?))
    }
}
