//! The vocabularies that feeds are written in.

/// A vocabulary, whichever of its addresses and versions a document names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Namespace {
    /// No prefix and no address, as RSS 0.9x and 2.0 are written.
    None,
    /// RSS 0.90, 1.0 and what some call RSS 2.0's.
    Rss,
    Rdf,
    /// Atom 0.3 and 1.0.
    Atom,
    /// Dublin Core, its terms included.
    Dc,
    /// Content of RSS entries.
    Content,
    /// Comments on an entry.
    WellFormedWeb,
    /// Counts of comments.
    Slash,
    /// Replies in Atom (RFC 4685).
    Threading,
    /// How often a feed changes.
    Syndication,
    Itunes,
    Media,
    Xhtml,
    Xml,
    Other,
}

impl Namespace {
    pub(super) fn of(uri: &str) -> Self {
        let uri = uri.trim().trim_end_matches(['/', '#']).to_ascii_lowercase();
        // Both schemes are in use for what is only a name.
        let name = uri.strip_prefix("https://").or_else(|| uri.strip_prefix("http://")).unwrap_or(&uri);
        match name {
            "" => Self::None,
            "purl.org/rss/1.0"
            | "my.netscape.com/rdf/simple/0.9"
            | "channel.netscape.com/rdf/simple/0.9"
            | "my.netscape.com/publish/formats/rss-0.91.dtd"
            | "purl.org/net/rss1.1"
            | "backend.userland.com/rss"
            | "backend.userland.com/rss2"
            | "backend.userland.com/rss091"
            | "blogs.law.harvard.edu/tech/rss"
            | "rssnamespace.org/feeds/rss" => Self::Rss,
            "www.w3.org/1999/02/22-rdf-syntax-ns" => Self::Rdf,
            "www.w3.org/2005/atom" | "purl.org/atom/ns" | "example.com/newformat" | "example.com/necho" => {
                Self::Atom
            }
            "purl.org/dc/elements/1.1" | "purl.org/dc/elements/1.0" | "purl.org/dc/terms" => Self::Dc,
            "purl.org/rss/1.0/modules/content" => Self::Content,
            "wellformedweb.org/commentapi" => Self::WellFormedWeb,
            "purl.org/rss/1.0/modules/slash" => Self::Slash,
            "purl.org/syndication/thread/1.0" => Self::Threading,
            "purl.org/rss/1.0/modules/syndication" => Self::Syndication,
            "www.itunes.com/dtds/podcast-1.0.dtd" | "example.com/dtds/podcast-1.0.dtd" => Self::Itunes,
            "search.yahoo.com/mrss" => Self::Media,
            "www.w3.org/1999/xhtml" => Self::Xhtml,
            "www.w3.org/xml/1998/namespace" => Self::Xml,
            _ => Self::Other,
        }
    }

    /// What an undeclared prefix usually means.
    pub(super) fn of_prefix(prefix: &str) -> Self {
        match prefix {
            "" => Self::None,
            "xml" => Self::Xml,
            "rdf" => Self::Rdf,
            "atom" => Self::Atom,
            "dc" | "dcterms" => Self::Dc,
            "content" => Self::Content,
            "wfw" => Self::WellFormedWeb,
            "slash" => Self::Slash,
            "thr" => Self::Threading,
            "sy" => Self::Syndication,
            "itunes" => Self::Itunes,
            "media" => Self::Media,
            "xhtml" => Self::Xhtml,
            _ => Self::Other,
        }
    }

    /// Whether the words of RSS and Atom themselves are meant.
    pub(super) fn is_core(self) -> bool {
        matches!(self, Self::None | Self::Rss | Self::Atom)
    }
}
