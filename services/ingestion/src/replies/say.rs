//! One call for a part of a delivery: what is said, and what came of it.

use domain::{
    delivery::{Action, Answer, Delivery, External, Failure, Rejection, Unclarity},
    ids::{IdempotencyKey, KeyedHash},
    outbound::Form,
    personal::Personal,
    time::Timestamp,
};
use eventlog::StreamId;
use service::Error;

use super::{Replies, Way, drive::Voice, http};
use crate::{
    channels::speak::{Answered, Outgoing, Speaker, Told, Unsayable},
    identity::Names,
};

impl Replies {
    /// Sends a part; what is to be kept of it.
    pub(super) async fn send(
        &self,
        stream: &StreamId,
        delivery: &Delivery,
        voice: &Voice,
        (part, attempt, key): (u16, u32, IdempotencyKey),
    ) -> Result<Action, Error> {
        let Some(words) = self.words(stream, part).await? else {
            return Ok(rejected(part, attempt, Rejection::Malformed, None));
        };
        match voice.way {
            Way::Http(speaker) => self.call(delivery, voice, speaker, &words, (part, attempt, key)).await,
        }
    }

    /// Sends a part by calling the platform's API.
    async fn call(
        &self,
        delivery: &Delivery,
        voice: &Voice,
        speaker: &dyn Speaker,
        words: &Words,
        (part, attempt, key): (u16, u32, IdempotencyKey),
    ) -> Result<Action, Error> {
        let key = key.to_string();
        let outgoing = words.outgoing(delivery, &key, self.shell.clock.now());
        let call = match speaker.say(&outgoing, &voice.config) {
            Ok(call) => call,
            Err(error) => {
                tracing::warn!(%error, connector = speaker.name(), "a reply cannot be said");
                let reason = match error {
                    Unsayable::Unsupported(_) => Rejection::Unsupported,
                    Unsayable::NoSetting(_) => Rejection::Authentication,
                    // Policy names it, and it may be readable again in a moment: nothing has left us.
                    Unsayable::Secret(_) => return Ok(not_now(part, attempt, Failure::Other)),
                };
                return Ok(rejected(part, attempt, reason, None));
            }
        };
        let answer = match self.http.call(call, voice.call_time).await {
            Ok(answer) => answer,
            Err(none) => return Ok(without_answer(part, attempt, none)),
        };
        let now = self.shell.clock.now();
        Ok(match speaker.answered(answer.status, &answer.headers, &answer.body) {
            Answered::Sent { external_id } => {
                let external_id = external_id.or_else(|| speaker.named(&outgoing));
                let external = external_id.map(|id| self.external(voice, words, &id)).transpose()?;
                Action::ReportSent { part, attempt, external }
            }
            Answered::Later { reason, after_s } => {
                let after = after_s.and_then(|after_s| i64::try_from(after_s).ok());
                let retry_at = after.map(|after| now.plus_seconds(after));
                Action::ReportFailed { part, attempt, reason, code: None, retry_at }
            }
            Answered::Never { reason, code } => rejected(part, attempt, reason, code.as_deref()),
            Answered::Unclear if answer.status.is_server_error() => {
                Action::ReportUnclear { part, attempt, reason: Unclarity::ServerFailed }
            }
            Answered::Unclear => Action::ReportUnclear { part, attempt, reason: Unclarity::AnswerUnreadable },
        })
    }

    /// Asks the platform whether it has a part.
    pub(super) async fn ask(
        &self,
        stream: &StreamId,
        delivery: &Delivery,
        voice: &Voice,
        (part, ask, key): (u16, u32, IdempotencyKey),
    ) -> Result<Answer, Error> {
        let nothing = Answer::Nothing { ask };
        let Some(words) = self.words(stream, part).await? else { return Ok(nothing) };
        let Way::Http(speaker) = voice.way;
        let key = key.to_string();
        let outgoing = words.outgoing(delivery, &key, self.shell.clock.now());
        let Some(Ok(call)) = speaker.ask(&outgoing, &voice.config) else { return Ok(nothing) };
        let Ok(answer) = self.http.call(call, voice.call_time).await else { return Ok(nothing) };
        Ok(match speaker.told(&outgoing, answer.status, &answer.body) {
            Told::Has { external_id } => {
                let external = external_id.map(|id| self.external(voice, &words, &id)).transpose()?;
                Answer::Has { external }
            }
            Told::HasNot => Answer::HasNot,
            Told::Nothing => nothing,
        })
    }

    fn external(&self, voice: &Voice, words: &Words, id: &str) -> Result<External, Error> {
        let names = Names::new(&self.shell.vault, &voice.account);
        let hash: KeyedHash = names.root(id).map_err(|error| Error::Internal(error.to_string()))?;
        Ok(External { hash, id: Personal::open(words.subject.as_str(), id) })
    }

    /// What a part says, in plain text. Nothing: nobody can read it any more.
    async fn words(&self, stream: &StreamId, part: u16) -> Result<Option<Words>, Error> {
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

/// One part in plain text.
struct Words {
    /// Under whose key it is sealed.
    subject: String,
    to: String,
    text: String,
    title: Option<String>,
    thread: Option<String>,
}

impl Words {
    fn of(request: &domain::delivery::Request, part: u16) -> Option<Self> {
        let part = request.parts.get(usize::from(part).checked_sub(1)?)?;
        let text = part.text.as_ref()?;
        let open = |value: &Option<Personal>| value.as_ref().and_then(Personal::as_open).map(str::to_owned);
        Some(Self {
            subject: text.subject.to_string(),
            to: open(&request.contact).unwrap_or_default(),
            text: text.as_open()?.to_owned(),
            title: open(&request.subject),
            thread: open(&request.thread),
        })
    }

    fn outgoing<'a>(&'a self, delivery: &'a Delivery, key: &'a str, at: Timestamp) -> Outgoing<'a> {
        let (tag, template, language) = match &delivery.request.form {
            Form::Free => (None, None, None),
            Form::Tag { name } => (Some(name.as_str()), None, None),
            Form::Template(template) => {
                let language = template.language.as_ref().map(domain::ids::Language::as_str);
                (None, Some(template.name.as_str()), language)
            }
        };
        Outgoing {
            to: &self.to,
            text: &self.text,
            subject: self.title.as_deref(),
            reply_to: self.thread.as_deref(),
            thread: self.thread.as_deref(),
            public: delivery.request.place.visibility == domain::channel::Visibility::Public,
            tag,
            template,
            language,
            key,
            since: delivery.request.not_before,
            at,
        }
    }
}

fn not_now(part: u16, attempt: u32, reason: Failure) -> Action {
    Action::ReportFailed { part, attempt, reason, code: None, retry_at: None }
}

fn rejected(part: u16, attempt: u32, reason: Rejection, code: Option<&str>) -> Action {
    let code = code.and_then(|code| domain::ids::ReasonCode::new(&code.to_lowercase()).ok());
    Action::ReportRejected { part, attempt, reason, code }
}

fn without_answer(part: u16, attempt: u32, none: http::None) -> Action {
    let unclear = |reason| Action::ReportUnclear { part, attempt, reason };
    match none {
        http::None::NotConnected => not_now(part, attempt, Failure::NotConnected),
        http::None::TimedOut => unclear(Unclarity::TimedOut),
        http::None::Dropped => unclear(Unclarity::ConnectionDropped),
        http::None::Unreadable => unclear(Unclarity::AnswerUnreadable),
        http::None::Impossible => rejected(part, attempt, Rejection::Malformed, None),
    }
}
