//! `whatsapp_cloud`: a file has an id; the API says where it is for the next minutes.
//!
//! Secret: `access_token`. Setting: `api_version`, of another version than the one that this was written for.

use domain::message::Loss;
use http::StatusCode;
use serde_json::Value;

use super::fetcher::{Failure, Fetcher, Get, Head, Then, fits, text};
use crate::{channels::Config, media::Source};

pub(super) struct WhatsappCloud;

const TOKEN: &str = "access_token";
const API_VERSION: &str = "api_version";
const VERSION: &str = "v23.0";

impl Fetcher for WhatsappCloud {
    fn name(&self) -> &'static str {
        "whatsapp_cloud"
    }

    fn base_url(&self) -> &'static str {
        "https://graph.facebook.com"
    }

    fn media_hosts(&self) -> &'static [&'static str] {
        &["lookaside.fbsbx.com"]
    }

    fn ask(&self, source: &Source, config: &Config) -> Result<Get, Failure> {
        match source {
            Source::Id(id) => {
                let version = config.setting(API_VERSION).unwrap_or(VERSION);
                let get = Get::below(config.media_base(self), &[version, id], Then::Found)?;
                Ok(get.bearer(config.file_token(TOKEN)?))
            }
            Source::Url(url) => Get::at(url),
        }
    }

    fn found(&self, answer: &Value, config: &Config) -> Result<Get, Failure> {
        fits(answer, "/file_size")?;
        Ok(Get::at(text(answer, "/url")?)?.bearer(config.file_token(TOKEN)?))
    }

    /// An id that is not known any more is told as a bad request.
    fn refused(&self, head: &Head<'_>) -> Option<Failure> {
        match head.status {
            StatusCode::BAD_REQUEST => Some(Failure::Never(Loss::Gone)),
            _ => head.plain(),
        }
    }
}
