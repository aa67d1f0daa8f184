//! Pages by key: the values of the last row's keys are where the next page begins.

use domain::ids::CaseId;
use proto::cases::v1::list_cases_request::Order;
use service::{
    Error,
    store::{Row, Value},
};

use super::query::Query;

/// A column by which pages are ordered. None of them is ever null.
#[derive(Clone, Copy)]
pub struct Key {
    pub sql: &'static str,
    pub descending: bool,
    /// Where the column stands in the row.
    pub column: usize,
}

impl Key {
    /// As SQL has it.
    pub const fn direction(self) -> &'static str {
        if self.descending { "desc" } else { "asc" }
    }
}

/// Instants that are not there come last.
const WAITING: &str = "coalesce(c.waiting_since, 9223372036854775807)";

pub fn keys(order: Order) -> Vec<Key> {
    let id = Key { sql: "c.id", descending: false, column: 0 };
    let key = |sql, descending, column| Key { sql, descending, column };
    match order {
        Order::Unspecified | Order::UpdatedDesc => vec![key("c.updated_at", true, 16), id],
        Order::OpenedDesc => vec![key("c.opened_at", true, 15), id],
        Order::OpenedAsc => vec![key("c.opened_at", false, 15), id],
        Order::Waiting => vec![key(WAITING, false, 17), id],
        Order::Priority => vec![key("c.priority", true, 5), key(WAITING, false, 17), id],
    }
}

/// The values of the keys in the last row of a page.
pub fn token_of(row: &Row, keys: &[Key]) -> String {
    let values: Vec<String> = keys
        .iter()
        .map(|key| {
            if key.column == 0 { row.string(0) } else { row.int(key.column).unwrap_or(i64::MAX).to_string() }
        })
        .collect();
    values.join("~")
}

pub fn page_token(token: &str, keys: usize) -> Result<Vec<Value>, Error> {
    let wrong = || Error::field("page_token", "must be as an earlier answer to the same query gave it");
    let parts: Vec<&str> = token.split('~').collect();
    if parts.len() != keys {
        return Err(wrong());
    }
    let (id, numbers) = parts.split_last().ok_or_else(wrong)?;
    let mut values: Vec<Value> = numbers
        .iter()
        .map(|number| number.parse::<i64>().map(Value::from))
        .collect::<Result<_, _>>()
        .map_err(|_| wrong())?;
    let id: CaseId = id.parse().map_err(|_| wrong())?;
    values.push(id.to_string().into());
    Ok(values)
}

/// Only rows that come after `last` in the order of `keys`.
pub fn after(query: &mut Query, keys: &[Key], last: Vec<Value>) {
    let places: Vec<String> = last.into_iter().map(|value| query.bind(value)).collect();
    let mut either = Vec::new();
    for (i, key) in keys.iter().enumerate() {
        let mut all: Vec<String> = (0..i).map(|j| format!("{} = {}", keys[j].sql, places[j])).collect();
        all.push(format!("{} {} {}", key.sql, if key.descending { "<" } else { ">" }, places[i]));
        either.push(format!("({})", all.join(" and ")));
    }
    query.and(&format!("({})", either.join(" or ")));
}
