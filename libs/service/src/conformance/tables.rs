//! What a store promises: values, transactions, schemas, errors.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;
use serde_json::{Value as Json, json};

use crate::{
    shell::Stores,
    store::{Error, Row, Schema, Sql, Store, Type, Upsert, Value},
};

/// All promises, one after the other.
pub async fn all(stores: &Stores) {
    every_value_comes_back(stores).await;
    a_transaction_is_there_as_a_whole_or_not_at_all(stores).await;
    two_writers_lose_nothing(stores).await;
    a_schema_is_brought_up_again_and_by_many_at_once(stores).await;
    errors_say_whether_a_retry_helps(stores).await;
    who_waits_too_long_for_a_connection_is_told(stores).await;
    an_upsert_inserts_and_replaces(stores).await;
    an_upsert_takes_any_number_of_rows(stores).await;
    a_removed_store_is_gone(stores).await;
    what_is_kept_waits_for_the_disk(stores).await;
}

/// A power cut takes nothing of a store that is kept; of one that is made again it may.
pub async fn what_is_kept_waits_for_the_disk(stores: &Stores) {
    /// `FULL`, as SQLite says it.
    const FULL: i64 = 2;
    /// `NORMAL`.
    const NORMAL: i64 = 1;
    let kept = stores.open_kept("tables_kept", schema()).await.unwrap();
    let rebuilt = open(stores, "tables_rebuilt").await;
    for (store, expected) in [(&kept, FULL), (&rebuilt, NORMAL)] {
        // A database has one way for all, and waits.
        if store.is_sqlite() {
            let mut tx = store.begin().await.unwrap();
            let said = tx.query("pragma synchronous", &[]).await.unwrap();
            assert_eq!(said[0].int(0), Some(expected));
        }
        store.close().await;
    }
}

/// Integers, numbers, texts and bytes, at their ends and absent.
pub async fn every_value_comes_back(stores: &Stores) {
    let store = open(stores, "tables_values").await;
    let texts =
        ["", "'; drop table thing; --", "äöü 漢字 👩‍👩‍👧 \u{202e}rtl", "line\r\n\ttab \\ \"", "$1 ? :a @b %"];
    let longest = "x".repeat(1 << 20);
    let mut rows = vec![[Value::Int(None), Value::Real(None), Value::Text(None), Value::Bytes(None)]];
    for (n, text) in texts.into_iter().chain([longest.as_str()]).enumerate() {
        let int = [0, 1, -1, i64::MAX, i64::MIN, 1 << 53][n];
        let real = [0.0, -1.5, f64::MAX, f64::MIN_POSITIVE, 1e-300, 0.1][n];
        let bytes: Vec<u8> = (0..=255).cycle().take(n * 300).collect();
        rows.push([int.into(), real.into(), text.into(), bytes.into()]);
    }
    let mut tx = store.begin().await.unwrap();
    for (id, row) in (0_i64..).zip(&rows) {
        let binds = [&[id.into()], &row[..]].concat();
        let touched = tx.execute("insert into thing values ($1, $2, $3, $4, $5)", &binds).await.unwrap();
        assert_eq!(touched, 1);
    }
    let sql = "select int, real, text, bytes from thing order by id";
    assert_eq!(plain(&tx.query(sql, &[]).await.unwrap()), plain_values(&rows), "in the transaction");
    tx.commit().await.unwrap();
    let there = store.query(sql, &[]).await.unwrap();
    assert_eq!(plain(&there), plain_values(&rows));
    let (none, first) = (&there[0], &there[1]);
    assert_eq!((none.int(0), none.real(1), none.text(2), none.bytes(3)), (None, None, None, None));
    assert_eq!(
        (none.count(0), none.string(2), first.int(0), first.text(2)),
        (0, String::new(), Some(0), Some(""))
    );
    assert_eq!(
        (first.text(0), first.int(2), first.int(99)),
        (None, None, None),
        "of another type, or not there"
    );
    // Booleans are integers; counts beyond them are the largest; no store holds the character of code 0.
    let odd = [100_i64.into(), u64::MAX.into(), true.into(), "a\0b".into()];
    store
        .execute("insert into thing (id, int, real, text) values ($1, $2, cast($3 as int), $4)", &odd)
        .await
        .unwrap();
    let row = &store
        .query("select int, text, count(*) from thing where id = 100 group by 1, 2", &[])
        .await
        .unwrap()[0];
    assert_eq!((row.int(0), row.text(1), row.count(2)), (Some(i64::MAX), Some("a\u{fffd}b"), 1));
}

