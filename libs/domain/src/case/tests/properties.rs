//! What holds whatever happens. A failure prints its seed and the smallest sequence that shows it.

use std::collections::BTreeSet;

use proptest::{collection::vec, prelude::*, sample::select};

use super::fixtures::*;
use crate::{
    actor::Kind,
    case::{
        Action, Command, ContactStage, CycleRule, Error, Escalation, Event, FieldValue, HoldKind, Priority,
        ReplyOutcome, SilenceReason, State, Status,
    },
    decider::{Decider, fold},
};

fn some_tags() -> impl Strategy<Value = BTreeSet<crate::ids::Tag>> {
    vec(select(vec!["late", "vip", "refund"]), 0..3).prop_map(|names| tags(&names))
}

fn action(second: i64) -> impl Strategy<Value = Action> {
    let message = move || {
        (0u32..5, any::<bool>(), any::<bool>()).prop_map(move |(n, here, engageable)| {
            let place = if here { public() } else { private() };
            crate::case::Inbound { engageable, ..inbound_at(n, second, place) }
        })
    };
    let outcome = select(vec![0, 1, 2, 3]).prop_map(|n| match n {
        0 => ReplyOutcome::Sent { message: None },
        1 => ReplyOutcome::Failed { reason: "rejected".parse().unwrap() },
        2 => ReplyOutcome::Unclear { reason: "timed-out".parse().unwrap() },
        _ => ReplyOutcome::Bounced { reason: "rejected".parse().unwrap() },
    });
    let rule = select(vec![CycleRule::Continue, CycleRule::Restart]);
    let deadline = move || prop::option::of((second - 2..second + 3).prop_map(at));
    let stages = vec![
        ContactStage::NeedsContact,
        ContactStage::AskedPublic,
        ContactStage::AskedPrivate,
        ContactStage::Obtained,
        ContactStage::Refused,
    ];
    let talk = prop_oneof![
        vec(message(), 0..3).prop_map(|messages| Action::Open { opening: opening(), messages }),
        (message(), rule.clone()).prop_map(|(message, cycle_rule)| Action::ReceiveMessage {
            message,
            reopen_window_s: 5,
            cycle_rule
        }),
        (0u32..3).prop_map(move |n| Action::RecordOutbound {
            message: message_id(n + 50),
            conversation: conversation(1),
            place: public(),
            sent_at: at(second),
            author: Kind::Human,
        }),
        (0u128..4, any::<bool>(), any::<bool>()).prop_map(|(n, here, closing)| reply_in(
            n,
            if here { public() } else { private() },
            closing
        )),
        (0u128..4, outcome).prop_map(|(n, outcome)| Action::ReportReply { reply: reply_id(n), outcome }),
        (0u128..3).prop_map(|n| Action::Note { note: note_id(n), text: text(), mentions: BTreeSet::new() }),
    ];
    let describe = prop_oneof![
        some_tags().prop_map(|tags| Action::Tag { tags }),
        some_tags().prop_map(|tags| Action::Untag { tags }),
        select(vec![Priority::Low, Priority::Urgent]).prop_map(|priority| Action::Prioritise { priority }),
        any::<bool>().prop_map(|set| Action::Categorise { category: set.then(|| "refund".parse().unwrap()) }),
        any::<Option<bool>>().prop_map(|value| Action::SetFields {
            fields: [("vip".parse().unwrap(), value.map(FieldValue::Bool))].into_iter().collect()
        }),
        select(Status::ALL.to_vec())
            .prop_map(|status| Action::Label { label: Some("called".parse().unwrap()), status }),
        Just(Action::SetLanguage { language: "fr".parse().unwrap() }),
        select(vec!["called", "sent"])
            .prop_map(|name| Action::Tick { item: item(name), checklist: checklist() }),
        select(vec!["called", "sent"]).prop_map(|name| Action::Untick { item: item(name) }),
        select(stages).prop_map(|stage| Action::AdvanceContact { stage }),
    ];
    let work = prop_oneof![
        select(vec!["ana", "ben"]).prop_map(|name| Action::Assign { person: person(name), team: None }),
        Just(Action::Unassign),
        select(vec!["care-fr", "legal"]).prop_map(|team| Action::Transfer {
            team: team.parse().unwrap(),
            region: None,
            reason: text()
        }),
        (0u8..7).prop_map(|level| Action::Escalate { to: Escalation { level, team: None }, reason: text() }),
        Just(Action::Pend),
        deadline().prop_map(|until| Action::Hold { kind: HoldKind::Internal, reason: text(), until }),
        deadline().prop_map(|deadline| Action::Resume { deadline }),
        (second - 1..second + 5).prop_map(|until| Action::Snooze { until: at(until) }),
        deadline().prop_map(|deadline| Action::Wake { deadline }),
    ];
    let end = prop_oneof![
        Just(resolve()),
        rule.prop_map(|cycle_rule| Action::Reopen { window_s: 5, cycle_rule }),
        Just(Action::Close),
        Just(Action::MarkSpam),
        Just(Action::UnmarkSpam),
        Just(Action::ChooseSilence { reason: SilenceReason::Other, note: None }),
        (1u128..3).prop_map(|n| Action::MoveConversation {
            from_conversation: conversation(1),
            from: public(),
            to_conversation: conversation(n),
            to: private(),
            with_customer: true,
            ack: None,
        }),
        (vec(0u32..5, 0..3), 5u128..7).prop_map(|(numbers, n)| split_off(&numbers, n)),
        (2u128..4).prop_map(|n| Action::MarkMerged { into: case_id(n) }),
        Just(Action::Restore),
        (8u128..10).prop_map(|n| Action::Absorb { source: case_id(n), brings: brings() }),
        (8u128..10).prop_map(|n| Action::Release { source: case_id(n) }),
    ];
    prop_oneof![3 => talk, 2 => describe, 3 => work, 2 => end]
}

