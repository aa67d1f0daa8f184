//! Writing: the variant's name becomes `type`, beside the version and the fields.

use serde::{
    Serialize, Serializer,
    ser::{Error, Impossible, SerializeStruct, SerializeStructVariant},
};

/// Takes what serde derives for an enum whose variants have named fields (or one struct) and writes it flat.
pub(super) struct Tagging<S, V> {
    inner: S,
    version: V,
    kind: Option<&'static str>,
}

impl<S: Serializer, V: Fn(&str) -> u16> Tagging<S, V> {
    pub(super) fn new(inner: S, version: V) -> Self {
        Self { inner, version, kind: None }
    }

    fn begin(self, kind: &'static str, len: usize) -> Result<Flat<S>, S::Error> {
        let mut event = self.inner.serialize_struct("Event", len + 2)?;
        event.serialize_field("type", kind)?;
        event.serialize_field("v", &(self.version)(kind))?;
        Ok(Flat(event))
    }

    fn unfit<T>() -> Result<T, S::Error> {
        Err(S::Error::custom("an event has named fields"))
    }
}

/// The fields, written beside `type` and `v`.
pub(super) struct Flat<S: Serializer>(S::SerializeStruct);

impl<S: Serializer> SerializeStruct for Flat<S> {
    type Ok = S::Ok;
    type Error = S::Error;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), S::Error> {
        self.0.serialize_field(key, value)
    }

    fn skip_field(&mut self, key: &'static str) -> Result<(), S::Error> {
        self.0.skip_field(key)
    }

    fn end(self) -> Result<S::Ok, S::Error> {
        self.0.end()
    }
}

impl<S: Serializer> SerializeStructVariant for Flat<S> {
    type Ok = S::Ok;
    type Error = S::Error;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), S::Error> {
        self.0.serialize_field(key, value)
    }

    fn skip_field(&mut self, key: &'static str) -> Result<(), S::Error> {
        self.0.skip_field(key)
    }

    fn end(self) -> Result<S::Ok, S::Error> {
        self.0.end()
    }
}

/// The scalars, none of which is an event.
macro_rules! unfit {
    ($($method:ident: $value:ty,)*) => {$(
        fn $method(self, _: $value) -> Result<S::Ok, S::Error> {
            Self::unfit()
        }
    )*};
}

impl<S: Serializer, V: Fn(&str) -> u16> Serializer for Tagging<S, V> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Impossible<S::Ok, S::Error>;
    type SerializeTuple = Impossible<S::Ok, S::Error>;
    type SerializeTupleStruct = Impossible<S::Ok, S::Error>;
    type SerializeTupleVariant = Impossible<S::Ok, S::Error>;
    type SerializeMap = Impossible<S::Ok, S::Error>;
    type SerializeStruct = Flat<S>;
    type SerializeStructVariant = Flat<S>;

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Flat<S>, S::Error> {
        self.begin(variant, len)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        value.serialize(Self { kind: Some(variant), ..self })
    }

    fn serialize_struct(self, _: &'static str, len: usize) -> Result<Flat<S>, S::Error> {
        match self.kind {
            Some(kind) => self.begin(kind, len),
            None => Self::unfit(),
        }
    }

    unfit! {
        serialize_bool: bool,
        serialize_i8: i8,
        serialize_i16: i16,
        serialize_i32: i32,
        serialize_i64: i64,
        serialize_u8: u8,
        serialize_u16: u16,
        serialize_u32: u32,
        serialize_u64: u64,
        serialize_f32: f32,
        serialize_f64: f64,
        serialize_char: char,
        serialize_str: &str,
        serialize_bytes: &[u8],
        serialize_unit_struct: &'static str,
    }

    fn serialize_none(self) -> Result<S::Ok, S::Error> {
        Self::unfit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<S::Ok, S::Error> {
        Self::unfit()
    }

    fn serialize_unit(self) -> Result<S::Ok, S::Error> {
        Self::unfit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Result<S::Ok, S::Error> {
        Self::unfit()
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: &T,
    ) -> Result<S::Ok, S::Error> {
        Self::unfit()
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, S::Error> {
        Self::unfit()
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, S::Error> {
        Self::unfit()
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, S::Error> {
        Self::unfit()
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, S::Error> {
        Self::unfit()
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        Self::unfit()
    }
}
