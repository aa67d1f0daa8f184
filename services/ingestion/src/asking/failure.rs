//! Why a round of asking came to its end too early.

/// Why. None of it repeats what came.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Failure {
    /// The account lacks something, or has it wrong: what, and the remedy.
    #[error("{0}")]
    Account(String),
    /// The name is not known, nobody listens, or the connection broke.
    #[error("the server cannot be reached")]
    Unreachable,
    /// It took too long.
    #[error("the server did not answer in time")]
    Timeout,
    /// We are not let in.
    #[error("the server does not let us in: see the account's {0}")]
    Access(&'static str),
    /// It wants to be asked later.
    #[error("the server wants to be asked later (status {0})")]
    Later(u16),
    /// Another status than one that means something here.
    #[error("the server answered with status {0}")]
    Status(u16),
    /// It said no.
    #[error("the server refused: {0}")]
    Refused(&'static str),
    /// What came is not what the platform describes, or more than may come.
    #[error("the answer cannot be read: {0}")]
    Unreadable(String),
    /// The messages were read, and could not be kept. They come again.
    #[error("the messages were not taken in")]
    NotTaken,
    /// A fault of ours.
    #[error("asking failed in a way that it should not")]
    Fault,
}

/// A failure, and after how many seconds the platform wants to be asked again, if it says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Broke {
    pub(crate) failure: Failure,
    pub(crate) retry_after_s: Option<i64>,
}

impl From<Failure> for Broke {
    fn from(failure: Failure) -> Self {
        Self { failure, retry_after_s: None }
    }
}

impl Failure {
    /// As metrics call it.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Account(_) => "account",
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
            Self::Access(_) => "access",
            Self::Later(_) => "later",
            Self::Status(_) => "status",
            Self::Refused(_) => "refused",
            Self::Unreadable(_) => "unreadable",
            Self::NotTaken => "not_taken",
            Self::Fault => "fault",
        }
    }
}
