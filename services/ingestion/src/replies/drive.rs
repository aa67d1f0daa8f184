//! A delivery, from what is known of it to what is next, until nothing is.

use std::{collections::BTreeMap, time::Duration};

use domain::{
    customer::{self, Purpose},
    delivery::{Action, Answer, Delivery, Next, PartState, Request, Rules},
    health::{Cause, Sign},
    ids::{CustomerId, MessageId, derive},
    message,
    outbound::{
        Form, Refusal,
        fit::{self, Misfit},
        length,
        window::can_send,
    },
    policy::{account, channel::Channel},
    time::Timestamp,
};
use eventlog::StreamId;
use service::{Error, reaction, transact::Meta};

use super::{Replies, Way, in_time::Left, outcome, queue::named};
use crate::{
    account::{Account, Via},
    asking::settings::private_addresses,
    channels::{
        self,
        speak::{Files, Promise},
    },
    health::{Pass, Said, Turn, patient},
    secrets::access::NoAccess,
};

/// Steps of one delivery in one go: more would be a fault that repeats itself.
const STEPS_MAX: usize = 1_000;
/// The setting by which an account would rather say something twice than never.
const RESEND_UNCLEAR: &str = "resend_unclear";
/// The setting with the seconds that an answer may take.
const CALL_TIME: &str = "call_time_s";
/// The setting with the seconds after which a platform is first asked what it has.
const ASK_AFTER: &str = "ask_after_s";
/// The setting with the seconds after which it must say again that it has something not.
const ABSENT_AFTER: &str = "absent_after_s";
/// The most of either.
const ASK_AFTER_MAX_S: i64 = 24 * 3_600;
/// After how many seconds more than a call may take an attempt without a result is one whose maker died.
const LOST_AFTER_S: i64 = 20;
/// How long a reply rests when there is no access token for it.
const NO_ACCESS: Duration = Duration::from_secs(5);
/// How long one rests whose turn comes when the process is to end: longer than that takes.
const STOPPING: Duration = Duration::from_secs(60);
/// How long one rests with which somebody else has done something meanwhile.
const OVERTAKEN: Duration = Duration::from_millis(100);
/// How often a platform is asked what it has.
const ASKS_MAX: u32 = 5;

/// What a part is sent with.
pub(super) struct Voice {
    pub(super) account: Account,
    /// What the account is for.
    serves: account::Purpose,
    pub(super) way: Way,
    pub(super) config: channels::Config,
    pub(super) rules: Rules,
    pub(super) channel: Channel,
    /// How long an answer may take.
    pub(super) call_time: Duration,
    /// Whether what is sent may have left us.
    pub(super) left: Left,
}

impl Replies {
    /// Does what is next with a delivery until nothing is, or not yet.
    pub(super) async fn drive(&self, stream: &StreamId) -> Result<(), reaction::Error> {
        // What is known to wait for its account is not even looked at.
        if let Some(time) = self.channels.nap(stream) {
            return Err(reaction::Error::Rest(time));
        }
        for _ in 0..STEPS_MAX {
            match self.step(stream).await.map_err(outcome)? {
                Step::Again => {}
                Step::Done => return Ok(()),
                Step::Rest(time) => return Err(reaction::Error::Rest(time)),
            }
        }
        Err(reaction::Error::Later("a delivery comes to no end".into()))
    }

    async fn step(&self, stream: &StreamId) -> Result<Step, Error> {
        let known = self.deliveries.load::<domain::delivery::Error>(stream).await?;
        let Some(delivery) = known.state.delivery() else { return Ok(Step::Done) };
        let now = self.shell.clock.now();
        let voice = self.voice(delivery);
        let rules = voice.as_ref().map_or_else(Rules::default, |voice| voice.rules);
        let rules = self.channels.excused(delivery, rules);
        let round = delivery.round;
        let done = match known.state.next(now, &rules) {
            Next::Done | Next::Dead | Next::Decide { .. } => {
                self.name(delivery, voice.as_ref()).await?;
                return Ok(Step::Done);
            }
            Next::Wait(until) => return Ok(Step::Rest(between(now, until))),
            Next::Refuse(refusal) => return self.refuse(stream, delivery, refusal).await,
            Next::GiveUp(reason) => {
                self.go_on(stream, &format!("give_up/{round}"), Action::GiveUp { round, reason }).await?
            }
            Next::ReportUnclear { part, attempt, reason } => {
                let action = Action::ReportUnclear { part, attempt, reason };
                self.go_on(stream, &format!("lost/{part}/{attempt}"), action).await?
            }
            Next::Ask { part, attempt, ask, key } => {
                let mut voice = voice;
                let pass = match self.turn(stream, delivery, voice.as_mut()).await? {
                    Ok(pass) => pass,
                    Err(time) => return Ok(Step::Rest(time)),
                };
                let answer = match &mut voice {
                    Some(voice) => {
                        self.ask(stream, delivery, voice, (part, attempt, ask, key), &rules).await?
                    }
                    None => Answer::Nothing { ask },
                };
                let said = Said::of_answer(&answer);
                let action = Action::Clarify { part, attempt, answer };
                let done = self.go_on(stream, &format!("asked/{part}/{attempt}/{ask}"), action).await?;
                pass.ended(said).await?;
                done
            }
            Next::Send { part, attempt, key, resend } => {
                // What policy took from the account meanwhile: there is no way any more on which to send.
                let Some(mut voice) = voice else {
                    return self.refuse(stream, delivery, Refusal::AccountIncomplete).await;
                };
                if let Err(refusal) = self.allowed(delivery, &voice, now).await? {
                    return self.refuse(stream, delivery, refusal).await;
                }
                let pass = match self.turn(stream, delivery, Some(&mut voice)).await? {
                    Ok(pass) => pass,
                    Err(time) => return Ok(Step::Rest(time)),
                };
                let start = Action::StartAttempt { part, attempt, resend };
                let started = self.go_on(stream, &format!("start/{part}/{attempt}"), start).await?;
                // Who left no entry does not send: somebody else does, or did.
                if started.as_ref().is_some_and(|started| started.changed && !started.repeated) {
                    // From here on there is a result, whatever happens: without one nobody would know.
                    let result = self.send(stream, delivery, &mut voice, (part, attempt, key)).await;
                    let (said, result) = (Said::of(&result), patient(result));
                    self.act(stream, &format!("result/{part}/{attempt}"), result).await?;
                    pass.ended(said).await?;
                }
                started
            }
        };
        Ok(Step::after(done.as_ref()))
    }

