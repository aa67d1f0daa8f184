//! The messages of one call on their way into the log: those of one conversation one after the other, in the order of the
//! call, so that the log tells them as they were said; conversations side by side.

use std::collections::BTreeMap;

use crate::{delivery::Delivery, intake::Incoming};

/// The lanes of a call, in the order of their first messages.
#[derive(Default)]
pub(crate) struct Lanes<'a> {
    lanes: Vec<Vec<Waiting<'a>>>,
    by_conversation: BTreeMap<String, usize>,
    by_message: BTreeMap<String, usize>,
}

/// A message that waits for those before it.
pub(crate) struct Waiting<'a> {
    /// Which of the call it is.
    pub(crate) index: usize,
    pub(crate) incoming: &'a Incoming,
    pub(crate) delivery: Delivery,
}

impl<'a> Lanes<'a> {
    /// Puts a message into the lane of its conversation. If it came before in the same call it follows itself, whatever it
    /// says now of where it belongs: an edit leaves a message where it is.
    pub(crate) fn push(&mut self, index: usize, incoming: &'a Incoming, delivery: Delivery) {
        let lane = match self.by_message.get(delivery.id.as_str()) {
            Some(lane) => *lane,
            None => self.lane_of(&delivery),
        };
        self.lanes[lane].push(Waiting { index, incoming, delivery });
    }

    fn lane_of(&mut self, delivery: &Delivery) -> usize {
        let conversation = delivery.conversation().to_owned();
        let lane = *self.by_conversation.entry(conversation).or_insert(self.lanes.len());
        if lane == self.lanes.len() {
            self.lanes.push(Vec::new());
        }
        self.by_message.insert(delivery.id.to_string(), lane);
        lane
    }
}

impl<'a> IntoIterator for Lanes<'a> {
    type Item = Vec<Waiting<'a>>;
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.lanes.into_iter()
    }
}
