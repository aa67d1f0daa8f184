//! The program itself, as it is delivered.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::Context;
use tempfile::TempDir;
use tests::world::World;

use crate::{
    machine::resident_mib,
    measure::{Spread, state},
    replay::ENTRIES_A_CASE,
    seed::Desk,
    settings::Settings,
};

/// How long it may take to be ready before this is a failure.
const READY_MAX: Duration = Duration::from_secs(120);
/// Between two looks whether it is ready; what is measured is no finer.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// After this without work it is called idle.
const IDLE_AFTER: Duration = Duration::from_secs(2);

/// With an empty log, and with twenty entries of every case.
pub async fn run(settings: &Settings) -> anyhow::Result<()> {
    let program = program()?;
    let (mut ready, mut memory) = (Spread::default(), Spread::default());
    for _ in 0..settings.rounds {
        let folder = TempDir::new()?;
        let (took, mib) = up(&program, folder.path())?;
        ready.0.push(took);
        memory.0.push(mib);
    }
    state(
        "up, empty log",
        format_args!("ready {ready:.2} s (expected < 1)  idle {memory:.0} MiB (expected < 100)"),
    );
    for &cases in &settings.cases {
        let world = World::start().await;
        let log = std::sync::Arc::clone(&world.platform.shell.log);
        Desk::open(&world, cases).await?.work(log.as_ref(), ENTRIES_A_CASE).await?;
        drop(log);
        let folder = world.end().await.context("the world has a folder of its own")?;
        for (what, forget) in [("read model there", false), ("read model anew", true)] {
            let (mut ready, mut memory) = (Spread::default(), Spread::default());
            for _ in 0..settings.rounds {
                if forget {
                    for file in std::fs::read_dir(folder.path().join("models"))? {
                        let file = file?;
                        if file.file_name().to_string_lossy().starts_with("cases_v") {
                            std::fs::remove_file(file.path())?;
                        }
                    }
                }
                let (took, mib) = up(&program, folder.path())?;
                ready.0.push(took);
                memory.0.push(mib);
            }
            state(
                &format!("up, {} entries of cases, {what}", cases * ENTRIES_A_CASE),
                format_args!("ready {ready:.2} s (expected < 3)  idle {memory:.0} MiB"),
            );
        }
    }
    Ok(())
}

/// Seconds until it is ready, and MiB when idle.
fn up(program: &Path, data: &Path) -> anyhow::Result<(f64, f64)> {
    let address = free_address()?;
    let started = Instant::now();
    let child = Command::new(program)
        .arg("--data")
        .arg(data)
        .args(["up", "--listen", &address.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| program.display().to_string())?;
    let mut child = Running(child);
    while !is_ready(address) {
        let ended = child.0.try_wait()?;
        anyhow::ensure!(ended.is_none(), "dossier up ended with {ended:?}");
        anyhow::ensure!(started.elapsed() < READY_MAX, "dossier up is not ready");
        sleep(LOOK_EVERY);
    }
    let took = started.elapsed().as_secs_f64();
    // Until nothing has changed for a while it is not idle: a read model may be filling.
    let mut last = processor_time(child.0.id());
    loop {
        sleep(IDLE_AFTER);
        let now = processor_time(child.0.id());
        if now.saturating_sub(last) <= IDLE_TICKS_MAX {
            break;
        }
        last = now;
    }
    Ok((took, resident_mib(child.0.id())))
}

/// Hundredths of a second that an idle process may work meanwhile.
const IDLE_TICKS_MAX: u64 = 10;

/// User and system time of a process, in hundredths of a second.
fn processor_time(process: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The name stands in brackets and may have spaces; the times are the 12th and 13th after it.
    let after_name = text.rsplit_once(')').map_or("", |(_, rest)| rest);
    after_name.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum()
}

/// Ends with its value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn is_ready(address: SocketAddr) -> bool {
    let ask = || {
        let mut connection = TcpStream::connect(address)?;
        write!(connection, "GET /readyz HTTP/1.0\r\nHost: {address}\r\n\r\n")?;
        let mut answer = String::new();
        connection.read_to_string(&mut answer)?;
        std::io::Result::Ok(answer)
    };
    ask().is_ok_and(|answer| answer.split(' ').nth(1) == Some("200"))
}

/// HTTP listens there, and on the ports that follow everything else.
fn free_address() -> anyhow::Result<SocketAddr> {
    loop {
        let address = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
        let follow = [1, 2, 25].map(|step| address.port().checked_add(step));
        if follow.iter().all(|port| port.is_some_and(|port| TcpListener::bind(("127.0.0.1", port)).is_ok())) {
            return Ok(address);
        }
    }
}

/// What `DOSSIER_PROGRAM` names, or the one that was built beside this.
fn program() -> anyhow::Result<PathBuf> {
    if let Some(program) = std::env::var_os("DOSSIER_PROGRAM") {
        return Ok(program.into());
    }
    let this = std::env::current_exe()?;
    let beside = this.ancestors().nth(2).map(|folder| folder.join("dossier")).filter(|path| path.exists());
    beside
        .context("there is no program to start: `cargo build --release -p dossier` first, or use tests/bench")
}
