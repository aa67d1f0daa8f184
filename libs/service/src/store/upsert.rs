//! Many rows in one statement: bound as one JSON array, which both databases can read as a table.

use std::fmt::Write;

use serde::Serialize;

use super::{Error, Tx};

/// The type of a column, as both databases know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// 64-bit integer; `true` and `false` are 1 and 0.
    Int,
    /// Text.
    Text,
    /// JSON: text in SQLite, `jsonb` in PostgreSQL.
    Json,
}

/// Writes rows of one table, replacing those with the same key.
#[derive(Clone, Debug)]
pub struct Upsert {
    sqlite: String,
    postgres: String,
}

impl Upsert {
    /// The rows that one statement may take: what is larger is cut, so that no bind grows without end.
    pub const ROWS_MAX: usize = 5_000;

    /// For `table`, whose `key` columns come first among `columns`. Without other columns, rows that are there stay.
    pub fn new(table: &str, key: &[&str], columns: &[(&str, Type)]) -> Self {
        Self::with_constants(table, key, columns, &[])
    }

    /// The same where some columns never change once the row is there: their indexes are left alone. SQLite would take
    /// every row out of the index of a column that is set, and put it in again, though its value is what it was.
    pub fn with_constants(table: &str, key: &[&str], columns: &[(&str, Type)], constants: &[&str]) -> Self {
        let names = columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        let changed: Vec<String> = columns
            .iter()
            .filter(|(name, _)| !key.contains(name) && !constants.contains(name))
            .map(|(name, _)| format!("{name} = excluded.{name}"))
            .collect();
        let key = key.join(", ");
        let conflict = if changed.is_empty() {
            format!("on conflict ({key}) do nothing")
        } else {
            format!("on conflict ({key}) do update set {}", changed.join(", "))
        };
        let (mut from_json, mut from_record, mut record) = (String::new(), String::new(), String::new());
        for (i, (name, kind)) in columns.iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            // A JSON column is taken out as JSON, all others as SQL values; `null` is one in both. SQLite makes 0 and
            // 1 of booleans by itself.
            let (sqlite, postgres, json) = match kind {
                Type::Int => (
                    format!("value ->> '$.{name}'"),
                    format!("case {name} when 'true' then 1 when 'false' then 0 else {name}::bigint end"),
                    "text",
                ),
                Type::Text => (format!("value ->> '$.{name}'"), (*name).to_owned(), "text"),
                Type::Json => (format!("nullif(value -> '$.{name}', 'null')"), (*name).to_owned(), "jsonb"),
            };
            let _ = write!(from_json, "{comma}{sqlite}");
            let _ = write!(from_record, "{comma}{postgres}");
            let _ = write!(record, "{comma}{name} {json}");
        }
        Self {
            // "where true" tells SQLite's parser that "on conflict" is not part of a join. `jsonb_each`, since `json_each`
            // would write each row out as text again for every column that is taken from it.
            sqlite: format!(
                "insert into {table} ({names}) select {from_json} from jsonb_each($1) where true {conflict}"
            ),
            postgres: format!(
                "insert into {table} ({names}) select {from_record} from jsonb_to_recordset($1::jsonb) as r ({record}) {conflict}"
            ),
        }
    }

    /// Writes `rows`, of which no two have the same key.
    pub async fn write<T: Serialize>(&self, tx: &mut Tx, rows: &[T]) -> Result<(), Error> {
        for rows in rows.chunks(Self::ROWS_MAX) {
            let json = serde_json::to_string(rows).map_err(|error| Error::Broken(error.to_string()))?;
            let json = without_nul(json);
            tx.execute_built(&self.sqlite, &self.postgres, &[json.into()]).await?;
        }
        Ok(())
    }
}

/// JSON may escape what PostgreSQL cannot hold, the character of code 0: like everywhere in a [`Value`](super::Value),
/// the replacement character stands for it.
fn without_nul(json: String) -> String {
    const NUL: &str = "\\u0000";
    if !json.contains(NUL) {
        return json;
    }
    let mut clean = String::with_capacity(json.len());
    let mut rest = json.as_str();
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        clean.push_str(before);
        // An escaped backslash is a pair: what follows it is plain text.
        let (escape, after) = match escape.strip_prefix(NUL) {
            Some(after) => ("\\ufffd", after),
            None => escape.split_at(escape.len().min(2)),
        };
        clean.push_str(escape);
        rest = after;
    }
    clean + rest
}

#[cfg(test)]
mod tests {
    use super::without_nul;

    #[test]
    fn only_the_character_of_code_0_is_replaced() {
        for text in ["", "\0", "a\0b\0", "\\u0000", "\\\0", "\\\\u0000\0", "\n\"\\", "\u{1}\0é\0"] {
            let clean = without_nul(serde_json::to_string(text).unwrap());
            let back: String = serde_json::from_str(&clean).unwrap();
            assert_eq!(back, text.replace('\0', "\u{fffd}"), "{text:?}");
        }
    }
}
