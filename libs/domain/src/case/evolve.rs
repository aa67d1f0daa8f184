//! What each event does to a case. Total: whatever the log says happened, happened.

use std::sync::Arc;

use super::{
    event::Event,
    state::{Case, Cycle, Hold, Received, Reply, ReplyStatus, State},
    status::Status,
    values::{Absorbed, Inbound},
};
use crate::{
    channel::Place,
    ids::{CaseId, MessageId, ReplyId},
    time::Timestamp,
};

/// The state after the event. What happened to a case that was never opened happened to nothing.
pub(super) fn evolve(state: State, event: &Event) -> State {
    match (state.0, event) {
        (None, Event::Opened { at, opening, .. }) => State(Some(Box::new(Case::new(*at, opening)))),
        (None, _) => State(None),
        (Some(mut case), event) => {
            case.apply(event);
            State(Some(case))
        }
    }
}

impl Case {
    fn apply(&mut self, event: &Event) {
        self.events = self.events.saturating_add(1);
        match event {
            Event::Opened { .. } => {}
            Event::Retitled { title, .. } => self.title = Some(title.clone()),
            Event::LanguageSet { language, .. } => self.language = Some(language.clone()),

            Event::CustomerMessageReceived { message, .. } => self.receive(message),
            Event::OutboundRecorded { message, conversation, sent_at, author, .. } => {
                Arc::make_mut(&mut self.outbound).insert(message.clone());
                self.own_conversations.insert(*conversation);
                if *author == crate::actor::Kind::Human {
                    self.answer_elsewhere(*sent_at);
                }
            }
            Event::ReplyReleased { by, reply, conversation, place, closing, .. } => {
                self.own_conversations.insert(*conversation);
                let released = Reply {
                    status: ReplyStatus::Released,
                    author: by.kind,
                    place: place.clone(),
                    closing: *closing,
                    answers_up_to: self.joined,
                };
                Arc::make_mut(&mut self.replies).insert(*reply, released);
                if *closing {
                    self.close_place(place, *reply);
                }
            }
            Event::ReplySent { at, reply, message, .. } => {
                if let Some(sent) = message {
                    Arc::make_mut(&mut self.outbound).insert(sent.clone());
                }
                self.reply_became(*reply, ReplyStatus::Sent, *at);
            }
            Event::ReplyUnclear { at, reply, .. } => self.reply_became(*reply, ReplyStatus::Unclear, *at),
            Event::ReplyFailed { at, reply, .. } => self.reply_became(*reply, ReplyStatus::Failed, *at),
            Event::ReplyBounced { at, reply, .. } => self.reply_became(*reply, ReplyStatus::Bounced, *at),
            Event::Noted { note, .. } => {
                Arc::make_mut(&mut self.notes).insert(*note);
            }

            Event::Tagged { tags, .. } => self.own_tags.extend(tags.iter().cloned()),
            Event::Untagged { tags, .. } => {
                self.own_tags.retain(|tag| !tags.contains(tag));
                self.each_absorbed(|source| source.tags.retain(|tag| !tags.contains(tag)));
            }
            Event::Prioritised { to, .. } => self.priority = *to,
            Event::Categorised { to, .. } => self.category.clone_from(to),
            Event::FieldsChanged { fields, .. } => {
                let all = Arc::make_mut(&mut self.fields);
                for (field, value) in fields {
                    match value {
                        Some(value) => all.insert(field.clone(), value.clone()),
                        None => all.remove(field),
                    };
                }
            }
            Event::Labelled { label, .. } => self.label.clone_from(label),

            Event::Started { .. } => self.stand(Status::Open),
            Event::Assigned { person, team, .. } => {
                self.assignee = Some(person.clone());
                self.team.clone_from(team);
            }
            Event::Unassigned { .. } => self.assignee = None,
            Event::Transferred { team, region, .. } => {
                self.team = Some(team.clone());
                self.region = region.clone();
                self.assignee = None;
            }
            Event::Escalated { to, .. } => self.escalation = Some(to.clone()),

            Event::Pended { .. } => self.stand(Status::Pending),
            Event::Held { kind, until, .. } => {
                self.stand(Status::OnHold);
                self.hold = Some(Hold { kind: *kind, until: *until });
            }
            Event::Resumed { .. } => self.stand(Status::Open),
            Event::Snoozed { until, .. } => self.snoozed_until = Some(*until),
            Event::Woken { .. } => self.snoozed_until = None,

            Event::Resolved { at, waivers, .. } => {
                self.stand(Status::Resolved);
                self.waived = waivers.iter().map(|waiver| waiver.place.clone()).collect();
                self.snoozed_until = None;
                self.escalation = None;
                // Nobody waits any more; but a reply that is on its way still counts as a response when it is sent.
                self.settled = self.joined;
                self.cycle.first_resolved_at.get_or_insert(*at);
                self.cycle.resolved_at = Some(*at);
            }
            Event::Reopened { at, cycle, .. } => {
                self.stand(Status::Open);
                self.waived.clear();
                self.reopenings = self.reopenings.saturating_add(1);
                if *cycle > self.cycle.number {
                    let ended = std::mem::replace(&mut self.cycle, Cycle::new(*cycle, *at));
                    self.past_first_cycle.get_or_insert(ended);
                    self.ask_anew();
                } else {
                    self.cycle.resolved_at = None;
                }
            }
            Event::Closed { .. } => self.stand(Status::Closed),
            Event::MarkedSpam { from, .. } => {
                self.before_spam = *from;
                self.status = Status::Spam;
            }
            Event::UnmarkedSpam { to, .. } => self.status = *to,
            Event::SilenceChosen { reason, .. } => {
                self.silence = Some(*reason);
                self.ask_no_more();
            }

            Event::ConversationMoved { from_conversation, to_conversation, .. } => {
                self.own_conversations.insert(*to_conversation);
                self.moves.insert(*from_conversation, *to_conversation);
            }
            Event::ContactAdvanced { to, .. } => self.contact = *to,
            // What must be done is for the policy to say at the time of the decision.
            Event::ChecklistSet { .. } => {}
            Event::ChecklistItemTicked { by, item, .. } => {
                self.ticked.insert(item.clone(), by.id.clone());
            }
            Event::ChecklistItemUnticked { item, .. } => {
                self.ticked.remove(item);
            }

            Event::SplitOff { messages, into, .. } => {
                messages.iter().for_each(|message| self.split_off(message, *into));
                self.latest_message = self.latest_that_asks();
                self.asked_since = self.first_that_asked();
                self.forget_who_left(messages);
            }
            Event::Merged { into, from, .. } => {
                self.before_merge = *from;
                self.status = Status::Merged;
                self.merged_into = Some(*into);
            }
            Event::Unmerged { to, .. } => {
                self.status = *to;
                self.merged_into = None;
            }
            Event::SourceAbsorbed { source, brings, .. } => self.absorb(*source, brings),
            Event::SourceReleased { source, .. } => {
                self.absorbed.remove(source);
                self.customer_is_released(*source);
                Arc::make_mut(&mut self.unanswered).retain(|_, waiting| waiting.source != Some(*source));
            }
        }
    }

