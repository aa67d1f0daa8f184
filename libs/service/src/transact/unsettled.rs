//! Appends of one stream that were begun and have no outcome: the caller went away, or the log did.

use uuid::Uuid;

/// Commands that are remembered one by one; beyond that every command of the stream is doubted.
const COMMANDS_MAX: usize = 256;

/// Commands whose entry may be in the log, or may come into it, without this process knowing.
#[derive(Debug, Default)]
pub(super) struct Unsettled(Vec<Uuid>);

impl Unsettled {
    /// Whether an earlier delivery of this command may have left an entry, or may still leave it.
    pub(super) fn may_be_there(&self, command_id: Uuid) -> bool {
        self.0.len() >= COMMANDS_MAX || self.0.contains(&command_id)
    }

    /// An append of this command begins.
    pub(super) fn begin(&mut self, command_id: Uuid) {
        if !self.may_be_there(command_id) {
            self.0.push(command_id);
        }
    }

    /// The append was refused: nothing was written, and nothing will be.
    pub(super) fn end(&mut self, command_id: Uuid) {
        self.0.retain(|&id| id != command_id);
    }

    /// An entry stands at the tail: whatever else was begun there is in the log before it, or never will be.
    pub(super) fn settle(&mut self) {
        self.0.clear();
    }
}
