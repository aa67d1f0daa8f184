//! Who waits for something new in which conversation.
//!
//! One task for each replica follows the read model, and asks it once for all who wait, however many they are. What it tells is
//! only that there is something: whoever waits looks for himself. So a reply that another replica delivered is told as well.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use domain::ids::ConversationId;
use service::models::Models;
use tokio::sync::{Notify, watch};

use super::said::{self, Said};

/// How long it is waited for the read model to move before it is looked whether a newer one has taken its place.
const LOOK_AGAIN: Duration = Duration::from_secs(3);
/// Conversations that are told one by one; if more have changed at once, all are told.
const CONVERSATIONS_MAX: usize = 1_000;

/// Those who wait.
#[derive(Default)]
pub(super) struct Hub {
    waiting: Mutex<HashMap<ConversationId, watch::Sender<()>>>,
    joined: Notify,
}

/// The right to be told.
pub(super) struct Listener {
    conversation: ConversationId,
    hub: Arc<Hub>,
    told: watch::Receiver<()>,
}

impl Listener {
    /// Returns when something may have changed since it returned last, or since it began to listen.
    pub(super) async fn changed(&mut self) {
        if self.told.changed().await.is_err() {
            // The hub holds the sender as long as somebody listens.
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut waiting = self.hub.waiting();
        // Only this one is left, and goes.
        if waiting.get(&self.conversation).is_some_and(|sender| sender.receiver_count() <= 1) {
            waiting.remove(&self.conversation);
        }
    }
}

impl Hub {
    /// Listens from now on.
    pub(super) fn listen(self: &Arc<Self>, conversation: ConversationId) -> Listener {
        let told = self.waiting().entry(conversation).or_insert_with(|| watch::Sender::new(())).subscribe();
        self.joined.notify_one();
        Listener { conversation, hub: Arc::clone(self), told }
    }

    /// Tells those who wait, for ever.
    pub(super) async fn follow(&self, models: &Models<Said>) {
        loop {
            if self.waiting().is_empty() {
                self.joined.notified().await;
            }
            let generation = models.generation();
            let mut positions = models.current().positions();
            let mut last = positions.borrow_and_update().0;
            // What came before they were counted on: they look for themselves.
            self.tell_all();
            while !self.waiting().is_empty() {
                match tokio::time::timeout(LOOK_AGAIN, positions.changed()).await {
                    Ok(Ok(())) => {}
                    Err(_) if models.generation() == generation => continue,
                    // A rebuilt read model is in the place of this one.
                    Ok(Err(_)) | Err(_) => break,
                }
                let now = positions.borrow_and_update().0;
                self.tell(models, last).await;
                last = now;
            }
        }
    }

    /// Tells those for whom something changed after `since`.
    async fn tell(&self, models: &Models<Said>, since: u64) {
        let model = models.current();
        match said::changed_since(&model.store, since, CONVERSATIONS_MAX + 1).await {
            Ok(changed) if changed.len() <= CONVERSATIONS_MAX => {
                let waiting = self.waiting();
                let senders = changed.iter().filter_map(|conversation| waiting.get(conversation));
                senders.for_each(|sender| sender.send_replace(()));
            }
            Ok(_) => self.tell_all(),
            Err(error) => {
                tracing::warn!(%error, "what changed in chats cannot be asked for; all of them look");
                self.tell_all();
            }
        }
    }

    fn tell_all(&self) {
        self.waiting().values().for_each(|sender| sender.send_replace(()));
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<ConversationId, watch::Sender<()>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_waits_is_told_and_who_has_gone_is_forgotten() {
        let hub = Arc::new(Hub::default());
        let conversation = ConversationId::derive(uuid::Uuid::nil(), "one");
        let (mut one, mut two) = (hub.listen(conversation), hub.listen(conversation));
        hub.tell_all();
        one.changed().await;
        drop(one);
        two.changed().await;
        let more = tokio::time::timeout(Duration::from_millis(20), two.changed());
        assert!(more.await.is_err(), "told twice of one thing");
        assert_eq!(hub.waiting().len(), 1);
        drop(two);
        assert!(hub.waiting().is_empty());
    }
}
