//! What a channel tells of a message, to the reply that the message is. Either may come first.

use domain::{
    delivery::{Action, Answer, Receipt, Rejection, Return},
    ids::{AccountId, KeyedHash, MessageId},
    message::Fate,
};
use eventlog::{Category, StreamId};
use service::Error;

use super::{
    Replies,
    mail::{self, codes},
};

/// The code of a delivery that knows no such message.
const UNKNOWN: &str = "DELIVERY_MESSAGE_UNKNOWN";

impl Replies {
    /// Tells the delivery how far its message came, as soon as both are known.
    pub(super) async fn report(&self, message: &StreamId) -> Result<(), Error> {
        let known = self.messages.load::<domain::message::Error>(message).await?;
        let state = &known.state;
        let Some(reply) = state.reply() else { return Ok(()) };
        let id: MessageId = message.id().parse().map_err(bad)?;
        let Some(external) = id.external() else { return Ok(()) };
        let category = Category::new("delivery").map_err(bad)?;
        let stream = StreamId::new(&category, reply).map_err(bad)?;
        let receipt = state.reached().map(|reached| match reached {
            Fate::Sent | Fate::Failed => Receipt::Sent,
            Fate::Delivered => Receipt::Delivered,
            Fate::Read => Receipt::Read,
        });
        let of_mail = self.is_mail(&id);
        let failed = state.failed().then(|| {
            let code = state.code().cloned();
            if of_mail {
                return Receipt::Bounced(Return { reason: codes::returned(code.as_ref()), code });
            }
            Receipt::Undelivered(Return { reason: Rejection::Other, code })
        });
        if of_mail && (receipt.is_some() || failed.is_some()) {
            self.prove(&stream, &external).await?;
        }
        for receipt in receipt.into_iter().chain(failed) {
            let step = format!("receipt/{external}/{receipt:?}");
            let action = Action::TakeReceipt { external: external.clone(), receipt };
            match self.act(&stream, &step, action).await {
                // A person said that it was sent, before anybody knew as what: there is nothing to put the report to.
                Err(Error::Refused { reason: UNKNOWN, .. }) if of_mail => {
                    tracing::warn!(%stream, "a report of a mail that was sent under no name");
                }
                done => drop(done?),
            }
        }
        Ok(())
    }

    /// Whether a message is a mail.
    fn is_mail(&self, message: &MessageId) -> bool {
        let via = AccountId::new(message.account()).ok().and_then(|account| self.accounts.via(&account));
        via.is_some_and(|via| via.connector.as_deref() == Some(mail::CONNECTOR))
    }

    /// What is told of a mail says that a server took it: where that was unclear, it is clear now.
    async fn prove(&self, stream: &StreamId, external: &KeyedHash) -> Result<(), Error> {
        let known = self.deliveries.load::<domain::delivery::Error>(stream).await?;
        let Some(delivery) = known.state.delivery() else { return Ok(()) };
        let Some(voice) = self.voice(delivery) else { return Ok(()) };
        for mail in self.doubtful(delivery, &voice)? {
            if mail.external.hash == *external {
                let (part, attempt) = (mail.part, mail.attempt);
                let answer = Answer::Has { external: Some(mail.external) };
                let action = Action::Clarify { part, attempt, answer };
                self.act(stream, &format!("proved/{part}/{attempt}"), action).await?;
            }
        }
        Ok(())
    }
}

fn bad(error: impl std::fmt::Display) -> Error {
    Error::Internal(error.to_string())
}
