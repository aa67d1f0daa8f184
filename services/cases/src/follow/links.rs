//! A decision about two cases reaches both.

use std::sync::Arc;

use domain::{
    case::{self, Action},
    ids::CaseId,
    links,
};
use eventlog::{Category, Entry, Position};
use service::{
    Error,
    envelope::Envelope,
    reaction::{self, Reaction},
    transact::Meta,
};

use crate::{
    act::no::No,
    core::{Core, caused, commands},
};

/// Lets the streams of cases follow the decisions of the links stream.
pub struct FollowLinks(pub Arc<Core>);

#[async_trait::async_trait]
impl Reaction for FollowLinks {
    fn name(&self) -> &'static str {
        "cases.follow_links"
    }

    fn categories(&self) -> Vec<Category> {
        Category::new("links").into_iter().collect()
    }

    /// Merges of one site are few, and each may touch any case: one after the other.
    fn lane(&self, _: &Entry) -> String {
        String::new()
    }

    async fn react(&self, entry: &Entry) -> Result<(), reaction::Error> {
        self.0.follow_links(entry).await.map(drop).map_err(outcome)
    }
}

/// What waits, and what can never be done.
pub fn outcome(error: Error) -> reaction::Error {
    match error {
        Error::Unavailable(_) | Error::Aborted { .. } => reaction::Error::Later(error.to_string()),
        other => reaction::Error::Never(format!("{}: {other}", other.reason())),
    }
}

impl Core {
    /// Follows the entry of the links stream at `position`, which may just have been written; answers the last entry in
    /// which a case did.
    pub async fn follow_links_entry(
        &self,
        position: Position,
        written: Option<Entry>,
    ) -> Result<Position, Error> {
        let entry = self.entry_at(&self.links_stream()?, position, written).await?;
        self.follow_links(&entry).await
    }

    async fn follow_links(&self, entry: &Entry) -> Result<Position, Error> {
        let mut last = Position::NONE;
        let envelope = Envelope::<links::Event>::of(entry).map_err(service::transact::Error::<No>::from)?;
        for (i, event) in envelope.events.iter().enumerate() {
            let meta = |step: &str| caused(self, entry, &envelope, &format!("{step}/{i}"));
            match event {
                links::Event::Merged { source, target, .. } => {
                    // First the mark: whatever comes after it goes to the target, and what the source brings is complete.
                    last = last.max(
                        self.derive(*source, &meta("merged")?, Action::MarkMerged { into: *target }).await?,
                    );
                    let brings = self.brought_by(*source).await?;
                    let absorb = Action::Absorb { source: *source, brings: Box::new(brings) };
                    last = last.max(self.derive(*target, &meta("absorbed")?, absorb).await?);
                }
                links::Event::Unmerged { source, target, .. } => {
                    last = last.max(
                        self.derive(*target, &meta("released")?, Action::Release { source: *source }).await?,
                    );
                    last = last.max(self.derive(*source, &meta("restored")?, Action::Restore).await?);
                }
                // Links are read from their own stream; no case decides on them.
                links::Event::Linked { .. } | links::Event::Unlinked { .. } => {}
            }
        }
        Ok(last)
    }

    /// What a case brings to the one that it is merged into. Marking it merged changes none of that.
    async fn brought_by(&self, source: CaseId) -> Result<case::Absorbed, Error> {
        let aggregate = self.cases.load::<No>(&self.stream(source)?).await?;
        Ok(aggregate.state.case().map(case::Case::brings).unwrap_or_default())
    }

    /// Executes a derived command on a case; answers its entry, if it has one.
    pub async fn derive(&self, id: CaseId, meta: &Meta, action: Action) -> Result<Position, Error> {
        let make = |_: &_, at| Ok(commands(at, &meta.actor, vec![action.clone()]));
        let outcome = self.cases.execute::<No>(&self.stream(id)?, meta, make).await?;
        Ok(if outcome.changed { outcome.position } else { Position::NONE })
    }
}
