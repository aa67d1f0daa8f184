//! What the result of one attempt says of the account.

use domain::{
    delivery::{Action, Answer, Failure, Rejection, Unclarity},
    health::{Cause, Sign},
    time::Timestamp,
};

/// What a call said of the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// That it works, or does not.
    Sign(Sign),
    /// That it is called too often; when it may be called again, if that was told.
    TooFast(Option<Timestamp>),
    /// Nothing: it may be about the one message, or no call was made.
    Nothing,
}

impl Said {
    /// What a result says.
    pub(crate) const fn of(result: &Action) -> Self {
        match result {
            Action::ReportSent { .. } => Self::Sign(Sign::Well),
            Action::ReportFailed { reason, retry_at, .. } => failed(*reason, *retry_at),
            Action::ReportRejected { reason, .. } => rejected(*reason),
            Action::ReportUnclear { reason, .. } => match reason {
                Unclarity::TimedOut | Unclarity::ConnectionDropped => {
                    Self::Sign(Sign::Failed(Cause::Unanswered))
                }
                Unclarity::ServerFailed | Unclarity::AnswerUnreadable => {
                    Self::Sign(Sign::Failed(Cause::Failing))
                }
                Unclarity::ProcessDied => Self::Nothing,
            },
            Action::Queue(_)
            | Action::Cancel
            | Action::Refuse { .. }
            | Action::StartAttempt { .. }
            | Action::Clarify { .. }
            | Action::Resend { .. }
            | Action::GiveUp { .. }
            | Action::Replay { .. }
            | Action::TakeReceipt { .. } => Self::Nothing,
        }
    }

    /// What it says that a platform was asked what it has. Why it could not say is not known.
    pub(crate) const fn of_answer(answer: &Answer) -> Self {
        match answer {
            Answer::Has { .. } | Answer::HasNot | Answer::NotShown { .. } => Self::Sign(Sign::Well),
            Answer::Nothing { .. } => Self::Nothing,
        }
    }
}

const fn failed(reason: Failure, retry_at: Option<Timestamp>) -> Said {
    match reason {
        Failure::RateLimited => Said::TooFast(retry_at),
        Failure::Unavailable => Said::Sign(Sign::Failed(Cause::Unavailable)),
        Failure::NotConnected => Said::Sign(Sign::Failed(Cause::Unreachable)),
        Failure::TimeoutBeforeAccept => Said::Sign(Sign::Failed(Cause::Unanswered)),
        Failure::Authentication => Said::Sign(Sign::Failed(Cause::Authentication)),
        Failure::Other => Said::Sign(Sign::Failed(Cause::Failing)),
        // About the one recipient: it was answered.
        Failure::Greylisted | Failure::RecipientUnavailable => Said::Sign(Sign::Well),
    }
}

const fn rejected(reason: Rejection) -> Said {
    match reason {
        Rejection::Authentication => Said::Sign(Sign::Failed(Cause::Authentication)),
        Rejection::InvalidRecipient
        | Rejection::WindowClosed
        | Rejection::BlockedByCustomer
        | Rejection::OptedOut
        | Rejection::TooLong
        | Rejection::ContentRefused
        | Rejection::TemplateRefused
        | Rejection::AttachmentRefused => Said::Sign(Sign::Well),
        // About the one message or about all of them: nobody can tell.
        Rejection::Forbidden
        | Rejection::PlaceGone
        | Rejection::Unsupported
        | Rejection::Malformed
        | Rejection::Other => Said::Nothing,
        // Ours, not the platform's.
        Rejection::BaseUrlNotHttps => Said::Nothing,
    }
}

/// A secret that is refused is refused for every message: the one that found it out waits with the others, instead of
/// becoming a dead letter.
pub(crate) fn patient(result: Action) -> Action {
    match result {
        Action::ReportRejected { part, attempt, reason: Rejection::Authentication, code } => {
            Action::ReportFailed { part, attempt, reason: Failure::Authentication, code, retry_at: None }
        }
        other => other,
    }
}
