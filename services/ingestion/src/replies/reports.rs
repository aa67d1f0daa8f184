//! What a channel tells of a message, to the reply that the message is. Either may come first.

use domain::{
    delivery::{Action, Receipt, Rejection, Return},
    message::Fate,
};
use eventlog::{Category, StreamId};
use service::Error;

use super::Replies;

impl Replies {
    /// Tells the delivery how far its message came, as soon as both are known.
    pub(super) async fn report(&self, message: &StreamId) -> Result<(), Error> {
        let known = self.messages.load::<domain::message::Error>(message).await?;
        let state = &known.state;
        let Some(reply) = state.reply() else { return Ok(()) };
        let id: domain::ids::MessageId = message.id().parse().map_err(bad)?;
        let Some(external) = id.external() else { return Ok(()) };
        let category = Category::new("delivery").map_err(bad)?;
        let stream = StreamId::new(&category, reply).map_err(bad)?;
        let receipt = state.reached().map(|reached| match reached {
            Fate::Sent | Fate::Failed => Receipt::Sent,
            Fate::Delivered => Receipt::Delivered,
            Fate::Read => Receipt::Read,
        });
        let failed = state.failed().then(|| {
            let code = state.code().cloned();
            Receipt::Undelivered(Return { reason: Rejection::Other, code })
        });
        for receipt in receipt.into_iter().chain(failed) {
            let step = format!("receipt/{external}/{receipt:?}");
            let action = Action::TakeReceipt { external: external.clone(), receipt };
            self.act(&stream, &step, action).await?;
        }
        Ok(())
    }
}

fn bad(error: impl std::fmt::Display) -> Error {
    Error::Internal(error.to_string())
}
