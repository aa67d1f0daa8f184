//! `slack`: a file has an address that only our app may read; of some, Slack tells the id alone.
//!
//! Secret: `bot_token`, with the permission to read files. Without it, Slack shows its page to sign in instead of an error.

use domain::message::Loss;
use http::header;
use serde_json::Value;

use super::fetcher::{Failure, Fetcher, Get, Head, Then, fits, text};
use crate::{channels::Config, media::Source};

pub(super) struct Slack;

const TOKEN: &str = "bot_token";

impl Fetcher for Slack {
    fn name(&self) -> &'static str {
        "slack"
    }

    fn base_url(&self) -> &'static str {
        "https://slack.com"
    }

    /// Not the API's: there, an address does things.
    fn media_hosts(&self) -> &'static [&'static str] {
        &["files.slack.com"]
    }

    fn ask(&self, source: &Source, config: &Config) -> Result<Get, Failure> {
        let get = match source {
            Source::Id(id) => {
                let get = Get::below(config.media_base(self), &["api", "files.info"], Then::Found)?;
                get.with_query("file", id)?
            }
            Source::Url(url) => Get::at(url)?,
        };
        Ok(get.bearer(config.file_token(TOKEN)?))
    }

    fn found(&self, answer: &Value, config: &Config) -> Result<Get, Failure> {
        if answer.get("ok") != Some(&Value::Bool(true)) {
            return Err(match answer.get("error").and_then(Value::as_str) {
                Some("file_not_found" | "file_deleted") => Failure::Never(Loss::Gone),
                Some("ratelimited" | "internal_error" | "fatal_error") => Failure::later(Loss::Unreachable),
                _ => Failure::later(Loss::Refused),
            });
        }
        fits(answer, "/file/size")?;
        let url =
            text(answer, "/file/url_private_download").or_else(|_| text(answer, "/file/url_private"))?;
        Ok(Get::at(url)?.bearer(config.file_token(TOKEN)?))
    }

    fn refused(&self, head: &Head<'_>) -> Option<Failure> {
        let kind = head.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let is_page = kind.is_some_and(|kind| kind.starts_with("text/html"));
        // A file of such a page comes as a download.
        let is_file = head.headers.contains_key(header::CONTENT_DISPOSITION);
        if head.status.is_success() && is_page && !is_file {
            return Some(Failure::later(Loss::Refused));
        }
        head.plain()
    }
}
