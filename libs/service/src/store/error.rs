//! Why a store did not answer.

use sqlx::{migrate::MigrateError, postgres::PgDatabaseError, sqlite::SqliteError};

/// Why a store did not answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not reachable, busy or full; worth a retry.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// Our statement or the stored data is wrong.
    #[error("the store refused: {0}")]
    Broken(String),
}

/// Classes of PostgreSQL's codes that a retry may help against: connection, serialization, resources, and the server
/// or an operator that ended it. Single codes: a lock that was waited for too long, a standby that took over.
const POSTGRES_AWAY: [&str; 6] = ["08", "40", "53", "57", "55P03", "25006"];
/// The class of what PostgreSQL says about values.
const POSTGRES_DATA: &str = "22";
/// Primary codes of SQLite: busy, locked, an input or output error, full.
const SQLITE_AWAY: [i32; 4] = [5, 6, 10, 13];

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let away = match &error {
            sqlx::Error::Io(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => true,
            sqlx::Error::Database(refusal) => {
                let code = refusal.code().unwrap_or_default();
                if refusal.try_downcast_ref::<SqliteError>().is_some() {
                    // The upper bytes say more about the same.
                    code.parse::<i32>().is_ok_and(|code| SQLITE_AWAY.contains(&(code & 0xff)))
                } else {
                    refusal.try_downcast_ref::<PgDatabaseError>().is_some()
                        && POSTGRES_AWAY.iter().any(|class| code.starts_with(class))
                }
            }
            _ => false,
        };
        if away { Self::Unavailable(error.to_string()) } else { Self::Broken(told(&error)) }
    }
}

/// What is said about a value that does not fit quotes it, and it may be anybody's: only the code is told.
fn told(error: &sqlx::Error) -> String {
    let refusal = error.as_database_error().and_then(|refusal| refusal.try_downcast_ref::<PgDatabaseError>());
    match refusal.map(PgDatabaseError::code).filter(|code| code.starts_with(POSTGRES_DATA)) {
        Some(code) => format!("a value does not fit (code {code})"),
        None => error.to_string(),
    }
}

impl From<MigrateError> for Error {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
            error => Self::Broken(error.to_string()),
        }
    }
}
