//! One call for a part of a delivery: what is said, and what came of it.

use domain::{
    delivery::{Action, Answer, Delivery, External, Failure, Outcome, Rejection, Rules, Unclarity},
    ids::{IdempotencyKey, KeyedHash, MessageId},
    message,
    personal::Personal,
};
use eventlog::StreamId;
use service::Error;

use super::{
    Replies, Way,
    drive::Voice,
    http,
    in_time::{Left, in_time},
    queue::named,
    words::Words,
};
use crate::{
    channels::speak::{Answered, File, Outgoing, Speaker, Told, Unsayable},
    chat,
    identity::Names,
};

impl Replies {
    /// Sends a part; what is to be kept of it. There is always something, and in time: the attempt stands in the log.
    pub(super) async fn send(
        &self,
        stream: &StreamId,
        delivery: &Delivery,
        voice: &mut Voice,
        (part, attempt, key): (u16, u32, IdempotencyKey),
    ) -> Action {
        // What left us before was another attempt.
        voice.left = Left::default();
        let (lost_after_s, left) = (voice.rules.attempt_timeout_s, voice.left.clone());
        let sending = self.say_with_access(stream, delivery, voice, (part, attempt, key));
        in_time(lost_after_s, left, (part, attempt), sending).await
    }

    /// Sends a part, once more if the access token ended.
    async fn say_with_access(
        &self,
        stream: &StreamId,
        delivery: &Delivery,
        voice: &mut Voice,
        named: (u16, u32, IdempotencyKey),
    ) -> Action {
        let said = self.say(stream, delivery, voice, named).await;
        let refused = matches!(said, Action::ReportRejected { reason: Rejection::Authentication, .. });
        // The platform took nothing, and the access token may have ended before its time.
        if !refused || !self.secrets.renew(&mut voice.config) {
            return said;
        }
        voice.left.was_refused();
        let now = self.shell.clock.now();
        match self.secrets.fill(voice.way.connector(), &mut voice.config, now).await {
            Ok(()) => self.say(stream, delivery, voice, named).await,
            Err(error) => {
                tracing::warn!(account = %voice.account.id, %error, "an access token ended, and there is no other");
                said
            }
        }
    }

    /// Sends a part with what there is.
    async fn say(
        &self,
        stream: &StreamId,
        delivery: &Delivery,
        voice: &Voice,
        (part, attempt, key): (u16, u32, IdempotencyKey),
    ) -> Action {
        let named = (part, attempt, key);
        if let Way::Mail = voice.way {
            return self.mail(stream, delivery, voice, named).await;
        }
        // Nothing has left us yet: what is away now may be there in a moment.
        let unread = |error: Error| {
            tracing::warn!(%error, account = %voice.account.id, "a reply cannot be read");
            not_now(part, attempt, Failure::Other)
        };
        let mut words = match self.words(stream, part).await {
            Ok(Some(words)) => words,
            Ok(None) => return rejected(part, attempt, Rejection::Malformed, None),
            Err(error) => return unread(error),
        };
        if !voice.holds(words.text()) {
            return rejected(part, attempt, Rejection::TooLong, None);
        }
        let Way::Http(speaker) = voice.way else {
            return self.show(delivery, voice, &words, (part, attempt)).unwrap_or_else(unread);
        };
        match self.fetch(&mut words).await {
            Ok(true) => self.call(delivery, voice, speaker, words, named).await,
            Ok(false) => rejected(part, attempt, Rejection::AttachmentRefused, None),
            Err(error) => unread(error),
        }
    }

    /// Puts a part before a visitor of a web chat: with this in the log he sees it, now or when he comes back.
    fn show(
        &self,
        delivery: &Delivery,
        voice: &Voice,
        words: &Words,
        (part, attempt): (u16, u32),
    ) -> Result<Action, Error> {
        if !chat::can_look(&words.to) {
            return Ok(rejected(part, attempt, Rejection::InvalidRecipient, None));
        }
        let said = delivery.request.parts.get(usize::from(part).saturating_sub(1));
        if said.is_some_and(|said| !said.attachments.is_empty()) {
            return Ok(rejected(part, attempt, Rejection::AttachmentRefused, None));
        }
        let line = chat::protocol::line_of(delivery.request.reply, part);
        let external = Some(self.external(voice, words, &line)?);
        Ok(Action::ReportSent { part, attempt, external })
    }

