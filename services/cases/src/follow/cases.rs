//! What a case decides reaches its conversations, and the case that was split off.
//!
//! - Messages that were split off get a case, and their conversations know of it.
//! - A private conversation in which a public one goes on belongs to the case from then on.
//! - A follow-up takes the place of the case that it follows, in all its conversations: it is heard there.
//! - A case that was opened by hand for a customer begins its conversation; where there is one already, it takes it over,
//!   unless the case to which that belongs is still being worked.
//!
//! Whoever comes first does it, the command or this reaction: every id is derived from the entry, so twice is once.

use std::sync::Arc;

use domain::{
    case::{self, Opening, Origin},
    channel::Direction,
    conversation::{self, Action, Key},
    decider::Decider,
    ids::{CaseId, ConversationId},
};
use eventlog::{Category, Entry, StreamId};
use service::{
    Error,
    envelope::{Envelope, contains},
    reaction::{self, Reaction},
    transact::Aggregate,
};

use super::{links::outcome, splits::Split};
use crate::{
    act::{
        conversations::{own_thread, with_contact},
        no::No,
    },
    core::{Case, Core, bad_name, caused, commands},
    read::item::{self, Body, Item},
};

/// Lets conversations and new cases follow what a case decides.
pub struct FollowCases(pub Arc<Core>);

#[async_trait::async_trait]
impl Reaction for FollowCases {
    fn name(&self) -> &'static str {
        "cases.follow_cases"
    }

    fn categories(&self) -> Vec<Category> {
        Category::new(case::State::CATEGORY).into_iter().collect()
    }

    /// Nearly every entry of a case is of something else, which shows at a glance.
    fn wants(&self, entry: &Entry) -> bool {
        let has = |text| contains(&entry.body, text);
        has("case.split_off")
            || has("case.conversation_moved")
            || has("case.opened") && (has(r#""kind":"follow_up""#) || has(r#""kind":"agent""#))
    }

    /// Each case by itself: one that waits holds up no other.
    fn lane(&self, entry: &Entry) -> String {
        entry.stream.to_string()
    }

    async fn react(&self, entry: &Entry) -> Result<(), reaction::Error> {
        self.0.follow_case(entry).await.map(drop).map_err(outcome)
    }
}

/// An event of a case, and where it stands.
struct Cause<'a> {
    entry: &'a Entry,
    envelope: &'a Envelope<case::Event>,
    id: CaseId,
    step: String,
}

impl Core {
    /// Follows what a command on `stream` came to: the case that was split off with it, if one was.
    pub async fn follow_decided(
        &self,
        stream: &StreamId,
        decided: &Case,
    ) -> Result<Option<(CaseId, Case)>, Error> {
        let entry = self.entry_at(stream, decided.position, decided.entry.clone()).await?;
        self.follow_case(&entry).await
    }

    async fn follow_case(&self, entry: &Entry) -> Result<Option<(CaseId, Case)>, Error> {
        let item = Item::read(entry).map_err(service::transact::Error::<No>::from)?;
        let mut items = [item];
        item::open(&self.shell.vault, &mut items)
            .await
            .map_err(|error| Error::Unavailable(error.to_string()))?;
        let [item] = &items;
        let (Body::Case(envelope), Ok(id)) = (&item.body, entry.stream.id().parse()) else { return Ok(None) };
        let opened = item.opened::<case::Event>();
        let mut last = None;
        for (i, event) in opened.as_ref().unwrap_or(&envelope.events).iter().enumerate() {
            let cause = |step: &str| Cause { entry, envelope, id, step: format!("{step}/{i}") };
            if let case::Event::SplitOff { at, by, messages, into, title } = event {
                let (step, title) = (format!("split/{i}"), title.as_ref());
                let split = Split { entry, envelope, step, at: *at, by, messages, into: *into, title };
                last = Some((*into, self.open_split(&split).await?));
            } else if let case::Event::ConversationMoved { to_conversation, .. } = event {
                self.attach(&cause("attached"), *to_conversation).await?;
            } else if let case::Event::Opened { opening, .. } = event {
                match &opening.origin {
                    Origin::FollowUp { of } => self.take_over(&cause("followed_up"), *of).await?,
                    Origin::Agent => self.speak(&cause("begun"), opening).await?,
                    Origin::Message { .. } | Origin::Split { .. } | Origin::Import => {}
                }
            }
        }
        Ok(last)
    }

