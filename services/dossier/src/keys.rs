//! The keys of a site: made with it, and never again.

use std::{path::PathBuf, sync::Arc};

use anyhow::Context;
use eventlog::{EventLog, Position};
use secrecy::SecretString;
use vault::{KeyStore, SiteKey, Vault};

/// Where the site's key is.
#[derive(Clone, Debug)]
pub enum Key {
    /// In a file.
    File(PathBuf),
    /// In the environment, in base64.
    Value(SecretString),
}

/// Opens the vault of the site whose log this is.
///
/// Keys are made only for a log without entries. Beside one that has some, keys that are missing are lost: with new ones
/// in their place nobody could read what was said, and what is said from now on would be sealed away from the backup.
pub async fn unlock(log: &dyn EventLog, site_key: &Key, keys: Arc<dyn KeyStore>) -> anyhow::Result<Vault> {
    // In this order: another process of a new site may make the keys, and then write, at any moment.
    let has_begun = log.tail(&[]).await.context("the log")? > Position::NONE;
    let is_new = keys.is_new().await.context("the key store")?;
    anyhow::ensure!(
        !(has_begun && is_new),
        "the log has entries, and the key store is empty: restore the key store from its backup; without it nothing that \
         was said can be read"
    );
    let site_key = match site_key {
        Key::File(path) if has_begun => SiteKey::load(path)
            .context("the log has entries: restore the site key that it was begun with from its backup")?,
        Key::File(path) => SiteKey::load_or_create(path)?,
        Key::Value(text) => SiteKey::from_base64(text)?,
    };
    Ok(Vault::unlock(&site_key, keys).await?)
}
