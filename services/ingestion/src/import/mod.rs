//! Pure readers of past messages: CSV, JSON lines, mbox and mails, each turned into neutral [`Record`]s.
//!
//! Nothing here writes, sends or looks at a clock. A file is read twice: [`open`] reads the identifiers and the
//! links between them, resolves the root of every thread and counts the rows; [`Import::records`] then reads the
//! records themselves and fills their thread roots. So memory holds identifiers only, rows may come in any order,
//! and a reply finds its thread although its parent comes later or is not in the file at all.
//!
//! A row that cannot be used is a [`Rejected`]: it says where, which field, why and what to do about it, and never
//! what the row contained. It does not stop the rows after it: `rows = records + rejected`, always.

mod csv;
mod dates;
mod eml;
mod jsonl;
mod lines;
mod mail;
mod mapping;
mod mbox;
mod near;
mod record;
mod rejected;
pub mod roots;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::{fmt, fs, io};

pub use mapping::{Mapping, MappingError, Preset};
pub use record::{Attachment, Author, Direction, Record, limits};
pub use rejected::{Place, Reason, Rejected};

use rejected::Flaw;
use roots::Roots;

/// How the past messages are written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// RFC 4180 with a header row; a [`Mapping`] says which column is what.
    Csv,
    /// One JSON object a line, with the names of [`Record`]'s fields:
    /// `{"external_id", "reply_to"?, "author": {"external_id", "name"?, "handle"?}, "recipients"?: [..],
    /// "direction"?: "inbound" | "outbound", "text", "subject"?, "sent_at", "language"?, "fields"?: {"name": "value"}}`.
    /// Without a direction a message is inbound. Attachments and raw mails cannot be written this way.
    Jsonl,
    /// Many mails in one file, separated by `From ` lines (RFC 4155), with the escaping of mboxo or mboxrd.
    Mbox,
    /// One mail, or a folder of them: every `*.eml` in it, and every file in a Maildir's `cur` and `new`.
    Eml,
}

impl Format {
    /// Every format, by the name it has on the command line.
    pub const ALL: [Self; 4] = [Self::Csv, Self::Jsonl, Self::Mbox, Self::Eml];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
            Self::Mbox => "mbox",
            Self::Eml => "eml",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        Self::ALL
            .into_iter()
            .find(|format| format.name() == name)
            .ok_or_else(|| UnknownFormat(name.to_owned()))
    }
}

/// No format has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a format: choose csv, jsonl, mbox or eml")]
pub struct UnknownFormat(String);

/// What the file does not say itself.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Which column is what, for CSV. Without it the columns have the names of the mapping's keys.
    pub mapping: Option<Mapping>,
    /// The mail addresses of the account: a mail from one of them is outbound. Compared without case.
    pub own_addresses: Vec<String>,
}

/// Why nothing of a file can be imported.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file or folder cannot be read.
    #[error("{} cannot be read", path.display())]
    Io {
        /// What was to be read.
        path: PathBuf,
        /// Why it cannot.
        source: io::Error,
    },
    /// A pipe or a device, or the `-` that means one elsewhere.
    #[error(
        "{} is no file and no folder; save what it gives to a file first: an import reads its file twice",
        path.display()
    )]
    NoFile {
        /// What was to be read.
        path: PathBuf,
    },
    /// The file is of another kind than the format that was named.
    #[error("{} is not {format}: {remedy}", path.display())]
    Format {
        /// What was to be read.
        path: PathBuf,
        /// The format it should have had.
        format: Format,
        /// What to do about it.
        remedy: &'static str,
    },
    /// The mapping does not fit the header row.
    #[error(transparent)]
    Mapping(#[from] MappingError),
    /// There is more than one import can hold.
    #[error("{} has more than {max} {what}: import it in parts", path.display())]
    TooMany {
        /// What was to be read.
        path: PathBuf,
        /// What there is too much of.
        what: &'static str,
        /// How much of it there may be.
        max: usize,
    },
}

impl Error {
    fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}

/// A file of past messages whose threads are known.
#[derive(Debug, Clone)]
pub struct Import {
    source: Source,
    roots: Arc<Roots>,
    rows: u64,
}

