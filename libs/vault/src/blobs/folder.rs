use std::{
    fs,
    io::{self, ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use bytes::Bytes;
use uuid::Uuid;

use super::{BlobRef, BlobStore, Listed, Owner};
use crate::Error;

/// Blobs in a folder: `<first two digits of the owner>/<owner>/<key id>.<address>`, readable by its owner only.
///
/// A blob is written under another name, synced, renamed into place, and its folder synced.
#[derive(Clone, Debug)]
pub struct FolderBlobs {
    root: PathBuf,
}

impl FolderBlobs {
    const DRAFTS: &str = "drafts";
    /// How many digits of the owner name its shard, so that no folder has too many entries.
    const SHARD_LEN: usize = 2;
    /// A draft older than this was left by a process that ended while it wrote.
    const DRAFT_AGE_MAX: Duration = Duration::from_secs(3600);
    /// How often a blob is put again whose folder an erasure removes at the same time.
    const PUT_ATTEMPTS_MAX: usize = 5;

    /// Opens the folder, or makes it, and clears away drafts of processes that ended while they wrote.
    pub fn open(root: &Path) -> Result<Self, Error> {
        let blobs = Self { root: root.to_owned() };
        blobs.prepare().map_err(|reason| {
            Error::Unusable(format!("the blob folder {} cannot be used: {reason}", root.display()))
        })?;
        Ok(blobs)
    }

    fn prepare(&self) -> io::Result<()> {
        let drafts = self.root.join(Self::DRAFTS);
        make_folder(&drafts)?;
        for draft in fs::read_dir(&drafts)? {
            let draft = draft?;
            let age = SystemTime::now().duration_since(draft.metadata()?.modified()?);
            if age.is_ok_and(|age| age > Self::DRAFT_AGE_MAX) {
                fs::remove_file(draft.path())?;
            }
        }
        sync_folder(&self.root)
    }

    fn write(&self, reference: &BlobRef, sealed: &[u8]) -> io::Result<()> {
        let path = self.path(reference);
        if path.exists() {
            return Ok(());
        }
        let draft = self.root.join(Self::DRAFTS).join(Uuid::new_v4().to_string());
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        let placed = file
            .write_all(sealed)
            .and_then(|()| file.sync_all())
            .and_then(|()| self.place(&draft, &path, &reference.owner));
        if placed.is_err() {
            // The error that counts is the first; what stays of the draft is cleared at the next start.
            let _ = fs::remove_file(&draft);
        }
        placed
    }

    fn place(&self, draft: &Path, path: &Path, owner: &Owner) -> io::Result<()> {
        let folder = self.folder(owner);
        for attempt in 1.. {
            make_folder(&folder)?;
            match fs::rename(draft, path).and_then(|()| sync_folder(&folder)) {
                // An erasure has just removed the folder.
                Err(error) if error.kind() == ErrorKind::NotFound && attempt < Self::PUT_ATTEMPTS_MAX => {}
                Err(error) => return Err(error),
                Ok(()) => break,
            }
        }
        sync_folder(&self.shard(owner))?;
        sync_folder(&self.root)
    }

    fn remove_owner(&self, owner: &Owner) -> io::Result<()> {
        ignore_missing(fs::remove_dir_all(self.folder(owner)))?;
        ignore_missing(sync_folder(&self.shard(owner)))
    }

    fn scan(&self, after: Option<&BlobRef>, limit: usize) -> io::Result<Vec<Listed>> {
        let mut listed = Vec::new();
        for shard in names(&self.root)? {
            let passed = |after: &BlobRef| shard[..] < after.owner.0[..Self::SHARD_LEN];
            if shard.len() != Self::SHARD_LEN || after.is_some_and(passed) {
                continue;
            }
            for owner in names(&self.root.join(&shard))? {
                if after.is_some_and(|after| owner < after.owner.0) {
                    continue;
                }
                let folder = self.root.join(&shard).join(&owner);
                for name in names(&folder)? {
                    // What is no blob was not put there by us and is not ours to list.
                    let Ok(reference) = format!("{owner}.{name}").parse::<BlobRef>() else { continue };
                    if after.is_some_and(|after| reference <= *after) {
                        continue;
                    }
                    match fs::metadata(folder.join(&name)).and_then(|file| file.modified()) {
                        Ok(stored_at) => listed.push(Listed { reference, stored_at }),
                        Err(error) if error.kind() == ErrorKind::NotFound => {}
                        Err(error) => return Err(error),
                    }
                    if listed.len() == limit {
                        return Ok(listed);
                    }
                }
            }
        }
        Ok(listed)
    }

    fn path(&self, reference: &BlobRef) -> PathBuf {
        self.folder(&reference.owner).join(format!("{}.{}", reference.key_id.simple(), reference.address))
    }

    fn folder(&self, owner: &Owner) -> PathBuf {
        self.shard(owner).join(&owner.0)
    }

    fn shard(&self, owner: &Owner) -> PathBuf {
        self.root.join(&owner.0[..Self::SHARD_LEN])
    }

    /// Runs what waits for the disk away from the threads that serve.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> io::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let blobs = self.clone();
        let outcome = tokio::task::spawn_blocking(move || work(&blobs)).await;
        outcome.map_err(Error::blobs_away)?.map_err(Error::blobs_away)
    }
}

#[async_trait]
impl BlobStore for FolderBlobs {
    async fn put(&self, reference: &BlobRef, sealed: Bytes) -> Result<(), Error> {
        let reference = reference.clone();
        self.blocking(move |blobs| blobs.write(&reference, &sealed)).await
    }

    async fn get(&self, reference: &BlobRef) -> Result<Option<Bytes>, Error> {
        let path = self.path(reference);
        self.blocking(move |_| match fs::read(path) {
            Ok(bytes) => Ok(Some(bytes.into())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        })
        .await
    }

    async fn delete(&self, reference: &BlobRef) -> Result<(), Error> {
        let (path, owner) = (self.path(reference), reference.owner.clone());
        self.blocking(move |blobs| {
            ignore_missing(fs::remove_file(path))?;
            ignore_missing(sync_folder(&blobs.folder(&owner)))
        })
        .await
    }

    async fn delete_of(&self, owners: &[Owner]) -> Result<(), Error> {
        let owners = owners.to_vec();
        self.blocking(move |blobs| owners.iter().try_for_each(|owner| blobs.remove_owner(owner))).await
    }

    async fn list(&self, after: Option<&BlobRef>, limit: usize) -> Result<Vec<Listed>, Error> {
        let after = after.cloned();
        self.blocking(move |blobs| blobs.scan(after.as_ref(), limit)).await
    }
}

/// The names in a folder, sorted; none if it is not there.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        entries => entries?,
    };
    let mut names = entries
        .map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()))
        .collect::<io::Result<Vec<_>>>()?;
    names.sort_unstable();
    Ok(names)
}

fn make_folder(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

fn ignore_missing(outcome: io::Result<()>) -> io::Result<()> {
    match outcome {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        outcome => outcome,
    }
}
