use super::*;

#[test]
fn it_is_one_of_three() {
    for (personal, text) in [
        (Personal::open("case-1", "Ana"), r#"{"subject":"case-1","open":"Ana"}"#),
        (Personal::sealed("case-1", "k.n.c"), r#"{"subject":"case-1","sealed":"k.n.c"}"#),
        (Personal::erased("case-1"), r#"{"subject":"case-1","erased":true}"#),
    ] {
        assert_eq!(serde_json::to_string(&personal).unwrap(), text);
        assert_eq!(serde_json::from_str::<Personal>(text).unwrap(), personal);
    }
    for bad in [
        r#"{"subject":"case-1"}"#,
        r#"{"open":"Ana"}"#,
        r#"{"subject":"","open":"Ana"}"#,
        r#"{"subject":"case-1","erased":false}"#,
        r#"{"subject":"case-1","open":"Ana","sealed":"k.n.c"}"#,
        r#"{"subject":"case-1","sealed":"k.n.c","erased":true}"#,
        r#"{"subject":"case-1","open":"Ana","other":1}"#,
    ] {
        assert!(serde_json::from_str::<Personal>(bad).is_err(), "{bad}");
    }
}

#[test]
fn what_cannot_be_seen_says_so_and_debugging_shows_nothing() {
    assert_eq!(Personal::open("case-1", "Ana").to_string(), "Ana");
    assert_eq!(Personal::sealed("case-1", "k.n.c").to_string(), "[sealed]");
    assert_eq!(Personal::erased("case-1").to_string(), "[erased]");
    assert_eq!(Personal::open("case-1", "Ana").as_open(), Some("Ana"));
    assert_eq!(Personal::sealed("case-1", "k.n.c").as_open(), None);
    assert_eq!(format!("{:?}", Personal::open("case-1", "Ana")), "Personal(case-1, [open])");
    assert!(!format!("{:?}", Value::Sealed("k.n.c".into())).contains("k.n.c"));
}
