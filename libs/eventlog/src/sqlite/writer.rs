use std::{collections::HashMap, fs::File};

use sqlx::{Connection, QueryBuilder, Sqlite, SqliteConnection};
use tokio::sync::{mpsc, oneshot, watch};
use uuid::Uuid;

use super::{error, recent::Recent, schema};
use crate::{AppendError, Error, NewEntry, Position, StreamId};

/// Requests that may wait; the next one waits for a place.
const QUEUE_MAX: usize = 1024;
/// Appends that share one transaction.
const BATCH_MAX: usize = 256;
/// Bytes of bodies after which a transaction takes no more.
const BATCH_BYTES_MAX: usize = 4 << 20;
/// Rows of one insert.
pub(super) const INSERT_ROWS_MAX: usize = 64;

/// The one that writes. Clones share it; it ends when the last of them is dropped.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    queue: mpsc::Sender<Request>,
}

#[derive(Debug)]
enum Request {
    Append(Append),
    Close(oneshot::Sender<()>),
}

#[derive(Debug)]
struct Append {
    expected: Position,
    entry: NewEntry,
    answer: oneshot::Sender<Result<Position, AppendError>>,
}

impl Writer {
    /// `lock` is kept until the connection is closed.
    pub(super) fn start(
        connection: SqliteConnection,
        last: u64,
        recent: watch::Sender<Recent>,
        lock: File,
    ) -> Self {
        let (queue, requests) = mpsc::channel(QUEUE_MAX);
        let file = LogFile { connection, last: Some(last), recent };
        tokio::spawn(run(file, requests, lock));
        Self { queue }
    }

    pub(super) async fn append(&self, expected: Position, entry: NewEntry) -> Result<Position, AppendError> {
        let (answer, answered) = oneshot::channel();
        let append = Append { expected, entry, answer };
        self.queue.send(Request::Append(append)).await.map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?
    }

    /// Returns when the file is free. A second call finds it closed.
    pub(super) async fn close(&self) {
        let (done, is_done) = oneshot::channel();
        if self.queue.send(Request::Close(done)).await.is_ok() {
            // An error means that another call was first and has been answered.
            is_done.await.ok();
        }
    }
}

fn closed() -> Error {
    Error::Unavailable("the log is closed".into())
}

async fn run(mut file: LogFile, mut requests: mpsc::Receiver<Request>, lock: File) {
    let mut closers = Vec::new();
    while let Some(request) = requests.recv().await {
        let mut batch = Vec::new();
        let mut bytes = 0;
        let mut next = Some(request);
        while let Some(request) = next {
            match request {
                Request::Append(append) => {
                    bytes += append.entry.body.len();
                    batch.push(append);
                }
                Request::Close(done) => {
                    requests.close();
                    closers.push(done);
                }
            }
            let full = batch.len() >= BATCH_MAX || bytes >= BATCH_BYTES_MAX;
            next = if full { None } else { requests.try_recv().ok() };
        }
        answer(file.write(&batch).await, batch);
    }
    // The file is synced whatever this says; what is left in the write-ahead log is read at the next start.
    file.connection.close().await.ok();
    drop(lock);
    for done in closers {
        done.send(()).ok();
    }
}

/// One outcome for each append; or nobody knows about any of them. Who no longer waits is passed over.
fn answer(outcomes: Result<Vec<Outcome>, Error>, batch: Vec<Append>) {
    match outcomes {
        Ok(outcomes) => {
            for (append, outcome) in batch.into_iter().zip(outcomes) {
                append.answer.send(outcome.ok_or(AppendError::Conflict)).ok();
            }
        }
        Err(error) => {
            for append in batch {
                append.answer.send(Err(error.clone().into())).ok();
            }
        }
    }
}

/// Where the entry stands; `None` is a conflict.
type Outcome = Option<Position>;

#[derive(Debug)]
struct LogFile {
    connection: SqliteConnection,
    /// The position of the last entry; `None` after a transaction of unknown outcome.
    last: Option<u64>,
    recent: watch::Sender<Recent>,
}

