use std::{
    fs,
    os::unix::fs::{MetadataExt, chown},
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use super::{
    process::{Process, free_ports},
    tools,
};

/// Users that a server may run as where the tests run as root, the first that exists.
const USERS: [&str; 2] = ["postgres", "nobody"];
/// The superuser of the database, without a password.
const ROLE: &str = "dossier";

/// How a PostgreSQL server is run.
#[derive(Clone, Copy, Debug, Default)]
pub struct PostgresOptions {
    /// Writes to the disk before it acknowledges. Without, a `kill` of the server loses nothing, a power cut may.
    pub fsync: bool,
}

/// A PostgreSQL server with a fresh cluster of databases. It keeps its port and its folder over restarts.
#[derive(Debug)]
pub struct Postgres {
    port: u16,
    options: PostgresOptions,
    account: Option<Account>,
    process: Option<Process>,
    folder: TempDir,
}

/// Whom the server runs as: PostgreSQL refuses root.
#[derive(Clone, Copy, Debug)]
struct Account {
    user: u32,
    group: u32,
}

impl Postgres {
    /// A server that does not wait for the disk.
    pub fn start() -> Self {
        Self::start_with(PostgresOptions::default())
    }

    /// A server with these options.
    pub fn start_with(options: PostgresOptions) -> Self {
        let folder = TempDir::with_prefix("dossier-pg-").unwrap_or_else(|error| panic!("no folder: {error}"));
        let account = is_root(folder.path()).then(Account::find);
        if let Some(Account { user, group }) = account {
            let owned = chown(folder.path(), Some(user), Some(group));
            owned.unwrap_or_else(|error| panic!("{}: {error}", folder.path().display()));
        }
        let [port] = free_ports();
        let mut server = Self { port, options, account, process: None, folder };
        server.initialise();
        server.resume();
        server
    }

    /// The address of the database `postgres`, which is empty.
    pub fn url(&self) -> String {
        format!("postgres://{ROLE}@127.0.0.1:{}/postgres", self.port)
    }

    /// Ends it as an operator would, and starts it again.
    pub fn restart(&mut self) {
        self.stop();
        self.resume();
    }

    /// `kill -9` of the server. It stays away until [`resume`](Self::resume).
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill();
        }
    }

    /// Ends it as an operator would, cutting its connections. It stays away until [`resume`](Self::resume).
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.end("INT");
        }
    }

    /// Starts it again with what it has on disk, and waits until it takes connections.
    pub fn resume(&mut self) {
        // After a kill its children may hold the shared memory for a moment, and the server refuses to start.
        let mut command = self.command("postgres");
        let fsync = if self.options.fsync { "on" } else { "off" };
        command.arg("-D").arg(self.data());
        for setting in [
            format!("port={}", self.port),
            "listen_addresses=127.0.0.1".into(),
            "unix_socket_directories=".into(),
            format!("fsync={fsync}"),
            format!("synchronous_commit={fsync}"),
            format!("full_page_writes={fsync}"),
            "shared_buffers=32MB".into(),
        ] {
            command.arg("-c").arg(setting);
        }
        let mut process = Process::start(&mut command, &self.folder.path().join("server.log"));
        let port = self.port.to_string();
        process.wait_until("PostgreSQL", || {
            let mut probe = Command::new(tools::postgres_bin().join("pg_isready"));
            let probe = probe.args(["-q", "-h", "127.0.0.1", "-p", &port]);
            probe.status().is_ok_and(|status| status.success())
        });
        self.process = Some(process);
    }

    fn initialise(&self) {
        let mut command = self.command("initdb");
        command
            .args(["--no-sync", "--no-locale", "--encoding=UTF8", "--auth=trust", "--username", ROLE, "-D"])
            .arg(self.data());
        let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn command(&self, program: &str) -> Command {
        let program = tools::postgres_bin().join(program);
        let mut command = match self.account {
            None => Command::new(program),
            Some(Account { user, group }) => {
                let mut command = Command::new("setpriv");
                command
                    .args([format!("--reuid={user}"), format!("--regid={group}"), "--clear-groups".into()])
                    .arg(program);
                command
            }
        };
        command.env("LC_ALL", "C").current_dir(self.folder.path());
        command
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            // Its children end with it, which they would not at once if it were killed.
            process.end("QUIT");
        }
    }
}

impl Account {
    fn find() -> Self {
        let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let account = |name: &str| {
            let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
            let mut fields = line.split(':').skip(2);
            Some(Self { user: fields.next()?.parse().ok()?, group: fields.next()?.parse().ok()? })
        };
        USERS.iter().find_map(|name| account(name)).unwrap_or_else(|| {
            panic!("PostgreSQL does not run as root, and there is none of the users {USERS:?}")
        })
    }
}

/// Who makes a folder owns it.
fn is_root(folder: &Path) -> bool {
    fs::metadata(folder).is_ok_and(|metadata| metadata.uid() == 0)
}
