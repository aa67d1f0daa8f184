//! Why a command on a case was refused: by the rules, or before they were asked.

use std::convert::Infallible;

use domain::{case, conversation, customer, links};
use service::{Error, Refusal};

/// A refusal.
#[derive(Debug, thiserror::Error)]
pub enum No {
    /// The rules of the case.
    #[error(transparent)]
    Rule(#[from] case::Error),
    /// The rules between cases, the request or the caller.
    #[error(transparent)]
    Other(#[from] Error),
}

impl From<Infallible> for No {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl From<links::Error> for No {
    fn from(rule: links::Error) -> Self {
        Self::Other(rule.into_error())
    }
}

impl From<conversation::Error> for No {
    fn from(rule: conversation::Error) -> Self {
        Self::Other(rule.into_error())
    }
}

impl From<customer::Error> for No {
    fn from(rule: customer::Error) -> Self {
        Self::Other(match rule {
            // There is no such customer: the same words as for one that the caller may not see.
            customer::Error::Unknown => Error::NotFound { what: "customer" },
            customer::Error::ConsentNeeded
            | customer::Error::UnknownIdentity
            | customer::Error::UnknownConsent
            | customer::Error::ConsentDiffers
            | customer::Error::ConsentRevoked
            | customer::Error::ConsentForAnotherPurpose
            | customer::Error::OptedOutOfAll
            | customer::Error::Erased
            | customer::Error::LimitExceeded { .. } => rule.into_error(),
        })
    }
}

impl Refusal for No {
    fn code(&self) -> &'static str {
        match self {
            Self::Rule(rule) => rule.code(),
            Self::Other(error) => error.reason(),
        }
    }

    fn into_error(self) -> Error {
        match self {
            // There is no such case: the same words as for one that the caller may not see.
            Self::Rule(case::Error::Unknown) => Error::NotFound { what: "case" },
            Self::Rule(rule) => rule.into_error(),
            Self::Other(error) => error,
        }
    }
}
