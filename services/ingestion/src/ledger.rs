//! What came in: received = accepted + duplicate + rejected, for each account and hour.
//!
//! `received` is never stored: it is the sum of the three, so that nothing can make it differ from them. `accepted` follows
//! from the log ([`Accepted`]); an entry counts once, whoever wrote it and whatever happened to the answer. Second
//! deliveries and rejections leave no entry, so they are counted in the service's own store: all of a call in one
//! transaction, once all of it is decided and before its answer. Therefore:
//!
//! - Every answered call that was proved is counted in full, exactly once. Increments of several replicas add up in the database, and of
//!   two replicas that take the same message at once only one is told that it was new.
//! - A crash between the appends and the count: what was new is counted, the rest of that call is not, and the sender
//!   has no answer. When it sends the call again all of it is counted, as what it is then.
//! - A platform's call that is answered "not now": what was new is counted, the rest of it is not. How much was new is
//!   remembered by the call, and is no second delivery when that comes again, however often that takes. What cannot be
//!   remembered, because this store is away as well, is counted as after a crash.
//! - A dead letter that is taken at last was counted as rejected when it came, and is counted as the message that it is instead;
//!   one that holds no message stays rejected, as it came.
//! - A crash between the count and the answer: the call is counted, and its repetition, which came in as well, too.
//! - Calls that nobody proved are counted in memory and written together ([`refusals`]): exactly, while the process lives. A kill
//!   takes those of the last second, and another replica tells them a second later.

mod refusals;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use domain::{health::silence::Counts, ids::AccountId, time::Timestamp};
use eventlog::Position;
use proto::ingestion::v1;
use service::{
    Error,
    models::Models,
    shell::{Shell, Stores},
    store::{self, Row, Schema, Store, Tx, Value},
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{accepted::Accepted, hooks, wire};
use refusals::Refusals;

/// The account under which calls are counted that named none of the policy's. No account can be called like this.
pub const UNKNOWN_ACCOUNT: &str = "(unknown)";
/// Rows of one answer.
pub const ROWS_MAX: usize = 10_000;
/// What is counted: what somebody wrote.
const KINDS: [&str; 2] = ["message", "mail"];
/// How long a call is remembered that was answered "not now", in seconds: longer than any platform tries.
const UNANSWERED_S: i64 = 7 * 24 * 60 * 60;
/// How long an answer waits for the count of what this replica wrote.
const WAIT_MAX: Duration = Duration::from_secs(5);
/// The time that is shown if nobody says which, in seconds.
const PERIOD_S: i64 = 24 * 60 * 60;
const MICROS_PER_HOUR: i64 = 3_600_000_000;

static SQLITE: sqlx::migrate::Migrator = sqlx::migrate!("migrations/tally/sqlite");
static POSTGRES: sqlx::migrate::Migrator = sqlx::migrate!("migrations/tally/postgres");

/// The beginning of the hour of `at`, in microseconds since 1970.
pub(crate) fn hour_of(at: Timestamp) -> i64 {
    at.as_microsecond().div_euclid(MICROS_PER_HOUR) * MICROS_PER_HOUR
}

/// The store of what is nowhere else: what is counted, how far platforms were asked, dead letters.
pub(crate) async fn open_kept(stores: &Stores) -> Result<Store, store::Error> {
    stores.open_kept("ingestion", Schema { sqlite: &SQLITE, postgres: &POSTGRES }).await
}

/// What of a call leaves no entry, or none that says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) duplicate: u64,
    pub(crate) rejected: u64,
    /// Of what was accepted, and that opens nothing though a person may have written it.
    pub(crate) held_back: u64,
}

/// Counts and tells.
pub(crate) struct Ledger {
    tallies: Store,
    refusals: Arc<Refusals>,
    accepted: Arc<Models<Accepted>>,
    /// The last position that this replica wrote.
    written: watch::Sender<Position>,
}

