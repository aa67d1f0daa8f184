//! JSON values as YAML: block style, every string in double quotes, which are JSON's.

use serde_json::Value;

/// `value` as a YAML document with its last line break.
pub fn document(value: &Value) -> String {
    let mut text = String::new();
    node(&mut text, value, 0, false);
    text
}

/// Writes `value` at `depth`; `inline` if the line it begins on has something already.
fn node(text: &mut String, value: &Value, depth: usize, inline: bool) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (at, (key, value)) in members.iter().enumerate() {
                if at > 0 || !inline {
                    indent(text, depth);
                }
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push(':');
                below(text, value, depth);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (at, item) in items.iter().enumerate() {
                if at > 0 || !inline {
                    indent(text, depth);
                }
                text.push_str("- ");
                node(text, item, depth + 1, true);
            }
        }
        scalar => {
            text.push_str(&scalar.to_string());
            text.push('\n');
        }
    }
}

/// Writes the value of a key: a scalar beside it, anything else on the lines below.
fn below(text: &mut String, value: &Value, depth: usize) {
    let block = match value {
        Value::Object(members) => !members.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    };
    text.push(if block { '\n' } else { ' ' });
    node(text, value, depth + 1, !block);
}

fn indent(text: &mut String, depth: usize) {
    text.extend(std::iter::repeat_n("  ", depth));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn blocks_within_blocks() {
        let value = json!({
            "case": {"number": "PAR-1", "tags": ["vip", "no"], "links": [], "fields": {}},
            "list": [{"a": 1, "b": [true, null]}, [2, 3]],
        });
        let expected = r#""case":
  "number": "PAR-1"
  "tags":
    - "vip"
    - "no"
  "links": []
  "fields": {}
"list":
  - "a": 1
    "b":
      - true
      - null
  - - 2
    - 3
"#;
        assert_eq!(document(&value), expected);
        assert_eq!(document(&json!("a: b\n")), "\"a: b\\n\"\n");
        assert_eq!(document(&json!([])), "[]\n");
    }
}
