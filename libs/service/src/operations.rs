//! What an operator asks a role: its read models, and the log.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use domain::{policy::organisation::Role, time::Timestamp};
use eventlog::{Category, Entry, Position, StreamId};
use futures_util::{StreamExt, TryStreamExt};
use proto::operations::v1::{
    self as pb,
    operations_server::{Operations, OperationsServer, SERVICE_NAME},
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{
    Request, Response, Status,
    service::{RoutesBuilder, interceptor::InterceptedService},
};

use crate::{
    Error,
    grpc::{Authenticate, REQUEST_MAX, Routes, principal, session},
    health::{self, Standing},
    models::{Models, Rebuilt},
    policies::Policies,
    projection::{self, Projection},
    reaction::AnyReaction,
    shell::Shell,
    store,
};

/// Entries of one stream that are answered at once.
const STREAM_MAX: usize = 10_000;
/// How long a call waits for a read model.
const AT_LEAST_LIMIT: Duration = Duration::from_secs(10);
/// Entries that wait for a slow reader, and that are told of as waiting.
const WAITING_MAX: usize = 256;

/// A read model, whatever is in it.
#[async_trait::async_trait]
pub trait AnyModel: Send + Sync {
    /// Its name with its version.
    fn name(&self) -> &'static str;
    /// How far it has come.
    fn position(&self) -> Position;
    /// Which generation answers.
    fn generation(&self) -> u64;
    /// What it follows.
    fn categories(&self) -> Vec<Category>;
    /// Returns once everything up to `position` is applied, or `false` when `limit` is over.
    async fn wait_for(&self, position: Position, limit: Duration) -> bool;
    /// That it fails again and again, if it does.
    fn standing(&self) -> Option<Standing>;
    /// While it has not come yet to where the log was when this process opened it: how far it is, and where that was.
    fn building(&self) -> Option<(Position, Position)>;
    /// Streams that wait for a version that can read them.
    async fn parked(&self) -> Result<Vec<(String, u64, String)>, store::Error>;
    /// A digest of everything in it.
    async fn digest(&self) -> Result<String, store::Error>;
    /// Builds the next generation.
    async fn rebuild(
        &self,
        progress: Box<dyn Fn(Position, Position) + Send + Sync>,
    ) -> Result<Rebuilt, projection::Error>;
}

#[async_trait::async_trait]
impl<P: Projection> AnyModel for Models<P> {
    fn name(&self) -> &'static str {
        self.current().projection.name()
    }

    fn position(&self) -> Position {
        self.current().position()
    }

    fn generation(&self) -> u64 {
        Models::generation(self)
    }

    fn categories(&self) -> Vec<Category> {
        self.current().projection.categories()
    }

    async fn wait_for(&self, position: Position, limit: Duration) -> bool {
        self.current().wait_for(position, limit).await
    }

    fn standing(&self) -> Option<Standing> {
        self.current().standing()
    }

    fn building(&self) -> Option<(Position, Position)> {
        Models::building(self)
    }

    async fn parked(&self) -> Result<Vec<(String, u64, String)>, store::Error> {
        self.current().parked().await
    }

    async fn digest(&self) -> Result<String, store::Error> {
        self.current().digest().await
    }

    async fn rebuild(
        &self,
        progress: Box<dyn Fn(Position, Position) + Send + Sync>,
    ) -> Result<Rebuilt, projection::Error> {
        Models::rebuild(self, progress).await
    }
}

/// Operations, as the contract has them.
#[derive(Clone)]
pub struct Server {
    shell: Shell,
    policies: Arc<Policies>,
    models: Arc<BTreeMap<&'static str, Arc<dyn AnyModel>>>,
    reactions: Arc<Vec<Arc<dyn AnyReaction>>>,
    /// Cancelled when the process is to end: streams to callers end with it.
    stop: CancellationToken,
}

