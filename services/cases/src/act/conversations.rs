//! Where the customer is spoken with: replies, and the way from public to private.

use std::collections::BTreeSet;

use domain::{
    case::{self, Action},
    channel::{Place, Visibility},
    conversation::{self, Conversation, Key},
    ids::{AccountId, CaseId, ConversationId, IdentityId, KeyedHash, ReplyId},
};
use proto::cases::v1 as pb;
use service::{Error, transact::Aggregate};
use uuid::Uuid;
use vault::Vault;

use super::{actions::WORKERS, fields as f, no::No};
use crate::{
    core::{Caller, Case, Core, bad_name, seen},
    follow::threads::Way,
};

/// The domain of the roots of threads that a case begins. In the names of conversations: never changed.
const THREAD_OF_CASE: &str = "thread of a case";

impl Core {
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
        let ack = f::optional::<ReplyId>("ack_reply_id", &request.ack_reply_id)?;
        let public = self.conversation("from_conversation_id", from).await?;
        let public = begun("from_conversation_id", &public)?;
        let private = self.goes_on_at("to_conversation_id", to).await?;
        let private = begun("to_conversation_id", &private)?;
        let present = self.cases.load::<No>(&self.stream(id)?).await?;
        let present = seen(&caller.access, &present)?;
        self.sees(caller, id, private).await?;
        let customer = present.customer();
        let with_customer = self.is_with(private, customer).await?;
        let (from_place, to_place) =
            (place(&public.key, public.visibility), place(&private.key, private.visibility));
        let to = private.key.id();
        let outcome = self
            .decide(caller, id, &meta, |ground| {
                if !ground.case.conversations().contains(&from) {
                    return Err(not_of_the_case("from_conversation_id", "conversations"));
                }
                if ack.is_some_and(|ack| !ground.case.replies.contains_key(&ack)) {
                    return Err(not_of_the_case("ack_reply_id", "replies"));
                }
                Ok(vec![Action::MoveConversation {
                    from_conversation: from,
                    from: from_place.clone(),
                    to_conversation: to,
                    to: to_place.clone(),
                    with_customer: with_customer && ground.case.customer() == customer,
                    ack,
                }])
            })
            .await?;
        if outcome.changed {
            self.follow_decided(&self.stream(id)?, &outcome).await?;
        }
        Ok((id, outcome))
    }

    /// Where a reply is to go: as it says, or where the case speaks with its customer.
    pub(super) async fn spoken_in(&self, id: CaseId, named: Option<ConversationId>) -> Result<Spoken, Error> {
        let conversation = match named {
            Some(named) => named,
            None => {
                let present = self.cases.load::<No>(&self.stream(id)?).await?;
                present.state.case().and_then(case::Case::speaks_in).ok_or_else(no_conversation)?
            }
        };
        let known = self.conversation("conversation_id", conversation).await?;
        let spoken = begun("conversation_id", &known)?;
        let (place, given) = (place(&spoken.key, spoken.visibility), spoken.cases().contains(&id));
        Ok(Spoken { conversation, place, given })
    }

    /// A conversation, from the log: another process may know more of it, and nothing that is decided here would tell.
    async fn conversation(
        &self,
        field: &str,
        id: ConversationId,
    ) -> Result<Aggregate<conversation::State>, Error> {
        let stream = self.conversations.stream(id).map_err(|_| Error::field(field, NO_SUCH))?;
        Ok(self.conversations.load::<conversation::Error>(&stream).await?)
    }

    /// The conversation that takes the messages of another: itself, or the older one of its thread. From the log: what is
    /// decided on who takes part in it must not miss somebody.
    async fn goes_on_at(
        &self,
        field: &str,
        id: ConversationId,
    ) -> Result<Aggregate<conversation::State>, Error> {
        let (mut id, mut way) = (id, Way::default());
        loop {
            let stream = self.conversations.stream(id).map_err(bad_name)?;
            let known = self.conversations.load::<conversation::Error>(&stream).await?;
            let conversation = begun(field, &known)?;
            way.pass(&conversation.key)?;
            match &conversation.continued_in {
                Some(next) => id = next.id(),
                None => return Ok(known),
            }
        }
    }

    /// What is another team's is not there.
    async fn sees(&self, caller: &Caller, id: CaseId, private: &Conversation) -> Result<(), Error> {
        let Some(case) = private.case.filter(|case| *case != id) else { return Ok(()) };
        let theirs = self.cases.load::<No>(&self.stream(self.goes_on(case).await?)?).await?;
        seen(&caller.access, &theirs).map(drop).map_err(|_| Error::field("to_conversation_id", NO_SUCH))
    }

    /// Whether somebody takes part in a conversation, and nobody but one person.
    async fn is_with(&self, conversation: &Conversation, person: Option<&IdentityId>) -> Result<bool, Error> {
        let contact = match &conversation.key {
            Key::Contact { identity, .. } => Some(identity),
            Key::Thread { .. } => None,
        };
        let people: BTreeSet<&IdentityId> = conversation.participants.iter().chain(contact).collect();
        let (Some(person), false) = (person, people.is_empty()) else { return Ok(false) };
        for other in people {
            if !self.same_person(person, other).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Where a reply is to go.
#[derive(Clone)]
pub(super) struct Spoken {
    pub(super) conversation: ConversationId,
    pub(super) place: Place,
    /// Whether the conversation belongs to the case, in whole or in part.
    pub(super) given: bool,
}

const NO_SUCH: &str = "there is no such conversation";

fn begun<'a>(field: &str, known: &'a Aggregate<conversation::State>) -> Result<&'a Conversation, Error> {
    known.state.conversation().ok_or_else(|| Error::field(field, NO_SUCH))
}

pub(super) fn not_of_the_case(field: &str, what: &str) -> No {
    Error::field(field, format!("is none of this case's {what}")).into()
}

fn no_conversation() -> Error {
    let text = "the case has no conversation to reply in: nobody is known yet to whom it could go";
    Error::refused("NO_CONVERSATION", text)
}

pub(super) fn went_on_elsewhere() -> Error {
    let message = "the customer went on in another conversation at the same time; try again".into();
    Error::Aborted { reason: "CONTENTION", message }
}

/// Where a conversation with this key is.
pub fn place(key: &Key, visibility: Visibility) -> Place {
    match key {
        Key::Thread { account, root } => {
            Place { account: account.clone(), visibility, thread: Some(root.clone()) }
        }
        Key::Contact { account, .. } => Place { account: account.clone(), visibility, thread: None },
    }
}

/// The conversation with a customer for whom a case is opened by hand, where the account has no threads: what we have with
/// this contact.
pub fn with_contact(opening: &AccountId, customer: &IdentityId) -> Key {
    Key::Contact { account: opening.clone(), identity: customer.clone() }
}

/// The same where it has: a thread of its own. What is sent first in it has to be recorded with this root, as its answers
/// will be found by it.
pub fn own_thread(vault: &Vault, account: &AccountId, case: CaseId) -> Result<Key, Error> {
    let root = vault.hash(THREAD_OF_CASE, &[account.as_str(), &case.to_string()]);
    let root = KeyedHash::new(&root).map_err(|error| Error::Internal(error.to_string()))?;
    Ok(Key::Thread { account: account.clone(), root })
}

/// The id of what a command creates.
pub fn reply_id(command_id: Uuid) -> ReplyId {
    ReplyId::derive(command_id, "reply")
}
