//! Many rows in one statement: bound as one JSON array, which both databases can read as a table.

use std::fmt::Write;

use serde::Serialize;

use super::{Error, Tx};

/// The type of a column, as both databases know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// 64-bit integer.
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
        let names = columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        let changed: Vec<String> = columns
            .iter()
            .filter(|(name, _)| !key.contains(name))
            .map(|(name, _)| format!("{name} = excluded.{name}"))
            .collect();
        let key = key.join(", ");
        let conflict = if changed.is_empty() {
            format!("on conflict ({key}) do nothing")
        } else {
            format!("on conflict ({key}) do update set {}", changed.join(", "))
        };
        let (mut from_json, mut record) = (String::new(), String::new());
        for (i, (name, kind)) in columns.iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            // A JSON column is taken out as JSON, all others as SQL values.
            let (arrow, pg) = match kind {
                Type::Int => ("->>", "bigint"),
                Type::Text => ("->>", "text"),
                Type::Json => ("->", "jsonb"),
            };
            let _ = write!(from_json, "{comma}value {arrow} '$.{name}'");
            let _ = write!(record, "{comma}{name} {pg}");
        }
        Self {
            // "where true" tells SQLite's parser that "on conflict" is not part of a join.
            sqlite: format!(
                "insert into {table} ({names}) select {from_json} from json_each($1) where true {conflict}"
            ),
            postgres: format!(
                "insert into {table} ({names}) select {names} from jsonb_to_recordset($1::jsonb) as r ({record}) {conflict}"
            ),
        }
    }

    /// Writes `rows`, of which no two have the same key.
    pub async fn write<T: Serialize>(&self, tx: &mut Tx, rows: &[T]) -> Result<(), Error> {
        for rows in rows.chunks(Self::ROWS_MAX) {
            let json = serde_json::to_string(rows).map_err(|error| Error::Broken(error.to_string()))?;
            tx.execute_built(&self.sqlite, &self.postgres, &[json.into()]).await?;
        }
        Ok(())
    }
}
