//! The safe mode: AES-256-CBC of 16 random bytes, a length, the message and the app id, padded to blocks of 32.

use aes::Aes256;
use cbc::cipher::{BlockModeDecrypt, KeyIvInit};
use data_encoding::{BASE64, Encoding};

use super::super::{Config, Refused};
use super::{AES_KEY, APP_ID};

/// Random bytes before the length.
const RANDOM: usize = 16;

/// Padding fills blocks of this, not of the cipher's 16 bytes.
const PADDED_TO: usize = 32;

/// The message, if the key opens it and it is for this app.
pub(super) fn decrypt(encrypted: &str, config: &Config) -> Result<Vec<u8>, Refused> {
    let key = key(config)?;
    let app_id = config.setting(APP_ID).filter(|id| !id.is_empty()).ok_or(Refused::NoSecret(APP_ID))?;
    let mut bytes = BASE64.decode(encrypted.trim().as_bytes()).map_err(|_| Refused::Signature)?;
    let (iv, _) = key.split_at(16);
    let mut cipher =
        cbc::Decryptor::<Aes256>::new_from_slices(&key, iv).map_err(|_| Refused::BadSecret(AES_KEY))?;
    let (blocks, rest) = cbc::cipher::Array::slice_as_chunks_mut(&mut bytes);
    if !rest.is_empty() || blocks.is_empty() {
        return Err(Refused::Signature);
    }
    cipher.decrypt_blocks(blocks);
    opened(&bytes, app_id.as_bytes()).map(<[u8]>::to_vec).ok_or(Refused::Signature)
}

fn opened<'a>(bytes: &'a [u8], app_id: &[u8]) -> Option<&'a [u8]> {
    let padding = usize::from(*bytes.last()?);
    if !(1..=PADDED_TO).contains(&padding) {
        return None;
    }
    let bytes = bytes.get(..bytes.len().checked_sub(padding)?)?;
    let (length, rest) = bytes.get(RANDOM..)?.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let (message, to) = rest.split_at_checked(length)?;
    (to == app_id).then_some(message)
}

/// 43 characters that stand for 32 bytes; the two bits left over may say anything.
fn key(config: &Config) -> Result<[u8; 32], Refused> {
    let bad = Refused::BadSecret(AES_KEY);
    let text = config.secret(AES_KEY)?;
    lenient().ok_or(bad)?.decode(text).ok().and_then(|key| key.try_into().ok()).ok_or(bad)
}

fn lenient() -> Option<Encoding> {
    let mut specification = BASE64.specification();
    specification.padding = None;
    specification.check_trailing_bits = false;
    specification.encoding().ok()
}
