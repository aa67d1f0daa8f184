//! A body with many events, cut into bodies with one event each, so that one that cannot be read does not take the others along.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserializer,
    de::{self, MapAccess, SeqAccess},
};
use serde_json::value::RawValue;

/// Bytes of all pieces of a body: what stands around the lists is in each of them.
pub const PIECES_BYTES_MAX: usize = 128 << 20;
/// What a piece counts for at least, in bytes: bounds their number.
const PIECE_BYTES_MIN: usize = 256;

/// Why there are no pieces, or not all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whole {
    /// It is no JSON, or has no lists.
    Indivisible,
    /// Its pieces are more than are looked at. Some were.
    TooMany,
}

/// Lists by their names, and those within their elements.
#[derive(Default)]
struct Lists<'p>(BTreeMap<&'p str, Lists<'p>>);

/// What is told of a piece.
pub type Visit<'v> = &'v mut dyn FnMut(&[u8]);

struct Pieces<'v> {
    visit: Visit<'v>,
    bytes_left: usize,
}

/// Shows each piece of a body, in its order: the body with one element of one of the lists, and nothing of the others. An
/// object that has no elements in any list is a piece as it is.
pub fn each(body: &[u8], lists: &[&str], visit: Visit<'_>) -> Result<(), Whole> {
    each_within(body, lists, PIECES_BYTES_MAX, visit)
}

fn each_within(body: &[u8], lists: &[&str], bytes_max: usize, visit: Visit<'_>) -> Result<(), Whole> {
    if lists.is_empty() {
        return Err(Whole::Indivisible);
    }
    let mut tree = Lists::default();
    for path in lists {
        let mut at = &mut tree;
        for name in path.split('.').filter(|name| !name.is_empty()) {
            at = at.0.entry(name).or_default();
        }
    }
    let text = std::str::from_utf8(body).map_err(|_| Whole::Indivisible)?;
    let raw: &RawValue = serde_json::from_str(text).map_err(|_| Whole::Indivisible)?;
    let mut pieces = Pieces { visit, bytes_left: bytes_max };
    pieces.walk(raw, &tree, &Around::default()).map(drop)
}

/// What stands before and after a value.
#[derive(Clone, Default)]
struct Around {
    before: String,
    after: String,
}

impl Around {
    fn with(&self, before: &str, after: &str) -> Self {
        Self { before: format!("{}{before}", self.before), after: format!("{after}{}", self.after) }
    }
}

impl Pieces<'_> {
    /// Shows the pieces of a value; how many they were.
    fn walk(&mut self, raw: &RawValue, lists: &Lists<'_>, around: &Around) -> Result<usize, Whole> {
        match raw.get().as_bytes().first() {
            Some(b'[') => self.elements(raw, lists, &around.with("[", "]")),
            Some(b'{') if !lists.0.is_empty() => self.fields(raw, lists, around),
            _ => self.show(raw, around),
        }
    }

    fn elements(&mut self, raw: &RawValue, lists: &Lists<'_>, around: &Around) -> Result<usize, Whole> {
        let mut shown = 0;
        let mut failed = None;
        let visitor = Elements(|element: &RawValue| {
            // A list within a list is no list of events: so it goes no deeper than the paths do.
            let is_list = element.get().starts_with('[');
            let element = if lists.0.is_empty() || is_list {
                self.show(element, around)
            } else {
                self.walk(element, lists, around)
            };
            match element {
                Ok(count) => shown += count,
                Err(whole) => failed = Some(whole),
            }
            failed.is_none()
        });
        let read = serde_json::Deserializer::from_str(raw.get()).deserialize_seq(visitor);
        match (failed, read) {
            (Some(whole), _) => Err(whole),
            (None, Err(_)) => Err(Whole::Indivisible),
            (None, Ok(())) => Ok(shown),
        }
    }

    fn fields(&mut self, raw: &RawValue, lists: &Lists<'_>, around: &Around) -> Result<usize, Whole> {
        let fields = serde_json::Deserializer::from_str(raw.get()).deserialize_map(Fields);
        let fields = fields.map_err(|_| Whole::Indivisible)?;
        let mut kept = String::from("{");
        let mut cut = Vec::new();
        for (name, value) in &fields {
            match lists.0.get(name.as_str()) {
                Some(within) => cut.push((name, value, within)),
                None => kept += &format!("{}:{},", serde_json::Value::from(name.as_str()), value.get()),
            }
        }
        let mut shown = 0;
        for (name, value, within) in cut {
            let before = format!("{kept}{}:", serde_json::Value::from(name.as_str()));
            shown += self.walk(value, within, &around.with(&before, "}"))?;
        }
        if shown == 0 { self.show(raw, around) } else { Ok(shown) }
    }

    fn show(&mut self, raw: &RawValue, around: &Around) -> Result<usize, Whole> {
        let piece = [&around.before, raw.get(), &around.after].concat();
        let cost = piece.len().max(PIECE_BYTES_MIN);
        self.bytes_left = self.bytes_left.checked_sub(cost).ok_or(Whole::TooMany)?;
        (self.visit)(piece.as_bytes());
        Ok(1)
    }
}