impl LogFile {
    /// Writes what fits onto its stream, all in one transaction, and says where each stands.
    ///
    /// Deciding first and writing then is sound because nobody else writes.
    async fn write(&mut self, batch: &[Append]) -> Result<Vec<Outcome>, Error> {
        let mut last = match self.last {
            Some(last) => last,
            None => self.reload().await?,
        };
        let mut streams = self.streams(batch).await?;
        let mut outcomes = Vec::with_capacity(batch.len());
        let mut rows = Vec::with_capacity(batch.len());
        for append in batch {
            let entry = &append.entry;
            let stream = streams.entry(&entry.stream).or_default();
            let outcome = if append.expected.0 == stream.tail() {
                last += 1;
                stream.new.push((last, entry));
                rows.push((last, entry));
                Some(Position(last))
            } else if append.expected.0 >= stream.written {
                let next = stream.new.iter().find(|(position, _)| *position > append.expected.0);
                next.and_then(|(position, there)| same(entry, *position, there.id, &there.body))
            } else {
                let next = self.next(&entry.stream, append.expected).await?;
                next.and_then(|(position, id, body)| same(entry, position, id, &body))
            };
            outcomes.push(outcome);
        }
        if !rows.is_empty() {
            self.last = None;
            insert(&mut self.connection, &rows).await.map_err(|e| error(&e))?;
            self.last = Some(last);
            self.recent.send_modify(|recent| recent.extend(&rows));
        }
        Ok(outcomes)
    }

    async fn reload(&mut self) -> Result<u64, Error> {
        let last = schema::last(&mut self.connection).await?;
        self.last = Some(last);
        // Nobody knows what lies between: the file does.
        self.recent.send_replace(Recent::at(last));
        Ok(last)
    }

    /// The tails of all streams that the batch is about.
    async fn streams<'a>(&mut self, batch: &'a [Append]) -> Result<HashMap<&'a StreamId, Stream<'a>>, Error> {
        let mut streams: HashMap<&StreamId, Stream<'_>> =
            batch.iter().map(|append| (&append.entry.stream, Stream::default())).collect();
        let names: Vec<&StreamId> = streams.keys().copied().collect();
        let list = names.iter().map(|name| name.as_str()).collect::<Vec<_>>();
        let tails: Vec<(i64, Option<i64>)> = sqlx::query_as(
            "select key, (select max(position) from entry where stream = value) from json_each($1)",
        )
        .bind(serde_json::Value::from(list).to_string())
        .fetch_all(&mut self.connection)
        .await
        .map_err(|e| error(&e))?;
        for (name, tail) in tails {
            let name = usize::try_from(name).ok().and_then(|name| names.get(name));
            if let (Some(name), Some(tail)) = (name, tail) {
                streams.insert(name, Stream { written: tail.cast_unsigned(), new: Vec::new() });
            }
        }
        Ok(streams)
    }

    /// The entry that follows `after` in its stream.
    async fn next(
        &mut self,
        stream: &StreamId,
        after: Position,
    ) -> Result<Option<(u64, Uuid, Vec<u8>)>, Error> {
        let next: Option<(i64, Uuid, Vec<u8>)> = sqlx::query_as(
            "select position, id, body from entry where stream = $1 and position > $2 order by position limit 1",
        )
        .bind(stream.as_str())
        .bind(after.0.cast_signed())
        .fetch_optional(&mut self.connection)
        .await
        .map_err(|e| error(&e))?;
        Ok(next.map(|(position, id, body)| (position.cast_unsigned(), id, body)))
    }
}

/// What is known of a stream while a batch is decided.
#[derive(Default)]
struct Stream<'a> {
    /// Its tail in the file.
    written: u64,
    /// What this batch adds to it.
    new: Vec<(u64, &'a NewEntry)>,
}

impl Stream<'_> {
    fn tail(&self) -> u64 {
        self.new.last().map_or(self.written, |(position, _)| *position)
    }
}

/// The position, if the entry that stands there is `entry` itself.
fn same(entry: &NewEntry, position: u64, id: Uuid, body: &[u8]) -> Outcome {
    (id == entry.id && body == entry.body).then_some(Position(position))
}

async fn insert(connection: &mut SqliteConnection, rows: &[(u64, &NewEntry)]) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin_with("begin immediate").await?;
    for rows in rows.chunks(INSERT_ROWS_MAX) {
        // "or fail": a row that is refused takes the transaction with it, so that SQLite need not keep a journal to take
        // back this one statement.
        let mut insert = QueryBuilder::<Sqlite>::new(
            "insert or fail into entry (position, id, stream, category, traceparent, body) ",
        );
        insert.push_values(rows, |mut row, (position, entry)| {
            row.push_bind(position.cast_signed())
                .push_bind(entry.id)
                .push_bind(entry.stream.as_str())
                .push_bind(entry.stream.category())
                .push_bind(entry.traceparent.as_deref())
                .push_bind(&entry.body[..]);
        });
        insert.build().execute(&mut *transaction).await?;
    }
    transaction.commit().await
}