    /// Goes to another status, above which the label does not stand.
    fn stand(&mut self, status: Status) {
        self.status = status;
        self.label = None;
        self.hold = None;
    }

    fn receive(&mut self, message: &Inbound) {
        self.joined = self.joined.saturating_add(1);
        let received = Received {
            ordinal: self.joined,
            conversation: message.conversation,
            place: message.place.clone(),
            identity: message.identity.clone(),
            sent_at: message.sent_at,
            engageable: message.engageable,
            answered: message.answered,
            split_into: None,
            left_unanswered: false,
        };
        Arc::make_mut(&mut self.messages).insert(message.message.clone(), received);
        self.own_conversations.insert(message.conversation);
        self.own_identities.extend(message.identity.clone());
        self.customer_writes(message);
        if message.engageable {
            self.latest_message = Some(message.message.clone());
            self.silence = None;
            // What was posted after the closing post wants another one.
            self.own_places.insert(message.place.clone(), None);
            if !message.answered {
                self.ask(message.sent_at);
            }
        }
    }

    fn reply_became(&mut self, id: ReplyId, status: ReplyStatus, at: Timestamp) {
        let Some(reply) = Arc::make_mut(&mut self.replies).get_mut(&id) else { return };
        reply.status = status;
        let reply = reply.clone();
        match status {
            ReplyStatus::Sent => {
                if reply.author == crate::actor::Kind::Human {
                    self.answer_here(at, reply.answers_up_to);
                }
                // It may have failed at first.
                if reply.closing && !self.posted_after(&reply) {
                    self.close_place(&reply.place, id);
                }
            }
            ReplyStatus::Failed | ReplyStatus::Bounced => {
                // A closing post that nobody can read closes nothing.
                if reply.closing && self.own_places.get(&reply.place) == Some(&Some(id)) {
                    self.own_places.insert(reply.place, None);
                }
            }
            // A closing post of which nobody knows closes its place until it is known that it does not.
            ReplyStatus::Released | ReplyStatus::Unclear => {}
        }
    }

    fn close_place(&mut self, place: &Place, reply: ReplyId) {
        let absorbed = self.absorbed.values().any(|source| source.places.contains(place));
        if absorbed || self.own_places.contains_key(place) {
            self.own_places.insert(place.clone(), Some(reply));
            self.each_absorbed(|source| {
                source.places.remove(place);
            });
        }
    }

    /// Whether the customer wrote at the reply's place after it was released.
    fn posted_after(&self, reply: &Reply) -> bool {
        self.messages.values().any(|message| {
            message.asks() && message.ordinal > reply.answers_up_to && message.place == reply.place
        })
    }

    fn split_off(&mut self, message: &MessageId, into: CaseId) {
        let Some(split) = Arc::make_mut(&mut self.messages).get_mut(message) else { return };
        if split.split_into.replace(into).is_none() {
            self.split_off += 1;
        }
        let (ordinal, place) = (split.ordinal, split.place.clone());
        if Arc::make_mut(&mut self.unanswered).remove(&ordinal).is_some() {
            split.left_unanswered = true;
        }
        if !self.messages.values().any(|other| other.asks() && other.place == place) {
            self.own_places.remove(&place);
        }
    }

    fn latest_that_asks(&self) -> Option<MessageId> {
        let asking = self.messages_here().filter(|(_, received)| received.engageable);
        asking.max_by_key(|(_, received)| received.ordinal).map(|(message, _)| message.clone())
    }

    fn absorb(&mut self, source: CaseId, brings: &Absorbed) {
        self.joined = self.joined.saturating_add(1);
        self.absorbed_last = self.joined;
        if let Some(since) = brings.waiting_since {
            self.wait(since, Some(source));
        }
        self.customer_is_brought(source, brings);
        self.absorbed.insert(source, Arc::new(brings.clone()));
    }

    fn each_absorbed(&mut self, change: impl Fn(&mut Absorbed)) {
        self.absorbed.values_mut().for_each(|source| change(Arc::make_mut(source)));
    }
}
