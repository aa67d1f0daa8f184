//! From proto3 JSON to a message, by its descriptor.
//!
//! Strict, and exact about what is wrong: every refusal names the field by its path in the contract (`filter.status[0]`)
//! and says what it should be. It never repeats a value. Beyond the JSON mapping of proto3 this refuses
//! - fields that the contract does not have: a misspelt name would otherwise be a request for something else;
//! - names and numbers that an enum does not have;
//! - a field that is there twice, by its two names, and two fields of one `oneof`.
//!
//! Fields may be spelt `lowerCamelCase` or as in the contract; `null` is as if the field were not there.

mod scalar;

use std::{
    collections::{HashMap, HashSet},
    fmt::Write,
};

use prost_reflect::{
    DeserializeOptions, DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, Value,
};

use crate::json::Json;

/// The most characters of a name out of a request that an error repeats.
const NAME_SHOWN_MAX: usize = 64;

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {message}")]
pub(crate) struct Mismatch {
    /// As in `google.rpc.BadRequest`; empty for the request itself.
    pub(crate) path: String,
    /// What it should be.
    pub(crate) message: String,
}

/// Makes the message that `json` says.
pub(crate) fn message(descriptor: &MessageDescriptor, json: Json) -> Result<DynamicMessage, Mismatch> {
    Decoder { path: String::new() }.message(descriptor, json)
}

/// Where in the request the decoder is.
struct Decoder {
    path: String,
}

impl Decoder {
    fn message(&mut self, descriptor: &MessageDescriptor, json: Json) -> Result<DynamicMessage, Mismatch> {
        if let Some(expected) = well_known(descriptor.full_name()) {
            return self.well_known(descriptor, json, expected);
        }
        let Json::Object(members) = json else {
            return Err(self.expected("an object", &json));
        };
        let mut message = DynamicMessage::new(descriptor.clone());
        let mut seen = HashSet::with_capacity(members.len());
        for (name, value) in members {
            let Some(field) = field(descriptor, &name) else {
                let message = "the contract has no such field; check its spelling";
                return self.below(&shown(&name), |this| Err(this.mismatch(message)));
            };
            self.below(field.name(), |this| {
                if !seen.insert(field.number()) {
                    return Err(this.mismatch("is there twice, in two spellings; keep one"));
                }
                this.field(&mut message, &field, value)
            })?;
        }
        Ok(message)
    }

    fn field(
        &mut self,
        message: &mut DynamicMessage,
        field: &FieldDescriptor,
        value: Json,
    ) -> Result<(), Mismatch> {
        if value == Json::Null && !takes_null(field) {
            return Ok(());
        }
        if let Some(oneof) = field.containing_oneof()
            && let Some(other) = oneof.fields().find(|other| message.has_field(other))
        {
            return Err(self.mismatch(&format!("excludes `{}`, which is there too; keep one", other.name())));
        }
        let value = if field.is_map() {
            self.map(field, value)?
        } else if field.is_list() {
            self.list(&field.kind(), value)?
        } else {
            self.value(&field.kind(), value)?
        };
        message.set_field(field, value);
        Ok(())
    }

