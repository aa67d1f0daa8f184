use std::{fs, path::PathBuf, process::Command};

use serde_json::Value;
use tempfile::TempDir;

use super::{
    process::{Process, free_ports, get},
    tools,
};

/// How a NATS server is run.
#[derive(Clone, Copy, Debug)]
pub struct NatsOptions {
    /// `sync_interval: always`, or the server's default of two minutes.
    pub sync_always: bool,
}

impl Default for NatsOptions {
    fn default() -> Self {
        Self { sync_always: true }
    }
}

/// One NATS server with JetStream. It keeps its ports and its folder over restarts.
#[derive(Debug)]
pub struct Nats {
    name: String,
    port: u16,
    monitoring_port: u16,
    config: PathBuf,
    process: Option<Process>,
    folder: TempDir,
}

impl Nats {
    /// A server by itself.
    pub fn start(options: NatsOptions) -> Self {
        let [port, monitoring_port] = free_ports();
        let mut server = Self::configured("n1", [port, monitoring_port], options, "");
        server.resume();
        server
    }

    /// `nats://host:port`.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// `http://host:port`.
    pub fn monitoring_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.monitoring_port)
    }

    /// Its process, while it runs.
    pub fn process_id(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    /// Ends it as an operator would, and starts it again.
    pub fn restart(&mut self) {
        self.stop();
        self.resume();
    }

    /// `kill -9`. It stays away until [`resume`](Self::resume).
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill();
        }
    }

    /// Ends it as an operator would. It stays away until [`resume`](Self::resume).
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.end("TERM");
        }
    }

    /// Starts it again with what it has on disk, and waits until it is ready.
    pub fn resume(&mut self) {
        self.spawn();
        self.wait();
    }

    fn configured(name: &str, ports: [u16; 2], options: NatsOptions, cluster: &str) -> Self {
        let folder =
            TempDir::with_prefix("dossier-nats-").unwrap_or_else(|error| panic!("no folder: {error}"));
        let config = folder.path().join("server.conf");
        let [port, monitoring_port] = ports;
        let sync = if options.sync_always { "always" } else { "2m" };
        let store = folder.path().join("store");
        let text = format!(
            "server_name: {name}\n\
             listen: 127.0.0.1:{port}\n\
             http: 127.0.0.1:{monitoring_port}\n\
             jetstream {{ store_dir: {store:?}, sync_interval: {sync}, max_memory_store: 256MB, max_file_store: 16GB }}\n\
             {cluster}\n"
        );
        fs::write(&config, text).unwrap_or_else(|error| panic!("{}: {error}", config.display()));
        Self { name: name.into(), port, monitoring_port, config, process: None, folder }
    }

    fn spawn(&mut self) {
        let mut command = Command::new(tools::nats_server());
        command.arg("--config").arg(&self.config);
        self.process = Some(Process::start(&mut command, &self.folder.path().join("server.log")));
    }

    /// Ready is: JetStream has recovered and, in a cluster, knows its leader.
    fn wait(&mut self) {
        let port = self.monitoring_port;
        if let Some(process) = &mut self.process {
            process.wait_until(&format!("NATS server {}", self.name), || get(port, "/healthz").is_some());
        }
    }

    /// Who it thinks leads `stream`.
    fn leader_of(&self, stream: &str) -> Option<String> {
        let answer = get(self.monitoring_port, "/jsz?accounts=true&streams=true")?;
        let answer: Value = serde_json::from_str(&answer).ok()?;
        let accounts = answer["account_details"].as_array()?;
        let mut streams = accounts.iter().filter_map(|account| account["stream_detail"].as_array()).flatten();
        let found = streams.find(|detail| detail["name"] == stream)?;
        Some(found["cluster"]["leader"].as_str()?.to_owned())
    }
}

/// NATS servers that are one cluster. All sync always.
#[derive(Debug)]
pub struct NatsCluster {
    servers: Vec<Nats>,
}

impl NatsCluster {
    /// Starts `count` servers and waits until they have found each other.
    pub fn start(count: usize) -> Self {
        let ports: Vec<[u16; 3]> = {
            let all: [u16; 15] = free_ports();
            all.chunks_exact(3).take(count).map(|ports| [ports[0], ports[1], ports[2]]).collect()
        };
        assert_eq!(ports.len(), count, "at most five servers");
        let routes: Vec<_> =
            ports.iter().map(|[_, _, port]| format!("\"nats://127.0.0.1:{port}\"")).collect();
        let mut servers = Vec::new();
        for (n, [port, monitoring_port, route_port]) in ports.iter().enumerate() {
            let cluster = format!(
                "cluster {{ name: dossier, listen: 127.0.0.1:{route_port}, routes: [{}] }}",
                routes.join(", ")
            );
            let name = format!("n{}", n + 1);
            servers.push(Nats::configured(
                &name,
                [*port, *monitoring_port],
                NatsOptions::default(),
                &cluster,
            ));
        }
        let mut cluster = Self { servers };
        cluster.servers.iter_mut().for_each(Nats::spawn);
        cluster.servers.iter_mut().for_each(Nats::wait);
        cluster
    }

    /// `nats://host:port` of each.
    pub fn urls(&self) -> Vec<String> {
        self.servers.iter().map(Nats::url).collect()
    }

    /// `http://host:port` of each.
    pub fn monitoring_urls(&self) -> Vec<String> {
        self.servers.iter().map(Nats::monitoring_url).collect()
    }

    /// Each of them.
    pub fn servers(&mut self) -> &mut [Nats] {
        &mut self.servers
    }

    /// The server that leads `stream`, if there is one now.
    pub fn leader_of(&mut self, stream: &str) -> Option<&mut Nats> {
        let leader =
            self.servers.iter().find_map(|server| server.leader_of(stream).filter(|n| !n.is_empty()))?;
        self.servers.iter_mut().find(|server| server.name == leader)
    }
}
