//! The readers of past messages, tried on samples, on generated files, on hostile ones and on real ones.

#![expect(clippy::unwrap_used, reason = "a helper that cannot go on fails the test that called it")]

mod hostile;
mod real;
mod roots;
mod samples;

use std::path::{Path, PathBuf};

use ingestion::import::{self, Format, Import, Options, Record, Rejected};

/// A file of `testdata/import`.
fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/import").join(name)
}

/// A file of the real inputs, if there are any here.
fn real(name: &str) -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("DOSSIER_REAL_DATA") else {
        println!("DOSSIER_REAL_DATA is not set: going on without {name}");
        return None;
    };
    let path = Path::new(&folder).join(name);
    assert!(path.exists(), "DOSSIER_REAL_DATA is set and {} is not there", path.display());
    Some(path)
}

fn open(path: &Path, format: Format, options: Options) -> Import {
    import::open(path, format, options).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Everything in a file, with the promise checked that nothing is left out of the count.
fn read(path: &Path, format: Format, options: Options) -> (Vec<Record>, Vec<Rejected>) {
    let import = open(path, format, options);
    let (mut records, mut rejected) = (Vec::new(), Vec::new());
    for row in import.records().unwrap() {
        match row {
            Ok(record) => records.push(record),
            Err(row) => rejected.push(row),
        }
    }
    assert_eq!(import.rows(), (records.len() + rejected.len()) as u64, "{}", path.display());
    for record in &records {
        let root = import.roots().root(&record.external_id);
        assert_eq!(record.thread_root.as_deref(), root, "{}", path.display());
        assert!(root.is_some(), "{}: {} has no root", path.display(), record.external_id);
    }
    (records, rejected)
}

fn written(content: impl AsRef<[u8]>) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), content).unwrap();
    file
}
