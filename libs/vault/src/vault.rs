use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    sync::Arc,
};

use serde_json::Value;
use subtle::ConstantTimeEq;
use uuid::Uuid;

use crate::{
    Error, Fault, KeyStore, SiteKey, Tombstone, ValueError,
    cipher::{DataKey, Secret, hex},
    keyring::{Keyring, Known, Limits},
    value::{self, Change, Form, Found, Sealed},
};

/// Seals and opens personal values, and makes the keyed hashes that stand in for what must not be read.
pub struct Vault {
    keyring: Keyring,
    hashing: Secret,
    fingerprinting: Secret,
}

/// The events of one entry, and what they are bound to.
#[derive(Debug)]
pub struct Events<'a> {
    /// The stream of the entry.
    pub stream: &'a str,
    /// The entry.
    pub entry_id: Uuid,
    /// Its events, in order.
    pub events: &'a mut [Value],
}

/// What an erasure destroyed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destroyed {
    /// Every destroyed key of the subjects, those of earlier erasures too, so that a retry answers the same.
    /// Ordered by subject and time.
    pub keys: Vec<Tombstone>,
}

/// How a text relates to the one of which a digest was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compared {
    /// The same text again.
    Same,
    /// Another text.
    Different,
    /// Nobody can say any more: the person was erased.
    Erased,
}

impl Vault {
    /// 160 bits: no two external ids of any site will ever meet, and stream names stay short.
    const HASH_LEN: usize = 20;
    /// 120 bits: with the key's id it still fits where a short name must.
    const DIGEST_LEN: usize = 15;
    const CHECK_AAD: &[u8] = b"dossier vault check";

    /// The vault over a key store, with the usual [`Limits`].
    ///
    /// A key store that was made under another site key is refused: sealing into it would lose what is sealed.
    pub async fn unlock(site_key: &SiteKey, store: Arc<dyn KeyStore>) -> Result<Self, Error> {
        Self::unlock_with(site_key, store, Limits::default()).await
    }

    /// [`Vault::unlock`] with other limits.
    pub async fn unlock_with(
        site_key: &SiteKey,
        store: Arc<dyn KeyStore>,
        limits: Limits,
    ) -> Result<Self, Error> {
        let checking = site_key.derive("dossier vault: check v1");
        let kept = store.check(checking.encrypt_joined(&[], Self::CHECK_AAD)?).await?;
        if checking.decrypt_joined(&kept, Self::CHECK_AAD).is_none() {
            return Err(Error::Unusable(
                "this key store was made under another site key; start with the site key that it was made with, \
                 or restore the key store that belongs to this site key"
                    .into(),
            ));
        }
        Ok(Self {
            keyring: Keyring::new(store, site_key.derive("dossier vault: wrap v1"), limits),
            hashing: site_key.derive("dossier vault: hash v1"),
            fingerprinting: site_key.derive("dossier vault: fingerprint v1"),
        })
    }

    /// Replaces every open value in the events by a sealed one. Keys that this creates are durable before
    /// anything is sealed under them. If it fails, the events are as they were.
    pub async fn seal(&self, stream: &str, entry_id: Uuid, events: &mut [Value]) -> Result<(), Error> {
        self.seal_many(&mut [Events { stream, entry_id, events }]).await
    }

