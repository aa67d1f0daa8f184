//! Whether two read models are the same.

use eventlog::Position;

use super::{Projection, ReadModel};
use crate::{
    digest::Rows,
    store::{self, Value},
};

impl<P: Projection> ReadModel<P> {
    /// A digest of every row of every table: equal read models have equal digests.
    pub async fn digest(&self) -> Result<String, store::Error> {
        Ok(self.snapshot().await?.1)
    }

    /// The digest, and the position that it is of.
    pub(crate) async fn snapshot(&self) -> Result<(Position, String), store::Error> {
        let mut tx = self.store.begin_snapshot().await?;
        let name = self.projection.name().into();
        let rows = tx.query("select position from projection where name = $1", &[name]).await?;
        let position = Position(rows.first().map_or(0, |row| row.count(0)));
        let mut hasher = Rows::default();
        for (table, sql) in self.projection.tables() {
            hasher.table(table);
            tx.for_each(*sql, &[], |row| hasher.row(row.values().iter().map(text))).await?;
        }
        Ok((position, hasher.finish()))
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Int(v) => v.map(|v| v.to_string()),
        Value::Real(v) => v.map(|v| v.to_string()),
        Value::Text(v) => v.clone(),
        Value::Bytes(v) => v.as_ref().map(|v| format!("{v:?}")),
    }
}
