//! Documents that were made to hurt: deep, long, many, lying.

/// How deep what is deep is.
const DEPTH: usize = 100_000;
/// The length of what is long, in bytes.
pub const LEN: usize = 128 * 1024;

/// What it is, and it.
pub struct Bomb {
    pub name: &'static str,
    pub bytes: Vec<u8>,
}

fn bomb(name: &'static str, bytes: impl Into<Vec<u8>>) -> Bomb {
    Bomb { name, bytes: bytes.into() }
}

/// As much of a piece as is long.
fn long(piece: &str) -> String {
    piece.repeat(LEN / piece.len())
}

/// Pieces with a number in each.
fn numbered(piece: impl Fn(usize) -> String, count: usize) -> String {
    (0..count).map(piece).collect()
}

fn mail(header: &str, body: &str) -> String {
    format!("From: a@b.example\r\nTo: c@d.example\r\nMessage-ID: <1@b.example>\r\n{header}\r\n\r\n{body}")
}

/// All of them.
pub fn all() -> Vec<Bomb> {
    let mut all = vec![
        // JSON.
        bomb("deep lists", "[".repeat(DEPTH)),
        bomb("deep closed lists", "[".repeat(DEPTH) + &"]".repeat(DEPTH)),
        bomb("deep objects", r#"{"a":"#.repeat(DEPTH) + "1" + &"}".repeat(DEPTH)),
        bomb("deep events", format!(r#"{{"events":[{}1{}]}}"#, "[".repeat(DEPTH), "]".repeat(DEPTH))),
        bomb(
            "deep value of an entry",
            format!(
                r#"{{"object":"page","entry":[{{"id":1,"messaging":[{}{}]}}]}}"#,
                r#"{"message":"#.repeat(DEPTH),
                "}".repeat(DEPTH)
            ),
        ),
        bomb("a list of ones", format!("[{}1]", long("1,"))),
        bomb("a list of empty objects", format!("[{}1]", long("{},"))),
        bomb("a list of small objects", format!("[{}1]", long(r#"{"":0},"#))),
        bomb(
            "a list of events that are none",
            format!(r#"{{"object":"page","events":[{0}1],"entry":[{0}1]}}"#, "{},".repeat(LEN / 6)),
        ),
        bomb(
            "many entries",
            format!(
                r#"{{"object":"page","entry":[{}{{}}]}}"#,
                long(r#"{"id":1,"changes":[{"field":"x"}]},"#)
            ),
        ),
        bomb("many fields", format!("{{{}\"z\":0}}", numbered(|n| format!("\"{n}\":0,"), LEN / 10))),
        bomb("one field again and again", format!("{{{}\"z\":0}}", long("\"object\":0,"))),
        bomb(
            "a number of many digits",
            format!(
                r#"{{"events":[{{"timestamp":{}}}],"update_id":{}}}"#,
                "9".repeat(LEN / 2),
                "9".repeat(LEN / 2)
            ),
        ),
        bomb(
            "huge numbers",
            r#"{"update_id":1e999999,"events":[1e400],"timestamp":-1e400,"date":184467440737095516160000}"#,
        ),
        bomb(
            "a long text",
            format!(
                r#"{{"object":"page","type":"message","text":"{}","event":{{"text":"x"}}}}"#,
                long("\\u0061")
            ),
        ),
        // XML.
        bomb("deep elements", "<a>".repeat(DEPTH)),
        bomb(
            "deep closed elements",
            format!(
                "<rss><channel><item><description>{}{}</description></item></channel></rss>",
                "<a>".repeat(DEPTH),
                "</a>".repeat(DEPTH)
            ),
        ),
        bomb("many elements", format!("<rss><channel>{}</channel></rss>", long("<item/>"))),
        bomb(
            "many attributes",
            format!("<rss {}><channel/></rss>", numbered(|n| format!("a{n}=\"1\" "), LEN / 12)),
        ),
        bomb(
            "many namespaces",
            format!("<rss {}><channel/></rss>", numbered(|n| format!("xmlns:n{n}=\"u{n}\" "), LEN / 20)),
        ),
        bomb("a billion laughs", laughs()),
        bomb(
            "an outside entity",
            "<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\"><!ENTITY % p SYSTEM \"http://127.0.0.1:1/\">%p;]><xml><Content>&e;</Content></xml>",
        ),
        bomb(
            "quadratic entities",
            format!(
                "<!DOCTYPE x [<!ENTITY e \"{}\">]><rss><channel><title>{}</title></channel></rss>",
                "a".repeat(100_000),
                "&e;".repeat(100_000)
            ),
        ),
        bomb("an element that is never closed", format!("<rss><channel><item><title>{}", long("a"))),
        bomb("a comment that is never closed", format!("<rss><!--{}", long("-"))),
        bomb("character data that is never closed", format!("<xml><Content><![CDATA[{}", long("]"))),
        // Texts.
        bomb("nothing", ""),
        bomb("zeros", vec![0; LEN]),
        bomb("ones", vec![0xff; LEN]),
        bomb("a long line", long("a")),
        bomb("empty lines", long("\r\n")),
        bomb("bare returns", long("\r")),
        bomb("quotes", long("> ")),
        bomb("blanks", long(" ")),
        bomb("joined emoji", long("\u{1f468}\u{200d}")),
        bomb("marks on a letter", format!("a{}", long("\u{301}"))),
        bomb("links", long("https://a.example/ ")),
        bomb("half surrogates", b"\xed\xa0\x80".repeat(LEN / 3)),
        bomb("tokens that are none", long("cabcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrstu ")),
        // Forms.
        bomb("many pairs", long("a=b&")),
        bomb("many pairs that differ", numbered(|n| format!("a{n}=&"), LEN / 9)),
        bomb("much that is escaped", format!("Body={}", long("%41"))),
        bomb(
            "many parts of a form",
            "--xYzZY\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n".repeat(LEN / 60) + "--xYzZY--",
        ),
        bomb("almost a boundary", long("\r\n--xYzZ")),
        // Tables.
        bomb("many columns", long("a,")),
        bomb("a quote that is never closed", format!("id,text\n1,\"{}", long("a,b\n"))),
        bomb("many rows", format!("id,author_id,text,sent_at\n{}", long("1,ana,x,2026-11-27T10:00:00Z\n"))),
        bomb("many lines of JSON", long("{}\n")),
        bomb(
            "many mails",
            format!(
                "From a Fri Nov 27 10:00:00 2026\n{}",
                long("\nFrom a Fri Nov 27 10:00:00 2026\nSubject: x\n")
            ),
        ),
        // HTML.
        bomb("open tags", long("<b>")),
        bomb("tags that are never closed", long("<")),
        bomb("references", long("&amp;")),
        bomb("half references", long("&")),
        bomb("tables in tables", long("<table><tr><td>")),
        bomb("formatting that is carried over", long("<a><b><i><p>")),
        bomb("an attribute that is never closed", format!("<a href=\"{}", long("a"))),
        bomb("many attributes of a tag", format!("<a {}>", numbered(|n| format!("a{n}=1 "), LEN / 10))),
    ];
    all.extend(of_mails());
    all.extend(lying());
    all
}

fn laughs() -> String {
    let mut text = "<!DOCTYPE lolz [<!ENTITY a0 \"ha\">".to_owned();
    for n in 1..12 {
        text += &format!("<!ENTITY a{n} \"{}\">", format!("&a{};", n - 1).repeat(10));
    }
    text + "]><rss><channel><title>&a11;</title><item><title>&a11;</title></item></channel></rss>"
}

fn of_mails() -> Vec<Bomb> {
    let multipart = |n: usize| format!("Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n");
    let plain = "Content-Type: multipart/mixed; boundary=b\r\nMIME-Version: 1.0";
    vec![
        bomb(
            "ten thousand multiparts in each other",
            mail("MIME-Version: 1.0", "") + &numbered(multipart, 10_000),
        ),
        bomb(
            "multiparts of one boundary",
            mail(plain, &"--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n".repeat(10_000)),
        ),
        bomb("a hundred thousand parts", mail(plain, &"--b\r\n\r\nx\r\n".repeat(100_000))),
        bomb(
            "mails in mails",
            mail("Content-Type: message/rfc822", &"Content-Type: message/rfc822\r\n\r\n".repeat(50_000)),
        ),
        bomb(
            "mails that are encoded in mails",
            mail(
                "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64",
                &long("Q29udGVudC1UeXBlOiBtZXNzYWdlL3JmYzgyMg0KDQo="),
            ),
        ),
        bomb("many fields of a header", mail(&numbered(|n| format!("X-{n}: 1\r\n"), 100_000), "x")),
        bomb("a field that goes on", mail(&format!("Subject: {}", long("a\r\n ")), "x")),
        bomb("a long header", mail(&format!("References: {}", long("<a@b> ")), "x")),
        bomb("many addresses", mail(&format!("Cc: {}", long("a@b.example, ")), "x")),
        bomb("groups of addresses", mail(&format!("Cc: {}", long("g:")), "x")),
        bomb("comments in comments", mail(&format!("Cc: {}", long("(")), "x")),
        bomb("words that are encoded", mail(&format!("Subject: {}", long("=?utf-8?q?=41?= ")), "x")),
        bomb("words that are not", mail(&format!("Subject: {}", long("=?utf-8?b?")), "x")),
        bomb(
            "many parameters",
            mail(&format!("Content-Type: text/plain{}", numbered(|n| format!("; a*{n}*=%41"), 60_000)), "x"),
        ),
        bomb(
            "quoted-printable that is none",
            mail("Content-Transfer-Encoding: quoted-printable", &long("=G=\r=\n=")),
        ),
        bomb("base64 that is none", mail("Content-Transfer-Encoding: base64", &long("=A==!"))),
        bomb(
            "uuencoded without end",
            mail("Content-Transfer-Encoding: x-uuencode", &format!("begin 644 x\r\n{}", long("M"))),
        ),
        bomb(
            "a report on many",
            mail(
                "Content-Type: multipart/report; report-type=delivery-status; boundary=b",
                &format!(
                    "--b\r\n\r\nx\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n{}--b--",
                    long("\r\nFinal-Recipient: rfc822; a@b.example\r\nAction: failed\r\nStatus: 5.1.1\r\n")
                ),
            ),
        ),
        bomb(
            "an archive",
            mail(
                "Content-Type: application/zip; name=x.zip\r\nContent-Transfer-Encoding: base64",
                &data_encoding::BASE64.encode(&archive()),
            ),
        ),
        bomb("html of half references", mail("Content-Type: text/html", &long("&"))),
        bomb("html that is deep", mail("Content-Type: text/html", &long("<div>"))),
        bomb("compressed", [b"\x1f\x8b\x08\0\0\0\0\0\0\x03".as_slice(), &[0xff; 4_096]].concat()),
        bomb("an archive alone", archive()),
    ]
}

/// The head of an archive that says that it holds four gigabytes in a hundred bytes.
pub fn archive() -> Vec<u8> {
    let mut bytes =
        b"PK\x03\x04\x14\0\0\0\x08\0\0\0\0\0\0\0\0\0\x64\0\0\0\xff\xff\xff\xff\x01\0\0\0x".to_vec();
    bytes.extend([0x4b; 100]);
    bytes.extend(b"PK\x01\x02PK\x05\x06\0\0\0\0\x01\0\x01\0");
    bytes
}

/// What says that it is written otherwise than it is.
fn lying() -> Vec<Bomb> {
    let charsets = [
        "utf-7",
        "utf-16",
        "utf-32",
        "x-user-defined",
        "hz-gb-2312",
        "iso-2022-jp",
        "gb18030",
        "ebcdic",
        "no such thing",
    ];
    let mut all = Vec::new();
    for charset in charsets {
        let xml = format!(
            "<?xml version=\"1.0\" encoding=\"{charset}\"?><rss><channel><title>\u{20ac}~{{ \u{1b}$B</title></channel></rss>"
        );
        all.push(bomb("a feed of a lying charset", xml));
        let mail = mail(
            &format!("Subject: =?{charset}?q?=FF=FE=41?=\r\nContent-Type: text/plain; charset=\"{charset}\""),
            "\u{20ac}~{ +AGE-",
        );
        all.push(bomb("a mail of a lying charset", [mail.as_bytes(), b"\xff\xfe\xd8\x00\x80"].concat()));
    }
    for mark in [b"\xff\xfe".as_slice(), b"\xfe\xff", b"\xef\xbb\xbf", b"\0\0\xfe\xff"] {
        all.push(bomb("a mark that lies", [mark, b"<rss><channel/></rss>{}[]a,b"].concat()));
    }
    all
}
