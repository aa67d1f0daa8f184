//! From elements to a feed.
//!
//! The words of RSS and Atom are read side by side, because feeds mix them.

use std::collections::{HashMap, HashSet};

use sha2::{Digest, Sha256};

use super::{
    address::Address,
    author, dates,
    feed::{
        Entry, Error, Feed, Flaw, Flaws,
        limits::{ENTRIES_MAX, ID_MAX, LISTED_MAX},
    },
    html,
    links::{Links, enclosure, page},
    names::Namespace,
    schedule,
    scope::Scope,
    value::{self, Value},
    xml::Element,
};

/// The longest language tag, in bytes.
const LANGUAGE_MAX: usize = 35;

/// The feed whose root this is.
pub(super) fn feed(root: &Element, address: &Address, mut flaws: Flaws) -> Result<Feed, Error> {
    let known = root.namespace.is_core() || root.namespace == Namespace::Rdf;
    let outer = Scope::of_document(address).within(root);
    let (channel, elsewhere) = match &*root.name {
        "rss" | "rdf" if known => (root.elements().find(|element| &*element.name == "channel"), Some(root)),
        "feed" | "channel" if known => (Some(root), None),
        _ => return Err(Error::NotAFeed),
    };
    let mut feed = Feed {
        address: address.clone(),
        title: None,
        link: None,
        language: outer.language.clone(),
        author: None,
        updated: None,
        entries: Vec::new(),
        schedule: schedule::Schedule::default(),
        flaws: Flaws::default(),
    };
    let mut entries = Vec::new();
    if let Some(channel) = channel {
        let scope = if elsewhere.is_some() { outer.within(channel) } else { outer.clone() };
        about(channel, &scope, &mut feed, &mut flaws);
        entries.extend(self::entries(channel).map(|entry| (entry, scope.within(entry))));
    }
    // RSS 0.90 and 1.0 have their entries beside the channel.
    let beside = elsewhere.into_iter().flat_map(self::entries).map(|entry| (entry, outer.within(entry)));
    entries.extend(beside);
    if entries.len() > ENTRIES_MAX {
        flaws.insert(Flaw::TooManyEntries);
        entries.truncate(ENTRIES_MAX);
    }
    let language = feed.language.clone();
    let read =
        entries.into_iter().map(|(element, scope)| entry(element, &scope, language.as_deref(), &mut flaws));
    let mut read: Vec<_> = read.collect();
    let mut times: HashMap<String, usize> = HashMap::new();
    read.iter().for_each(|(entry, _)| *times.entry(entry.id.clone()).or_default() += 1);
    let mut seen = HashSet::new();
    for (mut entry, named) in read.drain(..) {
        // A link that many entries have, to the page of all of them, names none.
        if !named && times.get(&entry.id).is_some_and(|times| *times > 1) {
            entry.id = described(&entry);
        }
        // Feeds put the latest form of an entry first.
        if seen.insert(entry.id.clone()) {
            feed.entries.push(entry);
        }
    }
    feed.flaws = flaws;
    Ok(feed)
}

fn entries(within: &Element) -> impl Iterator<Item = &Element> {
    within
        .elements()
        .filter(|element| element.namespace.is_core() && matches!(&*element.name, "item" | "entry"))
}

/// What a channel says of itself.
fn about(channel: &Element, scope: &Scope, feed: &mut Feed, flaws: &mut Flaws) {
    let mut schedule = schedule::Reading::default();
    let mut links = Links::default();
    let mut titles = Ranked::default();
    let mut authors = Ranked::default();
    let mut dates = Ranked::default();
    for element in channel.elements() {
        let scope = scope.within(element);
        match (element.namespace, &*element.name) {
            (namespace, "title") if namespace.is_core() => titles.offer(0, || line(element, &scope, flaws)),
            (Namespace::Dc, "title") => titles.offer(1, || line(element, &scope, flaws)),
            (namespace, "link") if namespace.is_core() => links.add(element, &scope),
            (namespace, "language") if namespace.is_core() || namespace == Namespace::Dc => {
                feed.language = language(&element.text()).or_else(|| feed.language.take());
            }
            (namespace, "author" | "managingeditor") if namespace.is_core() => {
                authors.offer(0, || author::of(element, &scope));
            }
            (Namespace::Dc, "creator" | "author") => authors.offer(1, || author::of(element, &scope)),
            (Namespace::Itunes, "author") => authors.offer(2, || author::of(element, &scope)),
            (namespace, "lastbuilddate" | "updated" | "modified") if namespace.is_core() => {
                dates.offer(0, || dates::parse(&element.text()));
            }
            (namespace, "pubdate") if namespace.is_core() => dates.offer(1, || dates::parse(&element.text())),
            (Namespace::Dc, "date" | "modified") => dates.offer(2, || dates::parse(&element.text())),
            (namespace, "ttl") if namespace.is_core() => schedule.ttl(element),
            (namespace, "skiphours") if namespace.is_core() => schedule.skip_hours(element),
            (namespace, "skipdays") if namespace.is_core() => schedule.skip_days(element),
            (Namespace::Syndication, "updateperiod") => schedule.update_period(element),
            (Namespace::Syndication, "updatefrequency") => schedule.update_frequency(element),
            _ => {}
        }
    }
    feed.title = titles.best;
    feed.author = authors.best;
    feed.updated = dates.best;
    feed.link = links.page;
    feed.schedule = schedule.done();
}

