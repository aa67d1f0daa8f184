//! `telegram`: a file has an id; `getFile` says under which path it is for the next hour.
//!
//! Secret: `bot_token`, which Telegram wants in the address. Its own servers give bots files of at most 20 MB.

use domain::message::Loss;
use http::StatusCode;
use serde_json::Value;

use super::fetcher::{Failure, Fetcher, Get, Head, Then, fits, text};
use crate::{channels::Config, media::Source};

pub(super) struct Telegram;

const TOKEN: &str = "bot_token";
/// How it says that a file is too large for bots.
const TOO_BIG: &str = "too big";

impl Fetcher for Telegram {
    fn name(&self) -> &'static str {
        "telegram"
    }

    fn base_url(&self) -> &'static str {
        "https://api.telegram.org"
    }

    fn ask(&self, source: &Source, config: &Config) -> Result<Get, Failure> {
        match source {
            Source::Id(id) => {
                let bot = format!("bot{}", config.file_token(TOKEN)?);
                let get = Get::below(config.media_base(self), &[&bot, "getFile"], Then::Found)?;
                get.with_query("file_id", id)
            }
            Source::Url(url) => Get::at(url),
        }
    }

    fn found(&self, answer: &Value, config: &Config) -> Result<Get, Failure> {
        if answer.get("ok") != Some(&Value::Bool(true)) {
            let told = answer.get("description").and_then(Value::as_str).unwrap_or_default();
            // What else it says of an id leaves open whether it is wrong or only not at hand.
            return Err(if told.contains(TOO_BIG) {
                Failure::Never(Loss::TooLarge)
            } else {
                Failure::later(Loss::Gone)
            });
        }
        fits(answer, "/result/file_size")?;
        let bot = format!("bot{}", config.file_token(TOKEN)?);
        let path: Vec<&str> = text(answer, "/result/file_path")?.split('/').collect();
        Get::below(config.media_base(self), &[&["file", &bot], &path[..]].concat(), Then::File)
    }

    /// Why a file cannot be had stands in the body of a bad request; a wrong token is told as "not found".
    fn refused(&self, head: &Head<'_>) -> Option<Failure> {
        match head.status {
            StatusCode::BAD_REQUEST if head.then == Then::Found => None,
            StatusCode::UNAUTHORIZED => Some(Failure::later(Loss::Refused)),
            StatusCode::NOT_FOUND if head.then == Then::Found => Some(Failure::later(Loss::Refused)),
            _ => head.plain(),
        }
    }
}