/// Elements one after the other, until one says that it was enough: a list of them all could be many times its text.
struct Elements<F>(F);

impl<'de, F: FnMut(&'de RawValue) -> bool> de::Visitor<'de> for Elements<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        while let Some(element) = seq.next_element()? {
            if !(self.0)(element) {
                return Err(de::Error::custom("enough"));
            }
        }
        Ok(())
    }
}

/// The fields of an object, in its order.
struct Fields;

impl<'de> de::Visitor<'de> for Fields {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(body: &str, lists: &[&str]) -> Vec<String> {
        let mut pieces = Vec::new();
        let mut visit = |piece: &[u8]| pieces.push(String::from_utf8(piece.to_vec()).unwrap());
        each(body.as_bytes(), lists, &mut visit).unwrap();
        pieces
    }

    #[test]
    fn each_element_has_around_it_what_stood_around_the_lists() {
        let body = r#"{"o":"p", "e": [{"id":1,"m":[{"a":1} , 7],"c":["x"]},{"id":2},{"id":3,"m":[]}]}"#;
        assert_eq!(
            pieces(body, &["e.m", "e.c"]),
            [
                r#"{"o":"p","e":[{"id":1,"m":[{"a":1}]}]}"#,
                r#"{"o":"p","e":[{"id":1,"m":[7]}]}"#,
                r#"{"o":"p","e":[{"id":1,"c":["x"]}]}"#,
                r#"{"o":"p","e":[{"id":2}]}"#,
                r#"{"o":"p","e":[{"id":3,"m":[]}]}"#,
            ]
        );
    }

    #[test]
    fn lists_of_another_shape_are_pieces_as_they_are() {
        assert_eq!(pieces("[1, [2]]", &[""]), ["[1]", "[[2]]"]);
        assert_eq!(pieces(r#"{"e":7}"#, &["e.m"]), [r#"{"e":7}"#]);
        assert_eq!(pieces(r#"{"f":[]}"#, &["e"]), [r#"{"f":[]}"#]);
        assert_eq!(pieces("7", &["e"]), ["7"]);
        assert!(pieces("[]", &[""]).is_empty());
    }

    #[test]
    fn what_cannot_be_cut_is_whole() {
        let each = |body: &str, max| each_within(body.as_bytes(), &["e"], max, &mut |_| {});
        assert_eq!(each("{", 1_000), Err(Whole::Indivisible));
        assert_eq!(each(&"[".repeat(100_000), 1_000), Err(Whole::Indivisible));
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        assert_eq!(each(&deep, 1 << 20), Ok(()));
        assert_eq!(each(&format!("{{\"e\":{deep}}}"), 1 << 20), Ok(()));
        assert_eq!(each(r#"{"e":[1,2,3,4]}"#, 1_000), Err(Whole::TooMany));
        assert_eq!(each(r#"{"e":[1,2,3]}"#, 1_000), Ok(()));
        assert_eq!(each_within(b"[1]", &[], 1_000, &mut |_| {}), Err(Whole::Indivisible));
    }
}
