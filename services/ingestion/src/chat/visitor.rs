//! Who writes in a chat: a visitor whom the server has given a name that it knows again, or a user for whom the site that
//! embeds the chat vouches.
//!
//! A visitor's token is `<kind>.<id>.<since>.<proof>`: `v` and a random id, or `u` and the site's name of its user in
//! base64url; the second in which it was made; and a keyed hash of all that and of the account, under the site's key that
//! never rotates. So a token says nothing at another account, and cannot be made by anybody else. It is accepted for
//! [`VALID_S`] seconds and made anew with every greeting: who comes back in time comes back for ever.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use data_encoding::HEXLOWER_PERMISSIVE;
use domain::{ids::AccountId, time::Timestamp};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use uuid::Uuid;
use vault::Vault;

/// The domain of the hashes that prove tokens. Never changed.
const TOKEN: &str = "chat visitor";
/// How long a token is accepted, in seconds: 180 days.
pub(super) const VALID_S: i64 = 180 * 24 * 60 * 60;
/// How far a token may be of the future, in seconds: clocks of replicas differ.
const AHEAD_MAX_S: i64 = 5 * 60;
/// Characters of an id by which visitors are told apart by people.
const TITLE_LEN: usize = 6;
/// The longest token, in bytes.
const TOKEN_MAX: usize = 600;
/// The longest name of a user at the site that embeds the chat, in bytes.
pub(super) const USER_MAX: usize = 256;

/// Somebody who writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Visitor {
    /// Nobody knows who it is; the next time it is known that it is the same.
    Unnamed(Uuid),
    /// A user of the site that embeds the chat.
    User(String),
}

/// Why a token is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unknown {
    /// We did not make it, or not for this account.
    #[error("the visitor's token is not one of this chat: begin without it")]
    Forged,
    /// We did, too long ago.
    #[error("the visitor's token is too old: begin without it")]
    Expired,
}

/// Why the site's word for its user is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotVouched {
    /// The account has nothing to prove it with.
    #[error("the account cannot prove users: give it the secret `identity_secret`, by reference")]
    NoSecret,
    /// No name, or one that is too long.
    #[error("user.id: 1 to {USER_MAX} bytes")]
    Id,
    /// The proof is another one.
    #[error(
        "user.signature: not the HMAC-SHA256 of user.id under the account's `identity_secret`, in hexadecimal"
    )]
    Signature,
}

impl Visitor {
    /// Somebody new.
    pub(super) fn fresh() -> Self {
        Self::Unnamed(Uuid::new_v4())
    }

    /// What the channel calls him.
    pub(super) fn external_id(&self) -> String {
        match self {
            Self::Unnamed(id) => format!("{UNNAMED}{id}"),
            Self::User(id) => format!("{USER}{id}"),
        }
    }

    /// How he is called among us who has not said how: enough to tell two apart.
    pub(super) fn title(&self) -> Option<String> {
        match self {
            Self::Unnamed(id) => Some(format!("Visitor {}", &id.simple().to_string()[..TITLE_LEN])),
            Self::User(_) => None,
        }
    }

    /// The user for whom the site vouches: `signature` is the HMAC-SHA256 of `id` under `secret`, in hexadecimal.
    pub(super) fn vouched(secret: Option<&str>, id: &str, signature: &str) -> Result<Self, NotVouched> {
        let secret = secret.filter(|secret| !secret.is_empty()).ok_or(NotVouched::NoSecret)?;
        if !(1..=USER_MAX).contains(&id.len()) || id.contains(char::is_control) {
            return Err(NotVouched::Id);
        }
        let mut mac =
            <Hmac<Sha256> as KeyInit>::new_from_slice(secret.as_bytes()).map_err(|_| NotVouched::NoSecret)?;
        mac.update(id.as_bytes());
        let given = HEXLOWER_PERMISSIVE.decode(signature.as_bytes()).map_err(|_| NotVouched::Signature)?;
        mac.verify_slice(&given).map_err(|_| NotVouched::Signature)?;
        Ok(Self::User(id.to_owned()))
    }

    /// His token, made now.
    pub(super) fn token(&self, vault: &Vault, account: &AccountId, now: Timestamp) -> String {
        let (kind, id) = match self {
            Self::Unnamed(id) => ("v", id.simple().to_string()),
            Self::User(id) => ("u", URL_SAFE_NO_PAD.encode(id)),
        };
        let since = (now.as_microsecond() / 1_000_000).to_string();
        let proof = proof(vault, account, [kind, &id, &since]);
        format!("{kind}.{id}.{since}.{proof}")
    }

