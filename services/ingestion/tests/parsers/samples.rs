//! Valid inputs: of connectors those in `testdata/channels`, of all else what stands here and in `testdata`.

use std::{fs, path::PathBuf};

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use ingestion::channels::{Config, Connector, Hook};
use serde_json::Value;

/// The folder of the samples.
pub fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata")
}

/// A call of a sample.
#[derive(Clone, Debug)]
pub struct Call {
    pub name: String,
    pub method: Method,
    pub url: String,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    pub config: Config,
}

impl Call {
    /// A call that says nothing but this.
    pub fn post(body: &[u8]) -> Self {
        Self {
            name: String::new(),
            method: Method::POST,
            url: "https://care.example/hooks/account".to_owned(),
            headers: HeaderMap::new(),
            body: body.to_vec(),
            config: Config::default(),
        }
    }

    pub fn hook(&self) -> Hook<'_> {
        let now = "2026-11-27T12:00:00Z".parse().unwrap();
        Hook { method: &self.method, url: &self.url, headers: &self.headers, body: &self.body, now }
    }
}

/// The samples of a connector, which must have some.
pub fn of(connector: &dyn Connector) -> Vec<Call> {
    let folder = folder().join("channels").join(connector.name());
    let files = fs::read_dir(&folder).unwrap_or_else(|_| panic!("{} has no samples", connector.name()));
    let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    let mut calls = Vec::new();
    for file in files {
        let text = || fs::read_to_string(&file).unwrap();
        match file.extension().and_then(|kind| kind.to_str()) {
            Some("json") => calls.push(call(&serde_json::from_str(&text()).unwrap())),
            Some("txt") => calls.extend(listed(&text())),
            _ => {}
        }
        if let Some(call) = calls.last_mut().filter(|call| call.name.is_empty()) {
            call.name = file.file_stem().unwrap().to_string_lossy().into_owned();
        }
    }
    assert!(!calls.is_empty(), "{} has no samples", connector.name());
    calls
}

/// A sample of its own file.
fn call(sample: &Value) -> Call {
    let text = |key: &str| sample[key].as_str();
    let mut call = Call::post(b"");
    let mut kind = None;
    if !sample["json"].is_null() {
        call.body = sample["json"].to_string().into_bytes();
        kind = Some("application/json");
    } else if let Some(form) = sample["form"].as_object() {
        let mut body = form_urlencoded::Serializer::new(String::new());
        for (name, value) in form {
            body.append_pair(name, value.as_str().unwrap());
        }
        call.body = body.finish().into_bytes();
        kind = Some("application/x-www-form-urlencoded");
    } else if let Some(body) = text("body") {
        call.body = body.as_bytes().to_vec();
    }
    let kind = kind.map(|kind| ("content-type".to_owned(), Value::from(kind)));
    let headers = sample["headers"].as_object().cloned().unwrap_or_default();
    for (name, value) in kind.into_iter().chain(headers) {
        let value = HeaderValue::from_str(value.as_str().unwrap()).unwrap();
        call.headers.insert(name.parse::<HeaderName>().unwrap(), value);
    }
    call.method = text("method").map_or(Method::POST, |method| method.parse().unwrap());
    call.url = text("url").map_or(call.url, str::to_owned);
    for (name, value) in sample["settings"].as_object().into_iter().flatten() {
        call.config.settings.insert(name.clone(), value.as_str().unwrap().to_owned());
    }
    call
}

/// Samples that stand in one file: `# name [setting=value]`, a body, and what it says after `-> `.
fn listed(text: &str) -> Vec<Call> {
    let mut calls: Vec<Call> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with("-> ")) {
        if let Some(title) = line.strip_prefix("# ") {
            let (name, settings) = title.split_once(" [").unwrap_or((title, ""));
            let mut call = Call { name: name.to_owned(), ..Call::post(b"") };
            call.headers.insert("content-type", HeaderValue::from_static("application/json"));
            let settings = settings.trim_end_matches(']').split(',').filter_map(|set| set.split_once('='));
            call.config.settings =
                settings.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            calls.push(call);
        } else if let Some(call) = calls.last_mut() {
            call.body.extend_from_slice(line.as_bytes());
        }
    }
    calls
}

