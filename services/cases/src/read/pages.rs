//! Pages by key: the values of the last row's keys are where the next page begins.

use domain::ids::CaseId;
use proto::cases::v1::list_cases_request::Order;
use service::{
    Error,
    store::{Row, Value},
};

use super::query::Query;

/// By which columns pages are ordered, the id last. All of them go the same way and none is ever null: so the next page
/// is one range of an index that has the same columns.
#[derive(Clone, Copy)]
pub struct Keys {
    /// What begins the tokens of this order: the values of another one would mean another page.
    pub name: &'static str,
    /// As SQL has them, and where they stand in the row.
    columns: &'static [(&'static str, usize)],
    descending: bool,
}

const UPDATED: &[(&str, usize)] = &[("c.updated_at", 16), ("c.id", 0)];
const OPENED: &[(&str, usize)] = &[("c.opened_at", 15), ("c.id", 0)];
const WAITING: &[(&str, usize)] = &[("c.waiting_since", 17), ("c.id", 0)];
const PRIORITY: &[(&str, usize)] = &[("c.priority", 5), ("c.waiting_since", 17), ("c.id", 0)];

/// The keys of an order.
pub const fn keys(order: Order) -> Keys {
    let (name, columns, descending) = match order {
        Order::Unspecified | Order::UpdatedDesc => ("updated", UPDATED, true),
        Order::OpenedDesc => ("opened", OPENED, true),
        Order::OpenedAsc => ("oldest", OPENED, false),
        Order::Waiting => ("waiting", WAITING, false),
        Order::Priority => ("priority", PRIORITY, false),
    };
    Keys { name, columns, descending }
}

impl Keys {
    /// What follows "order by".
    pub fn order(self) -> String {
        let direction = if self.descending { "desc" } else { "asc" };
        let columns: Vec<String> = self.columns.iter().map(|(sql, _)| format!("{sql} {direction}")).collect();
        columns.join(", ")
    }

    /// The values in the last row of a page.
    pub fn token(self, row: &Row) -> String {
        let values = self.columns.iter().map(|(_, column)| {
            row.int(*column).map_or_else(|| row.string(*column), |value| value.to_string())
        });
        std::iter::once(self.name.to_owned()).chain(values).collect::<Vec<_>>().join("~")
    }

    /// Only rows that come after the one that `token` is of.
    pub fn after(self, query: &mut Query, token: &str) -> Result<(), Error> {
        let values = self.values(token)?;
        let places: Vec<String> = values.into_iter().map(|value| query.bind(value)).collect();
        let columns: Vec<&str> = self.columns.iter().map(|(sql, _)| *sql).collect();
        let sign = if self.descending { "<" } else { ">" };
        query.and(&format!("({}) {sign} ({})", columns.join(", "), places.join(", ")));
        Ok(())
    }

    fn values(self, token: &str) -> Result<Vec<Value>, Error> {
        let wrong = || Error::field("page_token", "must be as an earlier answer to the same query gave it");
        let (name, values) = token.split_once('~').ok_or_else(wrong)?;
        let parts: Vec<&str> = values.split('~').collect();
        if name != self.name || parts.len() != self.columns.len() {
            return Err(wrong());
        }
        let (id, numbers) = parts.split_last().ok_or_else(wrong)?;
        let numbers = numbers.iter().map(|number| number.parse::<i64>().map(Value::from));
        let mut values: Vec<Value> = numbers.collect::<Result<_, _>>().map_err(|_| wrong())?;
        let id: CaseId = id.parse().map_err(|_| wrong())?;
        values.push(id.to_string().into());
        Ok(values)
    }
}
