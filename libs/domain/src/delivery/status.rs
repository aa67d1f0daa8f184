//! A delivery in one word, and what its case is told.

use super::{
    state::{Delivery, PartState, Progress, Stage},
    values::Return,
};
use crate::{
    case::ReplyOutcome,
    ids::{KeyedHash, MessageId, ReasonCode},
};

/// A delivery in one word. Of those that were sent, each is more than the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// Nothing was tried yet.
    Queued,
    /// It was tried, and is not all sent.
    Sending,
    /// Nobody knows whether it was sent.
    Unclear,
    /// It was taken back.
    Cancelled,
    /// It was refused before it was sent.
    Refused,
    /// The platform rejected it.
    Rejected,
    /// It was given up.
    GivenUp,
    /// It was sent, and came back.
    Bounced,
    /// It was sent, and could not be delivered.
    Undelivered,
    /// The platform has all of it.
    Sent,
    /// The customer's device has all of it.
    Delivered,
    /// The customer has seen all of it.
    Read,
}

impl Delivery {
    /// The delivery in one word: that of the least of its parts once all are sent, whatever was decided about it before.
    pub fn status(&self) -> Status {
        if self.is_sent() {
            return self.parts.iter().filter_map(PartState::status).min().unwrap_or(Status::Sent);
        }
        match self.stage {
            Stage::Cancelled => Status::Cancelled,
            Stage::Rejected(_) => Status::Rejected,
            Stage::GivenUp(_) => Status::GivenUp,
            Stage::Active | Stage::Refused(_) if self.is_unclear() => Status::Unclear,
            Stage::Refused(_) => Status::Refused,
            Stage::Active if self.has_begun() => Status::Sending,
            Stage::Active => Status::Queued,
        }
    }

    /// What the case is told; none as long as that is not known.
    pub fn outcome(&self) -> Option<ReplyOutcome> {
        let failed = |reason: &str| Some(ReplyOutcome::Failed { reason: ReasonCode::new(reason).ok()? });
        match (self.status(), &self.stage) {
            (Status::Bounced | Status::Undelivered, _) => {
                let cause = self.parts.iter().find_map(PartState::returned)?;
                Some(ReplyOutcome::Bounced { reason: ReasonCode::new(cause.reason.slug()).ok()? })
            }
            (Status::Sent | Status::Delivered | Status::Read, _) => {
                let external = self.parts.first().and_then(PartState::external);
                let message = external.map(|hash| MessageId::of(&self.request.account, hash));
                Some(ReplyOutcome::Sent { message })
            }
            (Status::Unclear, _) => {
                let (.., unclear) = self.current().and_then(|(_, part)| part.doubt())?;
                Some(ReplyOutcome::Unclear { reason: ReasonCode::new(unclear.reason.slug()).ok()? })
            }
            (_, Stage::Active) => None,
            (_, Stage::Cancelled) => failed("cancelled"),
            (_, Stage::Refused(refusal)) => failed(&refusal.code().to_ascii_lowercase().replace('_', "-")),
            (_, Stage::Rejected(reason)) => failed(reason.slug()),
            (_, Stage::GivenUp(reason)) => failed(reason.slug()),
        }
    }
}

impl PartState {
    /// What came back, if that counts. A platform that says both of one message has brought it after all. A mail has several on
    /// its way who say that they delivered it, each for himself, and one who sends it back does so for good; only who has seen it
    /// has it.
    pub(super) fn returned(&self) -> Option<&Return> {
        let is_below = |progress| self.progress < Some(progress);
        let bounced = self.bounced.as_ref().filter(|_| is_below(Progress::Read));
        bounced.or_else(|| self.undelivered.as_ref().filter(|_| is_below(Progress::Delivered)))
    }

    fn status(&self) -> Option<Status> {
        let progress = self.progress?;
        Some(match (self.returned(), progress) {
            (Some(_), _) if self.bounced.is_some() => Status::Bounced,
            (Some(_), _) => Status::Undelivered,
            (None, Progress::Read) => Status::Read,
            (None, Progress::Delivered) => Status::Delivered,
            (None, Progress::Sent) => Status::Sent,
        })
    }

    fn external(&self) -> Option<&KeyedHash> {
        self.externals().next()
    }
}
