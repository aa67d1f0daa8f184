//! A JSON document as it was sent, before anybody knows what it should be.
//!
//! Stricter than `serde_json::Value` where the lenience has bitten others: a key that is there twice is refused (two
//! readers of the same document would not agree which of them counts), nesting and the number of values are bounded
//! (a small body must not become a large tree).

use std::{cell::Cell, collections::HashSet, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

/// How deep arrays and objects may stand in each other.
pub(crate) const NESTING_MAX: usize = 64;
/// How many values a document may have, keys not counted.
pub(crate) const VALUES_MAX: usize = 500_000;

/// A document or a part of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Number(serde_json::Number),
    String(String),
    Array(Vec<Json>),
    /// In the order of the document.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Reads a whole document. The error says what is wrong and where, and repeats nothing of the document.
    pub(crate) fn parse(document: &[u8]) -> Result<Self, serde_json::Error> {
        let mut deserializer = serde_json::Deserializer::from_slice(document);
        let left = Cell::new(VALUES_MAX);
        let json = Node { depth: 0, left: &left }.deserialize(&mut deserializer)?;
        deserializer.end()?;
        Ok(json)
    }

    /// What kind of value this is, to say so in an error.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }
}

impl From<Json> for serde_json::Value {
    fn from(json: Json) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(value),
            Json::Number(value) => Self::Number(value),
            Json::String(value) => Self::String(value),
            Json::Array(items) => Self::Array(items.into_iter().map(Self::from).collect()),
            Json::Object(members) => {
                Self::Object(members.into_iter().map(|(key, value)| (key, Self::from(value))).collect())
            }
        }
    }
}

/// Reads one value at `depth`; `left` is how many more values the document may have.
#[derive(Clone, Copy)]
struct Node<'a> {
    depth: usize,
    left: &'a Cell<usize>,
}

impl Node<'_> {
    fn inner<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth == NESTING_MAX {
            return Err(E::custom(format_args!("arrays and objects nested deeper than {NESTING_MAX}")));
        }
        Ok(Self { depth: self.depth + 1, left: self.left })
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        let Some(left) = self.left.get().checked_sub(1) else {
            return Err(D::Error::custom(format_args!("more than {VALUES_MAX} values")));
        };
        self.left.set(left);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Json, E> {
        serde_json::Number::from_f64(value).map(Json::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Json, E> {
        Ok(Json::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json, A::Error> {
        let inner = self.inner()?;
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(inner)? {
            items.push(item);
        }
        Ok(Json::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let inner = self.inner()?;
        let mut members = Vec::new();
        let mut seen = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            if !seen.insert(key.clone()) {
                return Err(A::Error::custom("a key is there twice in the same object"));
            }
            members.push((key, map.next_value_seed(inner)?));
        }
        Ok(Json::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(document: &[u8]) -> String {
        Json::parse(document).unwrap_err().to_string()
    }

    #[test]
    fn keeps_what_was_sent_in_its_order() {
        let json = Json::parse(br#" {"b": [1, -2, 3.5, "x", true, null], "a": {}} "#).unwrap();
        assert_eq!(serde_json::Value::from(json).to_string(), r#"{"b":[1,-2,3.5,"x",true,null],"a":{}}"#);
    }

    #[test]
    fn refuses_a_key_that_is_there_twice() {
        assert!(refusal(br#"{"a":1,"a":1}"#).starts_with("a key is there twice"));
        assert!(Json::parse(br#"{"a":{"a":1},"b":{"a":1}}"#).is_ok(), "in two objects it is fine");
    }

    #[test]
    fn refuses_nesting_beyond_the_limit_and_no_earlier() {
        let nested = |depth: usize| [vec![b'['; depth], vec![b']'; depth]].concat();
        assert!(Json::parse(&nested(NESTING_MAX)).is_ok());
        assert!(refusal(&nested(NESTING_MAX + 1)).contains("nested deeper than 64"));
        assert!(refusal(&vec![b'['; 1_000_000]).contains("nested deeper than 64"));
        assert!(refusal("{\"a\":".repeat(1_000_000).as_bytes()).contains("nested deeper than 64"));
    }

    #[test]
    fn refuses_more_values_than_the_limit_and_no_earlier() {
        let list = |items: usize| format!("[{}]", vec!["0"; items].join(","));
        assert!(Json::parse(list(VALUES_MAX - 1).as_bytes()).is_ok());
        assert!(refusal(list(VALUES_MAX).as_bytes()).contains("more than 500000 values"));
    }

    #[test]
    fn refuses_what_is_behind_the_document_and_repeats_nothing_of_it() {
        assert!(refusal(b"{} {}").contains("trailing characters"));
        assert!(!refusal(b"{\"secret\": secret}").contains("secret"));
    }
}
