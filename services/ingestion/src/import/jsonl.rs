//! One JSON object a line, with the names of the record's own fields.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use serde_json::{Map, Value};

use super::lines::{self, Line, Lines};
use super::record::limits::{FIELDS_MAX, LINE_MAX, RECIPIENTS_MAX};
use super::{Author, Direction, Error, Flaw, Links, Place, Reason, Record, Rejected, dates, record};

/// What an object may hold.
const KEYS: [&str; 10] = [
    "external_id",
    "reply_to",
    "author",
    "recipients",
    "direction",
    "text",
    "subject",
    "sent_at",
    "language",
    "fields",
];

const AUTHOR_KEYS: [&str; 3] = ["external_id", "name", "handle"];

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The lines of a file that are not blank.
pub(super) struct Rows {
    lines: Lines<BufReader<File>>,
    ended: bool,
}

/// One line.
pub(super) struct Row {
    line: u64,
    json: Vec<u8>,
}

impl Rows {
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).map_err(Error::io(path))?;
        Ok(Self { lines: Lines::new(BufReader::new(file), LINE_MAX), ended: false })
    }
}

impl Iterator for Rows {
    type Item = Result<Row, Rejected>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut json = Vec::new();
        while !self.ended {
            let read = self.lines.next(&mut json);
            let line = self.lines.number();
            let place = Place::Line(line);
            match read {
                Ok(None) => self.ended = true,
                Ok(Some(Line::Cut)) => {
                    return Some(Err(Flaw::row(Reason::TooLong { max: LINE_MAX }).at(place)));
                }
                Ok(Some(Line::Whole)) => {
                    if line == 1 && json.starts_with(BYTE_ORDER_MARK) {
                        json.drain(..BYTE_ORDER_MARK.len());
                    }
                    if !lines::content(&json).trim_ascii().is_empty() {
                        return Some(Ok(Row { line, json }));
                    }
                }
                Err(error) => {
                    self.ended = true;
                    return Some(Err(Flaw::row(Reason::Unreadable(error.kind())).at(place)));
                }
            }
        }
        None
    }
}

impl super::Row for Row {
    fn links(&self) -> Option<Links> {
        let mut object = self.object().ok()?;
        let id = id_of(&mut object, "external_id")?;
        let reply_to = id_of(&mut object, "reply_to");
        Some(Links { id, reply_to, ancestors: Vec::new() })
    }

    fn record(self: Box<Self>) -> Result<Record, Rejected> {
        self.object().and_then(read).and_then(Record::checked).map_err(|flaw| flaw.at(Place::Line(self.line)))
    }
}

impl Row {
    fn object(&self) -> Result<Map<String, Value>, Flaw> {
        let text = str::from_utf8(&self.json).map_err(|_| Flaw::row(Reason::NotUtf8))?;
        // The parser's own message could quote the text, so it is not told.
        serde_json::from_str(text).map_err(|_| Flaw::row(Reason::NotAnObject))
    }
}

fn read(mut object: Map<String, Value>) -> Result<Record, Flaw> {
    if object.keys().any(|key| !KEYS.contains(&key.as_str())) {
        return Err(Flaw::row(Reason::UnknownKey));
    }
    Ok(Record {
        external_id: id(&mut object, "external_id")?.ok_or(Flaw::of("external_id", Reason::Missing))?,
        reply_to: id(&mut object, "reply_to")?,
        thread_root: None,
        author: author(&mut object)?,
        recipients: recipients(&mut object)?,
        direction: direction(&mut object)?,
        text: string(&mut object, "text")?.unwrap_or_default(),
        subject: string(&mut object, "subject")?,
        sent_at: sent_at(&mut object)?,
        language: string(&mut object, "language")?,
        fields: fields(&mut object)?,
        attachments: Vec::new(),
        raw: None,
    })
}

