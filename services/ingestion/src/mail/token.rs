//! Reply tokens: what names a conversation in an address or a Message-ID of ours, so that the answer finds it.
//!
//! A token is a letter for what it names, then 32 bytes in base32 of lower case (RFC 4648, 6), which no mail server that
//! folds the case of addresses can spoil: the id (16 bytes) and the first 16 bytes of an HMAC-SHA256 over the letter, the
//! id and the account. So a token that was made for one account says nothing to another one. Whoever has a token may
//! write to what it names, and nothing else: it is no secret of the person who received it, and it grants no reading.

use std::fmt;

use data_encoding::BASE32_NOPAD;
use domain::ids::{AccountId, ConversationId};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use uuid::Uuid;

/// Bytes of the id.
const ID_LEN: usize = 16;
/// Bytes of the code that are kept: 128 bits.
const MAC_LEN: usize = 16;
/// Characters of a token: the letter, and 32 bytes in base32.
pub const TOKEN_LEN: usize = 1 + 52;
/// The least that a secret may have, in bytes.
pub const SECRET_MIN: usize = 32;
/// The most that stands before `@` in an address, in bytes (RFC 5321, 4.5.3.1.1).
const LOCAL_PART_MAX: usize = 64;
/// Candidates that are checked in one text: nobody's mail has more, and each costs a hash.
const CANDIDATES_MAX: usize = 32;
/// Keeps the codes apart from any other that the same secret may be used for.
const CONTEXT: &[u8] = b"dossier reply token 1";

/// The key of a deployment's tokens.
#[derive(Clone)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// A secret of at least [`SECRET_MIN`] random bytes.
    pub fn new(bytes: Vec<u8>) -> Result<Self, Error> {
        if bytes.len() < SECRET_MIN { Err(Error::ShortSecret) } else { Ok(Self(bytes)) }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What a token names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// A conversation.
    Conversation(ConversationId),
}

/// Why no token or address can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A secret that could be guessed.
    #[error("the secret of reply tokens is shorter than {SECRET_MIN} bytes; use that many random ones")]
    ShortSecret,
    /// No address, or one with too long a name for a token behind it.
    #[error(
        "the account's address has no room for a reply token; use one with at most {} bytes before the @",
        LOCAL_PART_MAX - 1 - TOKEN_LEN
    )]
    NoRoom,
}

/// The token that names `what` in mails of `account`.
pub fn sign(secret: &Secret, account: &AccountId, what: What) -> String {
    let (letter, id) = split(what);
    let mut bytes = [0; ID_LEN + MAC_LEN];
    bytes[..ID_LEN].copy_from_slice(id.as_bytes());
    bytes[ID_LEN..].copy_from_slice(&code(secret, account, letter, id));
    let mut token = String::with_capacity(TOKEN_LEN);
    token.push(char::from(letter));
    token.push_str(&BASE32_NOPAD.encode(&bytes).to_ascii_lowercase());
    token
}

/// What is named by the first good token in `text`: an address, a Message-ID, or a whole body.
pub fn read(secret: &Secret, account: &AccountId, text: &str) -> Option<What> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let candidates = words.filter(|word| word.len() == TOKEN_LEN).take(CANDIDATES_MAX);
    candidates.filter_map(|word| checked(secret, account, word)).next()
}

/// `care@brand.example` with a token: `care+<token>@brand.example`.
pub fn address(base: &str, token: &str) -> Result<String, Error> {
    let (local, domain) = base.rsplit_once('@').ok_or(Error::NoRoom)?;
    if local.is_empty() || domain.is_empty() || local.len() + 1 + token.len() > LOCAL_PART_MAX {
        return Err(Error::NoRoom);
    }
    Ok(format!("{local}+{token}@{domain}"))
}

/// A Message-ID of ours, without brackets, whose answers name the token in their References. `unique` tells the mails
/// about the same thing apart.
pub fn message_id(token: &str, unique: Uuid, domain: &str) -> String {
    format!("{token}.{}@{domain}", unique.simple())
}

fn checked(secret: &Secret, account: &AccountId, word: &str) -> Option<What> {
    let letter = *word.as_bytes().first()?;
    let bytes = BASE32_NOPAD.decode(word[1..].to_ascii_uppercase().as_bytes()).ok()?;
    let (id, found) = bytes.split_at_checked(ID_LEN)?;
    let id = Uuid::from_slice(id).ok()?;
    let letter = letter.to_ascii_lowercase();
    let what = match letter {
        CONVERSATION => What::Conversation(ConversationId(id)),
        _ => return None,
    };
    bool::from(code(secret, account, letter, id).ct_eq(found)).then_some(what)
}

