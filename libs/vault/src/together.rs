use std::{
    mem,
    sync::{Mutex, PoisonError},
};

use tokio::sync::oneshot;

/// Questions that come while others are being answered wait, and are asked together: one way to the store for all.
///
/// Nobody gets an answer that was begun before the question was put.
pub(crate) struct Together<Q, A> {
    waiting: Mutex<Vec<Waiting<Q, A>>>,
    turn: tokio::sync::Mutex<()>,
}

struct Waiting<Q, A> {
    question: Q,
    answer: oneshot::Sender<A>,
}

impl<Q, A> Default for Together<Q, A> {
    fn default() -> Self {
        Self { waiting: Mutex::default(), turn: tokio::sync::Mutex::default() }
    }
}

impl<Q: Clone, A: Clone> Together<Q, A> {
    /// Puts a question. `ask` is given all that wait, and answers them with one answer; those who asked take from
    /// it what is theirs.
    pub(crate) async fn ask<F: Future<Output = A> + Send>(
        &self,
        question: Q,
        ask: impl Fn(Vec<Q>) -> F + Send + Sync,
    ) -> A {
        loop {
            let (answer, mut answered) = oneshot::channel();
            self.waiting().push(Waiting { question: question.clone(), answer });
            let turn = self.turn.lock().await;
            // Whoever had the turn before may have taken our question along, and been cancelled before it was answered.
            let own = match answered.try_recv() {
                Ok(answer) => return answer,
                Err(oneshot::error::TryRecvError::Closed) => continue,
                Err(oneshot::error::TryRecvError::Empty) => mem::take(&mut *self.waiting()),
            };
            let (questions, askers): (Vec<_>, Vec<_>) =
                own.into_iter().map(|Waiting { question, answer }| (question, answer)).unzip();
            let answer = ask(questions).await;
            for asker in askers {
                // Whoever asked may have gone away.
                let _ = asker.send(answer.clone());
            }
            // Not before: whoever has the turn next and finds no answer takes its question for one that still waits.
            drop(turn);
            return answer;
        }
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Vec<Waiting<Q, A>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use tokio::sync::{Mutex, Semaphore};

    use super::*;

    /// More than any task here needs.
    const TURNS: usize = 100;

    /// An answer that takes so long to hand out that others can get in between.
    struct Heavy(Vec<u32>);

    impl Clone for Heavy {
        fn clone(&self) -> Self {
            std::thread::sleep(Duration::from_millis(1));
            Self(self.0.clone())
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn everybody_is_answered_what_was_asked() {
        const ASKERS: u32 = 16;
        const QUESTIONS: u32 = 10;
        let together = Arc::<Together<u32, Heavy>>::default();
        let mut askers = tokio::task::JoinSet::new();
        for asker in 0..ASKERS {
            let together = Arc::clone(&together);
            askers.spawn(async move {
                for n in 0..QUESTIONS {
                    let question = asker * QUESTIONS + n;
                    let answer = together.ask(question, |questions| async { Heavy(questions) }).await;
                    assert!(answer.0.contains(&question));
                }
            });
        }
        while let Some(asker) = askers.join_next().await {
            asker.unwrap();
        }
    }

    /// Answers with all questions that were asked together, when it is let go on.
    #[derive(Default)]
    struct Slow {
        together: Together<u32, Vec<u32>>,
        asked: Mutex<Vec<Vec<u32>>>,
    }

    async fn ask(slow: Arc<Slow>, go: Arc<Semaphore>, question: u32) -> Vec<u32> {
        let asked = |questions: Vec<u32>| {
            let (slow, go) = (Arc::clone(&slow), Arc::clone(&go));
            async move {
                slow.asked.lock().await.push(questions.clone());
                go.acquire().await.unwrap().forget();
                questions
            }
        };
        slow.together.ask(question, asked).await
    }

    #[tokio::test]
    async fn what_waits_is_asked_together_and_a_cancelled_asker_takes_nobody_along() {
        let (slow, go) = (Arc::<Slow>::default(), Arc::new(Semaphore::new(0)));
        let start = |question| tokio::spawn(ask(Arc::clone(&slow), Arc::clone(&go), question));
        // In this runtime of one thread all tasks come as far as they can.
        let idle = async || {
            for _ in 0..TURNS {
                tokio::task::yield_now().await;
            }
        };
        let first = start(1);
        idle().await;
        let others = [start(2), start(3)];
        idle().await;
        assert_eq!(*slow.asked.lock().await, [vec![1]]);
        go.add_permits(1);
        assert_eq!(first.await.unwrap(), [1]);
        idle().await;
        assert_eq!(*slow.asked.lock().await, [vec![1], vec![2, 3]]);
        others[0].abort();
        idle().await;
        go.add_permits(1);
        let [_, other] = others;
        assert_eq!(other.await.unwrap(), [3], "it asked for itself");
    }
}