    /// The right to one call, with an access token where one is needed; or for how long to wait.
    async fn turn(
        &self,
        stream: &StreamId,
        delivery: &Delivery,
        voice: Option<&mut Voice>,
    ) -> Result<Result<Pass, Duration>, Error> {
        // A call that begins now could be cut.
        if self.is_stopping() {
            return Ok(Err(STOPPING));
        }
        let pass = match self.channels.ask(stream, delivery).await? {
            Turn::Go(pass) => pass,
            Turn::Rest(time) => return Ok(Err(time)),
        };
        let Some(voice) = voice else { return Ok(Ok(pass)) };
        let now = self.shell.clock.now();
        let filled = self.secrets.fill(voice.way.connector(), &mut voice.config, now).await;
        let Err(error) = filled else { return Ok(Ok(pass)) };
        // Nothing leaves us without one, and no attempt is counted: the account is in trouble, and not the reply.
        tracing::warn!(account = %voice.account.id, %error, "a reply waits for an access token");
        let cause = match error {
            NoAccess::NoSetting(_) | NoAccess::Refused(_) => Cause::Authentication,
            NoAccess::Failed(_) => Cause::Unreachable,
        };
        pass.ended(Said::Sign(Sign::Failed(cause))).await?;
        Ok(Err(NO_ACCESS))
    }

    async fn refuse(&self, stream: &StreamId, delivery: &Delivery, refusal: Refusal) -> Result<Step, Error> {
        let round = delivery.round;
        let action = Action::Refuse { round, refusal };
        let done = self.go_on(stream, &format!("refuse/{round}"), action).await?;
        Ok(Step::after(done.as_ref()))
    }

    /// With what a delivery is sent. Nothing: its account cannot send any more.
    pub(super) fn voice(&self, delivery: &Delivery) -> Option<Voice> {
        let (Via { settings, secrets, purpose, .. }, way) = self.way(&delivery.request.account)?;
        let (account, channel) = self.accounts.channel(&delivery.request.account)?;
        let promise = way.promise();
        let call_time = way.call_time(settings.get(CALL_TIME).and_then(|text| text.parse().ok()));
        let usual = Rules::default();
        let rules = Rules {
            idempotent_s: (promise == Promise::Key).then(|| way.key_known_s()),
            asks_max: if promise == Promise::Ask { ASKS_MAX } else { 0 },
            attempt_timeout_s: i64::try_from(call_time.as_secs())
                .unwrap_or(i64::MAX)
                .saturating_add(LOST_AFTER_S),
            ask_after_s: seconds(&settings, ASK_AFTER).unwrap_or(usual.ask_after_s),
            absent_after_s: seconds(&settings, ABSENT_AFTER).unwrap_or(usual.absent_after_s),
            resend_unclear: settings.get(RESEND_UNCLEAR).is_some_and(|setting| setting == "true"),
            ..usual
        };
        let config = channels::Config { settings, secrets: self.secrets.of(&secrets) };
        Some(Voice {
            account,
            serves: purpose,
            way,
            config,
            rules,
            channel,
            call_time,
            left: Left::default(),
        })
    }

