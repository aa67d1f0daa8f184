//! Says what the clocks of a case say: each thing once, and takes back what turns out to be wrong.

use std::{collections::BTreeMap, sync::Arc};

use domain::{
    calendar::time_zone_version,
    case,
    ids::CaseId,
    sla::{Action, Clock, Clocks, State, Timeline},
    time::Timestamp,
};
use eventlog::{Entry, Position};
use futures_util::TryStreamExt;
use service::{
    Error,
    envelope::{Envelope, Origin},
    transact::{self, Aggregate, Meta},
};

use super::{promises::Told as Promised, timeline::Told};
use crate::{
    act::no::No,
    core::{Core, bad_name, commands, derived, myself},
};

/// A case as far as its clocks care, and what was promised of it.
pub struct Timed {
    /// What happened.
    pub timeline: Timeline,
    /// What was promised.
    pub promised: Arc<Promised>,
    /// The last entry of the case.
    pub position: Position,
    region: Option<String>,
}

impl Core {
    /// What the clocks of a case are computed from. None: there is no such case.
    pub async fn timed(&self, id: CaseId) -> Result<Option<Timed>, Error> {
        let mut entries = self.shell.log.read(&self.stream(id)?);
        let (mut told, mut position) = (Told::default(), Position::NONE);
        while let Some(entry) = entries.try_next().await? {
            let envelope = Envelope::<case::Event>::of(&entry).map_err(transact::Error::<No>::from)?;
            told.take(entry.position, &envelope);
            position = entry.position;
        }
        if told.opened_under.is_none() {
            return Ok(None);
        }
        let promised = self.promises(told.policy).await?;
        let region = told.region.as_ref().map(ToString::to_string);
        let timeline = told.timeline(&promised);
        Ok(Some(Timed { timeline, promised, position, region }))
    }

    /// Announces what the clocks of a case say now, because of `cause` or because it is time, and says when they are to be
    /// looked at again. Of a case to which nothing was ever promised nothing is written.
    pub async fn announce(&self, id: CaseId, cause: Option<&Entry>) -> Result<(), Error> {
        let Some(timed) = self.timed(id).await? else { return Ok(()) };
        let stream = self.clocks.stream(id).map_err(bad_name)?;
        let clocks = timed.clocks(self.shell.clock.now());
        let known_to = timed.position.0;
        if clocks.clocks.is_empty() {
            let announced = self.clocks.peek::<No>(&stream).await?;
            if announced.version == Position::NONE {
                self.schedule.put(id, known_to, clocks.next_wake());
                return Ok(());
            }
        }
        let mut meta = match cause {
            Some(entry) => derived(self, entry, "clocks")?,
            None => Meta::new(id.0, "", myself()?),
        };
        // Of those who see the same at the same time one is enough.
        let seen = format!("clocks/{}/{}", clocks.known_to.entry, clocks.at.as_microsecond());
        meta.command_id = domain::ids::derive(id.0, &seen);
        meta.origin = Origin::Live;
        meta.region = timed.region.clone();
        meta.policy_version = timed.promised.last();
        let make = |known: &Aggregate<State>, at: Timestamp| {
            // Another one has seen more: what he said is not taken back by who knows less.
            let more = known.state.announced().any(|(_, said)| said.known_to > clocks.known_to.entry);
            if more {
                return Ok(Vec::new());
            }
            // Clocks of replicas differ. What was noticed stays in the past.
            let now = known.recorded_at.map_or(at, |before| before.max(at));
            let action = Action::Announce {
                clocks: Box::new(timed.clocks(now)),
                time_zones: time_zone_version().to_owned(),
            };
            Ok::<_, No>(commands(at, &meta.actor, vec![action]))
        };
        let done = self.clocks.execute::<No>(&stream, &meta, make).await?;
        if done.changed {
            self.reacted_to(done.position);
        }
        self.schedule.put(id, known_to, clocks.next_wake());
        Ok(())
    }

    /// What was announced of a case.
    pub async fn announced(
        &self,
        id: CaseId,
    ) -> Result<BTreeMap<domain::sla::Key, domain::sla::Announced>, Error> {
        let stream = self.clocks.stream(id).map_err(bad_name)?;
        let known = self.clocks.load::<No>(&stream).await?;
        Ok(known.state.announced().map(|(key, said)| (key, said.clone())).collect())
    }
}

impl Timed {
    /// The clocks of which something was promised.
    pub fn clocks(&self, now: Timestamp) -> Clocks {
        let mut clocks = self.timeline.clocks(&self.promised.book, now);
        clocks.clocks.retain(Clock::is_promised);
        clocks
    }
}
