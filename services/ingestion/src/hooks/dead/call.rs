//! A call as it is kept: what a connector needs to read it again, and nothing that proves who called.

use domain::time::Timestamp;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde::{Deserialize, Serialize};

use crate::channels::Hook;

/// Headers that connectors read. Signatures and tokens are none of them.
const HEADERS: [&str; 3] = ["content-type", WEBHOOK_ID, WEBHOOK_TIMESTAMP];
/// What begins the headers of CloudEvents, which are attributes of the event.
const ATTRIBUTES: &str = "ce-";
const WEBHOOK_ID: &str = "webhook-id";
/// Of the attempt, so that it is another one each time.
const WEBHOOK_TIMESTAMP: &str = "webhook-timestamp";

/// Parameters of the address that prove who calls, or for whom a challenge is: none of them is needed to read a call again.
const PROOFS: [&str; 5] = ["token", "hub.verify_token", "signature", "msg_signature", "bodySHA256"];

/// A call, or one event of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) head: Head,
    pub(crate) body: Vec<u8>,
}

/// A call without its body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) received_at: Timestamp,
}

impl Call {
    /// The call with this body.
    pub(crate) fn of(hook: &Hook<'_>, body: &[u8]) -> Self {
        let read =
            |name: &HeaderName| HEADERS.contains(&name.as_str()) || name.as_str().starts_with(ATTRIBUTES);
        let headers = hook.headers.iter().filter(|(name, _)| read(name));
        let headers = headers
            .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())));
        let head = Head {
            method: hook.method.to_string(),
            url: unproved(hook.url),
            headers: headers.collect(),
            received_at: hook.now,
        };
        Self { head, body: body.to_vec() }
    }

    /// What was asked for, and not told.
    pub(crate) fn asked(body: &[u8], received_at: Timestamp) -> Self {
        let head =
            Head { method: Method::GET.to_string(), url: String::new(), headers: Vec::new(), received_at };
        Self { head, body: body.to_vec() }
    }

    /// What makes it the same as another one. A platform that sends it again signs it anew, in the address perhaps.
    pub(crate) fn identity(&self, account: &str, connector: &str) -> Vec<u8> {
        let url = if self.body.is_empty() { self.head.url.as_str() } else { "" };
        let headers: Vec<_> =
            self.head.headers.iter().filter(|(name, _)| name != WEBHOOK_TIMESTAMP).collect();
        let head = serde_json::json!([account, connector, self.head.method, url, headers]);
        [head.to_string().as_bytes(), b"\n", &self.body].concat()
    }

    /// As it lies sealed.
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        Ok([serde_json::to_vec(&self.head)?.as_slice(), b"\n", &self.body].concat())
    }

    /// What lay sealed.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let end = memchr::memchr(b'\n', bytes)?;
        let head = serde_json::from_slice(bytes.get(..end)?).ok()?;
        Some(Self { head, body: bytes.get(end + 1..)?.to_vec() })
    }

    /// Its method and headers, as a connector sees them.
    pub(crate) fn parts(&self) -> Option<(Method, HeaderMap)> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.head.headers {
            headers.append(HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_str(value).ok()?);
        }
        Some((self.head.method.parse().ok()?, headers))
    }
}

