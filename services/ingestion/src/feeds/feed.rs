//! A feed as it is read: RSS 0.9x, 1.0 and 2.0, Atom 0.3 and 1.0, in one shape.

use std::collections::BTreeSet;

use domain::time::Timestamp;

use super::{address::Address, schedule::Schedule};

/// How much of everything there may be. What is over is refused, or left out where that is said.
pub mod limits {
    /// A feed as it comes, in bytes.
    pub const BODY_MAX: usize = 4 * 1024 * 1024;
    /// Elements of a document.
    pub const ELEMENTS_MAX: usize = 200_000;
    /// How deep elements may stand within each other.
    pub const DEPTH_MAX: usize = 128;
    /// Namespaces that are declared at one place of a document.
    pub const NAMESPACES_MAX: usize = 64;
    /// Attributes of an element; further ones are left out.
    pub const ATTRIBUTES_MAX: usize = 64;
    /// Entries of a feed; older ones are left out.
    pub const ENTRIES_MAX: usize = 1_000;
    /// The HTML of an entry, in bytes; longer ones are read as text.
    pub const HTML_MAX: usize = 256 * 1024;
    /// Tags of an entry's HTML; with more it is read as text.
    pub const TAGS_MAX: usize = 5_000;
    /// Categories, enclosures and links to answers of an entry, each; further ones are left out.
    pub const LISTED_MAX: usize = 32;
    /// A title, a name or a category, in bytes; longer ones are cut.
    pub const LINE_MAX: usize = 1_024;
    /// An address, in bytes; longer ones are left out.
    pub const ADDRESS_MAX: usize = 2_048;
    /// The id of an entry, in bytes; for longer ones a digest stands.
    pub const ID_MAX: usize = 1_024;
}

/// A feed, read. Everything in it is what strangers wrote, but no HTML in it does anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feed {
    /// Where it was read.
    pub address: Address,
    /// Its title, one line of text.
    pub title: Option<String>,
    /// The page that it is the feed of.
    pub link: Option<String>,
    /// BCP 47, in lower case.
    pub language: Option<String>,
    /// Who writes what does not say who wrote it.
    pub author: Option<Author>,
    /// When it last changed, as it says.
    pub updated: Option<Timestamp>,
    /// In the order of the feed, each id once.
    pub entries: Vec<Entry>,
    /// When its publisher wants it to be asked for again.
    pub schedule: Schedule,
    /// In what ways it is not as it should be; it was read all the same.
    pub flaws: Flaws,
}

/// Something that was published.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// What the feed calls it, else its link, else a digest of its title and date. At most [`limits::ID_MAX`] bytes without
    /// control characters.
    pub id: String,
    /// One line of text.
    pub title: Option<String>,
    /// The page that shows it.
    pub link: Option<String>,
    /// Who wrote it, as far as the entry says.
    pub author: Option<Author>,
    /// When it was published.
    pub published: Option<Timestamp>,
    /// When it was last changed.
    pub updated: Option<Timestamp>,
    /// A short form of it, as text.
    pub summary: Option<String>,
    /// All that the feed gives of it: its content, else its summary.
    pub content: Content,
    /// The entry that this one answers (`thr:in-reply-to`): its id.
    pub in_reply_to: Option<String>,
    /// Where people answer it (`comments`, `wfw:comment`, a link to replies): pages and feeds, in that order.
    pub replies: Vec<String>,
    /// What it is about.
    pub categories: Vec<String>,
    /// Files beside it. They are never fetched.
    pub enclosures: Vec<Enclosure>,
    /// BCP 47, in lower case, where the entry says so itself.
    pub language: Option<String>,
}

/// What an entry says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// HTML that does nothing: no scripts, styles or handlers, and nothing is loaded from anywhere by showing it.
    pub html: String,
    /// What a reader would see of it.
    pub text: String,
}

/// Who wrote something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Author {
    /// The name.
    pub name: Option<String>,
    /// The mail address.
    pub email: Option<String>,
    /// A page about them.
    pub uri: Option<String>,
}

/// A file beside an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enclosure {
    /// Where it is.
    pub url: String,
    /// What the feed says it is.
    pub media_type: Option<String>,
    /// How long the feed says it is, in bytes.
    pub bytes: Option<u64>,
}

/// What is wrong with a feed that was read all the same.
pub type Flaws = BTreeSet<Flaw>;

/// Something that is wrong with a feed that was read all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flaw {
    /// It is in another encoding than it says, or has characters that its encoding has not.
    Encoding,
    /// It is no well-formed XML: elements do not end, or end in the wrong order. What stands after may be missing.
    IllFormed,
    /// It declares entities. They were not expanded.
    DeclaredEntities,
    /// It refers to an entity that nobody knows; the reference stands as it is written.
    UnknownEntity,
    /// It has more entries than are read.
    TooManyEntries,
    /// The HTML of an entry was too large or too strange; its text was kept.
    HtmlDropped,
}

/// Why nothing was read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// More than is read.
    #[error("the feed is larger than {max} bytes: ask its publisher for one with fewer entries")]
    TooLarge {
        /// How much is read.
        max: usize,
    },
    /// More of something than is read.
    #[error("the feed has more than {max} {what}: ask its publisher for a plain one")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many are read.
        max: usize,
    },
    /// An encoding that the web does not use.
    #[error("the feed is in an encoding that is not read: UTF-8 is")]
    Charset,
    /// No RSS and no Atom.
    #[error("what is there is neither RSS nor Atom: name the address of the feed, not of the page")]
    NotAFeed,
}
