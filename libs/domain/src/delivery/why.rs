//! Why a reply is not there, in plain words, and what can be done about it.

use super::{
    state::{Delivery, PartState, Stage},
    status::Status,
    values::{GivenUp, Rejection, Unclarity},
};

impl Delivery {
    /// Why it was not sent, came back or is unclear, and what can be done. None: it is on its way, or there.
    pub fn why(&self) -> Option<String> {
        match (self.status(), &self.stage) {
            (Status::Bounced | Status::Undelivered, _) => {
                let cause = self.parts.iter().find_map(PartState::returned)?;
                Some(rejected(cause.reason).to_owned())
            }
            (Status::Unclear, _) => {
                let (.., unclear) = self.current().and_then(|(_, part)| part.doubt())?;
                Some(unknown(unclear.reason).to_owned())
            }
            (Status::Cancelled, _) => Some("it was taken back before it was sent".to_owned()),
            (Status::Refused, Stage::Refused(refusal)) => Some(refusal.to_string()),
            (Status::Rejected, Stage::Rejected(reason)) => Some(rejected(*reason).to_owned()),
            (Status::GivenUp, Stage::GivenUp(reason)) => Some(given_up(*reason).to_owned()),
            (Status::Refused | Status::Rejected | Status::GivenUp, _)
            | (Status::Queued | Status::Sending | Status::Sent | Status::Delivered | Status::Read, _) => None,
        }
    }
}

const fn rejected(reason: Rejection) -> &'static str {
    match reason {
        Rejection::InvalidRecipient => {
            "there is no such recipient: see whether the customer has another address"
        }
        Rejection::WindowClosed => {
            "the platform says that its reply window is closed: send an approved template, or wait for the customer"
        }
        Rejection::BlockedByCustomer => "the customer blocked us: leave it, or answer on another channel",
        Rejection::OptedOut => "the platform says that the customer opted out: he must opt in again there",
        Rejection::TooLong => "the platform says that it is too long: shorten it",
        Rejection::Authentication => {
            "the platform does not know us: renew the account's secrets, then replay it"
        }
        Rejection::Forbidden => {
            "the account may not do this: see its permissions at the platform, then replay it"
        }
        Rejection::ContentRefused => "the platform does not take what it says: write it otherwise",
        Rejection::TemplateRefused => {
            "the platform does not take this template with these values: choose another one"
        }
        Rejection::AttachmentRefused => {
            "the platform does not take a file of it: send another format, or a link"
        }
        Rejection::PlaceGone => "what it answers is gone: answer at another place",
        Rejection::Unsupported => "the platform cannot do this: answer otherwise",
        Rejection::BaseUrlNotHttps => {
            "the account's base_url is not https, so nothing left us: write https://, or private_addresses = \"true\" for a \
             platform in a network of our own"
        }
        Rejection::Malformed => "the platform did not understand it: tell whoever runs this site",
        Rejection::Other => "the platform does not take it, and says no reason that we know",
    }
}

const fn given_up(reason: GivenUp) -> &'static str {
    match reason {
        GivenUp::AttemptsSpent => {
            "it was tried as often as it may be, in vain: replay it when the channel works"
        }
        GivenUp::TimeSpent => {
            "it was tried for as long as it may be, in vain: replay it when the channel works"
        }
        GivenUp::Rejected => "the platform does not take it",
        GivenUp::Abandoned => "a person gave it up",
    }
}

const fn unknown(reason: Unclarity) -> &'static str {
    match reason {
        Unclarity::TimedOut => "it left us, and no answer came in time",
        Unclarity::ConnectionDropped => "it left us, and the connection broke before an answer",
        Unclarity::ServerFailed => "it left us, and the platform failed in the middle",
        Unclarity::AnswerUnreadable => "it left us, and the answer could not be read",
        Unclarity::ProcessDied => "we stopped between sending it and its answer",
    }
}
