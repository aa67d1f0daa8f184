use std::{
    env,
    path::{Path, PathBuf},
};

/// The program of the NATS server.
pub(super) fn nats_server() -> PathBuf {
    find("DOSSIER_NATS_SERVER", "nats-server", "")
}

/// The folder of PostgreSQL's programs.
pub(super) fn postgres_bin() -> PathBuf {
    find("DOSSIER_POSTGRES_BIN", "postgres/bin", "initdb")
}

/// The browser.
pub(crate) fn chromium() -> PathBuf {
    let installed = "/usr/bin/chromium";
    if env::var_os("DOSSIER_CHROMIUM").is_none() && Path::new(installed).exists() {
        return installed.into();
    }
    find("DOSSIER_CHROMIUM", "chromium", "")
}

/// What drives it: a package of Node.js.
pub(crate) fn playwright() -> PathBuf {
    find("DOSSIER_PLAYWRIGHT", "browser/node_modules/playwright-core", "")
}

/// What the environment names, or what `tests/run` has provided earlier.
fn find(variable: &str, provided: &str, program: &str) -> PathBuf {
    let path = env::var_os(variable).map_or_else(|| tools().join(provided), PathBuf::from);
    let path = std::path::absolute(&path).unwrap_or(path);
    let probe = if program.is_empty() { path.clone() } else { path.join(program) };
    assert!(
        probe.exists(),
        "{} is not there: run the tests with tests/run, which provides it, or set {variable}",
        probe.display()
    );
    path
}

fn tools() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    workspace.join(target).join("tools")
}
