//! One attempt at a command: decide on a given state, seal, append.

use std::time::Duration;

use domain::{
    decider::{Decider, decide_all},
    time::Timestamp,
};
use eventlog::{AppendError, Entry, NewEntry, Position, StreamId};
use serde::{Serialize, de::DeserializeOwned};

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
        let (entry, recorded) = self.seal(stream, meta, aggregate, recorded_at, events).await?;
        match self.append(aggregate.version, entry.clone()).await {
            Ok(position) => {
                let NewEntry { id, stream, traceparent, body } = entry;
                Ok(Attempt::Appended(Entry { position, id, stream, traceparent, body }, recorded))
            }
            Err(AppendError::Conflict) => Ok(Attempt::Conflict),
            Err(AppendError::TooLarge(bytes)) => Err(Error::TooLarge(bytes)),
            Err(AppendError::Log(error)) => Err(Error::Unavailable(error.to_string())),
        }
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

    /// The entry, sealed once, and what a cold reader would make of it.
    async fn seal<R>(
        &self,
        stream: &StreamId,
        meta: &Meta,
        decided_on: &Aggregate<D>,
        recorded_at: Timestamp,
        events: Vec<D::Event>,
    ) -> Result<(NewEntry, Recorded<D::Event>), Error<R>> {
        let broken =
            |error: serde_json::Error| Error::Unavailable(format!("an event has no JSON form: {error}"));
        let id = entry_id(stream, meta.command_id);
        let region = decided_on.state.region().map(ToString::to_string);
        let mut envelope = Envelope {
            v: VERSION,
            id,
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
        };
        let mut body = serde_json::to_vec(&envelope).map_err(broken)?;
        if PERSONAL.iter().any(|word| contains(&body, word)) {
            let values = envelope.events.iter().map(serde_json::to_value).collect::<Result<_, _>>();
            let mut sealed = envelope.with(values.map_err(broken)?);
            let done = self.vault.seal(stream.as_str(), id, &mut sealed.events).await;
            done.map_err(|error| Error::Unavailable(error.to_string()))?;
            body = serde_json::to_vec(&sealed).map_err(broken)?;
            // The hot state holds what a cold one would: sealed values, never the text.
            let values = std::mem::take(&mut sealed.events).into_iter();
            let events = values.map(serde_json::from_value).collect::<Result<_, _>>();
            envelope = sealed.with(events.map_err(broken)?);
        }
        let (command, events, body) = (envelope.command, envelope.events, body.into());
        let entry = NewEntry { id, stream: stream.clone(), traceparent: telemetry::traceparent(), body };
        Ok((entry, Recorded { at: recorded_at, command, events }))
    }

    async fn append(&self, expected: Position, entry: NewEntry) -> Result<Position, AppendError> {
        let mut unknown = 0;
        loop {
            match self.log.append(expected, entry.clone()).await {
                Err(AppendError::Log(eventlog::Error::Unavailable(_))) if unknown < UNKNOWN_MAX => {
                    unknown += 1;
                    let (first, most) = (Duration::from_millis(20), Duration::from_secs(1));
                    backoff::wait_as(entry.id, unknown, first, most).await;
                }
                answer => return answer,
            }
        }
    }
}