    /// Sends a part by calling the platform's API.
    async fn call(
        &self,
        delivery: &Delivery,
        voice: &Voice,
        speaker: &dyn Speaker,
        mut words: Words,
        (part, attempt, key): (u16, u32, IdempotencyKey),
    ) -> Action {
        let key = key.to_string();
        if let Err(action) = self.bring(delivery, voice, speaker, &mut words, (part, attempt, &key)).await {
            return action;
        }
        let outgoing = words.outgoing(delivery, &key, self.shell.clock.now());
        let call = match speaker.say(&outgoing, &voice.config) {
            Ok(call) => call,
            Err(error) => {
                return unsayable(speaker, &error, part, attempt);
            }
        };
        voice.left.begins();
        let answer = match self.http.call(call, voice.call_time, voice.is_private()).await {
            Ok(answer) => answer,
            Err(none) => return without_answer(voice, part, attempt, none),
        };
        let now = self.shell.clock.now();
        match speaker.answered(answer.status, &answer.headers, &answer.body) {
            Answered::Sent { external_id } => {
                let external_id = external_id.or_else(|| speaker.named(&outgoing));
                // It has it, whatever we can make of the name that it gave.
                let external = external_id.and_then(|id| {
                    let named = self.external(voice, &words, &id);
                    let error = |error: &Error| tracing::warn!(%error, "what a platform took has no name");
                    named.inspect_err(error).ok()
                });
                Action::ReportSent { part, attempt, external }
            }
            Answered::Later { reason, after_s } => {
                let after = after_s.and_then(|after_s| i64::try_from(after_s).ok());
                let retry_at = after.map(|after| now.plus_seconds(after));
                Action::ReportFailed { part, attempt, reason, code: None, retry_at }
            }
            Answered::Never { reason, code } => {
                rejected(part, attempt, words.blamed(reason), code.as_deref())
            }
            Answered::Unclear if answer.status.is_server_error() => {
                Action::ReportUnclear { part, attempt, reason: Unclarity::ServerFailed }
            }
            Answered::Unclear => Action::ReportUnclear { part, attempt, reason: Unclarity::AnswerUnreadable },
        }
    }

    /// Brings the files of a part to the platform, where it wants them before the message. Nobody sees anything of it, so that a
    /// doubt is none: it is done again. What is to be kept, if it does not go on.
    async fn bring(
        &self,
        delivery: &Delivery,
        voice: &Voice,
        speaker: &dyn Speaker,
        words: &mut Words,
        (part, attempt, key): (u16, u32, &str),
    ) -> Result<(), Action> {
        for at in 0..words.files.len() {
            let outgoing = words.outgoing(delivery, key, self.shell.clock.now());
            let Some(file) = words.files.get(at) else { break };
            let Some(call) = speaker.upload(&outgoing, file, &voice.config) else { continue };
            let call = call.map_err(|error| unsayable(speaker, &error, part, attempt))?;
            let answer =
                self.http.call(call, voice.call_time, voice.is_private()).await.map_err(
                    |none| match none {
                        http::None::Impossible => rejected(part, attempt, Rejection::Malformed, None),
                        http::None::Plain => not_secret(voice, part, attempt),
                        http::None::NotConnected => not_now(part, attempt, Failure::NotConnected),
                        http::None::TimedOut => not_now(part, attempt, Failure::TimeoutBeforeAccept),
                        http::None::Dropped | http::None::Unreadable => {
                            not_now(part, attempt, Failure::Unavailable)
                        }
                    },
                )?;
            let id = speaker.uploaded(answer.status, &answer.headers, &answer.body);
            let id = id.map_err(|answered| match answered {
                Answered::Never { reason, code } => {
                    rejected(part, attempt, words.blamed(reason), code.as_deref())
                }
                Answered::Later { reason, after_s } => {
                    let after = after_s.and_then(|after_s| i64::try_from(after_s).ok());
                    let retry_at = after.map(|after| self.shell.clock.now().plus_seconds(after));
                    Action::ReportFailed { part, attempt, reason, code: None, retry_at }
                }
                Answered::Unclear | Answered::Sent { .. } => not_now(part, attempt, Failure::Unavailable),
            })?;
            if let Some(file) = words.files.get_mut(at) {
                file.uploaded = Some(id);
            }
        }
        Ok(())
    }

    /// Reads the files of a part. No: there is one of which nothing is left.
    async fn fetch(&self, words: &mut Words) -> Result<bool, Error> {
        let blobs = &self.shell.blobs;
        for (attachment, name) in std::mem::take(&mut words.attached) {
            let Some(pointer) = &attachment.blob else { return Ok(false) };
            let subject = &attachment.name.subject;
            let blob = blobs.at(subject, pointer.as_str());
            let blob = blob.map_err(|error| Error::Internal(error.to_string()))?;
            let found = blobs.get(&blob).await.map_err(crate::take::vault_error)?;
            let Some(content) = found else { return Ok(false) };
            let media_type = attachment.media_type.to_string();
            words.files.push(File { name, media_type, content, uploaded: None });
        }
        Ok(true)
    }

