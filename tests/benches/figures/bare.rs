//! The baseline of commands: a gRPC handler that appends a prepared entry, and nothing else.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use eventlog::{Category, EventLog, NewEntry, Position, StreamId};
use proto::cases::v1::{AddNoteRequest, CommandResponse};
use tokio::net::TcpListener;
use tonic::{
    Request, Response, Status,
    body::Body,
    codegen::{BoxFuture, Service, http},
    metadata::{Ascii, MetadataValue},
    server::{Grpc, NamedService, UnaryService},
    transport::{Channel, Server, server::TcpIncoming},
};
use tonic_prost::ProstCodec;
use uuid::Uuid;

/// Takes requests of the size of a command's and answers as a command is answered.
#[derive(Clone)]
pub struct Bare(Arc<Inner>);

struct Inner {
    log: Arc<dyn EventLog>,
    streams: Vec<(StreamId, AtomicU64)>,
    body: Bytes,
}

impl Bare {
    /// Serves on a port of its own: appends of `body` to as many streams as there are cases.
    pub async fn serve(
        log: Arc<dyn EventLog>,
        streams: usize,
        body: Bytes,
        token: &str,
    ) -> anyhow::Result<Client> {
        let category = Category::new("bare")?;
        let streams = (0..streams)
            .map(|_| Ok((StreamId::new(&category, Uuid::new_v4())?, AtomicU64::new(0))))
            .collect::<anyhow::Result<_>>()?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let service = Self(Arc::new(Inner { log, streams, body }));
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        tokio::spawn(Server::builder().add_service(service).serve_with_incoming(incoming));
        Client::connect(address, token).await
    }

    async fn append(&self, index: usize) -> Result<CommandResponse, Status> {
        let Inner { log, streams, body } = &*self.0;
        let (stream, tail) = streams.get(index).ok_or_else(|| Status::invalid_argument("no such stream"))?;
        let id = Uuid::new_v4();
        let entry = NewEntry { id, stream: stream.clone(), traceparent: None, body: body.clone() };
        let expected = Position(tail.load(Ordering::Acquire));
        let position =
            log.append(expected, entry).await.map_err(|error| Status::unavailable(error.to_string()))?;
        tail.store(position.0, Ordering::Release);
        Ok(CommandResponse {
            position: position.to_string(),
            changed: true,
            case_id: id.to_string(),
            ..CommandResponse::default()
        })
    }
}

impl UnaryService<AddNoteRequest> for Bare {
    type Response = CommandResponse;
    type Future = BoxFuture<Response<CommandResponse>, Status>;

    fn call(&mut self, request: Request<AddNoteRequest>) -> Self::Future {
        let this = self.clone();
        Box::pin(async move {
            let index = request.get_ref().case_id.parse();
            let index = index.map_err(|_| Status::invalid_argument("the stream's number is no number"))?;
            Ok(Response::new(this.append(index).await?))
        })
    }
}

impl Service<http::Request<Body>> for Bare {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let this = self.clone();
        Box::pin(async move { Ok(Grpc::new(ProstCodec::default()).unary(this, request).await) })
    }
}

impl NamedService for Bare {
    const NAME: &'static str = "bench.Bare";
}

/// Calls it over one connection, as the callers of the platform do.
///
/// With the same headers, too: what a caller sends is not what is compared.
#[derive(Clone)]
pub struct Client {
    channel: Channel,
    authorization: MetadataValue<Ascii>,
}

impl Client {
    async fn connect(address: SocketAddr, token: &str) -> anyhow::Result<Self> {
        let channel = Channel::from_shared(format!("http://{address}"))?.connect().await?;
        Ok(Self { channel, authorization: format!("Bearer {token}").parse()? })
    }

    /// Appends to the stream with this number.
    pub async fn append(&self, stream: usize, text: &str) -> anyhow::Result<()> {
        let mut grpc = tonic::client::Grpc::new(self.channel.clone());
        grpc.ready().await?;
        let request = AddNoteRequest {
            command_id: Uuid::new_v4().to_string(),
            case_id: stream.to_string(),
            text: text.into(),
            ..AddNoteRequest::default()
        };
        let path = http::uri::PathAndQuery::from_static("/bench.Bare/Append");
        let codec = ProstCodec::<AddNoteRequest, CommandResponse>::default();
        let mut request = Request::new(request);
        request.metadata_mut().insert("authorization", self.authorization.clone());
        grpc.unary(request, path, codec).await?;
        Ok(())
    }
}
