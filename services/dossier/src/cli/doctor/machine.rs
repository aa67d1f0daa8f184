//! This machine: ports, the data folder, the disk, open files.

use std::{fs, net::SocketAddr, path::Path, time::Duration};

use http::Uri;
use rustix::{
    fs::statvfs,
    process::{Resource, getrlimit},
};
use tokio::{net::TcpStream, time::timeout};

use super::Check;

/// Where `dossier up` listens, as steps from its gRPC port.
const PORTS: [(&str, i32); 3] = [("console and JSON API", -1), ("channel webhooks", 1), ("mail intake", 24)];
/// How long a port of this machine may take to answer.
const PORT_TIMEOUT: Duration = Duration::from_secs(1);
/// Free disk below which it should be looked at, in bytes.
const FREE_FINE: u64 = 2 * 1024 * 1024 * 1024;
/// Free disk below which the log may stop any minute, in bytes.
const FREE_MIN: u64 = 200 * 1024 * 1024;
/// Open files that a busy server needs.
const FILES_FINE: u64 = 4_096;
/// Open files below which it refuses connections under little load.
const FILES_MIN: u64 = 512;

/// The ports beside gRPC: who needs none of them need not care.
pub async fn ports(server: &Uri) -> Vec<Check> {
    let grpc = i32::from(server.port_u16().unwrap_or(80));
    let mut open = Vec::new();
    let mut closed = Vec::new();
    for (what, step) in PORTS {
        let Ok(port) = u16::try_from(grpc + step) else { continue };
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let connected = timeout(PORT_TIMEOUT, TcpStream::connect(address)).await;
        let list = if matches!(connected, Ok(Ok(_))) { &mut open } else { &mut closed };
        list.push(format!(":{port} {what}"));
    }
    if closed.is_empty() {
        return vec![Check::well("ports", open.join(", "))];
    }
    vec![Check::look(
        "ports",
        format!("nobody listens on {}", closed.join(", ")),
        "fine if these parts run elsewhere, on other ports, or not at all",
    )]
}

/// The data folder and the disk it is on.
pub fn data(folder: &Path) -> Vec<Check> {
    let shown = folder.display();
    if !folder.is_dir() {
        return vec![Check::look(
            "data",
            format!("{shown} is not there"),
            "name the data folder with --data DIR; `dossier up` makes one",
        )];
    }
    vec![writable(folder), disk(folder)]
}

/// How many files a process started here may have open.
pub fn files() -> Check {
    let fix = "raise it before starting a server here: `ulimit -n 65536`, or LimitNOFILE in the unit";
    match getrlimit(Resource::Nofile).current {
        Some(limit) if limit < FILES_MIN => Check::broken("open files", format!("{limit} at most"), fix),
        Some(limit) if limit < FILES_FINE => Check::look("open files", format!("{limit} at most"), fix),
        Some(limit) => Check::well("open files", format!("{limit} at most")),
        None => Check::well("open files", "no limit"),
    }
}

fn writable(folder: &Path) -> Check {
    let probe = folder.join(format!(".doctor-{}", uuid::Uuid::new_v4()));
    let written = fs::OpenOptions::new().write(true).create_new(true).open(&probe);
    match written.and_then(|_| fs::remove_file(&probe)) {
        Ok(()) => Check::well("data", format!("{} can be written", folder.display())),
        Err(error) => Check::broken(
            "data",
            format!("{} cannot be written: {error}", folder.display()),
            "let the user who runs the server own the folder, on a disk that is not read-only",
        ),
    }
}

fn disk(folder: &Path) -> Check {
    let stat = match statvfs(folder) {
        Ok(stat) => stat,
        Err(error) => {
            return Check::look("disk", format!("cannot be asked: {error}"), "look at it with `df`");
        }
    };
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    let found = format!("{} MiB free", free / (1024 * 1024));
    let fix = "make room, or move the data folder; the log is never shortened";
    match free {
        0..FREE_MIN => Check::broken("disk", found, fix),
        FREE_MIN..FREE_FINE => Check::look("disk", found, fix),
        _ => Check::well("disk", found),
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::{super::State, *};

    #[test]
    fn a_folder_is_probed_and_left_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let checks = data(dir.path());
        assert_eq!(checks.len(), 2);
        assert_eq!(checks[0].state, State::Well, "{checks:?}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        assert_eq!(data(&dir.path().join("nowhere"))[0].state, State::Look);
    }

    #[tokio::test]
    async fn a_port_where_nobody_listens_is_named() {
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = taken.local_addr().unwrap().port();
        let server: Uri = format!("http://127.0.0.1:{}", port + 1).parse().unwrap();
        let checks = ports(&server).await;
        assert!(!checks[0].found.contains(&format!(":{port} console")), "{checks:?}");
        drop(taken);
        assert!(ports(&server).await[0].found.contains(&format!(":{port} console")));
    }
}