impl Server {
    /// About these read models and reactions, until `stop`.
    pub fn new(
        shell: Shell,
        policies: Arc<Policies>,
        models: Vec<Arc<dyn AnyModel>>,
        reactions: Vec<Arc<dyn AnyReaction>>,
        stop: CancellationToken,
    ) -> Self {
        let models = models.into_iter().map(|model| (model.name(), model)).collect();
        Self { shell, policies, models: Arc::new(models), reactions: Arc::new(reactions), stop }
    }

    /// The way in.
    pub fn routes(self) -> Box<dyn Routes> {
        Box::new(self)
    }

    fn allow<T>(&self, request: &Request<T>, roles: &[Role]) -> Result<(), Error> {
        let principal = principal(request)?;
        self.policies.current().access(&principal).need(roles, "this operation")
    }

    fn entry(&self, entry: &Entry) -> pb::LogEntry {
        pb::LogEntry {
            position: self.shell.token(entry.position),
            entry_id: entry.id.to_string(),
            stream: entry.stream.to_string(),
            recorded_at: health::head(entry).map(wire),
            body: String::from_utf8_lossy(&entry.body).into_owned(),
            traceparent: entry.traceparent.clone().unwrap_or_default(),
        }
    }

    /// Waits until every read model has what it follows up to this position.
    async fn wait_for(&self, position: Position) -> Result<(), Error> {
        self.shell.written("at_least", position).await?;
        for model in self.models.values() {
            let tail = self.shell.log.tail(&model.categories()).await?;
            if !model.wait_for(position.min(tail), AT_LEAST_LIMIT).await {
                let text = format!("{} has not reached this position yet; try again", model.name());
                return Err(Error::Unavailable(text));
            }
        }
        Ok(())
    }

    /// Entries that wait, as operators are told of them.
    async fn waits(
        &self,
        waiting: impl IntoIterator<Item = (String, Position, String)>,
    ) -> Vec<pb::list_read_models_response::Parked> {
        let mut told = Vec::new();
        for (stream, position, reason) in waiting {
            let since = health::recorded_at(self.shell.log.as_ref(), &stream, position).await.map(wire);
            let position = self.shell.token(position);
            told.push(pb::list_read_models_response::Parked { stream, position, reason, since });
        }
        told
    }

    /// Sends entries until the caller goes away, `until` is reached, or the log fails.
    async fn tail(
        &self,
        after: Position,
        until: Option<Position>,
        categories: &[Category],
        sender: &mpsc::Sender<Result<pb::TailEventsResponse, Status>>,
    ) -> Result<(), Error> {
        if until.is_some_and(|until| until <= after) {
            return Ok(());
        }
        // All of them: "until now" may be an entry of another category, which only ends the answer.
        let followed = if until.is_some() { &[] } else { categories };
        let mut entries = self.shell.log.follow(after, followed);
        while let Some(entry) = entries.try_next().await? {
            if until.is_some_and(|until| entry.position > until) {
                return Ok(());
            }
            if wanted(categories, &entry) {
                let answer = pb::TailEventsResponse { entry: Some(self.entry(&entry)) };
                if sender.send(Ok(answer)).await.is_err() {
                    return Ok(());
                }
            }
            if until == Some(entry.position) {
                return Ok(());
            }
        }
        Ok(())
    }
}

impl Routes for Server {
    fn names(&self) -> Vec<&'static str> {
        vec![SERVICE_NAME]
    }

    fn add(self: Box<Self>, routes: &mut RoutesBuilder) {
        let authenticate = Authenticate::new(&self.shell);
        let server = OperationsServer::new(*self).max_decoding_message_size(REQUEST_MAX);
        routes.add_service(InterceptedService::new(server, authenticate));
    }
}

const READERS: &[Role] = &[Role::Administrator, Role::Compliance];

#[tonic::async_trait]
impl Operations for Server {
    type TailEventsStream = ReceiverStream<Result<pb::TailEventsResponse, Status>>;
    type RebuildStream = ReceiverStream<Result<pb::RebuildResponse, Status>>;