impl Tally {
    /// Of what became of messages and mails.
    pub(crate) fn of(counts: &hooks::happened::Counts) -> Self {
        let count = |outcome| KINDS.iter().filter_map(|kind| counts.get(&(*kind, outcome))).sum();
        Self { duplicate: count("duplicate"), rejected: count("rejected"), held_back: 0 }
    }
}

/// How much of what came is in the log now and was not.
pub(crate) fn is_new(counts: &hooks::happened::Counts) -> u64 {
    let outcomes = ["accepted", "edited"];
    KINDS.iter().flat_map(|kind| outcomes.map(|outcome| counts.get(&(*kind, outcome)))).flatten().sum()
}

impl Ledger {
    pub(crate) async fn open(shell: &Shell) -> Result<Self, Error> {
        let tallies = open_kept(&shell.stores).await?;
        let control = shell.stores.control("ingestion").await?;
        let accepted = Arc::new(Models::open(shell.clone(), control, Accepted).await?);
        let refusals = Refusals::new(tallies.clone());
        Ok(Self { tallies, refusals, accepted, written: watch::Sender::new(Position::NONE) })
    }

    /// The store that is kept, not rebuilt.
    pub(crate) fn store(&self) -> &Store {
        &self.tallies
    }

    /// The read model of what was accepted.
    pub(crate) fn accepted(&self) -> Arc<Models<Accepted>> {
        Arc::clone(&self.accepted)
    }

    /// Counts what a call left outside the log. Durable when it answers.
    pub(crate) async fn count(&self, account: &str, at: Timestamp, tally: Tally) -> Result<(), store::Error> {
        if tally == Tally::default() {
            return Ok(());
        }
        let (sql, binds) = add(account, hour_of(at), tally);
        self.tallies.execute(sql, &binds).await.map(|_| ())
    }

    /// Counts what a platform's call left outside the log. What was new in it when it came before and was not answered is no
    /// second delivery, and a letter that was new then is counted as rejected now. What is counted.
    pub(crate) async fn answered(
        &self,
        (account, call): (&str, &str),
        at: Timestamp,
        tally: Tally,
    ) -> Result<Tally, store::Error> {
        // What was new before is there now: without a second delivery there is nothing to look up.
        if tally.duplicate == 0 {
            self.count(account, at, tally).await?;
            return Ok(tally);
        }
        let mut tx = self.tallies.begin().await?;
        let sql = "delete from unanswered where account = $1 and call = $2 returning accepted, letters";
        let rows = tx.query(sql, &[account.into(), call.into()]).await?;
        let (before, letters) = rows.first().map_or((0, 0), |row| (row.count(0), row.count(1)));
        let letters = letters.min(tally.duplicate.saturating_sub(before));
        let duplicate = tally.duplicate.saturating_sub(before).saturating_sub(letters);
        let tally = Tally { duplicate, rejected: tally.rejected + letters, ..tally };
        if tally != Tally::default() {
            let (sql, binds) = add(account, hour_of(at), tally);
            tx.execute(sql, &binds).await?;
        }
        tx.commit().await?;
        Ok(tally)
    }

    /// Remembers how much was new in a platform's call that is answered "not now": in the log, and among the dead letters.
    pub(crate) async fn unanswered(
        &self,
        (account, call): (&str, &str),
        at: Timestamp,
        (accepted, letters): (u64, u64),
    ) -> Result<(), store::Error> {
        if accepted == 0 && letters == 0 {
            return Ok(());
        }
        let old = at.plus_seconds(-UNANSWERED_S).as_microsecond();
        self.tallies.execute("delete from unanswered where at < $1", &[old.into()]).await?;
        let sql = "insert into unanswered (account, call, accepted, at, letters) values ($1, $2, $3, $4, $5) \
                   on conflict (account, call) do update set \
                   accepted = unanswered.accepted + excluded.accepted, at = excluded.at, \
                   letters = unanswered.letters + excluded.letters";
        let binds =
            [account.into(), call.into(), accepted.into(), at.as_microsecond().into(), letters.into()];
        self.tallies.execute(sql, &binds).await.map(|_| ())
    }

