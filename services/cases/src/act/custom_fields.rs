//! Values of custom fields, as the policy defines them.

use std::collections::BTreeMap;

use domain::{
    case::FieldValue,
    ids::{FieldId, ReasonCode},
    personal::Personal,
    policy::case::{FieldKind, Rules},
};
use proto::cases::v1::{self as pb, field_value::Kind};
use service::Error;

use super::fields as f;

/// A value as the policy wants it; `None` clears the field.
pub fn field_value(
    path: &str,
    id: &FieldId,
    value: &pb::FieldValue,
    rules: &Rules,
    owner: &str,
) -> Result<Option<FieldValue>, Error> {
    let rule = rules.fields.get(id).ok_or_else(|| Error::field(path, "the policy has no such field"))?;
    let value = match (&value.kind, rule.kind, rule.personal) {
        (None, ..) => return Ok(None),
        (Some(Kind::Text(text)), FieldKind::Text, true) => {
            f::without_nul(path, text)?;
            FieldValue::Personal(Personal::open(owner, text.as_str()))
        }
        // A choice may come as text: files and forms know no other.
        (Some(Kind::Choice(text) | Kind::Text(text)), FieldKind::Choice, _) => {
            FieldValue::Choice(f::required::<ReasonCode>(path, text)?)
        }
        (Some(Kind::Text(text)), ..) => {
            f::without_nul(path, text)?;
            FieldValue::Text(text.clone())
        }
        (Some(Kind::Choice(text)), ..) => FieldValue::Choice(f::required::<ReasonCode>(path, text)?),
        (Some(Kind::Number(number)), ..) => {
            let number = serde_json::Number::from_f64(*number);
            FieldValue::Number(number.ok_or_else(|| Error::field(path, "must be a finite number"))?)
        }
        (Some(Kind::Flag(flag)), ..) => FieldValue::Bool(*flag),
        (Some(Kind::Date(date)), ..) => {
            FieldValue::Date(date.parse().map_err(|_| Error::field(path, "must be a day: YYYY-MM-DD"))?)
        }
    };
    rules.check_field(id, &value).map_err(|refused| Error::field(path, refused))?;
    Ok(Some(value))
}

/// The fields of a new case; one without a value is left out.
pub fn opening_fields(
    fields: &BTreeMap<String, pb::FieldValue>,
    rules: &Rules,
    owner: &str,
) -> Result<BTreeMap<FieldId, FieldValue>, Error> {
    let mut values = BTreeMap::new();
    for (name, value) in fields {
        let id = f::required::<FieldId>("fields", name)?;
        let path = format!("fields.{id}");
        if let Some(value) = field_value(&path, &id, value, rules, owner)? {
            values.insert(id, value);
        }
    }
    Ok(values)
}