/// The address without the parameters that prove something. What stays is as it came.
fn unproved(url: &str) -> String {
    let Some((path, query)) = url.split_once('?') else { return url.to_owned() };
    let proves = |pair: &&str| {
        let name = form_urlencoded::parse(pair.as_bytes()).next().map(|(name, _)| name);
        name.is_some_and(|name| PROOFS.iter().any(|proof| name.eq_ignore_ascii_case(proof)))
    };
    let kept: Vec<_> = query.split('&').filter(|pair| !proves(pair)).collect();
    if kept.is_empty() { path.to_owned() } else { format!("{path}?{}", kept.join("&")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(timestamp: &str, url: &str, body: &[u8]) -> Call {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("content-type", "application/json"),
            ("ce-id", "1"),
            (WEBHOOK_TIMESTAMP, timestamp),
            ("authorization", "Bearer x"),
            ("x-hub-signature-256", "sha256=00"),
            ("x-telegram-bot-api-secret-token", "s"),
        ] {
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        let now = Timestamp::UNIX_EPOCH;
        Call::of(&Hook { method: &Method::POST, url, headers: &headers, body, now }, body)
    }

    #[test]
    fn it_comes_back_as_it_was_without_what_proves_it() {
        let call = call("7", "https://care.example/hooks/a?x=1", b"{\n\xff\0}");
        let names: Vec<_> = call.head.headers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["content-type", "ce-id", "webhook-timestamp"]);
        assert_eq!(Call::from_bytes(&call.to_bytes().unwrap()), Some(call.clone()));
        let (method, headers) = call.parts().unwrap();
        assert_eq!((method, headers.len()), (Method::POST, 3));
        for broken in [b"".as_slice(), b"{}", b"{}\n", b"\xff\n"] {
            assert_eq!(Call::from_bytes(broken), None);
        }
    }

    #[test]
    fn an_address_is_kept_without_what_proves_it() {
        let url = "https://care.example/hooks/a?token=s&x=1&%74oken=s&signature=s&msg_signature=s&y=%26&hub.verify_token=s";
        assert_eq!(call("7", url, b"{}").head.url, "https://care.example/hooks/a?x=1&y=%26");
        let all = call("7", "https://care.example/hooks/a?Token=s", b"{}");
        assert_eq!(all.head.url, "https://care.example/hooks/a");
        assert!(!String::from_utf8(all.to_bytes().unwrap()).unwrap().contains("=s"));
    }

    #[test]
    fn a_second_delivery_is_the_same() {
        let first = call("7", "https://care.example/?nonce=1", b"{}").identity("a", "c");
        assert_eq!(first, call("8", "https://care.example/?nonce=2", b"{}").identity("a", "c"));
        assert_ne!(first, call("8", "https://care.example/?nonce=2", b"{ }").identity("a", "c"));
        assert_ne!(first, call("7", "https://care.example/?nonce=1", b"{}").identity("b", "c"));
        let by_url = |url| call("7", url, b"").identity("a", "c");
        assert_ne!(by_url("https://care.example/?text=1"), by_url("https://care.example/?text=2"));
    }

    /// A header that a connector reads and that is not kept would make its letters unreadable.
    #[test]
    fn connectors_read_the_same_of_what_is_kept() {
        let folder = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata/channels");
        let mut count = 0;
        for connector in crate::channels::ALL {
            let files =
                std::fs::read_dir(folder.join(connector.name())).unwrap().map(|file| file.unwrap().path());
            for file in files.filter(|file| file.extension().is_some_and(|kind| kind == "json")) {
                let sample: serde_json::Value =
                    serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
                let mut headers = HeaderMap::new();
                for (name, value) in sample["headers"].as_object().into_iter().flatten() {
                    let name: HeaderName = name.parse().unwrap();
                    headers.append(name, HeaderValue::from_str(value.as_str().unwrap()).unwrap());
                }
                let body = match (&sample["json"], sample["body"].as_str()) {
                    (_, Some(body)) => body.as_bytes().to_vec(),
                    (json, None) => json.to_string().into_bytes(),
                };
                let (url, now) =
                    (sample["url"].as_str().unwrap_or("https://care.example/"), Timestamp::UNIX_EPOCH);
                let hook = Hook { method: &Method::POST, url, headers: &headers, body: &body, now };
                let call = Call::of(&hook, &body);
                let (method, headers) = call.parts().unwrap();
                let kept = Hook { method: &method, url: &call.head.url, headers: &headers, ..hook };
                let config = crate::channels::Config::default();
                assert_eq!(
                    connector.read(&kept, &config),
                    connector.read(&hook, &config),
                    "{}",
                    file.display()
                );
                count += 1;
            }
        }
        assert!(count > 100, "{count} samples");
    }
}
