//! Whatever is read: a feed or a refusal, soon, in little memory, and nothing that does anything.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use url::Url;

use super::{address, danger::dangers, read, samples};
use crate::feeds::{
    Error,
    feed::{
        Flaw,
        limits::{BODY_MAX, DEPTH_MAX, ELEMENTS_MAX},
    },
    html, parse,
};

/// What a feed at its bounds may take, with a compiler that does not optimise, on a machine that does other things.
const LONG: Duration = Duration::from_secs(60);

#[test]
fn entities_are_no_bombs_and_lead_nowhere() {
    let mut bomb = String::from("<?xml version='1.0'?><!DOCTYPE rss [<!ENTITY a0 'lol'>");
    for n in 1..20 {
        bomb += &format!("<!ENTITY a{n} '{}'>", format!("&a{};", n - 1).repeat(10));
    }
    bomb += "]><rss><channel><title>&a19;</title><item><title>x</title></item></channel></rss>";
    let feed = read(&bomb);
    assert_eq!(feed.title.as_deref(), Some("&a19;"));
    assert!(feed.flaws.contains(&Flaw::DeclaredEntities) && feed.flaws.contains(&Flaw::UnknownEntity));
    let outside = "<!DOCTYPE rss [<!ENTITY x SYSTEM 'file:///etc/hostname'><!ENTITY % p SYSTEM 'http://127.0.0.1:9/'> %p;]>\
                   <rss><channel><title>&x;</title></channel></rss>";
    assert_eq!(read(outside).title.as_deref(), Some("&x;"));
    let old = "<!DOCTYPE rss PUBLIC '-//Netscape Communications//DTD RSS 0.91//EN' 'http://my.netscape.com/publish/formats/rss-0.91.dtd'>\
               <rss version='0.91'><channel><title>Old</title></channel></rss>";
    assert!(read(old).flaws.is_empty());
}

#[test]
fn what_is_too_large_too_deep_or_too_much_is_refused() {
    let body = vec![b' '; BODY_MAX + 1];
    assert_eq!(parse(&body, None, &address()), Err(Error::TooLarge { max: BODY_MAX }));
    let deep = format!("<rss><channel>{}", "<a>".repeat(DEPTH_MAX));
    assert!(matches!(parse(deep.as_bytes(), None, &address()), Err(Error::TooMany { max: DEPTH_MAX, .. })));
    let broad = format!("<rss><channel>{}", "<a/>".repeat(ELEMENTS_MAX));
    assert!(matches!(
        parse(broad.as_bytes(), None, &address()),
        Err(Error::TooMany { max: ELEMENTS_MAX, .. })
    ));
    let wide: Vec<u8> = "<rss/>".chars().flat_map(|character| u32::from(character).to_be_bytes()).collect();
    assert_eq!(parse(&wide, None, &address()), Err(Error::Charset));
}

/// A body of nearly [`BODY_MAX`] bytes: a begin, one thing again and again, an end.
fn full(begin: &str, again: &str, end: &str) -> String {
    format!("{begin}{}{end}", again.repeat((BODY_MAX - begin.len() - end.len()) / again.len()))
}

#[test]
fn what_is_at_the_bounds_takes_bounded_time() {
    let item = |content: &str| format!("<item><title>t</title><description>{content}</description></item>");
    let costly: String = (0..250).map(|n| format!("&lt;b id={n}&gt;")).collect();
    for (name, body) in [
        ("text", full("<rss><channel><title>", "a ", "</title></channel></rss>")),
        ("references", full("<rss><channel><title>", "&amp;", "</title></channel></rss>")),
        ("unknown references", full("<rss><channel><title>", "&x;", "</title></channel></rss>")),
        ("ampersands", full("<rss><channel><title>", "&", "</title></channel></rss>")),
        ("ends", full("<rss><channel>", "</z>", "</channel></rss>")),
        ("attributes", full("<rss ", "a='b' ", "><channel/></rss>")),
        ("no end of a tag", full("<rss", " a", "")),
        ("no end of a value", full("<rss a='", "<", "")),
        ("comment", full("<rss><!--", "-", "")),
        ("doctype", full("<!DOCTYPE rss [", "<!ENTITY a 'b'>", "]><rss/>")),
        ("sections", full("<rss><channel><title>", "<![CDATA[a]]>", "</title></channel></rss>")),
        ("entries", full("<rss><channel>", &item("&lt;b&gt;x"), "</channel></rss>")),
        ("markup", full("<rss><channel>", &item(&costly.repeat(8)), "</channel></rss>")),
        ("many references", full("<rss><channel>", &item(&"&amp;amp".repeat(4_900)), "</channel></rss>")),
        ("quotes", full("<rss><channel>", &item(&"&lt;dl&gt;".repeat(890)), "</channel></rss>")),
        (
            "escapes",
            full("<rss><channel><item><description>", "&lt;", "</description></item></channel></rss>"),
        ),
    ] {
        let begun = Instant::now();
        let read = parse(body.as_bytes(), None, &address());
        println!(
            "{name}: {:?}, {}",
            begun.elapsed(),
            read.map_or_else(
                |error| error.to_string(),
                |feed| format!("{} entries, {:?}", feed.entries.len(), feed.flaws)
            )
        );
        assert!(begun.elapsed() < LONG, "{name}: {:?}", begun.elapsed());
    }
}

