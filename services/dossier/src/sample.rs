//! A small organisation and a day of its messages, for a first look.

use std::{collections::BTreeMap, path::Path, time::Duration};

use anyhow::Context;
use domain::time::Timestamp;
use eventlog::{Category, Position};
use proto::{
    ingestion::v1::{
        Attachment, Author, Direction, Message, SubmitRequest, submit_request, submit_response::Outcome,
    },
    policy::v1::apply_request::File,
};
use serde::Deserialize;
use thiserror::Error;

use crate::platform::Platform;

/// The policy files: name and text.
const POLICY: [(&str, &str); 4] = [
    ("organisation.toml", include_str!("../sample/policy/organisation.toml")),
    ("accounts.toml", include_str!("../sample/policy/accounts.toml")),
    ("cases.toml", include_str!("../sample/policy/cases.toml")),
    ("routing.toml", include_str!("../sample/policy/routing.toml")),
];
const MESSAGES: &str = include_str!("../sample/messages.jsonl");
const DAY_S: i64 = 24 * 60 * 60;
/// How long the loader waits until the messages are cases.
const FOLLOW_LIMIT: Duration = Duration::from_secs(60);

/// A policy that is not put into force because of what is in its files, or because they are not there.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct Unfit(String);

/// A line of the day; `sample/README.md` says what the keys mean.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    account: String,
    at: String,
    external_id: String,
    #[serde(default)]
    reply_to: String,
    author: Person,
    /// As `dossier import` has it: channel ids.
    #[serde(default)]
    recipients: Vec<String>,
    #[serde(default)]
    direction: Option<String>,
    text: String,
    #[serde(default)]
    subject: String,
    #[serde(default)]
    language: String,
    public: Option<bool>,
    #[serde(default)]
    fields: BTreeMap<String, serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Person {
    external_id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    handle: String,
}

/// Puts the sample's policy into force if `with_policy` and no other is, and the messages of its day, which is yesterday, into the log.
/// Loading again adds nothing: then a message that is edited during the day is history, or its first wording would be an
/// edit of its last one.
pub async fn load(platform: &Platform, with_policy: bool) -> anyhow::Result<()> {
    let empty = platform.policies.current().version == Position::NONE;
    if with_policy && empty {
        let files = POLICY.map(|(name, text)| File { name: name.to_owned(), text: text.to_owned() });
        apply(platform, files.to_vec()).await?;
    }
    let day = platform.shell.clock.now().as_microsecond().div_euclid(DAY_S * 1_000_000) * DAY_S - DAY_S;
    let ingestion = platform.ingestion.as_ref().context("the sample needs the role ingestion")?;
    let principal = platform.administrator();
    // One after the other, over all accounts: the sample has a parent that comes late.
    let mut last = String::new();
    let mut again = false;
    for (i, line) in MESSAGES.lines().enumerate() {
        let line: Line =
            serde_json::from_str(line).with_context(|| format!("line {} of the sample", i + 1))?;
        let account = line.account.clone();
        let message = message(line, day).with_context(|| format!("line {} of the sample", i + 1))?;
        let origin = if again { submit_request::Origin::Import } else { submit_request::Origin::Unspecified };
        let origin = origin.into();
        let request = SubmitRequest { account, messages: vec![message], origin };
        let answer = ingestion.submit(&principal, request).await.with_context(|| {
            format!(
                "line {} of the sample; where another policy is in force, take another folder with --data",
                i + 1
            )
        })?;
        for result in &answer.results {
            again |= i == 0 && result.outcome() == Outcome::Duplicate;
            if result.outcome() == Outcome::Rejected {
                anyhow::bail!("line {} of the sample: {}: {}", i + 1, result.field, result.reason);
            }
        }
        last = answer.position;
    }
    if let (Some(cases), Ok(Some(position))) = (&platform.cases, platform.shell.position("position", &last)) {
        let mut followed = cases.followed();
        let done = followed.wait_for(|done| *done >= position);
        tokio::time::timeout(FOLLOW_LIMIT, done)
            .await
            .context("the sample is in the log, but not all of it is cases yet")??;
    }
    // What was there before finds its way by itself: nobody has to wait for that.
    if again { Ok(()) } else { routed(platform).await }
}

