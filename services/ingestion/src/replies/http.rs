//! Calls at platforms, in bounded time and memory, and what an answer that never came means.

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use secrecy::ExposeSecret;
use service::Error;

use crate::channels::speak::Call;

/// How long a connection may take to come about.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);
/// How long a call may take. Shorter than the time after which an attempt counts as lost.
pub(super) const CALL_TIME_MAX: Duration = Duration::from_secs(60);
/// The longest answer that is read, in bytes.
const ANSWER_MAX: usize = 1 << 20;

/// Calls platforms.
pub(super) struct Client(reqwest::Client);

/// An answer.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// Why there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum None {
    /// Nothing left us.
    NotConnected,
    /// It left us, and no answer came in time.
    TimedOut,
    /// It left us, or some of it, and the connection broke.
    Dropped,
    /// An answer came that is too long to be one.
    Unreadable,
    /// The call cannot be made: an address or a header that is none.
    Impossible,
    /// The call would show who we are to whoever reads along, and policy does not allow that.
    Plain,
}

impl Client {
    pub(super) fn new() -> Result<Self, Error> {
        // Fails only if somebody installed one before, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // A redirect would take what is said, and who we are, somewhere else; so would a proxy of the environment.
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIME_MAX)
            .timeout(CALL_TIME_MAX)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .user_agent("dossier")
            .build();
        client.map(Self).map_err(|error| Error::Internal(format!("no HTTP client: {error}")))
    }

    /// Calls, and waits for the answer for at most `time`. Without TLS only this machine, or if `private`.
    pub(super) async fn call(&self, call: Call, time: Duration, private: bool) -> Result<Answer, None> {
        if !private && !is_secret(&call.url)? {
            return Err(None::Plain);
        }
        let request = self.0.request(call.method, &call.url).body(call.body);
        let mut request = request.timeout(time.min(CALL_TIME_MAX));
        for (name, value) in &call.headers {
            request = request.header(*name, value);
        }
        for (name, value) in &call.secret_headers {
            let mut value =
                http::HeaderValue::from_str(value.expose_secret()).map_err(|_| None::Impossible)?;
            value.set_sensitive(true);
            request = request.header(*name, value);
        }
        let mut response = request.send().await.map_err(|error| why(&error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| why(&error))? {
            if body.len() + chunk.len() > ANSWER_MAX {
                return Err(None::Unreadable);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, headers, body })
    }
}

/// Whether nobody on the way reads along.
fn is_secret(url: &str) -> Result<bool, None> {
    let url = reqwest::Url::parse(url).map_err(|_| None::Impossible)?;
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let here = host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
    Ok(url.scheme() == "https" || here || host == "localhost")
}

fn why(error: &reqwest::Error) -> None {
    if error.is_builder() {
        None::Impossible
    } else if error.is_connect() {
        None::NotConnected
    } else if error.is_timeout() {
        None::TimedOut
    } else {
        None::Dropped
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    /// Tells the test that it is the process with the proxies, and where the platform is.
    const CALLS: &str = "DOSSIER_TEST_CALLS";

    /// Counts who connects, and answers `204`.
    async fn listening() -> (u16, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let came = Arc::new(AtomicUsize::new(0));
        let counts = Arc::clone(&came);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                counts.fetch_add(1, Ordering::SeqCst);
                let mut asked = [0; 1024];
                let _ = stream.read(&mut asked).await;
                let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").await;
            }
        });
        (port, came)
    }

    #[tokio::test]
    async fn proxies_of_the_environment_are_not_told_what_is_said() {
        if let Ok(port) = std::env::var(CALLS) {
            let client = Client::new().expect("a client");
            let time = Duration::from_secs(5);
            let plain = Call::get(format!("http://127.0.0.1:{port}/")).bearer("t");
            let answer = client.call(plain, time, false).await.expect("the platform answers");
            assert_eq!(answer.status, StatusCode::NO_CONTENT);
            // Nobody speaks TLS there; a proxy would have been asked to lead there.
            let secret = Call::get(format!("https://127.0.0.1:{port}/")).bearer("t");
            assert!(client.call(secret, time, false).await.is_err());
            return;
        }
        let ((platform, called), (proxy, asked)) = (listening().await, listening().await);
        let name = "replies::http::tests::proxies_of_the_environment_are_not_told_what_is_said";
        let mut child = std::process::Command::new(std::env::current_exe().expect("this program"));
        child.args(["--exact", name, "--nocapture"]).env(CALLS, platform.to_string());
        for variable in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
            child.env(variable, format!("http://127.0.0.1:{proxy}"));
        }
        child.env_remove("NO_PROXY").env_remove("no_proxy");
        let done =
            tokio::task::spawn_blocking(move || child.output()).await.expect("a thread").expect("it runs");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
        assert_eq!((called.load(Ordering::SeqCst), asked.load(Ordering::SeqCst)), (2, 0));
    }

    #[tokio::test]
    async fn who_we_are_leaves_this_machine_only_over_tls_or_if_policy_says_so() {
        for url in
            ["http://api.example.invalid/x", "http://10.0.0.1:1/x", "http://127.0.0.1.example.invalid/"]
        {
            assert_eq!(is_secret(url), Ok(false), "{url}");
            let client = Client::new().expect("a client");
            let plain =
                client.call(Call::get(url.to_owned()).bearer("t"), Duration::from_secs(1), false).await;
            assert_eq!(plain.err(), Some(None::Plain), "{url}");
        }
        for url in
            ["https://api.example.invalid/x", "http://127.0.0.1:1/x", "http://[::1]:1/x", "http://localhost/"]
        {
            assert_eq!(is_secret(url), Ok(true), "{url}");
        }
        let client = Client::new().expect("a client");
        let call = Call::get("http://nobody.invalid/".to_owned());
        let allowed = client.call(call, Duration::from_secs(5), true).await.err();
        assert!(allowed.is_some() && allowed != Some(None::Plain), "{allowed:?}");
    }
}
