//! What a channel says of one person: whether he can be written to there, and whether he takes advertising.
//!
//! Channels deliver late, twice and in any order. The last word by the channel's own time holds, in whatever order the words
//! come; of two words of the same instant the refusal does. What follows for the customer is decided where customers are.

mod event;
#[cfg(test)]
mod tests;

use std::convert::Infallible;

pub use event::Event;

use crate::{
    decider::{self, Decider},
    ids::{ChannelKind, MessageId},
    time::Timestamp,
};

/// An action on a contact, with its time and actor. Its time is the channel's.
pub type Command = decider::Command<Action>;

/// What a channel says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Whether he can be written to. A word that is older than the last one is late, and nothing; the same word at a later
    /// time is news: what comes between the two is late then.
    Reach {
        /// Whether he can.
        reachable: bool,
        /// The kind of the channel.
        channel: ChannelKind,
        /// The message that was nothing but the word for it, if one was.
        message: Option<MessageId>,
    },
    /// Whether he takes advertising. Late and again as above.
    Market {
        /// Whether he does.
        allowed: bool,
        /// The kind of the channel.
        channel: ChannelKind,
    },
}

/// What was said last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    reach: Option<Word>,
    marketing: Option<Word>,
}

/// A word, and when it was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word {
    /// Yes: he can be written to, he takes advertising.
    pub yes: bool,
    /// When, by the channel's time.
    pub at: Timestamp,
}

impl State {
    /// The last word on whether he can be written to.
    pub const fn reach(&self) -> Option<Word> {
        self.reach
    }

    /// The last word on whether he takes advertising.
    pub const fn marketing(&self) -> Option<Word> {
        self.marketing
    }
}

impl Word {
    /// Whether it is the last one, after `known`.
    fn is_news(self, known: Option<Self>) -> bool {
        known.is_none_or(|known| (self.at, !self.yes) > (known.at, !known.yes))
    }
}

impl Decider for State {
    const CATEGORY: &'static str = "contact";
    type Command = Command;
    type Event = Event;
    /// A channel is never contradicted.
    type Error = Infallible;

    fn decide(&self, Command { at, action, .. }: Command) -> Result<Vec<Event>, Infallible> {
        let (word, known, event) = match action {
            Action::Reach { reachable: true, channel, message } => {
                (Word { yes: true, at }, self.reach, Event::Reachable { at, channel, message })
            }
            Action::Reach { reachable: false, channel, message } => {
                (Word { yes: false, at }, self.reach, Event::Unreachable { at, channel, message })
            }
            Action::Market { allowed: true, channel } => {
                (Word { yes: true, at }, self.marketing, Event::MarketingAllowed { at, channel })
            }
            Action::Market { allowed: false, channel } => {
                (Word { yes: false, at }, self.marketing, Event::MarketingRefused { at, channel })
            }
        };
        Ok(if word.is_news(known) { vec![event] } else { Vec::new() })
    }

    fn evolve(mut self, event: &Event) -> Self {
        match event {
            Event::Unreachable { at, .. } => self.reach = Some(Word { yes: false, at: *at }),
            Event::Reachable { at, .. } => self.reach = Some(Word { yes: true, at: *at }),
            Event::MarketingRefused { at, .. } => self.marketing = Some(Word { yes: false, at: *at }),
            Event::MarketingAllowed { at, .. } => self.marketing = Some(Word { yes: true, at: *at }),
        }
        self
    }
}
