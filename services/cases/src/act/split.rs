//! Messages that go to a case of their own.

use domain::{
    case::{Action, TITLE_LEN_MAX},
    ids::{CaseId, MessageId},
    personal::Personal,
};
use proto::cases::v1 as pb;
use service::{Error, transact::entry_id};

use super::{
    actions::{self, Ground, WORKERS},
    fields as f,
};
use crate::core::{Caller, Case, Core};

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
        let title = (!request.title.is_empty())
            .then(|| f::words("title", &request.title, TITLE_LEN_MAX))
            .transpose()?;
        let stream = self.stream(from)?;
        // Of the entry and not of the command, whose id may be used for another case too.
        let into = CaseId::derive(entry_id(&stream, meta.command_id), "case");
        let split = |ground: &Ground<'_>| {
            let owner = actions::owner(into, ground.case.customer_of(&messages));
            let title = title.as_deref().map(|title| Personal::open(owner, title));
            Ok(vec![Action::SplitOff { messages: messages.clone(), into, title }])
        };
        let source = self.decide(caller, from, &meta, split).await?;
        // The reaction would do this in a moment; whoever asked for the new case is answered with it.
        let split = self.follow_decided(&stream, &source).await?;
        split.ok_or_else(|| Error::Internal("a split that was just written is not there".into()))
    }
}
