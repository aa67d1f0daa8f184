//! The sets of real mails, and a mail server that sends them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use ingestion::mail::{
    Mail,
    kind::{Ourselves, kind},
    parse,
};
use tests::world::World;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

/// The address of the account that takes them.
pub const ADDRESS: &str = "care@brand.example";

/// A mail of the sets.
pub struct Real {
    pub family: String,
    /// Where it is in the sets.
    pub name: String,
    /// As it goes over the wire.
    pub bytes: Vec<u8>,
    /// What the parser says is in it.
    pub parsed: Option<Mail>,
}

impl Real {
    fn of(folder: &Path, path: &Path) -> Self {
        let name = path.strip_prefix(folder).unwrap().display().to_string();
        let family = name.split('/').next().unwrap().to_owned();
        let bytes = on_the_wire(&fs::read(path).unwrap());
        let parsed = parse(&bytes).ok();
        Self { family, name, bytes, parsed }
    }

    /// Whether both say the same under the same Message-ID.
    pub fn is_same(&self, other: &Self) -> bool {
        let (Some(one), Some(other)) = (&self.parsed, &other.parsed) else { return false };
        let said = |mail: &Mail| {
            let from = mail.from.first().map(|from| (from.name.clone(), from.address.clone()));
            let files: Vec<_> =
                mail.attachments.iter().map(|file| (file.name.clone(), file.content.clone())).collect();
            (mail.message_id.clone(), from, mail.subject.clone(), mail.text.clone(), files)
        };
        said(one) == said(other)
    }

    pub fn is_bounce(&self) -> bool {
        self.family == "bounce"
    }

    /// Whether a person wrote it.
    pub fn is_person(&self) -> bool {
        let ourselves = Ourselves { addresses: [ADDRESS.to_owned()].into(), marker: String::new() };
        self.parsed.as_ref().is_some_and(|mail| kind(mail, &ourselves).is_person())
    }
}

/// Whether a file of the sets is a mail.
fn is_mail(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or_default();
    let extension = file.rsplit_once('.').map_or("", |(_, extension)| extension);
    let mails = ["/_data/emails/", "/TestData/messages/"];
    name.contains("/maildir/")
        || matches!(extension, "eml" | "msg")
        || extension == "txt" && mails.iter().any(|folder| name.contains(folder)) && !name.contains("/files/")
}

/// All of them.
pub fn mails(folder: &Path) -> Vec<Real> {
    let (mut found, mut folders) = (Vec::<PathBuf>::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found.retain(|path| is_mail(&path.strip_prefix(folder).unwrap().display().to_string()));
    found.iter().map(|path| Real::of(folder, path)).collect()
}

/// Lines that end as mail servers end them, whatever ends them in the file.
fn on_the_wire(file: &[u8]) -> Vec<u8> {
    let end = if file.contains(&b'\n') { b'\n' } else { b'\r' };
    let mut bytes = Vec::with_capacity(file.len());
    for line in file.strip_suffix(&[end]).unwrap_or(file).split(|byte| *byte == end) {
        bytes.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

/// A mail server that talks to the site.
pub struct Server(BufReader<TcpStream>);

impl Server {
    pub async fn connect(world: &World) -> Self {
        let mut server =
            Self(BufReader::new(TcpStream::connect(world.platform.mail.unwrap()).await.unwrap()));
        assert!(server.answer().await.starts_with("220"));
        assert!(server.say(b"EHLO mta.test\r\n").await.starts_with("250"));
        server
    }

    /// The last line of an answer.
    async fn answer(&mut self) -> String {
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).await.unwrap();
            if line.as_bytes().get(3) != Some(&b'-') {
                return line.trim_end().to_owned();
            }
        }
    }

    pub async fn say(&mut self, bytes: &[u8]) -> String {
        self.0.get_mut().write_all(bytes).await.unwrap();
        self.answer().await
    }

    /// The answer to a mail.
    pub async fn send(&mut self, from: &str, mail: &[u8]) -> String {
        assert!(self.say(format!("MAIL FROM:<{from}>\r\n").as_bytes()).await.starts_with("250"));
        assert!(self.say(format!("RCPT TO:<{ADDRESS}>\r\n").as_bytes()).await.starts_with("250"));
        assert!(self.say(b"DATA\r\n").await.starts_with("354"));
        let mut data = Vec::with_capacity(mail.len() + 3);
        for line in mail.split_inclusive(|byte| *byte == b'\n') {
            if line.starts_with(b".") {
                data.push(b'.');
            }
            data.extend_from_slice(line);
        }
        data.extend_from_slice(b".\r\n");
        self.say(&data).await
    }
}