    /// [`Vault::seal`] for many entries, with one round trip to the key store, and a second if there are subjects
    /// without a key. All of them are sealed or none.
    pub async fn seal_many(&self, entries: &mut [Events<'_>]) -> Result<(), Error> {
        let mut subjects = BTreeSet::new();
        for entry in entries.iter() {
            entry.visit(&mut |form| match form {
                Form::Open { subject, .. } => {
                    subjects.insert(subject.to_owned());
                    Ok(())
                }
                Form::Sealed { .. } => Err(Fault::AlreadySealed),
                Form::Erased => Ok(()),
            })?;
        }
        let keys = self.keyring.live_of(subjects).await?;
        for entry in entries {
            entry.seal(&keys)?;
        }
        Ok(())
    }

    /// Replaces every sealed value in the events by an open one, or by an erased one if its key is destroyed.
    /// What stands before a value that cannot be opened stays open.
    pub async fn open(&self, stream: &str, entry_id: Uuid, events: &mut [Value]) -> Result<(), Error> {
        let outcome = self.open_many(&mut [Events { stream, entry_id, events }]).await?;
        outcome.into_iter().try_for_each(|entry| entry.map_err(Error::Value))
    }

    /// [`Vault::open`] for many entries, with at most one round trip to the key store; one outcome per entry,
    /// in their order. Fails as a whole only if the key store does.
    pub async fn open_many(&self, entries: &mut [Events<'_>]) -> Result<Vec<Result<(), ValueError>>, Error> {
        let mut ids = BTreeSet::new();
        let well_formed: Vec<_> = entries
            .iter()
            .map(|entry| {
                entry.visit(&mut |form| {
                    if let Form::Sealed { sealed, .. } = form {
                        ids.insert(Sealed::key_id(sealed).ok_or(Fault::Malformed)?);
                    }
                    Ok(())
                })
            })
            .collect();
        let keys = self.keyring.known(ids).await?;
        let opened = entries.iter_mut().zip(well_formed).map(|(entry, looked)| {
            looked?;
            entry.open(&keys)
        });
        Ok(opened.collect())
    }

    /// A keyed hash of an external id, for stream names and other places that everybody can read: 40 lower-case
    /// hexadecimal digits. The same domain and parts give the same hash as long as the site lives; its key never
    /// rotates. No two lists of parts are confused, whatever stands in them.
    pub fn hash(&self, domain: &str, parts: &[&str]) -> String {
        let parts = parts.iter().map(|part| part.as_bytes());
        let all: Vec<&[u8]> = std::iter::once(domain.as_bytes()).chain(parts).collect();
        hex(&self.hashing.mac(&all)[..Self::HASH_LEN])
    }

    /// A keyed digest of a command's payload, to tell a retry from another command under the same id:
    /// 64 lower-case hexadecimal digits.
    pub fn fingerprint(&self, bytes: &[u8]) -> String {
        hex(&self.fingerprinting.mac(&[bytes]))
    }

    /// A digest of a text under its subject's own key, which it dies with: 62 lower-case hexadecimal digits, of the
    /// key's id and of an HMAC. It stands beside the sealed text, so that [`Vault::compare`] can tell an edit from a
    /// redelivery without opening it.
    pub async fn digest(&self, subject: &str, text: &str) -> Result<String, Error> {
        let key = self.keyring.live(subject).await?;
        Ok(format!("{}{}", key.id.simple(), digest(&key, text)))
    }

    /// Compares a text with the one that `digest` was made of. A digest that is none compares as different.
    pub async fn compare(&self, digest_then: &str, text: &str) -> Result<Compared, Error> {
        let parts = digest_then.split_at_checked(uuid::fmt::Simple::LENGTH);
        let Some((Ok(id), then)) = parts.map(|(id, mac)| (Uuid::try_parse(id), mac)) else {
            return Ok(Compared::Different);
        };
        match self.keyring.known_one(id).await? {
            Some(Known::Live(key)) if bool::from(digest(&key, text).as_bytes().ct_eq(then.as_bytes())) => {
                Ok(Compared::Same)
            }
            Some(Known::Destroyed { .. }) => Ok(Compared::Erased),
            Some(Known::Live(_) | Known::Damaged) | None => Ok(Compared::Different),
        }
    }

    /// Destroys the keys of these subjects: whatever was sealed for them reads as erased from now on, everywhere
    /// but in processes that have a key cached and are told by [`Vault::forget`]. What a subject says afterwards
    /// is sealed under a new key. Doing it again is harmless and answers the same.
    pub async fn destroy(&self, subjects: &[String]) -> Result<Destroyed, Error> {
        let mut keys = self.keyring.destroy(subjects).await?;
        keys.sort_by(|a, b| {
            (&a.subject, a.destroyed_at, a.key_id).cmp(&(&b.subject, b.destroyed_at, b.key_id))
        });
        Ok(Destroyed { keys })
    }

    /// Drops the keys of these subjects from this process's cache; the next use asks the key store. To be called
    /// on seeing that somebody else has erased them.
    pub fn forget(&self, subjects: &[String]) {
        self.keyring.forget(subjects);
    }

    pub(crate) fn keyring(&self) -> &Keyring {
        &self.keyring
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").finish_non_exhaustive()
    }
}

impl Events<'_> {
    fn visit<'s>(&'s self, look: &mut impl FnMut(Form<'s>) -> Result<(), Fault>) -> Result<(), ValueError> {
        for (index, event) in self.events.iter().enumerate() {
            value::visit(event, look)
                .map_err(|found| value_error(self.stream, self.entry_id, index, found))?;
        }
        Ok(())
    }

    fn seal(&mut self, keys: &HashMap<String, Arc<DataKey>>) -> Result<(), Error> {
        self.replace(&mut |aad, form| {
            let Form::Open { subject, text } = form else { return Ok(None) };
            let key = keys.get(subject).ok_or(Fault::UnknownKey)?;
            // The cipher refuses only what is longer than any event can be.
            let (nonce, sealed) = key.secret.encrypt(text.as_bytes(), aad).map_err(|_| Fault::Malformed)?;
            Ok(Some(Change::Seal(Sealed::format(key.id, nonce, &sealed))))
        })
        .map_err(Error::Value)
    }

    fn open(&mut self, keys: &HashMap<Uuid, Known>) -> Result<(), ValueError> {
        self.replace(&mut |aad, form| {
            let Form::Sealed { subject, sealed } = form else { return Ok(None) };
            let sealed = Sealed::parse(sealed).ok_or(Fault::Malformed)?;
            let known = keys.get(&sealed.key_id).ok_or(Fault::UnknownKey)?;
            if known.subject().is_some_and(|owner| owner != subject) {
                return Err(Fault::OtherSubject);
            }
            match known {
                Known::Destroyed { .. } => Ok(Some(Change::Erase)),
                Known::Damaged => Err(Fault::DamagedKey),
                Known::Live(key) => {
                    let text = key.secret.decrypt(sealed.nonce, &sealed.ciphertext, aad);
                    let text = text.and_then(|bytes| String::from_utf8(bytes).ok());
                    Ok(Some(Change::Open(text.ok_or(Fault::Damaged)?)))
                }
            }
        })
    }

    fn replace(
        &mut self,
        change: &mut impl FnMut(&[u8], Form<'_>) -> Result<Option<Change>, Fault>,
    ) -> Result<(), ValueError> {
        let Self { stream, entry_id, events } = self;
        for (index, event) in events.iter_mut().enumerate() {
            value::replace(event, &mut |path, form| {
                change(format!("{stream}|{entry_id}|{index}|{path}").as_bytes(), form)
            })
            .map_err(|found| value_error(stream, *entry_id, index, found))?;
        }
        Ok(())
    }
}

fn value_error(stream: &str, entry_id: Uuid, event: usize, found: Found) -> ValueError {
    ValueError { stream: stream.to_owned(), entry_id, event, path: found.path, fault: found.fault }
}

fn digest(key: &DataKey, text: &str) -> String {
    hex(&key.secret.derive("dossier vault: digest v1").mac(&[text.as_bytes()])[..Vault::DIGEST_LEN])
}
