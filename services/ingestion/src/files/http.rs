//! Files over HTTP: in bounded memory and time, along redirects that are checked one by one, without telling strangers who we
//! are.

use std::time::Duration;

use domain::message::Loss;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use reqwest::Response;
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::fetcher::{Failure, Fetcher, Get, Head, Then};
use crate::{
    channels::Config,
    guarded::{self, Broken, Guarded},
    intake::limits::ATTACHMENT_MAX,
    media::Stored,
};

/// Files that are fetched at once: each is in memory until it is kept.
const FETCHES_MAX: usize = 4;
/// How long one request may take.
const REQUEST_MAX: Duration = Duration::from_secs(120);
/// How long everything may take that a file needs.
const FETCH_MAX: Duration = Duration::from_secs(180);
/// Redirects of one request.
const REDIRECTS_MAX: usize = 3;
/// The longest answer that says where a file is, in bytes.
const FOUND_MAX: usize = 256 * 1024;
/// Who asks.
const USER_AGENT: &str = concat!("Dossier/", env!("CARGO_PKG_VERSION"), " (attachments)");

/// Fetches files.
pub(super) struct Client {
    guarded: Guarded,
    places: Semaphore,
}

/// A file. It has its place in memory until it is dropped.
#[derive(Debug)]
pub(super) struct Fetched<'a> {
    pub(super) content: Vec<u8>,
    /// As the platform says it.
    pub(super) media_type: Option<String>,
    _place: Option<SemaphorePermit<'a>>,
}

/// Where a request ended.
struct Answer {
    response: Response,
    known: bool,
}

impl Client {
    pub(super) fn new() -> Result<Self, reqwest::Error> {
        // Fails only if somebody installed one before, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let guarded = Guarded::new(USER_AGENT, REQUEST_MAX)?;
        Ok(Self { guarded, places: Semaphore::new(FETCHES_MAX) })
    }

    /// Fetches a file.
    pub(super) async fn fetch(
        &self,
        fetcher: &dyn Fetcher,
        config: &Config,
        stored: &Stored,
    ) -> Result<Fetched<'_>, Failure> {
        let fetched = tokio::time::timeout(FETCH_MAX, self.fetched(fetcher, config, stored)).await;
        fetched.unwrap_or(Err(Failure::later(Loss::Unreachable)))
    }

    async fn fetched(
        &self,
        fetcher: &dyn Fetcher,
        config: &Config,
        stored: &Stored,
    ) -> Result<Fetched<'_>, Failure> {
        let mut get = fetcher.ask(&stored.source, config)?;
        if get.then == Then::Found {
            let mut answer = self.follow(fetcher, config, &get).await?;
            refused(fetcher, &answer, Then::Found)?;
            let body = guarded::body(&mut answer.response, FOUND_MAX).await.map_err(|error| match error {
                Broken::TooLarge => Failure::Never(Loss::Unreadable),
                error => failure(error),
            })?;
            let found = serde_json::from_slice(&body).map_err(|_| Failure::later(Loss::Unreadable))?;
            get = fetcher.found(&found, config)?;
        }
        let mut answer = self.follow(fetcher, config, &get).await?;
        refused(fetcher, &answer, Then::File)?;
        let kind = answer.response.headers().get(header::CONTENT_TYPE);
        let media_type = kind.and_then(|kind| kind.to_str().ok()).map(str::to_owned);
        // Only now: platforms that do not answer take no place from those that do.
        let place = self.places.acquire().await.ok();
        let content = guarded::body(&mut answer.response, ATTACHMENT_MAX).await.map_err(failure)?;
        if let Some(sha256) = &stored.sha256 {
            let came = data_encoding::HEXLOWER.encode(&Sha256::digest(&content));
            // It may have been cut on its way.
            if !came.eq_ignore_ascii_case(sha256) {
                return Err(Failure::later(Loss::Unreadable));
            }
        }
        Ok(Fetched { content, media_type, _place: place })
    }

    /// Asks, and asks on where the answer leads elsewhere.
    async fn follow(&self, fetcher: &dyn Fetcher, config: &Config, get: &Get) -> Result<Answer, Failure> {
        let private = config.private_addresses();
        let mut address = get.address.clone();
        // Whoever was led away by somebody else could be led back to do something in our name.
        let mut trusted = !get.secrets.is_empty();
        for hop in 0..=REDIRECTS_MAX {
            // What policy says is meant, wherever that is.
            let own = get.own && hop == 0;
            let meant = private || own;
            if address.url().scheme() != "https" && !meant {
                return Err(Failure::Never(Loss::NotAllowed));
            }
            trusted = trusted && (own || config.may_know(fetcher, &address));
            let headers = if trusted { headers(get)? } else { HeaderMap::new() };
            let response = self.guarded.get(&address, headers, meant).await.map_err(failure)?;
            match led(&response) {
                None => return Ok(Answer { response, known: trusted }),
                Some(None) => return Err(Failure::Never(Loss::Unreadable)),
                Some(Some(to)) => {
                    address = address.join(to).map_err(|_| Failure::Never(Loss::NotAllowed))?;
                }
            }
        }
        Err(Failure::Never(Loss::Unreadable))
    }
}

