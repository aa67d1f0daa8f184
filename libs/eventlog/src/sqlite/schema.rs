use sqlx::{ConnectOptions, Connection, SqliteConnection, sqlite::SqliteConnectOptions};

use super::error;
use crate::Error;

/// Earlier ones can corrupt the file when the write-ahead log is reset.
const SQLITE_OLDEST: [u32; 3] = [3, 51, 3];
/// "dsev": tells our file from any other.
const APPLICATION: i64 = 0x6473_6576;
/// Version of the tables below.
const VERSION: i64 = 1;

/// `stream` starts with its category; the category stands by itself for the followers of some categories only,
/// whose index must be in the order of the log.
const TABLES: &str = "
create table entry (
    position integer primary key,
    id blob not null check (length(id) = 16),
    stream text not null,
    category text not null,
    traceparent text,
    body blob not null
) strict;
create unique index entry_of_stream on entry (stream, position);
create unique index entry_of_category on entry (category, position);
pragma application_id = 1685284214;
pragma user_version = 1;
";

/// The writer's connection to a file that is a log of ours, and the position of its last entry.
pub(super) async fn open(options: &SqliteConnectOptions) -> Result<(SqliteConnection, u64), Error> {
    let mut connection = options.connect().await.map_err(|e| error(&e))?;
    check_version(&mut connection).await?;
    let mut transaction = connection.begin_with("begin immediate").await.map_err(|e| error(&e))?;
    let application: i64 = scalar("pragma application_id", &mut transaction).await?;
    let version: i64 = scalar("pragma user_version", &mut transaction).await?;
    let tables: i64 = scalar("select count(*) from sqlite_schema", &mut transaction).await?;
    match (application, version, tables) {
        (0, 0, 0) => {
            sqlx::raw_sql(TABLES).execute(&mut *transaction).await.map_err(|e| error(&e))?;
        }
        (APPLICATION, VERSION, _) => {}
        (APPLICATION, newer, _) => {
            return Err(Error::Unusable(format!(
                "the file has version {newer}, this program knows {VERSION}"
            )));
        }
        _ => return Err(Error::Unusable("the file is a database of something else".into())),
    }
    transaction.commit().await.map_err(|e| error(&e))?;
    let last = last(&mut connection).await?;
    Ok((connection, last))
}

/// The position of the last entry; 0 if there is none.
pub(super) async fn last(connection: &mut SqliteConnection) -> Result<u64, Error> {
    let last: i64 = scalar("select coalesce(max(position), 0) from entry", connection).await?;
    Ok(last.cast_unsigned())
}

async fn check_version(connection: &mut SqliteConnection) -> Result<(), Error> {
    let version: String =
        sqlx::query_scalar("select sqlite_version()").fetch_one(connection).await.map_err(|e| error(&e))?;
    let numbers: Vec<u32> = version.split('.').filter_map(|n| n.parse().ok()).collect();
    if numbers.as_slice() < SQLITE_OLDEST.as_slice() {
        let [a, b, c] = SQLITE_OLDEST;
        return Err(Error::Unusable(format!("SQLite {version} is older than {a}.{b}.{c}")));
    }
    Ok(())
}

async fn scalar(sql: &'static str, connection: &mut SqliteConnection) -> Result<i64, Error> {
    sqlx::query_scalar(sql).fetch_one(connection).await.map_err(|e| error(&e))
}
