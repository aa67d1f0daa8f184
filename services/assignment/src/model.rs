//! Who waits where, and how agents are: the read model.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use domain::{
    agent,
    case::{self, Priority},
    decider::{Decider, fold},
    ids::{CaseId, PersonId},
    routing::choose,
    time::Timestamp,
};
use eventlog::{Category, Entry, Position};
use serde::{Deserialize, Serialize};
use service::{
    envelope::{Envelope, Unreadable, contains},
    projection::{Error, Projection},
    store::{Row, Schema, Sql, Tx, Type, Upsert},
};

static SQLITE: sqlx::migrate::Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: sqlx::migrate::Migrator = sqlx::migrate!("migrations/postgres");

static AGENTS: LazyLock<Upsert> = LazyLock::new(|| {
    Upsert::new(
        "agent_row",
        &["person"],
        &[("person", Type::Text), ("version", Type::Int), ("state", Type::Json)],
    )
});
static ROUTES: LazyLock<Upsert> = LazyLock::new(|| {
    let columns = [
        ("case_id", Type::Text),
        ("version", Type::Int),
        ("queue", Type::Text),
        ("since", Type::Int),
        ("reason", Type::Text),
        ("state", Type::Json),
    ];
    Upsert::new("route_row", &["case_id"], &columns)
});
static CASES: LazyLock<Upsert> = LazyLock::new(|| {
    let columns = [
        ("case_id", Type::Text),
        ("version", Type::Int),
        ("seq", Type::Int),
        ("customer", Type::Text),
        ("assignee", Type::Text),
        ("region", Type::Text),
        ("team", Type::Text),
        ("channel", Type::Text),
        ("priority", Type::Int),
    ];
    Upsert::with_constants("case_row", &["case_id"], &columns, &["seq", "channel"])
});
static HAD: LazyLock<Upsert> = LazyLock::new(|| {
    let columns =
        [("customer", Type::Text), ("person", Type::Text), ("case_id", Type::Text), ("at", Type::Int)];
    Upsert::new("had", &["customer"], &columns)
});

const TABLES: &[(&str, Sql)] = &[
    ("agent_row", Sql::same("select person, version, state from agent_row order by person")),
    ("route_row", Sql::same("select * from route_row order by case_id")),
    ("case_row", Sql::same("select * from case_row order by case_id")),
    ("had", Sql::same("select * from had order by customer")),
];

/// Fills the read model of assignment.
pub struct Assignments;

/// An entry, read.
pub enum Item {
    /// Of an agent.
    Agent(PersonId, Vec<agent::Event>),
    /// Of the way of a case.
    Route(CaseId, Vec<choose::Event>),
    /// Of a case.
    Case(CaseId, Vec<case::Event>),
    /// Of no concern here.
    Nothing,
}

impl Item {
    /// Reads an entry of one of the categories that assignment follows.
    pub fn read(entry: &Entry) -> Result<Self, Unreadable> {
        let id = entry.stream.id();
        Ok(match entry.stream.category() {
            agent::State::CATEGORY => match PersonId::new(id) {
                Ok(person) => Self::Agent(person, Envelope::of(entry)?.events),
                Err(_) => Self::Nothing,
            },
            choose::State::CATEGORY => match id.parse() {
                Ok(case) => Self::Route(case, Envelope::of(entry)?.events),
                Err(_) => Self::Nothing,
            },
            case::State::CATEGORY if concerns(&entry.body) => match id.parse() {
                Ok(case) => Self::Case(case, Envelope::of(entry)?.events),
                Err(_) => Self::Nothing,
            },
            _ => Self::Nothing,
        })
    }
}

/// Whether an entry of a case says anything that is kept here: a glance.
fn concerns(body: &[u8]) -> bool {
    let events =
        ["case.opened", "signed\"", "case.transferred", "case.prioritised", "case.customer_message_received"];
    events.iter().any(|event| contains(body, event))
}

/// The categories that assignment follows.
pub fn categories() -> Vec<Category> {
    let names = [agent::State::CATEGORY, choose::State::CATEGORY, case::State::CATEGORY];
    names.into_iter().filter_map(|name| Category::new(name).ok()).collect()
}

/// A priority as it is ordered: the smaller, the sooner.
pub const fn rank(priority: Priority) -> i64 {
    match priority {
        Priority::Urgent => 0,
        Priority::High => 1,
        Priority::Normal => 2,
        Priority::Low => 3,
    }
}