/// An entry, and whether it has an id of its own.
fn entry(element: &Element, scope: &Scope, around: Option<&str>, flaws: &mut Flaws) -> (Entry, bool) {
    let mut entry = Entry {
        language: scope.language.clone().filter(|language| Some(&**language) != around),
        ..Entry::default()
    };
    let mut id = None;
    let mut links = Links::default();
    let mut titles = Ranked::default();
    let mut authors = Ranked::default();
    let (mut published, mut updated) = (Ranked::default(), Ranked::default());
    let (mut summaries, mut contents) = (Ranked::default(), Ranked::default());
    for child in element.elements().flat_map(apart) {
        let scope = scope.within(child);
        let date = || dates::parse(&child.text());
        match (child.namespace, &*child.name) {
            (namespace, "guid" | "id") if namespace.is_core() => {
                let text = child.text();
                if &*child.name == "guid" && child.attribute("ispermalink") != Some("false") {
                    links.permanent = page(&scope, &text).filter(|_| text.contains(':'));
                }
                id = id.or(Some(text.into_owned()).filter(|text| !text.is_empty()));
            }
            (namespace, "title") if namespace.is_core() => titles.offer(0, || line(child, &scope, flaws)),
            (Namespace::Dc, "title") => titles.offer(1, || line(child, &scope, flaws)),
            (namespace, "link") if namespace.is_core() => links.add(child, &scope),
            (namespace, "author") if namespace.is_core() => authors.offer(0, || author::of(child, &scope)),
            (Namespace::Dc, "creator" | "author") => authors.offer(1, || author::of(child, &scope)),
            (Namespace::Itunes, "author") => authors.offer(2, || author::of(child, &scope)),
            (namespace, "published" | "pubdate") if namespace.is_core() => published.offer(0, date),
            (namespace, "issued") if namespace.is_core() || namespace == Namespace::Dc => {
                published.offer(1, date);
            }
            (namespace, "created") if namespace.is_core() || namespace == Namespace::Dc => {
                published.offer(2, date);
            }
            (Namespace::Dc, "date") => published.offer(3, date),
            (namespace, "updated") if namespace.is_core() => updated.offer(0, date),
            (namespace, "modified") if namespace.is_core() || namespace == Namespace::Dc => {
                updated.offer(1, date);
            }
            (namespace, "summary") if namespace.is_core() => summaries.offer(0, || value::of(child, &scope)),
            (namespace, "description") if namespace.is_core() => {
                summaries.offer(1, || value::of(child, &scope));
            }
            (Namespace::Dc, "description") => summaries.offer(2, || value::of(child, &scope)),
            (Namespace::Itunes, "summary") => summaries.offer(3, || value::of(child, &scope)),
            (Namespace::Media, "description") => summaries.offer(4, || value::of(child, &scope)),
            (namespace, "content") if namespace.is_core() => contents.offer(0, || value::of(child, &scope)),
            (Namespace::Content, "encoded") => contents.offer(1, || value::of(child, &scope)),
            (Namespace::Xhtml, "body" | "div") => contents.offer(2, || value::of(child, &scope)),
            (namespace, "body" | "fullitem") if namespace.is_core() => {
                contents.offer(3, || value::of(child, &scope));
            }
            (Namespace::Threading, "in-reply-to") => {
                let parent = child.attribute("ref").or_else(|| child.attribute("href")).map(usable);
                entry.in_reply_to = entry.in_reply_to.take().or(parent);
            }
            (namespace, "comments") if namespace.is_core() => {
                links.answers.extend(page(&scope, &child.text()));
            }
            (Namespace::WellFormedWeb, "comment" | "commentrss") => {
                links.answers.extend(page(&scope, &child.text()));
            }
            (namespace, "category") if namespace.is_core() => category(child, &mut entry),
            (Namespace::Dc, "subject") => category(child, &mut entry),
            (namespace, "enclosure") if namespace.is_core() => {
                links.files.extend(enclosure(child, &scope, "url"));
            }
            (Namespace::Media, "content") => links.files.extend(enclosure(child, &scope, "url")),
            _ => {}
        }
    }
    entry.title = titles.best;
    entry.author = authors.best;
    entry.published = published.best;
    entry.updated = updated.best;
    let mut read = |value: Value| {
        let (content, dropped) = value.content();
        flaws.extend(dropped.then_some(Flaw::HtmlDropped));
        content
    };
    let summary = summaries.best.map(&mut read).unwrap_or_default();
    entry.summary = Some(summary.text.clone()).filter(|text| !text.is_empty());
    entry.content = contents.best.map_or(summary, read);
    // RSS 1.0 names its entries by what they are about.
    let named =
        || element.attribute("about").filter(|_| element.namespace == Namespace::Rss).map(str::to_owned);
    entry.link = links.page.or(links.permanent);
    let id = id.or_else(named);
    let has_id = id.is_some();
    entry.id = match id.or_else(|| entry.link.clone()) {
        Some(id) => usable(&id),
        None => described(&entry),
    };
    links.answers.dedup();
    links.answers.truncate(LISTED_MAX);
    links.files.truncate(LISTED_MAX);
    entry.replies = links.answers;
    entry.enclosures = links.files;
    (entry, has_id)
}

