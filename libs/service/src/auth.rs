//! Who calls: bearer tokens (JWT, EdDSA) become principals.

use std::{collections::HashMap, path::Path, sync::Arc};

use domain::{
    actor::{Actor, Kind},
    ids::{ActorId, AuthMethod},
    time::Timestamp,
};
use ed25519_dalek::{
    SigningKey,
    pkcs8::{EncodePrivateKey, EncodePublicKey, KeypairBytes, spki::der::pem::LineEnding},
};
use jiff::SignedDuration;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::Number;
use sha2::{Digest, Sha256};

/// The audience that every token must name.
pub const AUDIENCE: &str = "dossier";
/// Seconds that clocks may differ.
pub const LEEWAY_S: u64 = 60;
/// The longest token, in bytes.
pub const TOKEN_LEN_MAX: usize = 8 * 1024;
/// Tokens whose signature is remembered as good.
const VERIFIED_MAX: u64 = 10_000;

/// What a token says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Claims {
    /// Who issued it; one of the configured issuers.
    pub iss: String,
    /// Whom it is about: a person's id in the organisation, or a service's name.
    pub sub: String,
    /// [`AUDIENCE`]. Who reads a token looks whether it is named, by itself or in a list, and keeps nothing of it.
    #[serde(skip_deserializing)]
    pub aud: String,
    /// Until when, in seconds since 1970.
    #[serde(deserialize_with = "seconds")]
    pub exp: i64,
    /// From when on, if the issuer says so.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "optional_seconds")]
    pub nbf: Option<i64>,
    /// `human` or `service`.
    #[serde(default)]
    pub kind: PrincipalKind,
    /// Roles that the issuer grants beside those of the organisation's policy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
}

/// A `NumericDate`, which may have a fraction (RFC 7519, 2).
fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let number = Number::deserialize(deserializer)?;
    let fraction = || Some(SignedDuration::try_from_secs_f64(number.as_f64()?).ok()?.as_secs());
    number.as_i64().or_else(fraction).ok_or_else(|| D::Error::custom("no moment"))
}

fn optional_seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    seconds(deserializer).map(Some)
}

/// What may carry a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrincipalKind {
    /// A person of the organisation.
    #[default]
    Human,
    /// Another system.
    Service,
}

/// The caller, proved by a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// As the actor of an entry.
    pub actor: Actor,
    /// Roles that the token grants.
    pub roles: Vec<String>,
}

/// Why a call has no principal. Never says more than the caller needs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// None was sent.
    #[error("a bearer token is missing; send `authorization: Bearer <token>`")]
    Missing,
    /// Not a token, or not from a known issuer, or changed.
    #[error("the bearer token is not valid")]
    Invalid,
    /// It was valid once.
    #[error("the bearer token has expired; get a new one")]
    Expired,
}

/// Checks tokens against the public keys of the known issuers.
pub struct Authenticator {
    issuers: HashMap<String, DecodingKey>,
    /// What tokens say whose signature was good, by their digest: a caller shows the same one again and again.
    verified: moka::sync::Cache<[u8; 32], Arc<Claims>>,
}

/// A key that a configuration names cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Not there, or not readable.
    #[error("the key file {path} cannot be read or written: {error}")]
    File {
        /// Which file.
        path: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// Not an Ed25519 key in PEM.
    #[error("{0} is not an Ed25519 key in PEM (`openssl genpkey -algorithm ed25519`)")]
    Form(String),
}

impl Authenticator {
    /// Trusts these issuers: name and public key in PEM.
    pub fn new<'a>(issuers: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, KeyError> {
        let issuers = issuers
            .into_iter()
            .map(|(issuer, pem)| {
                let key = DecodingKey::from_ed_pem(pem.as_bytes());
                key.map(|key| (issuer.to_owned(), key))
                    .map_err(|_| KeyError::Form(format!("the key of issuer {issuer}")))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { issuers, verified: moka::sync::Cache::new(VERIFIED_MAX) })
    }

    /// The principal of an `authorization` header.
    pub fn principal(&self, authorization: Option<&str>, now: Timestamp) -> Result<Principal, Error> {
        self.admit(authorization, now).map(|(principal, _)| principal)
    }