/// What is dropped before the end is not there, and nobody sees it before.
pub async fn a_transaction_is_there_as_a_whole_or_not_at_all(stores: &Stores) {
    let store = open(stores, "tables_whole").await;
    let count = async || store.query("select count(*) from thing", &[]).await.unwrap()[0].count(0);
    let mut tx = store.begin().await.unwrap();
    for id in 0_i64..3 {
        tx.execute("insert into thing (id) values ($1)", &[id.into()]).await.unwrap();
    }
    assert_eq!(tx.query("select count(*) from thing", &[]).await.unwrap()[0].count(0), 3);
    assert_eq!(count().await, 0, "seen from outside");
    drop(tx);
    assert_eq!(store.execute("insert into thing (id) values ($1)", &[1_i64.into()]).await.unwrap(), 1);
    assert_eq!(count().await, 1);
    // A statement that fails takes with it what was written before.
    let mut tx = store.begin().await.unwrap();
    tx.execute("insert into thing (id) values ($1)", &[2_i64.into()]).await.unwrap();
    tx.execute("insert into thing (id) values ($1)", &[1_i64.into()]).await.unwrap_err();
    drop(tx);
    assert_eq!(count().await, 1);
}

/// Writers of two processes wait for each other.
pub async fn two_writers_lose_nothing(stores: &Stores) {
    const ADDITIONS: u64 = 50;
    let [one, two] = [open(stores, "tables_writers").await, open(stores, "tables_writers").await];
    one.execute("insert into thing (id, int) values (1, 0)", &[]).await.unwrap();
    let add = async |store: &Store| {
        for _ in 0..ADDITIONS {
            let mut tx = store.begin().await.unwrap();
            // Changed first, so that both backends take the lock before they read.
            tx.execute("update thing set int = int where id = 1", &[]).await.unwrap();
            let now = tx.query("select int from thing where id = 1", &[]).await.unwrap()[0].count(0);
            tx.execute("update thing set int = $1 where id = 1", &[(now + 1).into()]).await.unwrap();
            tx.commit().await.unwrap();
        }
    };
    tokio::join!(add(&one), add(&two), add(&two));
    assert_eq!(one.query("select int from thing", &[]).await.unwrap()[0].count(0), 3 * ADDITIONS);
}

/// Opened again, all is there; opened by many at once, all come in.
pub async fn a_schema_is_brought_up_again_and_by_many_at_once(stores: &Stores) {
    let ends = futures_util::future::join_all((0..4).map(|_| stores.open("tables_many", schema()))).await;
    let opened: Vec<Store> = ends.into_iter().collect::<Result<_, _>>().unwrap();
    opened[0].execute("insert into thing (id) values (1)", &[]).await.unwrap();
    for store in &opened {
        store.close().await;
    }
    let again = open(stores, "tables_many").await;
    assert_eq!(again.query("select count(*) from thing", &[]).await.unwrap()[0].count(0), 1);
}

