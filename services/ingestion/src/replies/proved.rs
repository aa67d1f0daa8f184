//! Words of ours that a platform repeats with what it tells of a message: whatever its answer was or was not, it has it.

use domain::delivery::{Action, Answer, Attempt, Delivery, Outcome, PartState};
use domain::ids::IdempotencyKey;
use service::Error;

use super::{Replies, queue::named};
use crate::{account::Account, channels::speak, identity::Names};

impl Replies {
    /// Clarifies the attempt that a word is of, if it is in doubt; an answer that is still to come is no news then. A word that is
    /// none of ours, or of a reply on another account, is nothing.
    pub(super) async fn proved(&self, account: &Account, external_id: &str, word: &str) -> Result<(), Error> {
        let Some((reply, key)) = speak::of_word(word) else { return Ok(()) };
        let stream = named("delivery", &reply)?;
        let known = self.deliveries.load::<domain::delivery::Error>(&stream).await?;
        let Some(delivery) = known.state.delivery() else { return Ok(()) };
        if delivery.request.account != account.id {
            return Ok(());
        }
        let Ok(hash) = Names::new(&self.shell.vault, account).root(external_id) else { return Ok(()) };
        if delivery.parts.iter().flat_map(PartState::externals).any(|named| *named == hash) {
            return Ok(());
        }
        let Some((part, attempt, made)) = meant(delivery, key) else { return Ok(()) };
        let Some(voice) = self.voice(delivery) else { return Ok(()) };
        // Nobody can read it any more: whose it was is forgotten.
        let Some(words) = self.words(&stream, part).await? else { return Ok(()) };
        let external = Some(self.external(&voice, &words, external_id)?);
        let action = match made.outcome {
            Outcome::Unclear(_) => Action::Clarify { part, attempt, answer: Answer::Has { external } },
            Outcome::Running | Outcome::Failed { .. } | Outcome::Rejected | Outcome::Sent { .. } => {
                Action::ReportSent { part, attempt, external }
            }
        };
        // Once it has no doubt left, it has a result.
        let step =
            format!("repeated/{part}/{attempt}/{}/{hash}", matches!(made.outcome, Outcome::Unclear(_)));
        self.go_on(&stream, &step, action).await.map(drop)
    }
}

/// The attempt that a message with this key came of: of several in doubt the first, since each message proves one of them; or one
/// of which it was said that it failed, if none is in doubt.
fn meant(delivery: &Delivery, key: IdempotencyKey) -> Option<(u16, u32, &Attempt)> {
    let attempts = (1..).zip(&delivery.parts).flat_map(|(part, state)| {
        (1..).zip(&state.attempts).map(move |(attempt, made)| (part, attempt, made))
    });
    let likely = |(.., made): &(u16, u32, &Attempt)| match made.outcome {
        // What comes while one is under way is most likely of that one, whose answer will say the same name.
        Outcome::Running => Some(0),
        Outcome::Unclear(_) => Some(1),
        Outcome::Failed { .. } | Outcome::Rejected => Some(2),
        Outcome::Sent { .. } => None,
    };
    let told = attempts.filter(|(.., made)| made.key == key);
    // It may be that one, of which the platform told no name.
    if told.clone().any(|(.., made)| made.outcome == Outcome::Sent { external: None }) {
        return None;
    }
    told.filter_map(|found| Some((likely(&found)?, found)))
        .min_by_key(|(rank, _)| *rank)
        .map(|(_, found)| found)
}
