//! Messages and enums as JSON Schema 2020-12, as proto3 JSON writes them.

use std::collections::{BTreeMap, HashSet};

use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor, OneofDescriptor};
use serde_json::{Map, Value, json};

use super::{comments::Comments, reference};

/// Collects what is referred to.
pub(super) struct Schemas {
    /// The names of what answers have.
    answered: HashSet<String>,
    waiting: Vec<Named>,
    known: HashSet<String>,
}

enum Named {
    Message(MessageDescriptor),
    Enum(EnumDescriptor),
}

impl Schemas {
    pub(super) fn new(outputs: impl Iterator<Item = MessageDescriptor>) -> Self {
        Self { answered: reachable(outputs), waiting: Vec::new(), known: HashSet::new() }
    }

    /// The schema of a message where it is used.
    pub(super) fn reference(&mut self, message: &MessageDescriptor) -> Value {
        if let Some(schema) = well_known(message.full_name()) {
            return schema;
        }
        if self.known.insert(message.full_name().to_owned()) {
            self.waiting.push(Named::Message(message.clone()));
        }
        reference(message.full_name())
    }

    /// The schemas of everything that was referred to, and of what those refer to.
    pub(super) fn finish(mut self, comments: &mut Comments) -> Map<String, Value> {
        let mut schemas = BTreeMap::new();
        while let Some(named) = self.waiting.pop() {
            let (name, schema) = match named {
                Named::Message(message) => (message.full_name().to_owned(), self.message(&message, comments)),
                Named::Enum(values) => (values.full_name().to_owned(), enumeration(&values, comments)),
            };
            schemas.insert(name, schema);
        }
        schemas.into_iter().collect()
    }

    fn message(&mut self, message: &MessageDescriptor, comments: &mut Comments) -> Value {
        let file = message.parent_file();
        let mut properties = Map::new();
        for field in message.fields() {
            let mut schema = self.field(&field);
            let description = comments.of(&file, field.path());
            if !description.is_empty() {
                // Beside a reference this is allowed since 3.1.
                schema["description"] = description.into();
            }
            properties.insert(field.json_name().to_owned(), schema);
        }
        let mut schema = json!({ "type": "object", "properties": properties });
        let description = comments.of(&file, message.path());
        if !description.is_empty() {
            schema["description"] = description.into();
        }
        let oneofs: Vec<_> =
            message.oneofs().filter(|oneof| !oneof.is_synthetic()).map(|oneof| at_most_one(&oneof)).collect();
        if !oneofs.is_empty() {
            schema["allOf"] = oneofs.into();
        }
        if !self.answered.contains(message.full_name()) {
            schema["additionalProperties"] = false.into();
        }
        schema
    }

    fn field(&mut self, field: &FieldDescriptor) -> Value {
        match field.kind() {
            Kind::Message(entry) if field.is_map() => {
                let values = self.kind(&entry.map_entry_value_field().kind());
                let mut schema = json!({ "type": "object", "additionalProperties": values });
                if let Some(pattern) = key_pattern(&entry.map_entry_key_field().kind()) {
                    schema["propertyNames"] = json!({ "pattern": pattern });
                }
                schema
            }
            kind if field.is_list() => json!({ "type": "array", "items": self.kind(&kind) }),
            kind => self.kind(&kind),
        }
    }

    fn kind(&mut self, kind: &Kind) -> Value {
        match kind {
            Kind::Message(message) => self.reference(message),
            Kind::Enum(values) if values.full_name() == "google.protobuf.NullValue" => {
                json!({ "type": "null" })
            }
            Kind::Enum(values) => {
                if self.known.insert(values.full_name().to_owned()) {
                    self.waiting.push(Named::Enum(values.clone()));
                }
                reference(values.full_name())
            }
            Kind::String => json!({ "type": "string" }),
            Kind::Bool => json!({ "type": "boolean" }),
            Kind::Bytes => json!({ "type": "string", "contentEncoding": "base64" }),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => json!({ "type": "integer", "format": "int32" }),
            Kind::Uint32 | Kind::Fixed32 => {
                json!({ "type": "integer", "format": "uint32", "minimum": 0, "maximum": u32::MAX })
            }
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => {
                json!({ "type": "string", "format": "int64", "pattern": "^-?[0-9]+$" })
            }
            Kind::Uint64 | Kind::Fixed64 => {
                json!({ "type": "string", "format": "uint64", "pattern": "^[0-9]+$" })
            }
            Kind::Double => real("double"),
            Kind::Float => real("float"),
        }
    }
}

