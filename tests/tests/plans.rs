//! How the stores answer what they are asked all day: out of an index that is made for it, without reading everything
//! and without sorting it.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::{path::Path, sync::Arc};

use domain::policy::organisation::{Role, Scope};
use service::{
    clock::SystemClock,
    policies::Access,
    projection::Projection,
    shell::Stores,
    store::{Sql, Store, Value},
};
use tests::servers::Postgres;

/// So many that a server that knows what it does reads no table as a whole.
const CASES: i64 = 20_000;

const FILL: &str = "insert into case_row (id, seq, version, status, priority, region, team, account, channel, customer, \
     opened_at, updated_at, waiting_since, snoozed_until, held_until, resolved_at, cycle, escalation, origin, live, tags, \
     message_count) \
     select 'case-' || n, n, n, case n % 10 when 6 then 'resolved' when 7 then 'resolved' when 8 then 'open' \
     when 9 then 'on_hold' else 'closed' end, n % 4, 'region-' || n % 5, case when n % 7 > 0 then 'team-' || n % 7 end, \
     'forum', 'forum', 'identity-' || n, n, n, case when n % 10 = 8 then n else 9223372036854775807 end, \
     case when n % 20 = 8 then n end, case when n % 10 = 9 then n end, case when n % 10 in (6, 7) then n end, 1, 0, 'live', \
     1, TAGS, 1 from NUMBERS";

async fn fill(store: &Store) {
    let (tags, numbers) = if store.is_sqlite() {
        let numbers =
            "with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < $1)";
        (FILL.replace("NUMBERS", "numbers").replace("TAGS", "'[]'"), numbers)
    } else {
        (FILL.replace("NUMBERS", "generate_series(1, $1) n").replace("TAGS", "'[]'::jsonb"), "")
    };
    // The texts of tests may live as long as they do.
    let text: &'static str = Box::leak(format!("{numbers} {tags}").into_boxed_str());
    assert_eq!(store.execute(text, &[CASES.into()]).await.unwrap(), u64::try_from(CASES).unwrap());
    store.execute("insert into identity (id) select customer from case_row", &[]).await.unwrap();
    // The embedded store keeps no statistics.
    let analyze = Sql { sqlite: "select 1", postgres: "analyze" };
    store.execute(analyze, &[]).await.unwrap();
}

/// What is wrong with how it is answered. The server may find it cheaper to sort the few timers that are due.
async fn faults(store: &Store, what: &str, text: &str, binds: &[Value]) -> Vec<String> {
    let may_sort = what.starts_with("timers") && !store.is_sqlite();
    let (explain, column) =
        if store.is_sqlite() { ("explain query plan", 3) } else { ("explain (costs off)", 0) };
    let rows = store.query_built(format!("{explain} {text}"), binds).await.unwrap();
    let lines: Vec<String> = rows.iter().map(|row| row.string(column)).collect();
    let bad = |line: &String| {
        let line = line.trim_start();
        let whole =
            (line.starts_with("SCAN c") || line.starts_with("SCAN case_row")) && !line.contains("INDEX");
        let merged = line.starts_with("MULTI-INDEX OR");
        let sorted = !may_sort && (line.contains("TEMP B-TREE") || line.contains("Sort"));
        whole || merged || sorted || line.contains("Seq Scan on case_row")
    };
    if lines.iter().any(bad) { lines } else { Vec::new() }
}

fn accesses() -> [(&'static str, Access); 2] {
    let everywhere = Scope { roles: [Role::Administrator].into(), ..Scope::default() };
    let agent = Scope {
        roles: [Role::Agent].into(),
        teams: [serde_json::from_value("team-1".into()).unwrap()].into(),
        regions: [serde_json::from_value("region-1".into()).unwrap()].into(),
    };
    let person = Some(serde_json::from_value("person-1".into()).unwrap());
    [("administrator", everywhere), ("agent", agent)]
        .map(|(who, scope)| (who, Access { person: person.clone(), scope }))
}

async fn answers_out_of_indexes(stores: &Stores, folder: &Path) {
    let shell = dossier::up::shell(folder, Arc::new(SystemClock)).await.unwrap();
    let store = stores.open("plans", cases::read_model(&shell).schema()).await.unwrap();
    fill(&store).await;
    let mut wrong = Vec::new();
    for (who, access) in accesses() {
        let statements = cases::statements(&access, store.is_sqlite(), CASES / 2);
        assert_eq!(statements.len(), 14);
        for (what, text, binds) in statements {
            let faults = faults(&store, &what, &text, &binds).await;
            if !faults.is_empty() {
                wrong.push(format!("{who}, {what}:\n  {text}\n    {}", faults.join("\n    ")));
            }
            store.query_built(text, &binds).await.unwrap();
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // Whoever looks for faults finds one that is there.
    let sorted = "select * from case_row c order by message_count limit 1";
    assert!(!faults(&store, "a fault", sorted, &[]).await.is_empty());
    store.close().await;
    shell.log.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_answers_out_of_indexes() {
    let folder = tempfile::TempDir::new().unwrap();
    answers_out_of_indexes(&Stores::Folder(folder.path().into()), folder.path()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_answers_out_of_indexes() {
    let folder = tempfile::TempDir::new().unwrap();
    let server = Postgres::start();
    answers_out_of_indexes(&Stores::Postgres(server.url()), folder.path()).await;
}