fn author(object: &mut Map<String, Value>) -> Result<Author, Flaw> {
    let wrong = Flaw::of("author", Reason::WrongType { expected: "an object" });
    let mut author = match value(object, "author") {
        Some(Value::Object(author)) => author,
        Some(_) => return Err(wrong),
        None => return Err(Flaw::of("author", Reason::Missing)),
    };
    if author.keys().any(|key| !AUTHOR_KEYS.contains(&key.as_str())) {
        return Err(Flaw::of("author", Reason::UnknownKey));
    }
    Ok(Author {
        external_id: id(&mut author, "external_id")?.ok_or(Flaw::of("author", Reason::Missing))?,
        name: string(&mut author, "name")?,
        handle: string(&mut author, "handle")?,
    })
}

fn recipients(object: &mut Map<String, Value>) -> Result<Vec<String>, Flaw> {
    let wrong = Flaw::of("recipients", Reason::WrongType { expected: "a list of strings" });
    match value(object, "recipients") {
        None => Ok(Vec::new()),
        Some(Value::Array(list)) if list.len() > RECIPIENTS_MAX => {
            Err(Flaw::of("recipients", Reason::TooMany { max: RECIPIENTS_MAX }))
        }
        Some(Value::Array(list)) => list
            .into_iter()
            .map(|recipient| match recipient {
                Value::String(recipient) => Ok(recipient),
                _ => Err(wrong),
            })
            .collect(),
        Some(_) => Err(wrong),
    }
}

fn direction(object: &mut Map<String, Value>) -> Result<Direction, Flaw> {
    match string(object, "direction")?.as_deref() {
        None | Some("inbound") => Ok(Direction::Inbound),
        Some("outbound") => Ok(Direction::Outbound),
        Some(_) => Err(Flaw::of("direction", Reason::NotADirection)),
    }
}

fn sent_at(object: &mut Map<String, Value>) -> Result<jiff::Timestamp, Flaw> {
    let time = match value(object, "sent_at") {
        None => return Err(Flaw::of("sent_at", Reason::Missing)),
        Some(Value::String(text)) => dates::parse(&text),
        Some(Value::Number(number)) => number.as_i64().and_then(dates::epoch),
        Some(_) => None,
    };
    time.ok_or(Flaw::of("sent_at", Reason::NotATime))
}

fn fields(object: &mut Map<String, Value>) -> Result<BTreeMap<String, String>, Flaw> {
    let wrong =
        Flaw::of("fields", Reason::WrongType { expected: "an object of strings, numbers and booleans" });
    let fields = match value(object, "fields") {
        None => return Ok(BTreeMap::new()),
        Some(Value::Object(fields)) => fields,
        Some(_) => return Err(wrong),
    };
    if fields.len() > FIELDS_MAX {
        return Err(Flaw::of("fields", Reason::TooMany { max: FIELDS_MAX }));
    }
    let written = fields.into_iter().filter_map(|(name, value)| match value {
        Value::Null => None,
        Value::String(value) if value.is_empty() => None,
        Value::String(value) => Some(Ok((name, value))),
        Value::Number(_) | Value::Bool(_) => Some(Ok((name, value.to_string()))),
        Value::Array(_) | Value::Object(_) => Some(Err(wrong)),
    });
    written.collect()
}

fn string(object: &mut Map<String, Value>, field: &'static str) -> Result<Option<String>, Flaw> {
    match value(object, field) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Flaw::of(field, Reason::WrongType { expected: "a string" })),
    }
}

/// An identifier: platforms write them as strings and as whole numbers.
fn id(object: &mut Map<String, Value>, field: &'static str) -> Result<Option<String>, Flaw> {
    match value(object, field) {
        None => Ok(None),
        Some(Value::String(id)) => Ok(Some(id)),
        Some(Value::Number(number)) if number.is_i64() || number.is_u64() => Ok(Some(number.to_string())),
        Some(_) => Err(Flaw::of(field, Reason::WrongType { expected: "a string or a whole number" })),
    }
}

fn id_of(object: &mut Map<String, Value>, field: &'static str) -> Option<String> {
    record::id(&id(object, field).ok()??).ok()
}

/// A value that is there; null is not.
fn value(object: &mut Map<String, Value>, key: &str) -> Option<Value> {
    object.remove(key).filter(|value| !value.is_null())
}
