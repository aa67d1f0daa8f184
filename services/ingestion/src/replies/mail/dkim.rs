//! Signatures of mails: DKIM (RFC 6376) with RSA and with Ed25519 (RFC 8463), relaxed/relaxed.
//!
//! Pure. Our own because the signer at hand signs each field once only, keeps one signature, and descends once for each
//! character of a field that strangers can lengthen.

use ring::{
    digest, rand,
    signature::{Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair},
};
use rustls::pki_types::{PrivateKeyDer, pem::PemObject};

/// Fields that are signed wherever they stand. Each is signed once more than it stands there, so that nobody adds one.
const SIGNED: [&str; 15] = [
    "from",
    "to",
    "cc",
    "reply-to",
    "subject",
    "date",
    "message-id",
    "in-reply-to",
    "references",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "content-disposition",
    "auto-submitted",
    "list-unsubscribe",
];
/// Characters of a line of the field.
const LINE_MAX: usize = 76;
/// Bytes of a private Ed25519 key.
const SEED_LEN: usize = 32;

/// Signs for a domain.
pub(super) struct Signer {
    pub(super) domain: String,
    pub(super) selector: String,
    pub(super) key: Key,
}

/// A private key.
pub(super) enum Key {
    Ed25519(Box<Ed25519KeyPair>),
    Rsa(Box<RsaKeyPair>),
}

/// With what is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    Ed25519,
    Rsa,
}

/// The secret is no key of its algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the key is none of its algorithm; for ed25519 take PEM (PKCS#8) or the base64 of 32 bytes, for rsa PEM with 2048 bits or more"
)]
pub(super) struct BadKey;

/// What could not be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a mail could not be signed")]
pub(super) struct Unsigned;

impl Key {
    /// A key as its secret has it.
    pub(super) fn new(algorithm: Algorithm, secret: &[u8]) -> Result<Self, BadKey> {
        match algorithm {
            Algorithm::Ed25519 => ed25519(secret).map(|key| Self::Ed25519(Box::new(key))),
            Algorithm::Rsa => rsa(secret).map(|key| Self::Rsa(Box::new(key))),
        }
    }

    const fn algorithm(&self) -> &'static str {
        match self {
            Self::Ed25519(_) => "ed25519-sha256",
            Self::Rsa(_) => "rsa-sha256",
        }
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Unsigned> {
        match self {
            // The hash is signed, and not what was hashed (RFC 8463, 3).
            Self::Ed25519(key) => {
                Ok(key.sign(digest::digest(&digest::SHA256, message).as_ref()).as_ref().to_vec())
            }
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                let random = rand::SystemRandom::new();
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).map_err(|_| Unsigned)?;
                Ok(signature)
            }
        }
    }
}

impl Signer {
    /// The field that signs a mail, with the end of its line. It stands above all others.
    pub(super) fn field(&self, mail: &[u8], at_s: i64) -> Result<String, Unsigned> {
        let (head, body) = split(mail);
        let fields = fields(head);
        let names = names(&fields);
        let hash = base64(digest::digest(&digest::SHA256, &body_relaxed(body)).as_ref());
        let mut field = String::from("DKIM-Signature:");
        let mut line = field.len();
        let mut tag = |text: &str, field: &mut String| {
            if line + 1 + text.len() > LINE_MAX {
                field.push_str("\r\n");
                line = 0;
            }
            field.push(' ');
            field.push_str(text);
            line += 1 + text.len();
        };
        let algorithm = self.key.algorithm();
        for text in ["v=1;", &format!("a={algorithm};"), "c=relaxed/relaxed;"] {
            tag(text, &mut field);
        }
        for text in [
            format!("d={};", self.domain),
            format!("s={};", self.selector),
            format!("t={at_s};"),
            "h=".into(),
        ] {
            tag(&text, &mut field);
        }
        for (at, name) in names.iter().enumerate() {
            let end = if at + 1 == names.len() { ';' } else { ':' };
            tag(&format!("{name}{end}"), &mut field);
        }
        tag(&format!("bh={hash};"), &mut field);
        field.push_str("\r\n b=");
        let signature = self.key.sign(&signed(&fields, &names, &field))?;
        for (at, chunk) in base64(&signature).as_bytes().chunks(LINE_MAX - 4).enumerate() {
            if at > 0 {
                field.push_str("\r\n ");
            }
            field.extend(chunk.iter().map(|byte| char::from(*byte)));
        }
        field.push_str("\r\n");
        Ok(field)
    }
}

