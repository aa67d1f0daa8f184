//! What happened to a case, entry by entry: who, when, why.

use domain::ids::CaseId;
use eventlog::Position;
use futures_util::TryStreamExt;
use proto::cases::v1 as pb;
use serde_json::Value;
use service::{Error, envelope::Envelope};
use vault::Events;

use super::{one::Until, wire};
use crate::core::{Caller, Core};

/// Entries of one page, unless the caller says otherwise.
const PAGE: u32 = 200;
/// The most entries of one page.
const PAGE_MAX: u32 = 1_000;

impl Core {
    /// A page of the history of a case.
    pub async fn history(
        &self,
        caller: &Caller,
        id: CaseId,
        request: &pb::GetHistoryRequest,
    ) -> Result<pb::GetHistoryResponse, Error> {
        let until = Until::parse(&self.shell, &request.as_of, request.occurred_as_of.as_ref()).await?;
        let after = self.shell.position("page_token", &request.page_token)?.unwrap_or(Position::NONE);
        let size = match request.page_size {
            0 => PAGE,
            size if size <= PAGE_MAX => size,
            _ => return Err(Error::field("page_size", format!("at most {PAGE_MAX}"))),
        };
        let mut entries = Vec::new();
        let mut next = String::new();
        let mut log = self.shell.log.read(&self.stream(id)?);
        let mut tail = Position::NONE;
        while let Some(entry) = log.try_next().await? {
            let readable = Envelope::<Value>::of(&entry);
            let envelope = readable
                .map_err(|error| Error::Refused { reason: "STREAM_PARKED", message: error.to_string() })?;
            if !until.keeps(entry.position, &envelope) {
                continue;
            }
            if entry.position > after {
                if entries.len() == size as usize {
                    next = self.shell.token(tail);
                    break;
                }
                entries.push((entry.position, entry.stream.clone(), envelope));
            }
            tail = entry.position;
        }
        let mut sealed: Vec<_> = entries
            .iter_mut()
            .map(|(_, stream, envelope)| Events {
                stream: stream.as_str(),
                entry_id: envelope.id,
                events: &mut envelope.events,
            })
            .collect();
        let opened = self.shell.vault.open_many(&mut sealed).await;
        opened.map_err(|error| Error::Unavailable(error.to_string()))?;
        let events = entries.iter_mut().flat_map(|(_, _, envelope)| &mut envelope.events);
        self.hide_unseen_in(caller, id, events.collect()).await?;
        let entries =
            entries.into_iter().map(|(position, _, envelope)| self.told(position, envelope)).collect();
        Ok(pb::GetHistoryResponse { entries, next_page_token: next, position: self.shell.token(tail) })
    }

    fn told(&self, position: Position, envelope: Envelope<Value>) -> pb::HistoryEntry {
        let origin = serde_json::to_value(envelope.origin).ok().and_then(|v| v.as_str().map(str::to_owned));
        let uuid = |id: Option<uuid::Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
        pb::HistoryEntry {
            position: self.shell.token(position),
            entry_id: envelope.id.to_string(),
            recorded_at: Some(wire::time(envelope.recorded_at)),
            occurred_at: Some(wire::time(envelope.occurred_at)),
            actor: Some(wire::actor(&envelope.actor)),
            on_behalf_of: envelope.on_behalf_of.unwrap_or_default(),
            reason: envelope.reason.unwrap_or_default(),
            origin: origin.unwrap_or_default(),
            causation: uuid(envelope.causation),
            correlation: uuid(envelope.correlation),
            policy_version: self.shell.token(Position(envelope.policy_version)),
            command_id: envelope.command.id.to_string(),
            request_id: envelope.request_id.unwrap_or_default(),
            events: envelope.events.iter().map(event).collect(),
        }
    }
}

fn event(event: &Value) -> pb::history_entry::Event {
    let kind = event.get("type").and_then(Value::as_str).unwrap_or_default();
    pb::history_entry::Event { r#type: kind.to_owned(), json: event.to_string() }
}
