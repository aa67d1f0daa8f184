//! The program itself, as a process.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use crate::world::{Caller, World};

/// The binary that was built beside the tests.
///
/// # Panics
///
/// If it was not.
pub fn path() -> PathBuf {
    let test = std::env::current_exe().expect("the path of this program");
    let folder = test.ancestors().nth(2).expect("target/<profile>/deps/<test>");
    let binary = folder.join("dossier");
    assert!(binary.exists(), "{} is not there: build it with `cargo build -p dossier`", binary.display());
    binary
}

/// `dossier` against `world` as `caller`, with nothing of this process's settings.
pub fn against(world: &World, caller: &Caller) -> Command {
    let mut command = Command::new(path());
    command
        .env_clear()
        .env("DOSSIER_SERVER", format!("http://{}", world.platform.grpc))
        .env("DOSSIER_TOKEN", &caller.token)
        .current_dir(std::env::temp_dir())
        .stdin(Stdio::null());
    command
}

/// Runs `dossier` with these arguments; what it wrote to stdout.
///
/// # Panics
///
/// If it does not end well.
pub async fn run(world: &World, arguments: &[&str]) -> String {
    let mut command = against(world, &world.administrator());
    command.args(arguments);
    let done = tokio::task::spawn_blocking(move || command.output()).await.expect("a thread");
    let done = done.expect("the program starts");
    let told = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "dossier {}: {}\n{told}", arguments.join(" "), done.status);
    String::from_utf8(done.stdout).expect("the program writes UTF-8")
}
