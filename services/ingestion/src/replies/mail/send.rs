//! A part of a delivery as a mail: what it says, where it belongs, and what came of it.

use std::sync::Arc;

use domain::{
    actor::Kind,
    delivery::{Action, Delivery, Event, External, Failure, Outcome, Part, Rejection, Request},
    ids::IdempotencyKey,
    message::{Attachment, Content},
    outbound::Form,
    personal::Personal,
};
use eventlog::StreamId;
use futures_util::TryStreamExt;
use lettre::Address;
use service::Error;

use super::{
    compose::{self, File, Letter},
    settings::{Server, Settings},
    smtp::{self, Carried},
};
use crate::{
    channels::speak::Unsayable,
    content::RAW_NAME,
    identity::Names,
    mail::{parse, token},
    postbox,
    replies::{Replies, Way, drive::Voice},
};

/// The files of one mail together, in bytes: most servers take mails of 25 MB, and base64 makes four bytes of three.
const FILES_BYTES_MAX: u64 = 18 * 1024 * 1024;

/// What a mail is about.
struct Asked {
    request: Box<Request>,
    /// Whether no person wrote the reply.
    automatic: bool,
}

/// A mail that can leave.
struct Ready {
    server: Server,
    from: Address,
    to: Address,
    mail: Vec<u8>,
    /// What it is called once a server has it.
    external: External,
}

/// Why one cannot.
enum Unready {
    Later,
    Never(Rejection),
    Broken(Error),
}

impl From<Error> for Unready {
    fn from(error: Error) -> Self {
        Self::Broken(error)
    }
}

/// A mail of which nobody knows whether a server took it.
pub(in crate::replies) struct Doubtful {
    pub(in crate::replies) part: u16,
    pub(in crate::replies) attempt: u32,
    pub(in crate::replies) external: External,
}

/// Where in its thread the answered mail stands.
#[derive(Default)]
struct Thread {
    answers: Option<String>,
    references: Vec<String>,
    /// How the customer calls himself.
    name: Option<String>,
}

impl Replies {
    /// Sends a part as a mail; what is to be kept of it.
    pub(in crate::replies) async fn mail(
        &self,
        stream: &StreamId,
        delivery: &Delivery,
        voice: &Voice,
        (part, attempt, key): (u16, u32, IdempotencyKey),
    ) -> Action {
        let failed = |reason, code| Action::ReportFailed { part, attempt, reason, code, retry_at: None };
        let rejected = |reason, code| Action::ReportRejected { part, attempt, reason, code };
        let ready = match self.ready(stream, delivery, voice, (part, key)).await {
            Ok(ready) => ready,
            Err(Unready::Later) => return failed(Failure::Other, None),
            Err(Unready::Never(reason)) => return rejected(reason, None),
            // Nothing has left us yet: whatever it is, it is tried again.
            Err(Unready::Broken(error)) => {
                tracing::warn!(%error, account = %voice.account.id, "a mail cannot be made");
                return failed(Failure::Other, None);
            }
        };
        let Ready { server, from, to, mail, external } = ready;
        voice.left.begins();
        match smtp::carry(&server, (&from, &to), &mail, voice.call_time).await {
            Carried::Taken => Action::ReportSent { part, attempt, external: Some(external) },
            Carried::Later(reason, code) => failed(reason, code),
            Carried::Never(reason, code) => rejected(reason, code),
            Carried::Unclear(reason) => Action::ReportUnclear { part, attempt, reason },
        }
    }