fn ed25519(secret: &[u8]) -> Result<Ed25519KeyPair, BadKey> {
    if let Ok(PrivateKeyDer::Pkcs8(der)) = PrivateKeyDer::from_pem_slice(secret) {
        return Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.secret_pkcs8_der()).map_err(|_| BadKey);
    }
    let seed = data_encoding::BASE64.decode(secret.trim_ascii()).map_err(|_| BadKey)?;
    if seed.len() != SEED_LEN {
        return Err(BadKey);
    }
    Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| BadKey)
}

fn rsa(secret: &[u8]) -> Result<RsaKeyPair, BadKey> {
    match PrivateKeyDer::from_pem_slice(secret).map_err(|_| BadKey)? {
        PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()),
        PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
        _ => return Err(BadKey),
    }
    .map_err(|_| BadKey)
}

/// The names of what is signed, each as often as it stands there and once more.
fn names(fields: &[&[u8]]) -> Vec<&'static str> {
    let count = |name: &str| fields.iter().filter(|field| is(field, name)).count();
    SIGNED.iter().flat_map(|name| std::iter::repeat_n(*name, count(name) + 1)).collect()
}

/// What is signed: the fields, the lowest of a name first, and the signature's own without its signature.
fn signed(fields: &[&[u8]], names: &[&str], own: &str) -> Vec<u8> {
    let mut left: Vec<&[u8]> = fields.to_vec();
    let mut message = Vec::new();
    for name in names {
        // What stands there no more is nothing: with that it is signed as well (RFC 6376, 5.4.2).
        if let Some(at) = left.iter().rposition(|field| is(field, name)) {
            message.extend(field_relaxed(left.remove(at)));
            message.extend(b"\r\n");
        }
    }
    message.extend(field_relaxed(own.as_bytes()));
    message
}

/// The header and the body of a mail.
fn split(mail: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memmem::find(mail, b"\r\n\r\n") {
        Some(at) => (&mail[..at + 2], &mail[at + 4..]),
        None => (mail, &[]),
    }
}

/// The fields of a header, each with all of its lines and without the end of the last.
fn fields(head: &[u8]) -> Vec<&[u8]> {
    let mut fields = Vec::new();
    let (mut begin, mut from) = (0, 0);
    while let Some(end) = memchr::memmem::find(&head[from..], b"\r\n").map(|at| from + at) {
        from = end + 2;
        if !matches!(head.get(from), Some(b' ' | b'\t')) {
            fields.push(&head[begin..end]);
            begin = from;
        }
    }
    fields
}

fn is(field: &[u8], name: &str) -> bool {
    let end = field.iter().position(|byte| *byte == b':').unwrap_or(field.len());
    field[..end].trim_ascii_end().eq_ignore_ascii_case(name.as_bytes())
}

/// A field in its relaxed form, without the end of its line (RFC 6376, 3.4.2).
fn field_relaxed(field: &[u8]) -> Vec<u8> {
    let end = field.iter().position(|byte| *byte == b':').unwrap_or(field.len());
    let mut relaxed = field[..end].trim_ascii_end().to_ascii_lowercase();
    relaxed.push(b':');
    let value = field.get(end + 1..).unwrap_or_default();
    let mut words = value.split(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'));
    let mut first = true;
    for word in words.by_ref().filter(|word| !word.is_empty()) {
        if !first {
            relaxed.push(b' ');
        }
        first = false;
        relaxed.extend(word);
    }
    relaxed
}

/// A body in its relaxed form (RFC 6376, 3.4.4).
fn body_relaxed(body: &[u8]) -> Vec<u8> {
    let mut relaxed = Vec::with_capacity(body.len());
    let mut blank_lines = 0;
    let mut rest = body;
    while !rest.is_empty() {
        let (line, after) = match memchr::memmem::find(rest, b"\r\n") {
            Some(at) => (&rest[..at], &rest[at + 2..]),
            None => (rest, &rest[rest.len()..]),
        };
        rest = after;
        let end = line.iter().rposition(|byte| !matches!(byte, b' ' | b'\t')).map_or(0, |at| at + 1);
        if end == 0 {
            blank_lines += 1;
            continue;
        }
        // Lines without anything count only where something follows.
        for _ in 0..std::mem::take(&mut blank_lines) {
            relaxed.extend(b"\r\n");
        }
        let mut in_blank = false;
        for byte in &line[..end] {
            let blank = matches!(byte, b' ' | b'\t');
            if !blank {
                relaxed.push(*byte);
            } else if !in_blank {
                relaxed.push(b' ');
            }
            in_blank = blank;
        }
        relaxed.extend(b"\r\n");
    }
    relaxed
}

fn base64(bytes: &[u8]) -> String {
    data_encoding::BASE64.encode(bytes)
}

#[cfg(test)]
mod tests;