/// The priority of a rank.
pub const fn priority(rank: i64) -> Priority {
    match rank {
        0 => Priority::Urgent,
        1 => Priority::High,
        3 => Priority::Low,
        _ => Priority::Normal,
    }
}

#[derive(Serialize)]
struct AgentRow {
    person: String,
    version: u64,
    state: agent::State,
}

#[derive(Serialize)]
struct RouteRow {
    case_id: String,
    version: u64,
    queue: Option<String>,
    since: Option<i64>,
    reason: Option<choose::Reason>,
    state: choose::State,
}

/// What is kept of a case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseRow {
    case_id: String,
    version: u64,
    seq: u64,
    customer: Option<String>,
    assignee: Option<String>,
    region: String,
    team: Option<String>,
    channel: String,
    priority: i64,
}

#[derive(Serialize)]
struct HadRow {
    customer: String,
    person: String,
    case_id: String,
    at: i64,
}

#[async_trait::async_trait]
impl Projection for Assignments {
    type Item = Item;

    fn name(&self) -> &'static str {
        "assignment_v1"
    }

    fn anew(&self) -> Self {
        Self
    }

    fn schema(&self) -> Schema {
        Schema { sqlite: &SQLITE, postgres: &POSTGRES }
    }

    fn categories(&self) -> Vec<Category> {
        categories()
    }

    fn tables(&self) -> &'static [(&'static str, Sql)] {
        TABLES
    }

    fn read(&self, entry: &Entry) -> Result<Item, Unreadable> {
        Item::read(entry)
    }

    async fn apply(&self, tx: &mut Tx, items: Vec<(Position, Item)>) -> Result<(), Error> {
        let mut agents: BTreeMap<PersonId, (u64, Vec<agent::Event>)> = BTreeMap::new();
        let mut routes: BTreeMap<CaseId, (u64, Vec<choose::Event>)> = BTreeMap::new();
        let mut cases: BTreeMap<CaseId, Vec<(u64, Vec<case::Event>)>> = BTreeMap::new();
        for (Position(position), item) in items {
            match item {
                Item::Agent(person, events) => {
                    let of = agents.entry(person).or_default();
                    of.0 = position;
                    of.1.extend(events);
                }
                Item::Route(case, events) => {
                    let of = routes.entry(case).or_default();
                    of.0 = position;
                    of.1.extend(events);
                }
                Item::Case(case, events) => cases.entry(case).or_default().push((position, events)),
                Item::Nothing => {}
            }
        }
        apply_agents(tx, agents).await?;
        apply_routes(tx, routes).await?;
        apply_cases(tx, cases).await
    }
}

async fn apply_agents(
    tx: &mut Tx,
    agents: BTreeMap<PersonId, (u64, Vec<agent::Event>)>,
) -> Result<(), Error> {
    let known =
        states::<agent::State>(tx, AGENTS_BY_ID, agents.keys().map(|id| id.as_str().to_owned())).await?;
    let row = |(person, (version, events)): (PersonId, (u64, Vec<agent::Event>))| {
        let state = known.get(person.as_str()).cloned().unwrap_or_default();
        AgentRow { version, state: fold(state, &events), person: person.to_string() }
    };
    Ok(AGENTS.write(tx, &agents.into_iter().map(row).collect::<Vec<_>>()).await?)
}

async fn apply_routes(tx: &mut Tx, routes: BTreeMap<CaseId, (u64, Vec<choose::Event>)>) -> Result<(), Error> {
    let known = states::<choose::State>(tx, ROUTES_BY_ID, routes.keys().map(ToString::to_string)).await?;
    let row = |(case, (version, events)): (CaseId, (u64, Vec<choose::Event>))| {
        let case_id = case.to_string();
        let state = fold(known.get(&case_id).cloned().unwrap_or_default(), &events);
        RouteRow {
            case_id,
            version,
            queue: state.queue().map(ToString::to_string),
            since: state.since().map(Timestamp::as_microsecond),
            reason: state.waits_for(),
            state,
        }
    };
    Ok(ROUTES.write(tx, &routes.into_iter().map(row).collect::<Vec<_>>()).await?)
}

