//! The suite of feedparser: what we have of each feed against what that suite expects.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::{
    address,
    danger::dangers,
    expectation::{Case, Condition, Literal, case},
};
use crate::feeds::{
    Address, Error, Feed, charset, dates,
    feed::{Author, Content, Entry, Flaws},
    html, parse,
    scope::Scope,
    value,
    xml::{self, Element},
};

/// How many in a hundred of the files that can be judged agree, at least.
const AGREE_PER_CENT_MIN: usize = 94;

/// How a condition came out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    /// Nothing but that it is read, or refused with a reason.
    Survived,
    /// As it is expected, to the character.
    Exact,
    /// As it is expected after our own rules: titles are text, what loads something goes, links say `rel`.
    ByOurRules,
    /// The same words, in other markup.
    SameText,
    /// A field that a feed of ours has not.
    NotCarried(String),
    /// A form of expectation that is not read here.
    NotRead,
    /// Refused, and why.
    Refused(String),
    /// Otherwise than expected.
    Differs(String),
}

/// The folder of the suite; `None` if no real data are named.
fn suite() -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("DOSSIER_REAL_DATA") else {
        println!("DOSSIER_REAL_DATA is not set: going on without the suite of feeds");
        return None;
    };
    let path = Path::new(&folder).join("webhooks/feeds/feedparser/tests");
    assert!(path.exists(), "DOSSIER_REAL_DATA is set and {} is not there", path.display());
    Some(path)
}

