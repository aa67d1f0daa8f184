//! What a command means, in every stage. What results and receipts mean is in `results`.

use super::{
    ATTEMPTS_MAX, Command, PARTS_MAX, REPLAYS_MAX,
    actions::Action,
    error::Error,
    event::Event,
    state::{Attempt, Delivery, Outcome, PartState, Stage, State},
    values::{Because, GivenUp, Request},
};
use crate::{
    actor::Actor,
    decider::Decider,
    message::Content,
    outbound::{Form, Refusal, Template},
    time::Timestamp,
};

impl Decider for State {
    const CATEGORY: &'static str = "delivery";
    type Command = Command;
    type Event = Event;
    type Error = Error;

    fn decide(&self, Command { at, by, action }: Command) -> Result<Vec<Event>, Error> {
        let delivery = match (&self.0, action) {
            (None, Action::Queue(request)) => return queue(at, by, request),
            (
                None,
                Action::Cancel
                | Action::Refuse { .. }
                | Action::StartAttempt { .. }
                | Action::ReportSent { .. }
                | Action::ReportFailed { .. }
                | Action::ReportRejected { .. }
                | Action::ReportUnclear { .. }
                | Action::Clarify { .. }
                | Action::Resend { .. }
                | Action::GiveUp { .. }
                | Action::Replay { .. }
                | Action::TakeReceipt { .. },
            ) => return Err(Error::Unknown),
            (Some(delivery), action) => (delivery, action),
        };
        match delivery {
            // Sealed text cannot be compared: the reply's id says that it is the same.
            (known, Action::Queue(request)) if known.request.reply == request.reply => Ok(Vec::new()),
            (_, Action::Queue(_)) => Err(Error::AnotherReply),
            (known, Action::Cancel) => known.cancel(at, by),
            (known, Action::Refuse { round, refusal }) => known.refuse(at, round, refusal),
            (known, Action::StartAttempt { part, attempt, resend }) => {
                known.start_attempt(at, by, part, attempt, resend)
            }
            (known, Action::ReportSent { part, attempt, external }) => {
                known.sent(at, part, attempt, external)
            }
            (known, Action::ReportFailed { part, attempt, reason, code, retry_at }) => {
                known.failed(at, part, attempt, reason, code, retry_at)
            }
            (known, Action::ReportRejected { part, attempt, reason, code }) => {
                known.rejected(at, part, attempt, reason, code)
            }
            (known, Action::ReportUnclear { part, attempt, reason }) => {
                known.outcome_unclear(at, part, attempt, reason)
            }
            (known, Action::Clarify { part, attempt, answer }) => {
                known.clarify(at, by, part, attempt, answer)
            }
            (known, Action::Resend { part, attempt }) => known.resend(at, by, part, attempt),
            (known, Action::GiveUp { round, reason }) => known.give_up(at, by, round, reason),
            (known, Action::Replay { round }) => known.replay(at, by, round),
            (known, Action::TakeReceipt { external, receipt }) => known.receipt(at, &external, receipt),
        }
    }

    fn evolve(self, event: &Event) -> Self {
        self.after(event)
    }
}

fn queue(at: Timestamp, by: Actor, request: Box<Request>) -> Result<Vec<Event>, Error> {
    let fits = |what, count, max| if count <= max { Ok(()) } else { Err(Error::LimitExceeded { what, max }) };
    fits("parts of a reply", request.parts.len(), PARTS_MAX)?;
    let has_template = match &request.form {
        Form::Free | Form::Tag { .. } => false,
        Form::Template(template) => {
            fits("parameters of a template", template.values().count(), Template::PARAMETERS_MAX)?;
            true
        }
    };
    for part in &request.parts {
        fits("attachments of a part", part.attachments.len(), Content::ATTACHMENTS_MAX)?;
        if part.text.is_none() && part.attachments.is_empty() && !has_template {
            return Err(Error::Empty);
        }
    }
    if request.parts.is_empty() {
        return Err(Error::Empty);
    }
    let refused =
        request.basis.is_none().then_some(Event::Refused { at, round: 1, refusal: Refusal::NoBasis });
    Ok([Event::Queued { at, by, request }].into_iter().chain(refused).collect())
}

impl Delivery {
    fn cancel(&self, at: Timestamp, by: Actor) -> Result<Vec<Event>, Error> {
        match &self.stage {
            Stage::Cancelled => Ok(Vec::new()),
            Stage::Refused(refusal) => Err(Error::Refused(refusal.clone())),
            Stage::Rejected(_) | Stage::GivenUp(_) => Err(Error::Dead),
            Stage::Active if self.has_begun() => Err(Error::Begun),
            Stage::Active => Ok(vec![Event::Cancelled { at, by }]),
        }
    }

    fn refuse(&self, at: Timestamp, round: u32, refusal: Refusal) -> Result<Vec<Event>, Error> {
        match &self.stage {
            _ if round < self.round => Ok(Vec::new()),
            _ if round > self.round => Err(Error::UnknownRound),
            Stage::Refused(_) => Ok(Vec::new()),
            Stage::Cancelled | Stage::Rejected(_) | Stage::GivenUp(_) | Stage::Active => {
                self.is_idle()?;
                Ok(vec![Event::Refused { at, round, refusal }])
            }
        }
    }

