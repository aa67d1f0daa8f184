//! One change for many cases.

use std::collections::BTreeSet;

use domain::{case::Action, ids::CaseId};
use eventlog::Position;
use prost::Message;
use proto::cases::v1::{self as pb, bulk_request::Change, bulk_response};
use service::{Error, transact::Meta};
use tonic::Status;

use super::{
    actions::{self as a, Ground, WORKERS},
    fields as f,
    no::No,
};
use crate::core::{Caller, Case, Core};

/// Cases of one request.
const CASES_MAX: usize = 500;

impl Core {
    /// One change for many cases; each is told apart.
    pub async fn bulk(&self, caller: &Caller, request: &pb::BulkRequest) -> Result<pb::BulkResponse, Error> {
        let command_id = f::uuid("command_id", &request.command_id)?;
        caller.access.need(WORKERS, "this command")?;
        if request.case_ids.is_empty() || request.case_ids.len() > CASES_MAX {
            return Err(Error::field("case_ids", format!("1 to {CASES_MAX} cases")));
        }
        let expected = self.shell.position("expected_position", &request.expected_position)?;
        let change = request.change.as_ref().ok_or_else(|| Error::field("change", "must be given"))?;
        // The payload of each is the change alone: the same case in a longer list is the same command.
        let payload = pb::BulkRequest { case_ids: Vec::new(), command_id: String::new(), ..request.clone() }
            .encode_to_vec();
        let one = async |id: CaseId| -> Result<Case, Error> {
            let own = domain::ids::derive(command_id, &id.to_string());
            let meta = Meta { expected, ..self.meta(caller, own, "Bulk", &payload) };
            self.decide(caller, id, &meta, |ground| actions(ground, change)).await
        };
        let ids = self.case_ids("case_ids", &request.case_ids).await?;
        let mut last = Position::NONE;
        let mut done = BTreeSet::new();
        let mut results = Vec::with_capacity(ids.len());
        for (named, id) in request.case_ids.iter().zip(ids) {
            let outcome = match &id {
                Ok(id) => one(*id).await,
                Err(error) => Err(error.clone()),
            };
            let case_id = named.clone();
            results.push(match outcome {
                Ok(outcome) => {
                    last = last.max(outcome.position);
                    // A case that is named again is changed once, and counted once.
                    let changed = outcome.changed && id.is_ok_and(|id| done.insert(id));
                    bulk_response::Result { case_id, changed, ..Default::default() }
                }
                // It will be so for the others too, and the whole may be sent again.
                Err(error @ Error::Unavailable(_)) => return Err(error),
                Err(error) => refused(case_id, error),
            });
        }
        // Where nothing was done, nothing has to be waited for but what there is.
        if last == Position::NONE {
            last = self.shell.log.tail(&[]).await?;
        }
        Ok(pb::BulkResponse { position: self.shell.token(last), results })
    }
}

fn actions(ground: &Ground<'_>, change: &Change) -> Result<Vec<Action>, No> {
    match change {
        Change::Tags(c) => a::tags(ground, &c.add, &c.remove),
        Change::Assign(c) => a::assign(ground, &c.assignee, &c.team),
        Change::Transfer(c) => a::transfer(ground, &c.team, &c.reason),
        Change::Priority(c) => a::priority(ground, c.priority),
        Change::Resolve(c) => a::resolve(ground, &c.waivers, &c.resolution),
        Change::Close(_) => Ok(vec![Action::Close]),
        Change::Spam(_) => Ok(vec![Action::MarkSpam]),
        Change::Snooze(c) => {
            Ok(vec![Action::Snooze { until: f::required_instant("snooze.until", c.until.as_ref())? }])
        }
    }
}

/// What a call for this case alone would have been told, and no more.
fn refused(case_id: String, error: Error) -> bulk_response::Result {
    let reason = error.reason().to_owned();
    let message = Status::from(error).message().to_owned();
    bulk_response::Result { case_id, changed: false, reason, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_of_ours_is_not_told() {
        let told = refused("case".into(), Error::Internal("the password is hunter2".into()));
        assert_eq!(told.reason, "INTERNAL");
        assert!(!told.message.is_empty() && !told.message.contains("hunter2"), "{}", told.message);
        let told = refused("case".into(), Error::field("snooze.until", "must be given"));
        assert_eq!(
            (told.reason.as_str(), told.message.as_str()),
            ("INVALID_FIELD", "snooze.until: must be given")
        );
    }
}
