//! Values in and rows out, the same for both drivers.

use std::borrow::Cow;

use sqlx::{
    Column, Postgres, Row as _, Sqlite, TypeInfo, ValueRef,
    postgres::{PgArguments, PgRow},
    query::Query,
    sqlite::{SqliteArguments, SqliteRow},
};

use super::Error;

/// A value to bind, or of a column. An absent value keeps its type: PostgreSQL asks for it.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A 64-bit integer; also booleans (0, 1) and instants (microseconds since 1970).
    Int(Option<i64>),
    /// A floating-point number.
    Real(Option<f64>),
    /// Text; also JSON, which statements cast with `$1::jsonb` on PostgreSQL. The character of code 0 is stored as
    /// U+FFFD.
    Text(Option<String>),
    /// Bytes.
    Bytes(Option<Vec<u8>>),
}

macro_rules! value_from {
    ($($from:ty => $variant:ident by $how:expr;)*) => {$(
        impl From<$from> for Value {
            fn from(value: $from) -> Self { Self::$variant(Some(($how)(value))) }
        }
        impl From<Option<$from>> for Value {
            fn from(value: Option<$from>) -> Self { Self::$variant(value.map($how)) }
        }
    )*};
}

value_from! {
    i64 => Int by |v| v;
    bool => Int by i64::from;
    u32 => Int by i64::from;
    // Positions and counts stay far below 2^63; one that does not is stored as the largest there is.
    u64 => Int by |v| i64::try_from(v).unwrap_or(i64::MAX);
    f64 => Real by |v| v;
    &str => Text by str::to_owned;
    String => Text by |v| v;
    Vec<u8> => Bytes by |v| v;
}

type SqliteQuery<'q> = Query<'q, Sqlite, SqliteArguments>;
type PostgresQuery<'q> = Query<'q, Postgres, PgArguments>;

pub(super) fn sqlite<'q>(query: SqliteQuery<'q>, binds: &'q [Value]) -> SqliteQuery<'q> {
    binds.iter().fold(query, |query, bind| match bind {
        Value::Int(v) => query.bind(*v),
        Value::Real(v) => query.bind(*v),
        Value::Text(v) => query.bind(v.as_deref().map(without_nul)),
        Value::Bytes(v) => query.bind(v.as_deref()),
    })
}

pub(super) fn postgres<'q>(query: PostgresQuery<'q>, binds: &'q [Value]) -> PostgresQuery<'q> {
    binds.iter().fold(query, |query, bind| match bind {
        Value::Int(v) => query.bind(*v),
        Value::Real(v) => query.bind(*v),
        Value::Text(v) => query.bind(v.as_deref().map(without_nul)),
        Value::Bytes(v) => query.bind(v.as_deref()),
    })
}

/// PostgreSQL cannot hold the character of code 0, and what one store refuses none is given.
fn without_nul(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { text.replace('\0', "\u{fffd}").into() } else { text.into() }
}

/// A row of an answer; columns are taken by their index. A sum is cast to the type that is wanted (`sum(n)::bigint`).
#[derive(Clone, Debug, PartialEq)]
pub struct Row(Vec<Value>);

impl Row {
    pub(super) fn from_sqlite(row: &SqliteRow) -> Result<Self, Error> {
        (0..row.len())
            .map(|i| {
                let raw = row.try_get_raw(i)?;
                let kind = raw.type_info().name().to_owned();
                Ok(match kind.as_str() {
                    "NULL" => Value::Text(None),
                    "INTEGER" | "BOOLEAN" => Value::Int(row.try_get(i)?),
                    "REAL" => Value::Real(row.try_get(i)?),
                    "BLOB" => Value::Bytes(row.try_get(i)?),
                    _ => Value::Text(row.try_get(i)?),
                })
            })
            .collect::<Result<_, sqlx::Error>>()
            .map(Self)
            .map_err(Error::from)
    }

    pub(super) fn from_postgres(row: &PgRow) -> Result<Self, Error> {
        (0..row.len())
            .map(|i| {
                Ok(match row.column(i).type_info().name() {
                    "INT8" => Value::Int(row.try_get(i)?),
                    "INT4" => Value::Int(row.try_get::<Option<i32>, _>(i)?.map(i64::from)),
                    "INT2" => Value::Int(row.try_get::<Option<i16>, _>(i)?.map(i64::from)),
                    "BOOL" => Value::Int(row.try_get::<Option<bool>, _>(i)?.map(i64::from)),
                    "FLOAT8" => Value::Real(row.try_get(i)?),
                    "FLOAT4" => Value::Real(row.try_get::<Option<f32>, _>(i)?.map(f64::from)),
                    "BYTEA" => Value::Bytes(row.try_get(i)?),
                    "JSONB" | "JSON" => {
                        Value::Text(row.try_get::<Option<serde_json::Value>, _>(i)?.map(|v| v.to_string()))
                    }
                    _ => Value::Text(row.try_get(i)?),
                })
            })
            .collect::<Result<_, sqlx::Error>>()
            .map(Self)
            .map_err(Error::from)
    }

    /// The integer in column `i`, if there is one.
    pub fn int(&self, i: usize) -> Option<i64> {
        match self.0.get(i) {
            Some(Value::Int(v)) => *v,
            _ => None,
        }
    }

    /// The unsigned integer in column `i`; 0 where there is none.
    pub fn count(&self, i: usize) -> u64 {
        self.int(i).and_then(|v| u64::try_from(v).ok()).unwrap_or(0)
    }

    /// The number in column `i`, if there is one.
    pub fn real(&self, i: usize) -> Option<f64> {
        match self.0.get(i) {
            Some(Value::Real(v)) => *v,
            _ => None,
        }
    }

    /// The text in column `i`, if there is some.
    pub fn text(&self, i: usize) -> Option<&str> {
        match self.0.get(i) {
            Some(Value::Text(v)) => v.as_deref(),
            _ => None,
        }
    }

    /// The text in column `i`; empty where there is none.
    pub fn string(&self, i: usize) -> String {
        self.text(i).unwrap_or_default().to_owned()
    }

    /// The bytes in column `i`, if there are some.
    pub fn bytes(&self, i: usize) -> Option<&[u8]> {
        match self.0.get(i) {
            Some(Value::Bytes(v)) => v.as_deref(),
            _ => None,
        }
    }

    /// Every value, in the order of the columns.
    pub fn values(&self) -> &[Value] {
        &self.0
    }
}