/// The names of these messages and of all that are in them.
fn reachable(roots: impl Iterator<Item = MessageDescriptor>) -> HashSet<String> {
    let mut names = HashSet::new();
    let mut waiting: Vec<_> = roots.collect();
    while let Some(message) = waiting.pop() {
        if names.insert(message.full_name().to_owned()) {
            waiting.extend(message.fields().filter_map(|field| field.kind().as_message().cloned()));
        }
    }
    names
}

fn enumeration(values: &EnumDescriptor, comments: &mut Comments) -> Value {
    let file = values.parent_file();
    let mut description = comments.of(&file, values.path());
    let mut names = Vec::new();
    for value in values.values() {
        names.push(value.name().to_owned());
        let comment = comments.of(&file, value.path());
        if !comment.is_empty() {
            let separator = if description.is_empty() { "" } else { "\n" };
            description.push_str(&format!("{separator}- `{}`: {}", value.name(), comment.replace('\n', " ")));
        }
    }
    let mut schema = json!({ "type": "string", "enum": names });
    if !description.is_empty() {
        schema["description"] = description.into();
    }
    schema
}

/// One of the fields, or none.
fn at_most_one(oneof: &OneofDescriptor) -> Value {
    let each: Vec<_> = oneof.fields().map(|field| json!({ "required": [field.json_name()] })).collect();
    let none = json!({ "not": { "anyOf": each } });
    let choices: Vec<_> = each.into_iter().chain([none]).collect();
    json!({ "oneOf": choices })
}

fn real(format: &str) -> Value {
    json!({ "oneOf": [
        { "type": "number", "format": format },
        { "type": "string", "enum": ["NaN", "Infinity", "-Infinity"] },
    ]})
}

fn key_pattern(kind: &Kind) -> Option<&'static str> {
    match kind {
        Kind::String => None,
        Kind::Bool => Some("^(true|false)$"),
        Kind::Uint32 | Kind::Fixed32 | Kind::Uint64 | Kind::Fixed64 => Some("^[0-9]+$"),
        _ => Some("^-?[0-9]+$"),
    }
}

/// The types of `google.protobuf` that have a JSON form of their own.
fn well_known(name: &str) -> Option<Value> {
    Some(match name.strip_prefix("google.protobuf.")? {
        "Timestamp" => json!({ "type": "string", "format": "date-time" }),
        "Duration" => json!({ "type": "string", "pattern": r"^-?[0-9]+(\.[0-9]{1,9})?s$" }),
        "FieldMask" | "StringValue" => json!({ "type": "string" }),
        "Struct" | "Empty" => json!({ "type": "object" }),
        "ListValue" => json!({ "type": "array" }),
        "Value" => json!({}),
        "Any" => json!({
            "type": "object",
            "properties": { "@type": { "type": "string" } },
            "required": ["@type"],
        }),
        "BoolValue" => json!({ "type": "boolean" }),
        "BytesValue" => json!({ "type": "string", "contentEncoding": "base64" }),
        "DoubleValue" => real("double"),
        "FloatValue" => real("float"),
        "Int32Value" => json!({ "type": "integer", "format": "int32" }),
        "UInt32Value" => json!({ "type": "integer", "format": "uint32", "minimum": 0 }),
        "Int64Value" => json!({ "type": "string", "format": "int64", "pattern": "^-?[0-9]+$" }),
        "UInt64Value" => json!({ "type": "string", "format": "uint64", "pattern": "^[0-9]+$" }),
        _ => return None,
    })
}
