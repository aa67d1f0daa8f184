//! Dead letters as rows of the table `dead_letter`.

use domain::time::Timestamp;
use service::{
    Error,
    store::{self, Store, Value},
};
use uuid::Uuid;

use super::{super::happened::Counts, room::Filled};
use crate::ledger;

/// The rows.
pub(super) struct Rows(pub(super) Store);

/// What is known of a letter without opening it.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) id: Uuid,
    pub(super) account: String,
    pub(super) connector: String,
    pub(super) state: State,
    pub(super) path: String,
    pub(super) reason: String,
    pub(super) received: Timestamp,
    pub(super) changed: Timestamp,
    pub(super) bytes: u64,
    pub(super) retries: u64,
    /// Those of the same kind are alike.
    pub(super) kind: String,
    /// Where it lies; empty: it is not kept any more.
    pub(super) blob: String,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Kept,
    Taken,
    Discarded,
}

const COLUMNS: &str =
    "id, account, connector, state, path, reason, received, changed, bytes, retries, kind, blob";

impl State {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Taken => "taken",
            Self::Discarded => "discarded",
        }
    }

    fn of(word: &str) -> Option<Self> {
        [Self::Kept, Self::Taken, Self::Discarded].into_iter().find(|state| state.word() == word)
    }
}

const CHANGE: &str = "update dead_letter set state = $2, path = $3, reason = $4, changed = $5, retries = $6, kind = $7 \
                      where id = $1 and state = 'kept'";

fn changed(row: &Row) -> [Value; 7] {
    [
        row.id.to_string().into(),
        row.state.word().into(),
        row.path.as_str().into(),
        row.reason.as_str().into(),
        row.changed.as_microsecond().into(),
        row.retries.into(),
        row.kind.as_str().into(),
    ]
}

impl Rows {
    pub(super) async fn get(&self, id: Uuid) -> Result<Option<Row>, Error> {
        let sql = format!("select {COLUMNS} from dead_letter where id = $1");
        let rows = self.0.query_built(sql, &[id.to_string().into()]).await?;
        rows.first().map(row).transpose()
    }

    /// How full the box of an account is, and the room of a kind.
    pub(super) async fn filled(&self, account: &str, kind: &str) -> Result<Filled, Error> {
        let sql = "select count(*), cast(coalesce(sum(bytes), 0) as bigint), \
                   cast(coalesce(sum(case when kind = $2 then 1 else 0 end), 0) as bigint), \
                   cast(coalesce(sum(case when kind = $2 then bytes else 0 end), 0) as bigint) \
                   from dead_letter where state = 'kept' and account = $1";
        let rows = self.0.query(sql, &[account.into(), kind.into()]).await?;
        let filled = |row: &store::Row| Filled {
            letters: row.count(0),
            bytes: row.count(1),
            alike: row.count(2),
            alike_bytes: row.count(3),
        };
        Ok(rows.first().map(filled).unwrap_or_default())
    }

    /// Letters and bytes of each kind of each account, or of one; by account.
    pub(super) async fn kinds(&self, account: &str) -> Result<Vec<(String, u64, u64)>, Error> {
        let sql = "select account, count(*), cast(sum(bytes) as bigint) from dead_letter \
                   where state = 'kept' and ($1 = '' or account = $1) group by account, kind order by account";
        let rows = self.0.query(sql, &[account.into()]).await?;
        Ok(rows.iter().map(|row| (row.string(0), row.count(1), row.count(2))).collect())
    }

    /// Whether it was not there.
    pub(super) async fn insert(&self, row: &Row) -> Result<bool, Error> {
        let sql = "insert into dead_letter (id, account, connector, state, path, reason, received, changed, bytes, retries, kind, blob) \
                   values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) on conflict (id) do nothing";
        let binds = [
            row.id.to_string().into(),
            row.account.as_str().into(),
            row.connector.as_str().into(),
            row.state.word().into(),
            row.path.as_str().into(),
            row.reason.as_str().into(),
            row.received.as_microsecond().into(),
            row.changed.as_microsecond().into(),
            row.bytes.into(),
            row.retries.into(),
            row.kind.as_str().into(),
            row.blob.as_str().into(),
        ];
        Ok(self.0.execute(sql, &binds).await? == 1)
    }

    /// Writes what became of a letter that is kept. Whether it still was: of two that end it, one does.
    pub(super) async fn change(&self, row: &Row) -> Result<bool, Error> {
        Ok(self.0.execute(CHANGE, &changed(row)).await? == 1)
    }

    /// The same for a letter of which all is taken, with the count of what it says.
    pub(super) async fn taken(&self, row: &Row, counts: &Counts) -> Result<bool, Error> {
        let mut tx = self.0.begin().await?;
        let first = tx.execute(CHANGE, &changed(row)).await? == 1;
        if first {
            ledger::taken_at_last(&mut tx, &row.account, row.received, counts).await?;
        }
        tx.commit().await?;
        Ok(first)
    }

    /// What an ended letter said is destroyed.
    pub(super) async fn emptied(&self, id: Uuid) -> Result<(), Error> {
        let sql = "update dead_letter set blob = '' where id = $1 and state <> 'kept'";
        self.0.execute(sql, &[id.to_string().into()]).await?;
        Ok(())
    }

    /// Letters that are ended, and of which it is not known whether what they said is destroyed.
    pub(super) async fn undestroyed(&self, limit: u64) -> Result<Vec<Row>, Error> {
        let sql = format!(
            "select {COLUMNS} from dead_letter where state <> 'kept' and blob <> '' order by received, id limit $1"
        );
        self.0.query_built(sql, &[limit.into()]).await?.iter().map(row).collect()
    }

    /// Those after a place, in the order in which they came.
    pub(super) async fn list(
        &self,
        (account, state): (&str, &str),
        (received, id): (i64, &str),
        limit: u64,
    ) -> Result<Vec<Row>, Error> {
        let sql = format!(
            "select {COLUMNS} from dead_letter where ($1 = '' or account = $1) and ($2 = '' or state = $2) \
             and (received > $3 or (received = $3 and id > $4)) order by received, id limit $5"
        );
        let binds = [account.into(), state.into(), Value::from(received), id.into(), limit.into()];
        self.0.query_built(sql, &binds).await?.iter().map(row).collect()
    }
}

fn row(row: &store::Row) -> Result<Row, Error> {
    let wrong = || Error::Internal("a row of the dead letters has another form than it should".into());
    let at = |i| row.int(i).and_then(Timestamp::from_microsecond).ok_or_else(wrong);
    Ok(Row {
        id: row.string(0).parse().map_err(|_| wrong())?,
        account: row.string(1),
        connector: row.string(2),
        state: State::of(&row.string(3)).ok_or_else(wrong)?,
        path: row.string(4),
        reason: row.string(5),
        received: at(6)?,
        changed: at(7)?,
        bytes: row.count(8),
        retries: row.count(9),
        kind: row.string(10),
        blob: row.string(11),
    })
}