fn files(folder: &Path, into: &mut Vec<PathBuf>) {
    let mut found: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    found.sort();
    for path in found {
        if path.is_dir() {
            files(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "xml") {
            into.push(path);
        }
    }
}

#[test]
fn the_feeds_of_the_suite_say_what_they_are_expected_to() {
    let Some(suite) = suite() else { return };
    let mut paths = Vec::new();
    files(&suite, &mut paths);
    let mut of_folder: BTreeMap<String, BTreeMap<&str, usize>> = BTreeMap::new();
    let mut causes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let (mut read, mut refused) = (0, 0);
    for path in &paths {
        let name = path.strip_prefix(&suite).unwrap().display().to_string();
        let folder = Path::new(&name).parent().unwrap().display().to_string();
        let body = std::fs::read(path).unwrap();
        let verdicts = verdicts(&body, &name, &mut read, &mut refused);
        let counts = of_folder.entry(folder).or_default();
        *counts.entry("files").or_default() += 1;
        // A file is as good as the worst of its conditions that can be judged.
        let judged = |verdict: &&Verdict| {
            !matches!(verdict, Verdict::Survived | Verdict::NotCarried(_) | Verdict::NotRead)
        };
        let worst = verdicts.iter().filter(judged).max().or(verdicts.iter().max()).unwrap().clone();
        let (kind, cause) = match worst {
            Verdict::Survived => ("survived", None),
            Verdict::Exact => ("exact", None),
            Verdict::ByOurRules => ("by our rules", None),
            Verdict::SameText => ("same text", Some("same words, other markup".to_owned())),
            Verdict::NotCarried(field) => ("not carried", Some(format!("not carried: {field}"))),
            Verdict::NotRead => ("not read", Some("expectation in a form that is not read".to_owned())),
            Verdict::Refused(reason) => ("refused", Some(format!("refused: {reason}"))),
            Verdict::Differs(cause) => ("differs", Some(format!("DIFFERS: {cause}"))),
        };
        *counts.entry(kind).or_default() += 1;
        if let Some(cause) = cause {
            causes.entry(cause).or_default().push(name);
        }
    }
    println!("{} files: {read} read, {refused} refused", paths.len());
    let mut all: BTreeMap<&str, usize> = BTreeMap::new();
    for (folder, counts) in &of_folder {
        println!("  {folder}: {counts:?}");
        counts.iter().for_each(|(kind, count)| *all.entry(kind).or_default() += count);
    }
    println!("together: {all:?}");
    for (cause, names) in &causes {
        println!("  {:4} {cause}: {}", names.len(), names[..names.len().min(6)].join(" "));
    }
    let of = |kind: &str| all.get(kind).copied().unwrap_or_default();
    let judged = paths.len() - of("survived") - of("not carried") - of("not read");
    let agree = of("exact") + of("by our rules");
    println!("of {judged} files that can be judged {agree} agree");
    assert!(agree * 100 >= judged * AGREE_PER_CENT_MIN, "{agree} of {judged} agree");
    assert!(paths.len() >= 700, "the suite is not whole: {} files", paths.len());
}

/// Reads a file and judges it. Whatever is read of it is harmless, whatever is refused has a reason.
fn verdicts(body: &[u8], name: &str, read: &mut usize, refused: &mut usize) -> Vec<Verdict> {
    let text = charset::decode(body, None).map(|decoded| decoded.text.into_owned());
    let case = text.as_ref().ok().and_then(|text| case(text));
    let case = case.unwrap_or(Case { conditions: vec![Condition::Survive], headers: Vec::new() });
    let at = case.header("content-location").map_or_else(address, |at| at.parse::<Address>().unwrap());
    match parse(body, case.header("content-type"), &at) {
        Ok(feed) => {
            *read += 1;
            for entry in &feed.entries {
                assert_eq!(dangers(&entry.content.html), Vec::<String>::new(), "{name}");
            }
            // No text of the document is dangerous once it is read, whether a feed of ours has it or not.
            let decoded = charset::decode(body, case.header("content-type")).unwrap();
            let root = xml::read(&decoded.text, &mut Flaws::new()).unwrap();
            let texts = texts(&root, &Scope::of_document(&at));
            for (_, text) in &texts {
                assert_eq!(dangers(&text.html), Vec::<String>::new(), "{name}");
            }
            case.conditions.iter().map(|condition| verdict(condition, &feed, &texts, &at)).collect()
        }
        Err(error) => {
            *refused += 1;
            let reason = match error {
                Error::Charset => "an encoding that is not read",
                Error::NotAFeed => "neither RSS nor Atom",
                Error::TooLarge { .. } | Error::TooMany { .. } => panic!("{name}: {error}"),
            };
            vec![Verdict::Refused(reason.to_owned())]
        }
    }
}

fn verdict(condition: &Condition, feed: &Feed, texts: &Texts, at: &Address) -> Verdict {
    match condition {
        Condition::Strange(_) => Verdict::NotRead,
        // Whether that suite finds a feed flawed is not compared: it was read.
        Condition::Survive | Condition::Bozo(_) => Verdict::Survived,
        Condition::Equals { path, value } => {
            let steps: Vec<_> = path.iter().map(String::as_str).collect();
            match &steps[..] {
                ["feed", field @ ..] => of_feed(field, value, feed, texts, at),
                ["entries", index, field @ ..] => {
                    let entry = index.parse::<usize>().ok().and_then(|index| feed.entries.get(index));
                    match entry {
                        Some(entry) => of_entry(field, value, entry, feed, at),
                        None => Verdict::Differs("the entry is not there".to_owned()),
                    }
                }
                _ => Verdict::NotRead,
            }
        }
    }
}

/// All texts of a document by the names of their elements, as they would be handed on.
type Texts = Vec<(String, Content)>;

fn texts(element: &Element, scope: &Scope) -> Texts {
    let scope = scope.within(element);
    let own = value::of(element, &scope).map(|value| (element.name.to_string(), value.content().0));
    own.into_iter().chain(element.elements().flat_map(|inner| texts(inner, &scope))).collect()
}

fn of_feed(field: &[&str], value: &Literal, feed: &Feed, texts: &Texts, at: &Address) -> Verdict {
    // Texts of a channel that no feed of ours has still show how texts are read.
    let names: &[&str] = match field {
        ["tagline" | "subtitle" | "description"] => &["tagline", "subtitle", "description", "abstract"],
        ["info"] => &["info"],
        ["copyright" | "rights"] => &["copyright", "rights"],
        _ => &[],
    };
    if let Some((name, text)) = texts.iter().find(|(name, _)| names.contains(&&**name)) {
        return content(name, &text.html, &text.text, value, at);
    }
    let author = feed.author.as_ref();
    match field {
        ["title"] | ["title_detail", "value"] => line("title", feed.title.as_deref(), value, at),
        ["link"] => same("link", feed.link.as_deref(), value),
        ["language"] => language(feed.language.as_deref(), value),
        ["author" | "author_detail" | "authors", rest @ ..] => of_author(rest, author, value),
        ["updated" | "updated_parsed"] => date("feed updated", &[feed.updated], value),
        ["ttl"] => same("ttl", feed.schedule.rest_s.map(|rest| (rest / 60).to_string()).as_deref(), value),
        field => Verdict::NotCarried(format!("feed {}", field.first().unwrap_or(&""))),
    }
}

fn of_entry(field: &[&str], value: &Literal, entry: &Entry, feed: &Feed, at: &Address) -> Verdict {
    let spoken = entry.language.as_deref().or(feed.language.as_deref());
    match field {
        ["title"] | ["title_detail", "value"] => line("title", entry.title.as_deref(), value, at),
        ["title_detail" | "content" | "summary_detail" | "description", .., "language"] => {
            language(spoken, value)
        }
        ["link"] | ["links", "0", "href"] => same("link", entry.link.as_deref(), value),
        ["id" | "guid"] => same("id", Some(&entry.id), value),
        ["author" | "author_detail" | "authors", rest @ ..] => of_author(rest, entry.author.as_ref(), value),
        ["published" | "published_parsed" | "created" | "created_parsed"] => {
            date("published", &[entry.published], value)
        }
        // That suite calls Dublin Core's date the last change; it is the only date that such feeds have.
        ["updated" | "updated_parsed"] => date("updated", &[entry.updated, entry.published], value),
        ["summary" | "description"] | ["summary_detail", "value"] => {
            // With a summary and a content only the text of the summary is kept.
            let own = content("summary", &entry.content.html, &entry.content.text, value, at);
            match &entry.summary {
                Some(summary) if matches!(own, Verdict::Differs(_)) => {
                    line("summary", Some(summary), value, at)
                }
                _ => own,
            }
        }
        ["content", "0", "value"] => content("content", &entry.content.html, &entry.content.text, value, at),
        ["comments" | "wfw_comment"] => {
            let found = entry.replies.iter().map(String::as_str);
            let verdicts = found.map(|found| same("comments", Some(found), value));
            verdicts.min().unwrap_or(Verdict::Differs("comments: missing".to_owned()))
        }
        ["tags", index, "term"] => {
            let category = index.parse::<usize>().ok().and_then(|index| entry.categories.get(index));
            same("category", category.map(String::as_str), value)
        }
        ["category"] => same("category", entry.categories.first().map(String::as_str), value),
        ["enclosures", index, rest] => {
            let file = index.parse::<usize>().ok().and_then(|index| entry.enclosures.get(index));
            match *rest {
                "href" | "url" => same("enclosure", file.map(|file| &*file.url), value),
                "type" => same("enclosure", file.and_then(|file| file.media_type.as_deref()), value),
                "length" => {
                    same("enclosure", file.and_then(|file| Some(file.bytes?.to_string())).as_deref(), value)
                }
                rest => Verdict::NotCarried(format!("enclosure {rest}")),
            }
        }
        field => Verdict::NotCarried(format!("entry {}", field.first().unwrap_or(&""))),
    }
}

fn of_author(field: &[&str], author: Option<&Author>, value: &Literal) -> Verdict {
    let author = author.cloned().unwrap_or_default();
    match field {
        [] => {
            let both = author
                .name
                .as_ref()
                .zip(author.email.as_ref())
                .map(|(name, email)| format!("{name} ({email})"));
            same("author", both.or(author.name).or(author.email).as_deref(), value)
        }
        [.., "name"] => same("author", author.name.as_deref(), value),
        [.., "email"] => same("author", author.email.as_deref(), value),
        [.., "url" | "href"] => same("author", author.uri.as_deref(), value),
        field => Verdict::NotCarried(format!("author {field:?}")),
    }
}

fn differs(what: &str, found: &str, value: &Literal) -> Verdict {
    Verdict::Differs(format!("{what}: {found:?} is not {value:?}"))
}

fn same(what: &str, found: Option<&str>, value: &Literal) -> Verdict {
    let found = found.unwrap_or_default();
    let equal = match value {
        Literal::Text(expected) => *expected == found,
        Literal::Number(expected) => expected.to_string() == found,
        Literal::List(_) | Literal::Other => return Verdict::NotRead,
    };
    if equal { Verdict::Exact } else { differs(what, found, value) }
}

/// Languages are compared as their case does not matter.
fn language(found: Option<&str>, value: &Literal) -> Verdict {
    match value {
        Literal::Text(expected) if expected.to_lowercase() == found.unwrap_or_default() => Verdict::Exact,
        value => differs("language", found.unwrap_or_default(), value),
    }
}

fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

/// A title, which we have as text.
fn line(what: &str, found: Option<&str>, value: &Literal, at: &Address) -> Verdict {
    let Literal::Text(expected) = value else { return Verdict::NotRead };
    let found = found.unwrap_or_default();
    if expected == found {
        return Verdict::Exact;
    }
    let text = html::content(expected, at.url()).0.text;
    if words(&text) == words(found) || words(expected) == words(found) {
        return Verdict::ByOurRules;
    }
    differs(what, found, value)
}

/// A text, which we have as HTML and as text.
fn content(what: &str, html: &str, text: &str, value: &Literal, at: &Address) -> Verdict {
    let Literal::Text(expected) = value else { return Verdict::NotRead };
    if expected == html || expected == text {
        return Verdict::Exact;
    }
    let (cleaned, _) = html::content(expected, at.url());
    if words(&cleaned.html) == words(html) {
        return Verdict::ByOurRules;
    }
    if words(&cleaned.text).concat() == words(text).concat() {
        return Verdict::SameText;
    }
    differs(what, html, value)
}

/// A date: a text as it stands in the feed, or what it means in Python's nine numbers.
fn date(what: &str, found: &[Option<domain::time::Timestamp>], value: &Literal) -> Verdict {
    let expected = match value {
        Literal::Text(text) => dates::parse(text),
        Literal::List(parts) => {
            let numbers: Vec<_> = parts
                .iter()
                .filter_map(|part| match part {
                    Literal::Number(number) => Some(*number),
                    _ => None,
                })
                .collect();
            let [year, month, day, hour, minute, second, ..] = numbers[..] else { return Verdict::NotRead };
            format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z").parse().ok()
        }
        Literal::Number(_) | Literal::Other => return Verdict::NotRead,
    };
    if expected.is_some() && found.contains(&expected) {
        return Verdict::Exact;
    }
    differs(what, &format!("{found:?}"), value)
}
