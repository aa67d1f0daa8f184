//! The actions that take more than a line to decide.

use std::collections::BTreeSet;

use super::{
    MESSAGES_MAX, NOTE_LEN_MAX, REASON_LEN_MAX, TICKS_MAX, TITLE_LEN_MAX,
    decide::{Decision, nothing, once, unless},
    error::Error,
    event::Event,
    guards::{fits, has_room, text_fits},
    state::{Case, Hold, ReplyStatus},
    status::{ContactStage, HoldKind, ReopenCause, ResumeCause, SilenceReason, Status, WakeCause},
    values::{CycleRule, Escalation, Guards, Inbound, ReplyOutcome, Waiver},
};
use crate::{
    actor::Actor,
    channel::{Place, Visibility},
    ids::{CaseId, ChecklistItemId, ConversationId, MessageId, ReasonCode, ReplyId},
    personal::Personal,
    time::Timestamp,
};

impl Case {
    pub(super) fn receive_message(
        &self,
        at: Timestamp,
        message: Inbound,
        window_s: i64,
        rule: CycleRule,
    ) -> Decision {
        has_room("messages of the customer", self.messages.len(), MESSAGES_MAX)?;
        let engageable = message.engageable;
        let sent_at = message.sent_at;
        let mut events = vec![Event::CustomerMessageReceived { at, message }];
        if !engageable {
            return Ok(events);
        }
        match self.status {
            Status::Pending | Status::OnHold => events.push(self.resumed(at, ResumeCause::CustomerMessage)),
            // The customer was in time if he sent it in time, however long the channel took.
            Status::Resolved if !self.may_reopen(sent_at, window_s) => {
                return Err(Error::ReopenWindowOver { window_s });
            }
            Status::Resolved => events.push(self.reopened(at, ReopenCause::CustomerMessage, rule)),
            Status::New | Status::Open | Status::Closed | Status::Merged | Status::Spam => {}
        }
        if self.snoozed_until.is_some() && self.status.is_unresolved() {
            events.push(Event::Woken { at, cause: WakeCause::CustomerMessage });
        }
        Ok(events)
    }

    pub(super) fn report_reply(&self, at: Timestamp, id: ReplyId, outcome: ReplyOutcome) -> Decision {
        let Some(reply) = self.replies.get(&id) else { return Err(Error::UnknownReply) };
        let (status, event) = match outcome {
            ReplyOutcome::Sent { message } => {
                (ReplyStatus::Sent, Event::ReplySent { at, reply: id, author: reply.author, message })
            }
            ReplyOutcome::Unclear { reason } => {
                (ReplyStatus::Unclear, Event::ReplyUnclear { at, reply: id, reason })
            }
            ReplyOutcome::Failed { reason } => {
                (ReplyStatus::Failed, Event::ReplyFailed { at, reply: id, reason })
            }
            ReplyOutcome::Bounced { reason } => {
                (ReplyStatus::Bounced, Event::ReplyBounced { at, reply: id, reason })
            }
        };
        unless(!reply.status.may_become(status), || event)
    }

    pub(super) fn escalate(&self, at: Timestamp, by: Actor, to: Escalation, reason: Personal) -> Decision {
        text_fits("bytes of a reason", &reason, REASON_LEN_MAX)?;
        let min = self.escalation.as_ref().map_or(1, |now| now.level);
        if !(min..=Escalation::LEVEL_MAX).contains(&to.level) {
            return Err(Error::EscalationLevel { min });
        }
        unless(self.escalation.as_ref() == Some(&to), || Event::Escalated { at, by, to, reason })
    }

    pub(super) fn put_on_hold(
        &self,
        at: Timestamp,
        kind: HoldKind,
        reason: Personal,
        until: Option<Timestamp>,
    ) -> Decision {
        if self.hold == Some(Hold { kind, until }) {
            return nothing();
        }
        if until.is_some_and(|until| until <= at) {
            return Err(Error::DeadlineNotAhead);
        }
        text_fits("bytes of a reason", &reason, REASON_LEN_MAX)?;
        once(Event::Held { at, kind, reason, until })
    }

    pub(super) fn resolve(
        &self,
        at: Timestamp,
        by: Actor,
        resolution: Option<ReasonCode>,
        waivers: Vec<Waiver>,
        guards: &Guards,
    ) -> Decision {
        if self.status == Status::Resolved {
            return nothing();
        }
        self.may_be_resolved(guards, &waivers)?;
        let woken = self.snoozed_until.map(|_| Event::Woken { at, cause: WakeCause::StatusChanged });
        let resolved = Event::Resolved {
            at,
            by,
            cycle: self.cycle.number,
            from: self.status,
            assignee: self.assignee.clone(),
            resolution,
            waivers: self.waivers_needed(waivers),
        };
        Ok(woken.into_iter().chain([resolved]).collect())
    }