/// What is our fault stays so; what is away may come back.
pub async fn errors_say_whether_a_retry_helps(stores: &Stores) {
    let store = open(stores, "tables_errors").await;
    store.execute("insert into thing (id) values (1)", &[]).await.unwrap();
    for (what, sql) in [
        ("a second row with the same key", "insert into thing (id) values (1)"),
        ("no such table", "insert into nothing (id) values (1)"),
        ("no statement", "insert thing"),
        ("a text for a number", "insert into thing (id, int) values (2, 'text')"),
    ] {
        let end = store.execute(sql, &[]).await;
        assert!(matches!(end, Err(Error::Broken(_))), "{what}: {end:?}");
    }
    let unfit =
        store.query(Sql { sqlite: "select from", postgres: "select cast('hunter2' as bigint)" }, &[]).await;
    assert!(matches!(&unfit, Err(Error::Broken(text)) if !text.contains("hunter2")), "{unfit:?}");
    for name in ["", "Upper", "a-b", "a;b", "../up", "ä"] {
        assert!(matches!(stores.open(name, schema()).await, Err(Error::Broken(_))), "{name}");
    }
    store.close().await;
    let end = store.query("select 1", &[]).await;
    assert!(matches!(end, Err(Error::Unavailable(_))), "closed: {end:?}");
}

/// All connections are busy: that is no fault, and it is told in time.
pub async fn who_waits_too_long_for_a_connection_is_told(stores: &Stores) {
    let store = open(stores, "tables_busy").await;
    let mut busy = Vec::new();
    for _ in 0..crate::store::READERS_MAX {
        busy.push(store.begin_snapshot().await.unwrap());
    }
    let end = tokio::time::timeout(Duration::from_secs(60), store.query("select 1", &[])).await.unwrap();
    assert!(matches!(end, Err(Error::Unavailable(_))), "{end:?}");
    busy.pop();
    store.query("select 1", &[]).await.unwrap();
}

#[derive(Clone, Serialize)]
struct Thing {
    id: i64,
    int: Option<i64>,
    text: Option<String>,
    flag: bool,
    json: Json,
}

impl Thing {
    fn new(id: i64, text: &str, json: Json) -> Self {
        Self { id, int: Some(id * 10), text: Some(text.to_owned()), flag: id % 2 == 0, json }
    }
}

/// Number, text, flag and JSON of a row.
type Fact = (Option<i64>, Option<String>, Option<i64>, Option<Json>);

fn upsert() -> Upsert {
    use Type::{Int, Json, Text};
    Upsert::new("fact", &["id"], &[("id", Int), ("int", Int), ("text", Text), ("flag", Int), ("json", Json)])
}

/// Rows come, and are replaced; absent values, booleans, JSON and any text are the same on every backend.
pub async fn an_upsert_inserts_and_replaces(stores: &Stores) {
    let store = open(stores, "tables_upsert").await;
    let facts = async || -> BTreeMap<i64, Fact> {
        let rows = store.query("select id, int, text, flag, json from fact", &[]).await.unwrap();
        let json = |row: &Row| row.text(4).map(|text| serde_json::from_str(text).unwrap());
        let fact = |row: &Row| (row.int(1), row.text(2).map(str::to_owned), row.int(3), json(row));
        rows.iter().map(|row| (row.int(0).unwrap(), fact(row))).collect()
    };
    let text = "it's \"quoted\" \\ \\u0000 漢 👋\n";
    let mut things = vec![
        Thing::new(1, text, json!({ "b": [1, 2.5, null, "x"], "a": { "é": true } })),
        Thing::new(2, "null", Json::Null),
        Thing { int: None, text: None, ..Thing::new(3, "", json!("null")) },
        Thing { int: Some(i64::MIN), ..Thing::new(4, "a\0b", json!([])) },
    ];
    write(&store, &upsert(), &things).await;
    let there = facts().await;
    assert_eq!(there[&1], (Some(10), Some(text.to_owned()), Some(0), Some(things[0].json.clone())));
    assert_eq!(there[&2], (Some(20), Some("null".to_owned()), Some(1), None), "JSON null is no value");
    assert_eq!(there[&3], (None, None, Some(0), Some(json!("null"))));
    assert_eq!(there[&4], (Some(i64::MIN), Some("a\u{fffd}b".to_owned()), Some(1), Some(json!([]))));
    things.remove(0);
    for thing in &mut things {
        (thing.text, thing.int) = (Some("new".to_owned()), Some(i64::MAX));
    }
    write(&store, &upsert(), &things).await;
    let replaced = facts().await;
    assert_eq!(replaced[&1], there[&1], "another row");
    assert_eq!(replaced[&3], (Some(i64::MAX), Some("new".to_owned()), Some(0), Some(json!("null"))));
    assert_eq!(replaced.len(), 4);
    // Rows that are all key: there or not.
    let keys = Upsert::new("fact", &["id"], &[("id", Type::Int)]);
    write(&store, &keys, &[json!({ "id": 4 }), json!({ "id": 5 })]).await;
    let after = facts().await;
    assert_eq!((&after[&4], &after[&5]), (&replaced[&4], &(None, None, None, None)));
    write::<Thing>(&store, &upsert(), &[]).await;
    assert_eq!(facts().await, after);
    // What is constant is written once.
    let columns = [("id", Type::Int), ("int", Type::Int), ("text", Type::Text)];
    let once = Upsert::with_constants("fact", &["id"], &columns, &["int"]);
    for (int, text) in [(1, "one"), (2, "two")] {
        write(&store, &once, &[json!({ "id": 6, "int": int, "text": text })]).await;
    }
    assert_eq!(facts().await[&6], (Some(1), Some("two".to_owned()), None, None));
}

