use std::collections::{BTreeMap, HashMap};

use proto::operations::v1::{ListReadModelsRequest, LogEntry, TailEventsRequest};
use uuid::Uuid;

use super::{Ack, sequence};
use crate::world::Caller;

/// What the log holds, as far as it was read: which command stands where.
#[derive(Debug, Default)]
pub struct Log {
    /// By stream and command: the position of the entry.
    commands: HashMap<(String, Uuid), u64>,
    /// By category: how many entries there are.
    entries: BTreeMap<String, u64>,
    last: String,
}

impl Log {
    /// Reads on up to `until`, which is in the log. No command stands twice, and no position either.
    pub async fn read_on(&mut self, caller: &mut Caller, until: &str) {
        if sequence_or_none(until) <= sequence_or_none(&self.last) {
            return;
        }
        let request = TailEventsRequest { after: self.last.clone(), ..TailEventsRequest::default() };
        let mut entries = caller.operations.tail_events(request).await.expect("the log").into_inner();
        while sequence_or_none(until) > sequence_or_none(&self.last) {
            let next = entries.message().await.expect("the log").expect("the log never ends");
            self.take(next.entry.expect("an entry"));
        }
    }

    /// Reads on up to where the read models are.
    pub async fn read_whole(&mut self, caller: &mut Caller) {
        let models = caller.operations.list_read_models(ListReadModelsRequest::default()).await;
        let models = models.expect("the read models").into_inner().models;
        let last = models.into_iter().map(|model| model.position).max_by_key(|last| sequence_or_none(last));
        self.read_on(caller, &last.unwrap_or_default()).await;
    }

    fn take(&mut self, entry: LogEntry) {
        let body: serde_json::Value = serde_json::from_str(&entry.body).expect("a body is JSON");
        let command = body["command"]["id"].as_str().and_then(|id| id.parse().ok()).expect("a command");
        let position = sequence(&entry.position);
        assert!(position > sequence_or_none(&self.last), "{} comes after {}", entry.position, self.last);
        let category = entry.stream.split('-').next().unwrap_or_default().to_owned();
        let earlier = self.commands.insert((entry.stream.clone(), command), position);
        assert_eq!(earlier, None, "command {command} stands twice in {}, again at {position}", entry.stream);
        *self.entries.entry(category).or_default() += 1;
        self.last = entry.position;
    }

    /// Where a command stands in a stream.
    pub fn position(&self, stream: &str, command: Uuid) -> Option<u64> {
        self.commands.get(&(stream.to_owned(), command)).copied()
    }

    /// Entries of a category.
    pub fn count(&self, category: &str) -> u64 {
        self.entries.get(category).copied().unwrap_or_default()
    }

    /// Every acknowledged command is there, where its answer said.
    pub fn has(&self, acks: &[Ack]) {
        for Ack { stream, command_id, position, changed } in acks {
            let found = self.position(stream, *command_id);
            if *changed {
                let told = Some(sequence(position));
                assert_eq!(found, told, "the acknowledged command {command_id} of {stream}");
            } else {
                assert_eq!(found, None, "command {command_id} of {stream} had nothing to do");
            }
        }
    }
}

fn sequence_or_none(position: &str) -> u64 {
    if position.is_empty() { 0 } else { sequence(position) }
}
