//! Feeds as they are written, and the messages that they become.

use std::collections::BTreeMap;

use domain::{channel::Visibility, time::Timestamp};
use proto::ingestion::v1;

use super::{address, read};
use crate::{
    account::Account,
    feeds::{
        Error, Feed,
        feed::{Author, Enclosure, Flaw, limits::ENTRIES_MAX},
        messages, parse,
    },
    intake::{self, limits::TEXT_MAX},
};

const RSS: &str = include_str!("../../../testdata/feeds/forum.xml");

const ATOM: &str = include_str!("../../../testdata/feeds/thread.atom");

fn now() -> Timestamp {
    "2026-03-02T10:00:00Z".parse().unwrap()
}

fn account() -> Account {
    Account {
        id: "wall".parse().unwrap(),
        channel: "forum".parse().unwrap(),
        visibility: Visibility::Private,
        threads: true,
        region: "france".parse().unwrap(),
    }
}

/// The messages of a feed; each can be kept.
pub(super) fn kept(feed: &Feed) -> Vec<v1::Message> {
    let messages = messages(feed, now());
    for message in &messages {
        if let Err(rejection) = intake::check(&account(), message.clone(), Vec::new(), now()) {
            panic!("{}: {}", rejection.field, rejection.reason);
        }
    }
    messages
}

fn at(text: &str) -> Option<prost_types::Timestamp> {
    let at: Timestamp = text.parse().unwrap();
    Some(crate::wire::timestamp(at.as_microsecond()))
}

#[test]
fn rss_is_read_with_its_modules() {
    let feed = read(RSS);
    assert_eq!(feed.title.as_deref(), Some("Kettles & more"));
    assert_eq!(feed.link.as_deref(), Some("https://kettles.example/"));
    assert_eq!(feed.language.as_deref(), Some("en-gb"));
    assert_eq!((feed.schedule.rest_s, feed.schedule.skip_hours.len()), (Some(3_600), 1));
    assert!(feed.flaws.is_empty());
    let [first, second] = &feed.entries[..] else { panic!("{:?}", feed.entries) };
    assert_eq!(first.id, "17-2");
    assert_eq!(first.link.as_deref(), Some("http://127.0.0.1:8097/forum/17#2"));
    assert_eq!(first.author.as_ref().unwrap().name.as_deref(), Some("Ann B"));
    assert_eq!(first.summary.as_deref(), Some("It leaks badly."));
    assert_eq!(first.content.html, "<p>It leaks <b>badly</b>.</p><p>What now?</p>");
    assert_eq!(first.content.text, "It leaks badly.\n\nWhat now?");
    assert_eq!(first.categories, ["leaks", "help"]);
    assert_eq!(first.replies, ["https://kettles.example/forum/17", "https://kettles.example/forum/17/feed"]);
    let file = Enclosure {
        url: "https://kettles.example/leak.jpg".into(),
        media_type: Some("image/jpeg".into()),
        bytes: Some(1_024),
    };
    assert_eq!(first.enclosures, [file]);
    assert!(second.id.starts_with("sha256:"), "{}", second.id);
    assert_eq!(second.content.text, "No title, no date & no id");
}

#[test]
fn atom_is_read_with_its_threads() {
    let feed = read(ATOM);
    assert_eq!((feed.title.as_deref(), feed.language.as_deref()), (Some("Das Forum"), Some("de")));
    assert_eq!(feed.link.as_deref(), Some("https://forum.example/t/"));
    let [answer, question] = &feed.entries[..] else { panic!("{:?}", feed.entries) };
    let bo = Author {
        name: Some("Bo".into()),
        email: Some("bo@example.com".into()),
        uri: Some("https://forum.example/u/bo".into()),
    };
    assert_eq!(answer.author, Some(bo));
    assert_eq!(answer.in_reply_to.as_deref(), Some("tag:forum.example,2026:1"));
    assert_eq!(answer.replies, ["https://forum.example/t/5/replies"]);
    assert!(answer.content.html.contains("href=\"https://forum.example/t/5#1\""), "{}", answer.content.html);
    assert_eq!(
        (question.summary.as_deref(), &*question.content.text),
        (Some("Er ist kaputt."), "Er ist kaputt.")
    );
}

#[test]
fn old_dialects_are_read() {
    let rdf = r#"<rdf:RDF xmlns="http://purl.org/rss/1.0/" xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
        xmlns:dc="http://purl.org/dc/elements/1.1/"><channel rdf:about="https://a.example/"><title>A</title></channel>
        <item rdf:about="https://a.example/1"><title>One</title><link>https://a.example/one</link>
        <dc:date>2026-03-01</dc:date></item></rdf:RDF>"#;
    let entry = &read(rdf).entries[0];
    assert_eq!((&*entry.id, entry.link.as_deref()), ("https://a.example/1", Some("https://a.example/one")));
    assert_eq!(entry.published, "2026-03-01T00:00:00Z".parse().ok());
    let atom = r#"<feed version="0.3" xmlns="http://purl.org/atom/ns#"><entry><id>1</id><issued>2003-12-31T10:14:55Z</issued>
        <modified>2003-12-31T11:00:00Z</modified><content type="text/html" mode="base64">PGI+SGk8L2I+IHRoZXJl</content>
        <author><name>Ann</name><url>https://a.example/ann</url></author></entry></feed>"#;
    let entry = &read(atom).entries[0];
    assert_eq!(entry.content.html, "<b>Hi</b> there");
    assert_eq!(entry.updated, "2003-12-31T11:00:00Z".parse().ok());
    let bare = "<rss version='0.91'><channel><item><title>One</title><link>https://a.example/1</link></item></channel></rss>";
    assert_eq!(read(bare).entries[0].id, "https://a.example/1");
}

