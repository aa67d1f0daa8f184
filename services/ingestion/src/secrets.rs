//! Secrets of accounts, from where the policy says they are.

pub(crate) mod access;

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use secrecy::SecretString;

/// How long a secret is at hand before it is read again: a new one is in force after that.
const KEPT_FOR: Duration = Duration::from_secs(10);
/// References whose secrets are at hand.
const KEPT_MAX: u64 = 10_000;
/// The longest secret, in bytes.
const LEN_MAX: u64 = 64 * 1024;

/// Reads secrets. Clones are the same: what one of them has got, or found to be ended, all of them know.
#[derive(Clone)]
pub(crate) struct Secrets {
    kept: moka::sync::Cache<String, Option<SecretString>>,
    tokens: Arc<access::Tokens>,
}

impl Secrets {
    pub(crate) fn new() -> Self {
        let kept = moka::sync::Cache::builder().max_capacity(KEPT_MAX).time_to_live(KEPT_FOR).build();
        Self { kept, tokens: Arc::default() }
    }

    /// Those of an account that are there, by name. What is not is told in the log, by its reference.
    pub(crate) fn of(&self, references: &BTreeMap<String, String>) -> BTreeMap<String, SecretString> {
        let read = |(name, reference): (&String, &String)| Some((name.clone(), self.read(reference)?));
        references.iter().filter_map(read).collect()
    }

    /// The same, as they are at this moment: somebody may just have put right what was missing.
    pub(crate) fn now(&self, references: &BTreeMap<String, String>) -> BTreeMap<String, SecretString> {
        for reference in references.values() {
            self.kept.invalidate(reference);
        }
        self.of(references)
    }

    fn read(&self, reference: &str) -> Option<SecretString> {
        self.kept.get_with_by_ref(reference, || match secret(reference) {
            Ok(secret) => Some(secret),
            Err(error) => {
                tracing::warn!(reference, %error, "a secret cannot be read");
                None
            }
        })
    }
}

/// What stands at `env:NAME` or in `file:/path`, without the line break at its end.
fn secret(reference: &str) -> std::io::Result<SecretString> {
    let missing = |what: &str| std::io::Error::new(std::io::ErrorKind::NotFound, what.to_owned());
    let text = match reference.split_once(':') {
        Some(("env", name)) => std::env::var(name).map_err(|_| missing("no such variable, or no text"))?,
        Some(("file", path)) => {
            let path = Path::new(path);
            if std::fs::metadata(path)?.len() > LEN_MAX {
                return Err(missing("it is too long for a secret"));
            }
            std::fs::read_to_string(path)?
        }
        _ => return Err(missing("neither env:NAME nor file:/path")),
    };
    Ok(text.trim_end_matches(['\n', '\r']).into())
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_secret_is_what_its_file_says() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, "s3cret \n").unwrap();
        let reference = |path: &Path| format!("file:{}", path.display());
        let references = BTreeMap::from([
            ("app".to_owned(), reference(&path)),
            ("gone".to_owned(), reference(&folder.path().join("gone"))),
            ("unset".to_owned(), "env:DOSSIER_TEST_NO_SUCH_VARIABLE".to_owned()),
        ]);
        let secrets = Secrets::new().of(&references);
        assert_eq!(secrets.keys().collect::<Vec<_>>(), ["app"]);
        assert_eq!(secrets["app"].expose_secret(), "s3cret ");
    }
}
