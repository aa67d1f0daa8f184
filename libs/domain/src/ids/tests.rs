use super::*;

#[test]
fn every_rule_takes_what_it_says_and_nothing_else() {
    let sixty_four = "a".repeat(64);
    let sixty_five = "a".repeat(65);
    let slugs = |text: &str| TeamId::new(text).is_ok();
    for good in ["a", "care-fr", "0", &sixty_four] {
        assert!(slugs(good), "{good}");
    }
    for bad in ["", "Care", "care_fr", "care fr", "é", "a.b", "a*", &sixty_five] {
        assert!(!slugs(bad), "{bad}");
    }
    let tags = |text: &str| Tag::new(text).is_ok();
    for good in ["late", "livraison-tardive", "é", "赔偿", "v1.2/beta:x_y", &"é".repeat(64)] {
        assert!(tags(good), "{good}");
    }
    for bad in ["", "Late", "two words", "a,b", "É", &"é".repeat(65)] {
        assert!(!tags(bad), "{bad}");
    }
    let languages = |text: &str| Language::new(text).is_ok();
    for good in ["fr", "pt-br", "zh-hant-tw", "es-419"] {
        assert!(languages(good), "{good}");
    }
    for bad in ["", "f", "FR", "pt_br", "pt-", "4x", "abcdefghi"] {
        assert!(!languages(bad), "{bad}");
    }
    let media = |text: &str| MediaType::new(text).is_ok();
    for good in ["image/png", "application/vnd.ms-excel", "image/svg+xml"] {
        assert!(media(good), "{good}");
    }
    for bad in ["image", "/png", "image/", "text/html; charset=utf-8", "Image/png"] {
        assert!(!media(bad), "{bad}");
    }
    let templates = |text: &str| TemplateName::new(text).is_ok() && MessageTag::new(text).is_ok();
    for good in ["human_agent", "POST_PURCHASE_UPDATE", "HX0123", "order.v2:fr-1", &"a".repeat(512)] {
        assert!(templates(good), "{good}");
    }
    for bad in ["", "two words", "é", "a/b", &"a".repeat(513)] {
        assert!(!templates(bad), "{bad}");
    }
    assert!(ActorId::new("triage@3").is_ok() && ActorId::new("a b").is_err() && ActorId::new("").is_err());
}

#[test]
fn a_hash_and_an_account_make_ids_that_can_be_taken_apart() {
    let account = AccountId::new("mail-fr").unwrap();
    let hash = KeyedHash::new("0123456789abcdef").unwrap();
    let message = MessageId::of(&account, &hash);
    let identity = IdentityId::of(&account, &hash);
    assert_eq!((message.as_str(), message.account()), ("mail-fr-0123456789abcdef", "mail-fr"));
    assert_eq!((identity.as_str(), identity.account()), ("mail-fr_0123456789abcdef", "mail-fr"));
    assert_eq!(MessageId::new(message.as_str()).unwrap(), message);
    assert_eq!(IdentityId::new(identity.as_str()).unwrap(), identity);
    for bad in [
        "mail-fr",
        "mail-fr-0123",
        "-0123456789abcdef",
        "mail-fr-0123456789ABCDEF",
        "mail_fr-0123456789abcdef",
    ] {
        assert!(MessageId::new(bad).is_err(), "{bad}");
    }
    for bad in ["mail-fr", "mail-fr_0123", "_0123456789abcdef", "mail_fr_0123456789abcdef"] {
        assert!(IdentityId::new(bad).is_err(), "{bad}");
    }
}

#[test]
fn the_longest_ids_fit_a_stream_name() {
    const STREAM_ID_LEN_MAX: usize = 128;
    let account = AccountId::new(&"a".repeat(AccountId::LEN_MAX)).unwrap();
    let hash = KeyedHash::new(&"f".repeat(*HASH_LEN.end())).unwrap();
    assert_eq!(MessageId::of(&account, &hash).as_str().len(), STREAM_ID_LEN_MAX);
    assert_eq!(IdentityId::of(&account, &hash).as_str().len(), STREAM_ID_LEN_MAX);
}

#[test]
fn a_refusal_names_the_rule_and_not_the_value() {
    let refused = TeamId::new("Ana Doe").unwrap_err().to_string();
    assert_eq!(refused, "a team id is 1 to 64 of a-z, 0-9 and '-'");
    let refused = serde_json::from_str::<TeamId>("\"Ana Doe\"").unwrap_err().to_string();
    assert!(refused.starts_with("a team id is 1 to 64") && !refused.contains("Ana"), "{refused}");
    let refused = "nonsense".parse::<CaseId>().unwrap_err().to_string();
    assert_eq!(refused, "a case id is a UUID");
}

#[test]
fn derived_ids_are_the_same_everywhere() {
    let namespace = Uuid::from_u128(7);
    assert_eq!(CaseId::derive(namespace, "first"), CaseId::derive(namespace, "first"));
    assert_ne!(CaseId::derive(namespace, "first"), CaseId::derive(namespace, "second"));
    assert_ne!(CaseId::derive(namespace, "first"), CaseId::derive(Uuid::from_u128(8), "first"));
    assert_eq!(CaseId::derive(namespace, "first").0.get_version_num(), 5);
}
