//! Lists of cases: filters, order, pages by key, full text. What the caller may not see is not there.

use std::fmt::Write;

use proto::cases::v1::{self as pb, list_cases_request::Order};
use service::{
    Error,
    policies::Access,
    store::{Row, Value},
};

use super::{
    pages::{Keys, keys},
    query::{Query, visible},
    rows::{NEVER, priority},
    search::search,
    wire,
};
use crate::{
    act::fields as f,
    core::{Caller, Core},
};

/// Cases of one page, unless the caller says otherwise.
const PAGE: u32 = 50;
/// The most cases of one page.
const PAGE_MAX: u32 = 200;
/// Where a case may have begun, as a row has it.
const ORIGINS: [&str; 2] = ["live", "import"];
/// The most values in one list of a filter.
const VALUES_MAX: usize = 200;

const COLUMNS: &str = "c.id, c.seq, c.version, c.status, c.status_label, c.priority, c.title, c.category, c.region, c.team, \
     c.assignee, c.account, c.channel, c.customer, c.language, c.opened_at, c.updated_at, c.waiting_since, c.snoozed_until, \
     c.first_response_at, c.resolved_at, c.closed_at, c.hold, c.cycle, c.escalation, c.merged_into, c.origin, c.tags, \
     c.message_count, i.name, i.handle, c.title_owner, c.escalated_to";
/// What stands for a title that was erased, as everywhere.
const ERASED: &str = "[erased]";

/// The pages of every order, the first one and one that goes on at `at`, for somebody with `access`.
pub fn statements(access: &Access, sqlite: bool, at: i64) -> Vec<(String, String, Vec<Value>)> {
    let last = format!("{at}~{}", uuid::Uuid::nil());
    let page = |order: Order, last: &str| {
        let mut query = seen(access, sqlite);
        if !last.is_empty() {
            keys(order).after(&mut query, &format!("{}~{last}", keys(order).name)).ok()?;
        }
        in_order(&mut query, keys(order), i64::from(PAGE) + 1);
        Some((format!("{order:?} after {last:?}"), query.text, query.binds))
    };
    [
        (Order::UpdatedDesc, last.clone()),
        (Order::OpenedDesc, last.clone()),
        (Order::OpenedAsc, last.clone()),
        (Order::Waiting, last.clone()),
        (Order::Priority, format!("1~{last}")),
    ]
    .into_iter()
    .flat_map(|(order, last)| [page(order, ""), page(order, &last)])
    .flatten()
    .collect()
}

/// The cases that are seen with `access`.
fn seen(access: &Access, sqlite: bool) -> Query {
    let text =
        format!("select {COLUMNS} from case_row c left join identity i on i.id = c.customer where 1 = 1");
    let mut query = Query { text, binds: Vec::new(), sqlite };
    visible(&mut query, access);
    query
}

/// The first of them, in order.
fn in_order(query: &mut Query, keys: Keys, most: i64) {
    let limit = query.bind(most);
    let _ = write!(query.text, " order by {} limit {limit}", keys.order());
}

impl Core {
    /// A page of the cases that match, out of the read model as it is: what the caller has seen is waited for before.
    pub async fn list(
        &self,
        caller: &Caller,
        request: &pb::ListCasesRequest,
    ) -> Result<pb::ListCasesResponse, Error> {
        caller.access.need_sight()?;
        let model = self.models.current();
        let size = match request.page_size {
            0 => PAGE,
            size if size <= PAGE_MAX => size,
            _ => return Err(Error::field("page_size", format!("at most {PAGE_MAX}"))),
        };
        let order =
            Order::try_from(request.order).map_err(|_| Error::field("order", "is none of the orders"))?;
        let filter = request.filter.clone().unwrap_or_default();
        let position = model.position();
        let mut query = self.selection(caller, &filter, model.store.is_sqlite())?;
        let keys = keys(order);
        if !request.page_token.is_empty() {
            keys.after(&mut query, &request.page_token)?;
        }
        in_order(&mut query, keys, i64::from(size) + 1);
        let mut rows = model.store.query_built(query.text, &query.binds).await?;
        let more = rows.len() > size as usize;
        rows.truncate(size as usize);
        let next_page_token = rows.last().filter(|_| more).map(|row| keys.token(row)).unwrap_or_default();
        let mut cases: Vec<_> = rows.iter().map(|row| self.listed(row)).collect();
        self.hide_unseen(caller, &mut cases).await?;
        Ok(pb::ListCasesResponse { cases, next_page_token, position: self.shell.token(position) })
    }

    /// The row of one case, if it matches and the caller sees it.
    pub async fn row(
        &self,
        caller: &Caller,
        filter: &pb::Filter,
        case: &str,
    ) -> Result<Option<pb::Case>, Error> {
        let model = self.models.current();
        let mut query = self.selection(caller, filter, model.store.is_sqlite())?;
        let place = query.bind(case);
        query.and(&format!("c.id = {place}"));
        let rows = model.store.query_built(query.text, &query.binds).await?;
        let mut case = rows.first().map(|row| self.listed(row));
        self.hide_unseen(caller, case.as_mut_slice()).await?;
        Ok(case)
    }

