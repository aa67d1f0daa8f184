//! Feeds of forums, blogs and news: asked politely, read within bounds, made messages.
//!
//! [`parse`] reads RSS and Atom; [`messages()`] says what of it is a message; [`Poll`] knows when a feed is asked again and what
//! its answer means; [`Runner`] asks, for the accounts whose connector is [`settings::CONNECTOR`], in one process of the site.
//! Reading, and what is to be done, is pure.
//!
//! What is absent: nothing of an entry is ever fetched, neither a picture nor an enclosure nor a page.

pub mod address;
mod author;
mod charset;
pub mod client;
mod cost;
mod dates;
pub mod feed;
mod html;
pub mod http;
mod links;
mod messages;
mod names;
pub mod pace;
pub mod poll;
mod polling;
mod read;
mod references;
pub mod runner;
pub mod schedule;
mod scope;
pub mod settings;
mod store;
mod value;
mod xml;

pub use address::Address;
pub use client::Client;
pub use feed::{Error, Feed};
use feed::{Flaw, Flaws, limits::BODY_MAX};
pub use http::Http;
pub use messages::messages;
pub use poll::{Outcome, Poll, Source};
pub(crate) use polling::Polling;
pub use runner::{Runner, Store};
pub(crate) use settings::CONNECTOR;
pub(crate) use store::Kept;

/// The feed in `body`, which was read at `address` and came with this content type.
///
/// # Errors
/// If it is no feed, or more than one may be. A feed that is only not as it should be is read, and says so
/// ([`Feed::flaws`]).
pub fn parse(body: &[u8], content_type: Option<&str>, address: &Address) -> Result<Feed, Error> {
    if body.len() > BODY_MAX {
        return Err(Error::TooLarge { max: BODY_MAX });
    }
    let decoded = charset::decode(body, content_type)?;
    let mut flaws = Flaws::new();
    if decoded.guessed {
        flaws.insert(Flaw::Encoding);
    }
    let root = xml::read(&decoded.text, &mut flaws)?;
    read::feed(&root, address, flaws)
}

#[cfg(test)]
mod tests;