fn commands() -> impl Strategy<Value = Vec<Command>> {
    let one = |second: i64| {
        (action(second), any::<bool>()).prop_map(move |(action, human)| {
            if human { by_ana(second, action) } else { by_bot(second, action) }
        })
    };
    let first = Just(by_bot(0, Action::Open { opening: opening(), messages: vec![inbound(0, 0)] }));
    (first, (1..40i64).map(one).collect::<Vec<_>>()).prop_map(|(first, rest)| [vec![first], rest].concat())
}

/// Something that was said elsewhere, in one of two conversations.
#[derive(Clone, Debug)]
struct Said {
    second: i64,
    /// Who said it; none: the customer.
    author: Option<Kind>,
    engageable: bool,
    here: bool,
}

impl Said {
    fn told(&self) -> Command {
        let message = message_id(u32::try_from(self.second).unwrap());
        let (conversation, place) = match self.here {
            true => (conversation(1), public()),
            false => (conversation(2), private()),
        };
        let inbound = || crate::case::Inbound {
            message: message.clone(),
            conversation,
            engageable: self.engageable,
            ..inbound_at(0, self.second, place.clone())
        };
        by_bot(
            1_000,
            match self.author {
                None => receive(inbound()),
                Some(author) => {
                    Action::RecordOutbound { message, conversation, place, sent_at: at(self.second), author }
                }
            },
        )
    }
}

/// A history in the order in which it was said, and in another one.
fn history() -> impl Strategy<Value = (Vec<Said>, Vec<Said>)> {
    let author = select(vec![None, None, Some(Kind::Human), Some(Kind::Human), Some(Kind::Bot)]);
    let said = (author, prop::bool::weighted(0.8), any::<bool>());
    vec(said, 1..8).prop_flat_map(|said| {
        let said: Vec<_> = (1i64..)
            .zip(said)
            .map(|(second, (author, engageable, here))| Said { second, author, engageable, here })
            .collect();
        (Just(said.clone()), Just(said).prop_shuffle())
    })
}

