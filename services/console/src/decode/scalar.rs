//! Values that are not messages.

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use prost_reflect::{EnumDescriptor, Kind, Value};

use crate::json::Json;

/// The most names of an enum that an error lists.
const NAMES_SHOWN_MAX: usize = 24;
/// The longest number in a string; what is longer is no number of 64 bits.
const DIGITS_MAX: usize = 64;

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// Makes the value, or says what it should be.
pub(super) fn value(kind: &Kind, json: Json) -> Result<Value, String> {
    match kind {
        Kind::Bool => match json {
            Json::Bool(value) => Ok(Value::Bool(value)),
            other => expected("true or false", &other),
        },
        Kind::String => match json {
            Json::String(value) => Ok(Value::String(value)),
            other => expected("a string", &other),
        },
        Kind::Bytes => bytes(json),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => {
            whole(&json, i32::MIN.into(), i32::MAX.into()).map(|value| Value::I32(value as i32))
        }
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => {
            whole(&json, i64::MIN.into(), i64::MAX.into()).map(|value| Value::I64(value as i64))
        }
        Kind::Uint32 | Kind::Fixed32 => {
            whole(&json, 0, u32::MAX.into()).map(|value| Value::U32(value as u32))
        }
        Kind::Uint64 | Kind::Fixed64 => {
            whole(&json, 0, u64::MAX.into()).map(|value| Value::U64(value as u64))
        }
        Kind::Double => real(&json).map(Value::F64),
        Kind::Float => float(&json).map(Value::F32),
        Kind::Enum(values) => enumeration(values, &json),
        Kind::Message(_) => expected("an object", &json),
    }
}

fn bytes(json: Json) -> Result<Value, String> {
    let Json::String(text) = json else {
        return expected("base64 in a string", &json);
    };
    // Both alphabets are allowed; one text must not mix them.
    let engine = if text.contains(['-', '_']) { &URL_SAFE } else { &STANDARD };
    match engine.decode(text) {
        Ok(bytes) => Ok(Value::Bytes(bytes.into())),
        Err(_) => Err("should be base64, but is not".to_owned()),
    }
}

/// Numbers of 64 bits come as strings, because a JSON reader may have no more than 53 bits; both are taken for all.
fn whole(json: &Json, min: i128, max: i128) -> Result<i128, String> {
    let what = if min == 0 { "a whole number, not negative" } else { "a whole number" };
    let number = match json {
        Json::Number(number) => integral(&number.to_string()),
        Json::String(text) => integral(text),
        other => return expected(what, other),
    };
    match number {
        Some(value) if (min..=max).contains(&value) => Ok(value),
        Some(_) => Err(format!("should be between {min} and {max}")),
        None => Err(format!("should be {what}")),
    }
}

/// `12`, and what is the same number: `12.0`, `1.2e1`.
fn integral(text: &str) -> Option<i128> {
    if text.len() > DIGITS_MAX || text.starts_with('+') {
        return None;
    }
    if let Ok(value) = text.parse::<i128>() {
        return Some(value);
    }
    let value = number(text)?;
    // Whole numbers beyond this are not exact in a double.
    (value.fract() == 0.0 && value.abs() < 2f64.powi(53)).then_some(value as i128)
}

fn real(json: &Json) -> Result<f64, String> {
    match json {
        Json::Number(value) => value.as_f64(),
        Json::String(text) => match text.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            text => number(text),
        },
        other => return expected("a number", other),
    }
    .ok_or_else(|| "should be a number".to_owned())
}

fn float(json: &Json) -> Result<f32, String> {
    let value = real(json)?;
    let narrow = value as f32;
    if narrow.is_infinite() && value.is_finite() {
        return Err("should be a number of 32 bits".to_owned());
    }
    Ok(narrow)
}

/// A finite number as JSON spells it; Rust's own parser would take `inf` and `1.` too.
fn number(text: &str) -> Option<f64> {
    if text.len() > DIGITS_MAX || text.trim() != text {
        return None;
    }
    serde_json::from_str::<serde_json::Number>(text).ok()?.as_f64()
}

fn enumeration(values: &EnumDescriptor, json: &Json) -> Result<Value, String> {
    let number = match json {
        Json::Null if values.full_name() == "google.protobuf.NullValue" => Some(0),
        Json::String(name) => values.get_value_by_name(name).map(|value| value.number()),
        Json::Number(_) => whole(json, i32::MIN.into(), i32::MAX.into())
            .ok()
            .and_then(|number| values.get_value(number as i32))
            .map(|value| value.number()),
        _ => None,
    };
    number.map(Value::EnumNumber).ok_or_else(|| {
        let names: Vec<_> =
            values.values().take(NAMES_SHOWN_MAX).map(|value| value.name().to_owned()).collect();
        let more = if values.values().len() > NAMES_SHOWN_MAX { ", …" } else { "" };
        format!("should be one of {}{more}", names.join(", "))
    })
}

fn expected<T>(what: &str, found: &Json) -> Result<T, String> {
    Err(format!("should be {what}, but is {}", found.kind()))
}
