use std::{
    fmt, fs,
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::{
    Error,
    cipher::{KEY_LEN, Secret},
};

/// The key of a site: it wraps every data key, and the keyed hashes in stream names descend from it.
///
/// Whoever loses it loses every personal value of the site; whoever copies it together with the key store can
/// read them all. It is kept apart from the key store's backups.
pub struct SiteKey(Secret);

impl SiteKey {
    /// The mode bits that nobody but the owner of a key file may have.
    const MODE_OTHERS: u32 = 0o077;

    /// A new random key.
    pub fn generate() -> Result<Self, Error> {
        Secret::random().map(Self)
    }

    /// 32 bytes in base64, of either alphabet, with or without padding: from the environment or a secret store.
    pub fn from_base64(text: &SecretString) -> Result<Self, Error> {
        let text = text.expose_secret().trim();
        [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD]
            .iter()
            .find_map(|alphabet| alphabet.decode(text).ok())
            .map(Zeroizing::new)
            .and_then(|bytes| Secret::from_slice(&bytes))
            .map(Self)
            .ok_or_else(|| {
                Error::Unusable(format!(
                    "the site key is not {KEY_LEN} bytes in base64; `openssl rand -base64 {KEY_LEN}` makes one"
                ))
            })
    }

    /// Reads the key file, or makes it, readable by its owner only. Of several processes that make it at once
    /// all read the same key.
    ///
    /// A file that group or world can read is refused: what others could read is no secret any more.
    pub fn load_or_create(path: &Path) -> Result<Self, Error> {
        if !path.exists() {
            create(path).map_err(|reason| unusable(path, &reason))?;
        }
        Self::load(path)
    }

    /// Reads the key file, which must be there and private to its owner.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let mode = fs::metadata(path).map_err(|reason| unusable(path, &reason))?.permissions().mode();
        if mode & Self::MODE_OTHERS != 0 {
            let path = path.display();
            return Err(Error::Unusable(format!(
                "others than its owner may read the site key {path}; run `chmod 600 {path}`, and replace the key \
                 if somebody may have read it"
            )));
        }
        let text = fs::read_to_string(path).map_err(|reason| unusable(path, &reason))?;
        Self::from_base64(&text.into())
    }

    pub(crate) fn derive(&self, purpose: &str) -> Secret {
        self.0.derive(purpose)
    }
}

impl fmt::Debug for SiteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SiteKey")
    }
}

/// Writes the whole file under another name, then links it into place, which fails if somebody was faster.
fn create(path: &Path) -> io::Result<()> {
    let secret = Secret::random().map_err(io::Error::other)?;
    let text = Zeroizing::new(format!("{}\n", STANDARD.encode(secret.expose())));
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let draft = path.with_extension(format!("{}.draft", uuid::Uuid::new_v4()));
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    let linked = file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).and_then(|()| {
        match fs::hard_link(&draft, path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            other => other,
        }
    });
    fs::remove_file(&draft)?;
    linked?;
    fs::File::open(folder)?.sync_all()
}

fn unusable(path: &Path, reason: &io::Error) -> Error {
    Error::Unusable(format!("the site key {}: {reason}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("site.key");
        let first = SiteKey::load_or_create(&path).unwrap();
        let second = SiteKey::load_or_create(&path).unwrap();
        assert_eq!(first.0.expose(), second.0.expose());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no draft is left behind");
    }

    #[test]
    fn racing_makers_read_one_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("site.key");
        let keys = std::thread::scope(|scope| {
            let makers: Vec<_> =
                (0..8).map(|_| scope.spawn(|| *SiteKey::load_or_create(&path).unwrap().0.expose())).collect();
            makers.into_iter().map(|maker| maker.join().unwrap()).collect::<Vec<_>>()
        });
        assert!(keys.iter().all(|key| *key == keys[0]));
    }

    #[test]
    fn a_file_that_others_can_read_is_refused_with_the_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("site.key");
        SiteKey::load_or_create(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let refusal = SiteKey::load_or_create(&path).unwrap_err().to_string();
        assert!(refusal.contains("chmod 600"), "{refusal}");
    }

    #[test]
    fn every_spelling_of_base64_is_read_and_nothing_else() {
        let bytes = [0xfb; KEY_LEN];
        for alphabet in [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD] {
            let key = SiteKey::from_base64(&format!(" {}\n", alphabet.encode(bytes)).into()).unwrap();
            assert_eq!(*key.0.expose(), bytes);
        }
        for wrong in [String::new(), "not a key".into(), STANDARD.encode([1; 31])] {
            let refusal = SiteKey::from_base64(&wrong.clone().into()).unwrap_err().to_string();
            assert!(refusal.contains("openssl rand"), "{refusal}");
            assert!(wrong.is_empty() || !refusal.contains(&wrong), "the error repeats the secret");
        }
    }
}
