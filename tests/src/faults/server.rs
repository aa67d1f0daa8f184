use std::{
    env,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Command,
};

use crate::servers::process::{Process, get};

/// Where the first port may be.
const PORTS: std::ops::Range<u16> = 12_000..30_000;
/// Those that follow it: HTTP, gRPC, webhooks, mail.
const STEPS: [u16; 4] = [0, 1, 2, 25];
/// First ports that are tried.
const PORTS_ATTEMPTS: usize = 100;

/// The client of the log calls it an error that a server goes away while it connects. That is no fault of the process.
const LOG_WENT_AWAY: [&str; 2] = ["connection closed unexpectedly", "expected INFO, got nothing"];

/// A process of the real binary. It keeps its ports and its arguments over restarts.
#[derive(Debug)]
pub struct Server {
    /// Where gRPC listens.
    pub grpc: SocketAddr,
    http_port: u16,
    name: String,
    arguments: Vec<String>,
    output: PathBuf,
    process: Option<Process>,
}

impl Server {
    /// A process called `name` whose output goes to `folder`. `arguments` are given the ports of HTTP and, next to it,
    /// of gRPC. Nothing runs yet.
    pub fn new(name: &str, folder: &Path, arguments: impl FnOnce(u16, u16) -> Vec<String>) -> Self {
        let http_port = free_ports();
        let grpc_port = http_port + 1;
        Self {
            grpc: SocketAddr::from(([127, 0, 0, 1], grpc_port)),
            http_port,
            name: name.to_owned(),
            arguments: arguments(http_port, grpc_port),
            output: folder.join(format!("{name}.log")),
            process: None,
        }
    }

    /// Where HTTP listens.
    pub fn http(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.http_port))
    }

    /// Starts it, without waiting until it is ready.
    pub fn spawn(&mut self) {
        let mut command = Command::new(binary());
        command.args(&self.arguments);
        self.process = Some(Process::start(&mut command, &self.output));
    }

    /// Waits until it is ready.
    pub fn wait(&mut self) {
        let port = self.http_port;
        if let Some(process) = &mut self.process {
            process.wait_until(&format!("dossier {}", self.name), || get(port, "/readyz").is_some());
        }
    }

    /// Starts it and waits until it is ready.
    pub fn resume(&mut self) {
        self.spawn();
        self.wait();
    }

    /// `kill -9`. It stays away until [`resume`](Self::resume).
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill();
        }
    }

    /// It neither panicked nor called anything its own fault, in any of its lives.
    pub fn is_faultless(&self) {
        let output = std::fs::read(&self.output).unwrap_or_default();
        let output = String::from_utf8_lossy(&output);
        let own = |line: &&str| line.contains("panicked at") || line.contains("ERROR");
        let bad =
            output.lines().filter(own).find(|line| !LOG_WENT_AWAY.iter().any(|away| line.contains(away)));
        assert_eq!(bad, None, "dossier {} ran without a fault of its own", self.name);
    }

    /// Ends it as an operator would.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.end("TERM");
        }
    }
}

/// The binary that was built beside this test, or the one that `DOSSIER_BINARY` names.
fn binary() -> PathBuf {
    let beside = || {
        let test = env::current_exe().unwrap_or_else(|error| panic!("this test has no path: {error}"));
        test.ancestors().nth(2).map(|folder| folder.join("dossier")).unwrap_or_default()
    };
    let path = env::var_os("DOSSIER_BINARY").map_or_else(beside, PathBuf::from);
    assert!(path.exists(), "{} is not there: build it with `cargo build -p dossier`", path.display());
    path
}

/// A port that nobody listens on, and neither on the next.
/// The first of the ports that `up` listens on, all of them free. Below those that the system gives to whoever asks for any: a
/// process that was killed finds its own again.
fn free_ports() -> u16 {
    let free = |port| TcpListener::bind(("127.0.0.1", port)).ok();
    let found = (0..PORTS_ATTEMPTS).find_map(|_| {
        let chance = uuid::Uuid::new_v4().as_u128();
        let first = PORTS.start + u16::try_from(chance % u128::from(PORTS.end - PORTS.start)).ok()?;
        let held: Vec<_> = STEPS.iter().map_while(|step| free(first + step)).collect();
        (held.len() == STEPS.len()).then_some(first)
    });
    found.unwrap_or_else(|| panic!("no free ports beside each other"))
}
