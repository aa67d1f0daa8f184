//! Replies: what a request says, fitted to the channel that it goes out on.

use domain::{
    case::{Action, Extras},
    channel::Direction,
    conversation,
    ids::{CaseId, ConversationId, KeyedHash, MediaType, MessageId},
    message::Attachment,
    outbound::{Form, Refusal, fit, window::can_send},
    personal::Personal,
    policy::channel::{Beyond, Channel},
    time::Timestamp,
};
use futures_util::TryStreamExt;
use proto::cases::v1 as pb;
use service::{
    Error,
    envelope::{Envelope, Origin},
};

use super::{
    actions::{WORKERS, owner},
    conversations::{Spoken, not_of_the_case, reply_id, went_on_elsewhere},
    extras::{File, Wanted},
    fields as f,
    no::No,
};
use crate::core::{Caller, Case, Core, seen};

/// What goes out besides the words, and for whom it is sealed.
#[derive(Clone)]
struct Ready {
    owner: String,
    extras: Box<Extras>,
}

/// A file, once it is known that there is one: its name, its type and its bytes; or as the case has it.
enum Found<'a> {
    New(&'a str, &'a MediaType, &'a [u8]),
    Present(Attachment),
}

impl Core {
    /// Releases a reply.
    pub async fn reply(&self, caller: &Caller, request: &pb::ReplyRequest) -> Result<(CaseId, Case), Error> {
        caller.access.need(WORKERS, "replying")?;
        let id = self.case_id("case_id", &request.case_id).await?;
        let mut meta = self.command(caller, request)?;
        meta.expected = self.shell.position("expected_position", &request.expected_position)?;
        let wanted = Wanted::of(request)?;
        let named = f::optional::<ConversationId>("conversation_id", &request.conversation_id)?;
        let seen_message = f::optional::<MessageId>("seen_message_id", &request.seen_message_id)?;
        let spoken = self.spoken_in(id, named).await;
        // What is wrong with it is said when it is decided: a command that had its effect before is answered as it was.
        let ready = match &spoken {
            Ok(spoken) => self.ready(caller, id, &wanted, spoken).await,
            Err(error) => Err(error.clone()),
        };
        let outcome = self
            .decide(caller, id, &meta, |ground| {
                let Spoken { conversation, place, given } = spoken.clone()?;
                if named.is_none() && ground.case.speaks_in() != Some(conversation) {
                    return Err(went_on_elsewhere().into());
                }
                if !given && !ground.case.conversations().contains(&conversation) {
                    return Err(not_of_the_case("conversation_id", "conversations"));
                }
                let Ready { owner: of, extras } = ready.clone()?;
                if !extras.is_none() && of != owner(ground.id, ground.case.customer()) {
                    return Err(another_customer().into());
                }
                Ok(vec![Action::Reply {
                    reply: reply_id(meta.command_id),
                    conversation,
                    place,
                    text: ground.personal(wanted.text.clone()),
                    extras,
                    in_reply_to: ground.case.latest_in(conversation).cloned(),
                    closing: request.closing,
                    seen: seen_message.clone(),
                    override_stale: request.override_stale,
                }])
            })
            .await?;
        Ok((id, outcome))
    }

    /// Fits what is wanted to the channel, and keeps its files. They are durable when it answers.
    async fn ready(
        &self,
        caller: &Caller,
        id: CaseId,
        wanted: &Wanted<'_>,
        spoken: &Spoken,
    ) -> Result<Ready, Error> {
        let known = self.cases.load::<No>(&self.stream(id)?).await?;
        let case = seen(&caller.access, &known)?;
        let owner = owner(id, case.customer());
        let form = wanted.form(&owner);
        let mut found = Vec::new();
        for (at, file) in wanted.files.iter().enumerate() {
            found.push(match file {
                File::New { name, media_type, content } => Found::New(name, media_type, content),
                File::Present { item, index } => {
                    Found::Present(self.again(&format!("attachments[{at}]"), id, case, item, *index).await?)
                }
            });
        }
        let set = caller.policy.state.set();
        let channel = set.account(&spoken.place.account).and_then(|account| set.channel(&account.channel));
        if let Some(channel) = channel {
            let files: Vec<_> = found.iter().map(Found::judged).collect();
            fit::fits(&channel, &form, wanted.subject.is_some(), &files)
                .and_then(|()| fit::holds(&channel, &form, &wanted.text))
                .map_err(|misfit| Error::refused(misfit.code(), misfit))?;
            self.in_time(&channel, spoken.conversation, &form).await?;
        }
        let mut attachments = Vec::with_capacity(found.len());
        for file in found {
            attachments.push(match file {
                Found::Present(present) => present,
                Found::New(name, media_type, content) => Attachment {
                    name: Personal::open(owner.as_str(), name),
                    media_type: media_type.clone(),
                    bytes: content.len() as u64,
                    blob: Some(self.keep(&owner, content).await?),
                    source: None,
                },
            });
        }
        let subject = wanted.subject.as_ref().map(|text| Personal::open(owner.as_str(), text.as_str()));
        Ok(Ready { extras: Box::new(Extras { form, subject, attachments }), owner })
    }