    async fn tail_events(
        &self,
        request: Request<pb::TailEventsRequest>,
    ) -> Result<Response<Self::TailEventsStream>, Status> {
        self.allow(&request, READERS)?;
        let session = session(&request)?;
        let request = request.into_inner();
        let after = self.shell.position("after", &request.after)?.unwrap_or(Position::NONE);
        // A follower that waits there would never be told what comes before it.
        self.shell.written("after", after).await?;
        let categories: Vec<Category> = request
            .categories
            .iter()
            .enumerate()
            .map(|(i, name)| {
                Category::new(name).map_err(|error| Error::field(format!("categories[{i}]"), error))
            })
            .collect::<Result<_, _>>()?;
        let until =
            if request.until_now { Some(self.shell.log.tail(&[]).await.map_err(Error::from)?) } else { None };
        let (sender, reader) = mpsc::channel(WAITING_MAX);
        let server = self.clone();
        tokio::spawn(async move {
            let end = tokio::select! {
                () = sender.closed() => return,
                () = server.stop.cancelled() => return,
                ended = session.ended() => Err(ended),
                end = server.tail(after, until, &categories, &sender) => end,
            };
            if let Err(error) = end {
                let _ = sender.send(Err(error.into())).await;
            }
        });
        Ok(Response::new(ReceiverStream::new(reader)))
    }

    async fn get_stream(
        &self,
        request: Request<pb::GetStreamRequest>,
    ) -> Result<Response<pb::GetStreamResponse>, Status> {
        self.allow(&request, READERS)?;
        let stream: StreamId =
            request.get_ref().stream.parse().map_err(|error| Error::field("stream", error))?;
        // What is in the log is read: there is nothing to wait for.
        if let Some(position) = self.shell.position("at_least", &request.get_ref().at_least)? {
            self.shell.written("at_least", position).await?;
        }
        let entries = self.shell.log.read(&stream).take(STREAM_MAX);
        let entries: Vec<Entry> = entries.try_collect().await.map_err(Error::from)?;
        let Some(last) = entries.last() else { return Err(Error::NotFound { what: "stream" }.into()) };
        Ok(Response::new(pb::GetStreamResponse {
            position: self.shell.token(last.position),
            entries: entries.iter().map(|entry| self.entry(entry)).collect(),
        }))
    }

    async fn list_read_models(
        &self,
        request: Request<pb::ListReadModelsRequest>,
    ) -> Result<Response<pb::ListReadModelsResponse>, Status> {
        self.allow(&request, READERS)?;
        if let Some(position) = self.shell.position("at_least", &request.get_ref().at_least)? {
            self.wait_for(position).await?;
        }
        let position = self.shell.token(self.shell.log.tail(&[]).await.map_err(Error::from)?);
        let mut models = Vec::new();
        for (name, model) in self.models.iter() {
            let parked = model.parked().await.map_err(Error::from)?;
            let digest = if request.get_ref().digest {
                model.digest().await.map_err(Error::from)?
            } else {
                String::new()
            };
            // In this order: what comes in between makes it seem behind by that, and never ahead.
            let at = model.position();
            let tail = self.shell.log.tail(&model.categories()).await.map_err(Error::from)?;
            models.push(pb::list_read_models_response::ReadModel {
                name: (*name).to_owned(),
                position: self.shell.token(at),
                tail: self.shell.token(tail),
                generation: u32::try_from(model.generation()).unwrap_or(u32::MAX),
                parked: self.waits(at_positions(parked)).await,
                digest,
                standing: model.standing().map(standing),
            });
        }
        let mut reactions = Vec::new();
        for reaction in self.reactions.iter() {
            let parked = reaction.parked().await.map_err(Error::from)?;
            reactions.push(pb::list_read_models_response::Reaction {
                name: reaction.name().to_owned(),
                position: self.shell.token(reaction.position()),
                parked: self.waits(at_positions(parked)).await,
                waiting: self.waits(reaction.waiting().into_iter().take(WAITING_MAX)).await,
                standing: reaction.standing().map(standing),
            });
        }
        Ok(Response::new(pb::ListReadModelsResponse { models, reactions, position }))
    }