    /// Asks the platform whether it has a part.
    pub(super) async fn ask(
        &self,
        stream: &StreamId,
        delivery: &Delivery,
        voice: &mut Voice,
        (part, attempt, ask, key): (u16, u32, u32, IdempotencyKey),
        rules: &Rules,
    ) -> Result<Answer, Error> {
        let nothing = Answer::Nothing { ask };
        let Some(words) = self.words(stream, part).await? else { return Ok(nothing) };
        let Way::Http(speaker) = voice.way else { return Ok(nothing) };
        let key = key.to_string();
        let outgoing = words.outgoing(delivery, &key, self.shell.clock.now());
        let Some(mut answer) = self.look(speaker, &outgoing, voice).await else { return Ok(nothing) };
        if answer.status == ::http::StatusCode::UNAUTHORIZED && self.secrets.renew(&mut voice.config) {
            let (connector, now) = (voice.way.connector(), self.shell.clock.now());
            if self.secrets.fill(connector, &mut voice.config, now).await.is_err() {
                return Ok(nothing);
            }
            let Some(again) = self.look(speaker, &outgoing, voice).await else { return Ok(nothing) };
            answer = again;
        }
        let unclear = delivery.part(part).and_then(|part| part.attempt(attempt)).map(|made| &made.outcome);
        Ok(match speaker.told(&outgoing, answer.status, &answer.body) {
            Told::Has { external_id } => {
                let external = external_id.map(|id| self.external(voice, &words, &id)).transpose()?;
                match &external {
                    Some(found) if self.is_of_another(delivery, part, &found.hash).await? => nothing,
                    Some(_) | None => Answer::Has { external },
                }
            }
            Told::HasNot => match unclear {
                Some(Outcome::Unclear(unclear)) => unclear.not_shown(ask, self.shell.clock.now(), rules),
                Some(_) | None => nothing,
            },
            Told::Nothing => nothing,
        })
    }

    async fn look(
        &self,
        speaker: &dyn Speaker,
        outgoing: &Outgoing<'_>,
        voice: &Voice,
    ) -> Option<http::Answer> {
        let call = speaker.ask(outgoing, &voice.config)?.ok()?;
        self.http.call(call, voice.call_time, voice.is_private()).await.ok()
    }

    /// Whether what a platform has is another reply, or another part of this one, with the same words.
    async fn is_of_another(&self, delivery: &Delivery, part: u16, hash: &KeyedHash) -> Result<bool, Error> {
        let others = (1..).zip(&delivery.parts).filter(|(number, _)| *number != part);
        if others.flat_map(|(_, other)| other.externals()).any(|other| other == hash) {
            return Ok(true);
        }
        let message = named("message", &MessageId::of(&delivery.request.account, hash))?;
        let known = self.messages.load::<message::Error>(&message).await?;
        Ok(known.state.reply().is_some_and(|reply| reply != delivery.request.reply))
    }

    pub(super) fn external(&self, voice: &Voice, words: &Words, id: &str) -> Result<External, Error> {
        let names = Names::new(&self.shell.vault, &voice.account);
        let hash: KeyedHash = names.root(id).map_err(|error| Error::Internal(error.to_string()))?;
        Ok(External { hash, id: Personal::open(words.subject.as_str(), id) })
    }

    /// What a part says, in plain text. Nothing: nobody can read it any more.
    pub(super) async fn words(&self, stream: &StreamId, part: u16) -> Result<Option<Words>, Error> {
        use futures_util::TryStreamExt;
        let mut entries = self.shell.log.read(stream);
        while let Some(entry) = entries.try_next().await? {
            let (_, events) = self.opened::<domain::delivery::Event>(&entry).await?;
            for event in events {
                if let domain::delivery::Event::Queued { request, .. } = event {
                    return Ok(Words::of(&request, part));
                }
            }
        }
        Ok(None)
    }
}

/// Why a message cannot be made into a call, as it is kept. Nothing has left us.
fn unsayable(speaker: &dyn Speaker, error: &Unsayable, part: u16, attempt: u32) -> Action {
    tracing::warn!(%error, connector = speaker.name(), "a reply cannot be said");
    let reason = match error {
        Unsayable::Unsupported(_) => Rejection::Unsupported,
        Unsayable::File(_) => Rejection::AttachmentRefused,
        Unsayable::NoSetting(_) => Rejection::Authentication,
        // Policy names it, and it may be readable again in a moment.
        Unsayable::Secret(_) => return not_now(part, attempt, Failure::Other),
    };
    rejected(part, attempt, reason, None)
}

fn not_now(part: u16, attempt: u32, reason: Failure) -> Action {
    Action::ReportFailed { part, attempt, reason, code: None, retry_at: None }
}

fn rejected(part: u16, attempt: u32, reason: Rejection, code: Option<&str>) -> Action {
    let code = code.and_then(|code| domain::ids::ReasonCode::new(&code.to_lowercase()).ok());
    Action::ReportRejected { part, attempt, reason, code }
}

fn without_answer(voice: &Voice, part: u16, attempt: u32, none: http::None) -> Action {
    let unclear = |reason| Action::ReportUnclear { part, attempt, reason };
    match none {
        http::None::NotConnected => not_now(part, attempt, Failure::NotConnected),
        http::None::TimedOut => unclear(Unclarity::TimedOut),
        http::None::Dropped => unclear(Unclarity::ConnectionDropped),
        http::None::Unreadable => unclear(Unclarity::AnswerUnreadable),
        http::None::Impossible => rejected(part, attempt, Rejection::Malformed, None),
        http::None::Plain => not_secret(voice, part, attempt),
    }
}

/// Nothing has left us, nor will it before policy is another one.
fn not_secret(voice: &Voice, part: u16, attempt: u32) -> Action {
    let account = &voice.account.id;
    tracing::warn!(%account, "setting base_url: the address is not https: allow it with `private_addresses`");
    rejected(part, attempt, Rejection::BaseUrlNotHttps, None)
}
