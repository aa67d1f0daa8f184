//! For tests: a contract that uses all that proto3 JSON has, and messages made at random.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
};

use prost_reflect::{DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value};

/// How deep random messages stand in each other.
const DEPTH_MAX: usize = 3;

/// `testdata/sample.proto` with its comments, as `proto::DESCRIPTORS` is.
pub(crate) fn descriptors() -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata");
    let mut compiler = protox::Compiler::new([folder]).unwrap();
    compiler.include_source_info(true).include_imports(true).open_file("sample.proto").unwrap();
    compiler.encode_file_descriptor_set()
}

pub(crate) fn pool() -> DescriptorPool {
    DescriptorPool::decode(&*descriptors()).unwrap()
}

/// SplitMix64: enough for tests, and the same on every machine.
pub(crate) struct Random(u64);

impl Random {
    /// A new seed, or the one in `SEED`.
    pub(crate) fn seed() -> u64 {
        let seed = std::env::var("SEED")
            .map_or_else(|_| RandomState::new().hash_one(()), |text| text.parse().unwrap());
        println!("SEED={seed}");
        seed
    }

    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// A message with about two thirds of its fields set.
    pub(crate) fn message(&mut self, descriptor: &MessageDescriptor, depth: usize) -> DynamicMessage {
        let mut message = DynamicMessage::new(descriptor.clone());
        if let Some(message) = self.well_known(descriptor) {
            return message;
        }
        for field in descriptor.fields() {
            let deeper = matches!(field.kind(), Kind::Message(_)) && depth == DEPTH_MAX;
            if !deeper && self.below(3) > 0 {
                let value = self.field(&field, depth);
                message.set_field(&field, value);
            }
        }
        message
    }

    fn field(&mut self, field: &FieldDescriptor, depth: usize) -> Value {
        let kind = field.kind();
        if let (true, Kind::Message(entry)) = (field.is_map(), &kind) {
            let mut map = HashMap::new();
            for _ in 0..self.below(3) {
                let key = self.value(&entry.map_entry_key_field().kind(), depth).into_map_key().unwrap();
                map.insert(key, self.value(&entry.map_entry_value_field().kind(), depth + 1));
            }
            return Value::Map(map);
        }
        if field.is_list() {
            return Value::List((0..self.below(3)).map(|_| self.value(&kind, depth + 1)).collect());
        }
        self.value(&kind, depth + 1)
    }

    fn value(&mut self, kind: &Kind, depth: usize) -> Value {
        let bits = self.next() >> self.below(64);
        match kind {
            Kind::Bool => Value::Bool(bits & 1 == 1),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(bits as i32),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(bits as i64),
            Kind::Uint32 | Kind::Fixed32 => Value::U32(bits as u32),
            Kind::Uint64 | Kind::Fixed64 => Value::U64(bits),
            Kind::Double => Value::F64(bits as f64 / 1024.0),
            Kind::Float => Value::F32((bits & 0xffff) as f32 / 8.0),
            Kind::String => Value::String(self.text()),
            Kind::Bytes => Value::Bytes((0..self.below(9)).map(|_| self.next() as u8).collect()),
            Kind::Enum(values) => {
                let all: Vec<_> = values.values().collect();
                Value::EnumNumber(all[self.below(all.len() as u64) as usize].number())
            }
            Kind::Message(descriptor) => Value::Message(self.message(descriptor, depth)),
        }
    }

    fn text(&mut self) -> String {
        let letters: Vec<char> = "aZ0 .\"\\/\n\u{0}\u{7f}\u{2028}éß漢🦀".chars().collect();
        (0..self.below(12)).map(|_| letters[self.below(letters.len() as u64) as usize]).collect()
    }

    /// Times and spans must be in their range; of the other types the form is tested by example.
    fn well_known(&mut self, descriptor: &MessageDescriptor) -> Option<DynamicMessage> {
        let mut message = DynamicMessage::new(descriptor.clone());
        match descriptor.full_name().strip_prefix("google.protobuf.")? {
            "Timestamp" => {
                // From the year 1 to the year 9999.
                let seconds = self.below(315_537_897_600) as i64 - 62_135_596_800;
                message.set_field_by_name("seconds", Value::I64(seconds));
                message.set_field_by_name("nanos", Value::I32(self.below(1_000_000_000) as i32));
            }
            "Duration" => message.set_field_by_name("seconds", Value::I64(self.below(1 << 30) as i64)),
            "Value" => message.set_field_by_name("string_value", Value::String(self.text())),
            "Any" => {
                let url = "type.googleapis.com/google.protobuf.Empty".to_owned();
                message.set_field_by_name("type_url", Value::String(url));
            }
            "FieldMask" | "Struct" | "ListValue" => {}
            name if name.ends_with("Value") => {
                let field = descriptor.fields().next()?;
                let value = self.value(&field.kind(), 0);
                message.set_field(&field, value);
            }
            _ => {}
        }
        Some(message)
    }
}
