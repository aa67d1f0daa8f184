//! A real Chromium, driven by `tests/browser/drive.mjs`.

use std::{path::Path, process::Stdio, time::Duration};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use crate::servers::tools;

/// How long the browser may take for one command. Longer than what waits in it.
const ANSWER_MAX: Duration = Duration::from_secs(60);
/// How long it may take to end.
const END_MAX: Duration = Duration::from_secs(10);

/// The browser.
pub struct Browser {
    child: Child,
    input: Option<ChildStdin>,
    output: Lines<BufReader<ChildStdout>>,
}

/// How a tab looks at the world.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// In CSS pixels.
    pub width: u32,
    /// Likewise.
    pub height: u32,
    /// Whether it prefers the dark.
    pub dark: bool,
    /// Its language.
    pub locale: &'static str,
}

impl Look {
    /// A desk.
    pub const DESKTOP: Self = Self { width: 1280, height: 800, dark: false, locale: "en-GB" };
    /// A phone.
    pub const PHONE: Self = Self { width: 390, height: 844, dark: false, locale: "en-GB" };
}

impl Browser {
    /// Starts it.
    ///
    /// # Panics
    ///
    /// If it, Node.js or Playwright is not there: `tests/run` provides them.
    pub async fn start() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser");
        let mut child = Command::new("node")
            .arg(folder.join("drive.mjs"))
            .env("DOSSIER_CHROMIUM", tools::chromium())
            .env("DOSSIER_PLAYWRIGHT", tools::playwright())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("node: {error}: install Node.js 20 or later"));
        let input = child.stdin.take();
        let output = child.stdout.take().expect("the output is piped");
        Self { child, input, output: BufReader::new(output).lines() }
    }

    /// A tab with a visitor of its own.
    pub async fn open(&mut self, tab: &str, look: Look) {
        self.open_with(tab, look, "").await;
    }

    /// The same, where this script runs before any of a page.
    pub async fn open_with(&mut self, tab: &str, look: Look, script: &str) {
        let Look { width, height, dark, locale } = look;
        self.run(json!({"do": "open", "tab": tab, "width": width, "height": height, "dark": dark,
                        "locale": locale, "script": script}))
            .await;
    }

    /// One more tab of the same visitor.
    pub async fn open_beside(&mut self, tab: &str, of: &str) {
        self.run(json!({"do": "open", "tab": tab, "of": of})).await;
    }

    /// Does something in a tab: a word of `drive.mjs`, with its fields.
    ///
    /// # Panics
    ///
    /// If it does not go.
    pub async fn act(&mut self, tab: &str, what: &str, fields: Value) -> Value {
        let mut command = json!({"do": what, "tab": tab});
        if let (Some(command), Value::Object(fields)) = (command.as_object_mut(), fields) {
            command.extend(fields);
        }
        self.run(command).await
    }

    /// Waits until something with this text can be seen.
    pub async fn sees(&mut self, tab: &str, at: &str, text: &str) {
        self.act(tab, "wait", json!({"at": at, "text": text})).await;
    }

    /// The texts of all that is there.
    pub async fn texts(&mut self, tab: &str, at: &str) -> Vec<String> {
        let texts = self.act(tab, "texts", json!({"at": at})).await;
        serde_json::from_value(texts).expect("texts")
    }

    async fn run(&mut self, command: Value) -> Value {
        let line = format!("{command}\n");
        let input = self.input.as_mut().expect("it runs");
        let answered = async {
            input.write_all(line.as_bytes()).await.expect("the browser listens");
            self.output.next_line().await.expect("the browser answers").expect("the browser runs")
        };
        let answer = tokio::time::timeout(ANSWER_MAX, answered).await;
        let answer = answer.unwrap_or_else(|_| panic!("the browser does not answer: {command}"));
        let mut answer: Value = serde_json::from_str(&answer).expect("an answer in JSON");
        assert!(answer.get("error").is_none(), "{command}: {}", answer["error"].as_str().unwrap_or_default());
        answer["ok"].take()
    }

    /// Ends it in order.
    pub async fn end(mut self) {
        drop(self.input.take());
        // What does not end by itself is killed with the value.
        tokio::time::timeout(END_MAX, self.child.wait()).await.ok();
    }
}
