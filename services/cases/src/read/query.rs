//! A query while it is put together: placeholders in the text, values beside it, and no value ever in the text.

use std::fmt::Write;

use domain::policy::organisation::Role;
use service::{Error, policies::Access, store::Value};

use crate::act::fields as f;

/// A query, as far as it is put together.
pub struct Query {
    /// The statement so far.
    pub text: String,
    /// What its placeholders stand for.
    pub binds: Vec<Value>,
    /// In which dialect.
    pub sqlite: bool,
}

impl Query {
    /// A placeholder for a value.
    pub fn bind(&mut self, value: impl Into<Value>) -> String {
        self.binds.push(value.into());
        format!("${}", self.binds.len())
    }

    /// One more condition.
    pub fn and(&mut self, condition: &str) {
        let _ = write!(self.text, " and {condition}");
    }

    /// `column` is one of `values`; nothing is asked if there are none.
    pub fn any(&mut self, column: &str, values: Vec<Value>) {
        if !values.is_empty() {
            let places: Vec<String> = values.into_iter().map(|value| self.bind(value)).collect();
            self.and(&format!("{column} in ({})", places.join(", ")));
        }
    }

    /// A case has one of these tags; nothing is asked if there are none.
    pub fn any_tag(&mut self, tags: Vec<Value>) {
        if tags.is_empty() {
            return;
        }
        let places: Vec<String> = tags.into_iter().map(|tag| self.bind(tag)).collect();
        let condition = if self.sqlite {
            format!("exists (select 1 from json_each(c.tags) where value in ({}))", places.join(", "))
        } else {
            // Each by itself: so the index of tags knows them.
            let has: Vec<String> = places.iter().map(|place| format!("c.tags ? {place}")).collect();
            format!("({})", has.join(" or "))
        };
        self.and(&condition);
    }

    /// `column` lies between two instants of the request.
    pub fn between(
        &mut self,
        column: &str,
        field: &str,
        from: Option<&prost_types::Timestamp>,
        to: Option<&prost_types::Timestamp>,
    ) -> Result<(), Error> {
        for (bound, suffix, sign) in [(from, "from", ">="), (to, "to", "<")] {
            if let Some(bound) = bound {
                let micros = f::instant(&format!("filter.{field}_{suffix}"), bound)?.as_microsecond();
                let place = self.bind(micros);
                self.and(&format!("{column} {sign} {place}"));
            }
        }
        Ok(())
    }
}

/// Roles that see the cases of their regions and teams, those that they are asked about, and those that they have.
pub const SEEING: &[Role] = &[Role::Supervisor, Role::Agent, Role::Guest];

/// Only what the caller may see.
pub fn visible(query: &mut Query, access: &Access) {
    let Some((regions, teams)) = access.limits() else { return };
    let allowed = access.any(SEEING);
    let mut places =
        |ids: Vec<String>| ids.into_iter().map(|id| query.bind(id)).collect::<Vec<_>>().join(", ");
    let regions = places(regions.iter().map(ToString::to_string).collect());
    let teams = places(teams.iter().map(ToString::to_string).collect());
    let me = places(access.person.iter().map(ToString::to_string).collect());
    let either =
        [("c.region", regions), ("c.team", teams.clone()), ("c.escalated_to", teams), ("c.assignee", me)];
    let either: Vec<String> = either
        .into_iter()
        .filter(|(_, list)| !list.is_empty())
        .map(|(column, list)| format!("{column} in ({list})"))
        .collect();
    query.and(&if either.is_empty() || !allowed {
        "1 = 0".to_owned()
    } else {
        format!("({})", either.join(" or "))
    });
}