    fn list(&mut self, kind: &Kind, json: Json) -> Result<Value, Mismatch> {
        let Json::Array(items) = json else {
            return Err(self.expected("an array", &json));
        };
        let mut values = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            values.push(self.within(&format!("[{index}]"), |this| this.value(kind, item))?);
        }
        Ok(Value::List(values))
    }

    fn map(&mut self, field: &FieldDescriptor, json: Json) -> Result<Value, Mismatch> {
        let Kind::Message(entry) = field.kind() else {
            return Err(self.mismatch("is no map in the contract"));
        };
        let (key_kind, value_kind) =
            (entry.map_entry_key_field().kind(), entry.map_entry_value_field().kind());
        let Json::Object(members) = json else {
            return Err(self.expected("an object", &json));
        };
        let mut values = HashMap::with_capacity(members.len());
        for (key, value) in members {
            self.within(&format!("[{}]", shown(&key)), |this| {
                let key = this.key(&key_kind, key)?;
                if values.contains_key(&key) {
                    return Err(this.mismatch("is there twice, in two spellings; keep one"));
                }
                values.insert(key, this.value(&value_kind, value)?);
                Ok(())
            })?;
        }
        Ok(Value::Map(values))
    }

    fn key(&self, kind: &Kind, key: String) -> Result<MapKey, Mismatch> {
        let json = match (kind, key.as_str()) {
            (Kind::Bool, "true") => Json::Bool(true),
            (Kind::Bool, "false") => Json::Bool(false),
            _ => Json::String(key),
        };
        let value = scalar::value(kind, json).map_err(|expected| self.mismatch(&expected))?;
        value.into_map_key().ok_or_else(|| self.mismatch("should be a key of this map"))
    }

    fn value(&mut self, kind: &Kind, json: Json) -> Result<Value, Mismatch> {
        match kind {
            Kind::Message(descriptor) => self.message(descriptor, json).map(Value::Message),
            _ => scalar::value(kind, json).map_err(|expected| self.mismatch(&expected)),
        }
    }

    /// The types of `google.protobuf` that have a JSON form of their own.
    fn well_known(
        &self,
        descriptor: &MessageDescriptor,
        json: Json,
        expected: &str,
    ) -> Result<DynamicMessage, Mismatch> {
        let options = DeserializeOptions::new().deny_unknown_fields(true);
        let value = serde_json::Value::from(json);
        // Its own error may repeat the value, and knows no path.
        DynamicMessage::deserialize_with_options(descriptor.clone(), value, &options)
            .map_err(|_| self.mismatch(&format!("should be {expected}")))
    }

    /// Does `inner` in a field of the message that the decoder is in.
    fn below<T>(
        &mut self,
        name: &str,
        inner: impl FnOnce(&mut Self) -> Result<T, Mismatch>,
    ) -> Result<T, Mismatch> {
        let dot = if self.path.is_empty() { "" } else { "." };
        self.within(&format!("{dot}{name}"), inner)
    }

    fn within<T>(
        &mut self,
        step: &str,
        inner: impl FnOnce(&mut Self) -> Result<T, Mismatch>,
    ) -> Result<T, Mismatch> {
        let length = self.path.len();
        self.path.push_str(step);
        let result = inner(self);
        self.path.truncate(length);
        result
    }

    fn expected(&self, what: &str, found: &Json) -> Mismatch {
        self.mismatch(&format!("should be {what}, but is {}", found.kind()))
    }

    fn mismatch(&self, message: &str) -> Mismatch {
        Mismatch { path: self.path.clone(), message: message.to_owned() }
    }
}

fn field(descriptor: &MessageDescriptor, name: &str) -> Option<FieldDescriptor> {
    descriptor.get_field_by_json_name(name).or_else(|| descriptor.get_field_by_name(name))
}

/// Of a `google.protobuf.Value`, `null` is a value.
fn takes_null(field: &FieldDescriptor) -> bool {
    let name = match field.kind() {
        Kind::Message(message) => message.full_name().to_owned(),
        Kind::Enum(values) => values.full_name().to_owned(),
        _ => return false,
    };
    !field.is_list() && matches!(name.as_str(), "google.protobuf.Value" | "google.protobuf.NullValue")
}

/// What the JSON of a well-known type should be.
fn well_known(name: &str) -> Option<&'static str> {
    Some(match name.strip_prefix("google.protobuf.")? {
        "Timestamp" => "an RFC 3339 time between the years 1 and 9999, such as 2026-01-31T09:30:00Z",
        "Duration" => "seconds with an `s`, such as 90s or 0.5s",
        "FieldMask" => "names of fields with commas between them",
        "Struct" => "an object",
        "ListValue" => "an array",
        "Value" => "any JSON value",
        "Empty" => "an empty object",
        "Any" => "an object whose `@type` is the URL of a known type, with the fields of that type",
        "BoolValue" => "true or false",
        "StringValue" => "a string",
        "BytesValue" => "base64",
        "DoubleValue" | "FloatValue" => "a number",
        "Int32Value" | "Int64Value" => "a whole number",
        "UInt32Value" | "UInt64Value" => "a whole number, not negative",
        _ => return None,
    })
}

/// A name out of the request, short and printable.
fn shown(name: &str) -> String {
    let mut text = String::new();
    for (index, letter) in name.chars().enumerate() {
        if index == NAME_SHOWN_MAX {
            text.push('…');
            break;
        }
        if letter.is_control() {
            // Writing to a string cannot fail.
            let _ = write!(text, "{}", letter.escape_default());
        } else {
            text.push(letter);
        }
    }
    text
}

#[cfg(test)]
mod tests;
