//! Which deliveries are in which status: a read model.

use std::{collections::BTreeMap, sync::Arc};

use domain::{
    case::ReplyOutcome,
    decider::Decider,
    delivery::{Delivery, Event, State, Status},
};
use eventlog::{Category, Entry, EventLog, Position, StreamId};
use futures_util::TryStreamExt;
use service::{
    envelope::{Envelope, Unreadable},
    projection::{self, Projection},
    store::{Schema, Sql, Tx},
};

static SQLITE: sqlx::migrate::Migrator = sqlx::migrate!("migrations/deliveries/sqlite");
static POSTGRES: sqlx::migrate::Migrator = sqlx::migrate!("migrations/deliveries/postgres");

/// Follows deliveries.
pub(crate) struct Deliveries {
    log: Arc<dyn EventLog>,
}

impl Deliveries {
    pub(crate) fn new(log: Arc<dyn EventLog>) -> Self {
        Self { log }
    }

    /// A delivery as it was at `upto`, and where it began.
    async fn at(&self, stream: &StreamId, upto: Position) -> Result<(State, Position), eventlog::Error> {
        let mut entries = self.log.read(stream);
        let (mut state, mut first) = (State::default(), Position::NONE);
        while let Some(entry) = entries.try_next().await? {
            if entry.position > upto {
                break;
            }
            if first == Position::NONE {
                first = entry.position;
            }
            // What cannot be read was parked before it came here.
            let Ok(envelope) = Envelope::<Event>::of(&entry) else { continue };
            state = envelope.events.iter().fold(state, State::evolve);
        }
        Ok((state, first))
    }
}

#[async_trait::async_trait]
impl Projection for Deliveries {
    type Item = StreamId;

    fn name(&self) -> &'static str {
        "ingestion_deliveries_v2"
    }

    fn anew(&self) -> Self {
        Self::new(Arc::clone(&self.log))
    }

    fn schema(&self) -> Schema {
        Schema { sqlite: &SQLITE, postgres: &POSTGRES }
    }

    fn categories(&self) -> Vec<Category> {
        Category::new(State::CATEGORY).into_iter().collect()
    }

    fn tables(&self) -> &'static [(&'static str, Sql)] {
        const ROWS: &str =
            "select reply, account, status, reason, queued, version from delivery order by reply";
        &[("delivery", Sql { sqlite: ROWS, postgres: ROWS })]
    }

    fn read(&self, entry: &Entry) -> Result<StreamId, Unreadable> {
        Envelope::<Event>::of(entry).map(|_| entry.stream.clone())
    }

    async fn apply(&self, tx: &mut Tx, items: Vec<(Position, StreamId)>) -> Result<(), projection::Error> {
        let last: BTreeMap<StreamId, Position> =
            items.into_iter().map(|(position, stream)| (stream, position)).collect();
        for (stream, position) in last {
            let (state, first) = self.at(&stream, position).await?;
            let Some(delivery) = state.delivery() else { continue };
            let sql = "insert into delivery (reply, account, status, queued, version, reason) \
                       values ($1, $2, $3, $4, $5, $6) on conflict (reply) do update set status = excluded.status, \
                       version = excluded.version, reason = excluded.reason";
            let binds = [
                delivery.request.reply.to_string().into(),
                delivery.request.account.as_str().into(),
                word(delivery.status()).into(),
                first.0.into(),
                position.0.into(),
                reason(delivery).as_str().into(),
            ];
            tx.execute(sql, &binds).await?;
        }
        Ok(())
    }
}

/// Why a delivery is not sent, came back, or is unclear, in a word of a-z and '_'. Empty: it is on its way, or there, or its author took it
/// back.
pub(crate) fn reason(delivery: &Delivery) -> String {
    match delivery.outcome() {
        Some(_) if delivery.status() == Status::Cancelled => String::new(),
        Some(
            ReplyOutcome::Failed { reason }
            | ReplyOutcome::Bounced { reason }
            | ReplyOutcome::Unclear { reason },
        ) => reason.as_str().replace('-', "_"),
        Some(ReplyOutcome::Sent { .. }) | None => String::new(),
    }
}

/// A status as the read model calls it.
pub(crate) const fn word(status: Status) -> &'static str {
    match status {
        Status::Queued => "queued",
        Status::Sending => "sending",
        Status::Unclear => "unclear",
        Status::Cancelled => "cancelled",
        Status::Refused => "refused",
        Status::Rejected => "rejected",
        Status::GivenUp => "given_up",
        Status::Bounced => "bounced",
        Status::Undelivered => "undelivered",
        Status::Sent => "sent",
        Status::Delivered => "delivered",
        Status::Read => "read",
    }
}
