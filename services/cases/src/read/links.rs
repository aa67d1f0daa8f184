//! How a case relates to others: now, out of the read model; at another time, out of the log.

use std::collections::BTreeSet;

use domain::{
    ids::CaseId,
    links::{Event, LinkKind},
};
use futures_util::TryStreamExt;
use proto::cases::v1 as pb;
use serde_json::Value as Json;
use service::{
    Error,
    envelope::{Envelope, contains},
    store::Value,
};

use super::{
    one::Until,
    query::{Query, visible},
};
use crate::{
    act::no::No,
    core::{Caller, Core},
};

/// Kind, from, to: the order in which links are told.
type Links = BTreeSet<(String, String, String)>;

impl Core {
    /// The links of a case, those that end at it too.
    pub async fn links_of(&self, id: CaseId, until: Until) -> Result<Vec<pb::case::Link>, Error> {
        let me = id.to_string();
        let links =
            if until.is_now() { self.links_now(&me).await? } else { self.links_then(&me, until).await? };
        let link = |(kind, from, to): (String, String, String)| {
            let inverse = to == me;
            let kind = match kind.as_str() {
                "child_of" => pb::LinkKind::ChildOf,
                "duplicate_of" => pb::LinkKind::DuplicateOf,
                _ => pb::LinkKind::CausedBy,
            };
            let case_id = if inverse { from } else { to };
            pb::case::Link { kind: kind.into(), case_id, inverse, hidden: false }
        };
        Ok(links.into_iter().map(link).collect())
    }

    /// Takes out of cases the ids of those that the caller does not see. That there is a link, and of which kind, stays: it
    /// is this case's too.
    pub async fn hide_unseen(&self, caller: &Caller, cases: &mut [pb::Case]) -> Result<(), Error> {
        if caller.access.limits().is_none() {
            return Ok(());
        }
        let named: BTreeSet<String> = cases.iter().flat_map(named).map(ToOwned::to_owned).collect();
        let seen = self.seen_among(caller, named).await?;
        cases.iter_mut().for_each(|case| keep_seen(case, &seen));
        Ok(())
    }

    /// The same in events of the case `me`, whose members name other cases by [`NAMING`].
    pub async fn hide_unseen_in(
        &self,
        caller: &Caller,
        me: CaseId,
        events: Vec<&mut Json>,
    ) -> Result<(), Error> {
        if caller.access.limits().is_none() {
            return Ok(());
        }
        let me = me.to_string();
        let mut places = Vec::new();
        events.into_iter().for_each(|event| names_in(event, &mut places));
        places.retain(|id| **id != me);
        let seen = self.seen_among(caller, places.iter().map(ToString::to_string).collect()).await?;
        places.into_iter().filter(|id| !seen.contains(*id)).for_each(String::clear);
        Ok(())
    }

    async fn seen_among(&self, caller: &Caller, cases: BTreeSet<String>) -> Result<BTreeSet<String>, Error> {
        if cases.is_empty() {
            return Ok(cases);
        }
        let store = &self.models.current().store;
        let mut query = Query { text: SEEN_AMONG.to_owned(), binds: Vec::new(), sqlite: store.is_sqlite() };
        visible(&mut query, &caller.access);
        query.any("c.id", cases.into_iter().map(Value::from).collect());
        let rows = store.query_built(query.text, &query.binds).await?;
        Ok(rows.iter().map(|row| row.string(0)).collect())
    }

    async fn links_now(&self, me: &str) -> Result<Links, Error> {
        let sql = "select kind, from_case, to_case from link where from_case = $1 or to_case = $1";
        let rows = self.models.current().store.query(sql, &[me.into()]).await?;
        Ok(rows.iter().map(|row| (row.string(0), row.string(1), row.string(2))).collect())
    }

    /// Out of the log, which tells the same tomorrow as today. Of the site's decisions about two cases only those are
    /// taken apart in which the case is named.
    async fn links_then(&self, me: &str, until: Until) -> Result<Links, Error> {
        let mut links = Links::new();
        let mut entries = self.shell.log.read(&self.links_stream()?);
        while let Some(entry) = entries.try_next().await? {
            if until.is_over(entry.position) {
                break;
            }
            if !contains(&entry.body, me) {
                continue;
            }
            let envelope = Envelope::<Event>::of(&entry).map_err(service::transact::Error::<No>::from)?;
            if until.keeps(entry.position, &envelope) {
                envelope.events.iter().for_each(|event| follow(&mut links, me, event));
            }
        }
        Ok(links)
    }
}

/// The members of a case's events in which another case may be named.
const NAMING: [&str; 4] = ["into", "source", "of", "from"];

/// Every id of a case that an event names.
fn names_in<'e>(event: &'e mut Json, names: &mut Vec<&'e mut String>) {
    match event {
        Json::Object(members) => {
            for (key, value) in members {
                if !NAMING.contains(&key.as_str()) || !value.is_string() {
                    names_in(value, names);
                } else if let Json::String(id) = value {
                    names.extend(id.parse::<CaseId>().is_ok().then_some(id));
                }
            }
        }
        Json::Array(items) => items.iter_mut().for_each(|item| names_in(item, names)),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}

const SEEN_AMONG: &str = "select c.id from case_row c where 1 = 1";

/// The other cases that a case names.
fn named(case: &pb::Case) -> impl Iterator<Item = &str> {
    let one = [&case.merged_into, &case.follow_up_of, &case.split_from];
    let links = case.links.iter().map(|link| &link.case_id);
    one.into_iter().chain(&case.merged_from).chain(links).map(String::as_str).filter(|id| !id.is_empty())
}

fn keep_seen(case: &mut pb::Case, seen: &BTreeSet<String>) {
    let hidden = |id: &String| !seen.contains(id);
    for id in [&mut case.merged_into, &mut case.follow_up_of, &mut case.split_from] {
        if hidden(id) {
            id.clear();
        }
    }
    case.merged_from.retain(|id| !hidden(id));
    for link in &mut case.links {
        if hidden(&link.case_id) {
            *link = pb::case::Link { case_id: String::new(), hidden: true, ..*link };
        }
    }
}

fn follow(links: &mut Links, me: &str, event: &Event) {
    let link = |kind: &LinkKind, from: &CaseId, to: &CaseId| {
        (kind.as_str().to_owned(), from.to_string(), to.to_string())
    };
    match event {
        Event::Linked { kind, from, to, .. } => {
            let link = link(kind, from, to);
            if link.1 == me || link.2 == me {
                links.insert(link);
            }
        }
        Event::Unlinked { kind, from, to, .. } => {
            links.remove(&link(kind, from, to));
        }
        Event::Merged { .. } | Event::Unmerged { .. } => {}
    }
}
