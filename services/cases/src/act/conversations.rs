//! Where the customer is spoken with: replies, and the way from public to private.

use domain::{
    case::{self, Action, REPLY_LEN_MAX},
    channel::{Place, Visibility},
    conversation,
    ids::{CaseId, ConversationId, MessageId, ReplyId},
};
use proto::cases::v1 as pb;
use service::Error;
use uuid::Uuid;

use super::{actions::WORKERS, fields as f, no::No};
use crate::core::{Caller, Case, Core, bad_name, seen};

impl Core {
    /// Releases a reply.
    pub async fn reply(&self, caller: &Caller, request: &pb::ReplyRequest) -> Result<(CaseId, Case), Error> {
        caller.access.need(WORKERS, "replying")?;
        let id = self.case_id("case_id", &request.case_id).await?;
        let mut meta = self.command(caller, request)?;
        meta.expected = self.shell.position("expected_position", &request.expected_position)?;
        let text = f::words("text", &request.text, REPLY_LEN_MAX)?;
        let named = f::optional::<ConversationId>("conversation_id", &request.conversation_id)?;
        let seen_message = f::optional::<MessageId>("seen_message_id", &request.seen_message_id)?;
        let present = self.cases.peek::<No>(&self.stream(id)?).await?;
        let conversation = match named {
            Some(named) => named,
            None => latest_conversation(seen(&caller.access, &present)?)?,
        };
        let place = self.place_of("conversation_id", conversation).await?;
        let outcome = self
            .decide(caller, id, &meta, |ground| {
                if !ground.case.conversations().contains(&conversation) {
                    return Err(
                        Error::field("conversation_id", "is none of this case's conversations").into()
                    );
                }
                Ok(vec![Action::Reply {
                    reply: ReplyId::derive(meta.command_id, "reply"),
                    conversation,
                    place: place.clone(),
                    text: ground.personal(text.clone()),
                    in_reply_to: ground.case.latest_message.clone(),
                    closing: request.closing,
                    seen: seen_message.clone(),
                    override_stale: request.override_stale,
                }])
            })
            .await?;
        Ok((id, outcome))
    }

    /// Goes on in private with what began in public.
    pub async fn move_to_private(
        &self,
        caller: &Caller,
        request: &pb::MoveToPrivateRequest,
    ) -> Result<(CaseId, Case), Error> {
        caller.access.need(WORKERS, "moving a conversation")?;
        let id = self.case_id("case_id", &request.case_id).await?;
        let mut meta = self.command(caller, request)?;
        meta.expected = self.shell.position("expected_position", &request.expected_position)?;
        let from = f::required::<ConversationId>("from_conversation_id", &request.from_conversation_id)?;
        let to = f::required::<ConversationId>("to_conversation_id", &request.to_conversation_id)?;
        let (from_place, to_place) = (
            self.place_of("from_conversation_id", from).await?,
            self.place_of("to_conversation_id", to).await?,
        );
        let ack = f::optional::<ReplyId>("ack_reply_id", &request.ack_reply_id)?;
        let outcome = self
            .decide(caller, id, &meta, |ground| {
                if !ground.case.conversations().contains(&from) {
                    return Err(
                        Error::field("from_conversation_id", "is none of this case's conversations").into()
                    );
                }
                Ok(vec![Action::MoveConversation {
                    from_conversation: from,
                    from: from_place.clone(),
                    to_conversation: to,
                    to: to_place.clone(),
                    ack,
                }])
            })
            .await?;
        Ok((id, outcome))
    }

    /// Where a conversation is.
    pub async fn place_of(&self, field: &str, id: ConversationId) -> Result<Place, Error> {
        let stream = self.conversations.stream(id).map_err(bad_name)?;
        let known = self.conversations.peek::<conversation::Error>(&stream).await?;
        let known =
            known.state.conversation().ok_or_else(|| Error::field(field, "there is no such conversation"))?;
        Ok(place(&known.key, known.visibility))
    }
}

/// Where a conversation with this key is.
pub fn place(key: &conversation::Key, visibility: Visibility) -> Place {
    match key {
        conversation::Key::Thread { account, root } => {
            Place { account: account.clone(), visibility, thread: Some(root.clone()) }
        }
        conversation::Key::Contact { account, .. } => {
            Place { account: account.clone(), visibility, thread: None }
        }
    }
}

/// Where the customer wrote last.
fn latest_conversation(case: &case::Case) -> Result<ConversationId, Error> {
    let latest = case.latest_message.as_ref().and_then(|message| case.messages.get(message));
    let conversation =
        latest.map(|received| received.conversation).or_else(|| case.conversations().first().copied());
    conversation.ok_or_else(|| Error::refused("NO_CONVERSATION", "the case has no conversation to reply in"))
}

/// The id of what a command creates.
pub fn reply_id(command_id: Uuid) -> ReplyId {
    ReplyId::derive(command_id, "reply")
}
