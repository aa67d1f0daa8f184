use proptest::prelude::*;
use ring::signature::{ED25519, KeyPair, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

use super::*;

/// The mail of RFC 8463, A.3, as its signature covers it.
const DINNER: &str = "From: Joe SixPack <joe@football.example.com>\r\n\
    To: Suzie Q <suzie@shopping.example.net>\r\n\
    Subject: Is dinner ready?\r\n\
    Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n\
    Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n\
    \r\n\
    Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n";
/// Its private and its public key (A.2).
const PRIVATE: &str = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";
const PUBLIC: &str = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
/// Its signature (A.3), up to what it says, and that.
const FIELD: &str = "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n \
    d=football.example.com; i=@football.example.com;\r\n \
    q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n \
    subject : date : message-id : from : subject : date;\r\n \
    bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n b=";
const SIGNATURE: &str =
    "/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11BusFa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==";

fn decoded(text: &str) -> Vec<u8> {
    data_encoding::BASE64.decode(text.as_bytes()).unwrap()
}

#[test]
fn the_published_mail_is_signed_as_it_was_published() {
    let (head, body) = split(DINNER.as_bytes());
    let hash = digest::digest(&digest::SHA256, &body_relaxed(body));
    assert_eq!(base64(hash.as_ref()), "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=");
    let names = ["from", "to", "subject", "date", "message-id", "from", "subject", "date"];
    let key = Key::new(Algorithm::Ed25519, PRIVATE.as_bytes()).unwrap();
    let signature = key.sign(&signed(&fields(head), &names, FIELD)).unwrap();
    assert_eq!(base64(&signature), SIGNATURE);
    let Key::Ed25519(pair) = &key else { unreachable!() };
    assert_eq!(base64(pair.public_key().as_ref()), PUBLIC);
}

#[test]
fn forms_are_relaxed_as_the_examples_of_the_standard_are() {
    // RFC 6376, 3.4.5.
    assert_eq!(field_relaxed(b"A: X"), b"a:X");
    assert_eq!(field_relaxed(b"B : Y\t\r\n\tZ  "), b"b:Y Z");
    assert_eq!(body_relaxed(b" C \r\nD \t E\r\n\r\n\r\n"), b" C\r\nD E\r\n");
    assert_eq!(body_relaxed(b""), b"");
    assert_eq!(body_relaxed(b"\r\n\r\n"), b"");
    assert_eq!(body_relaxed(b"no end"), b"no end\r\n");
}

#[test]
fn keys_come_in_the_forms_that_tools_write() {
    for (algorithm, key) in
        [(Algorithm::Ed25519, ED25519_PEM), (Algorithm::Ed25519, PRIVATE), (Algorithm::Rsa, RSA_PEM)]
    {
        assert!(Key::new(algorithm, key.as_bytes()).is_ok(), "{algorithm:?}");
    }
    for (algorithm, key) in [
        (Algorithm::Rsa, ED25519_PEM),
        (Algorithm::Ed25519, RSA_PEM),
        (Algorithm::Rsa, "0000"),
        (Algorithm::Ed25519, ""),
        (Algorithm::Ed25519, "AAAA"),
    ] {
        assert_eq!(Key::new(algorithm, key.as_bytes()).err(), Some(BadKey), "{algorithm:?}");
    }
}

/// Checks a signature as RFC 6376, 6.1 says, with nothing of what makes one but the forms above.
fn verified(mail: &str, public: impl Fn(&[u8], &[u8]) -> bool) -> bool {
    let (field, rest) = {
        let end = mail.match_indices("\r\n").find(|(at, _)| !mail[at + 2..].starts_with(' ')).unwrap().0;
        (&mail[..end], &mail[end + 2..])
    };
    let value = field.split_once(':').unwrap().1;
    let tag = |name: &str| {
        let tags = value.split(';').map(|tag| tag.split_once('=').unwrap());
        tags.filter(|(key, _)| key.trim() == name)
            .map(|(_, value)| value.split_whitespace().collect::<String>())
            .next()
            .unwrap()
    };
    let (head, body) = rest.split_once("\r\n\r\n").unwrap();
    let head = format!("{head}\r\n");
    if base64(digest::digest(&digest::SHA256, &body_relaxed(body.as_bytes())).as_ref()) != tag("bh") {
        return false;
    }
    let names = tag("h");
    let names: Vec<_> = names.split(':').collect();
    let unsigned = &field[..field.rfind("b=").unwrap() + 2];
    let message = signed(&fields(head.as_bytes()), &names, unsigned);
    public(&message, &decoded(&tag("b")))
}

fn by_ed25519(message: &[u8], signature: &[u8]) -> bool {
    let hash = digest::digest(&digest::SHA256, message);
    UnparsedPublicKey::new(&ED25519, decoded(PUBLIC)).verify(hash.as_ref(), signature).is_ok()
}

fn signer(key: Key) -> Signer {
    Signer { domain: "brand.example".into(), selector: "s1".into(), key }
}

#[test]
fn what_is_signed_is_verified_and_what_was_changed_is_not() {
    let ed25519 = signer(Key::new(Algorithm::Ed25519, PRIVATE.as_bytes()).unwrap());
    let rsa = signer(Key::new(Algorithm::Rsa, RSA_PEM.as_bytes()).unwrap());
    let Key::Rsa(pair) = &rsa.key else { unreachable!() };
    let public = pair.public_key().as_ref().to_vec();
    let by_rsa = |message: &[u8], signature: &[u8]| {
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &public).verify(message, signature).is_ok()
    };
    for (signer, check) in [
        (&ed25519, &by_ed25519 as &dyn Fn(&[u8], &[u8]) -> bool),
        (&rsa, &by_rsa as &dyn Fn(&[u8], &[u8]) -> bool),
    ] {
        let field = signer.field(DINNER.as_bytes(), 1_528_637_909).unwrap();
        assert!(field.lines().all(|line| line.len() <= 78), "{field}");
        let mail = format!("{field}{DINNER}");
        assert!(verified(&mail, check));
        // What servers do on the way is no change.
        assert!(verified(
            &mail.replace("Subject: Is", "SUBJECT:   Is\r\n\t").replace("yet?", "yet? \t"),
            check
        ));
        for changed in [
            mail.replace("dinner", "breakfast"),
            mail.replace("hungry", "thirsty"),
            mail.replace("t=1528637909", "t=1528637910"),
            mail.replace("From: Joe", "From: Eve <eve@example.org>\r\nFrom: Joe"),
            mail.replace("To: Suzie", "Reply-To: eve@example.org\r\nTo: Suzie"),
        ] {
            assert_ne!(changed, mail);
            assert!(!verified(&changed, check));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_signed_is_verified(subject in "[ -~]{0,80}", body in "[ \t\r\na-zé]{0,200}") {
        let body = body.replace('\r', "").replace('\n', "\r\n");
        let mail = format!("From: a@b.example\r\nSubject: {subject}\r\n\r\n{body}");
        let ed25519 = signer(Key::new(Algorithm::Ed25519, PRIVATE.as_bytes()).unwrap());
        let field = ed25519.field(mail.as_bytes(), 1).unwrap();
        let signed = format!("{field}{mail}");
        prop_assert!(verified(&signed, by_ed25519));
    }

    #[test]
    fn no_bytes_are_too_much(mail in proptest::collection::vec(any::<u8>(), 0..300)) {
        let ed25519 = signer(Key::new(Algorithm::Ed25519, PRIVATE.as_bytes()).unwrap());
        prop_assert!(ed25519.field(&mail, 1).is_ok());
    }
}

/// Keys of nobody, made for these tests.
const ED25519_PEM: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEILOAMxMY/bEtPPBj0EmRViUSUbweUZ8asyc6QBZinkg0
-----END PRIVATE KEY-----
";
const RSA_PEM: &str = "-----BEGIN PRIVATE KEY-----
MIIEugIBADANBgkqhkiG9w0BAQEFAASCBKQwggSgAgEAAoIBAQCoXEE7jy/cZQFq
XPb0mkmsWtpnXYEHR8Kl6xtkvuqqRfgWUYq4kZduVpJJjMtEb+BMPQsLNykMY1QH
ggqrihz79XCSP9xG7B6IrgELjLBuVWcWJqEbjM+nUFIRjwy6Cfwuzmf1PlGIMZbb
bhoHEwlbXDb4lJVzJa1IXeSJ9d28YdM+0cib6+mnc7CXYOCTDOw7gV0izzrWZvkT
nMGcw1X7FoE8xA18lhYwMh7VCVD5A3bVs0OGwHW4AxxjSg20WNxq6E5JyJZHO4S+
2FBVK1ieGkO44BTnjXESD4a02N6RR0VMybKjSGkQJEboYtSdZ0PiAhOwTu7myutc
hMmT8AzVAgMBAAECggEAANJyfxfz49+aYiqSCh+2vGC1MEwElUSEbsr3F0bXXn14
+KLtSnlrg95oWHOXin4BWl3x79wVFzpk7qRz6OKDwbcxFYW6TZ5Zh9FRr/y/38oK
9tC5eKj3WpnJzMwmA8KIuLHJUCk9vKyBUBD5j49IPGn22r/e+vD0J6ZNt1679m+B
0XgjtSPKxHpDPxy3r8ibbIJgw15eRAR+s82pEY3E1AfyiZTmb/ljD03eXduQzb/b
YOJ2y4KnKPIzPzOcHQ7t6fEP7esq5VaEM9VR4zU7TlDfIA7NEJGLDDcEHLBP+ujO
Be0BQjCq09f15BiBjrGdWWJqenDvyzPJG8EB8E6IAQKBgQDS7QcAPLkJmG5WqAql
xb7OU2Af5eXOeCRA0c38nUWXhQepUmnO8DDpnbZI42OUid5I4NPH83aGYO3FDQxn
xXgoBcCJBPkf9VAG9oTCyrPXG/+C2Hazq+bLhf7IMGP60qaf2xNcob0UTVZrvrz3
rD1kdjXhkyH64J5hPoBbB5kVWQKBgQDMVqA9v5lZcWWSb12XM3hZ0EnSPZtQ3A1Y
BLesBtI9BW/9F5o6piK/OCQZXObOlQRG9plWy7r/qTH8nY4yMtftTF/fryICtzCo
s+iThMV+q5AAIhIU7/b0JAOuwOrBKsyzQn1jczQd88YRhIe9lQaja/xOOnGQtoKw
4rl6S/a33QKBgGWEzcTQdSLoKdstgApvlbmKqY5QwX3Rl2lXUbRPIeqejaRyVRjT
xEb8sHp+bzRT8xfSljv7s0VUK7yW3iyn/4AL3LJWIW2/TWg8iIOUumBDSoR4mRE7
IJc+g/VoTQaxEp+H+tavxeianIi5QgxW6ymKN769aTJtn+0f/vlRO93pAn8VjQ1Z
ddu2kz8jMpusVsFat50Rj23SGWNO5TB59D44MVqeVt7tUJhZkpI8GpA9OXo6Acgq
X1JZpH6hJfzZToN3g5aZAN+Vaby4DkF5TYeG1JFbcjx1+NkS5rl8tNwNg3YTce/H
jV7xycQaFOA8HnuUwM7bcU6I9LbT8RWe0GQ1AoGAQaH688X0evJuUL7DQIh8noz6
1X55aNum/mK8ORlgfxbpjs3lffTy9nvMyrSeIC34pZLo6lw6E4QZ1lMtZ+dv/A4D
8AkG9Ur/5J2sMjGrDxmRVQX4n4eISANTbSeFS6/+s9D8USHmHZaFTeu7VTwmGVk4
Pn5fG4Elc0CDuUSF3c8=
-----END PRIVATE KEY-----
";
