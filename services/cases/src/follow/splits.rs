//! Messages that were split off get a case of their own.
//!
//! The split's entry says what the new case needs, and the entries before it say the rest. Whoever comes first opens it,
//! the command that split or this reaction: every id is derived from the split's entry, so twice is once.

use std::{collections::BTreeSet, sync::Arc};

use domain::{
    actor::Actor,
    case::{self, Action, Opening, Origin},
    decider::Decider,
    ids::{CaseId, MessageId},
    personal::Personal,
    time::Timestamp,
};
use eventlog::{Category, Entry, Position, StreamId};
use service::{
    Error,
    envelope::{Envelope, contains},
    reaction::{self, Reaction},
    transact::Meta,
};

use super::links::outcome;
use crate::{
    act::{actions::owner, no::No, open::goes_on},
    core::{Case, Core, commands, derived},
    read::item::{self, Body, Item},
};

/// Opens the cases that were split off.
pub struct FollowSplits(pub Arc<Core>);

#[async_trait::async_trait]
impl Reaction for FollowSplits {
    fn name(&self) -> &'static str {
        "cases.follow_splits"
    }

    fn categories(&self) -> Vec<Category> {
        Category::new(case::State::CATEGORY).into_iter().collect()
    }

    /// Nearly every entry of a case is of something else, which shows at a glance.
    fn wants(&self, entry: &Entry) -> bool {
        contains(&entry.body, "case.split_off")
    }

    /// Each case by itself: a split that waits holds up no other.
    fn lane(&self, entry: &Entry) -> String {
        entry.stream.to_string()
    }

    async fn react(&self, entry: &Entry) -> Result<(), reaction::Error> {
        self.0.follow_splits(entry).await.map(drop).map_err(outcome)
    }
}

/// A split, and the entry that says so.
struct Split<'a> {
    entry: &'a Entry,
    envelope: &'a Envelope<case::Event>,
    step: String,
    at: Timestamp,
    by: &'a Actor,
    messages: &'a BTreeSet<MessageId>,
    into: CaseId,
    title: Option<&'a Personal>,
}

impl Core {
    /// Follows the split in the entry of `stream` at `position`: the new case, and the entry that opened it.
    pub async fn follow_split_at(
        &self,
        stream: &StreamId,
        position: Position,
    ) -> Result<(CaseId, Case), Error> {
        let entry = self.entry_at(stream, position).await?;
        let missing = || Error::Internal("a split that was just written is not there".into());
        self.follow_splits(&entry).await?.ok_or_else(missing)
    }

    /// Opens what the entry has split off; answers the last of it.
    async fn follow_splits(&self, entry: &Entry) -> Result<Option<(CaseId, Case)>, Error> {
        let item = Item::read(entry).map_err(service::transact::Error::<No>::from)?;
        let mut items = [item];
        item::open(&self.shell.vault, &mut items)
            .await
            .map_err(|error| Error::Unavailable(error.to_string()))?;
        let [item] = &items;
        let Body::Case(envelope) = &item.body else { return Ok(None) };
        let opened = item.opened::<case::Event>();
        let mut last = None;
        for (i, event) in opened.as_ref().unwrap_or(&envelope.events).iter().enumerate() {
            if let case::Event::SplitOff { at, by, messages, into, title } = event {
                let (step, title) = (format!("split/{i}"), title.as_ref());
                let split = Split { entry, envelope, step, at: *at, by, messages, into: *into, title };
                last = Some((*into, self.open_split(&split).await?));
            }
        }
        Ok(last)
    }

    async fn open_split(&self, split: &Split<'_>) -> Result<Case, Error> {
        let Split { entry, envelope, messages, into, .. } = split;
        let source = self.cases.load_to::<No>(&entry.stream, entry.position).await?;
        let (Some(source), Ok(from)) = (source.state.case(), entry.stream.id().parse()) else {
            return Err(Error::Internal("messages were split off a case that was never opened".into()));
        };
        let identity = source.customer_of(messages).cloned();
        let title = split.title.and_then(Personal::as_open);
        let title = title.map(|title| Personal::open(owner(*into, identity.as_ref()), title));
        let opening = Opening {
            identity,
            title,
            origin: Origin::Split { from, messages: messages.iter().cloned().collect() },
            ..goes_on(source)
        };
        let meta = Meta {
            on_behalf_of: Some(split.by.id.to_string()),
            // What was imported stays history: nobody is timed or notified because it was taken apart there.
            origin: envelope.origin,
            occurred_at: Some(split.at),
            policy_version: envelope.policy_version,
            region: Some(opening.region.to_string()),
            ..derived(self, entry, &split.step)?
        };
        let messages = source.inbound(messages);
        let make = |_: &_, at| {
            let opening = Box::new(opening.clone());
            Ok(commands(at, split.by, vec![Action::Open { opening, messages: messages.clone() }]))
        };
        Ok(self.cases.execute::<No>(&self.stream(*into)?, &meta, make).await?)
    }
}