/// Files of a folder of `testdata`, however deep.
pub fn files(name: &str) -> Vec<Vec<u8>> {
    let mut folders = vec![folder().join(name)];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(!found.is_empty());
    found.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// A mail with parts of many kinds.
pub const MAIL: &str = "Received: from a by b; Fri, 27 Nov 2026 10:00:00 +0000\r\n\
From: =?utf-8?q?Ana_S=C3=A1?= <ana@customer.example>, other@customer.example\r\n\
To: care@shop.example, \"Desk\" <care+abc@shop.example>\r\nCc: group: x@y.example, z@y.example;\r\n\
Subject: =?iso-8859-1?b?U2NoYWRlbg==?= =?utf-8?q?_auf?=\r\nMessage-ID: <1@customer.example>\r\n\
In-Reply-To: <0@shop.example>\r\nReferences: <a@shop.example> <0@shop.example>\r\n\
Date: Fri, 27 Nov 2026 11:00:00 +0100\r\nMIME-Version: 1.0\r\n\
Content-Type: multipart/mixed; boundary=\"b1\"\r\n\r\n--b1\r\n\
Content-Type: multipart/alternative; boundary=b2\r\n\r\n--b2\r\n\
Content-Type: text/plain; charset=windows-1252; format=flowed\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
It leaks, =80 5 =\r\nplease.\r\n\r\n-- \r\nAna\r\n\r\nOn Fri, Nov 27, 2026, Desk <care@shop.example> wrote:\r\n> what?\r\n--b2\r\n\
Content-Type: text/html; charset=utf-8\r\n\r\n<p style=\"color:red\">It <b>leaks</b> <img src=\"https://t.example/p.gif\"></p>\r\n--b2--\r\n--b1\r\n\
Content-Type: image/png; name*=utf-8''%e2%82%ac.png\r\nContent-Disposition: attachment; filename*0=\"a\"; filename*1=\"b.png\"\r\n\
Content-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n--b1\r\nContent-Type: message/rfc822\r\n\r\n\
From: a@b.example\r\nSubject: inner\r\n\r\ninner\r\n--b1--\r\n";

/// A delivery status notification (RFC 3464).
pub const DSN: &str = "Return-Path: <>\r\nFrom: Mail Delivery System <MAILER-DAEMON@mx.example>\r\nTo: care@shop.example\r\n\
Subject: Undelivered Mail Returned to Sender\r\nAuto-Submitted: auto-replied\r\nMessage-ID: <d@mx.example>\r\n\
Content-Type: multipart/report; report-type=delivery-status; boundary=r\r\n\r\n--r\r\nContent-Type: text/plain\r\n\r\n\
<ana@customer.example>: host mx said: 550 5.1.1 User unknown\r\n--r\r\nContent-Type: message/delivery-status\r\n\r\n\
Reporting-MTA: dns; mx.example\r\nArrival-Date: Fri, 27 Nov 2026 10:00:00 +0000\r\n\r\n\
Original-Recipient: rfc822;ana@customer.example\r\nFinal-Recipient: rfc822; ana@customer.example\r\nAction: failed\r\n\
Status: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 <ana@customer.example>: User unknown\r\n--r\r\n\
Content-Type: text/rfc822-headers\r\n\r\nMessage-ID: <0@shop.example>\r\nSubject: Re: It leaks\r\n--r--\r\n";

/// Feeds of both kinds.
pub const FEEDS: [&str; 2] = [
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?><rss version=\"2.0\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\" \
     xmlns:content=\"http://purl.org/rss/1.0/modules/content/\"><channel><title>t</title><link>https://f.example/</link>\
     <item><guid isPermaLink=\"false\">1</guid><title>It &amp;amp; leaks</title><dc:creator>Ana</dc:creator>\
     <pubDate>Fri, 27 Nov 2026 10:00:00 GMT</pubDate><content:encoded><![CDATA[<p onclick=\"x()\">It <b>leaks</b></p>]]></content:encoded>\
     <enclosure url=\"https://f.example/a.mp3\" length=\"1\" type=\"audio/mpeg\"/></item></channel></rss>",
    "<feed xmlns=\"http://www.w3.org/2005/Atom\" xml:base=\"https://f.example/\"><title type=\"html\">t</title><id>urn:1</id>\
     <updated>2026-11-27T10:00:00Z</updated><entry><id>urn:2</id><title>It leaks</title><updated>2026-11-27T10:00:00Z</updated>\
     <author><name>Ana</name><uri>/ana</uri></author><link href=\"e\"/><content type=\"xhtml\"><div \
     xmlns=\"http://www.w3.org/1999/xhtml\">It <b>leaks</b></div></content></entry></feed>",
];

/// Answers of platforms' APIs.
pub const ANSWERS: [&str; 8] = [
    r#"{"messages":[{"id":"wamid.1","message_status":"accepted"}]}"#,
    r#"{"recipient_id":"1","message_id":"m_1"}"#,
    r#"{"error":{"message":"x","type":"OAuthException","code":131047,"error_subcode":2018278}}"#,
    r#"{"ok":false,"error_code":429,"description":"Too Many Requests","parameters":{"retry_after":7}}"#,
    r#"{"sid":"SM1","status":"queued","body":"x","messages":[{"sid":"SM1","body":"x","to":"1"}],"next_page_uri":null}"#,
    r#"{"response":{"peer_id":1,"message_id":2},"error":{"error_code":9}}"#,
    r#"{"data":{"id":"1","dm_event_id":"2"},"errors":[{"title":"x","detail":"y"}]}"#,
    r#"{"items":[{"id":"1","snippet":{"textOriginal":"x","publishedAt":"2026-11-27T10:00:00Z"}}],"ok":true,"channel":"C1","ts":"1.2"}"#,
];

/// HTML as mail programs write it.
pub const HTML: &str = "<html><head><style>p{}</style></head><body><table><tr><td>It <b>leaks</b><br><img src=\"cid:1\">\
<a href=\"https://a.example\" onclick=\"x\">a</a></td></tr></table><blockquote type=cite>what?</blockquote></body></html>";
