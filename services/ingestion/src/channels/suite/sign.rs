//! Calls signed as their platforms sign them, by code of the tests alone.

use std::sync::OnceLock;

use data_encoding::{BASE64, HEXLOWER};
use http::Method;
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair},
};
use serde_json::{Value, json};
use sha1::{Digest, Sha1};

use super::Call;
use crate::channels::{multipart, signature};

/// What the accounts of this suite share with their platforms.
pub(super) const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// The same, as Standard Webhooks writes it.
pub(super) fn whsec(secret: &str) -> String {
    format!("whsec_{}", BASE64.encode(secret.as_bytes()))
}

pub(super) fn bearer(mut call: Call) -> Call {
    call.secret("bearer", SECRET);
    call.header("authorization", &format!("Bearer {SECRET}"));
    call
}

/// The call, proved, with what its account must know.
pub(super) fn sign(mut call: Call) -> Call {
    match call.connector {
        "cloudevents" => bearer(call),
        "standard_webhooks" => standard_webhooks(call, "msg_1"),
        "google_reviews" => {
            call.secret("verify_token", SECRET);
            call.parameter("token", SECRET);
            call
        }
        "trustpilot" | "postmark" => token(call),
        "mailgun" => mailgun(call),
        "sendgrid" if multipart::boundary(&call.hook()).is_some() => token(call),
        "sendgrid" => sendgrid(call),
        "tiktok" => {
            call.secret("client_secret", SECRET);
            let time = call.seconds().to_string();
            let mac = signature::hmac_sha256(SECRET.as_bytes(), &[time.as_bytes(), b".", &call.body]);
            call.header("tiktok-signature", &format!("t={time},s={}", HEXLOWER.encode(&mac)));
            call
        }
        "twilio" => twilio(call),
        "vk" => {
            call.secret("secret", SECRET);
            if let Ok(mut body) = serde_json::from_slice::<Value>(&call.body) {
                body["secret"] = json!(SECRET);
                call.body = body.to_string().into_bytes();
            }
            call
        }
        "vonage" => vonage(call),
        "wechat" => wechat(call),
        "youtube" => youtube(call),
        other => panic!("nobody signs {other}"),
    }
}

fn token(mut call: Call) -> Call {
    call.secret("token", SECRET);
    call.parameter("token", SECRET);
    call
}

pub(super) fn standard_webhooks(mut call: Call, id: &str) -> Call {
    call.secret("secret", &whsec(SECRET));
    let time = call.seconds().to_string();
    let mac =
        signature::hmac_sha256(SECRET.as_bytes(), &[id.as_bytes(), b".", time.as_bytes(), b".", &call.body]);
    call.header("webhook-id", id);
    call.header("webhook-timestamp", &time);
    call.header("webhook-signature", &format!("v1,{}", BASE64.encode(&mac)));
    call
}

fn mailgun(mut call: Call) -> Call {
    call.secret("signing_key", SECRET);
    let (time, token) = (call.seconds().to_string(), "a".repeat(50));
    let mac = signature::hmac_sha256(SECRET.as_bytes(), &[time.as_bytes(), token.as_bytes()]);
    let mac = HEXLOWER.encode(&mac);
    let kind = call.hook().header("content-type").unwrap_or_default().to_owned();
    if kind.starts_with("application/json") {
        if let Ok(mut body) = serde_json::from_slice::<Value>(&call.body) {
            body["signature"] = json!({ "timestamp": time, "token": token, "signature": mac });
            call.body = body.to_string().into_bytes();
        }
        return call;
    }
    let boundary = multipart::boundary(&call.hook());
    let mut proof = Vec::new();
    for (name, value) in [("timestamp", &time), ("token", &token), ("signature", &mac)] {
        let field = match &boundary {
            Some(boundary) => {
                format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
            }
            None => format!("{name}={value}&"),
        };
        proof.extend_from_slice(field.as_bytes());
    }
    proof.append(&mut call.body);
    call.body = proof;
    call
}

