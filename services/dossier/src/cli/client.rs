//! Calls: one channel, one token, one bounded retry, and failures that say what to do.

use std::{fs, path::Path, time::Duration};

use http::{Uri, uri::PathAndQuery};
use tokio::time::sleep;
use tonic::{
    Code, Status, Streaming,
    client::Grpc,
    metadata::AsciiMetadataValue,
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint},
};
use tonic_prost::ProstCodec;
use tonic_types::StatusExt;

use super::{
    config::Settings,
    error::{self, Failure},
    output::Out,
    parse,
    rpc::Request,
    token::Token,
};

/// How long a connection may take to be there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How often idle streams are checked.
const KEEPALIVE: Duration = Duration::from_secs(20);
/// The largest answer, in bytes.
const ANSWER_MAX: usize = 64 * 1024 * 1024;
/// How often a call is made if the server is away: once more, with the same command id.
const ATTEMPTS_MAX: u32 = 2;
/// The wait before it is made again, if the server does not say.
const BACKOFF: Duration = Duration::from_millis(400);
/// The longest wait that a server can ask for.
const BACKOFF_MAX: Duration = Duration::from_secs(5);
/// What is said of an answer that is not gRPC.
const NO_FRAME: &str = "invalid compression flag";
/// Where systems keep the certificates they trust.
const CA_BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
    "/etc/ssl/ca-bundle.pem",
];

/// A server that can be called.
#[derive(Clone)]
pub struct Client {
    grpc: Grpc<Channel>,
    channel: Channel,
    server: Uri,
    authorization: Option<AsciiMetadataValue>,
    timeout: Duration,
    out: Out,
}

impl Client {
    /// For the server of the settings. Nothing is connected before the first call.
    pub fn new(settings: &Settings, out: &Out) -> Result<Self, Failure> {
        let server = settings.parsed("server", parse::server)?;
        let timeout = settings.parsed("timeout", parse::duration)?;
        let mut endpoint = Endpoint::from(server.clone())
            .connect_timeout(CONNECT_TIMEOUT)
            .http2_keep_alive_interval(KEEPALIVE)
            .user_agent(concat!("dossier/", env!("CARGO_PKG_VERSION")))
            .map_err(|error| Failure::invalid(error.to_string()))?;
        if server.scheme_str() == Some("https") {
            endpoint = endpoint.tls_config(tls(settings)?).map_err(|error| {
                Failure::invalid("the certificates cannot be used").because(error.to_string())
            })?;
        }
        let token = Token::find(settings, server.host().unwrap_or_default())?;
        out.verbose(1, || match &token {
            Some(token) => format!("{server}, token from {}", token.found),
            None => format!("{server}, no token"),
        });
        let authorization = token.map(|token| format!("Bearer {}", token.text).parse()).transpose();
        let mut authorization: Option<AsciiMetadataValue> =
            authorization.map_err(|_| Failure::invalid("the token cannot be sent"))?;
        if let Some(value) = &mut authorization {
            value.set_sensitive(true);
        }
        let channel = endpoint.connect_lazy();
        let grpc = Grpc::new(channel.clone()).max_decoding_message_size(ANSWER_MAX);
        Ok(Self { grpc, channel, server, authorization, timeout, out: out.clone() })
    }

    /// The channel itself, for services that are not ours.
    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// How long one call may take.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Calls; once more if the server is away.
    pub async fn call<R: Request>(&self, request: R) -> Result<R::Answer, Failure> {
        self.call_at(R::PATH, request).await
    }

    /// The same for a request that several methods take.
    pub async fn call_at<R: Request>(&self, path: &'static str, request: R) -> Result<R::Answer, Failure> {
        Ok(self.patiently(path, request, ATTEMPTS_MAX).await?)
    }

    /// Calls until it is answered by something else than "away" (for the very patient also: than "too slow"),
    /// `attempts` times at most. A request must be harmless to repeat, as all of ours are: queries, commands with their
    /// id, messages with theirs.
    pub async fn call_patiently<R: Request>(&self, request: R, attempts: u32) -> Result<R::Answer, Status> {
        self.patiently(R::PATH, request, attempts).await
    }

    async fn patiently<R: Request>(
        &self,
        path: &'static str,
        request: R,
        attempts: u32,
    ) -> Result<R::Answer, Status> {
        let mut attempt = 1;
        loop {
            let status = match self.once(path, request.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(status) => status,
            };
            let slow = status.code() == Code::DeadlineExceeded && attempts > ATTEMPTS_MAX;
            if !(error::is_away(&status) || slow) || attempt >= attempts {
                return Err(status);
            }
            let wait = backoff(&status, attempt);
            self.out.verbose(1, || format!("{path}: {}; again in {wait:?}", status.message()));
            sleep(wait).await;
            attempt += 1;
        }
    }