    /// A file that the case has, as it goes out again: it stays its first owner's.
    async fn again(
        &self,
        field: &str,
        id: CaseId,
        case: &domain::case::Case,
        item: &str,
        index: u32,
    ) -> Result<Attachment, Error> {
        let found = match self.file_of(id, case, (&format!("{field}.present.message_id"), item), index).await
        {
            Err(Error::NotFound { .. }) => {
                let text = "the case has no such file: take one of those that its timeline shows";
                return Err(Error::field(format!("{field}.present"), text));
            }
            found => found?,
        };
        if found.name.as_open().is_none() {
            return Err(Error::field(format!("{field}.present"), "the file was erased with its customer"));
        }
        if found.blob.is_none() {
            return Err(Error::Unavailable("the file is not fetched from its channel yet; try again".into()));
        }
        Ok(Attachment { source: None, ..found })
    }

    async fn keep(&self, owner: &str, content: &[u8]) -> Result<KeyedHash, Error> {
        let kept = self.shell.blobs.put(owner, content).await.map_err(|error| match error {
            vault::Error::Unavailable { .. } => Error::Unavailable(error.to_string()),
            error => Error::Internal(error.to_string()),
        })?;
        KeyedHash::new(&kept.pointer()).map_err(|error| Error::Internal(error.to_string()))
    }

    /// Refuses what is certain to come too late. Whether the customer ever wrote is looked at when it is sent.
    async fn in_time(
        &self,
        channel: &Channel,
        conversation: ConversationId,
        form: &Form,
    ) -> Result<(), Error> {
        let has_window = match form {
            Form::Free => channel.reply_window.is_some(),
            Form::Tag { .. } => true,
            Form::Template(_) => false,
        };
        if !has_window {
            return Ok(());
        }
        let Some(last) = self.last_heard(conversation).await? else { return Ok(()) };
        let now = self.shell.clock.now();
        match can_send(&channel.capability(), Some(last), now, form) {
            Err(refusal @ Refusal::WindowClosed { closed_at }) => {
                let field = if form.is_free() { "text" } else { "tag" };
                let ways = ways(channel, last, now);
                let message = format!("{field}: the reply window closed at {closed_at}: {ways}");
                Err(Error::refused(refusal.code(), message))
            }
            _ => Ok(()),
        }
    }

    /// When a customer last wrote in a conversation. History opens no window.
    async fn last_heard(&self, conversation: ConversationId) -> Result<Option<Timestamp>, Error> {
        let stream = self.conversations.stream(conversation).map_err(crate::core::bad_name)?;
        let mut entries = self.shell.log.read(&stream);
        let mut last = None;
        while let Some(entry) = entries.try_next().await? {
            let Ok(envelope) = Envelope::<conversation::Event>::of(&entry) else { continue };
            for event in envelope.events {
                if let conversation::Event::MessageJoined { direction: Direction::In, sent_at, .. } = event
                    && envelope.origin == Origin::Live
                {
                    last = last.max(Some(sent_at));
                }
            }
        }
        Ok(last)
    }
}

/// What can be done when the window is over.
fn ways(channel: &Channel, last: Timestamp, now: Timestamp) -> String {
    let mut ways = Vec::new();
    if channel.beyond == Beyond::Template {
        ways.push("send an approved template".to_owned());
    }
    let open = channel.tags.iter().filter(|(_, window_s)| now < last.plus_seconds(**window_s));
    ways.extend(open.map(|(tag, _)| format!("mark it with the tag {tag}, if that is what it is for")));
    ways.push("wait for the customer".to_owned());
    ways.join(", or ")
}

impl Found<'_> {
    fn judged(&self) -> fit::File<'_> {
        match self {
            Self::New(_, media_type, content) => fit::File { media_type, bytes: content.len() as u64 },
            Self::Present(file) => fit::File { media_type: &file.media_type, bytes: file.bytes },
        }
    }
}

fn another_customer() -> Error {
    let message = "the case became another customer's at the same time; try again".into();
    Error::Aborted { reason: "CONTENTION", message }
}
