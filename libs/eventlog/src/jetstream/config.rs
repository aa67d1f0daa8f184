use std::{fmt, path::PathBuf, time::Duration};

use async_nats::jetstream::{
    Context, ErrorCode,
    context::{CreateStreamErrorKind, GetStreamErrorKind},
    stream::{Config, DiscardPolicy, PersistenceMode, RetentionPolicy, StorageType, Stream},
};

use super::{publish, wire::Subjects};
use crate::{Error, NewEntry};

/// The longest name of a site.
const SITE_LEN_MAX: usize = 32;
/// What the headers of an entry take at most.
const HEADERS_MAX: usize = 4096;
/// How long the server remembers message ids: its own default, said so that it cannot differ.
const DUPLICATES_WINDOW: Duration = Duration::from_secs(120);

/// Where the log of a site is, and how it is kept.
#[derive(Clone)]
pub struct JetStreamConfig {
    /// The servers of the cluster: `nats://host:port`, or `tls://`.
    pub servers: Vec<String>,
    /// The site, 1 to 32 of `a-z`, `0-9`, `_` and `-`. It names the stream and is the first token of all subjects.
    pub site: String,
    /// On how many servers each entry is kept: 1, 3 or 5.
    pub replicas: usize,
    /// The log refuses entries beyond this size, in bytes. Below the size of the disk: a full disk freezes it.
    pub max_bytes: Option<u64>,
    /// File with the credentials (JWT and seed) of the site's account.
    pub credentials: Option<PathBuf>,
    /// Monitoring addresses of the servers, `http://host:port`. They are where it can be seen whether a server syncs
    /// always; every server that holds the log must be among them.
    pub monitoring: Vec<String>,
    /// Takes a log whose entries a power cut may lose. For tests only.
    pub unsynced_for_tests: bool,
}

impl JetStreamConfig {
    /// One site on these servers, three replicas.
    pub fn new(servers: Vec<String>, site: &str) -> Self {
        Self {
            servers,
            site: site.into(),
            replicas: 3,
            max_bytes: None,
            credentials: None,
            monitoring: Vec::new(),
            unsynced_for_tests: false,
        }
    }

    /// The name of the JetStream stream.
    pub fn stream_name(&self) -> String {
        format!("DOSSIER_{}", self.site.to_ascii_uppercase())
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        let is_name = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-');
        if !(1..=SITE_LEN_MAX).contains(&self.site.len()) || !self.site.bytes().all(is_name) {
            return Err(Error::Unusable(format!("site must be 1 to {SITE_LEN_MAX} of a-z, 0-9, _ and -")));
        }
        if self.servers.is_empty() {
            return Err(Error::Unusable("servers names no NATS server".into()));
        }
        if !matches!(self.replicas, 1 | 3 | 5) {
            return Err(Error::Unusable("replicas must be 1, 3 or 5".into()));
        }
        Ok(())
    }

    fn stream(&self) -> Result<Config, Error> {
        let max_bytes = self.max_bytes.map_or(Ok(-1), i64::try_from);
        Ok(Config {
            name: self.stream_name(),
            description: Some("The log of a Dossier site. Never edit it.".into()),
            subjects: vec![Subjects::new(&self.site).all()],
            storage: StorageType::File,
            num_replicas: self.replicas,
            retention: RetentionPolicy::Limits,
            discard: DiscardPolicy::New,
            max_bytes: max_bytes.map_err(|_| Error::Unusable("max_bytes is too large".into()))?,
            max_messages: -1,
            max_messages_per_subject: -1,
            max_message_size: -1,
            max_consumers: -1,
            max_age: Duration::ZERO,
            duplicate_window: DUPLICATES_WINDOW,
            deny_delete: true,
            deny_purge: true,
            allow_direct: false,
            allow_rollup: false,
            ..Config::default()
        })
    }
}

