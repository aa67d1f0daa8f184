//! What happens in a case moves its clocks: what that means is announced at once.

use std::sync::Arc;

use domain::{case::State, decider::Decider, ids::CaseId};
use eventlog::{Category, Entry};
use service::{
    envelope::contains,
    reaction::{self, Reaction},
};

use crate::{core::Core, follow::links::outcome};

/// What means something to clocks.
const MOVING: [&str; 22] = [
    "case.opened",
    "case.customer_message_received",
    "case.outbound_recorded",
    "case.reply_sent",
    "case.reply_failed",
    "case.reply_bounced",
    "case.tagged",
    "case.untagged",
    "case.prioritised",
    "case.started",
    "case.transferred",
    "case.pended",
    "case.held",
    "case.resumed",
    "case.resolved",
    "case.reopened",
    "case.closed",
    "case.marked_spam",
    "case.unmarked_spam",
    "case.silence_chosen",
    "case.split_off",
    "case.source_absorbed",
];
/// What both halves of a merge have in common.
const MERGED: &str = "merged";

/// Announces what follows from what happens.
pub struct FollowClocks(pub Arc<Core>);

#[async_trait::async_trait]
impl Reaction for FollowClocks {
    fn name(&self) -> &'static str {
        "cases.follow_clocks"
    }

    fn categories(&self) -> Vec<Category> {
        Category::new(State::CATEGORY).into_iter().collect()
    }

    fn wants(&self, entry: &Entry) -> bool {
        contains(&entry.body, MERGED) || MOVING.iter().any(|event| contains(&entry.body, event))
    }

    fn lane(&self, entry: &Entry) -> String {
        entry.stream.to_string()
    }

    async fn react(&self, entry: &Entry) -> Result<(), reaction::Error> {
        let Ok(id) = entry.stream.id().parse::<CaseId>() else { return Ok(()) };
        let core = &self.0;
        if core.schedule.knows(id, entry.position.0) {
            return Ok(());
        }
        let promised = core.promises(0).await.map_err(outcome)?;
        if promised.is_empty() {
            return Ok(());
        }
        core.announce(id, Some(entry)).await.map_err(outcome)
    }
}
