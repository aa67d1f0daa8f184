//! Personal values in the JSON of an event: finding them, and the text form of a sealed one.

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{
    Fault,
    cipher::{NONCE_LEN, base64url, from_base64url},
};

const SUBJECT: &str = "subject";
const OPEN: &str = "open";
const SEALED: &str = "sealed";
const ERASED: &str = "erased";

/// A personal value in one of its three forms.
pub(crate) enum Form<'a> {
    Open { subject: &'a str, text: &'a str },
    Sealed { subject: &'a str, sealed: &'a str },
    Erased,
}

impl<'a> Form<'a> {
    /// The form of an object; nothing if it is no personal value.
    ///
    /// An object that has a subject and one of the three words but is not exactly one of the forms is a fault:
    /// taking it for an ordinary object would let plain text into the log.
    fn of(object: &'a Map<String, Value>) -> Result<Option<Self>, Fault> {
        let Some(Value::String(subject)) = object.get(SUBJECT) else { return Ok(None) };
        if ![OPEN, SEALED, ERASED].iter().any(|word| object.contains_key(*word)) {
            return Ok(None);
        }
        if object.len() != 2 {
            return Err(Fault::Malformed);
        }
        match (object.get(OPEN), object.get(SEALED), object.get(ERASED)) {
            (Some(Value::String(text)), None, None) => Ok(Some(Self::Open { subject, text })),
            (None, Some(Value::String(sealed)), None) => Ok(Some(Self::Sealed { subject, sealed })),
            (None, None, Some(Value::Bool(true))) => Ok(Some(Self::Erased)),
            _ => Err(Fault::Malformed),
        }
    }
}

/// What a personal value becomes.
pub(crate) enum Change {
    Open(String),
    Seal(String),
    Erase,
}

/// A fault and the JSON pointer to where it is.
pub(crate) struct Found {
    pub(crate) path: String,
    pub(crate) fault: Fault,
}

/// Calls `look` with every personal value in `value`.
pub(crate) fn visit<'v>(
    value: &'v Value,
    look: &mut impl FnMut(Form<'v>) -> Result<(), Fault>,
) -> Result<(), Found> {
    walk(value, &mut String::new(), look)
}

