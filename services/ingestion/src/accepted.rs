//! How many messages the log has, by account and hour, and when each account was last written to: a read model.

use std::collections::BTreeMap;

use domain::{message::Event, time::Timestamp};
use eventlog::{Category, Entry, Position};
use service::{
    envelope::{Envelope, Origin, Unreadable},
    projection::{self, Projection},
    store::{Schema, Sql, Tx},
};

use crate::ledger::hour_of;

static SQLITE: sqlx::migrate::Migrator = sqlx::migrate!("migrations/accepted/sqlite");
static POSTGRES: sqlx::migrate::Migrator = sqlx::migrate!("migrations/accepted/postgres");

/// Counts messages and edits.
pub(crate) struct Accepted;

/// What one entry counts as.
pub(crate) struct Counted {
    /// The account that it belongs to.
    account: String,
    /// The beginning of the hour in which it was recorded, in microseconds since 1970.
    hour: i64,
    /// How many messages and edits it is.
    count: i64,
    /// When a customer wrote, if one did; not in imported history.
    heard: Option<Timestamp>,
}

#[async_trait::async_trait]
impl Projection for Accepted {
    type Item = Option<Counted>;

    fn name(&self) -> &'static str {
        "ingestion_accepted_v2"
    }

    fn anew(&self) -> Self {
        Self
    }

    fn schema(&self) -> Schema {
        Schema { sqlite: &SQLITE, postgres: &POSTGRES }
    }

    fn categories(&self) -> Vec<Category> {
        Category::new("message").into_iter().collect()
    }

    fn tables(&self) -> &'static [(&'static str, Sql)] {
        const ROWS: &str = "select hour, account, count from accepted order by hour, account";
        const HEARD: &str = "select account, at from heard order by account";
        &[
            ("accepted", Sql { sqlite: ROWS, postgres: ROWS }),
            ("heard", Sql { sqlite: HEARD, postgres: HEARD }),
        ]
    }

    fn read(&self, entry: &Entry) -> Result<Option<Counted>, Unreadable> {
        let envelope = Envelope::<Event>::of(entry)?;
        let mut counted: Option<Counted> = None;
        for event in envelope.events {
            let is_heard = matches!(event, Event::Received { .. }) && envelope.origin == Origin::Live;
            match event {
                Event::Received { content, .. }
                | Event::Recorded { content, .. }
                | Event::Edited { content, .. } => {
                    let counted = counted.get_or_insert_with(|| Counted {
                        account: content.account.to_string(),
                        hour: hour_of(envelope.recorded_at),
                        count: 0,
                        heard: None,
                    });
                    counted.count += 1;
                    if is_heard {
                        counted.heard = Some(envelope.recorded_at);
                    }
                }
                Event::DeletedAtSource { .. }
                | Event::Reacted { .. }
                | Event::Sent { .. }
                | Event::Reported { .. }
                | Event::FileKept { .. }
                | Event::FileLost { .. } => {}
            }
        }
        Ok(counted)
    }

    async fn apply(
        &self,
        tx: &mut Tx,
        items: Vec<(Position, Option<Counted>)>,
    ) -> Result<(), projection::Error> {
        let mut sums: BTreeMap<(i64, String), i64> = BTreeMap::new();
        let mut last: BTreeMap<String, Timestamp> = BTreeMap::new();
        for Counted { account, hour, count, heard } in items.into_iter().filter_map(|(_, item)| item) {
            if let Some(at) = heard {
                let last = last.entry(account.clone()).or_insert(at);
                *last = at.max(*last);
            }
            *sums.entry((hour, account)).or_default() += count;
        }
        for ((hour, account), count) in sums {
            let sql = "insert into accepted (account, hour, count) values ($1, $2, $3) \
                       on conflict (hour, account) do update set count = accepted.count + excluded.count";
            tx.execute(sql, &[account.into(), hour.into(), count.into()]).await?;
        }
        for (account, at) in last {
            let sql = "insert into heard (account, at) values ($1, $2) \
                       on conflict (account) do update set at = excluded.at where heard.at < excluded.at";
            tx.execute(sql, &[account.into(), at.as_microsecond().into()]).await?;
        }
        Ok(())
    }
}
