//! Files that a channel announces with a message, and does not send: they are fetched later.

use domain::ids::MediaType;
use serde::{Deserialize, Serialize};

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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Source {
    /// The channel's API knows it by this id.
    Id(String),
    /// At this address.
    Url(String),
}

impl Announced {
    /// What stays the same when the channel announces it again.
    pub(crate) fn lasting_name(&self) -> &str {
        self.source.lasting_name()
    }

    /// What is stored beside it, sealed.
    pub(crate) fn stored(&self) -> Stored {
        Stored { source: self.source.clone(), sha256: self.sha256.clone() }
    }
}

impl Source {
    /// What stays the same when the channel announces it again: an address without its query, which is a pass that expires.
    pub(crate) fn lasting_name(&self) -> &str {
        match self {
            Self::Id(id) => id,
            Self::Url(url) => url.split(['?', '#']).next().unwrap_or_default(),
        }
    }
}

/// What has to be known to fetch it, in the one form that is stored: `{"id":"…"}` or `{"url":"…"}`, with its SHA-256 if the
/// channel says that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stored {
    #[serde(flatten)]
    pub(crate) source: Source,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sha256: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_file_is_comes_out_of_the_log_as_it_went_in() {
        let sha256 = Some("ab".repeat(32));
        for (source, sha256, text) in [
            (Source::Id("7".into()), None, r#"{"id":"7"}"#.to_owned()),
            (Source::Url("https://e.example/".into()), None, r#"{"url":"https://e.example/"}"#.to_owned()),
            (Source::Id("7".into()), sha256, format!(r#"{{"id":"7","sha256":"{}"}}"#, "ab".repeat(32))),
        ] {
            let stored = Stored { source, sha256 };
            assert_eq!(serde_json::to_string(&stored).unwrap(), text);
            assert_eq!(serde_json::from_str::<Stored>(&text).unwrap(), stored);
        }
        assert!(serde_json::from_str::<Stored>("{}").is_err());
    }
}
