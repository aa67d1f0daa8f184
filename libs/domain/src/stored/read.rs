//! Reading: `type` chooses the variant, `v` whether the fields must be brought up to date.

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{
        DeserializeSeed, EnumAccess, Error, MapAccess, Unexpected, VariantAccess, Visitor,
        value::{CowStrDeserializer, MapAccessDeserializer, MapDeserializer},
    },
};

use super::{Fields, Stored};

/// Visits the object that an event is.
pub(super) struct Event<E>(PhantomData<E>);

impl<E> Event<E> {
    pub(super) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<'de, E: Stored> Visitor<'de> for Event<E> {
    type Value = E;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event: an object with type and v")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<E, A::Error> {
        let mut fields = Fields::new();
        let mut kind: Option<Text<'de>> = None;
        while let Some(key) = map.next_key::<Text<'de>>()? {
            match (&*key.0, &kind) {
                ("type", None) => kind = Some(map.next_value()?),
                ("v", Some(known)) if fields.is_empty() => {
                    let version: u16 = map.next_value()?;
                    if version == E::version(&known.0) {
                        return E::read(Tagged { kind: known.0.clone(), fields: map });
                    }
                    fields.insert("v".into(), version.into());
                }
                (name, _) => {
                    fields.insert(name.into(), map.next_value()?);
                }
            }
        }
        let kind = kind.ok_or_else(|| A::Error::missing_field("type"))?;
        slowly(kind.0, fields)
    }
}

/// Reads fields that are of an older version or came before the type and version.
fn slowly<'de, E: Stored, X: Error>(kind: Cow<'de, str>, mut fields: Fields) -> Result<E, X> {
    let version = fields.remove("v").ok_or_else(|| X::missing_field("v"))?;
    let unfit = || X::invalid_value(Unexpected::Other("version"), &"a version that this release knows");
    let version = version.as_u64().and_then(|v| u16::try_from(v).ok()).ok_or_else(unfit)?;
    let current = E::version(&kind);
    if version > current {
        return Err(unfit());
    }
    for from in version..current {
        fields = E::upcast(&kind, from, fields).ok_or_else(unfit)?;
    }
    let fields = MapDeserializer::<_, serde_json::Error>::new(fields.into_iter());
    E::read(Tagged { kind, fields }).map_err(X::custom)
}

/// A name and the fields that follow, as serde wants an enum.
struct Tagged<'de, A> {
    kind: Cow<'de, str>,
    fields: A,
}

impl<'de, A: MapAccess<'de>> Deserializer<'de> for Tagged<'de, A> {
    type Error = A::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, A::Error> {
        visitor.visit_enum(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de, A: MapAccess<'de>> EnumAccess<'de> for Tagged<'de, A> {
    type Error = A::Error;
    type Variant = Rest<A>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Rest<A>), A::Error> {
        let kind = seed.deserialize(CowStrDeserializer::new(self.kind))?;
        Ok((kind, Rest(self.fields)))
    }
}

/// The fields that are not yet read.
struct Rest<A>(A);

impl<'de, A: MapAccess<'de>> VariantAccess<'de> for Rest<A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        Err(A::Error::invalid_type(Unexpected::UnitVariant, &"an event with named fields"))
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        seed.deserialize(MapAccessDeserializer::new(self.0))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, A::Error> {
        Err(A::Error::invalid_type(Unexpected::TupleVariant, &"an event with named fields"))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        visitor.visit_map(self.0)
    }
}

/// A short text, borrowed from the input if it can be.
struct Text<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Borrowing;
        impl<'de> Visitor<'de> for Borrowing {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Borrowing)
    }
}