proptest! {
    /// What was said elsewhere comes to the same in whatever order it is told.
    #[test]
    fn a_history_is_the_same_in_any_order((said, told) in history()) {
        let tell = |said: &[Said]| {
            let opened = [by_bot(0, Action::Open { opening: opening(), messages: Vec::new() })];
            after(&[], opened.into_iter().chain(said.iter().map(Said::told)))
        };
        let (said_so, told_so) = (tell(&said), tell(&told));
        let (one, other) = (said_so.case(), told_so.case());
        prop_assert_eq!(one.waiting_since(), other.waiting_since());
        prop_assert_eq!(one.first_response_at(), other.first_response_at());
        prop_assert_eq!(one.first_answered_at(), other.first_answered_at());
        prop_assert_eq!((one.status, one.message_count()), (other.status, other.message_count()));
        prop_assert_eq!((one.places(), one.conversations()), (other.places(), other.conversations()));
        prop_assert_eq!(one.speaks_in(), other.speaks_in());
        for conversation in one.conversations() {
            prop_assert_eq!(one.latest_in(conversation), other.latest_in(conversation));
        }
        // And it is what one would say of it.
        let asked: Vec<_> = said.iter().filter(|said| said.author.is_none() && said.engageable).collect();
        let answer = |asked: &Said| {
            said.iter().find(|said| said.author == Some(Kind::Human) && said.second > asked.second)
        };
        let first = asked.first().and_then(|first| answer(first)).map(|answer| at(answer.second));
        let waiting = asked.iter().find(|asked| answer(asked).is_none()).map(|asked| at(asked.second));
        prop_assert_eq!((one.waiting_since(), one.first_response_at()), (waiting, first));
    }

    /// A command whose effect is in the state yields nothing.
    #[test]
    fn twice_is_once(commands in commands()) {
        let mut state = State::default();
        for command in commands {
            let Ok(events) = state.decide(command.clone()) else { continue };
            state = fold(state, &events);
            prop_assert!(matches!(state.decide(command.clone()).as_deref(), Ok([])), "{command:?}");
        }
    }

    /// Any event in any state: neither panic nor, after an opening, a case that is gone.
    #[test]
    fn whatever_happened_happened(commands in commands(), order in vec(any::<prop::sample::Index>(), 0..60)) {
        let mut state = State::default();
        let mut all = Vec::new();
        for command in commands {
            let events = state.decide(command).unwrap_or_default();
            state = fold(state, &events);
            all.extend(events);
        }
        let mut state = State::default();
        for index in order {
            let was_open = state.case().is_some();
            state = state.evolve(index.get(&all));
            prop_assert!(!was_open || state.case().is_some());
        }
    }

    /// What is written is read again as it was.
    #[test]
    fn written_and_read(commands in commands()) {
        let mut state = State::default();
        for command in commands {
            for event in state.decide(command).unwrap_or_default() {
                let text = serde_json::to_string(&event).unwrap();
                prop_assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event.clone());
                state = state.evolve(&event);
            }
        }
    }

    /// A merge and its unmerge leave the case as it was, whatever was asked of it in between.
    #[test]
    fn unmerge_restores(before in commands(), between in commands()) {
        let state = before.into_iter().fold(State::default(), |state, command| {
            let events = state.decide(command).unwrap_or_default();
            fold(state, &events)
        });
        let Some(case) = state.case().cloned() else { return Ok(()) };
        prop_assume!(case.status != Status::Merged);
        let merged = fold(state.clone(), &state.decide(by_ana(40, Action::MarkMerged { into: case_id(2) })).unwrap());
        let ours = |action: &Action| !matches!(
            action,
            // What the other case and the channels go on saying is taken, and stays.
            Action::MarkMerged { .. } | Action::Restore | Action::Absorb { .. } | Action::Release { .. }
                | Action::ReportReply { .. }
        );
        for command in between.into_iter().filter(|command| ours(&command.action)) {
            match merged.decide(command) {
                Ok(events) => prop_assert!(events.is_empty(), "{events:?}"),
                Err(error) => prop_assert!(matches!(error, Error::Merged { .. } | Error::AlreadyOpen), "{error}"),
            }
        }
        // At once, before anything that it waits for is over.
        let restored = merged.decide(by_ana(0, Action::Restore)).unwrap();
        let restored = fold(merged, &restored);
        let restored = restored.case().unwrap();
        prop_assert_eq!(&super::super::Case { before_merge: case.before_merge, events: case.events, ..restored.clone() }, &case);
    }

    /// What a reader derives agrees with what it is derived from.
    #[test]
    fn the_state_is_sound(commands in commands()) {
        let mut state = State::default();
        for command in commands {
            let events = state.decide(command).unwrap_or_default();
            state = fold(state, &events);
            let Some(case) = state.case() else { continue };
            prop_assert_eq!(case.merged_into.is_some(), case.status == Status::Merged);
            prop_assert!(case.hold.is_none() || matches!(case.status, Status::OnHold | Status::Merged | Status::Spam));
            if matches!(case.status, Status::Resolved | Status::Closed) {
                prop_assert!(case.cycle.resolved_at.is_some() && case.snoozed_until.is_none());
            }
            if case.status.is_unresolved() {
                prop_assert_eq!(case.cycle.resolved_at, None);
            }
            let here: BTreeSet<_> = case.messages_here().map(|(message, _)| message).collect();
            prop_assert!(case.latest_message.iter().all(|message| here.contains(message)));
            prop_assert_eq!(case.message_count(), here.len() + case.outbound.len());
        }
    }
}
