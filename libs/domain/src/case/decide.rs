//! What each action means where a case stands. The statuses that take an action at all are in `gate`.

use std::collections::BTreeSet;

use super::{
    MENTIONS_MAX, MESSAGES_MAX, NOTE_LEN_MAX, NOTES_MAX, OUTBOUND_MAX, REASON_LEN_MAX, REPLIES_MAX,
    REPLY_LEN_MAX, TITLE_LEN_MAX,
    action::{Action, Command},
    error::Error,
    event::Event,
    guards::{fits, has_room, opening_fits, text_fits},
    state::{Case, State},
    status::{ReopenCause, ResumeCause, Status, WakeCause},
    values::{FieldValue, Inbound, Opening},
};
use crate::{actor::Actor, time::Timestamp};

pub(super) type Decision = Result<Vec<Event>, Error>;

pub(super) fn decide(state: &State, command: Command) -> Decision {
    let Command { at, by, action } = command;
    match (state.case(), action) {
        (None, Action::Open { opening, messages }) => open(at, by, opening, messages),
        (None, _) => Err(Error::Unknown),
        (Some(case), action) => {
            if case.has_already(&action) {
                return nothing();
            }
            case.admit(action.needs())?;
            let events_max = action.events_max();
            let events = case.decide(at, by, action)?;
            match events_max {
                // Nothing to do is done in a full case too.
                Some(max) if !events.is_empty() => has_room("events", case.events, max)?,
                _ => {}
            }
            Ok(events)
        }
    }
}

pub(super) fn nothing() -> Decision {
    Ok(Vec::new())
}

pub(super) fn once(event: Event) -> Decision {
    Ok(vec![event])
}

/// An event, unless it would change nothing.
pub(super) fn unless(already: bool, event: impl FnOnce() -> Event) -> Decision {
    if already { nothing() } else { once(event()) }
}

fn open(at: Timestamp, by: Actor, opening: Box<Opening>, messages: Vec<Inbound>) -> Decision {
    opening_fits(&opening)?;
    fits("messages that a case is opened with", messages.len(), MESSAGES_MAX)?;
    let mut seen = BTreeSet::new();
    let mut events = vec![Event::Opened { at, by, opening }];
    for message in messages {
        if seen.insert(message.message.clone()) {
            events.push(Event::CustomerMessageReceived { at, message });
        }
    }
    Ok(events)
}

