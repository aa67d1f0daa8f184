//! Signatures that platforms make.

use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};
use domain::time::Timestamp;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{Hook, Refused};

/// How long ago, and how far ahead, a signed time may be, in seconds, where the platform names no window of its own.
pub(super) const WINDOW_S: i64 = 5 * 60;

/// HMAC-SHA256 of the parts, one after the other.
pub(super) fn hmac_sha256(secret: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    mac::<Hmac<Sha256>>(secret, parts)
}

/// HMAC-SHA1 of the parts, one after the other.
pub(super) fn hmac_sha1(secret: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    mac::<Hmac<Sha1>>(secret, parts)
}

fn mac<M: Mac + KeyInit>(secret: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    // HMAC takes a key of any length.
    let Ok(mut mac) = <M as KeyInit>::new_from_slice(secret) else { return Vec::new() };
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().to_vec()
}

/// Whether the hexadecimal text says the same as `expected`.
pub(super) fn is_hex(text: &str, expected: &[u8]) -> Result<(), Refused> {
    let said = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).map_err(|_| Refused::Signature)?;
    is(&said, expected)
}

/// Whether the text in base64 says the same as `expected`.
pub(super) fn is_base64(text: &str, expected: &[u8]) -> Result<(), Refused> {
    let said = BASE64.decode(text.as_bytes()).map_err(|_| Refused::Signature)?;
    is(&said, expected)
}

/// Whether both are the same, told in a time that does not say where they differ. What is expected is never empty.
pub(super) fn is(said: &[u8], expected: &[u8]) -> Result<(), Refused> {
    let same = !expected.is_empty() && bool::from(said.ct_eq(expected));
    if same { Ok(()) } else { Err(Refused::Signature) }
}

/// Whether a time in seconds since 1970 lies in the window around now.
pub(super) fn fresh(seconds: &str, now: Timestamp, window_s: i64) -> Result<(), Refused> {
    let seconds: i64 = seconds.parse().map_err(|_| Refused::Signature)?;
    let now = now.as_microsecond().div_euclid(1_000_000);
    let apart = now.checked_sub(seconds).and_then(i64::checked_abs).ok_or(Refused::Stale)?;
    if apart <= window_s { Ok(()) } else { Err(Refused::Stale) }
}

/// SHA-256.
pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// Whether the call carries a secret that only the platform was told, as platforms do that sign nothing: as `user:password`
/// or as a bearer token in its header Authorization, or as the parameter `token` of the address.
pub(super) fn carries(hook: &Hook<'_>, secret: &[u8]) -> Result<(), Refused> {
    if let Some(proof) = hook.header("authorization") {
        let (scheme, proof) = proof.split_once(' ').ok_or(Refused::Signature)?;
        return match scheme {
            _ if scheme.eq_ignore_ascii_case("basic") => is_base64(proof.trim(), secret),
            _ if scheme.eq_ignore_ascii_case("bearer") => is(proof.trim().as_bytes(), secret),
            _ => Err(Refused::Signature),
        };
    }
    let token = hook.parameter("token").ok_or(Refused::Unsigned("authorization"))?;
    is(token.as_bytes(), secret)
}