#[test]
fn a_link_that_all_entries_share_names_none_of_them() {
    let item = |title: &str| format!("<item><title>{title}</title><link>https://a.example/</link></item>");
    let feed = read(&format!("<rss><channel>{}{}{}</channel></rss>", item("One"), item("Two"), item("Two")));
    assert_eq!(feed.entries.len(), 2);
    assert!(feed.entries.iter().all(|entry| entry.id.starts_with("sha256:")));
    // An id that comes twice is the same entry, and its latest form stands first.
    let named = "<rss><channel><item><guid>1</guid><title>New</title></item><item><guid>1</guid><title>Old</title></item></channel></rss>";
    assert_eq!(
        read(named).entries.iter().map(|entry| entry.title.as_deref()).collect::<Vec<_>>(),
        [Some("New")]
    );
}

#[test]
fn what_is_no_feed_is_refused() {
    for text in [
        "",
        "no markup",
        "{\"version\": \"1\"}",
        "<html><body><p>Sign in</p></body></html>",
        "<opml version='2.0'/>",
    ] {
        assert_eq!(parse(text.as_bytes(), None, &address()), Err(Error::NotAFeed), "{text}");
    }
}

#[test]
fn entries_become_messages_that_the_intake_keeps() {
    let messages = kept(&read(RSS));
    let [leaks, undated] = &messages[..] else { panic!("{messages:?}") };
    assert_eq!(leaks.external_id, "17-2");
    assert_eq!((&*leaks.subject, &*leaks.text), ("Mine leaks", "Mine leaks\n\nIt leaks badly.\n\nWhat now?"));
    assert_eq!(leaks.direction(), v1::Direction::Inbound);
    assert_eq!((leaks.sent_at, leaks.edited_at), (at("2026-03-02T09:00:00Z"), None));
    assert_eq!((leaks.public, &*leaks.language), (Some(true), "en-gb"));
    let author = leaks.author.as_ref().unwrap();
    assert_eq!((&*author.external_id, &*author.name), ("Ann B", "Ann B"));
    let fields: BTreeMap<_, _> = leaks.fields.iter().map(|(name, value)| (&**name, &**value)).collect();
    let expected = BTreeMap::from([
        ("category", "leaks; help"),
        ("comments", "https://kettles.example/forum/17"),
        ("enclosure", "https://kettles.example/leak.jpg"),
        ("link", "http://127.0.0.1:8097/forum/17#2"),
        ("site", "Kettles & more"),
    ]);
    assert_eq!(fields, expected);
    // Without a date it is of now, without an author of the site.
    assert_eq!(undated.sent_at, at("2026-03-02T10:00:00Z"));
    assert_eq!(undated.author.as_ref().unwrap().external_id, "https://kettles.example/");

    let messages = kept(&read(ATOM));
    let [question, answer] = &messages[..] else { panic!("{messages:?}") };
    assert_eq!((&*question.external_id, &*question.reply_to), ("tag:forum.example,2026:1", ""));
    assert_eq!((question.sent_at, question.edited_at), (at("2026-03-02T08:00:00Z"), None));
    assert_eq!(question.author.as_ref().unwrap().external_id, "Redaktion");
    assert_eq!((&*answer.reply_to, &*answer.language), ("tag:forum.example,2026:1", "de"));
    assert_eq!((answer.sent_at, answer.edited_at), (at("2026-03-02T09:00:00Z"), at("2026-03-02T09:30:00Z")));
    let author = answer.author.as_ref().unwrap();
    assert_eq!((&*author.external_id, &*author.handle), ("https://forum.example/u/bo", "bo@example.com"));
}

#[test]
fn what_the_intake_would_reject_is_made_to_fit() {
    let long = "é".repeat(TEXT_MAX);
    let id = "i".repeat(5_000);
    let feed = format!(
        "<rss><channel><language>no language at all</language><title>{long}</title>\
         <item><guid>{id}</guid><title>{long}</title><description>{long}</description><category>{long}</category>\
         <author>{long}</author><pubDate>Mon, 02 Mar 2099 09:00:00 GMT</pubDate></item>\
         <item><guid>a&#10;b</guid><title>Early</title><pubDate>1931-01-01T00:00:00Z</pubDate></item>\
         <item><guid>empty</guid></item></channel></rss>"
    );
    let messages = kept(&read(&feed));
    assert_eq!(messages.len(), 2, "what says nothing is left out");
    for message in &messages {
        assert!(message.external_id.starts_with("sha256:"));
        assert_eq!(message.sent_at, at("2026-03-02T10:00:00Z"), "neither the future nor before 1970");
    }
    let cut = messages.iter().find(|message| message.text.len() > 100).unwrap();
    assert_eq!((cut.text.len(), cut.fields.get("cut").map(String::as_str)), (TEXT_MAX, Some("text")));
}

#[test]
fn there_are_only_so_many_entries() {
    let items: String =
        (0..ENTRIES_MAX + 5).map(|n| format!("<item><guid>{n}</guid><title>{n}</title></item>")).collect();
    let feed = read(&format!("<rss><channel>{items}</channel></rss>"));
    assert_eq!(feed.entries.len(), ENTRIES_MAX);
    assert!(feed.flaws.contains(&Flaw::TooManyEntries));
}