    pub(super) fn choose_silence(
        &self,
        at: Timestamp,
        by: Actor,
        reason: SilenceReason,
        note: Option<Personal>,
    ) -> Decision {
        note.iter().try_for_each(|note| text_fits("bytes of a note", note, NOTE_LEN_MAX))?;
        unless(self.silence == Some(reason), || Event::SilenceChosen { at, by, reason, note })
    }

    pub(super) fn move_conversation(
        &self,
        at: Timestamp,
        (from_conversation, from): (ConversationId, Place),
        (to_conversation, to): (ConversationId, Place),
        with_customer: bool,
        ack: Option<ReplyId>,
    ) -> Decision {
        if (from.visibility, to.visibility) != (Visibility::Public, Visibility::Private) {
            return Err(Error::MoveNotToPrivate);
        }
        if !with_customer {
            return Err(Error::MoveToAnotherCustomer);
        }
        unless(self.moves.get(&from_conversation) == Some(&to_conversation), || Event::ConversationMoved {
            at,
            from_conversation,
            from,
            to_conversation,
            to,
            ack,
        })
    }

    pub(super) fn advance_contact(&self, at: Timestamp, to: ContactStage) -> Decision {
        let from = self.contact;
        if from == to {
            return nothing();
        }
        if !from.may_become(to) {
            return Err(Error::ContactStage { from, to });
        }
        once(Event::ContactAdvanced { at, from, to })
    }

    pub(super) fn tick(
        &self,
        at: Timestamp,
        by: Actor,
        item: ChecklistItemId,
        checklist: &BTreeSet<ChecklistItemId>,
    ) -> Decision {
        if self.ticked.contains_key(&item) {
            return nothing();
        }
        if !checklist.contains(&item) {
            return Err(Error::UnknownChecklistItem { item });
        }
        fits("items that are ticked in a case", self.ticked.len() + 1, TICKS_MAX)?;
        once(Event::ChecklistItemTicked { at, by, item })
    }

    pub(super) fn split(
        &self,
        at: Timestamp,
        by: Actor,
        mut messages: BTreeSet<MessageId>,
        into: CaseId,
        title: Option<Personal>,
    ) -> Decision {
        title.iter().try_for_each(|title| text_fits("bytes of a title", title, TITLE_LEN_MAX))?;
        let unknown: BTreeSet<_> =
            messages.iter().filter(|m| !self.messages.contains_key(*m)).cloned().collect();
        if !unknown.is_empty() {
            return Err(Error::MessageNotInCase { messages: unknown });
        }
        let split_into = |message: &MessageId| self.messages.get(message).and_then(|known| known.split_into);
        messages.retain(|message| split_into(message) != Some(into));
        let elsewhere: BTreeSet<_> = messages.iter().filter(|m| split_into(m).is_some()).cloned().collect();
        if !elsewhere.is_empty() {
            return Err(Error::MessageAlreadySplit { messages: elsewhere });
        }
        // The new case is opened with the messages of one split; a second one would never reach it.
        if !messages.is_empty() && self.messages.values().any(|known| known.split_into == Some(into)) {
            return Err(Error::AlreadyOpen);
        }
        unless(messages.is_empty(), || Event::SplitOff { at, by, messages, into, title })
    }

    /// `event` and, if it is the first that somebody did for the customer, that work began.
    pub(super) fn started_by(&self, starts: bool, at: Timestamp, event: Event) -> Vec<Event> {
        let started = starts && self.status == Status::New;
        [event].into_iter().chain(started.then_some(Event::Started { at })).collect()
    }

    pub(super) fn resumed(&self, at: Timestamp, cause: ResumeCause) -> Event {
        Event::Resumed { at, cause, from: self.status }
    }

    pub(super) fn reopened(&self, at: Timestamp, cause: ReopenCause, rule: CycleRule) -> Event {
        let cycle = match rule {
            CycleRule::Continue => self.cycle.number,
            CycleRule::Restart => self.cycle.number.saturating_add(1),
        };
        Event::Reopened { at, cause, cycle }
    }

    /// The window's last instant is inside.
    pub(super) fn may_reopen(&self, at: Timestamp, window_s: i64) -> bool {
        self.cycle.resolved_at.is_none_or(|resolved_at| at <= resolved_at.plus_seconds(window_s))
    }

    /// What timers would have done while the case was away, had they not fallen silent.
    pub(super) fn thaw(&self, at: Timestamp, back_to: Status) -> impl Iterator<Item = Event> {
        let over = |until: Option<Timestamp>| until.is_some_and(|until| until <= at);
        let hold_over = back_to == Status::OnHold && over(self.hold.and_then(|hold| hold.until));
        let resumed =
            hold_over.then_some(Event::Resumed { at, cause: ResumeCause::HoldOver, from: Status::OnHold });
        let woken = (back_to.is_unresolved() && over(self.snoozed_until))
            .then_some(Event::Woken { at, cause: WakeCause::Timer });
        resumed.into_iter().chain(woken)
    }
}
