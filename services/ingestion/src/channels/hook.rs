//! A call as it came.

use std::borrow::Cow;

use domain::time::Timestamp;
use http::{HeaderMap, Method};

/// Pairs of a form that are read: in memory each is many times its text, and they are read to see whether they are proved.
pub const PAIRS_MAX: usize = 10_000;

/// One call at the webhook of an account.
#[derive(Clone, Copy, Debug)]
pub struct Hook<'a> {
    /// GET or POST.
    pub method: &'a Method,
    /// The whole address as the platform called it, query included: what some platforms sign.
    pub url: &'a str,
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// Its body, as it came.
    pub body: &'a [u8],
    /// When it came.
    pub now: Timestamp,
}

impl<'a> Hook<'a> {
    /// A header with one value in printable ASCII.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        let mut values = self.headers.get_all(name).iter();
        let only = values.next()?;
        if values.next().is_some() { None } else { only.to_str().ok() }
    }

    /// The part of the address after `?`.
    pub fn query(&self) -> &'a str {
        self.url.split_once('?').map_or("", |(_, query)| query)
    }

    /// The first value of a parameter of the address.
    pub fn parameter(&self, name: &str) -> Option<Cow<'a, str>> {
        form_urlencoded::parse(self.query().as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// The body as a form (`application/x-www-form-urlencoded`), in its order; at most [`PAIRS_MAX`] of its pairs, so that one
    /// with more is signed otherwise than it says.
    pub fn form(&self) -> impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)> + use<'a> {
        form_urlencoded::parse(self.body).take(PAIRS_MAX)
    }
}