/// Replaces every personal value in `value` for which `change` says so; `change` is given its JSON pointer.
/// Stops at the first fault; what was replaced before stays so.
pub(crate) fn replace(
    value: &mut Value,
    change: &mut impl FnMut(&str, Form<'_>) -> Result<Option<Change>, Fault>,
) -> Result<(), Found> {
    walk_mut(value, &mut String::new(), change)
}

/// `<key id>.<nonce>.<ciphertext>`, taken apart.
pub(crate) struct Sealed {
    pub(crate) key_id: Uuid,
    pub(crate) nonce: [u8; NONCE_LEN],
    pub(crate) ciphertext: Vec<u8>,
}

impl Sealed {
    pub(crate) fn format(key_id: Uuid, nonce: [u8; NONCE_LEN], ciphertext: &[u8]) -> String {
        [base64url(key_id.as_bytes()), base64url(&nonce), base64url(ciphertext)].join(".")
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (key_id, rest) = text.split_once('.')?;
        let (nonce, ciphertext) = rest.split_once('.')?;
        Some(Self {
            key_id: parse_key_id(key_id)?,
            nonce: from_base64url(nonce)?.try_into().ok()?,
            ciphertext: from_base64url(ciphertext)?,
        })
    }

    /// The key alone, which is all that has to be known to fetch it.
    pub(crate) fn key_id(text: &str) -> Option<Uuid> {
        parse_key_id(text.split_once('.')?.0)
    }
}

fn parse_key_id(text: &str) -> Option<Uuid> {
    Uuid::from_slice(&from_base64url(text)?).ok()
}

fn walk<'v>(
    value: &'v Value,
    path: &mut String,
    look: &mut impl FnMut(Form<'v>) -> Result<(), Fault>,
) -> Result<(), Found> {
    let here = path.len();
    match value {
        Value::Object(object) => {
            let form = Form::of(object).and_then(|form| match form {
                Some(form) => look(form).map(|()| true),
                None => Ok(false),
            });
            if form.map_err(|fault| Found { path: path.clone(), fault })? {
                return Ok(());
            }
            for (name, member) in object {
                push_name(path, name);
                walk(member, path, look)?;
                path.truncate(here);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                push_index(path, index);
                walk(item, path, look)?;
                path.truncate(here);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    Ok(())
}

fn walk_mut(
    value: &mut Value,
    path: &mut String,
    change: &mut impl FnMut(&str, Form<'_>) -> Result<Option<Change>, Fault>,
) -> Result<(), Found> {
    let here = path.len();
    match value {
        Value::Object(object) => {
            let changed = Form::of(object).and_then(|form| form.map(|form| change(path, form)).transpose());
            match changed.map_err(|fault| Found { path: path.clone(), fault })? {
                Some(Some(change)) => apply(object, change),
                Some(None) => {}
                None => {
                    for (name, member) in object {
                        push_name(path, name);
                        walk_mut(member, path, change)?;
                        path.truncate(here);
                    }
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                push_index(path, index);
                walk_mut(item, path, change)?;
                path.truncate(here);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    Ok(())
}

fn apply(object: &mut Map<String, Value>, change: Change) {
    object.retain(|name, _| name == SUBJECT);
    let (word, value) = match change {
        Change::Open(text) => (OPEN, Value::String(text)),
        Change::Seal(sealed) => (SEALED, Value::String(sealed)),
        Change::Erase => (ERASED, Value::Bool(true)),
    };
    object.insert(word.into(), value);
}

/// Appends one token of a JSON pointer (RFC 6901).
fn push_name(path: &mut String, name: &str) {
    path.push('/');
    for c in name.chars() {
        match c {
            '~' => path.push_str("~0"),
            '/' => path.push_str("~1"),
            c => path.push(c),
        }
    }
}

fn push_index(path: &mut String, index: usize) {
    path.push('/');
    path.push_str(&index.to_string());
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn paths(mut value: Value) -> Result<Vec<String>, Fault> {
        let mut paths = Vec::new();
        let outcome = replace(&mut value, &mut |path, _| {
            paths.push(path.to_owned());
            Ok(None)
        });
        outcome.map(|()| paths).map_err(|found| found.fault)
    }

    #[test]
    fn paths_are_json_pointers() {
        let value = json!({
            "a/b": [{ "subject": "s", "open": "" }, { "m~n": { "subject": "s", "erased": true } }],
            "plain": { "subject": "about the weather", "number": 1 },
        });
        assert_eq!(paths(value.clone()).unwrap(), ["/a~1b/0", "/a~1b/1/m~0n"]);
        for path in paths(value.clone()).unwrap() {
            assert!(value.pointer(&path).is_some());
        }
        assert_eq!(paths(json!({ "subject": "s", "open": "x" })).unwrap(), [""]);
    }

    #[test]
    fn a_mail_with_a_subject_line_is_an_ordinary_object() {
        let mail = json!({ "subject": { "subject": "s", "open": "Hello" }, "open": true });
        assert_eq!(paths(mail).unwrap(), ["/subject"]);
    }

    #[test]
    fn what_is_nearly_a_personal_value_is_refused() {
        for value in [
            json!({ "subject": "s", "open": "x", "lang": "fr" }),
            json!({ "subject": "s", "open": 7 }),
            json!({ "subject": "s", "erased": false }),
            json!({ "subject": "s", "open": "x", "sealed": "y" }),
        ] {
            assert_eq!(paths(json!([value])), Err(Fault::Malformed));
        }
    }

    #[test]
    fn the_text_of_a_sealed_value_has_three_parts_of_fixed_lengths() {
        let id = Uuid::from_u128(7);
        let text = Sealed::format(id, [9; NONCE_LEN], &[1, 2, 3]);
        let parsed = Sealed::parse(&text).unwrap();
        assert_eq!((parsed.key_id, parsed.nonce, parsed.ciphertext), (id, [9; NONCE_LEN], vec![1, 2, 3]));
        assert_eq!(Sealed::key_id(&text), Some(id));
        for wrong in ["", ".", "..", "a.b.c", &format!("{text}="), &format!("A{text}")] {
            assert!(Sealed::parse(wrong).is_none(), "{wrong}");
        }
    }
}
