//! What is about two cases: merging, linking, and back.

use domain::{case, ids::CaseId, links};
use eventlog::{Position, StreamId};
use proto::cases::v1 as pb;
use service::{
    Error,
    transact::{self, Aggregate, Meta, Outcome, entry_id},
};

use super::{actions::WORKERS, fields as f, no::No, request::Request};
use crate::core::{Caller, Case, Core, bad_name, commands, seen};

/// How often two cases are looked at because something was decided since.
const LOOKS_MAX: u32 = 8;
/// That something was, each time.
const CONTENTION: &str = "CONTENTION";

/// What only workers do.
const JOINING: &str = "joining cases";
const GOES_ON_UNSEEN: &str =
    "taking back a merge into a case that you do not see; ask somebody who sees both";

/// What became of a decision about two cases.
struct Decided {
    /// The entry of the decision; where there was nothing to decide, the last decision.
    position: Position,
    changed: bool,
    /// The last entry in which a case followed it.
    followed: Position,
}

impl Core {
    /// Lets one case go on in another.
    pub async fn merge(&self, caller: &Caller, request: &pb::MergeRequest) -> Result<(CaseId, Case), Error> {
        caller.access.need(WORKERS, JOINING)?;
        let source = self.case_id("case_id", &request.case_id).await?;
        let target = self.case_id("into_case_id", &request.into_case_id).await?;
        let look = || self.merging(caller, request, source, target);
        let decided = self.decide_links(caller, request, look).await?;
        self.followed(source, decided, &request.command_id, "merged/0").await
    }

    async fn merging(
        &self,
        caller: &Caller,
        request: &pb::MergeRequest,
        source: CaseId,
        target: CaseId,
    ) -> Result<links::Action, Error> {
        let from = self.load_seen(caller, source, request).await?;
        let into = self.load_other(caller, "into_case_id", self.goes_on(target).await?).await?;
        Ok(links::Action::Merge {
            source,
            source_closed: from.status == case::Status::Closed,
            target,
            target_closed: into.status == case::Status::Closed,
            same_customer: match (from.customer(), into.customer()) {
                (Some(one), Some(other)) => self.same_person(one, other).await?,
                (None, _) | (_, None) => true,
            },
            confirmed: request.confirm_other_customer,
            brings: from.brings().count(),
        })
    }

    /// Takes a merge back.
    pub async fn unmerge(
        &self,
        caller: &Caller,
        request: &pb::UnmergeRequest,
    ) -> Result<(CaseId, Case), Error> {
        caller.access.need(WORKERS, JOINING)?;
        let source = self.case_id("case_id", &request.case_id).await?;
        let look = || async move {
            self.load_seen(caller, source, request).await?;
            let root = self.cases.load::<No>(&self.stream(self.goes_on(source).await?)?).await?;
            // What the source brought is taken out of the other case again.
            seen(&caller.access, &root).map_err(|_| Error::Denied(GOES_ON_UNSEEN.into()))?;
            Ok(links::Action::Unmerge { source })
        };
        let decided = self.decide_links(caller, request, look).await?;
        self.followed(source, decided, &request.command_id, "restored/0").await
    }

    /// Says how one case relates to another.
    pub async fn link(&self, caller: &Caller, request: &pb::LinkRequest) -> Result<(CaseId, Case), Error> {
        caller.access.need(WORKERS, JOINING)?;
        let from = self.case_id("case_id", &request.case_id).await?;
        let to = self.case_id("to_case_id", &request.to_case_id).await?;
        let look = || async move {
            self.load_seen(caller, from, request).await?;
            self.load_other(caller, "to_case_id", to).await?;
            Ok(links::Action::Link { kind: f::link("kind", request.kind)?, from, to })
        };
        let decided = self.decide_links(caller, request, look).await?;
        self.untouched(from, decided).await
    }

    /// Takes that back.
    pub async fn unlink(
        &self,
        caller: &Caller,
        request: &pb::UnlinkRequest,
    ) -> Result<(CaseId, Case), Error> {
        caller.access.need(WORKERS, JOINING)?;
        let from = self.case_id("case_id", &request.case_id).await?;
        let to = self.case_id("to_case_id", &request.to_case_id).await?;
        let look = || async move {
            self.load_seen(caller, from, request).await?;
            Ok(links::Action::Unlink { kind: f::link("kind", request.kind)?, from, to })
        };
        let decided = self.decide_links(caller, request, look).await?;
        self.untouched(from, decided).await
    }