    fn selection(&self, caller: &Caller, filter: &pb::Filter, sqlite: bool) -> Result<Query, Error> {
        let mut query = seen(&caller.access, sqlite);
        let lists = [
            &filter.team,
            &filter.region,
            &filter.assignee,
            &filter.tag,
            &filter.category,
            &filter.account,
            &filter.channel,
        ];
        if lists.iter().any(|list| list.len() > VALUES_MAX)
            || filter.status.len().max(filter.priority.len()) > VALUES_MAX
        {
            return Err(Error::field("filter", format!("a list has at most {VALUES_MAX} values")));
        }
        let single = [&filter.customer, &filter.text, &filter.origin, &filter.language];
        for word in lists.into_iter().flatten().chain(single) {
            f::without_nul("filter", word)?;
        }
        // What is named here is stored in lower case, all of it.
        let words = |list: &[String]| list.iter().map(|word| Value::from(word.to_lowercase())).collect();
        let mut statuses = Vec::new();
        for (i, number) in filter.status.iter().enumerate() {
            let status = wire::stored_status(*number);
            statuses.push(
                status
                    .ok_or_else(|| Error::field(format!("filter.status[{i}]"), "is none of the statuses"))?
                    .into(),
            );
        }
        query.any("c.status", statuses);
        query.any("c.team", words(&filter.team));
        query.any("c.region", words(&filter.region));
        let me = caller.access.person.as_ref().map(ToString::to_string);
        let assignees = filter.assignee.iter().map(|name| match (name.as_str(), &me) {
            ("me", Some(me)) => Ok(Value::from(me.as_str())),
            ("me", None) => Err(Error::field("filter.assignee", "the caller is not a person; name one")),
            (name, _) => Ok(Value::from(name.to_lowercase())),
        });
        query.any("c.assignee", assignees.collect::<Result<_, _>>()?);
        if filter.unassigned {
            query.and("c.assignee is null");
        }
        query.any_tag(words(&filter.tag));
        query.any("c.category", words(&filter.category));
        let ranks = filter.priority.iter().enumerate().map(|(i, number)| {
            f::priority(&format!("filter.priority[{i}]"), *number)
                .map(|priority| Value::from(i64::from(super::rows::rank(priority))))
        });
        query.any("c.priority", ranks.collect::<Result<_, _>>()?);
        query.any("c.account", words(&filter.account));
        query.any("c.channel", words(&filter.channel));
        if !filter.customer.is_empty() {
            let place = query.bind(filter.customer.as_str());
            query.and(&format!(
                "exists (select 1 from case_identity ci where ci.case_id = c.id and ci.identity = {place})"
            ));
        }
        query.between("c.opened_at", "opened", filter.opened_from.as_ref(), filter.opened_to.as_ref())?;
        query.between("c.updated_at", "updated", filter.updated_from.as_ref(), filter.updated_to.as_ref())?;
        if let Some(snoozed) = filter.snoozed {
            query.and(if snoozed { "c.snoozed_until is not null" } else { "c.snoozed_until is null" });
        }
        if !filter.origin.is_empty() {
            if !ORIGINS.contains(&filter.origin.as_str()) {
                return Err(Error::field("filter.origin", format!("must be one of {}", ORIGINS.join(", "))));
            }
            let place = query.bind(filter.origin.as_str());
            query.and(&format!("c.origin = {place}"));
        }
        if let Some(language) = f::language("filter.language", &filter.language)? {
            let place = query.bind(language.as_str());
            query.and(&format!("c.language = {place}"));
        }
        search(&mut query, &filter.text)?;
        Ok(query)
    }

    fn listed(&self, row: &Row) -> pb::Case {
        let at = |i| row.int(i).filter(|at| *at != NEVER);
        let time = |i| at(i).and_then(domain::time::Timestamp::from_microsecond).map(wire::time);
        let number = |i| u32::try_from(row.count(i)).unwrap_or(u32::MAX);
        let hold = match row.text(22) {
            Some("third_party") => pb::HoldKind::ThirdParty,
            Some("internal") => pb::HoldKind::Internal,
            Some("legal") => pb::HoldKind::Legal,
            _ => pb::HoldKind::Unspecified,
        };
        pb::Case {
            case_id: row.string(0),
            number: self.number(row.count(1)),
            position: self.shell.token(eventlog::Position(row.count(2))),
            status: wire::status_word(row.text(3).unwrap_or_default()).into(),
            status_label: row.string(4),
            priority: priority(row.count(5)).map_or(pb::Priority::Unspecified, wire::priority).into(),
            title: row.text(6).or(row.text(31).map(|_| ERASED)).unwrap_or_default().to_owned(),
            category: row.string(7),
            region: row.string(8),
            team: row.string(9),
            assignee: row.string(10),
            account: row.string(11),
            channel: row.string(12),
            customer: row.string(13),
            language: row.string(14),
            opened_at: time(15),
            updated_at: time(16),
            waiting_since: time(17),
            snoozed_until: time(18),
            first_response_at: time(19),
            resolved_at: time(20),
            closed_at: time(21),
            hold: hold.into(),
            cycle: number(23),
            escalation_level: number(24),
            escalated_to: row.string(32),
            merged_into: row.string(25),
            origin: row.string(26),
            tags: row.text(27).and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default(),
            message_count: number(28),
            customer_name: row.text(29).or(row.text(30)).unwrap_or_default().to_owned(),
            ..pb::Case::default()
        }
    }
}
