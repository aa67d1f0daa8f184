//! How the files of one platform are had: what is asked, and what its answers mean. Functions, as the ways in and out.

use domain::message::Loss;
use http::{HeaderMap, StatusCode, header};
use secrecy::SecretString;
use serde_json::Value;

use crate::{
    channels::{Config, speak::BASE_URL},
    feeds::Address,
    intake::limits::ATTACHMENT_MAX,
    media::Source,
};

/// The setting with the address from which files come, where that is another one than the API's.
const MEDIA_BASE_URL: &str = "media_base_url";
/// The setting that lets files come from machines in private networks, and without HTTPS.
const PRIVATE_ADDRESSES: &str = "private_addresses";
/// The longest `Retry-After` that is read, in bytes.
const RETRY_AFTER_MAX: usize = 64;

/// A request.
pub(crate) struct Get {
    pub(crate) address: Address,
    /// Headers that nobody else may see: sent to where our own addresses lead and to the hosts of files alone.
    pub(crate) secrets: Vec<(&'static str, SecretString)>,
    /// Whether we made the address out of what the policy says, and not somebody else.
    pub(crate) own: bool,
    pub(crate) then: Then,
}

/// What the answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// Something that says where the file is: [`Fetcher::found`] reads it.
    Found,
    /// The file.
    File,
}

/// Why there is no file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// There will be none.
    Never(Loss),
    /// There may be one later; if not, this is why.
    Later {
        /// Why there is none so far.
        reason: Loss,
        /// `Retry-After`, as it came.
        retry_after: Option<String>,
    },
}

/// An answer without its body.
#[derive(Clone, Copy)]
pub(crate) struct Head<'a> {
    pub(crate) status: StatusCode,
    pub(crate) headers: &'a HeaderMap,
    /// What its body would be.
    pub(crate) then: Then,
    /// Whether the request held who we are.
    pub(crate) known: bool,
}

/// The files of one platform.
pub(crate) trait Fetcher: Send + Sync {
    /// As an account's `connector` names it.
    fn name(&self) -> &'static str;

    /// Where files are asked for, unless the account's `media_base_url` or `base_url` says otherwise. Empty: nowhere, they
    /// have addresses of their own.
    fn base_url(&self) -> &'static str {
        ""
    }

    /// Hosts of files that somebody else names, and that may know who we are: they, and those below them. No host of the
    /// API that does more than give files: whoever names an address there would let us do something.
    fn media_hosts(&self) -> &'static [&'static str] {
        &[]
    }

    /// The request that a file begins with.
    fn ask(&self, source: &Source, config: &Config) -> Result<Get, Failure>;

    /// The request that the answer to [`Then::Found`] leads to. It came with success, unless [`Fetcher::refused`] let
    /// something else through.
    fn found(&self, _answer: &Value, _config: &Config) -> Result<Get, Failure> {
        Err(Failure::Never(Loss::Unreadable))
    }

    /// Why the head of an answer promises nothing; `None`: its body is to be read.
    fn refused(&self, head: &Head<'_>) -> Option<Failure> {
        head.plain()
    }
}

impl Get {
    /// A file at an address that somebody else names.
    pub(crate) fn at(url: &str) -> Result<Self, Failure> {
        let address = url.parse().map_err(|_| Failure::Never(Loss::NotAllowed))?;
        Ok(Self { address, secrets: Vec::new(), own: false, then: Then::File })
    }

    /// Something below our own base; each part is one step of the path.
    pub(crate) fn below(base: &str, parts: &[&str], then: Then) -> Result<Self, Failure> {
        let unreadable = || Failure::Never(Loss::Unreadable);
        // A part that is a dot or two would lead elsewhere.
        if parts.iter().any(|part| part.is_empty() || part.chars().all(|c| c == '.')) {
            return Err(unreadable());
        }
        let mut url = url::Url::parse(base).map_err(|_| unreadable())?;
        url.path_segments_mut().map_err(|()| unreadable())?.pop_if_empty().extend(parts);
        let address = url.try_into().map_err(|_| unreadable())?;
        Ok(Self { address, secrets: Vec::new(), own: true, then })
    }

