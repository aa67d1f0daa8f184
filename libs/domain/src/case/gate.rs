//! Which actions a case takes where it stands. What happens to those that it takes is in `decide`.

use super::{EVENTS_MAX, EVENTS_RESERVED, action::Action, error::Error, state::Case, status::Status};

/// Where a case must stand for an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    /// Anywhere: facts from outside, what `links` decided, and timers, which fall silent by themselves.
    Nothing,
    /// Not in another case.
    Unmerged,
    /// Not in another case, and not closed.
    NotClosed,
    /// Nor spam.
    NotSpam,
    /// Nor resolved: there is still something to do.
    Unresolved,
}

impl Action {
    pub(super) const fn needs(&self) -> Needs {
        match self {
            Self::Open { .. }
            | Self::ReportReply { .. }
            | Self::MarkMerged { .. }
            | Self::Restore
            | Self::Absorb { .. }
            | Self::Release { .. }
            | Self::Resume { deadline: Some(_) }
            | Self::Wake { deadline: Some(_) } => Needs::Nothing,

            Self::Tag { .. } | Self::Untag { .. } | Self::Close => Needs::Unmerged,

            Self::Retitle { .. }
            | Self::SetLanguage { .. }
            | Self::ReceiveMessage { .. }
            | Self::RecordOutbound { .. }
            | Self::Note { .. }
            | Self::Prioritise { .. }
            | Self::Categorise { .. }
            | Self::SetFields { .. }
            | Self::AdvanceContact { .. }
            | Self::Tick { .. }
            | Self::Untick { .. }
            | Self::MarkSpam
            | Self::UnmarkSpam => Needs::NotClosed,

            Self::Reply { .. }
            | Self::Label { .. }
            | Self::Assign { .. }
            | Self::Unassign
            | Self::Transfer { .. }
            | Self::Resolve { .. }
            | Self::Reopen { .. }
            | Self::SplitOff { .. } => Needs::NotSpam,

            Self::Escalate { .. }
            | Self::Pend
            | Self::Hold { .. }
            | Self::Resume { deadline: None }
            | Self::Snooze { .. }
            | Self::Wake { deadline: None }
            | Self::ChooseSilence { .. }
            | Self::MoveConversation { .. } => Needs::Unresolved,
        }
    }
}

impl Action {
    /// With how many events a case takes this action no more; none where it must be taken always.
    pub(super) const fn events_max(&self) -> Option<usize> {
        match (self.needs(), self) {
            (Needs::Nothing, _) | (_, Self::Resolve { .. } | Self::Close) => None,
            (_, Self::ReceiveMessage { .. } | Self::RecordOutbound { .. } | Self::Note { .. }) => {
                Some(EVENTS_MAX - EVENTS_RESERVED)
            }
            _ => Some(EVENTS_MAX),
        }
    }
}

impl Case {
    /// Whether what an action brings is here already, wherever the case stands by now: its id says so, for ever.
    pub(super) fn has_already(&self, action: &Action) -> bool {
        match action {
            Action::ReceiveMessage { message, .. } => self.messages.contains_key(&message.message),
            Action::RecordOutbound { message, .. } => self.outbound.contains(message),
            Action::Reply { reply, .. } => self.replies.contains_key(reply),
            Action::Note { note, .. } => self.notes.contains(note),
            // All others bring nothing that has an id.
            _ => false,
        }
    }

    pub(super) fn admit(&self, needs: Needs) -> Result<(), Error> {
        match (self.status, needs) {
            (Status::New | Status::Open | Status::Pending | Status::OnHold, _) | (_, Needs::Nothing) => {
                Ok(())
            }

            (Status::Resolved, Needs::Unresolved) => Err(Error::Resolved),
            (Status::Resolved, Needs::Unmerged | Needs::NotClosed | Needs::NotSpam) => Ok(()),

            (Status::Spam, Needs::NotSpam | Needs::Unresolved) => Err(Error::Spam),
            (Status::Spam, Needs::Unmerged | Needs::NotClosed) => Ok(()),

            (Status::Closed, Needs::NotClosed | Needs::NotSpam | Needs::Unresolved) => Err(Error::Closed),
            (Status::Closed, Needs::Unmerged) => Ok(()),

            (Status::Merged, Needs::Unmerged | Needs::NotClosed | Needs::NotSpam | Needs::Unresolved) => {
                Err(self.merged())
            }
        }
    }

    /// Only a merged case has a case in which it goes on; the log could still say otherwise.
    pub(super) fn merged(&self) -> Error {
        self.merged_into.map_or(Error::Unknown, |into| Error::Merged { into })
    }
}
