use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn issuer(name: &str) -> Issuer {
    Issuer::from_pem(name, &new_key().unwrap()).unwrap()
}

#[test]
fn a_token_of_a_known_issuer_is_a_principal() {
    let here = issuer("here");
    let auth = Authenticator::new([("here", here.public_pem())]).unwrap();
    let token = here.token("ana", PrincipalKind::Human, &["agent"], at("2026-01-02T00:00:00Z")).unwrap();
    let principal = auth.principal(Some(&format!("Bearer {token}")), at("2026-01-01T00:00:00Z")).unwrap();
    assert_eq!(principal.actor.id.as_str(), "ana");
    assert_eq!(principal.roles, ["agent"]);
}

#[test]
fn what_is_not_is_refused() {
    let (here, other) = (issuer("here"), issuer("here"));
    let auth = Authenticator::new([("here", here.public_pem())]).unwrap();
    let now = at("2026-01-01T00:00:00Z");
    let ask = |header: Option<&str>| auth.principal(header, now).unwrap_err();
    let forged =
        other.token("ana", PrincipalKind::Human, &["administrator"], at("2026-01-02T00:00:00Z")).unwrap();
    let old = here.token("ana", PrincipalKind::Human, &[], at("2025-12-31T23:58:59Z")).unwrap();
    let good = here.token("ana", PrincipalKind::Human, &[], at("2026-01-02T00:00:00Z")).unwrap();
    let mut parts: Vec<&str> = good.split('.').collect();
    // {"alg":"none"}
    parts[0] = "eyJhbGciOiJub25lIn0";
    assert_eq!(ask(None), Error::Missing);
    assert_eq!(ask(Some("Basic abc")), Error::Missing);
    assert_eq!(ask(Some("Bearer abc")), Error::Invalid);
    assert_eq!(ask(Some(&format!("Bearer {forged}"))), Error::Invalid);
    assert_eq!(ask(Some(&format!("Bearer {}", parts.join(".")))), Error::Invalid);
    assert_eq!(ask(Some(&format!("Bearer {old}"))), Error::Expired);
}

/// A token with these claims beside the usual ones, or in place of them.
fn token_with(issuer: &Issuer, header: &Header, changed: &serde_json::Value) -> String {
    let mut claims =
        serde_json::json!({ "iss": "here", "sub": "ana", "aud": AUDIENCE, "exp": 1_767_312_000 });
    for (name, value) in changed.as_object().unwrap() {
        claims[name] = value.clone();
    }
    jsonwebtoken::encode(header, &claims, &issuer.key).unwrap()
}

#[test]
fn every_claim_counts() {
    let here = issuer("here");
    let auth = Authenticator::new([("here", here.public_pem())]).unwrap();
    let now = at("2026-01-01T00:00:00Z");
    let seconds = now.as_microsecond() / 1_000_000;
    let ask = |changed: serde_json::Value| {
        let token = token_with(&here, &Header::new(Algorithm::EdDSA), &changed);
        auth.principal(Some(&format!("bearer {token}")), now).map(|principal| principal.actor.id.to_string())
    };
    use serde_json::json;
    assert_eq!(ask(json!({})), Ok("ana".to_owned()));
    for wrong in [
        json!({ "aud": "another" }),
        json!({ "aud": null }),
        json!({ "iss": "there" }),
        json!({ "iss": null }),
        json!({ "sub": "" }),
        json!({ "sub": "a person with spaces" }),
        json!({ "sub": "x".repeat(129) }),
        json!({ "exp": null }),
        json!({ "exp": "soon" }),
        json!({ "kind": "root" }),
        json!({ "nbf": seconds + 61 }),
    ] {
        assert_eq!(ask(wrong.clone()), Err(Error::Invalid), "{wrong}");
    }
    // RFC 7519 has the audience as a list too, and times with a fraction.
    assert_eq!(ask(json!({ "aud": ["another", AUDIENCE] })), Ok("ana".to_owned()));
    assert_eq!(ask(json!({ "aud": ["another"] })), Err(Error::Invalid));
    assert_eq!(ask(json!({ "exp": 1_767_312_000.5, "nbf": 1_700_000_000.25 })), Ok("ana".to_owned()));
    assert_eq!(ask(json!({ "exp": 1_700_000_000.5 })), Err(Error::Expired));
    assert_eq!(ask(json!({ "exp": 1e300 })), Err(Error::Invalid));
    let leeway = i64::try_from(LEEWAY_S).unwrap();
    assert_eq!(ask(json!({ "nbf": seconds + leeway })), Ok("ana".to_owned()));
    assert_eq!(ask(json!({ "exp": seconds - leeway })), Ok("ana".to_owned()));
    assert_eq!(ask(json!({ "exp": seconds - leeway - 1 })), Err(Error::Expired));
    for extreme in [i64::MIN, i64::MAX] {
        let end = ask(json!({ "exp": extreme, "nbf": i64::MIN }));
        assert_eq!(end.is_ok(), extreme > 0, "{end:?}");
    }
}

#[test]
fn what_a_token_calls_critical_is_not_passed_over() {
    let here = issuer("here");
    let auth = Authenticator::new([("here", here.public_pem())]).unwrap();
    for critical in [vec!["exp".to_owned()], vec!["b64".to_owned()], Vec::new()] {
        let header = Header { crit: Some(critical), ..Header::new(Algorithm::EdDSA) };
        let token = token_with(&here, &header, &serde_json::json!({}));
        let end = auth.principal(Some(&format!("Bearer {token}")), at("2026-01-01T00:00:00Z"));
        assert_eq!(end, Err(Error::Invalid), "{header:?}");
    }
}