/// Pieces that HTML and attacks on its readers are made of.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(vec![
            "<script>", "</script>", "<style>", "</style>", "<svg>", "</svg>", "<math>", "<mtext>", "<mglyph>", "<table>",
            "<td>", "<template>", "<noscript>", "</noscript>", "<textarea>", "</textarea>", "<title>", "</title>", "<iframe>",
            "<p>", "</p>", "<b>", "</b>", "<a href='", "<a href=", "<img src=x onerror=", "<img alt=\"", "<form>", "<select>",
            "<option>", "<!--", "-->", "--!>", "<![CDATA[", "]]>", "<?xml ", "<xmp>", "</xmp>", "<plaintext>", "<base href=//e>",
            "<a title='</style><img src=x onerror=1>'>", "<annotation-xml encoding='text/html'>", "<foreignObject>", "<desc>",
            "<noembed>", "</noembed>", "<embed src=x>", "<object data=x>", "<link rel=stylesheet href=//e>", "<meta http-equiv=refresh>",
        ]).prop_map(str::to_owned),
        3 => prop::sample::select(vec![
            "javascript:alert(1)", "java\tscript:alert(1)", "&#106;avascript&colon;x", "jav&#x0A;ascript:x", "data:text/html,<script>",
            "vbscript:x", " onclick=x ", " style=background:url(//e) ", " src=//e ", " srcset=//e ", "'", "\"", ">", "/>", "=", "`",
            "&lt;script&gt;", "&amp;lt;", "&#0;", "&#x3c;", "\0", "\u{b}", "\u{2028}", "//e.example/", "http://e.example/", "#x",
        ]).prop_map(str::to_owned),
        1 => any::<String>(),
    ]
}

fn markup() -> impl Strategy<Value = String> {
    prop::collection::vec(piece(), 0..24).prop_map(|pieces| pieces.concat())
}

fn base() -> Url {
    Url::parse("https://example.com/").unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_html_does_anything(markup in markup()) {
        let (content, _) = html::content(&markup, &base());
        prop_assert_eq!(dangers(&content.html), Vec::<String>::new());
        // Who reads it again finds nothing new in it: elements may only stand otherwise within each other.
        let (again, dropped) = html::content(&content.html, &base());
        prop_assert!(!dropped);
        prop_assert_eq!(dangers(&again.html), Vec::<String>::new());
    }

    #[test]
    fn no_feed_carries_a_script_through(markup in markup(), kind in 0..5) {
        let escaped = markup.replace('&', "&amp;").replace('<', "&lt;");
        let feed = match kind {
            0 => format!("<rss><channel><item><title>{escaped}</title><description>{escaped}</description></item></channel></rss>"),
            1 => format!("<rss><channel><item><title>t</title><content:encoded><![CDATA[{}]]></content:encoded></item></channel></rss>", markup.replace("]]>", "")),
            2 => format!("<feed xmlns='http://www.w3.org/2005/Atom'><entry><title>t</title><content type='html'>{escaped}</content></entry></feed>"),
            3 => format!("<feed xmlns='http://www.w3.org/2005/Atom'><entry><title>t</title><content type='xhtml'><div>{markup}</div></content></entry></feed>"),
            _ => format!("<rss><channel><item><title>t</title><body>{markup}</body></item></channel></rss>"),
        };
        let feed = read(&feed);
        for entry in &feed.entries {
            prop_assert_eq!(dangers(&entry.content.html), Vec::<String>::new());
        }
        samples::kept(&feed);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400), label in "[a-z0-9-]{0,12}") {
        let _ = parse(&bytes, Some(&format!("text/xml; charset={label}")), &address());
        let begun = [&b"<rss><channel><item>"[..], &bytes].concat();
        if let Ok(feed) = parse(&begun, None, &address()) {
            samples::kept(&feed);
        }
    }

    #[test]
    fn a_feed_with_bytes_changed_is_read_or_refused(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12)) {
        let mut body = include_bytes!("../../../testdata/feeds/forum.xml").to_vec();
        for (at, byte) in changes {
            let at = at.index(body.len());
            body[at] = byte;
        }
        if let Ok(feed) = parse(&body, None, &address()) {
            for entry in &feed.entries {
                prop_assert_eq!(dangers(&entry.content.html), Vec::<String>::new());
            }
            samples::kept(&feed);
        }
    }
}
