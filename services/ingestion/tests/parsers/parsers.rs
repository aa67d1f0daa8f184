//! All that reads what strangers write, each as a function of bytes.

use std::{collections::BTreeMap, fmt, fs, sync::LazyLock};

use domain::{
    ids::AccountId,
    outbound::length::{Unit, split},
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use ingestion::{
    channels::{self, Config, Connector, google_reviews, speak::Outgoing, youtube},
    feeds,
    import::{self, Format, Options},
    mail::{self, html, kind, thread, token, trim},
};

use super::samples::{self, Call};

/// The kinds of bodies that calls name.
const KINDS: [&str; 7] = [
    "application/json",
    "application/cloudevents+json",
    "application/cloudevents-batch+json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=xYzZY",
    "text/xml; charset=utf-16",
    "",
];

/// Kinds of calls that are taken from samples, beside those.
const SAMPLE_KINDS_MAX: usize = 2;

/// Of a text that is cut into parts, in bytes: each is cut in two dozen ways.
const REPLY_MAX: usize = 16 * 1024;

/// What reads.
type Run = Box<dyn Fn(&[u8]) + Send + Sync>;

/// A parser.
pub struct Parser {
    pub name: String,
    run: Run,
    pub samples: Vec<Vec<u8>>,
}

impl fmt::Debug for Parser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Parser {
    fn new(
        name: impl Into<String>,
        samples: Vec<Vec<u8>>,
        run: impl Fn(&[u8]) + Send + Sync + 'static,
    ) -> Self {
        assert!(!samples.is_empty());
        Self { name: name.into(), run: Box::new(run), samples }
    }

    /// Reads the bytes, and gives what they mean away.
    pub fn run(&self, bytes: &[u8]) {
        super::watch::watched(&self.name, || (self.run)(bytes));
    }
}

/// All of them.
pub static ALL: LazyLock<Vec<Parser>> = LazyLock::new(|| {
    let mut all = Vec::new();
    all.extend(channels::ALL.iter().map(|connector| of_connector(*connector)));
    all.extend(channels::SPEAKERS.iter().map(|speaker| of_speaker(*speaker)));
    all.extend(mails());
    all.extend(imports());
    let feeds_samples =
        samples::FEEDS.iter().map(|feed| feed.as_bytes().to_vec()).chain(samples::files("feeds"));
    all.push(Parser::new("feed", feeds_samples.collect(), feed));
    let pages = samples::ANSWERS.iter().map(|answer| answer.as_bytes().to_vec()).collect();
    all.push(Parser::new("pages that are asked for", pages, |bytes| {
        let _ = youtube::comments(bytes);
        let _ = google_reviews::reviews(bytes);
    }));
    all.push(Parser::new(
        "parts of a text",
        vec![b"Hello, see https://a.example/b. \xf0\x9f\x91\x8d Bye!".to_vec()],
        |bytes| {
            let text = String::from_utf8_lossy(&bytes[..bytes.len().min(REPLY_MAX)]);
            for unit in
                [Unit::Graphemes, Unit::Scalars, Unit::Utf16, Unit::Bytes, Unit::SmsSegments, Unit::Weighted]
            {
                for max in [1, 10, 280, 4_096] {
                    let _ = split(&text, max, unit, 20);
                }
            }
        },
    ));
    all
});

/// An account that knows everything that any connector asks for.
pub fn config(settings: &BTreeMap<String, String>) -> Config {
    let mut config = Config { settings: settings.clone(), ..Config::default() };
    let named = channels::ALL.iter().flat_map(|connector| connector.secrets().iter().copied());
    let more =
        ["token", "bearer", "public_key", "signature_secret", "signing_secret", "secret", "auth_token"];
    for name in named.chain(more) {
        config.secrets.insert(name.to_owned(), "0123456789abcdef0123456789abcdef".to_owned().into());
    }
    let key = "kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR".to_owned();
    config.secrets.insert("encoding_aes_key".to_owned(), key.into());
    for (name, value) in [("app_id", "wx1"), ("confirmation", "c")] {
        config.settings.entry(name.to_owned()).or_insert_with(|| value.to_owned());
    }
    config
}

/// What a connector makes of a call; it ends by answering.
pub fn read(connector: &dyn Connector, call: &Call, config: &Config) {
    let hook = call.hook();
    let _ = connector.verify(&hook, config);
    let _ = connector.read(&hook, config);
    let mut pieces = 0;
    let _ = channels::split::each(hook.body, connector.lists(), &mut |_| pieces += 1);
}

fn of_connector(connector: &'static dyn Connector) -> Parser {
    let calls = samples::of(connector);
    let bodies = calls.iter().map(|call| call.body.clone()).filter(|body| !body.is_empty());
    let mut bodies: Vec<_> = bodies.collect();
    if bodies.is_empty() {
        bodies.push(calls[0].url.clone().into_bytes());
    }
    // As samples call, and as nobody does.
    let mut kinds: Vec<_> =
        calls.iter().map(|call| (call.headers.clone(), call.config.settings.clone())).collect();
    kinds.dedup();
    kinds.truncate(SAMPLE_KINDS_MAX);
    for kind in KINDS {
        let headers = HeaderMap::from_iter([(http::header::CONTENT_TYPE, HeaderValue::from_static(kind))]);
        kinds.push((headers, BTreeMap::new()));
    }
    let kinds: Vec<_> = kinds.into_iter().map(|(headers, settings)| (headers, config(&settings))).collect();
    Parser::new(format!("connector {}", connector.name()), bodies, move |bytes| {
        for (headers, config) in &kinds {
            read(connector, &Call { headers: headers.clone(), ..Call::post(bytes) }, config);
        }
        // A platform's address is no longer than a head may be.
        let query: String = form_urlencoded::byte_serialize(&bytes[..bytes.len().min(8_192)]).collect();
        for query in [query.clone(), query.replace("%3D", "=").replace("%26", "&")] {
            let url = format!("https://care.example/hooks/account?{query}");
            let get = Call { url, method: Method::GET, ..Call::post(b"") };
            read(connector, &get, &kinds[0].1);
        }
    })
}

fn of_speaker(speaker: &'static dyn channels::speak::Speaker) -> Parser {
    let samples = samples::ANSWERS.iter().map(|answer| answer.as_bytes().to_vec()).collect();
    Parser::new(format!("speaker {}", speaker.name()), samples, move |bytes| {
        let at = "2026-11-27T12:00:00Z".parse().unwrap();
        let outgoing = Outgoing {
            to: "1",
            text: "x",
            subject: None,
            reply_to: None,
            thread: None,
            public: false,
            tag: None,
            template: None,
            language: None,
            parameters: &[],
            named: &[],
            files: &[],
            reply: "0192f0c1-2b3c-7d4e-8f50-617283940a1b".parse().unwrap(),
            key: "67e55044-10b1-426f-9247-bb680e5fe0c8",
            since: at,
            at,
        };
        let mut headers = HeaderMap::new();
        // What an answer says in its body may stand in its head.
        if let Ok(value) = HeaderValue::from_bytes(&bytes[..bytes.len().min(1_024)]) {
            for name in
                ["retry-after", "date", "x-rate-limit-reset", "x-line-accepted-request-id", "location"]
            {
                headers.insert(name, value.clone());
            }
        }
        for status in [200, 201, 202, 302, 400, 401, 409, 429, 500] {
            let status = StatusCode::from_u16(status).unwrap();
            let _ = speaker.answered(status, &headers, bytes);
            let _ = speaker.told(&outgoing, status, bytes);
        }
    })
}

/// Nobody's mails.
struct Nothing;

impl thread::Known for Nothing {
    type Thread = ();

    fn message(&self, _: &str) -> Option<()> {
        None
    }
}

fn mails() -> Vec<Parser> {
    let all: Vec<_> = [samples::MAIL, samples::DSN].iter().map(|mail| mail.as_bytes().to_vec()).collect();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    vec![
        Parser::new("mail", all.clone(), |bytes| {
            let _ = mail::parse::links(bytes);
            let Ok(mail) = mail::parse(bytes) else { return };
            let _ = kind::kind(&mail, &kind::Ourselves::default());
            let account = AccountId::new("mail").unwrap();
            let secret = token::Secret::new(vec![7; 32]).unwrap();
            let _ = thread::matched(&mail, &[], &secret, &account, &Nothing);
            let _ = trim::trim(&mail.text);
            if let Some(html) = &mail.html {
                let _ = html::sanitised(html);
            }
        }),
        Parser::new("html of a mail", vec![samples::HTML.as_bytes().to_vec()], move |bytes| {
            let _ = html::sanitised(&text(bytes));
        }),
        Parser::new("quotes and signatures", vec![samples::MAIL.as_bytes().to_vec()], move |bytes| {
            let _ = trim::trim(&text(bytes));
        }),
        Parser::new(
            "reply tokens",
            vec![b"care+cabcdefghijklmnopqrstuvwxyz234567@shop.example".to_vec()],
            move |bytes| {
                let account = AccountId::new("mail").unwrap();
                let _ = token::read(&token::Secret::new(vec![7; 32]).unwrap(), &account, &text(bytes));
            },
        ),
    ]
}

fn feed(bytes: &[u8]) {
    let at = "https://f.example/feed".parse().unwrap();
    for kind in [None, Some("application/rss+xml; charset=utf-16"), Some("text/xml; charset=shift_jis")] {
        let _ = feeds::parse(bytes, kind, &at);
    }
}

fn imports() -> Vec<Parser> {
    let parser = |format: Format, samples: Vec<Vec<u8>>| {
        Parser::new(format!("import of {}", format.name()), samples, move |bytes| {
            let file = tempfile::NamedTempFile::new().unwrap();
            fs::write(file.path(), bytes).unwrap();
            let options =
                Options { own_addresses: vec!["care@shop.example".to_owned()], ..Options::default() };
            let Ok(import) = import::open(file.path(), format, options) else { return };
            let rows = import.records().unwrap().count() as u64;
            assert_eq!(rows, import.rows(), "each row is told of, once");
        })
    };
    let file = |name: &str| fs::read(samples::folder().join("import").join(name)).unwrap();
    let csv =
        b"id,author_id,text,sent_at\r\n1,ana,\"It \"\"leaks\"\"\r\nbadly\",2026-11-27T10:00:00Z\r\n".to_vec();
    vec![
        parser(Format::Csv, vec![file("tweets.csv"), file("labels.csv"), csv]),
        parser(Format::Jsonl, vec![file("messages.jsonl")]),
        parser(Format::Mbox, vec![file("archive.mbox")]),
        parser(Format::Eml, samples::files("import/mails")),
    ]
}
