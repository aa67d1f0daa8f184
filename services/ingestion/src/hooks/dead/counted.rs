//! Alike letters that are counted and not kept: rows of the table `dead_letter_count`.

use domain::time::Timestamp;
use service::{
    Error,
    store::{self, Store},
};

use super::room::{KINDS_MAX, OTHERS, masked};

/// The rows.
pub(super) struct Counts(pub(super) Store);

/// Letters of one kind that were counted, and what the last of them was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) account: String,
    pub(super) connector: String,
    pub(super) path: String,
    pub(super) reason: String,
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
    pub(super) count: u64,
}

impl Counts {
    /// Counts a letter of a kind. Durable when it answers. `letter` is what there is if it is the first one.
    pub(super) async fn count(&self, kind: &str, letter: &Counted) -> Result<(), Error> {
        let Counted { account, connector, path, reason, first, last, .. } = letter;
        let more = "update dead_letter_count set count = count + 1, connector = $3, path = $4, reason = $5, \
                    first_at = case when $6 < first_at then $6 else first_at end, \
                    last_at = case when $7 > last_at then $7 else last_at end where account = $1 and kind = $2";
        let binds = |kind: &str| {
            [
                account.as_str().into(),
                kind.into(),
                connector.as_str().into(),
                path.as_str().into(),
                reason.as_str().into(),
                first.as_microsecond().into(),
                last.as_microsecond().into(),
            ]
        };
        if self.0.execute(more, &binds(kind)).await? > 0 {
            return Ok(());
        }
        let kinds = "select count(*) from dead_letter_count where account = $1";
        let kinds = self.0.query(kinds, &[account.as_str().into()]).await?;
        let known = kinds.first().map_or(0, |row| row.count(0));
        let kind = if known < KINDS_MAX { kind } else { OTHERS };
        // Another replica may have counted the first one meanwhile.
        let first = "insert into dead_letter_count (account, kind, connector, path, reason, first_at, last_at, count) \
                     values ($1, $2, $3, $4, $5, $6, $7, 1) \
                     on conflict (account, kind) do update set count = dead_letter_count.count + 1, \
                     connector = excluded.connector, path = excluded.path, reason = excluded.reason, \
                     last_at = excluded.last_at";
        self.0.execute(first, &binds(kind)).await?;
        Ok(())
    }

    /// Forgets what was counted of an account with a reason, without its numbers; empty: all of it.
    pub(super) async fn forget(&self, account: &str, reason: &str) -> Result<(), Error> {
        let sql = "select kind, reason from dead_letter_count where account = $1";
        for row in self.0.query(sql, &[account.into()]).await? {
            if reason.is_empty() || masked(&row.string(1)) == reason {
                let sql = "delete from dead_letter_count where account = $1 and kind = $2";
                self.0.execute(sql, &[account.into(), row.string(0).into()]).await?;
            }
        }
        Ok(())
    }

    /// What was counted of one account, or of all: what came last first.
    pub(super) async fn list(&self, account: &str, limit: u64) -> Result<Vec<Counted>, Error> {
        let sql = "select account, connector, path, reason, first_at, last_at, count from dead_letter_count \
                   where $1 = '' or account = $1 order by last_at desc, account, kind limit $2";
        self.0.query(sql, &[account.into(), limit.into()]).await?.iter().map(counted).collect()
    }
}

fn counted(row: &store::Row) -> Result<Counted, Error> {
    let wrong = || Error::Internal("a count of dead letters has another form than it should".into());
    let at = |i| row.int(i).and_then(Timestamp::from_microsecond).ok_or_else(wrong);
    Ok(Counted {
        account: row.string(0),
        connector: row.string(1),
        path: row.string(2),
        reason: row.string(3),
        first: at(4)?,
        last: at(5)?,
        count: row.count(6),
    })
}
