//! `line`: a file is the content of its message, under a host of its own, which `media_base_url` replaces.
//!
//! Secret: `channel_access_token`.

use domain::message::Loss;
use http::StatusCode;

use super::fetcher::{Failure, Fetcher, Get, Head, Then};
use crate::{channels::Config, media::Source};

pub(super) struct Line;

const TOKEN: &str = "channel_access_token";

impl Fetcher for Line {
    fn name(&self) -> &'static str {
        "line"
    }

    fn base_url(&self) -> &'static str {
        "https://api-data.line.me"
    }

    fn ask(&self, source: &Source, config: &Config) -> Result<Get, Failure> {
        match source {
            Source::Id(id) => {
                let parts = ["v2", "bot", "message", id, "content"];
                let get = Get::below(config.media_base(self), &parts, Then::File)?;
                Ok(get.bearer(config.file_token(TOKEN)?))
            }
            // A file that a business keeps elsewhere is no secret of LINE's.
            Source::Url(url) => Get::at(url),
        }
    }

    /// A film is made ready first.
    fn refused(&self, head: &Head<'_>) -> Option<Failure> {
        match head.status {
            StatusCode::ACCEPTED => Some(Failure::later(Loss::Unreachable)),
            _ => head.plain(),
        }
    }
}
