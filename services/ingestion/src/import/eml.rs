//! Mails that are a file each: one of them, or a folder with everything below it.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::vec;

use super::mail::Mail;
use super::record::limits::{FILES_MAX, MAIL_MAX};
use super::{Error, Flaw, Format, Place, Reason, Rejected};

/// Where a Maildir keeps its mails, which have no extension.
const MAILDIR: [&str; 2] = ["cur", "new"];

/// The mails of a folder, sorted by path.
pub(super) struct Mails {
    base: PathBuf,
    files: vec::IntoIter<PathBuf>,
    own: Arc<BTreeSet<String>>,
}

impl Mails {
    pub(super) fn open(path: &Path, own: Arc<BTreeSet<String>>) -> Result<Self, Error> {
        let metadata = fs::metadata(path).map_err(Error::io(path))?;
        let (base, files) = if metadata.is_dir() {
            (path.to_owned(), mails_below(path)?)
        } else {
            (path.parent().unwrap_or(Path::new("")).to_owned(), vec![path.to_owned()])
        };
        if files.is_empty() {
            let remedy = "the folder has no file *.eml and no Maildir below it";
            return Err(Error::Format { path: path.to_owned(), format: Format::Eml, remedy });
        }
        Ok(Self { base, files: files.into_iter(), own })
    }
}

impl Iterator for Mails {
    type Item = Result<Mail, Rejected>;

    fn next(&mut self) -> Option<Self::Item> {
        let path = self.files.next()?;
        let place = Place::File(path.strip_prefix(&self.base).unwrap_or(&path).to_owned());
        Some(match read(&path) {
            Ok(Some(bytes)) => Ok(Mail { place, bytes, own: Arc::clone(&self.own) }),
            Ok(None) => Err(Flaw::row(Reason::TooLong { max: MAIL_MAX }).at(place)),
            Err(error) => Err(Flaw::row(Reason::Unreadable(error.kind())).at(place)),
        })
    }
}

/// The file, unless it is longer than is kept.
fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAIL_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() <= MAIL_MAX).then_some(bytes))
}

/// Links are not followed: they could lead in circles or out of the folder.
fn mails_below(path: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        let maildir = folder.file_name().is_some_and(|name| MAILDIR.iter().any(|kind| name == *kind));
        for entry in fs::read_dir(&folder).map_err(Error::io(&folder))? {
            let entry = entry.map_err(Error::io(&folder))?;
            let kind = entry.file_type().map_err(Error::io(&folder))?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() && (maildir || is_eml(&entry.path())) {
                files.push(entry.path());
            }
        }
        if files.len() > FILES_MAX {
            return Err(Error::TooMany { path: path.to_owned(), what: "mails", max: FILES_MAX });
        }
    }
    files.sort_unstable();
    Ok(files)
}

fn is_eml(path: &Path) -> bool {
    path.extension().and_then(OsStr::to_str).is_some_and(|extension| extension.eq_ignore_ascii_case("eml"))
}