    /// Decides on the action that a look at the cases allows, and lets the cases follow. Whenever something else was decided
    /// about two cases since, they are looked at again: one may be merged or closed by now, or have moved on.
    async fn decide_links<R: Request, F>(
        &self,
        caller: &Caller,
        request: &R,
        look: impl Fn() -> F,
    ) -> Result<Decided, Error>
    where
        F: Future<Output = Result<links::Action, Error>>,
    {
        let meta = self.command(caller, request)?;
        let looking = self.linking.lock().await;
        let mut looks = 0;
        let Outcome { position, changed, entry, aggregate, .. } = loop {
            let known = self.links_version().await?;
            looks += 1;
            match self.decide_looked(caller, &meta, known, look().await).await {
                Err(Error::Aborted { reason: CONTENTION, .. }) if looks < LOOKS_MAX => {}
                end => break end?,
            }
        };
        // As in `goes_on`: what follows may take a while.
        drop((aggregate, looking));
        // The reaction would do this in a moment; whoever asked for it sees it done.
        let followed = if changed { self.follow_links_entry(position, entry).await? } else { Position::NONE };
        Ok(Decided { position, changed, followed })
    }

    /// Decides, if nothing was decided since the links were at `known`.
    async fn decide_looked(
        &self,
        caller: &Caller,
        meta: &Meta,
        known: Position,
        action: Result<links::Action, Error>,
    ) -> Result<Outcome<links::State>, Error> {
        let action = match action {
            Ok(action) => action,
            Err(no) => return self.decided_before(caller, meta, no).await,
        };
        let make = |links: &Aggregate<links::State>, at| {
            if links.version == known {
                return Ok(commands(at, &caller.actor, vec![action]));
            }
            let message = "cases were merged or linked at the same time; try again".into();
            Err(No::Other(Error::Aborted { reason: CONTENTION, message }))
        };
        Ok(self.links.execute::<No>(&self.links_stream()?, meta, make).await?)
    }

    async fn links_version(&self) -> Result<Position, Error> {
        Ok(self.links.peek::<links::Error>(&self.links_stream()?).await?.version)
    }

    /// What became of a command that the cases do not allow any more, if it had its effect before: its repetition changed
    /// the cases itself, or somebody gave them away since. Nothing is asked of the links, so that nothing can be decided
    /// but that.
    async fn decided_before(
        &self,
        caller: &Caller,
        meta: &Meta,
        no: Error,
    ) -> Result<Outcome<links::State>, Error> {
        let stream = self.links_stream()?;
        let nothing = |_: &_, _| Ok(Vec::new());
        let outcome = match self.links.execute::<links::Error>(&stream, meta, nothing).await {
            Err(transact::Error::CommandIdReused) => return Err(no),
            outcome => outcome?,
        };
        // That the case has moved on is told to those who see it. Who sees it no more may have given the command.
        let sees = matches!(no, Error::Aborted { .. });
        if outcome.changed && (sees || self.gave(caller, &stream, outcome.position).await?) {
            return Ok(outcome);
        }
        Err(no)
    }

    /// The case in which another goes on, or itself. The state of the links is let go at once: while somebody holds it, the
    /// next decision has to copy all that the site has merged.
    pub async fn goes_on(&self, case: CaseId) -> Result<CaseId, Error> {
        let links = self.links.peek::<links::Error>(&self.links_stream()?).await?;
        Ok(links.state.root(case))
    }

    /// The stream in which all decisions about two cases stand.
    pub fn links_stream(&self) -> Result<StreamId, Error> {
        self.links.stream(&self.shell.site).map_err(bad_name)
    }

    async fn load_seen<R: Request>(
        &self,
        caller: &Caller,
        id: CaseId,
        request: &R,
    ) -> Result<case::Case, Error> {
        let aggregate = self.cases.load::<No>(&self.stream(id)?).await?;
        let case = seen(&caller.access, &aggregate)?.clone();
        self.insisted(request.expected_position(), aggregate.version).await?;
        Ok(case)
    }

    async fn load_other(&self, caller: &Caller, field: &str, id: CaseId) -> Result<case::Case, Error> {
        let aggregate = self.cases.load::<No>(&self.stream(id)?).await?;
        seen(&caller.access, &aggregate).cloned().map_err(|_| Error::field(field, "there is no such case"))
    }

    /// The case after it followed a decision, and the other one too: answered with the later of the two entries, however
    /// often it is asked.
    async fn followed(
        &self,
        id: CaseId,
        decided: Decided,
        command_id: &str,
        step: &str,
    ) -> Result<(CaseId, Case), Error> {
        let decision = entry_id(&self.links_stream()?, f::uuid("command_id", command_id)?);
        let aggregate = self.cases.load::<No>(&self.stream(id)?).await?;
        let own = aggregate.executed(domain::ids::derive(decision, step));
        let position = own.map_or(aggregate.version, |own| own.max(decided.followed));
        let changed = own.is_some();
        Ok((id, Outcome { position, changed, repeated: false, entry: None, aggregate: aggregate.into() }))
    }

    async fn untouched(
        &self,
        id: CaseId,
        Decided { position, changed, .. }: Decided,
    ) -> Result<(CaseId, Case), Error> {
        let aggregate = self.cases.load::<No>(&self.stream(id)?).await?;
        Ok((id, Outcome { position, changed, repeated: false, entry: None, aggregate: aggregate.into() }))
    }
}
