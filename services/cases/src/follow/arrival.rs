//! One message on its way into a conversation and a case.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use domain::{
    actor,
    case::{self, Action, Opening},
    channel::Direction,
    conversation::{self, Key},
    ids::{CaseId, MessageId},
    message::{self, Content},
    personal::Personal,
    policy::case::Rules,
};
use eventlog::{Entry, Position};
use service::{Error, envelope::Origin, transact::Meta};

use crate::{
    act::conversations::place,
    core::{Core, derived},
};

/// The longest title that is made of a message's words, in characters.
const TITLE_CHARS_MAX: usize = 80;

/// The content that an event brings, and which way it went.
pub fn content_of(event: message::Event) -> Option<(Direction, Box<Content>)> {
    match event {
        message::Event::Received { content, .. } => Some((Direction::In, content)),
        message::Event::Recorded { content, .. } => Some((Direction::Out, content)),
        // The message is where it is; its words are read from its own stream.
        message::Event::Edited { .. }
        | message::Event::DeletedAtSource { .. }
        | message::Event::Reacted { .. }
        | message::Event::Sent { .. }
        | message::Event::Reported { .. }
        | message::Event::FileKept { .. }
        | message::Event::FileLost { .. } => None,
    }
}

/// The conversation that a message says it belongs to; none if it says neither thread nor contact.
pub fn key(content: &Content) -> Option<Key> {
    let account = content.account.clone();
    match (&content.thread, &content.identity) {
        (Some(root), _) => Some(Key::Thread { account, root: root.clone() }),
        (None, Some(identity)) => Some(Key::Contact { account, identity: identity.clone() }),
        (None, None) => None,
    }
}

/// One message on its way.
pub struct Arrival<'a> {
    pub entry: &'a Entry,
    pub origin: Origin,
    /// The policy under which it was taken in.
    pub policy_version: Position,
    pub message: MessageId,
    pub direction: Direction,
    pub author: actor::Kind,
    pub content: Content,
    pub key: Key,
    /// Conversations that go on in others because of it.
    pub together: Mutex<BTreeSet<Key>>,
}

impl Arrival<'_> {
    /// Remembers a conversation that goes on in another because of the message.
    pub fn brings_together(&self, younger: &Key) {
        self.together.lock().unwrap_or_else(PoisonError::into_inner).insert(younger.clone());
    }

    /// The conversations that do so far.
    pub fn brought_together(&self) -> BTreeSet<Key> {
        self.together.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn meta(&self, core: &Core, step: &str) -> Result<Meta, Error> {
        let sent_at = self.content.sent_at;
        let occurred_at = (self.origin == Origin::Import).then_some(sent_at);
        Ok(Meta { origin: self.origin, occurred_at, ..derived(core, self.entry, step)? })
    }

    pub fn case_id(&self, step: &str) -> CaseId {
        CaseId::derive(self.entry.id, step)
    }

    /// The conversation of a key begins, if it has not begun.
    pub fn start(&self, key: Key) -> conversation::Action {
        conversation::Action::Start {
            key,
            channel: self.content.channel.clone(),
            visibility: self.content.visibility,
            initiated_by: self.direction,
        }
    }

    fn place(&self) -> domain::channel::Place {
        place(&self.key, self.content.visibility)
    }

    fn inbound(&self) -> case::Inbound {
        case::Inbound {
            message: self.message.clone(),
            conversation: self.key.id(),
            place: self.place(),
            identity: self.content.identity.clone(),
            sent_at: self.content.sent_at,
            answered: false,
            engageable: self.content.automatic.is_none(),
        }
    }

    fn outbound(&self) -> Action {
        Action::RecordOutbound {
            message: self.message.clone(),
            conversation: self.key.id(),
            place: self.place(),
            sent_at: self.content.sent_at,
            // Who hands it in is a channel's adapter or an import; what was sent to a customer elsewhere, somebody wrote,
            // unless a bot says that it did.
            author: if self.author == actor::Kind::Bot { actor::Kind::Bot } else { actor::Kind::Human },
        }
    }

    pub fn open(&self, opening: Opening) -> Vec<Action> {
        let messages = if self.direction == Direction::In { vec![self.inbound()] } else { Vec::new() };
        let mut steps = vec![Action::Open { opening: Box::new(opening), messages }];
        steps.extend((self.direction == Direction::Out).then(|| self.outbound()));
        steps
    }

    pub fn receive(&self, rules: &Rules) -> Action {
        match self.direction {
            Direction::In => Action::ReceiveMessage {
                message: self.inbound(),
                reopen_window_s: rules.reopen_window_s,
                cycle_rule: rules.reopen_cycle,
            },
            Direction::Out => self.outbound(),
        }
    }
}

/// The subject, or the first words.
pub fn title(content: &Content) -> Option<String> {
    let words = [content.subject.as_ref(), Some(&content.text)];
    let text =
        words.into_iter().flatten().filter_map(Personal::as_open).find(|text| !text.trim().is_empty())?;
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= TITLE_CHARS_MAX {
        return Some(line);
    }
    let cut: String = line.chars().take(TITLE_CHARS_MAX - 1).collect();
    Some(format!("{}…", cut.trim_end()))
}

/// A value that was opened, to be sealed again in another entry.
pub fn again(value: Option<&Personal>) -> Option<Personal> {
    value.filter(|value| value.as_open().is_some()).cloned()
}