    /// Calls a method that streams.
    pub async fn stream<R: Request>(&self, request: R) -> Result<Streaming<R::Answer>, Status> {
        let mut grpc = self.grpc.clone();
        self.out.verbose(1, || format!("{} …", R::PATH));
        let streaming = async {
            ready(&mut grpc).await?;
            let path = PathAndQuery::from_static(R::PATH);
            let codec = ProstCodec::<R, R::Answer>::default();
            grpc.server_streaming(self.with_token(request), path, codec).await
        };
        // Only the first answer is awaited so long: a stream may be silent for hours.
        Ok(self.in_time(streaming).await?.into_inner())
    }

    async fn once<R: Request>(&self, path: &'static str, request: R) -> Result<R::Answer, Status> {
        let mut grpc = self.grpc.clone();
        let mut request = self.with_token(request);
        request.set_timeout(self.timeout);
        let call = async {
            ready(&mut grpc).await?;
            let codec = ProstCodec::<R, R::Answer>::default();
            grpc.unary(request, PathAndQuery::from_static(path), codec).await
        };
        let answer = self.in_time(call).await;
        self.out.verbose(1, || match &answer {
            Ok(_) => format!("{path} ok"),
            Err(status) => format!("{path} {:?}", status.code()),
        });
        if let Ok(answer) = &answer {
            self.out.verbose(2, || format!("{:?}", answer.metadata().as_ref()));
        }
        answer.map(tonic::Response::into_inner)
    }

    async fn in_time<T>(&self, call: impl Future<Output = Result<T, Status>>) -> Result<T, Status> {
        let late = || Status::deadline_exceeded(format!("no answer within {:?}", self.timeout));
        match tokio::time::timeout(self.timeout, call).await {
            Ok(Err(status)) if timed_out(&status) => Err(late()),
            Ok(answer) => answer.map_err(|status| self.of_http_port(status)),
            Err(_) => Err(late()),
        }
    }

    /// `status`, or that this is the other port: an HTTP server answers JSON, whose brace is no gRPC frame.
    pub fn of_http_port(&self, status: Status) -> Status {
        if !status.message().contains(NO_FRAME) {
            return status;
        }
        let next = match (self.server.scheme_str(), self.server.host(), self.server.port_u16()) {
            (Some(scheme), Some(host), Some(port)) => {
                format!("--server {scheme}://{host}:{}", port.saturating_add(1))
            }
            _ => "--server URL".to_owned(),
        };
        error::http_port(
            format!("{} is an HTTP port; the command line needs the gRPC port", self.server),
            format!("call the gRPC port that `dossier up` prints, one above HTTP unless moved: {next}"),
        )
    }

    fn with_token<R>(&self, request: R) -> tonic::Request<R> {
        let mut request = tonic::Request::new(request);
        if let Some(authorization) = &self.authorization {
            request.metadata_mut().insert("authorization", authorization.clone());
        }
        request
    }
}

async fn ready(grpc: &mut Grpc<Channel>) -> Result<(), Status> {
    grpc.ready().await.map_err(|error| Status::from_error(Box::new(error)))
}

/// The transport ends a call at its deadline by cancelling it.
fn timed_out(status: &Status) -> bool {
    status.code() == Code::Cancelled && status.message() == "Timeout expired"
}

fn backoff(status: &Status, attempt: u32) -> Duration {
    let asked = status.get_details_retry_info().and_then(|info| info.retry_delay);
    asked.unwrap_or(BACKOFF).saturating_mul(1 << attempt.min(5).saturating_sub(1)).min(BACKOFF_MAX)
}

fn tls(settings: &Settings) -> Result<ClientTlsConfig, Failure> {
    let named = settings.get("ca_file").map(str::to_owned);
    let path = named
        .or_else(|| std::env::var("SSL_CERT_FILE").ok().filter(|path| !path.is_empty()))
        .or_else(|| CA_BUNDLES.into_iter().find(|path| Path::new(path).exists()).map(str::to_owned));
    let path = path.ok_or_else(|| {
        Failure::invalid("no certificates to trust were found").next("name them with --ca-file FILE")
    })?;
    let pem = fs::read(&path).map_err(|error| {
        Failure::invalid(format!("the certificates {path} cannot be read")).because(error.to_string())
    })?;
    Ok(ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem)))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::{
        super::{Cli, error::Exit, output::Format},
        *,
    };

    #[tokio::test]
    async fn whoever_calls_the_http_port_is_told_the_other_one() {
        let line = ["dossier", "version", "--server", "http://127.0.0.1:8080"];
        let settings = Settings::resolve(&Cli::command().try_get_matches_from(line).unwrap()).unwrap();
        let client = Client::new(&settings, &Out::of_process(Format::default(), true, true, 0)).unwrap();
        let text =
            "protocol error: received message with invalid compression flag: 123 (valid flags are 0 and 1)";
        let failure = Failure::from(client.of_http_port(Status::internal(text)));
        assert_eq!(failure.exit, Exit::Invalid);
        assert!(failure.what.contains("http://127.0.0.1:8080/ is an HTTP port"), "{failure:?}");
        assert!(failure.next.unwrap().ends_with("--server http://127.0.0.1:8081"));
        let other = client.of_http_port(Status::internal("a bug"));
        assert_eq!(Failure::from(other).exit, Exit::Failed);
    }
}
