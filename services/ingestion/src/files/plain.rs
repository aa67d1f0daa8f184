//! Every other connector: a file has an address that anybody may ask who knows it.

use domain::message::Loss;

use super::fetcher::{Failure, Fetcher, Get};
use crate::{channels::Config, media::Source};

pub(super) struct Plain;

impl Fetcher for Plain {
    fn name(&self) -> &'static str {
        "plain"
    }

    fn ask(&self, source: &Source, _config: &Config) -> Result<Get, Failure> {
        match source {
            Source::Url(url) => Get::at(url),
            Source::Id(_) => Err(Failure::Never(Loss::Unsupported)),
        }
    }
}