    /// Counts a call that nobody proved: in memory when it answers, and in the store within a second.
    pub(crate) async fn refuse(&self, account: &str, at: Timestamp) -> Result<(), store::Error> {
        self.refusals.count(account, at, Tally { rejected: 1, ..Tally::default() }).await
    }

    /// Counts a mail that was accepted and opens nothing: as a refusal is.
    pub(crate) async fn hold_back(&self, account: &str, at: Timestamp) -> Result<(), store::Error> {
        self.refusals.count(account, at, Tally { held_back: 1, ..Tally::default() }).await
    }

    /// Writes what [`Self::refuse`] gathers, until `stop` and then for the last time.
    pub(crate) fn gathering(&self, stop: CancellationToken) -> impl Future<Output = ()> + Send + use<> {
        Arc::clone(&self.refusals).run(stop)
    }

    /// This replica wrote up to `position`: the next answer has it in.
    pub(crate) fn wrote(&self, position: Position) {
        self.written.send_if_modified(|last| {
            let newer = position > *last;
            *last = position.max(*last);
            newer
        });
    }

    /// When a customer last wrote to an account, as far as this replica has counted.
    pub(crate) async fn last_in(&self, account: &AccountId) -> Result<Option<Timestamp>, Error> {
        let sql = "select at from heard where account = $1";
        let rows = self.accepted.current().store.query(sql, &[account.as_str().into()]).await?;
        Ok(rows.first().and_then(|row| row.int(0)).and_then(Timestamp::from_microsecond))
    }

    /// What came in at an account by hours since 1970, from one hour up to before another.
    pub(crate) async fn counts(&self, account: &AccountId, from: i64, to: i64) -> Result<Counts, Error> {
        let sql = "select hour, count from accepted where account = $1 and hour >= $2 and hour < $3";
        let micros = |hour: i64| Value::from(hour.saturating_mul(MICROS_PER_HOUR));
        let binds = [account.as_str().into(), micros(from), micros(to)];
        let rows = self.accepted.current().store.query(sql, &binds).await?;
        let hour = |row: &Row| row.int(0).map(|hour| hour.div_euclid(MICROS_PER_HOUR));
        Ok(rows.iter().filter_map(|row| Some((hour(row)?, row.count(1)))).collect())
    }

    /// The rows of the hours that begin in the time that is asked for; without one, of the last day and the present hour.
    /// What was accepted up to `at_least` is counted in them; up to where, is answered with them.
    pub(crate) async fn rows(
        &self,
        request: &v1::GetLedgerRequest,
        at_least: Option<Position>,
        now: Timestamp,
    ) -> Result<(Vec<v1::get_ledger_response::Row>, Position), Error> {
        let Asked { account, from, to } = Asked::of(request, now)?;
        self.refusals.flush().await?;
        let accepted = self.accepted.at_least(at_least.unwrap_or_default(), WAIT_MAX).await?;
        let written = *self.written.borrow();
        if !accepted.wait_for(written, WAIT_MAX).await {
            return Err(Error::Unavailable("the ledger is behind the log; ask again".into()));
        }
        // What comes while it is read may be counted too.
        let position = accepted.position();
        // One more than may be answered, to tell that there is more.
        let limit = ROWS_MAX as u64 + 1;
        let binds = [Value::from(from), to.into(), account.as_str().into(), limit.into()];
        let counted = "select account, hour, count from accepted \
                       where hour >= $1 and hour < $2 and ($3 = '' or account = $3) order by hour, account limit $4";
        let counted = accepted.store.query(counted, &binds).await?;
        let tallied = "select account, hour, duplicate, rejected, held_back from tally \
                       where hour >= $1 and hour < $2 and ($3 = '' or account = $3) order by hour, account limit $4";
        let tallied = self.tallies.query(tallied, &binds).await?;
        let rows = joined(&counted, &tallied);
        if rows.len() > ROWS_MAX {
            let what = format_args!("more than {ROWS_MAX} rows: ask for a shorter time or for one account");
            return Err(Error::field("from", what));
        }
        Ok((rows, position))
    }
}