    /// Whose token it is.
    pub(super) fn of(
        vault: &Vault,
        account: &AccountId,
        token: &str,
        now: Timestamp,
    ) -> Result<Self, Unknown> {
        if token.len() > TOKEN_MAX {
            return Err(Unknown::Forged);
        }
        let parts: Vec<&str> = token.split('.').collect();
        let [kind, id, since, given] = parts[..] else { return Err(Unknown::Forged) };
        let right = proof(vault, account, [kind, id, since]);
        if !bool::from(right.as_bytes().ct_eq(given.as_bytes())) {
            return Err(Unknown::Forged);
        }
        let since: i64 = since.parse().map_err(|_| Unknown::Forged)?;
        let age = (now.as_microsecond() / 1_000_000).saturating_sub(since);
        if !(-AHEAD_MAX_S..=VALID_S).contains(&age) {
            return Err(Unknown::Expired);
        }
        match kind {
            "v" => Uuid::try_parse(id).map(Self::Unnamed).map_err(|_| Unknown::Forged),
            "u" => {
                let id = URL_SAFE_NO_PAD.decode(id).ok().and_then(|bytes| String::from_utf8(bytes).ok());
                id.map(Self::User).ok_or(Unknown::Forged)
            }
            _ => Err(Unknown::Forged),
        }
    }
}

/// What the names of visitors and users begin with, so that none is taken for the other.
const UNNAMED: &str = "visitor:";
const USER: &str = "user:";

/// Whether somebody can come to see what is said to the contact of this name.
pub(crate) fn can_look(contact: &str) -> bool {
    contact.starts_with(UNNAMED) || contact.starts_with(USER)
}

fn proof(vault: &Vault, account: &AccountId, [kind, id, since]: [&str; 3]) -> String {
    vault.hash(TOKEN, &[account.as_str(), kind, id, since])
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, LazyLock};

    use proptest::prelude::*;
    use vault::{MemoryKeys, SiteKey};

    use super::*;

    fn vault() -> Vault {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let key = SiteKey::generate().unwrap();
        runtime.block_on(Vault::unlock(&key, Arc::new(MemoryKeys::default()))).unwrap()
    }

    /// Two sites.
    static VAULTS: LazyLock<(Vault, Vault)> = LazyLock::new(|| (vault(), vault()));

    fn account(name: &str) -> AccountId {
        name.parse().unwrap()
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH.plus_seconds(seconds)
    }

    fn visitors() -> impl Strategy<Value = Visitor> {
        prop_oneof![
            any::<u128>().prop_map(|id| Visitor::Unnamed(Uuid::from_u128(id))),
            "[^\\p{Cc}]{1,60}".prop_map(Visitor::User),
        ]
    }

    #[test]
    fn a_token_lasts_so_long_and_no_longer() {
        let (vault, visitor) = (vault(), Visitor::fresh());
        let token = visitor.token(&vault, &account("chat"), at(1_000));
        let read = |now| Visitor::of(&vault, &account("chat"), &token, at(now));
        assert_eq!(read(1_000 + VALID_S), Ok(visitor.clone()));
        assert_eq!(read(1_001 + VALID_S), Err(Unknown::Expired));
        assert_eq!(read(1_000 - AHEAD_MAX_S), Ok(visitor));
        assert_eq!(read(999 - AHEAD_MAX_S), Err(Unknown::Expired));
    }

    #[test]
    fn a_site_vouches_by_the_code_that_anybody_with_the_secret_computes() {
        // printf 'user-7' | openssl dgst -sha256 -hmac 's3cret'
        let code = "19551a9a65128312009d0db12d4b8f3bd8ab13b550e524b0787f4bf7c2a36126";
        let vouched = |secret, id, code: &str| Visitor::vouched(secret, id, code);
        assert_eq!(vouched(Some("s3cret"), "user-7", code), Ok(Visitor::User("user-7".into())));
        assert!(vouched(Some("s3cret"), "user-7", &code.to_uppercase()).is_ok());
        for (id, code) in [("user-8", code), ("user-7", "00"), ("user-7", ""), ("user-7", "no code")] {
            assert_eq!(vouched(Some("s3cret"), id, code), Err(NotVouched::Signature));
        }
        assert_eq!(vouched(Some("other"), "user-7", code), Err(NotVouched::Signature));
        assert_eq!(vouched(None, "user-7", code), Err(NotVouched::NoSecret));
        assert_eq!(vouched(Some("s3cret"), "", code), Err(NotVouched::Id));
        assert_eq!(vouched(Some("s3cret"), &"u".repeat(USER_MAX + 1), code), Err(NotVouched::Id));
    }

    #[test]
    fn only_visitors_and_users_can_look() {
        assert!(can_look(&Visitor::fresh().external_id()));
        assert!(can_look(&Visitor::User("7".into()).external_id()));
        assert!(!can_look("+447700900150") && !can_look(""));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_was_made_is_read_and_nothing_else(visitor in visitors(), at_byte: prop::sample::Index, to in "[0-9a-z.]", noise in ".*") {
            let (own, other) = (&VAULTS.0, &VAULTS.1);
            let token = visitor.token(own, &account("chat"), at(1_000));
            let read = |vault: &Vault, name: &str, token: &str| Visitor::of(vault, &account(name), token, at(1_000));
            prop_assert_eq!(read(own, "chat", &token), Ok(visitor));
            prop_assert_eq!(read(other, "chat", &token), Err(Unknown::Forged));
            prop_assert_eq!(read(own, "sales", &token), Err(Unknown::Forged));
            prop_assert_eq!(read(own, "chat", &noise), Err(Unknown::Forged));
            let mut tampered = token.clone();
            let index = at_byte.index(token.len());
            tampered.replace_range(index..=index, &to);
            prop_assert_eq!(read(own, "chat", &tampered).is_ok(), tampered == token);
        }
    }
}