    /// All that is needed to send a part.
    async fn ready(
        &self,
        stream: &StreamId,
        delivery: &Delivery,
        voice: &Voice,
        (part, key): (u16, IdempotencyKey),
    ) -> Result<Ready, Unready> {
        let settings = Settings::of(&voice.config).map_err(|error| {
            tracing::warn!(%error, account = %voice.account.id, "a mail cannot be sent");
            match error {
                // Policy names it, and it may be readable again in a moment.
                Unsayable::Secret(_) => Unready::Later,
                Unsayable::NoSetting(_) | Unsayable::Unsupported(_) | Unsayable::File(_) => {
                    Unready::Never(Rejection::Authentication)
                }
            }
        })?;
        let signers = settings.signers(&voice.config).map_err(|error| {
            tracing::warn!(%error, account = %voice.account.id, "a mail cannot be signed");
            Unready::Later
        })?;
        let Asked { request, automatic } =
            self.asked(stream).await?.ok_or(Unready::Never(Rejection::Malformed))?;
        let said = usize::from(part).checked_sub(1).and_then(|index| request.parts.get(index));
        let (Some(said), Form::Free | Form::Tag { .. }) = (said, &request.form) else {
            return Err(Unready::Never(Rejection::Unsupported));
        };
        let text = said.text.as_ref().and_then(Personal::as_open).unwrap_or_default();
        if !voice.holds(text) {
            return Err(Unready::Never(Rejection::TooLong));
        }
        let thread = self.thread(&request).await?;
        let to = request.contact.as_ref().and_then(Personal::as_open).unwrap_or_default();
        let to = compose::mailbox(thread.name.as_deref(), to);
        let to = to.ok_or(Unready::Never(Rejection::InvalidRecipient))?;
        let files = self.attached(said).await?.ok_or(Unready::Never(Rejection::AttachmentRefused))?;
        let message_id = self.message_id(&settings, delivery, key)?;
        let reply_to = self.reply_to(&settings, delivery)?;
        let (from, recipient) = (settings.from.email.clone(), to.email.clone());
        let now = self.shell.clock.now();
        let letter = Letter {
            from: settings.from,
            to,
            reply_to,
            subject: request.subject.as_ref().and_then(Personal::as_open),
            text,
            files,
            message_id: &message_id,
            answers: thread.answers.as_deref(),
            references: &thread.references,
            marker: &postbox::marker(&self.shell.vault),
            automatic,
            at: now,
        };
        let mail = compose::compose(letter).map_err(|_| Unready::Never(Rejection::Malformed))?;
        let mut fields = String::new();
        for signer in &signers {
            let field = signer.field(&mail, now.as_microsecond().div_euclid(1_000_000));
            fields.push_str(&field.map_err(|_| Unready::Later)?);
        }
        let mail = [fields.as_bytes(), &mail].concat();
        let external = self.known_as(voice, said, &message_id)?;
        Ok(Ready { server: settings.server, from, to: recipient, mail, external })
    }

    /// The mails of a delivery of which nobody knows whether a server took them, and what they are called if one did.
    pub(in crate::replies) fn doubtful(
        &self,
        delivery: &Delivery,
        voice: &Voice,
    ) -> Result<Vec<Doubtful>, Error> {
        let (Way::Mail, Ok(settings)) = (voice.way, Settings::of(&voice.config)) else {
            return Ok(Vec::new());
        };
        let mut doubtful = Vec::new();
        let parts = (1..).zip(delivery.parts.iter().zip(&delivery.request.parts));
        for (part, (state, said)) in parts.filter(|(_, (state, _))| state.progress.is_none()) {
            for (attempt, made) in (1..).zip(&state.attempts) {
                if matches!(made.outcome, Outcome::Unclear(_)) {
                    let message_id = self.message_id(&settings, delivery, made.key)?;
                    let external = self.known_as(voice, said, &message_id)?;
                    doubtful.push(Doubtful { part, attempt, external });
                }
            }
        }
        Ok(doubtful)
    }

    /// The Message-ID of a part, without brackets: the same at each attempt.
    fn message_id(
        &self,
        settings: &Settings,
        delivery: &Delivery,
        key: IdempotencyKey,
    ) -> Result<String, Error> {
        Ok(token::message_id(&self.token(delivery)?, key.0, &settings.from.email.domain().to_lowercase()))
    }

    /// The address of answers, if there is room for a token in it.
    fn reply_to(&self, settings: &Settings, delivery: &Delivery) -> Result<Option<Address>, Error> {
        let from: &str = settings.from.email.as_ref();
        let address = token::address(from, &self.token(delivery)?).ok().filter(|_| settings.plus_address);
        Ok(address.and_then(|address| address.parse().ok()))
    }

