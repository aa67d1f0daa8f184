//! CSV as RFC 4180 has it: a header row, quoted cells with commas and line ends in them, LF or CRLF, with or
//! without a byte order mark.
//!
//! A quote that is never closed would swallow the rest of the file into one cell. So a row over
//! [`limits::ROW_MAX`], or one of several lines with the wrong number of columns, costs its first line only, and
//! reading goes on with the next.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use ::csv::{ByteRecord, Position, Reader, ReaderBuilder, Terminator};

use super::mapping::{Columns, Mapping};
use super::record::limits::ROW_MAX;
use super::{
    Author, Direction, Error, Flaw, Format, Links, Place, Reason, Record, Rejected, dates, lines, record,
};

/// The rows of a file below its header.
pub(super) struct Rows {
    reader: Reader<Budget<File>>,
    columns: Arc<Columns>,
    ended: bool,
}

/// The cells of one row.
pub(super) struct Row {
    line: u64,
    cells: ByteRecord,
    columns: Arc<Columns>,
}

impl Rows {
    pub(super) fn open(path: &Path, mapping: Option<&Mapping>) -> Result<Self, Error> {
        let file = File::open(path).map_err(Error::io(path))?;
        // Only LF ends a line for the reader, so that its positions always are the beginnings of lines; the CR before
        // it is taken off the last cell.
        let mut reader = ReaderBuilder::new()
            .flexible(true)
            .terminator(Terminator::Any(b'\n'))
            .from_reader(Budget::new(file));
        let read = reader.byte_headers().cloned();
        let header: Vec<_> = match read {
            Ok(header) => header.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect(),
            Err(_) if reader.get_ref().spent => Vec::new(),
            Err(error) => return Err(Error::Io { path: path.to_owned(), source: into_io(error) }),
        };
        if header.iter().all(|name| name.trim().is_empty()) {
            let remedy = "its first row must name the columns";
            return Err(Error::Format { path: path.to_owned(), format: Format::Csv, remedy });
        }
        let columns = match mapping {
            Some(mapping) => mapping.resolve(&header)?,
            None => Mapping::of_own_names(&header).resolve(&header)?,
        };
        Ok(Self { reader, columns: Arc::new(columns), ended: false })
    }

    /// The next row that is not blank.
    fn read(&mut self) -> io::Result<Option<Result<Row, Rejected>>> {
        loop {
            let start = self.reader.position().clone();
            let mut cells = ByteRecord::new();
            self.reader.get_mut().left = ROW_MAX;
            let expected = self.columns.width;
            match self.reader.read_byte_record(&mut cells) {
                Ok(false) => return Ok(None),
                Ok(true) if cells.len() == 1 && matches!(&cells[0], b"" | b"\r") => {}
                Ok(true) if cells.len() == expected => {
                    let line = self.line_of(&cells, &start)?;
                    return Ok(Some(Ok(Row { line, cells, columns: Arc::clone(&self.columns) })));
                }
                Ok(true) => {
                    let line = self.line_of(&cells, &start)?;
                    if cells.iter().any(|cell| cell.contains(&b'\n')) {
                        self.go_on_after_the_first_line_from(&start)?;
                    }
                    let reason = Reason::Ragged { expected, found: cells.len() };
                    return Ok(Some(Err(Flaw::row(reason).at(Place::Line(line)))));
                }
                Err(_) if self.reader.get_ref().spent => {
                    let line = self.go_on_after_the_first_line_from(&start)?;
                    return Ok(Some(Err(Flaw::row(Reason::TooLong { max: ROW_MAX }).at(Place::Line(line)))));
                }
                Err(error) => return Err(into_io(error)),
            }
        }
    }

    /// The line on which the row that was just read begins: counted back from its end, since blank lines before a
    /// row belong to what was read of it.
    fn line_of(&mut self, cells: &ByteRecord, start: &Position) -> io::Result<u64> {
        let end = self.reader.position().clone();
        let file = self.reader.get_ref();
        if file.ended && cells.iter().next_back().is_some_and(|cell| cell.ends_with(b"\n")) {
            // A quote that is never closed has taken in the end of the last line: counted from the front instead.
            let (line, _) = self.first_line_from(start)?;
            self.reader.seek_raw(SeekFrom::Start(end.byte()), end).map_err(into_io)?;
            return Ok(line);
        }
        let within: usize = cells.iter().map(|cell| cell.iter().filter(|&&byte| byte == b'\n').count()).sum();
        let own_end = u64::from(!file.ended_within_a_line());
        Ok(end.line().saturating_sub(within as u64 + own_end))
    }

    /// Reads the row that began at `start` as one line, which is the line returned, and the next row after it.
    fn go_on_after_the_first_line_from(&mut self, start: &Position) -> io::Result<u64> {
        let (line, next) = self.first_line_from(start)?;
        self.reader.seek_raw(SeekFrom::Start(next.byte()), next).map_err(into_io)?;
        Ok(line)
    }

    /// The first line from `start` on with something on it, and where the next begins. The reader must be told where to go
    /// on afterwards.
    fn first_line_from(&mut self, start: &Position) -> io::Result<(u64, Position)> {
        let file = self.reader.get_mut();
        file.refill();
        file.input.seek(SeekFrom::Start(start.byte()))?;
        let mut input = BufReader::new(&mut file.input);
        let (mut byte, mut line) = (start.byte(), start.line());
        loop {
            let (length, blank) = skip_line(&mut input)?;
            byte += length;
            line += 1;
            if !blank || length == 0 {
                break;
            }
        }
        let mut next = start.clone();
        next.set_byte(byte).set_line(line);
        Ok((line - 1, next))
    }
}