/// Waits until all cases are in their queues or somebody's, and nothing that follows from that is still to come.
pub async fn routed(platform: &Platform) -> anyhow::Result<()> {
    let (Some(cases), Some(assignment)) = (&platform.cases, &platform.assignment) else { return Ok(()) };
    let log = &platform.shell.log;
    let categories =
        |names: &[&str]| names.iter().map(|name| Category::new(name)).collect::<Result<Vec<_>, _>>();
    let mut last = None;
    while last != Some(log.tail(&[]).await?) {
        last = Some(log.tail(&[]).await?);
        for (mut reached, names) in [
            (assignment.followed(), &["case"][..]),
            (assignment.settled(), &["agent", "routing", "case"][..]),
            (cases.followed_routing(), &["routing"][..]),
        ] {
            let tail = log.tail(&categories(names)?).await?;
            tokio::time::timeout(FOLLOW_LIMIT, reached.wait_for(|done| *done >= tail))
                .await
                .context("the sample is cases, but not all of them have found their way yet")??;
        }
    }
    Ok(())
}

/// Puts policy files into force.
pub async fn apply(platform: &Platform, files: Vec<File>) -> anyhow::Result<()> {
    let cases = platform.cases.as_ref().context("a policy needs the role cases")?;
    let answer = cases.apply(&platform.administrator(), files).await?;
    if answer.problems.is_empty() {
        return Ok(());
    }
    let problems: Vec<String> = answer
        .problems
        .iter()
        .map(|p| format!("{}:{}:{}: {} ({})", p.file, p.line, p.column, p.message, p.remedy))
        .collect();
    Err(Unfit(format!("the policy was not put into force:\n{}", problems.join("\n"))).into())
}

/// The policy files of a folder, in the order of their names.
pub fn files_in(folder: &Path) -> anyhow::Result<Vec<File>> {
    let mut files = Vec::new();
    let unread = |path: &Path, error| Unfit(format!("{} cannot be read as policy: {error}", path.display()));
    for entry in std::fs::read_dir(folder).map_err(|error| unread(folder, error))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let text = std::fs::read_to_string(&path).map_err(|error| unread(&path, error))?;
            files.push(File { name: path.display().to_string(), text });
        }
    }
    if files.is_empty() {
        return Err(Unfit(format!("there is no policy file (*.toml) in {}", folder.display())).into());
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

fn message(line: Line, day: i64) -> anyhow::Result<Message> {
    let mut parts = line.at.splitn(3, ':').map(str::parse::<i64>);
    let (Some(Ok(h)), Some(Ok(m)), Some(Ok(s))) = (parts.next(), parts.next(), parts.next()) else {
        anyhow::bail!("`at` must be HH:MM:SS");
    };
    let seconds = day + h * 3_600 + m * 60 + s;
    anyhow::ensure!(Timestamp::from_microsecond(seconds * 1_000_000).is_some(), "`at` is no time");
    let outbound = line.direction.as_deref() == Some("outbound");
    let fields = line.fields.into_iter().map(|(name, value)| match value {
        serde_json::Value::String(text) => (name, text),
        other => (name, other.to_string()),
    });
    Ok(Message {
        external_id: line.external_id,
        reply_to: line.reply_to,
        thread_root: String::new(),
        author: Some(author(line.author)),
        recipient: line
            .recipients
            .into_iter()
            .next()
            .map(|external_id| Author { external_id, ..Author::default() }),
        direction: if outbound { Direction::Outbound } else { Direction::Inbound }.into(),
        text: line.text,
        subject: line.subject,
        sent_at: Some(prost_types::Timestamp { seconds, nanos: 0 }),
        language: line.language,
        public: line.public,
        fields: fields.collect(),
        attachments: Vec::<Attachment>::new(),
        ..Message::default()
    })
}

fn author(person: Person) -> Author {
    Author { external_id: person.external_id, name: person.name, handle: person.handle }
}