    /// The same with a query.
    pub(crate) fn with_query(mut self, name: &str, value: &str) -> Result<Self, Failure> {
        let mut url = self.address.url().clone();
        url.query_pairs_mut().append_pair(name, value);
        self.address = url.try_into().map_err(|_| Failure::Never(Loss::Unreadable))?;
        Ok(self)
    }

    /// The same from somebody with this token.
    pub(crate) fn bearer(mut self, token: &str) -> Self {
        self.secrets.push(("authorization", format!("Bearer {token}").into()));
        self
    }
}

impl Failure {
    /// There may be a file later.
    pub(crate) fn later(reason: Loss) -> Self {
        Self::Later { reason, retry_after: None }
    }
}

impl Head<'_> {
    /// What a status means that means the same everywhere.
    pub(crate) fn plain(&self) -> Option<Failure> {
        let retry_after = || {
            let value = self.headers.get(header::RETRY_AFTER)?.to_str().ok()?;
            (value.len() <= RETRY_AFTER_MAX).then(|| value.to_owned())
        };
        match self.status {
            StatusCode::OK => None,
            StatusCode::NOT_FOUND | StatusCode::GONE => Some(Failure::Never(Loss::Gone)),
            // A token is renewed; an address that is not for us stays so.
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN if self.known => {
                Some(Failure::later(Loss::Refused))
            }
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY => {
                Some(Failure::Later { reason: Loss::Unreachable, retry_after: retry_after() })
            }
            status if status.is_server_error() => {
                Some(Failure::Later { reason: Loss::Unreachable, retry_after: retry_after() })
            }
            status if status.is_client_error() => Some(Failure::Never(Loss::Refused)),
            _ => Some(Failure::Never(Loss::Unreadable)),
        }
    }
}

impl Config {
    /// Where files are asked for.
    pub(crate) fn media_base<'a>(&'a self, fetcher: &'a dyn Fetcher) -> &'a str {
        let set = self.setting(MEDIA_BASE_URL).or_else(|| self.setting(BASE_URL));
        set.unwrap_or_else(|| fetcher.base_url())
    }

    /// A secret without which the platform gives nothing. It may still be put there.
    pub(crate) fn file_token(&self, name: &'static str) -> Result<&str, Failure> {
        let missing = |_| Failure::later(Loss::Refused);
        let secret = self.secret(name).map_err(|error| {
            tracing::warn!(%error, "a file cannot be fetched");
            Failure::later(Loss::Refused)
        })?;
        std::str::from_utf8(secret).map_err(missing)
    }

    /// Whether files may come from machines in private networks, and without HTTPS.
    pub(crate) fn private_addresses(&self) -> bool {
        self.setting(PRIVATE_ADDRESSES) == Some("true")
    }

    /// Whether the host of an address that somebody else names may know who we are: a host of the platform's files.
    pub(crate) fn may_know(&self, fetcher: &dyn Fetcher, address: &Address) -> bool {
        let set: Option<Address> = self.setting(MEDIA_BASE_URL).and_then(|set| set.parse().ok());
        if set.is_some_and(|set| set.url().origin() == address.url().origin()) {
            return true;
        }
        let is_below = |host: &str| {
            address.host() == host || address.host().strip_suffix(host).is_some_and(|sub| sub.ends_with('.'))
        };
        let url = address.url();
        url.scheme() == "https"
            && url.port().is_none()
            && fetcher.media_hosts().iter().any(|host| is_below(host))
    }
}

/// The text at a path of an answer.
pub(crate) fn text<'a>(answer: &'a Value, pointer: &str) -> Result<&'a str, Failure> {
    answer.pointer(pointer).and_then(Value::as_str).ok_or(Failure::Never(Loss::Unreadable))
}

/// Refuses a file whose announced length, a number or a text, is over the limit: it need not be begun.
pub(crate) fn fits(answer: &Value, pointer: &str) -> Result<(), Failure> {
    let length = answer.pointer(pointer);
    let bytes = length.and_then(|length| length.as_u64().or_else(|| length.as_str()?.parse().ok()));
    if bytes.is_some_and(|bytes| bytes > ATTACHMENT_MAX as u64) {
        return Err(Failure::Never(Loss::TooLarge));
    }
    Ok(())
}