    /// The conversation belongs to the case.
    async fn attach(&self, cause: &Cause<'_>, conversation: ConversationId) -> Result<(), Error> {
        self.change(cause, conversation, |_| vec![Action::Attach { case: cause.id }]).await
    }

    /// The case takes the place of another one in its conversations, where nothing else has taken it before.
    async fn take_over(&self, cause: &Cause<'_>, of: CaseId) -> Result<(), Error> {
        let Some(before) = self.opened_case(of).await? else { return Ok(()) };
        let links = self.links.peek::<domain::links::Error>(&self.links_stream()?).await?;
        for conversation in before.conversations() {
            let follow = |known: &conversation::State| {
                let cases = known.conversation().map(conversation::Conversation::cases).unwrap_or_default();
                let followed = cases.into_iter().filter(|case| links.state.root(*case) == of);
                followed.map(|of| Action::FollowUp { of, case: cause.id }).collect()
            };
            self.change(cause, conversation, follow).await?;
        }
        Ok(())
    }

    /// The case speaks with the customer for whom it was opened.
    async fn speak(&self, cause: &Cause<'_>, opening: &Opening) -> Result<(), Error> {
        let (Some(conversation), Some(customer)) = (opening.conversation, &opening.identity) else {
            return Ok(());
        };
        let keys = [
            with_contact(&opening.account, customer),
            own_thread(&self.shell.vault, &opening.account, cause.id)?,
        ];
        // Else it was opened by a message of ours, and is where that is.
        let Some(key) = keys.into_iter().find(|key| key.id() == conversation) else { return Ok(()) };
        let policy = self.policy_of(cause.envelope).await?;
        let Some(account) = policy.state.set().account(&opening.account) else { return Ok(()) };
        if !self.is_worked(cause.id).await? {
            return Ok(());
        }
        let holder = self.holder(&key).await?;
        let begin = |known: &conversation::State| {
            let start = Action::Start {
                key: key.clone(),
                channel: opening.channel.clone(),
                visibility: account.visibility,
                initiated_by: Direction::Out,
            };
            let held = known.conversation().and_then(|known| known.case);
            let attach = (held.is_none() || held != holder).then_some(Action::Attach { case: cause.id });
            [start].into_iter().chain(attach).collect()
        };
        self.change(cause, conversation, begin).await
    }

    /// The case to which a conversation belongs, if that is still being worked, itself or where it goes on.
    async fn holder(&self, key: &Key) -> Result<Option<CaseId>, Error> {
        let Some(held) = self.case_of(key).await? else { return Ok(None) };
        Ok(self.is_worked(self.goes_on(held).await?).await?.then_some(held))
    }

    async fn is_worked(&self, id: CaseId) -> Result<bool, Error> {
        Ok(self.opened_case(id).await?.is_some_and(|case| case.status.is_unresolved()))
    }

    async fn change(
        &self,
        cause: &Cause<'_>,
        conversation: ConversationId,
        actions: impl Fn(&conversation::State) -> Vec<Action> + Send + Sync,
    ) -> Result<(), Error> {
        let stream = self.conversations.stream(conversation).map_err(bad_name)?;
        let meta = caused(self, cause.entry, cause.envelope, &cause.step)?;
        let make =
            |known: &Aggregate<conversation::State>, at| Ok(commands(at, &meta.actor, actions(&known.state)));
        self.conversations.execute::<conversation::Error>(&stream, &meta, make).await?;
        Ok(())
    }
}