/// The statement that adds to the counts of an account and hour, and its values.
fn add(account: &str, hour: i64, tally: Tally) -> (&'static str, [Value; 5]) {
    let sql = "insert into tally (account, hour, duplicate, rejected, held_back) values ($1, $2, $3, $4, $5) \
               on conflict (hour, account) do update set \
               duplicate = tally.duplicate + excluded.duplicate, rejected = tally.rejected + excluded.rejected, \
               held_back = tally.held_back + excluded.held_back";
    let Tally { duplicate, rejected, held_back } = tally;
    (sql, [account.into(), hour.into(), duplicate.into(), rejected.into(), held_back.into()])
}

/// Counts a dead letter that is taken, within what ends it: it is not rejected any more. What it says is counted by the log;
/// what had come meanwhile by itself is a second delivery.
pub(crate) async fn taken_at_last(
    tx: &mut Tx,
    account: &str,
    at: Timestamp,
    counts: &hooks::happened::Counts,
) -> Result<(), store::Error> {
    let again = Tally::of(counts).duplicate > 0;
    let (new, again) = (is_new(counts) > 0, u64::from(again));
    if !new && again == 0 {
        return Ok(());
    }
    let sql = "update tally set rejected = rejected - 1, duplicate = duplicate + $3 \
               where account = $1 and hour = $2 and rejected > 0";
    let again = if new { 0 } else { again };
    tx.execute(sql, &[account.into(), hour_of(at).into(), again.into()]).await.map(|_| ())
}

/// What of the ledger is asked for.
struct Asked {
    account: String,
    from: i64,
    to: i64,
}

impl Asked {
    fn of(request: &v1::GetLedgerRequest, now: Timestamp) -> Result<Self, Error> {
        let account = request.account.as_str();
        if !account.is_empty() && account != UNKNOWN_ACCOUNT {
            AccountId::new(account).map_err(|invalid| Error::field("account", invalid))?;
        }
        let given = |field: &str, value: &Option<prost_types::Timestamp>| match value {
            Some(value) => wire::instant(value).map(Some).ok_or_else(|| Error::field(field, "an instant")),
            None => Ok(None),
        };
        let to = given("to", &request.to)?;
        let end = to.map_or_else(|| hour_of(now) + MICROS_PER_HOUR, Timestamp::as_microsecond);
        let from = given("from", &request.from)?;
        let from = from.unwrap_or_else(|| to.unwrap_or(now).plus_seconds(-PERIOD_S));
        if from.as_microsecond() > end {
            return Err(Error::field("from", "not after `to`"));
        }
        Ok(Self { account: account.to_owned(), from: hour_of(from), to: end })
    }
}

fn joined(counted: &[Row], tallied: &[Row]) -> Vec<v1::get_ledger_response::Row> {
    let key = |row: &Row| (row.int(1).unwrap_or_default(), row.string(0));
    let mut accepted: BTreeMap<_, u64> = counted.iter().map(|row| (key(row), row.count(2))).collect();
    let mut tallies: BTreeMap<_, Tally> = tallied
        .iter()
        .map(|row| {
            let tally = Tally { duplicate: row.count(2), rejected: row.count(3), held_back: row.count(4) };
            (key(row), tally)
        })
        .collect();
    let keys: BTreeSet<_> = accepted.keys().chain(tallies.keys()).cloned().collect();
    keys.into_iter()
        .map(|key| {
            let accepted = accepted.remove(&key).unwrap_or_default();
            let Tally { duplicate, rejected, held_back } = tallies.remove(&key).unwrap_or_default();
            let (hour, account) = key;
            v1::get_ledger_response::Row {
                account,
                hour: Some(wire::timestamp(hour)),
                received: accepted + duplicate + rejected,
                accepted,
                duplicate,
                rejected,
                held_back,
            }
        })
        .collect()
}
