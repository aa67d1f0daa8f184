//! Inputs that nobody here wrote.

use std::path::PathBuf;

/// A path below the folder that `DOSSIER_REAL_DATA` names. `None`, and a word about it, where the variable is not set, as
/// in a stranger's clone.
///
/// # Panics
///
/// If it is set and the path is not there.
pub fn path(below: &str) -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("DOSSIER_REAL_DATA") else {
        eprintln!("DOSSIER_REAL_DATA is not set: going on without {below}");
        return None;
    };
    let path = PathBuf::from(folder).join(below);
    assert!(path.exists(), "DOSSIER_REAL_DATA is set, but {} is not there", path.display());
    Some(path)
}
