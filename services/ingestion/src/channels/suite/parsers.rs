//! The small parsers that several connectors share.

use crate::channels::{multipart, node, xml};

fn refused(xml: &str) -> bool {
    xml::parse(xml.as_bytes()).is_err()
}

#[test]
fn xml_gives_its_texts() {
    let document = xml::parse(
        b"\xef\xbb\xbf<?xml version=\"1.0\"?><!-- c --><a:xml xmlns:a='u'><T><![CDATA[x <y>]]> &amp; &#x7a;</T><I><L>l</L></I><E/></a:xml>",
    );
    let document = document.unwrap();
    assert_eq!(document.root, "xml");
    assert_eq!(document.text("T"), Some("x <y> & z"));
    assert_eq!(document.text("I/L"), Some("l"));
    assert!(document.has("E") && !document.has("L"));
    assert_eq!(document.need("E").unwrap_err().path, "xml/E");
}

#[test]
fn xml_expands_nothing() {
    let bomb = "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]><x><T>&b;</T></x>";
    assert!(refused(bomb), "a document type");
    assert!(refused("<!DOCTYPE x SYSTEM \"file:///etc/passwd\"><x><T>t</T></x>"), "an outside document type");
    assert!(refused("<x><T>&b;</T></x>"), "an entity that is not known");
    assert!(refused("<x><T>&#0;</T></x>"), "no character");
    assert!(refused("<x><T>&#xffffffff;</T></x>"), "no character");
}

#[test]
fn xml_is_bounded_and_well_formed() {
    let nested = |depth: usize| format!("{}{}", "<x>".repeat(depth), "</x>".repeat(depth));
    assert!(!refused(&nested(16)));
    assert!(refused(&nested(17)));
    assert!(refused(&nested(100_000)));
    assert!(refused(&"<x>".repeat(100_000)), "not closed");
    assert!(refused(&format!("<x>{}</x>", "<y/>".repeat(2_000))), "too many elements");
    assert!(!refused(&format!("<x>{}</x>", "<y/>".repeat(1_999))));
    assert!(refused(&format!("<{0}></{0}>", "n".repeat(129))), "a name without end");
    for broken in ["", "x", "<x>", "<x></y>", "<x/><y/>", "<x/><y>t</y>", "</x>"] {
        assert!(refused(broken), "{broken}");
    }
    assert!(xml::parse(b"<x>\xff</x>").is_err(), "not UTF-8");
}

const FORM: &[u8] = b"preamble\r\n--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\none\r\n--bee\r\n\r\n--b\r\nContent-Disposition: form-data; filename=\"C:\\x\\n \\\"q\\\".txt\"; name=file\r\nContent-Type: text/plain\r\n\r\n\x00\xff\r\n--b--\r\nepilogue";

#[test]
fn forms_are_cut_at_their_boundary() {
    let parts = multipart::parts(FORM, "b").unwrap();
    assert_eq!(parts.len(), 2);
    assert_eq!((parts[0].name.as_str(), parts[0].content), ("a", b"one\r\n--bee\r\n".as_slice()));
    assert_eq!((parts[1].name.as_str(), parts[1].content), ("file", b"\x00\xff".as_slice()));
    assert_eq!(parts[1].file.as_deref(), Some("C:\\x\\n \"q\".txt"));
    assert_eq!(parts[1].media_type.as_deref(), Some("text/plain"));
    assert_eq!(parts[0].file, None);
}

#[test]
fn forms_that_are_cut_short_or_too_many_are_refused() {
    for end in 0..FORM.len() - "--\r\nepilogue".len() {
        assert!(multipart::parts(&FORM[..end], "b").is_err(), "{end}");
    }
    assert!(multipart::parts(b"--b\r\nContent-Type: x\r\n\r\nno name\r\n--b--", "b").is_err());
    let many = "--b\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n".repeat(1_001) + "--b--";
    assert!(multipart::parts(many.as_bytes(), "b").is_err());
    let long =
        format!("--b\r\nX: {}\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n--b--", "x".repeat(9_000));
    assert!(multipart::parts(long.as_bytes(), "b").is_err());
}

#[test]
fn paths_tell_what_is_missing() {
    let body =
        node::parse(br#"{"a": [{"b": null}, null, {"b": {"c": 7}}], "t": 1732708800, "m": "1732708800000"}"#);
    let body = body.unwrap();
    let root = node::Node::root(&body, "");
    let items = root.items("a").unwrap();
    assert_eq!(items.len(), 2, "null is left out");
    assert_eq!(items[0].need("b").unwrap_err().path, "a[0].b");
    let c = items[1].need("b").unwrap();
    assert_eq!(c.need_text("c").unwrap_err().path, "a[2].b.c");
    assert_eq!(c.need_id("c").unwrap(), "7");
    assert_eq!(root.items("t").unwrap_err().path, "t");
    assert_eq!(root.need_time("t"), root.need_time("m"), "seconds and milliseconds");
    assert_eq!(root.need_time("t").unwrap().to_string(), "2024-11-27T12:00:00.000000Z");
    assert_eq!(root.wrong("", "x").path, "body");
}

#[test]
fn deep_json_is_refused() {
    assert!(node::parse(format!("{}{}", "[".repeat(127), "]".repeat(127)).as_bytes()).is_ok());
    assert!(node::parse(format!("{}{}", "[".repeat(128), "]".repeat(128)).as_bytes()).is_err());
    assert!(node::parse("[".repeat(1_000_000).as_bytes()).is_err());
}

#[test]
fn values_are_bounded_and_texts_are_none() {
    let list = |count: usize| format!("[{}1]", "1,".repeat(count - 2));
    assert!(node::parse(list(crate::channels::json::VALUES_MAX).as_bytes()).is_ok());
    assert!(node::parse(list(crate::channels::json::VALUES_MAX + 3).as_bytes()).is_err());
    let text = format!("\"{}\\\"{}\"", "[,:".repeat(1_000_000), "{,".repeat(1_000));
    assert!(node::parse(text.as_bytes()).is_ok());
}