fn sendgrid(mut call: Call) -> Call {
    static KEY: OnceLock<Vec<u8>> = OnceLock::new();
    let random = SystemRandom::new();
    let pkcs8 = KEY.get_or_init(|| {
        let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        key.as_ref().to_vec()
    });
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8, &random).unwrap();
    let prefix = HEXLOWER.decode(b"3059301306072a8648ce3d020106082a8648ce3d030107034200").unwrap();
    let public = BASE64.encode(&[&prefix, key.public_key().as_ref()].concat());
    call.secret("public_key", &public);
    let time = call.seconds().to_string();
    let signed = [time.as_bytes(), &call.body].concat();
    let said = key.sign(&random, &signed).unwrap();
    call.header("x-twilio-email-event-webhook-signature", &BASE64.encode(said.as_ref()));
    call.header("x-twilio-email-event-webhook-timestamp", &time);
    call
}

fn twilio(mut call: Call) -> Call {
    call.secret("auth_token", SECRET);
    let mut pairs: Vec<_> = call.hook().form().map(|(name, value)| format!("{name}\0{value}")).collect();
    pairs.sort();
    pairs.dedup();
    let by_digest = call.url.contains("bodySHA256=");
    let form = if call.method == Method::POST && !by_digest {
        pairs.concat().replace('\0', "")
    } else {
        String::new()
    };
    let mac = signature::hmac_sha1(SECRET.as_bytes(), &[call.url.as_bytes(), form.as_bytes()]);
    call.header("x-twilio-signature", &BASE64.encode(&mac));
    call
}

pub(super) fn jwt(claims: &Value, secret: &str) -> String {
    let key = jsonwebtoken::EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&jsonwebtoken::Header::default(), claims, &key).unwrap()
}

fn vonage(mut call: Call) -> Call {
    call.secret("signature_secret", SECRET);
    let hash = HEXLOWER.encode(&signature::sha256(&call.body));
    let claims = json!({ "iat": call.seconds(), "iss": "Vonage", "jti": "1", "payload_hash": hash });
    call.header("authorization", &format!("Bearer {}", jwt(&claims, SECRET)));
    call
}

pub(super) fn wechat_signature(parts: &mut [&str]) -> String {
    parts.sort_unstable();
    HEXLOWER.encode(&Sha1::digest(parts.concat()))
}

/// A message as WeChat encrypts it in safe mode.
pub(super) fn wechat_encrypted(message: &str, app_id: &str, key: &str) -> String {
    use cbc::cipher::{BlockModeEncrypt, KeyIvInit};
    let mut specification = BASE64.specification();
    (specification.padding, specification.check_trailing_bits) = (None, false);
    let key = specification.encoding().unwrap().decode(key.as_bytes()).unwrap();
    let mut bytes = vec![7; 16];
    bytes.extend_from_slice(&u32::try_from(message.len()).unwrap().to_be_bytes());
    bytes.extend_from_slice(message.as_bytes());
    bytes.extend_from_slice(app_id.as_bytes());
    let padding = 32 - bytes.len() % 32;
    bytes.resize(bytes.len() + padding, u8::try_from(padding).unwrap());
    let mut cipher = cbc::Encryptor::<aes::Aes256>::new_from_slices(&key, &key[..16]).unwrap();
    cipher.encrypt_blocks(cbc::cipher::Array::slice_as_chunks_mut(&mut bytes).0);
    BASE64.encode(&bytes)
}

fn wechat(mut call: Call) -> Call {
    call.secret("token", SECRET);
    let time = call.seconds().to_string();
    let said = wechat_signature(&mut [SECRET, &time, "nonce"]);
    call.parameter("timestamp", &time);
    call.parameter("nonce", "nonce");
    call.parameter("signature", &said);
    call
}

fn youtube(mut call: Call) -> Call {
    if call.method == Method::GET {
        call.secret("verify_token", SECRET);
        call.parameter("hub.verify_token", SECRET);
        return call;
    }
    call.secret("hub_secret", SECRET);
    let mac = HEXLOWER.encode(&signature::hmac_sha1(SECRET.as_bytes(), &[&call.body]));
    call.header("x-hub-signature", &format!("sha1={mac}"));
    call
}
