//! Mails as others wrote them, against what is known about them. Each test prints how many of how many agree, and what
//! does not with its cause.

#![expect(clippy::unwrap_used, reason = "a helper that cannot go on fails the test that called it")]

mod bounces;
mod families;
mod replies;

use std::fs;
use std::path::{Path, PathBuf};

/// A folder of the real inputs, if there are any here.
fn real(name: &str) -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("DOSSIER_REAL_DATA") else {
        println!("DOSSIER_REAL_DATA is not set: going on without {name}");
        return None;
    };
    let path = Path::new(&folder).join(name);
    assert!(path.exists(), "DOSSIER_REAL_DATA is set and {} is not there", path.display());
    Some(path)
}

/// Every file below a folder, in order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

/// The file without what all of them have in common.
fn short(path: &Path, folder: &Path) -> String {
    path.strip_prefix(folder).unwrap_or(path).display().to_string()
}
