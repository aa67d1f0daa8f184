//! What fields a kind has, and what may stand in them.

use serde_json::Value;

use super::problem::{Fault, suggest};
use crate::{ids::Invalid, stored::Fields};

/// Checks a text against the rule of its type.
pub(super) type Check = fn(&str) -> Result<(), Invalid>;

/// A field of a document or of a table in it.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    pub(super) required: bool,
}

/// What may stand in a field.
pub(super) enum Shape {
    /// Any text of at most so many characters, not empty.
    Text(usize),
    /// A text that keeps a rule.
    Checked(Check),
    /// The id of a document of this kind.
    Ref(&'static str),
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// Yes or no.
    Bool,
    /// A whole number between two.
    Integer(i64, i64),
    /// A length of time of so many seconds at most.
    Duration(i64),
    /// Several of a shape, none twice.
    List(&'static Shape),
    /// Things by name; of a kind that cascades, each cascades by itself.
    Map(Check, &'static Shape),
    /// A table with fields of its own.
    Table(&'static [Field]),
}

/// A reference to a document that ought to be there.
pub(super) struct Reference<'a> {
    pub(super) pointer: String,
    pub(super) kind: &'static str,
    pub(super) id: &'a str,
}

pub(super) const fn required(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, required: true }
}

pub(super) const fn optional(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, required: false }
}

/// Everything that is wrong with `table`, and every reference in it. Keys in `besides` are somebody else's to check.
pub(super) fn check<'a>(
    fields: &[Field],
    besides: &[&str],
    table: &'a Fields,
    faults: &mut Vec<Fault>,
    references: &mut Vec<Reference<'a>>,
) {
    Walk { faults, references }.table(fields, besides, table, "");
}

/// The seconds of a duration in ISO 8601 (`P14D`) or in words (`14 days`). Days have 24 hours; months and years have no
/// fixed length and are refused.
pub(super) fn seconds(text: &str) -> Option<i64> {
    let span: jiff::Span = text.trim().parse().ok()?;
    let duration = span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).ok()?;
    Some(duration.as_secs()).filter(|seconds| *seconds >= 0)
}

/// A time zone that the calendar library knows.
pub(super) fn time_zone(name: &str) -> Result<(), Invalid> {
    const RULE: &str = "a name of the IANA database, such as Europe/Paris";
    jiff::tz::TimeZone::get(name).map(drop).map_err(|_| Invalid { what: "a time zone", rule: RULE })
}

struct Walk<'w, 'a> {
    faults: &'w mut Vec<Fault>,
    references: &'w mut Vec<Reference<'a>>,
}

impl<'a> Walk<'_, 'a> {
    fn table(&mut self, fields: &[Field], besides: &[&str], table: &'a Fields, pointer: &str) {
        for (name, value) in table.iter().filter(|(name, _)| !besides.contains(&name.as_str())) {
            let here = format!("{pointer}/{}", escape(name));
            match fields.iter().find(|field| field.name == name) {
                Some(field) => self.value(&field.shape, value, &here),
                None => {
                    let known = fields.iter().map(|field| field.name).chain(besides.iter().copied());
                    let remedy = suggest(name, known, "the keys here are");
                    self.fault(&here, format!("unknown key \"{name}\""), remedy);
                }
            }
        }
        for field in fields.iter().filter(|field| field.required && !table.contains_key(field.name)) {
            let remedy = format!("add it: {}", field.shape.expected());
            self.fault(pointer, format!("\"{}\" is missing", field.name), remedy);
        }
    }

    fn value(&mut self, shape: &Shape, value: &'a Value, pointer: &str) {
        match (shape, value) {
            (Shape::Text(max), Value::String(text)) => {
                if !(1..=*max).contains(&text.chars().count()) {
                    self.unexpected(shape, "a text of another length", pointer);
                }
            }
            (Shape::Checked(check), Value::String(text)) => self.checked(*check, text, pointer),
            (Shape::Ref(kind), Value::String(id)) => {
                self.references.push(Reference { pointer: pointer.to_owned(), kind, id });
            }
            (Shape::OneOf(words), Value::String(text)) => {
                if !words.contains(&text.as_str()) {
                    let remedy = suggest(text, words.iter().copied(), "it is one of");
                    self.fault(pointer, format!("unknown word \"{text}\""), remedy);
                }
            }
            (Shape::Integer(min, max), Value::Number(number)) => {
                if !number.as_i64().is_some_and(|number| (*min..=*max).contains(&number)) {
                    self.unexpected(shape, "another number", pointer);
                }
            }
            (Shape::Duration(max), Value::String(text)) => {
                if seconds(text).is_none_or(|seconds| seconds > *max) {
                    self.unexpected(shape, "another text", pointer);
                }
            }
            (Shape::List(item), Value::Array(values)) => {
                for (index, value) in values.iter().enumerate() {
                    let here = format!("{pointer}/{index}");
                    self.value(item, value, &here);
                    if values[..index].contains(value) {
                        self.fault(&here, "it stands in the list twice", "take one of them away");
                    }
                }
            }
            (Shape::Map(key, item), Value::Object(members)) => {
                for (name, value) in members {
                    let here = format!("{pointer}/{}", escape(name));
                    self.checked(*key, name, &here);
                    self.value(item, value, &here);
                }
            }
            (Shape::Table(fields), Value::Object(table)) => self.table(fields, &[], table, pointer),
            (Shape::Bool, Value::Bool(_)) => {}
            (
                Shape::Text(_)
                | Shape::Checked(_)
                | Shape::Ref(_)
                | Shape::OneOf(_)
                | Shape::Bool
                | Shape::Integer(..)
                | Shape::Duration(_)
                | Shape::List(_)
                | Shape::Map(..)
                | Shape::Table(_),
                found,
            ) => self.unexpected(shape, sort(found), pointer),
        }
    }

    fn checked(&mut self, check: Check, text: &str, pointer: &str) {
        if let Err(Invalid { what, rule }) = check(text) {
            self.fault(pointer, format!("this is not {what}"), format!("{what} is {rule}"));
        }
    }

    fn unexpected(&mut self, shape: &Shape, found: &str, pointer: &str) {
        self.fault(pointer, format!("found {found}"), format!("write {}", shape.expected()));
    }

    fn fault(&mut self, pointer: &str, message: impl Into<String>, remedy: impl Into<String>) {
        self.faults.push(Fault::new(pointer, message, remedy));
    }
}

impl Shape {
    /// What may stand there, in words.
    fn expected(&self) -> String {
        match self {
            Self::Text(max) => format!("a text of 1 to {max} characters, in quotes"),
            Self::Checked(_) => "a text, in quotes".to_owned(),
            Self::Ref(kind) => format!("the id of a {kind}, in quotes"),
            Self::OneOf(words) => format!("one of \"{}\"", words.join("\", \"")),
            Self::Bool => "true or false".to_owned(),
            Self::Integer(min, max) => format!("a whole number from {min} to {max}"),
            Self::Duration(max) => {
                let days = max / (24 * 60 * 60);
                format!("a duration such as \"36 hours\", \"14 days\" or \"P14D\", at most {days} days")
            }
            Self::List(item) => format!("a list in brackets, each {}", item.expected()),
            Self::Map(_, item) => format!("a table of names, each with {}", item.expected()),
            Self::Table(fields) => {
                let names: Vec<&str> = fields.iter().map(|field| field.name).collect();
                format!("a table with {}", names.join(", "))
            }
        }
    }
}

const fn sort(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a table",
    }
}

/// A name as a token of a JSON pointer (RFC 6901).
fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