/// Reads the identifiers and links of the messages at `path`, so that [`Import::records`] can follow.
///
/// # Errors
/// If nothing of it can be imported; a row that cannot be used is no such error.
pub fn open(path: &Path, format: Format, options: Options) -> Result<Import, Error> {
    let own = options.own_addresses.iter().map(|address| address.trim().to_lowercase()).collect();
    let found = fs::metadata(path);
    // To open a pipe would be to wait for whoever writes into it.
    let readable = found.as_ref().map_or(path != Path::new("-"), |found| found.is_file() || found.is_dir());
    if !readable {
        return Err(Error::NoFile { path: path.to_owned() });
    }
    found.map_err(Error::io(path))?;
    let source = Source { path: path.to_owned(), format, mapping: options.mapping, own: Arc::new(own) };
    let mut roots = roots::Builder::default();
    let mut rows = 0;
    for row in source.rows()? {
        rows += 1;
        let links = match row {
            Ok(row) => row.links(),
            Err(Rejected { reason: Reason::Unreadable(kind), .. }) if format != Format::Eml => {
                return Err(Error::Io { path: path.to_owned(), source: kind.into() });
            }
            Err(_) => None,
        };
        if let Some(links) = links {
            links.add_to(&mut roots).map_err(|roots::Full| Error::TooMany {
                path: path.to_owned(),
                what: "identifiers",
                max: roots::NODES_MAX,
            })?;
        }
    }
    Ok(Import { source, roots: Arc::new(roots.build()), rows })
}

impl Import {
    /// How many items [`Import::records`] yields, the rejected ones included.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The thread roots of everything in the file.
    pub fn roots(&self) -> &Roots {
        &self.roots
    }

    /// The messages in the order of the file (of a folder: by path), doubled ones as often as they are there.
    ///
    /// # Errors
    /// If the file cannot be opened again. Should a file become unreadable on the way, the last item says so.
    pub fn records(&self) -> Result<Records, Error> {
        Ok(Records { rows: self.source.rows()?, roots: Arc::clone(&self.roots) })
    }
}

/// The messages of an [`Import`], one after the other.
pub struct Records {
    rows: Rows,
    roots: Arc<Roots>,
}

impl Iterator for Records {
    type Item = Result<Record, Rejected>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut record = match self.rows.next()?.and_then(Row::record) {
            Ok(record) => record,
            Err(rejected) => return Some(Err(rejected)),
        };
        record.thread_root =
            Some(self.roots.root(&record.external_id).unwrap_or(&record.external_id).to_owned());
        Some(Ok(record))
    }
}

/// One row as it was read: cheap to ask for its links, more costly for its record.
trait Row {
    /// What the row says about threads, even where the rest of it is unusable.
    fn links(&self) -> Option<Links>;

    /// The message, without its thread root.
    fn record(self: Box<Self>) -> Result<Record, Rejected>;
}

type Rows = Box<dyn Iterator<Item = Result<Box<dyn Row>, Rejected>> + Send>;

/// An identifier and what it answers.
struct Links {
    id: String,
    reply_to: Option<String>,
    /// The ancestors from the first message of the thread to the parent, as a mail's References has them.
    ancestors: Vec<String>,
}

impl Links {
    fn add_to(&self, roots: &mut roots::Builder) -> Result<(), roots::Full> {
        roots.message(&self.id)?;
        if let Some(parent) = &self.reply_to {
            roots.reply(&self.id, parent)?;
        }
        if let Some(parent) = self.ancestors.last() {
            roots.reply(&self.id, parent)?;
        }
        for pair in self.ancestors.windows(2) {
            roots.reply(&pair[1], &pair[0])?;
        }
        Ok(())
    }
}

#[derive(Debug, Clone)]
struct Source {
    path: PathBuf,
    format: Format,
    mapping: Option<Mapping>,
    own: Arc<BTreeSet<String>>,
}

impl Source {
    fn rows(&self) -> Result<Rows, Error> {
        Ok(match self.format {
            Format::Csv => boxed(csv::Rows::open(&self.path, self.mapping.as_ref())?),
            Format::Jsonl => boxed(jsonl::Rows::open(&self.path)?),
            Format::Mbox => boxed(mbox::Mails::open(&self.path, Arc::clone(&self.own))?),
            Format::Eml => boxed(eml::Mails::open(&self.path, Arc::clone(&self.own))?),
        })
    }
}

fn boxed<R: Row + 'static>(rows: impl Iterator<Item = Result<R, Rejected>> + Send + 'static) -> Rows {
    Box::new(rows.map(|row| row.map(|row| Box::new(row) as Box<dyn Row>)))
}