    /// The principal of an `authorization` header, and until when it is one.
    pub fn admit(
        &self,
        authorization: Option<&str>,
        now: Timestamp,
    ) -> Result<(Principal, Timestamp), Error> {
        let (scheme, token) = authorization.and_then(|value| value.split_once(' ')).ok_or(Error::Missing)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Error::Missing);
        }
        let token = token.trim();
        if token.len() > TOKEN_LEN_MAX {
            return Err(Error::Invalid);
        }
        let claims = self.claims(token).ok_or(Error::Invalid)?;
        let expires = claims.exp.saturating_add_unsigned(LEEWAY_S);
        if expires.saturating_mul(1_000_000) < now.as_microsecond() {
            return Err(Error::Expired);
        }
        let begins = claims.nbf.unwrap_or(i64::MIN).saturating_sub_unsigned(LEEWAY_S);
        if begins.saturating_mul(1_000_000) > now.as_microsecond() {
            return Err(Error::Invalid);
        }
        let kind = match claims.kind {
            PrincipalKind::Human => Kind::Human,
            PrincipalKind::Service => Kind::Service,
        };
        let id = ActorId::new(&claims.sub).map_err(|_| Error::Invalid)?;
        let auth = AuthMethod::new("token").map_err(|_| Error::Invalid)?;
        let until = Timestamp::from_microsecond(expires.saturating_mul(1_000_000)).unwrap_or(Timestamp::MAX);
        Ok((Principal { actor: Actor::new(kind, id, auth), roles: claims.roles.clone() }, until))
    }

    /// What a token says, if a known issuer signed it. Whether it is in force now is another question.
    fn claims(&self, token: &str) -> Option<Arc<Claims>> {
        let digest = Sha256::digest(token).into();
        if let Some(claims) = self.verified.get(&digest) {
            return Some(claims);
        }
        let claims = self.issuers.iter().find_map(|(issuer, key)| verify(token, issuer, key))?;
        let claims = Arc::new(claims);
        self.verified.insert(digest, Arc::clone(&claims));
        Some(claims)
    }
}

fn verify(token: &str, issuer: &str, key: &DecodingKey) -> Option<Claims> {
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_audience(&[AUDIENCE]);
    validation.set_issuer(&[issuer]);
    validation.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
    // Expiry is checked against our own clock, which a test may move.
    validation.validate_exp = false;
    let data = jsonwebtoken::decode::<Claims>(token, key, &validation).ok()?;
    // Who writes `crit` forbids to take the token without understanding what it names (RFC 7515, 4.1.11); here nothing is.
    data.header.crit.is_none().then_some(data.claims)
}

/// Issues tokens: for `dossier up`, for services that call each other, and for tests.
pub struct Issuer {
    name: String,
    key: EncodingKey,
    public_pem: String,
}

impl Issuer {
    /// An issuer with the key in `path`, which is made if it is not there (PKCS #8 in PEM, readable by its owner only).
    pub fn load_or_create(name: &str, path: &Path) -> Result<Self, KeyError> {
        if let Some(issuer) = Self::load(name, path)? {
            return Ok(issuer);
        }
        let form = || KeyError::Form(path.display().to_string());
        let pem = new_key().ok_or_else(form)?;
        write_private(path, &pem).map_err(|error| file_error(path, error))?;
        Self::from_pem(name, &pem).ok_or_else(form)
    }

    /// An issuer with the key in `path`, if it is there.
    pub fn load(name: &str, path: &Path) -> Result<Option<Self>, KeyError> {
        match std::fs::read_to_string(path) {
            Ok(pem) => {
                let issuer = Self::from_pem(name, &pem);
                issuer.map(Some).ok_or_else(|| KeyError::Form(path.display().to_string()))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(file_error(path, error)),
        }
    }

    /// An issuer with this private key.
    pub fn from_pem(name: &str, pem: &str) -> Option<Self> {
        use ed25519_dalek::pkcs8::DecodePrivateKey;
        let signing = SigningKey::from_pkcs8_pem(pem).ok()?;
        let public_pem = signing.verifying_key().to_public_key_pem(LineEnding::LF).ok()?;
        let key = EncodingKey::from_ed_pem(pem.as_bytes()).ok()?;
        Some(Self { name: name.to_owned(), key, public_pem })
    }

    /// The issuer's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The public key in PEM, for those who check.
    pub fn public_pem(&self) -> &str {
        &self.public_pem
    }

    /// A token for `sub` that ends `expires`.
    pub fn token(
        &self,
        sub: &str,
        kind: PrincipalKind,
        roles: &[&str],
        expires: Timestamp,
    ) -> Result<String, Error> {
        let claims = Claims {
            iss: self.name.clone(),
            sub: sub.to_owned(),
            aud: AUDIENCE.to_owned(),
            exp: expires.as_microsecond() / 1_000_000,
            nbf: None,
            kind,
            roles: roles.iter().map(|&role| role.to_owned()).collect(),
        };
        jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), &claims, &self.key).map_err(|_| Error::Invalid)
    }
}

/// A key in the first version of PKCS #8: the second one, with the public key in it, is refused by widely used tools.
fn new_key() -> Option<String> {
    let mut key = KeypairBytes { secret_key: [0; 32], public_key: None };
    getrandom::fill(&mut key.secret_key).ok()?;
    Some(key.to_pkcs8_pem(LineEnding::LF).ok()?.to_string())
}

fn file_error(path: &Path, error: std::io::Error) -> KeyError {
    KeyError::File { path: path.display().to_string(), error }
}

/// Writes a file that only its owner may read; refuses to replace one that is there.
pub fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::{io::Write, os::unix::fs::OpenOptionsExt};
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests;