/// Without the servers, whose addresses may carry a password.
impl fmt::Debug for JetStreamConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JetStreamConfig")
            .field("site", &self.site)
            .field("replicas", &self.replicas)
            .field("max_bytes", &self.max_bytes)
            .field("unsynced_for_tests", &self.unsynced_for_tests)
            .finish_non_exhaustive()
    }
}

/// The stream of the site, made if it is not there.
pub(super) async fn open_stream(context: &Context, config: &JetStreamConfig) -> Result<Stream, Error> {
    let wanted = config.stream()?;
    let stream = get_or_create(context, &wanted).await?;
    check_stream(&stream.cached_info().config, &wanted, config)?;
    Ok(stream)
}

/// An entry must fit into a message.
pub(super) fn check_payload(max: usize) -> Result<(), Error> {
    let needed = NewEntry::BODY_MAX + HEADERS_MAX;
    if max < needed {
        return Err(Error::Unusable(format!("max_payload of the server is {max}, {needed} are needed")));
    }
    Ok(())
}

async fn get_or_create(context: &Context, wanted: &Config) -> Result<Stream, Error> {
    let missing = match context.get_stream(&wanted.name).await {
        Ok(stream) => return Ok(stream),
        Err(error) => error,
    };
    match missing.kind() {
        GetStreamErrorKind::JetStream(error) if error.error_code() == ErrorCode::STREAM_NOT_FOUND => {}
        GetStreamErrorKind::JetStream(error) if error.error_code() == ErrorCode::JETSTREAM_NOT_ENABLED => {
            return Err(Error::Unusable("JetStream is not enabled on the server".into()));
        }
        _ => return Err(publish::unavailable(missing)),
    }
    let error = match context.create_stream(wanted.clone()).await {
        Ok(stream) => return Ok(stream),
        Err(error) => error,
    };
    match error.kind() {
        // A cluster that is starting has too few peers at first; that passes, or is told when the wait is over.
        CreateStreamErrorKind::JetStream(inner) if (400..500).contains(&inner.code()) => {
            if inner.error_code() == ErrorCode::STREAM_NAME_EXIST {
                return Err(publish::unavailable(error));
            }
            Err(Error::Unusable(format!("the stream cannot be made: {inner}")))
        }
        _ => Err(publish::unavailable(error)),
    }
}

/// An existing stream must be what we would have made.
fn check_stream(found: &Config, wanted: &Config, config: &JetStreamConfig) -> Result<(), Error> {
    let wrong = [
        ("subjects", found.subjects != wanted.subjects),
        ("storage", found.storage != wanted.storage),
        ("num_replicas", found.num_replicas != wanted.num_replicas),
        ("retention", found.retention != wanted.retention),
        ("discard", found.discard != wanted.discard),
        ("discard_new_per_subject", found.discard_new_per_subject),
        ("max_bytes", config.max_bytes.is_some() && found.max_bytes != wanted.max_bytes),
        ("max_msgs", found.max_messages > 0),
        ("max_msgs_per_subject", found.max_messages_per_subject > 0),
        ("max_msg_size", found.max_message_size > 0),
        ("max_age", !found.max_age.is_zero()),
        ("no_ack", found.no_ack),
        ("sealed", found.sealed),
        ("deny_delete", !found.deny_delete),
        ("deny_purge", !found.deny_purge),
        ("allow_direct", found.allow_direct),
        ("allow_rollup_hdrs", found.allow_rollup),
        ("allow_msg_ttl", found.allow_message_ttl),
        ("mirror", found.mirror.is_some()),
        ("subject_transform", found.subject_transform.is_some()),
        ("persist_mode", found.persist_mode == Some(PersistenceMode::Async)),
    ];
    match wrong.iter().find(|(_, is_wrong)| *is_wrong) {
        None => Ok(()),
        Some((setting, _)) => Err(Error::Unusable(format!(
            "the stream {} has another {setting} than it must have",
            wanted.name
        ))),
    }
}