/// More rows than one statement takes.
pub async fn an_upsert_takes_any_number_of_rows(stores: &Stores) {
    let store = open(stores, "tables_rows").await;
    let rows = i64::try_from(Upsert::ROWS_MAX).unwrap() * 2 + 1;
    let mut things: Vec<Thing> = (0..rows).map(|id| Thing::new(id, "x", json!({ "id": id }))).collect();
    write(&store, &upsert(), &things).await;
    things.iter_mut().for_each(|thing| thing.int = Some(1));
    write(&store, &upsert(), &things).await;
    let sql = Sql {
        sqlite: "select count(*), sum(int) from fact",
        postgres: "select count(*), sum(int)::bigint from fact",
    };
    let row = &store.query(sql, &[]).await.unwrap()[0];
    assert_eq!((row.int(0), row.int(1)), (Some(rows), Some(rows)));
}

/// Gone with all that was in it, and made anew.
pub async fn a_removed_store_is_gone(stores: &Stores) {
    let control = open(stores, "tables_control").await;
    stores.remove("tables_never", &control).await.unwrap();
    let store = open(stores, "tables_gone").await;
    store.execute("insert into thing (id) values (1)", &[]).await.unwrap();
    store.close().await;
    stores.remove("tables_gone", &control).await.unwrap();
    let store = open(stores, "tables_gone").await;
    assert_eq!(store.query("select id from thing", &[]).await.unwrap(), []);
}

async fn write<T: Serialize>(store: &Store, upsert: &Upsert, rows: &[T]) {
    let mut tx = store.begin().await.unwrap();
    upsert.write(&mut tx, rows).await.unwrap();
    tx.commit().await.unwrap();
}

async fn open(stores: &Stores, name: &str) -> Store {
    stores.open(name, schema()).await.unwrap()
}

fn schema() -> Schema {
    static SQLITE: sqlx::migrate::Migrator = sqlx::migrate!("testdata/things/sqlite");
    static POSTGRES: sqlx::migrate::Migrator = sqlx::migrate!("testdata/things/postgres");
    Schema { sqlite: &SQLITE, postgres: &POSTGRES }
}

/// Without the types of absent values, which SQLite does not keep.
fn plain(rows: &[Row]) -> Vec<Vec<Option<Value>>> {
    rows.iter().map(|row| row.values().iter().map(present).collect()).collect()
}

fn plain_values(rows: &[[Value; 4]]) -> Vec<Vec<Option<Value>>> {
    rows.iter().map(|row| row.iter().map(present).collect()).collect()
}

fn present(value: &Value) -> Option<Value> {
    let absent =
        matches!(value, Value::Int(None) | Value::Real(None) | Value::Text(None) | Value::Bytes(None));
    (!absent).then(|| value.clone())
}