    /// What names the conversation to whoever answers.
    fn token(&self, delivery: &Delivery) -> Result<String, Error> {
        let secret = postbox::secret(&self.shell.vault)?;
        let what = token::What::Conversation(delivery.request.conversation);
        Ok(token::sign(&secret, &delivery.request.account, what))
    }

    fn known_as(&self, voice: &Voice, said: &Part, message_id: &str) -> Result<External, Error> {
        let subject = said.text.as_ref().or(said.attachments.first().map(|file| &file.name));
        let subject = subject.map_or_else(|| Arc::from(""), |personal| Arc::clone(&personal.subject));
        let hash = Names::new(&self.shell.vault, &voice.account).root(message_id);
        let hash = hash.map_err(|error| Error::Internal(error.to_string()))?;
        Ok(External { hash, id: Personal::open(subject, message_id) })
    }

    /// What is to be sent, in plain text.
    async fn asked(&self, stream: &StreamId) -> Result<Option<Asked>, Error> {
        let mut entries = self.shell.log.read(stream);
        while let Some(entry) = entries.try_next().await? {
            let (_, events) = self.opened::<Event>(&entry).await?;
            for event in events {
                if let Event::Queued { by, request, .. } = event {
                    let automatic = match by.kind {
                        Kind::Rule | Kind::Bot | Kind::Service => true,
                        Kind::Human | Kind::Customer | Kind::Import => false,
                    };
                    return Ok(Some(Asked { request, automatic }));
                }
            }
        }
        Ok(None)
    }

    /// Where in its thread the answered mail stands: as it says itself, if it is kept as it came.
    async fn thread(&self, request: &Request) -> Result<Thread, Error> {
        let answers = request.thread.as_ref().and_then(Personal::as_open).map(str::to_owned);
        let content = match &request.in_reply_to {
            Some(message) => self.content(message).await?,
            None => None,
        };
        let Some(content) = content else { return Ok(Thread { answers, ..Thread::default() }) };
        let name = content.author_name.as_ref().and_then(Personal::as_open).map(str::to_owned);
        // Without it the mail names its parent, and not those before.
        let raw = match raw(&content) {
            Some(raw) => self.bytes(raw).await.unwrap_or_default(),
            None => None,
        };
        let links = raw.and_then(|raw| parse::links(&raw)).unwrap_or_default();
        let references = if links.references.is_empty() { links.in_reply_to } else { links.references };
        Ok(Thread { answers, references, name })
    }

    /// The files of a part. `None`: they are more than a mail holds, or one of them is not there.
    async fn attached(&self, said: &Part) -> Result<Option<Vec<File>>, Error> {
        if said.attachments.iter().map(|file| file.bytes).sum::<u64>() > FILES_BYTES_MAX {
            return Ok(None);
        }
        let mut files = Vec::with_capacity(said.attachments.len());
        let mut left = FILES_BYTES_MAX;
        for file in &said.attachments {
            let Some(content) = self.bytes(file).await? else { return Ok(None) };
            let Some(rest) = left.checked_sub(content.len() as u64) else { return Ok(None) };
            left = rest;
            files.push(File {
                name: file.name.as_open().unwrap_or_default().to_owned(),
                media_type: file.media_type.to_string(),
                content,
            });
        }
        Ok(Some(files))
    }

    /// What a file holds. `None`: it is not here, or was erased.
    async fn bytes(&self, file: &Attachment) -> Result<Option<Vec<u8>>, Error> {
        let Some(blob) = &file.blob else { return Ok(None) };
        let blob = self.shell.blobs.at(&file.name.subject, blob.as_str());
        let blob = blob.map_err(|error| Error::Internal(error.to_string()))?;
        let bytes = self.shell.blobs.get(&blob).await.map_err(crate::take::vault_error)?;
        Ok(bytes.map(Into::into))
    }
}

/// The mail as it came, among the files of a message.
fn raw(content: &Content) -> Option<&Attachment> {
    let is_raw = |file: &&Attachment| file.name.as_open() == Some(RAW_NAME);
    content.attachments.iter().rev().find(is_raw)
}