/// The element, or what is in it if it is only a bracket around several.
fn apart(element: &Element) -> Box<dyn Iterator<Item = &Element> + '_> {
    let bracket = element.namespace == Namespace::Media && &*element.name == "group";
    if bracket { Box::new(element.elements()) } else { Box::new(std::iter::once(element)) }
}

/// The best of what there is several of: of the lowest rank, and the first of these.
struct Ranked<T> {
    rank: u8,
    best: Option<T>,
}

impl<T> Default for Ranked<T> {
    fn default() -> Self {
        Self { rank: u8::MAX, best: None }
    }
}

impl<T> Ranked<T> {
    fn offer(&mut self, rank: u8, value: impl FnOnce() -> Option<T>) {
        if rank < self.rank
            && let Some(value) = value()
        {
            *self = Self { rank, best: Some(value) };
        }
    }
}

fn category(element: &Element, entry: &mut Entry) {
    let text = element.text();
    let name = element.attribute("label").or_else(|| element.attribute("term")).unwrap_or(&text);
    let name = html::one_line(name).filter(|name| !entry.categories.contains(name));
    if let Some(name) = name.filter(|_| entry.categories.len() < LISTED_MAX) {
        entry.categories.push(name);
    }
}

fn line(element: &Element, scope: &Scope, flaws: &mut Flaws) -> Option<String> {
    let (content, dropped) = value::of(element, scope)?.content();
    flaws.extend(dropped.then_some(Flaw::HtmlDropped));
    html::one_line(&content.text)
}

/// A language tag, as far as its form goes.
pub(super) fn language(tag: &str) -> Option<String> {
    let tag = tag.trim().replace('_', "-").to_lowercase();
    let is_tag = !tag.is_empty()
        && tag.len() <= LANGUAGE_MAX
        && tag.split('-').all(|part| {
            (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        });
    is_tag.then_some(tag)
}

/// An id as it may be kept: as it is, else a digest of it.
pub(super) fn usable(id: &str) -> String {
    if id.len() <= ID_MAX && !id.chars().any(char::is_control) { id.to_owned() } else { digested(&[id]) }
}

/// An id made of what an entry says.
fn described(entry: &Entry) -> String {
    let date = entry.published.or(entry.updated).map(|at| at.to_string()).unwrap_or_default();
    let title = entry.title.as_deref().unwrap_or_default();
    // Without one of them only the text tells one from another.
    let text = if date.is_empty() || title.is_empty() { &*entry.content.text } else { "" };
    digested(&[title, &date, text])
}

fn digested(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    let digest = hash.finalize();
    digest.iter().fold(String::from("sha256:"), |id, byte| id + &format!("{byte:02x}"))
}
