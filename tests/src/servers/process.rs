use std::{
    fs::{self, File},
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

/// How long a server may take to be ready, or to end.
const WAIT_MAX: Duration = Duration::from_secs(60);
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long an HTTP answer may take.
const ANSWER_WAIT: Duration = Duration::from_secs(5);
/// How much of a server's output is shown when it fails, in bytes.
const OUTPUT_SHOWN: usize = 4000;

/// A child process that ends with its value.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    output: PathBuf,
}

impl Process {
    /// Starts it with its output going to the end of a file.
    pub(crate) fn start(command: &mut Command, output: &Path) -> Self {
        let file = File::options().create(true).append(true).open(output);
        let file = file.unwrap_or_else(|error| panic!("{}: {error}", output.display()));
        let twin = file.try_clone().unwrap_or_else(|error| panic!("{}: {error}", output.display()));
        let child = command.stdin(Stdio::null()).stdout(file).stderr(twin).spawn();
        let child = child.unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self { child, output: output.into() }
    }

    /// As the system calls it.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Returns when `ready` is true; panics with the end of its output if that takes too long.
    pub(crate) fn wait_until(&mut self, what: &str, mut ready: impl FnMut() -> bool) {
        let started = Instant::now();
        while !ready() {
            let ended = self.child.try_wait().ok().flatten();
            if ended.is_some() || started.elapsed() > WAIT_MAX {
                let state =
                    ended.map_or_else(|| "still runs".into(), |status| format!("ended with {status}"));
                panic!("{what}: not ready, the process {state}\n{}", self.tail());
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    /// Sends a signal by name and waits for the end; kills what does not end in time.
    pub(crate) fn end(&mut self, signal: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &id]).status();
        let started = Instant::now();
        while sent.as_ref().is_ok_and(ExitStatus::success) && started.elapsed() < WAIT_MAX {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(LOOK_EVERY);
        }
        self.kill();
    }

    /// As a power cut would, but for what the kernel still writes: with its children, which might go on for a moment and
    /// answer.
    pub(crate) fn kill(&mut self) {
        let id = self.child.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
        self.child.kill().ok();
        self.child.wait().ok();
        if !children.trim().is_empty() {
            // An error means that they have ended by themselves.
            Command::new("kill")
                .args(["-s", "KILL"])
                .args(children.split_whitespace())
                .stderr(Stdio::null())
                .status()
                .ok();
        }
    }

    fn tail(&self) -> String {
        let output = fs::read(&self.output).unwrap_or_default();
        let start = output.len().saturating_sub(OUTPUT_SHOWN);
        String::from_utf8_lossy(&output[start..]).into_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Ports that nobody listens on. All are held until the last is found, so they differ.
pub(crate) fn free_ports<const N: usize>() -> [u16; N] {
    let listeners: [TcpListener; N] = std::array::from_fn(|_| {
        TcpListener::bind(("127.0.0.1", 0)).unwrap_or_else(|error| panic!("no free port: {error}"))
    });
    listeners.map(|listener| match listener.local_addr() {
        Ok(address) => address.port(),
        Err(error) => panic!("no free port: {error}"),
    })
}

/// The body of an HTTP answer with status 200.
pub(crate) fn get(port: u16, path: &str) -> Option<String> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let mut connection = TcpStream::connect_timeout(&address, ANSWER_WAIT).ok()?;
    connection.set_read_timeout(Some(ANSWER_WAIT)).ok()?;
    write!(connection, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").ok()?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    head.split(' ').nth(1).filter(|status| *status == "200").map(|_| body.to_owned())
}
