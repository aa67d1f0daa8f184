//! Messages as proto3 JSON, by their descriptors: the same that the JSON API answers.

use std::sync::LazyLock;

use prost_reflect::{DescriptorPool, DynamicMessage};
use serde_json::Value;

use super::super::rpc::Named;

static POOL: LazyLock<Option<DescriptorPool>> =
    LazyLock::new(|| DescriptorPool::decode(proto::DESCRIPTORS).ok());

/// The descriptors of all contracts.
pub fn pool() -> Option<&'static DescriptorPool> {
    POOL.as_ref()
}

/// `message` as proto3 JSON.
pub fn value<M: Named>(message: &M) -> Value {
    let descriptor = pool().and_then(|pool| pool.get_message_by_name(M::NAME));
    // A test holds that every name is in the descriptors, and a message is always its own.
    descriptor
        .and_then(|descriptor| DynamicMessage::decode(descriptor, message.encode_to_vec().as_slice()).ok())
        .and_then(|dynamic| serde_json::to_value(dynamic).ok())
        .unwrap_or_default()
}

/// With line breaks and two blanks of indentation.
pub fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// The name of an enum's value without the prefix that proto3 asks for: `STATUS_ON_HOLD` is `on-hold`.
pub fn plain(name: &str, prefix: &str) -> String {
    let plain = name.strip_prefix(prefix).unwrap_or(name);
    if plain == "UNSPECIFIED" { String::new() } else { plain.to_lowercase().replace('_', "-") }
}

#[cfg(test)]
mod tests {
    use proto::cases::v1 as pb;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_message_is_the_json_of_the_api() {
        let case = pb::Case {
            case_id: "c1".to_owned(),
            status: pb::Status::OnHold.into(),
            opened_at: Some(prost_types::Timestamp { seconds: 1_772_359_200, nanos: 0 }),
            message_count: 3,
            fields: [(
                "plan".to_owned(),
                pb::FieldValue { kind: Some(pb::field_value::Kind::Choice("gold".to_owned())) },
            )]
            .into(),
            ..pb::Case::default()
        };
        let expected = json!({
            "caseId": "c1",
            "status": "STATUS_ON_HOLD",
            "fields": {"plan": {"choice": "gold"}},
            "openedAt": "2026-03-01T10:00:00Z",
            "messageCount": 3,
        });
        assert_eq!(value(&case), expected);
        let row = proto::ingestion::v1::get_ledger_response::Row {
            received: 7,
            ..proto::ingestion::v1::get_ledger_response::Row::default()
        };
        let answer = proto::ingestion::v1::GetLedgerResponse { rows: vec![row], ..Default::default() };
        assert_eq!(value(&answer), json!({"rows": [{"received": "7"}]}), "64-bit integers are strings");
    }

    #[test]
    fn enum_values_are_told_without_their_prefix() {
        assert_eq!(plain("STATUS_ON_HOLD", "STATUS_"), "on-hold");
        assert_eq!(plain("STATUS_UNSPECIFIED", "STATUS_"), "");
    }
}