    async fn rebuild(
        &self,
        request: Request<pb::RebuildRequest>,
    ) -> Result<Response<Self::RebuildStream>, Status> {
        self.allow(&request, &[Role::Administrator])?;
        let name = request.get_ref().name.as_str();
        let model = self.models.iter().find(|(known, _)| **known == name || unversioned(known) == name);
        let names: Vec<&str> = self.models.keys().copied().collect();
        let known = || Error::field("name", format!("must be one of {}", names.join(", ")));
        let model = model.map(|(_, model)| Arc::clone(model)).ok_or_else(known)?;
        let (sender, reader) = mpsc::channel(WAITING_MAX);
        let (shell, stop) = (self.shell.clone(), self.stop.clone());
        tokio::spawn(async move {
            let telling = sender.clone();
            let tokens = shell.clone();
            let progress = move |position, of| {
                // Progress that nobody has taken yet is as good as any.
                let _ = telling.try_send(Ok(pb::RebuildResponse {
                    position: tokens.token(position),
                    of: tokens.token(of),
                    ..pb::RebuildResponse::default()
                }));
            };
            // Whoever asked for it may go away, and his token may end: it is finished all the same, unless the process ends.
            let rebuilt = tokio::select! {
                rebuilt = model.rebuild(Box::new(progress)) => rebuilt,
                () = stop.cancelled() => return,
            };
            let answer = match rebuilt {
                Ok(rebuilt) => Ok(pb::RebuildResponse {
                    position: shell.token(rebuilt.position),
                    of: shell.token(rebuilt.position),
                    done: true,
                    digest_before: rebuilt.before,
                    digest_after: rebuilt.after,
                }),
                Err(error @ projection::Error::Rebuilding) => {
                    Err(Error::Aborted { reason: "REBUILDING", message: error.to_string() }.into())
                }
                Err(error) => Err(Error::Unavailable(error.to_string()).into()),
            };
            let _ = sender.send(answer).await;
        });
        Ok(Response::new(ReceiverStream::new(reader)))
    }
}

/// `cases` of `cases_v3`: which version it is of, whoever asks for it need not know.
fn unversioned(model: &str) -> &str {
    let digits = |version: &str| !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit());
    model.rsplit_once("_v").filter(|(_, version)| digits(version)).map_or(model, |(name, _)| name)
}

fn at_positions(parked: Vec<(String, u64, String)>) -> impl Iterator<Item = (String, Position, String)> {
    parked
        .into_iter()
        .take(WAITING_MAX)
        .map(|(stream, position, reason)| (stream, Position(position), reason))
}

fn standing(standing: Standing) -> pb::list_read_models_response::Standing {
    let Standing { reason, failures, since } = standing;
    pb::list_read_models_response::Standing { reason, failures, since: Some(since.into()) }
}

fn wire(at: Timestamp) -> prost_types::Timestamp {
    let micros = at.as_microsecond();
    prost_types::Timestamp {
        seconds: micros.div_euclid(1_000_000),
        nanos: i32::try_from(micros.rem_euclid(1_000_000) * 1_000).unwrap_or_default(),
    }
}

/// Whether an entry is of these categories; none named: of any.
fn wanted(categories: &[Category], entry: &Entry) -> bool {
    categories.is_empty() || categories.iter().any(|category| category.as_str() == entry.stream.category())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_model_is_known_without_its_version() {
        for (model, name) in [
            ("cases_v3", "cases"),
            ("a_view_v12", "a_view"),
            ("a_view", "a_view"),
            ("a_v", "a_v"),
            ("v1", "v1"),
        ] {
            assert_eq!(unversioned(model), name);
        }
    }
}
