//! How a feed is asked.

use super::{Address, address::Refused, feed};

/// The longest value of a header that is kept, in bytes.
pub const HEADER_MAX: usize = 1_024;
/// The longest address that a server may send us on to, in bytes.
pub const LOCATION_MAX: usize = feed::limits::ADDRESS_MAX;

/// Asks for a feed, once.
#[async_trait::async_trait]
pub trait Client: Send + Sync {
    /// Sends the request and reads the answer.
    ///
    /// MUST follow no redirect. MUST connect to no machine that is not on the public network unless the request allows it, as
    /// its name is resolved for this connection. MUST read at most [`feed::limits::BODY_MAX`] bytes of a body and say
    /// [`Failure::TooLarge`] if there are more, without waiting for them. MUST end in bounded time.
    async fn get(&self, request: Request) -> Result<Answer, Failure>;
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Whom.
    pub address: Address,
    /// For `If-None-Match`.
    pub etag: Option<String>,
    /// For `If-Modified-Since`.
    pub last_modified: Option<String>,
    /// Whether machines in private networks may be asked.
    pub private_addresses: bool,
}

/// What a server says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers that matter.
    pub headers: Headers,
    /// The body; only that of a 200 is needed.
    pub body: Vec<u8>,
}

/// The headers that matter, each as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    /// `Cache-Control`.
    pub cache_control: Option<String>,
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// `ETag`.
    pub etag: Option<String>,
    /// `Last-Modified`.
    pub last_modified: Option<String>,
    /// `Location`.
    pub location: Option<String>,
    /// `Retry-After`.
    pub retry_after: Option<String>,
}

/// Why there is nothing to read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The address, or one that it leads to, may not be asked.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The name is not known, nobody listens, or the connection broke.
    #[error("the server cannot be reached")]
    Unreachable,
    /// It took too long.
    #[error("the server did not answer in time")]
    Timeout,
    /// The body is larger than a feed may be.
    #[error("the answer is larger than {} bytes", feed::limits::BODY_MAX)]
    TooLarge,
    /// Another status than one that means something here.
    #[error("the server answered with status {0}")]
    Status(u16),
    /// One redirect after the other.
    #[error("the address leads from one to the next more than {max} times")]
    Redirects {
        /// How many are followed.
        max: u8,
    },
    /// What came is no feed.
    #[error(transparent)]
    Feed(#[from] feed::Error),
    /// Reading it failed in a way that it should not.
    #[error("the answer cannot be read")]
    Unreadable,
    /// The messages were read, but not taken in.
    #[error("the messages were not taken in")]
    NotTaken,
}
