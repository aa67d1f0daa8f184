//! Changes of agents and queues as they happen.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use eventlog::{Category, Position};
use futures_util::TryStreamExt;
use proto::assignment::v1 as pb;
use service::{Error, auth::Principal, grpc::Session};
use tokio::sync::mpsc;

use crate::{
    core::{Core, bad_name},
    model::Item,
    queues,
};

/// Changes that wait for a slow reader before the log is read on.
const WAITING_MAX: usize = 256;
/// How long a change may take into the read model before the watch gives up.
const APPLY_LIMIT: Duration = Duration::from_secs(30);

impl Core {
    /// Begins a watch, which lasts as long as the caller's token. What he may see is asked anew at every change.
    pub async fn watch(
        self: Arc<Self>,
        principal: Principal,
        session: Session,
        request: pb::WatchRequest,
    ) -> Result<mpsc::Receiver<Result<pb::WatchResponse, tonic::Status>>, Error> {
        self.policies.current().access(&principal).need_sight()?;
        let after = match self.shell.position("after", &request.after)? {
            Some(after) => {
                self.shell.written("after", after).await?;
                after
            }
            None => self.models.current().refresh().await?,
        };
        let (changes, reader) = mpsc::channel(WAITING_MAX);
        tokio::spawn(async move {
            let end = tokio::select! {
                () = changes.closed() => return,
                () = self.stop.cancelled() => return,
                ended = session.ended() => Err(ended),
                end = self.tell(&principal, after, &changes) => end,
            };
            if let Err(error) = end {
                let _ = changes.send(Err(error.into())).await;
            }
        });
        Ok(reader)
    }

    async fn tell(
        &self,
        principal: &Principal,
        after: Position,
        changes: &mpsc::Sender<Result<pb::WatchResponse, tonic::Status>>,
    ) -> Result<(), Error> {
        let categories = ["agent", "routing"].map(Category::new);
        let categories: Vec<Category> = categories.into_iter().collect::<Result<_, _>>().map_err(bad_name)?;
        let mut entries = self.shell.log.follow(after, &categories);
        // What the caller was told that it waits: of that he is told that it does not any more.
        let mut told = BTreeSet::new();
        while let Some(entry) = entries.try_next().await? {
            if !self.models.current().wait_for(entry.position, APPLY_LIMIT).await {
                return Err(Error::Unavailable(
                    "the read model does not follow; begin again after the last position".into(),
                ));
            }
            let access = self.policies.current().access(principal);
            let plan = self.plan();
            let position = self.shell.token(entry.position);
            let change = match Item::read(&entry) {
                Ok(Item::Agent(person, _)) => {
                    let Some(member) = plan.member(&person).filter(|member| self.may_see(&access, member))
                    else {
                        continue;
                    };
                    let agent = self.told(member, &*self.known(&person).await?, &plan);
                    pb::WatchResponse { position, agent: Some(agent), ..pb::WatchResponse::default() }
                }
                Ok(Item::Route(case, _)) => match self.waiting_case(&access, case).await? {
                    queues::Seen::Waits(waiting) => {
                        told.insert(case);
                        pb::WatchResponse {
                            position,
                            waiting: Some(*waiting),
                            ..pb::WatchResponse::default()
                        }
                    }
                    queues::Seen::Left if told.remove(&case) || request_all(&access) => {
                        pb::WatchResponse { position, left: case.to_string(), ..pb::WatchResponse::default() }
                    }
                    queues::Seen::Left | queues::Seen::Hidden => continue,
                },
                Ok(Item::Case(..) | Item::Nothing) | Err(_) => continue,
            };
            if changes.send(Ok(change)).await.is_err() {
                return Ok(());
            }
        }
        Ok(())
    }
}

/// Whether the caller sees every case: he may be told of each that it left.
fn request_all(access: &service::policies::Access) -> bool {
    access.everywhere()
}
