//! One attempt at a command: decide on a given state, seal, append.

use std::time::Duration;

use domain::{
    decider::{Decider, decide_all},
    time::Timestamp,
};
use eventlog::{AppendError, Entry, NewEntry, Position, StreamId};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{Aggregate, Error, Meta, Transactor, UNKNOWN_MAX, aggregate::Recorded, entry_id, unavailable};
use crate::{
    backoff,
    envelope::{CommandStamp, Envelope, VERSION, contains},
    telemetry,
};

/// A body with none of these has no personal value. One with them may have none either, and is looked at.
const PERSONAL: [&str; 2] = ["\"open\":", "\"sealed\":"];

/// What an attempt came to.
pub(super) enum Attempt<E> {
    /// The entry is there.
    Appended(Entry, Recorded<E>),
    /// The command had its effect before.
    Repeated(Position),
    /// There is nothing to do.
    Unchanged,
    /// Another writer was faster; perhaps an earlier delivery of this command, which was decided at another time.
    Conflict,
}

impl<D> Transactor<D>
where
    D: Decider + Clone + Send + Sync + 'static,
    D::Event: Serialize + DeserializeOwned + Send + Sync,
    D::Error: Send,
{
    pub(super) async fn attempt<R: From<D::Error> + Send>(
        &self,
        stream: &StreamId,
        meta: &Meta,
        make: &(impl Fn(&Aggregate<D>, Timestamp) -> Result<Vec<D::Command>, R> + Send + Sync),
        aggregate: &Aggregate<D>,
    ) -> Result<Attempt<D::Event>, Error<R>> {
        if let Some(done) = aggregate.done(meta.command_id) {
            let same = done.digest == meta.digest;
            return if same { Ok(Attempt::Repeated(done.position)) } else { Err(Error::CommandIdReused) };
        }
        if let Some(expected) = meta.expected {
            self.insisted(expected, aggregate.version).await?;
        }
        // In a stream time never goes back, whatever the clocks of its writers do.
        let now = self.clock.now();
        let recorded_at = aggregate.recorded_at.map_or(now, |last| last.max(now));
        let commands = make(aggregate, meta.occurred_at.unwrap_or(recorded_at)).map_err(Error::Refused)?;
        let events =
            decide_all(&aggregate.state, commands).map_err(|refusal| Error::Refused(refusal.into()))?;
        if events.is_empty() {
            return Ok(Attempt::Unchanged);
        }
        let made = self.made(stream, meta, aggregate, recorded_at, events);
        let (entry, done) = self.seal(stream, made).await?;
        let Some(position) = self.append(aggregate.version, entry.clone()).await? else {
            return Ok(Attempt::Conflict);
        };
        let recorded = done.recorded()?;
        let NewEntry { id, stream, traceparent, body } = entry;
        Ok(Attempt::Appended(Entry { position, id, stream, traceparent, body }, recorded))
    }

    /// Executes the first command of a stream that is most likely new and will hardly have another: neither is it read nor is
    /// anything of it remembered here. `None`: there is something already; read the stream, and
    /// [`execute`](Transactor::execute) on what it has.
    pub async fn begin<R: From<D::Error> + Send>(
        &self,
        stream: &StreamId,
        meta: &Meta,
        commands: Vec<D::Command>,
    ) -> Result<Option<Position>, Error<R>> {
        let empty = Aggregate::<D>::default();
        let events = decide_all(&empty.state, commands).map_err(|refusal| Error::Refused(refusal.into()))?;
        if events.is_empty() {
            return Ok(None);
        }
        let made = self.made(stream, meta, &empty, self.clock.now(), events);
        let (entry, _) = self.seal(stream, made).await?;
        self.append(Position::NONE, entry).await
    }

    /// Refuses who has not seen all of the stream, or says that he has seen what nobody can have. Only who has seen more
    /// than the stream is the log asked for.
    async fn insisted<R>(&self, expected: Position, version: Position) -> Result<(), Error<R>> {
        if expected < version {
            return Err(Error::Stale { actual: version });
        }
        if expected > version && expected > self.log.tail(&[]).await.map_err(unavailable)? {
            return Err(Error::Beyond);
        }
        Ok(())
    }

    /// What becomes an entry, in plain words.
    fn made(
        &self,
        stream: &StreamId,
        meta: &Meta,
        decided_on: &Aggregate<D>,
        recorded_at: Timestamp,
        events: Vec<D::Event>,
    ) -> Envelope<D::Event> {
        let region = decided_on.state.region().map(ToString::to_string);
        Envelope {
            v: VERSION,
            id: entry_id(stream, meta.command_id),
            stream: stream.to_string(),
            site: self.site.clone(),
            region: region.or_else(|| meta.region.clone()),
            origin: meta.origin,
            recorded_at,
            occurred_at: meta.occurred_at.unwrap_or(recorded_at),
            actor: meta.actor.clone(),
            on_behalf_of: meta.on_behalf_of.clone(),
            reason: meta.reason.clone(),
            request_id: meta.request_id.clone(),
            causation: meta.causation,
            correlation: meta.correlation,
            policy_version: meta.policy_version,
            command: CommandStamp { id: meta.command_id, digest: meta.digest.clone() },
            events,
        }
    }

    /// The entry, sealed once, and what a cold reader would make of it.
    async fn seal<R>(
        &self,
        stream: &StreamId,
        made: Envelope<D::Event>,
    ) -> Result<(NewEntry, Done<D::Event>), Error<R>> {
        let (id, at) = (made.id, made.recorded_at);
        let mut body = serde_json::to_vec(&made).map_err(broken)?;
        let done = if PERSONAL.iter().any(|word| contains(&body, word)) {
            let values = made.events.iter().map(serde_json::to_value).collect::<Result<_, _>>();
            let mut sealed = made.with(values.map_err(broken)?);
            let done = self.vault.seal(stream.as_str(), id, &mut sealed.events).await;
            done.map_err(|error| Error::Unavailable(error.to_string()))?;
            body = serde_json::to_vec(&sealed).map_err(broken)?;
            Done { at, command: sealed.command, events: Events::Sealed(sealed.events) }
        } else {
            Done { at, command: made.command, events: Events::Plain(made.events) }
        };
        let traceparent = telemetry::traceparent();
        Ok((NewEntry { id, stream: stream.clone(), traceparent, body: body.into() }, done))
    }

    /// Where the entry stands. `None`: the stream has another version.
    async fn append<R>(&self, expected: Position, entry: NewEntry) -> Result<Option<Position>, Error<R>> {
        let mut unknown = 0;
        loop {
            match self.log.append(expected, entry.clone()).await {
                Ok(position) => return Ok(Some(position)),
                Err(AppendError::Conflict) => return Ok(None),
                Err(AppendError::TooLarge(bytes)) => return Err(Error::TooLarge(bytes)),
                Err(AppendError::Log(eventlog::Error::Unavailable(_))) if unknown < UNKNOWN_MAX => {
                    unknown += 1;
                    let (first, most) = (Duration::from_millis(20), Duration::from_secs(1));
                    backoff::wait_as(entry.id, unknown, first, most).await;
                }
                Err(AppendError::Log(error)) => return Err(unavailable(error)),
            }
        }
    }
}

/// What is in an entry.
struct Done<E> {
    at: Timestamp,
    command: CommandStamp,
    events: Events<E>,
}

/// Events as they stand in an entry.
enum Events<E> {
    Plain(Vec<E>),
    Sealed(Vec<Value>),
}

impl<E: DeserializeOwned> Done<E> {
    /// As a cold state would read it: sealed values, never the text.
    fn recorded<R>(self) -> Result<Recorded<E>, Error<R>> {
        let Self { at, command, events } = self;
        let events = match events {
            Events::Plain(events) => events,
            Events::Sealed(values) => {
                values.into_iter().map(serde_json::from_value).collect::<Result<_, _>>().map_err(broken)?
            }
        };
        Ok(Recorded { at, command, events })
    }
}

#[expect(clippy::needless_pass_by_value, reason = "as `map_err` hands it over")]
fn broken<R>(error: serde_json::Error) -> Error<R> {
    Error::Unavailable(format!("an event has no JSON form: {error}"))
}
