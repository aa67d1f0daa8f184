//! Changes of cases as they happen.

use std::{sync::Arc, time::Duration};

use eventlog::{Category, Position};
use futures_util::TryStreamExt;
use proto::cases::v1 as pb;
use serde_json::Value;
use service::{Error, auth::Principal, envelope::Envelope, grpc::Session};
use tokio::sync::mpsc;

use crate::core::Core;

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
        self.caller(&principal).access.need_sight()?;
        let filter = request.filter.clone().unwrap_or_default();
        let only = match request.case_id.as_str() {
            "" => None,
            id => {
                let id = self.case_id("case_id", id).await?;
                self.must_see(&self.caller(&principal), id).await?;
                Some(id.to_string())
            }
        };
        // Wrong filters are told now, not with the first change.
        self.row(&self.caller(&principal), &filter, "").await?;
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
                end = self.tell(&principal, &filter, only.as_deref(), after, &changes) => end,
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
        filter: &pb::Filter,
        only: Option<&str>,
        after: Position,
        changes: &mpsc::Sender<Result<pb::WatchResponse, tonic::Status>>,
    ) -> Result<(), Error> {
        let category = Category::new("case").map_err(crate::core::bad_name)?;
        let mut entries = self.shell.log.follow(after, &[category]);
        while let Some(entry) = entries.try_next().await? {
            if only.is_some_and(|only| only != entry.stream.id()) {
                continue;
            }
            if !self.models.current().wait_for(entry.position, APPLY_LIMIT).await {
                return Err(Error::Unavailable(
                    "the read model does not follow; begin again after the last position".into(),
                ));
            }
            let caller = self.caller(principal);
            let Some(case) = self.row(&caller, filter, entry.stream.id()).await? else { continue };
            let events = Envelope::<Value>::of(&entry).map(|envelope| envelope.events).unwrap_or_default();
            let events =
                events.iter().filter_map(|event| event.get("type")?.as_str().map(str::to_owned)).collect();
            let change =
                pb::WatchResponse { position: self.shell.token(entry.position), case: Some(case), events };
            if changes.send(Ok(change)).await.is_err() {
                return Ok(());
            }
        }
        Ok(())
    }
}