/// Where an answer leads, if it leads elsewhere; it may forget to say where.
fn led(response: &Response) -> Option<Option<&str>> {
    match response.status() {
        StatusCode::MOVED_PERMANENTLY
        | StatusCode::FOUND
        | StatusCode::SEE_OTHER
        | StatusCode::TEMPORARY_REDIRECT
        | StatusCode::PERMANENT_REDIRECT => {
            Some(response.headers().get(header::LOCATION).and_then(|to| to.to_str().ok()))
        }
        _ => None,
    }
}

fn refused(fetcher: &dyn Fetcher, answer: &Answer, then: Then) -> Result<(), Failure> {
    let (status, headers) = (answer.response.status(), answer.response.headers());
    match fetcher.refused(&Head { status, headers, then, known: answer.known }) {
        Some(failure) => Err(failure),
        None => Ok(()),
    }
}

fn headers(get: &Get) -> Result<HeaderMap, Failure> {
    let mut headers = HeaderMap::new();
    for (name, value) in &get.secrets {
        // A secret with a line break in it: somebody may still put it right.
        let value = HeaderValue::from_str(value.expose_secret());
        let mut value = value.map_err(|_| Failure::later(Loss::Refused))?;
        value.set_sensitive(true);
        headers.insert(*name, value);
    }
    Ok(headers)
}

fn failure(broken: Broken) -> Failure {
    match broken {
        Broken::Refused(_) => Failure::Never(Loss::NotAllowed),
        Broken::TooLarge => Failure::Never(Loss::TooLarge),
        Broken::Timeout | Broken::Unreachable => Failure::later(Loss::Unreachable),
    }
}

/// The type of a file: what came with it, unless that says less than what was announced.
pub(super) fn media_type(came: Option<&str>, announced: &domain::ids::MediaType) -> domain::ids::MediaType {
    /// What servers say that do not know.
    const ANYTHING: [&str; 2] = ["application/octet-stream", "binary/octet-stream"];
    let came = came.filter(|came| !came.trim().is_empty());
    let came = came.and_then(|came| crate::intake::media_type(came).ok());
    came.filter(|came| !ANYTHING.contains(&came.as_str())).unwrap_or_else(|| announced.clone())
}

/// Where a request goes, for tests.
#[cfg(test)]
pub(super) fn asked(get: &Get) -> (&str, Vec<(&'static str, String)>) {
    let shown =
        |(name, value): &(&'static str, secrecy::SecretString)| (*name, value.expose_secret().to_owned());
    (get.address.as_str(), get.secrets.iter().map(shown).collect())
}
