use std::sync::Arc;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305,
    aead::{Aead, Payload},
};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretBox};
use sha2::Sha256;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::Error;

pub(crate) const KEY_LEN: usize = 32;
pub(crate) const NONCE_LEN: usize = 24;

/// A secret of 32 bytes that is wiped when dropped and shows itself in no debug output.
pub(crate) struct Secret(SecretBox<[u8; KEY_LEN]>);

impl Secret {
    pub(crate) fn random() -> Result<Self, Error> {
        let mut secret = Zeroizing::new([0; KEY_LEN]);
        random(secret.as_mut())?;
        Ok(Self::new(&secret))
    }

    pub(crate) fn from_slice(bytes: &[u8]) -> Option<Self> {
        Some(Self::new(&Zeroizing::new(<[u8; KEY_LEN]>::try_from(bytes).ok()?)))
    }

    pub(crate) fn expose(&self) -> &[u8; KEY_LEN] {
        self.0.expose_secret()
    }

    /// The key for one purpose: HKDF-SHA-256 (RFC 5869) with the purpose as `info`.
    pub(crate) fn derive(&self, purpose: &str) -> Self {
        let mut key = Zeroizing::new([0; KEY_LEN]);
        // Expanding fails only above 255 blocks of output; this is one.
        let expanded = Hkdf::<Sha256>::new(None, self.expose()).expand(purpose.as_bytes(), key.as_mut());
        debug_assert!(expanded.is_ok());
        Self::new(&key)
    }

    /// XChaCha20-Poly1305 under a random nonce: `(nonce, ciphertext)`.
    pub(crate) fn encrypt(&self, plain: &[u8], aad: &[u8]) -> Result<([u8; NONCE_LEN], Vec<u8>), Error> {
        let mut nonce = [0; NONCE_LEN];
        random(&mut nonce)?;
        let sealed = XChaCha20Poly1305::new(self.expose().into())
            .encrypt(&nonce.into(), Payload { msg: plain, aad })
            .map_err(|_| Error::Unusable("a value is too long for the cipher".into()))?;
        Ok((nonce, sealed))
    }

    /// What was encrypted, or nothing if a bit of it or of `aad` is another.
    pub(crate) fn decrypt(&self, nonce: [u8; NONCE_LEN], sealed: &[u8], aad: &[u8]) -> Option<Vec<u8>> {
        XChaCha20Poly1305::new(self.expose().into()).decrypt(&nonce.into(), Payload { msg: sealed, aad }).ok()
    }

    /// [`Secret::encrypt`] with the nonce in front.
    pub(crate) fn encrypt_joined(&self, plain: &[u8], aad: &[u8]) -> Result<Vec<u8>, Error> {
        let (nonce, sealed) = self.encrypt(plain, aad)?;
        Ok([&nonce[..], &sealed].concat())
    }

    /// Opens what [`Secret::encrypt_joined`] made.
    pub(crate) fn decrypt_joined(&self, joined: &[u8], aad: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = joined.split_first_chunk::<NONCE_LEN>()?;
        self.decrypt(*nonce, sealed, aad)
    }

    /// HMAC-SHA-256 over the parts, each preceded by its length, so that no two lists of parts are the same bytes.
    pub(crate) fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        // HMAC fills a key up to its block with zeros; doing it here leaves nothing that could fail.
        let mut block = Zeroizing::new([0; 64]);
        block[..KEY_LEN].copy_from_slice(self.expose());
        let mut mac = <Hmac<Sha256> as KeyInit>::new((&*block).into());
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    fn new(bytes: &[u8; KEY_LEN]) -> Self {
        Self(SecretBox::init_with_mut(|secret: &mut [u8; KEY_LEN]| secret.copy_from_slice(bytes)))
    }
}

/// A data key, unwrapped. Lives in memory only.
pub(crate) struct DataKey {
    pub(crate) id: Uuid,
    pub(crate) subject: Arc<str>,
    pub(crate) secret: Secret,
}

pub(crate) fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn from_base64url(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

pub(crate) fn random_id() -> Result<Uuid, Error> {
    let mut bytes = [0; 16];
    random(&mut bytes)?;
    Ok(uuid::Builder::from_random_bytes(bytes).into_uuid())
}

fn random(bytes: &mut [u8]) -> Result<(), Error> {
    getrandom::fill(bytes)
        .map_err(|reason| Error::Unusable(format!("the system gives no random bytes: {reason}")))
}
