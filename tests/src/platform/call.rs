//! A call as it comes over the wire, and what is answered.

use std::collections::HashMap;

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// A file: its name and its bytes.
pub(super) type File = (String, Vec<u8>);

/// A call.
pub(super) struct Call {
    pub(super) method: String,
    /// Without what stands behind the question mark.
    pub(super) path: String,
    query: String,
    head: String,
    pub(super) body: Vec<u8>,
}

/// An answer.
pub(super) struct Answer {
    pub(super) status: u16,
    /// More headers, each with its end of line.
    pub(super) head: String,
    pub(super) body: Value,
}

impl Answer {
    pub(super) fn new(status: u16, body: Value) -> Self {
        Self { status, head: String::new(), body }
    }

    pub(super) fn with(self, name: &str, value: &str) -> Self {
        Self { head: format!("{}{name}: {value}\r\n", self.head), ..self }
    }
}

impl Call {
    pub(super) async fn read(stream: &mut TcpStream) -> std::io::Result<Self> {
        let mut bytes = Vec::new();
        let end = loop {
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break end;
            }
            if stream.read_buf(&mut bytes).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
        };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let mut line = head.lines().next().unwrap_or_default().split(' ');
        let (method, target) = (line.next().unwrap_or_default(), line.next().unwrap_or_default());
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let (method, path, query) = (method.to_owned(), path.to_owned(), query.to_owned());
        let mut call = Self { method, path, query, head, body: bytes.split_off(end + 4) };
        let length = call.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        while call.body.len() < length {
            if stream.read_buf(&mut call.body).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(call)
    }

    pub(super) fn header(&self, name: &str) -> Option<String> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    }

    /// The body; nothing, if it is no JSON.
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// A parameter of the address; empty, if there is none.
    pub(super) fn parameter(&self, name: &str) -> String {
        let mut all = form_urlencoded::parse(self.query.as_bytes());
        all.find(|(found, _)| found == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
    }

    /// The parts of the path, and the values behind the question mark.
    pub(super) fn names(&self) -> Vec<String> {
        let values = form_urlencoded::parse(self.query.as_bytes()).map(|(_, value)| value.into_owned());
        self.path.split('/').map(str::to_owned).chain(values).collect()
    }

    /// A field of the form that the body is; empty, if there is none.
    pub(super) fn field(&self, name: &str) -> String {
        let mut all = form_urlencoded::parse(&self.body);
        all.find(|(found, _)| found == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
    }

    /// A part of the path, from its beginning or, below zero, from its end.
    pub(super) fn part(&self, at: isize) -> String {
        let parts: Vec<_> = self.path.split('/').skip(1).collect();
        let at = if at < 0 { parts.len().checked_add_signed(at) } else { usize::try_from(at).ok() };
        at.and_then(|at| parts.get(at)).map(|&part| part.to_owned()).unwrap_or_default()
    }

    /// The fields of a form with a file, and the file.
    pub(super) fn form(&self) -> (HashMap<String, String>, Option<File>) {
        let boundary = self.head.split("boundary=").nth(1).and_then(|rest| rest.lines().next());
        let mut fields = HashMap::new();
        let mut file = None;
        let boundary = format!("\r\n--{}", boundary.unwrap_or_default().trim());
        let body = [b"\r\n", self.body.as_slice()].concat();
        let starts: Vec<usize> = body
            .windows(boundary.len())
            .enumerate()
            .filter(|(_, here)| *here == boundary.as_bytes())
            .map(|(at, _)| at)
            .collect();
        for pair in starts.windows(2) {
            let part = &body[pair[0] + boundary.len()..pair[1]];
            let Some(end) = part.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
            let head = String::from_utf8_lossy(&part[..end]).into_owned();
            let content = part[end + 4..].to_vec();
            let named =
                |name: &str| head.split(&format!("; {name}=\"")).nth(1)?.split('"').next().map(str::to_owned);
            match (named("name"), named("filename")) {
                (_, Some(name)) => file = Some((name, content)),
                (Some(name), None) => {
                    fields.insert(name, String::from_utf8_lossy(&content).into_owned());
                }
                (None, None) => {}
            }
        }
        (fields, file)
    }
}

/// A text; empty, if it is none.
pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

pub(super) async fn answer(stream: &mut TcpStream, answer: &Answer) -> std::io::Result<()> {
    let Answer { status, head, body } = answer;
    // What has no body has none.
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let text = format!(
        "HTTP/1.1 {status} Said\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n{head}\r\n{body}",
        body.len()
    );
    stream.write_all(text.as_bytes()).await?;
    stream.shutdown().await
}