    /// Whether it may be said now: the reply window, and what the customer wants.
    async fn allowed(
        &self,
        delivery: &Delivery,
        voice: &Voice,
        now: Timestamp,
    ) -> Result<Result<(), Refusal>, Error> {
        let request = &delivery.request;
        let heard = self.heard(request.conversation).await?;
        let last = heard.last(request.identity.as_ref()).map(|(.., at)| *at);
        if let Err(refusal) = can_send(&voice.channel.capability(), last, now, &request.form) {
            return Ok(Err(refusal));
        }
        if let Err(refusal) = takes(voice, request) {
            return Ok(Err(refusal));
        }
        let Some(identity) = &request.identity else { return Ok(Ok(())) };
        let stream = named("customer", &CustomerId::first_met(identity))?;
        let known = self.customers.load::<customer::Error>(&stream).await?;
        if known.state.erased_at.is_some() {
            return Ok(Err(Refusal::Erased));
        }
        let purpose = purpose(voice.serves, &request.form);
        let refused = known.state.is_opted_out(identity, purpose);
        Ok(if refused { Err(Refusal::OptedOut { purpose }) } else { Ok(()) })
    }

    /// The messages that the platform made of the parts are this reply: their echo is no news, and what is told of them is of
    /// this. Done when nothing is next, and not with each result, so that it is done however a process ends.
    async fn name(&self, delivery: &Delivery, voice: Option<&Voice>) -> Result<(), Error> {
        let reply = delivery.request.reply;
        // What a mail is called is known before a server says that it has it: a report of one in doubt proves it.
        let doubtful = voice.map(|voice| self.doubtful(delivery, voice)).transpose()?.unwrap_or_default();
        let doubtful = doubtful.iter().map(|mail| &mail.external.hash);
        for hash in delivery.parts.iter().flat_map(PartState::externals).chain(doubtful) {
            let id = MessageId::of(&delivery.request.account, hash);
            let message = named("message", &id)?;
            let command_id = derive(super::NAMESPACE, &format!("{message}/sent/{reply}"));
            let meta = Meta::new(command_id, "sent", self.actor.clone());
            let make = |_: &_, at| {
                let action = message::Action::Send { reply };
                Ok(vec![message::Command::new(at, self.actor.clone(), action)])
            };
            self.messages.execute::<message::Error>(&message, &meta, make).await?;
        }
        Ok(())
    }
}

/// For what a reply is. A template is sent without being asked: from an account with news that is news. Whoever asks there and is
/// answered in our own words is served.
pub(super) const fn purpose(serves: account::Purpose, form: &Form) -> Purpose {
    match (serves, form) {
        (account::Purpose::Marketing, Form::Template(_)) => Purpose::Marketing,
        (account::Purpose::Marketing, Form::Free | Form::Tag { .. }) | (account::Purpose::Care, _) => {
            Purpose::Service
        }
    }
}

/// Whether the channel, as policy has it now, takes the form and the files. The words are measured when they are read.
fn takes(voice: &Voice, request: &Request) -> Result<(), Refusal> {
    let files = request.parts.iter().flat_map(|part| &part.attachments);
    let files: Vec<_> =
        files.map(|file| fit::File { media_type: &file.media_type, bytes: file.bytes }).collect();
    if !files.is_empty() && voice.way.files() == Files::None {
        return Err(Refusal::AttachmentNotAllowed);
    }
    // A subject that came with what is answered is left out where there are none.
    fit::fits(&voice.channel, &request.form, false, &files).map_err(|misfit| match misfit {
        Misfit::ListenOnly => Refusal::ListenOnly,
        Misfit::Template | Misfit::FilesOfTemplate => Refusal::TemplateNotAllowed,
        Misfit::Tag { .. } => Refusal::TagNotAllowed,
        Misfit::TooLong { .. } | Misfit::Indivisible { .. } => Refusal::TooLong,
        Misfit::Subject
        | Misfit::NoFiles
        | Misfit::FileType { .. }
        | Misfit::FileTooLarge { .. }
        | Misfit::TooManyFiles
        | Misfit::FilesTooLarge => Refusal::AttachmentNotAllowed,
    })
}

fn seconds(settings: &BTreeMap<String, String>, name: &str) -> Option<i64> {
    settings.get(name)?.parse().ok().filter(|seconds| (0..=ASK_AFTER_MAX_S).contains(seconds))
}

impl Voice {
    /// Whether it may be sent in a private network, and without TLS.
    pub(super) fn is_private(&self) -> bool {
        private_addresses(&self.config.settings)
    }

    /// Whether a part is not too long for the channel: policy may have changed since it was cut, and a person may try again what
    /// was refused for that.
    pub(super) fn holds(&self, text: &str) -> bool {
        let max = self.channel.length_max.map_or(usize::MAX, |max| max as usize);
        length::split(text, max, self.channel.length_unit, 1).is_ok()
    }
}

/// What is next.
enum Step {
    Again,
    Done,
    Rest(Duration),
}

impl Step {
    /// What is next after what was to be done: to look again, a little later if somebody else was faster.
    const fn after<T>(done: Option<&T>) -> Self {
        match done {
            Some(_) => Self::Again,
            None => Self::Rest(OVERTAKEN),
        }
    }
}

fn between(now: Timestamp, until: Timestamp) -> Duration {
    let micros = until.as_microsecond().saturating_sub(now.as_microsecond());
    // A little later than asked for is right; a little earlier would be asked again.
    Duration::from_micros(u64::try_from(micros).unwrap_or_default()) + Duration::from_millis(1)
}
