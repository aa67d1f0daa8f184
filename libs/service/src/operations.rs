//! What an operator asks a role: its read models, and the log.

use std::{collections::BTreeMap, sync::Arc};

use domain::{policy::organisation::Role, time::Timestamp};
use eventlog::{Category, Entry, Position, StreamId};
use futures_util::{StreamExt, TryStreamExt};
use proto::operations::v1::{
    self as pb,
    operations_server::{Operations, OperationsServer, SERVICE_NAME},
};
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{
    Request, Response, Status,
    service::{RoutesBuilder, interceptor::InterceptedService},
};

use crate::{
    Error,
    grpc::{Authenticate, Routes, principal},
    models::{Models, Rebuilt},
    policies::Policies,
    projection::{self, Projection},
    shell::Shell,
    store,
};

/// Entries of one stream that are answered at once.
const STREAM_MAX: usize = 10_000;
/// Entries that wait for a slow reader.
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
}

/// What of a body is needed to list it.
#[derive(Deserialize)]
struct Head {
    recorded_at: Timestamp,
}

impl Server {
    /// About these read models.
    pub fn new(shell: Shell, policies: Arc<Policies>, models: Vec<Arc<dyn AnyModel>>) -> Self {
        let models = models.into_iter().map(|model| (model.name(), model)).collect();
        Self { shell, policies, models: Arc::new(models) }
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
        let recorded =
            serde_json::from_slice::<Head>(&entry.body).ok().map(|head| head.recorded_at.as_microsecond());
        pb::LogEntry {
            position: self.shell.token(entry.position),
            entry_id: entry.id.to_string(),
            stream: entry.stream.to_string(),
            recorded_at: recorded.map(|micros| prost_types::Timestamp {
                seconds: micros.div_euclid(1_000_000),
                nanos: i32::try_from(micros.rem_euclid(1_000_000) * 1_000).unwrap_or_default(),
            }),
            body: String::from_utf8_lossy(&entry.body).into_owned(),
            traceparent: entry.traceparent.clone().unwrap_or_default(),
        }
    }
}

impl Routes for Server {
    fn names(&self) -> Vec<&'static str> {
        vec![SERVICE_NAME]
    }

    fn add(self: Box<Self>, routes: &mut RoutesBuilder) {
        let authenticate = Authenticate::new(&self.shell);
        routes.add_service(InterceptedService::new(OperationsServer::new(*self), authenticate));
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
        let request = request.into_inner();
        let after = self.shell.position("after", &request.after)?.unwrap_or(Position::NONE);
        let categories: Vec<Category> = request
            .categories
            .iter()
            .enumerate()
            .map(|(i, name)| {
                Category::new(name).map_err(|error| Error::field(format!("categories[{i}]"), error))
            })
            .collect::<Result<_, _>>()?;
        // "Until now" is up to where the read models are: everything acknowledged before the call is below that.
        let until =
            request.until_now.then(|| self.models.values().map(|model| model.position()).max()).flatten();
        let (sender, reader) = mpsc::channel(WAITING_MAX);
        let server = self.clone();
        tokio::spawn(async move {
            if until.is_some_and(|until| until <= after) {
                return;
            }
            // All of them: "until now" may be an entry of another category, which only ends the answer.
            let followed = if until.is_some() { Vec::new() } else { categories.clone() };
            let mut entries = server.shell.log.follow(after, &followed);
            loop {
                let next = tokio::select! {
                    () = sender.closed() => return,
                    next = entries.next() => next,
                };
                let answer = match next {
                    Some(Ok(entry)) if until.is_some_and(|until| entry.position > until) => return,
                    Some(Ok(entry)) if !wanted(&categories, &entry) => {
                        if until == Some(entry.position) {
                            return;
                        }
                        continue;
                    }
                    Some(Ok(entry)) => {
                        let last = until == Some(entry.position);
                        let answer = Ok(pb::TailEventsResponse { entry: Some(server.entry(&entry)) });
                        if sender.send(answer).await.is_err() || last {
                            return;
                        }
                        continue;
                    }
                    Some(Err(error)) => Err(Error::from(error).into()),
                    None => return,
                };
                let _ = sender.send(answer).await;
                return;
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
        let entries = self.shell.log.read(&stream).take(STREAM_MAX);
        let entries: Vec<Entry> = entries.try_collect().await.map_err(Error::from)?;
        if entries.is_empty() {
            return Err(Error::NotFound { what: "stream" }.into());
        }
        Ok(Response::new(pb::GetStreamResponse {
            entries: entries.iter().map(|entry| self.entry(entry)).collect(),
        }))
    }

    async fn list_read_models(
        &self,
        request: Request<pb::ListReadModelsRequest>,
    ) -> Result<Response<pb::ListReadModelsResponse>, Status> {
        self.allow(&request, READERS)?;
        let mut models = Vec::new();
        for (name, model) in self.models.iter() {
            let parked = model.parked().await.map_err(Error::from)?;
            let digest = if request.get_ref().digest {
                model.digest().await.map_err(Error::from)?
            } else {
                String::new()
            };
            models.push(pb::list_read_models_response::ReadModel {
                name: (*name).to_owned(),
                position: self.shell.token(model.position()),
                generation: u32::try_from(model.generation()).unwrap_or(u32::MAX),
                parked: parked
                    .into_iter()
                    .map(|(stream, position, reason)| pb::list_read_models_response::Parked {
                        stream,
                        position: self.shell.token(Position(position)),
                        reason,
                    })
                    .collect(),
                digest,
            });
        }
        Ok(Response::new(pb::ListReadModelsResponse { models }))
    }

    async fn rebuild(
        &self,
        request: Request<pb::RebuildRequest>,
    ) -> Result<Response<Self::RebuildStream>, Status> {
        self.allow(&request, &[Role::Administrator])?;
        let name = request.get_ref().name.as_str();
        let model = self.models.get(name).cloned();
        let names: Vec<&str> = self.models.keys().copied().collect();
        let known = || Error::field("name", format!("must be one of {}", names.join(", ")));
        let model = model.ok_or_else(known)?;
        let (sender, reader) = mpsc::channel(WAITING_MAX);
        let shell = self.shell.clone();
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
            let answer = match model.rebuild(Box::new(progress)).await {
                Ok(rebuilt) => Ok(pb::RebuildResponse {
                    position: shell.token(rebuilt.position),
                    of: shell.token(rebuilt.position),
                    done: true,
                    digest_before: rebuilt.before,
                    digest_after: rebuilt.after,
                }),
                Err(error) => Err(Error::Unavailable(error.to_string()).into()),
            };
            let _ = sender.send(answer).await;
        });
        Ok(Response::new(ReceiverStream::new(reader)))
    }
}

/// Whether an entry is of these categories; none named: of any.
fn wanted(categories: &[Category], entry: &Entry) -> bool {
    categories.is_empty() || categories.iter().any(|category| category.as_str() == entry.stream.category())
}