impl Iterator for Rows {
    type Item = Result<Row, Rejected>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let row = match self.read() {
            Ok(row) => row,
            Err(error) => {
                self.ended = true;
                let place = Place::Line(self.reader.position().line());
                Some(Err(Flaw::row(Reason::Unreadable(error.kind())).at(place)))
            }
        };
        self.ended |= row.is_none();
        row
    }
}

impl super::Row for Row {
    fn links(&self) -> Option<Links> {
        let id = record::id(&self.text("external_id", self.columns.external_id).ok()?).ok()?;
        let reply_to = self.reply_to().ok().flatten().and_then(|parent| record::id(&parent).ok());
        Some(Links { id, reply_to, ancestors: Vec::new() })
    }

    fn record(self: Box<Self>) -> Result<Record, Rejected> {
        self.read().and_then(Record::checked).map_err(|flaw| flaw.at(Place::Line(self.line)))
    }
}

impl Row {
    fn read(&self) -> Result<Record, Flaw> {
        let columns = &self.columns;
        let sent_at = self.text("sent_at", columns.sent_at)?;
        if sent_at.trim().is_empty() {
            return Err(Flaw::of("sent_at", Reason::Missing));
        }
        let fields = columns.fields.iter().filter_map(|(name, column)| match self.text("fields", *column) {
            Ok(value) if value.is_empty() => None,
            value => Some(value.map(|value| (name.clone(), value))),
        });
        Ok(Record {
            external_id: self.text("external_id", columns.external_id)?,
            reply_to: self.reply_to()?,
            thread_root: None,
            author: Author {
                external_id: self.text("author", columns.author)?,
                name: self.optional("name", columns.name)?,
                handle: self.optional("handle", columns.handle)?,
            },
            recipients: self.optional("recipients", columns.recipient)?.into_iter().collect(),
            direction: self
                .optional("inbound", columns.inbound)?
                .map_or(Ok(Direction::Inbound), |value| {
                    direction(&value).ok_or(Flaw::of("inbound", Reason::NotADirection))
                })?,
            text: self.text("text", columns.text)?,
            subject: self.optional("subject", columns.subject)?,
            sent_at: dates::parse(&sent_at).ok_or(Flaw::of("sent_at", Reason::NotATime))?,
            language: self.optional("language", columns.language)?,
            fields: fields.collect::<Result<_, _>>()?,
            attachments: Vec::new(),
            raw: None,
        })
    }

    fn reply_to(&self) -> Result<Option<String>, Flaw> {
        let parent = self.optional("reply_to", self.columns.reply_to)?;
        Ok(parent.map(|parent| if self.columns.integer_parents { without_fraction(&parent) } else { parent }))
    }

    fn optional(&self, field: &'static str, column: Option<usize>) -> Result<Option<String>, Flaw> {
        column.map(|column| self.text(field, column)).transpose()
    }

    fn text(&self, field: &'static str, column: usize) -> Result<String, Flaw> {
        let cell = self.cells.get(column).ok_or(Flaw::of(field, Reason::Missing))?;
        let cell = if column + 1 == self.cells.len() { lines::content(cell) } else { cell };
        let text = str::from_utf8(cell).map_err(|_| Flaw::of(field, Reason::NotUtf8))?;
        Ok(text.to_owned())
    }
}

/// A file of which a bounded number of bytes can be read before the bound is renewed.
struct Budget<R> {
    input: R,
    left: usize,
    /// The bound was reached.
    spent: bool,
    /// The last byte that was read.
    last: Option<u8>,
    /// The end of the file was reached.
    ended: bool,
}

impl<R> Budget<R> {
    fn new(input: R) -> Self {
        Self { input, left: ROW_MAX, spent: false, last: None, ended: false }
    }

    fn refill(&mut self) {
        self.left = ROW_MAX;
        self.spent = false;
        self.ended = false;
    }

    fn ended_within_a_line(&self) -> bool {
        self.ended && self.last.is_some_and(|byte| byte != b'\n')
    }
}

impl<R: Read> Read for Budget<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            self.spent = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let length = self.input.read(buffer)?;
        self.left = self.left.saturating_sub(length);
        match buffer[..length].last() {
            Some(&byte) => self.last = Some(byte),
            None => self.ended = true,
        }
        Ok(length)
    }
}

impl<R: Seek> Seek for Budget<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.input.seek(to)
    }
}

/// Skips to the next line; how long this one was, and whether there was nothing on it.
fn skip_line(input: &mut impl BufRead) -> io::Result<(u64, bool)> {
    let (mut length, mut blank) = (0, true);
    loop {
        let buffer = input.fill_buf()?;
        let end = buffer.iter().position(|&byte| byte == b'\n');
        let taken = end.map_or(buffer.len(), |end| end + 1);
        blank &= buffer[..taken].iter().all(|byte| matches!(byte, b'\r' | b'\n'));
        input.consume(taken);
        length += taken as u64;
        if end.is_some() || taken == 0 {
            return Ok((length, blank));
        }
    }
}

fn direction(value: &str) -> Option<Direction> {
    let value = value.trim().to_ascii_lowercase();
    match value.as_str() {
        "" | "true" | "1" | "yes" | "inbound" | "in" => Some(Direction::Inbound),
        "false" | "0" | "no" | "outbound" | "out" => Some(Direction::Outbound),
        _ => None,
    }
}

/// `3.0` is 3: an identifier from a column that was once a column of floats.
fn without_fraction(id: &str) -> String {
    let id = id.trim();
    id.strip_suffix(".0")
        .filter(|whole| whole.bytes().all(|byte| byte.is_ascii_digit()))
        .unwrap_or(id)
        .to_owned()
}

fn into_io(error: ::csv::Error) -> io::Error {
    error.into()
}