async fn apply_cases(
    tx: &mut Tx,
    cases: BTreeMap<CaseId, Vec<(u64, Vec<case::Event>)>>,
) -> Result<(), Error> {
    let ids: Vec<String> = cases.keys().map(ToString::to_string).collect();
    let rows = tx.query(CASES_BY_ID, &[serde_json::json!(ids).to_string().into()]).await?;
    let mut known: BTreeMap<String, CaseRow> =
        rows.iter().map(CaseRow::of).map(|row| (row.case_id.clone(), row)).collect();
    let (mut rows, mut had) = (Vec::new(), BTreeMap::new());
    for (case, entries) in cases {
        let case_id = case.to_string();
        let mut row = known.remove(&case_id);
        for (position, events) in entries {
            for event in &events {
                row = CaseRow::after(row, &case_id, position, event);
                if let (Some(row), case::Event::Assigned { at, person, .. }) = (&row, event)
                    && let Some(customer) = &row.customer
                {
                    let at = at.as_microsecond();
                    let (person, case_id) = (person.to_string(), case_id.clone());
                    had.insert(customer.clone(), HadRow { customer: customer.clone(), person, case_id, at });
                }
            }
        }
        rows.extend(row);
    }
    CASES.write(tx, &rows).await?;
    Ok(HAD.write(tx, &had.into_values().collect::<Vec<_>>()).await?)
}

impl CaseRow {
    fn of(row: &Row) -> Self {
        let owned = |i| row.text(i).map(str::to_owned);
        Self {
            case_id: row.string(0),
            version: row.count(1),
            seq: row.count(2),
            customer: owned(3),
            assignee: owned(4),
            region: row.string(5),
            team: owned(6),
            channel: row.string(7),
            priority: row.int(8).unwrap_or_default(),
        }
    }

    /// The row after another event; none as long as the case was not opened.
    fn after(row: Option<Self>, case_id: &str, position: u64, event: &case::Event) -> Option<Self> {
        use case::Event::*;
        if let Opened { opening, .. } = event {
            return Some(Self {
                case_id: case_id.to_owned(),
                version: position,
                seq: position,
                customer: opening.identity.as_ref().map(ToString::to_string),
                assignee: None,
                region: opening.region.to_string(),
                team: opening.team.as_ref().map(ToString::to_string),
                channel: opening.channel.to_string(),
                priority: rank(opening.priority),
            });
        }
        let mut row = row?;
        row.version = position;
        match event {
            CustomerMessageReceived { message, .. } if row.customer.is_none() => {
                row.customer = message.identity.as_ref().map(ToString::to_string);
            }
            Assigned { person, team, .. } => {
                row.assignee = Some(person.to_string());
                row.team = team.as_ref().map(ToString::to_string).or(row.team);
            }
            Unassigned { .. } => row.assignee = None,
            Transferred { team, region, .. } => {
                row.team = Some(team.to_string());
                row.region = region.to_string();
                row.assignee = None;
            }
            Prioritised { to, .. } => row.priority = rank(*to),
            _ => {}
        }
        Some(row)
    }
}

const AGENTS_BY_ID: Sql = Sql {
    sqlite: "select person, state from agent_row where person in (select value from json_each($1))",
    postgres: "select person, state::text from agent_row where person in (select jsonb_array_elements_text($1::jsonb))",
};
const ROUTES_BY_ID: Sql = Sql {
    sqlite: "select case_id, state from route_row where case_id in (select value from json_each($1))",
    postgres: "select case_id, state::text from route_row where case_id in (select jsonb_array_elements_text($1::jsonb))",
};
const CASES_BY_ID: Sql = Sql {
    sqlite: "select case_id, version, seq, customer, assignee, region, team, channel, priority from case_row \
             where case_id in (select value from json_each($1))",
    postgres: "select case_id, version, seq, customer, assignee, region, team, channel, priority from case_row \
               where case_id in (select jsonb_array_elements_text($1::jsonb))",
};

/// The states that are kept under these ids.
async fn states<T: for<'de> Deserialize<'de>>(
    tx: &mut Tx,
    sql: Sql,
    ids: impl Iterator<Item = String>,
) -> Result<BTreeMap<String, T>, Error> {
    let ids: BTreeSet<String> = ids.collect();
    let rows = tx.query(sql, &[serde_json::json!(ids).to_string().into()]).await?;
    let state = |row: &Row| Some((row.string(0), serde_json::from_str(row.text(1)?).ok()?));
    Ok(rows.iter().filter_map(state).collect())
}