const CONVERSATION: u8 = b'v';

fn split(what: What) -> (u8, Uuid) {
    match what {
        What::Conversation(ConversationId(id)) => (CONVERSATION, id),
    }
}

fn code(secret: &Secret, account: &AccountId, letter: u8, id: Uuid) -> [u8; MAC_LEN] {
    // A key of any length is one: what is longer than a block is hashed, as RFC 2104 says.
    let key = if secret.0.len() > 64 { hashed(&secret.0) } else { padded(&secret.0) };
    let mut mac = <Hmac<Sha256> as KeyInit>::new((&key).into());
    mac.update(CONTEXT);
    mac.update(&[letter]);
    mac.update(id.as_bytes());
    mac.update(account.as_str().as_bytes());
    let mut code = [0; MAC_LEN];
    code.copy_from_slice(&mac.finalize().into_bytes()[..MAC_LEN]);
    code
}

fn padded(key: &[u8]) -> [u8; 64] {
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key);
    block
}

fn hashed(key: &[u8]) -> [u8; 64] {
    use sha2::Digest;
    padded(&Sha256::digest(key))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn secret(byte: u8) -> Secret {
        Secret::new(vec![byte; SECRET_MIN]).unwrap()
    }

    fn account(name: &str) -> AccountId {
        name.parse().unwrap()
    }

    fn whats() -> impl Strategy<Value = What> {
        any::<u128>().prop_map(|id| What::Conversation(ConversationId(Uuid::from_u128(id))))
    }

    #[test]
    fn a_token_is_the_code_that_anybody_with_the_secret_computes() {
        // HMAC-SHA256 with the key 32 times 07 over the context, `v`, 16 times 00 and `care`, computed elsewhere.
        let token = sign(&secret(7), &account("care"), What::Conversation(ConversationId(Uuid::nil())));
        assert_eq!(token, "vaaaaaaaaaaaaaaaaaaaaaaaaad5fs2qknh6xtvnf2t2xoabmrp5a");
        assert_eq!(token.len(), TOKEN_LEN);
    }

    #[test]
    fn an_address_has_room_for_it_or_is_refused() {
        let token = sign(&secret(1), &account("care"), What::Conversation(ConversationId(Uuid::nil())));
        let written = address("care@brand.example", &token).unwrap();
        assert_eq!(written, format!("care+{token}@brand.example"));
        assert!(address("0123456789@brand.example", &token).is_ok());
        for base in ["01234567890@brand.example", "brand.example", "@brand.example", "care@"] {
            assert_eq!(address(base, &token), Err(Error::NoRoom), "{base}");
        }
        assert_eq!(Secret::new(vec![0; SECRET_MIN - 1]).unwrap_err(), Error::ShortSecret);
        assert_eq!(format!("{:?}", secret(1)), "Secret(…)");
    }

    #[test]
    fn a_text_full_of_candidates_costs_no_more_than_some() {
        let what = What::Conversation(ConversationId(Uuid::nil()));
        let token = sign(&secret(1), &account("care"), what);
        let wrong = "v".repeat(TOKEN_LEN);
        let within = format!("{} {token}", vec![wrong.as_str(); CANDIDATES_MAX - 1].join(" "));
        assert_eq!(read(&secret(1), &account("care"), &within), Some(what));
        let beyond = format!("{wrong} {within}");
        assert_eq!(read(&secret(1), &account("care"), &beyond), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_was_signed_is_read_wherever_it_stands_in_any_case(what in whats(), unique: u128) {
            let (secret, account) = (secret(1), account("care"));
            let token = sign(&secret, &account, what);
            let address = address("care@brand.example", &token).unwrap();
            let id = message_id(&token, Uuid::from_u128(unique), "brand.example");
            for text in [&token, &address, &id, &address.to_uppercase(), &format!("> see <{id}>, écrit")] {
                prop_assert_eq!(read(&secret, &account, text), Some(what), "{}", text);
            }
        }

        #[test]
        fn nothing_else_is_read(what in whats(), at in 0..TOKEN_LEN, to in "[a-z2-7]", text in ".*") {
            let token = sign(&secret(1), &account("care"), what);
            prop_assert_eq!(read(&secret(2), &account("care"), &token), None);
            prop_assert_eq!(read(&secret(1), &account("sales"), &token), None);
            prop_assert_eq!(read(&secret(1), &account("care"), &text), None);
            let mut tampered = token.clone();
            tampered.replace_range(at..=at, &to);
            prop_assert_eq!(read(&secret(1), &account("care"), &tampered).is_some(), tampered == token);
        }
    }
}
