//! A query while it is put together: placeholders in the text, values beside it, and no value ever in the text.

use std::fmt::Write;

use domain::policy::organisation::Role;
use service::{Error, policies::Access, store::Value};

use crate::act::fields as f;

/// The longest search, in bytes.
const TEXT_MAX: usize = 1_000;

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

/// Only what the caller may see.
pub fn visible(query: &mut Query, access: &Access) {
    let Some((regions, teams)) = access.limits() else { return };
    let allowed = access.any(&[Role::Supervisor, Role::Agent, Role::Guest]);
    let mut places =
        |ids: Vec<String>| ids.into_iter().map(|id| query.bind(id)).collect::<Vec<_>>().join(", ");
    let regions = places(regions.iter().map(ToString::to_string).collect());
    let teams = places(teams.iter().map(ToString::to_string).collect());
    let either = [("c.region", regions), ("c.team", teams)];
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

/// Every word must stand in something that was said, "in quotes" as a phrase.
pub fn search(query: &mut Query, text: &str) -> Result<(), Error> {
    if text.trim().is_empty() {
        return Ok(());
    }
    if text.len() > TEXT_MAX {
        return Err(Error::field("filter.text", format!("at most {TEXT_MAX} bytes")));
    }
    let phrases = phrases(text);
    if phrases.is_empty() {
        return Err(Error::field("filter.text", "must have a word in it"));
    }
    let condition = if query.sqlite {
        // Each phrase in quotes: nothing in it is an operator.
        let terms: Vec<String> = phrases.iter().map(|phrase| format!("\"{phrase}\"")).collect();
        let place = query.bind(terms.join(" "));
        format!(
            "c.id in (select s.case_id from said_text join said s on s.id = said_text.rowid where said_text match {place})"
        )
    } else {
        let terms: Vec<String> = phrases
            .iter()
            .map(|phrase| format!("phraseto_tsquery('simple', {})", query.bind(phrase.as_str())))
            .collect();
        format!("c.id in (select s.case_id from said s where s.words @@ ({}))", terms.join(" && "))
    };
    query.and(&condition);
    Ok(())
}

/// Words, and phrases in quotes, without anything that a search syntax could take for its own.
fn phrases(text: &str) -> Vec<String> {
    let clean = |part: &str| {
        let kept: String = part.chars().map(|c| if c.is_alphanumeric() { c } else { ' ' }).collect();
        kept.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let mut phrases = Vec::new();
    for (i, part) in text.split('"').enumerate() {
        if i % 2 == 1 {
            phrases.push(clean(part));
        } else {
            phrases.extend(part.split_whitespace().map(clean));
        }
    }
    phrases.retain(|phrase| !phrase.is_empty());
    phrases
}
