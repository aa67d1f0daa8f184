//! What became of a reply reaches its case.

use std::sync::Arc;

use domain::{
    case::Action,
    decider::Decider,
    delivery::{self, State},
};
use eventlog::{Category, Entry};
use service::{
    Error,
    reaction::{self, Reaction},
};

use super::links::outcome;
use crate::{
    act::no::No,
    core::{Core, commands, derived},
};

/// Tells cases what became of their replies.
pub struct FollowDeliveries(pub Arc<Core>);

#[async_trait::async_trait]
impl Reaction for FollowDeliveries {
    fn name(&self) -> &'static str {
        "cases.follow_deliveries"
    }

    fn categories(&self) -> Vec<Category> {
        Category::new(State::CATEGORY).into_iter().collect()
    }

    fn lane(&self, entry: &Entry) -> String {
        entry.stream.to_string()
    }

    async fn react(&self, entry: &Entry) -> Result<(), reaction::Error> {
        self.0.follow_delivery(entry).await.map_err(outcome)
    }
}

impl Core {
    /// Tells the case how its reply stands. Told again, or late, it is nothing: a reply only gets further.
    async fn follow_delivery(&self, entry: &Entry) -> Result<(), Error> {
        let known = self.deliveries.load_to::<delivery::Error>(&entry.stream, entry.position).await?;
        let Some(delivery) = known.state.delivery() else { return Ok(()) };
        let Some(outcome) = delivery.outcome() else { return Ok(()) };
        let stream = self.stream(delivery.request.case)?;
        let reply = delivery.request.reply;
        let meta = derived(self, entry, "reply")?;
        let make = |_: &_, at| {
            let action = Action::ReportReply { reply, outcome: outcome.clone() };
            Ok(commands(at, &meta.actor, vec![action]))
        };
        let done = self.cases.execute::<No>(&stream, &meta, make).await?;
        self.reacted_to(done.position);
        Ok(())
    }
}