#[test]
fn the_public_key_is_no_secret_to_sign_with() {
    let here = issuer("here");
    let auth = Authenticator::new([("here", here.public_pem())]).unwrap();
    let claims = serde_json::json!({ "iss": "here", "sub": "ana", "aud": AUDIENCE, "exp": 1_767_312_000 });
    for secret in [here.public_pem().as_bytes(), b""] {
        let key = EncodingKey::from_secret(secret);
        let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).unwrap();
        let end = auth.principal(Some(&format!("Bearer {token}")), at("2026-01-01T00:00:00Z"));
        assert_eq!(end, Err(Error::Invalid));
    }
}

#[test]
fn a_token_has_a_longest_length() {
    let here = issuer("here");
    let auth = Authenticator::new([("here", here.public_pem())]).unwrap();
    let role = "r".repeat(TOKEN_LEN_MAX);
    let long = here.token("ana", PrincipalKind::Human, &[&role], at("2026-01-02T00:00:00Z")).unwrap();
    let end = auth.principal(Some(&format!("Bearer {long}")), at("2026-01-01T00:00:00Z"));
    assert_eq!(end, Err(Error::Invalid));
}

#[test]
fn of_many_issuers_each_signs_for_itself() {
    let (one, two) = (issuer("one"), issuer("two"));
    let auth = Authenticator::new([("one", one.public_pem()), ("two", two.public_pem())]).unwrap();
    let (now, end) = (at("2026-01-01T00:00:00Z"), at("2026-01-02T00:00:00Z"));
    let service = two.token("export", PrincipalKind::Service, &[], end).unwrap();
    let principal = auth.principal(Some(&format!("Bearer  {service}")), now).unwrap();
    assert_eq!((principal.actor.kind, principal.actor.id.as_str()), (Kind::Service, "export"));
    let impostor = Issuer { name: "two".to_owned(), ..one };
    let forged = impostor.token("export", PrincipalKind::Service, &[], end).unwrap();
    assert_eq!(auth.principal(Some(&format!("Bearer {forged}")), now), Err(Error::Invalid));
}

#[test]
fn a_key_is_made_once_for_its_owner_only_and_another_file_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("key.pem");
    let made = Issuer::load_or_create("here", &path).unwrap();
    let loaded = Issuer::load_or_create("here", &path).unwrap();
    assert_eq!((made.public_pem(), made.name()), (loaded.public_pem(), loaded.name()));
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    std::fs::write(&path, "no key").unwrap();
    assert!(matches!(Issuer::load_or_create("here", &path), Err(KeyError::Form(_))));
    assert!(matches!(
        Issuer::load_or_create("here", &folder.path().join("no/key")),
        Err(KeyError::File { .. })
    ));
    assert!(matches!(Authenticator::new([("here", "no key")]), Err(KeyError::Form(_))));
}

#[test]
fn a_token_that_was_good_once_still_ends() {
    let here = issuer("here");
    let auth = Authenticator::new([("here", here.public_pem())]).unwrap();
    let token = here.token("ana", PrincipalKind::Human, &["agent"], at("2026-01-02T00:00:00Z")).unwrap();
    let ask =
        |now| auth.principal(Some(&format!("Bearer {token}")), at(now)).map(|principal| principal.roles);
    assert_eq!(ask("2026-01-01T00:00:00Z"), Ok(vec!["agent".to_owned()]));
    assert_eq!(ask("2026-01-01T00:00:01Z"), Ok(vec!["agent".to_owned()]));
    assert_eq!(ask("2026-01-02T00:01:01Z"), Err(Error::Expired));
    let mut changed = token.clone();
    changed.replace_range(token.len() - 2.., if token.ends_with("AA") { "BB" } else { "AA" });
    assert_eq!(
        auth.principal(Some(&format!("Bearer {changed}")), at("2026-01-01T00:00:00Z")),
        Err(Error::Invalid)
    );
}

#[test]
fn a_key_is_written_as_others_read_it_and_older_ones_are_still_read() {
    use ed25519_dalek::pkcs8::DecodePrivateKey;
    let pem = new_key().unwrap();
    let (label, der) = ed25519_dalek::pkcs8::SecretDocument::from_pem(&pem).unwrap();
    assert_eq!((label, der.as_bytes().len()), ("PRIVATE KEY", 48), "nothing but the private key");
    assert_eq!(der.as_bytes()[..5], [0x30, 46, 0x02, 0x01, 0x00], "the first version");
    let older = SigningKey::from_pkcs8_pem(&pem).unwrap().to_pkcs8_pem(LineEnding::LF).unwrap();
    assert_ne!(*older, pem);
    let (new, old) = (Issuer::from_pem("here", &pem).unwrap(), Issuer::from_pem("here", &older).unwrap());
    assert_eq!(new.public_pem(), old.public_pem());
    let auth = Authenticator::new([("here", new.public_pem())]).unwrap();
    for issuer in [new, old] {
        let token = issuer.token("ana", PrincipalKind::Human, &[], at("2026-01-02T00:00:00Z")).unwrap();
        auth.principal(Some(&format!("Bearer {token}")), at("2026-01-01T00:00:00Z")).unwrap();
    }
}
