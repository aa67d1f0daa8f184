//! Files that a channel announces with a message, and does not send: they are fetched later.

use domain::ids::MediaType;
use serde::Serialize;

/// A file that is still to be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Announced {
    pub(crate) source: Source,
    pub(crate) name: String,
    pub(crate) media_type: MediaType,
    /// Its length, if the channel says so.
    pub(crate) bytes: Option<u64>,
    /// Its SHA-256 in lower-case hexadecimal, if the channel says so.
    pub(crate) sha256: Option<String>,
}

/// Where it is to be had. Stored, sealed, beside the file: never changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Source {
    /// The channel's API knows it by this id.
    Id(String),
    /// At this address.
    Url(String),
}

impl Announced {
    /// What stays the same when the channel announces it again: an address without its query, which is a pass that expires.
    pub(crate) fn lasting_name(&self) -> &str {
        match &self.source {
            Source::Id(id) => id,
            Source::Url(url) => url.split(['?', '#']).next().unwrap_or_default(),
        }
    }
}
