//! Policy files as they are sent: every `*.toml` below a folder, in the order of their paths.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use proto::policy::v1::apply_request::File;

use super::super::error::Failure;

/// Files of one policy.
const FILES_MAX: usize = 10_000;
/// All of them together, in bytes: what one request may have, with room for their names.
const BYTES_MAX: usize = 15 * 1024 * 1024;
/// Folders within folders.
const DEPTH_MAX: usize = 32;

/// The files at `path`.
pub fn read(path: &Path) -> Result<Vec<File>, Failure> {
    let mut paths = Vec::new();
    if path.is_dir() {
        collect(path, 0, &mut paths).map_err(|error| cannot(path, &error))?;
        if paths.is_empty() {
            return Err(Failure::invalid(format!("there is no *.toml file in {}", path.display())));
        }
    } else {
        paths.push(path.to_owned());
    }
    paths.sort();
    if paths.len() > FILES_MAX {
        return Err(Failure::invalid(format!("{} has more than {FILES_MAX} files", path.display())));
    }
    let mut bytes = 0;
    let mut files = Vec::with_capacity(paths.len());
    for path in paths {
        let text = fs::read_to_string(&path).map_err(|error| cannot(&path, &error))?;
        bytes += text.len();
        if bytes > BYTES_MAX {
            return Err(Failure::invalid(format!("the files have more than {BYTES_MAX} bytes together")));
        }
        files.push(File { name: path.display().to_string(), text });
    }
    Ok(files)
}

/// Hidden files and folders are somebody else's: those of editors and of version control.
fn collect(folder: &Path, depth: usize, paths: &mut Vec<PathBuf>) -> io::Result<()> {
    if depth > DEPTH_MAX {
        return Err(io::Error::other(format!("folders are nested deeper than {DEPTH_MAX}")));
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if hidden {
            continue;
        }
        if path.is_dir() {
            collect(&path, depth + 1, paths)?;
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            paths.push(path);
        }
    }
    Ok(())
}

fn cannot(path: &Path, error: &io::Error) -> Failure {
    Failure::invalid(format!("{} cannot be read", path.display())).because(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_toml_file_below_in_the_order_of_paths() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str| {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, name).unwrap();
        };
        for name in ["z.toml", "a/b.toml", "a/c.txt", "a/a.toml", ".git/x.toml", ".hidden.toml"] {
            write(name);
        }
        let texts: Vec<String> = read(dir.path()).unwrap().into_iter().map(|file| file.text).collect();
        assert_eq!(texts, ["a/a.toml", "a/b.toml", "z.toml"]);
        let one = read(&dir.path().join("z.toml")).unwrap();
        assert!(one[0].name.ends_with("/z.toml"));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let dir = tempfile::tempdir().unwrap();
        assert!(read(dir.path()).unwrap_err().what.contains("no *.toml"));
        fs::write(dir.path().join("x.toml"), [0xff]).unwrap();
        assert!(read(dir.path()).unwrap_err().what.ends_with("x.toml cannot be read"));
        assert!(read(Path::new("/nowhere")).unwrap_err().what.contains("/nowhere"));
    }
}
