//! Messages that go to a case of their own.

use std::collections::BTreeSet;

use domain::{
    case::{self, Action, Opening, Origin, TITLE_LEN_MAX},
    conversation,
    ids::{CaseId, MessageId},
    personal::Personal,
};
use proto::cases::v1 as pb;
use service::{Error, transact::Meta};

use super::{
    actions::{self, Ground, WORKERS},
    fields as f,
    open::goes_on,
};
use crate::core::{Caller, Case, Core, bad_name, seen};

/// Messages that one split may take along: the new case names all of them in one entry, of at most 256 KiB.
const SPLIT_MAX: usize = 300;

impl Core {
    /// Gives messages to a new case.
    pub async fn split(&self, caller: &Caller, request: &pb::SplitRequest) -> Result<(CaseId, Case), Error> {
        caller.access.need(WORKERS, "splitting a case")?;
        let from = self.case_id("case_id", &request.case_id).await?;
        let mut meta = self.command(caller, request)?;
        meta.expected = self.shell.position("expected_position", &request.expected_position)?;
        let messages = f::set::<MessageId>("message_ids", &request.message_ids, SPLIT_MAX)?;
        if messages.is_empty() {
            return Err(Error::field("message_ids", "must not be empty"));
        }
        let id = CaseId::derive(meta.command_id, "case");
        let title = (!request.title.is_empty())
            .then(|| f::words("title", &request.title, TITLE_LEN_MAX))
            .transpose()?;
        let split = |_: &Ground<'_>| Ok(vec![Action::SplitOff { messages: messages.clone(), into: id }]);
        let source = self.decide(caller, from, &meta, split).await?;
        // From here on the split is in the log; whoever repeats the command, or the reaction, does the rest.
        let outcome = self.open_split(caller, &source, from, id, &messages, title, &meta).await?;
        Ok((id, outcome))
    }

    #[expect(clippy::too_many_arguments, reason = "the second half of one command")]
    async fn open_split(
        &self,
        caller: &Caller,
        source: &Case,
        from: CaseId,
        id: CaseId,
        messages: &BTreeSet<MessageId>,
        title: Option<String>,
        meta: &Meta,
    ) -> Result<Case, Error> {
        let case = seen(&caller.access, &source.aggregate)?;
        let owner = actions::owner(id, case.own_identities.first());
        let opening = Opening {
            title: title.map(|title| Personal::open(owner, title)),
            origin: Origin::Split { from, messages: messages.iter().cloned().collect() },
            ..goes_on(case)
        };
        let inbound = self.inbound_of(case, messages).await?;
        self.open_from(caller, id, meta, opening, inbound).await
    }

    /// The messages of a case as another case takes them in.
    async fn inbound_of(
        &self,
        case: &case::Case,
        messages: &BTreeSet<MessageId>,
    ) -> Result<Vec<case::Inbound>, Error> {
        let mut inbound = Vec::new();
        for (message, received) in case.messages.iter().filter(|(message, _)| messages.contains(*message)) {
            let conversation = self.conversations.stream(received.conversation).map_err(bad_name)?;
            let conversation = self.conversations.peek::<conversation::Error>(&conversation).await?;
            let identity =
                conversation.state.conversation().and_then(|known| known.participants.first().cloned());
            let sent_at = self.sent_at(message).await?.unwrap_or(case.opened_at);
            inbound.push((
                received.ordinal,
                case::Inbound {
                    message: message.clone(),
                    conversation: received.conversation,
                    place: received.place.clone(),
                    identity,
                    sent_at,
                    engageable: received.engageable,
                },
            ));
        }
        inbound.sort_by_key(|(ordinal, _)| *ordinal);
        Ok(inbound.into_iter().map(|(_, inbound)| inbound).collect())
    }

    async fn sent_at(&self, message: &MessageId) -> Result<Option<domain::time::Timestamp>, Error> {
        let model = self.models.current();
        let rows = model
            .store
            .query("select sent_at from message where id = $1", &[message.as_str().into()])
            .await?;
        Ok(rows.first().and_then(|row| row.int(0)).and_then(domain::time::Timestamp::from_microsecond))
    }
}