impl Case {
    fn decide(&self, at: Timestamp, by: Actor, action: Action) -> Decision {
        match action {
            Action::Open { opening, .. } if opening.origin == self.origin => nothing(),
            Action::Open { .. } => Err(Error::AlreadyOpen),
            Action::Retitle { title } => {
                text_fits("bytes of a title", &title, TITLE_LEN_MAX)?;
                once(Event::Retitled { at, title })
            }
            Action::SetLanguage { language } => {
                unless(self.language.as_ref() == Some(&language), || Event::LanguageSet { at, language })
            }

            Action::ReceiveMessage { message, reopen_window_s, cycle_rule } => {
                self.receive_message(at, message, reopen_window_s, cycle_rule)
            }
            Action::RecordOutbound { message, conversation, place, sent_at, author } => {
                has_room("messages that were sent elsewhere", self.outbound.len(), OUTBOUND_MAX)?;
                let started = author == crate::actor::Kind::Human;
                let recorded = Event::OutboundRecorded { at, message, conversation, place, sent_at, author };
                Ok(self.started_by(started, at, recorded))
            }
            Action::Reply {
                reply,
                conversation,
                place,
                text,
                extras,
                in_reply_to,
                closing,
                seen,
                override_stale,
            } => {
                has_room("replies", self.replies.len(), REPLIES_MAX)?;
                text_fits("bytes of a reply", &text, REPLY_LEN_MAX)?;
                extras.fit()?;
                if text.as_open() == Some("") && !extras.speaks() {
                    return Err(Error::EmptyReply);
                }
                let stale = self.stale(seen.as_ref())?;
                if let (Some(latest), false) = (&stale, override_stale) {
                    return Err(Error::StaleReply { latest: latest.clone() });
                }
                let started = by.is_human();
                let stale_overridden = stale.is_some();
                let released = Event::ReplyReleased {
                    at,
                    by,
                    reply,
                    conversation,
                    place,
                    text,
                    extras,
                    in_reply_to,
                    closing,
                    seen,
                    stale_overridden,
                };
                Ok(self.started_by(started, at, released))
            }
            Action::ReportReply { reply, outcome } => self.report_reply(at, reply, outcome),
            Action::Note { note, text, mentions } => {
                has_room("notes", self.notes.len(), NOTES_MAX)?;
                text_fits("bytes of a note", &text, NOTE_LEN_MAX)?;
                fits("people who are told of a note", mentions.len(), MENTIONS_MAX)?;
                once(Event::Noted { at, by, note, text, mentions })
            }

            Action::Tag { mut tags } => {
                tags.retain(|tag| !self.own_tags.contains(tag));
                self.tags_fit(&tags)?;
                unless(tags.is_empty(), || Event::Tagged { at, tags })
            }
            Action::Untag { mut tags } => {
                let present = self.tags();
                tags.retain(|tag| present.contains(tag));
                unless(tags.is_empty(), || Event::Untagged { at, tags })
            }
            Action::Prioritise { priority } => unless(self.priority == priority, || Event::Prioritised {
                at,
                from: self.priority,
                to: priority,
            }),
            Action::Categorise { category } => unless(self.category == category, || Event::Categorised {
                at,
                from: self.category.clone(),
                to: category,
            }),
            Action::SetFields { mut fields } => {
                fields.retain(|field, value| match value {
                    Some(FieldValue::Personal(_)) => true,
                    Some(value) => self.fields.get(field) != Some(value),
                    None => self.fields.contains_key(field),
                });
                self.fields_fit(&fields)?;
                unless(fields.is_empty(), || Event::FieldsChanged { at, fields })
            }
            Action::Label { label: Some(label), status } if status != self.status => {
                Err(Error::LabelMismatch { label, status: self.status })
            }
            Action::Label { label, .. } => unless(self.label == label, || Event::Labelled { at, label }),

            Action::Assign { person, team } => {
                let team = team.or_else(|| self.team.clone());
                if self.assignee.as_ref() == Some(&person) && self.team == team {
                    return nothing();
                }
                let previous = self.assignee.clone();
                Ok(self.started_by(true, at, Event::Assigned { at, by, person, team, previous }))
            }
            Action::Unassign => match &self.assignee {
                Some(previous) => once(Event::Unassigned { at, previous: previous.clone() }),
                None => nothing(),
            },
            Action::Transfer { team, region, reason } => {
                let region = region.unwrap_or_else(|| self.region.clone());
                text_fits("bytes of a reason", &reason, REASON_LEN_MAX)?;
                unless(self.team.as_ref() == Some(&team) && self.region == region, || Event::Transferred {
                    at,
                    by,
                    from_team: self.team.clone(),
                    from_region: self.region.clone(),
                    team,
                    region,
                    previous: self.assignee.clone(),
                    reason,
                })
            }
            Action::Escalate { to, reason } => self.escalate(at, by, to, reason),

            Action::Pend => unless(self.status == Status::Pending, || Event::Pended { at }),
            Action::Hold { kind, reason, until } => self.put_on_hold(at, kind, reason, until),
            Action::Resume { deadline: None } => match self.status {
                Status::Pending | Status::OnHold => once(self.resumed(at, ResumeCause::Requested)),
                Status::New
                | Status::Open
                | Status::Resolved
                | Status::Closed
                | Status::Merged
                | Status::Spam => nothing(),
            },
            Action::Resume { deadline: Some(deadline) } => {
                let meant =
                    self.status == Status::OnHold && self.hold.and_then(|hold| hold.until) == Some(deadline);
                unless(!meant, || self.resumed(deadline, ResumeCause::HoldOver))
            }
            Action::Snooze { until } if self.snoozed_until == Some(until) => nothing(),
            Action::Snooze { until } if until <= at => Err(Error::DeadlineNotAhead),
            Action::Snooze { until } => once(Event::Snoozed { at, until }),
            Action::Wake { deadline: None } => {
                unless(self.snoozed_until.is_none(), || Event::Woken { at, cause: WakeCause::Requested })
            }
            Action::Wake { deadline: Some(deadline) } => {
                let meant = self.status.is_unresolved() && self.snoozed_until == Some(deadline);
                unless(!meant, || Event::Woken { at: deadline, cause: WakeCause::Timer })
            }

            Action::Resolve { resolution, waivers, guards } => {
                self.resolve(at, by, resolution, waivers, &guards)
            }
            Action::Reopen { window_s, cycle_rule } => match self.status {
                Status::Resolved if !self.may_reopen(at, window_s) => {
                    Err(Error::ReopenWindowOver { window_s })
                }
                Status::Resolved => once(self.reopened(at, ReopenCause::Requested, cycle_rule)),
                Status::New | Status::Open | Status::Pending | Status::OnHold => nothing(),
                Status::Closed | Status::Merged | Status::Spam => nothing(),
            },
            Action::Close => match self.status {
                Status::Resolved => once(Event::Closed { at }),
                Status::Closed => nothing(),
                Status::Spam => Err(Error::Spam),
                Status::New | Status::Open | Status::Pending | Status::OnHold | Status::Merged => {
                    Err(Error::NotResolved { status: self.status })
                }
            },
            Action::MarkSpam => {
                unless(self.status == Status::Spam, || Event::MarkedSpam { at, from: self.status })
            }
            Action::UnmarkSpam if self.status != Status::Spam => nothing(),
            Action::UnmarkSpam => {
                let mut events = vec![Event::UnmarkedSpam { at, to: self.before_spam }];
                events.extend(self.thaw(at, self.before_spam));
                Ok(events)
            }
            Action::ChooseSilence { reason, note } => self.choose_silence(at, by, reason, note),

            Action::MoveConversation { from_conversation, from, to_conversation, to, with_customer, ack } => {
                self.move_conversation(
                    at,
                    (from_conversation, from),
                    (to_conversation, to),
                    with_customer,
                    ack,
                )
            }
            Action::AdvanceContact { stage } => self.advance_contact(at, stage),
            Action::Tick { item, checklist } => self.tick(at, by, item, &checklist),
            Action::Untick { item } => {
                unless(!self.ticked.contains_key(&item), || Event::ChecklistItemUnticked { at, by, item })
            }

            Action::SplitOff { messages, into, title } => self.split(at, by, messages, into, title),
            Action::MarkMerged { into } if self.merged_into == Some(into) => nothing(),
            Action::MarkMerged { into } => {
                let merged = self.status == Status::Merged;
                once(Event::Merged { at, into, from: if merged { self.before_merge } else { self.status } })
            }
            Action::Restore if self.status != Status::Merged => nothing(),
            Action::Restore => {
                let mut events = vec![Event::Unmerged { at, to: self.before_merge }];
                events.extend(self.thaw(at, self.before_merge));
                Ok(events)
            }
            Action::Absorb { source, brings } => {
                unless(self.absorbed.contains_key(&source), || Event::SourceAbsorbed { at, source, brings })
            }
            Action::Release { source } => {
                unless(!self.absorbed.contains_key(&source), || Event::SourceReleased { at, source })
            }
        }
    }
}