    fn start_attempt(
        &self,
        at: Timestamp,
        by: Actor,
        part: u16,
        attempt: u32,
        resend: Option<Because>,
    ) -> Result<Vec<Event>, Error> {
        let state = self.part(part).ok_or(Error::UnknownPart)?;
        if state.attempt(attempt).is_some() {
            return Ok(Vec::new());
        }
        self.is_idle()?;
        if state.progress.is_some() {
            return Err(Error::AlreadySent);
        }
        let is_next = self.current().is_some_and(|(current, _)| current == part);
        if !is_next || attempt.checked_sub(1) != Some(state.made()) {
            return Err(Error::OutOfOrder);
        }
        if self.request.basis.is_none() {
            return Err(Error::NoBasis);
        }
        let made: usize = self.parts.iter().map(|part| part.attempts.len()).sum();
        if made >= ATTEMPTS_MAX {
            return Err(Error::LimitExceeded { what: "attempts at a reply", max: ATTEMPTS_MAX });
        }
        let not_before = self.request.not_before.max(state.retry_at().unwrap_or(Timestamp::MIN));
        if at < not_before {
            return Err(Error::TooEarly { until: not_before });
        }
        let started = Event::AttemptStarted { at, part, attempt, key: self.key_of(part) };
        // Rejected, and nevertheless not over: there is a doubt, and a person must say what to do about it.
        let last = state.attempts.last().map(|last| &last.outcome);
        if last == Some(&Outcome::Rejected) && state.tries > 0 {
            return Err(Error::OutcomeUnclear);
        }
        match (state.is_blocked(self.round), resend) {
            (false, _) => Ok(vec![started]),
            (true, None) => Err(Error::OutcomeUnclear),
            (true, Some(because)) => {
                let attempt = state.made();
                Ok(vec![Event::ResendChosen { at, by, part, attempt, because }, started])
            }
        }
    }

    fn resend(&self, at: Timestamp, by: Actor, part: u16, attempt: u32) -> Result<Vec<Event>, Error> {
        let state = self.part(part).ok_or(Error::UnknownPart)?;
        self.attempt(part, attempt)?;
        // It was sent again already, or that was chosen.
        let is_chosen = state.tries == 0 && !state.is_blocked(self.round);
        if attempt < state.made() || (state.doubt().is_some() && is_chosen) {
            return Ok(Vec::new());
        }
        if state.progress.is_some() {
            return Err(Error::AlreadySent);
        }
        self.is_idle()?;
        if state.doubt().is_none() {
            return Err(Error::NotUnclear);
        }
        Ok(vec![Event::ResendChosen { at, by, part, attempt, because: Because::Chosen }])
    }

    fn give_up(&self, at: Timestamp, by: Actor, round: u32, reason: GivenUp) -> Result<Vec<Event>, Error> {
        match &self.stage {
            _ if round < self.round => Ok(Vec::new()),
            _ if round > self.round => Err(Error::UnknownRound),
            Stage::GivenUp(_) => Ok(Vec::new()),
            Stage::Cancelled | Stage::Refused(_) | Stage::Rejected(_) | Stage::Active => {
                self.is_idle()?;
                match reason {
                    GivenUp::AttemptsSpent | GivenUp::TimeSpent | GivenUp::Rejected if self.is_unclear() => {
                        Err(Error::OutcomeUnclear)
                    }
                    GivenUp::AttemptsSpent | GivenUp::TimeSpent | GivenUp::Rejected | GivenUp::Abandoned => {
                        Ok(vec![Event::GivenUp { at, by, round, reason }])
                    }
                }
            }
        }
    }

    fn replay(&self, at: Timestamp, by: Actor, round: u32) -> Result<Vec<Event>, Error> {
        match &self.stage {
            _ if round < self.round => Ok(Vec::new()),
            _ if round > self.round => Err(Error::UnknownRound),
            _ if self.is_sent() => Err(Error::AlreadySent),
            Stage::Active => Err(Error::NotDead),
            Stage::Cancelled => Err(Error::Cancelled),
            Stage::Refused(_) | Stage::Rejected(_) | Stage::GivenUp(_) => {
                if self.request.basis.is_none() {
                    return Err(Error::NoBasis);
                }
                if self.round > REPLAYS_MAX {
                    return Err(Error::LimitExceeded { what: "replays", max: REPLAYS_MAX as usize });
                }
                Ok(vec![Event::Replayed { at, by, round: self.round + 1 }])
            }
        }
    }

    /// Whether something may be begun or ended now.
    fn is_idle(&self) -> Result<(), Error> {
        match &self.stage {
            Stage::Cancelled => return Err(Error::Cancelled),
            Stage::Refused(refusal) => return Err(Error::Refused(refusal.clone())),
            Stage::Rejected(_) | Stage::GivenUp(_) if !self.is_sent() => return Err(Error::Dead),
            Stage::Active | Stage::Rejected(_) | Stage::GivenUp(_) => {}
        }
        if self.is_sent() {
            return Err(Error::AlreadySent);
        }
        if self.running().is_some() { Err(Error::Running) } else { Ok(()) }
    }

    pub(super) fn attempt(&self, part: u16, attempt: u32) -> Result<&Attempt, Error> {
        self.part(part).ok_or(Error::UnknownPart)?.attempt(attempt).ok_or(Error::UnknownAttempt)
    }
}

impl PartState {
    /// The earliest that the platform wants to see it again.
    pub(super) fn retry_at(&self) -> Option<Timestamp> {
        match self.attempts.last()?.outcome {
            Outcome::Failed { retry_at, .. } => retry_at,
            Outcome::Running | Outcome::Sent { .. } | Outcome::Rejected | Outcome::Unclear(_) => None,
        }
    }
}
