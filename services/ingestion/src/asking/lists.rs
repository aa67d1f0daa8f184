//! Platforms that give a list, page by page, the newest first.

use std::{collections::BTreeMap, sync::Arc};

use domain::time::Timestamp;
use serde_json::{Value, json};

use super::{
    Broke, Failure, Next, Round, Source,
    walk::{Reached, Walk},
};
use crate::{
    account::Via,
    channels::{Config, Happening, Malformed, speak::Call, speak::Unsayable},
    hooks::happened::Unkept,
};

/// Pages of one round of the walk.
const PAGES_MAX: usize = 10;
/// The largest page, in bytes.
const PAGE_BYTES_MAX: usize = 8 << 20;
/// Entries of one page that are read.
const ENTRIES_MAX: usize = 1_000;
/// The longest name of a page.
const PAGE_NAME_MAX: usize = 4_096;
/// Entries of one round whose own lists are asked for.
const INNER_MAX: usize = 20;
/// Pages of each of them.
const INNER_PAGES_MAX: usize = 10;

/// One platform's list.
pub(super) trait List: Send + Sync {
    /// As an account's `connector` names it.
    fn name(&self) -> &'static str;

    /// How long is waited between two rounds where no setting says it, in seconds.
    fn interval_s(&self) -> i64;

    /// What of the account is asked; see [`Source::place`].
    fn place(&self, via: &Via) -> Option<Result<String, String>>;

    /// The call for a page; without a name, for the first.
    fn call(&self, config: &Config, page: Option<&str>) -> Result<Call, Unsayable>;

    /// The name of the field with the entries.
    fn entries(&self) -> &'static str;

    /// The page that follows this one, whose name is given.
    fn next(&self, body: &Value, page: Option<&str>) -> Option<String>;

    /// The time by which the list is in order.
    fn at(&self, entry: &Value) -> Option<Timestamp>;

    /// What a page says that has one entry.
    fn read(&self, body: &Value) -> Result<Vec<Happening>, Malformed>;

    /// The list within an entry that says only the beginning of it.
    fn inner(&self) -> Option<&dyn Inner> {
        None
    }
}

/// A list within the entries of a list.
pub(super) trait Inner: Send + Sync {
    /// How the rest of an entry is called, if there is one: another text where there is more.
    fn rest(&self, entry: &Value) -> Option<String>;

    /// The call for a page of it.
    fn call(&self, config: &Config, entry: &Value, page: Option<&str>) -> Result<Call, Unsayable>;

    /// Puts a page to the entry; the page that follows it.
    fn put(&self, entry: &mut Value, page: Value) -> Option<String>;
}

/// A list, asked.
pub(super) struct Asked(pub(super) &'static dyn List);

/// One round of a list.
struct Reading<'a> {
    list: &'static dyn List,
    round: &'a mut Round,
    walk: Walk,
    /// Entries whose own lists were asked for.
    inner: usize,
}

/// What is new on a page.
#[derive(Default)]
struct New {
    /// In the order in which they were written.
    happenings: Vec<Happening>,
    /// Of all that, and of all that could not be read.
    digests: Vec<String>,
    /// The page with its entry alone, by what the platform calls a message of it.
    pages: BTreeMap<String, Arc<str>>,
    /// Pages of an entry each that could not be read, and why.
    unread: Vec<(Arc<str>, Malformed)>,
}

#[async_trait::async_trait]
impl Source for Asked {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn interval_s(&self) -> i64 {
        self.0.interval_s()
    }

    fn place(&self, via: &Via) -> Option<Result<String, String>> {
        if via.connector.as_deref() != Some(self.0.name()) {
            return None;
        }
        self.0.place(via)
    }

    fn read(&self, page: &[u8]) -> Result<Vec<Happening>, Malformed> {
        let page: Value = serde_json::from_slice(page).map_err(|_| Malformed::new("body", "JSON"))?;
        self.0.read(&page)
    }

    async fn round(&self, round: &mut Round) -> Result<Next, Broke> {
        let walk = round.cursor::<Walk>().resumed();
        let mut reading = Reading { list: self.0, round, walk, inner: 0 };
        for _ in 0..PAGES_MAX {
            let page = reading.walk.page().map(str::to_owned);
            let (times, next) = reading.page(page.as_deref()).await?;
            let reached = reading.walk.walked(&times, next);
            reading.round.remember(&reading.walk).await?;
            if reached == Reached::Known {
                if let Some(page) = reading.walk.swept().map(str::to_owned) {
                    let (_, next) = reading.page(Some(&page)).await?;
                    reading.walk.sweep(next);
                    reading.round.remember(&reading.walk).await?;
                }
                return Ok(Next::Interval);
            }
        }
        Ok(Next::Soon)
    }
}

impl Reading<'_> {
    /// Asks for a page and takes in what is new in it; the times of its entries, and the page that follows.
    async fn page(&mut self, page: Option<&str>) -> Result<(Vec<Timestamp>, Option<String>), Broke> {
        let body = match self.json(|list, config| list.call(config, page)).await {
            Ok(body) => body,
            Err(broke) => {
                // The names of pages end: the walk begins again.
                if page.is_some() && is_no_page(&broke) {
                    self.walk.lost();
                    self.round.remember(&self.walk).await?;
                }
                return Err(broke);
            }
        };
        let entries = match body.get(self.list.entries()) {
            Some(Value::Array(entries)) => entries.as_slice(),
            // An empty list is left out by some.
            None | Some(Value::Null) if body.is_object() => &[],
            _ => return Err(unreadable(self.list.entries())),
        };
        if entries.len() > ENTRIES_MAX {
            return Err(unreadable(self.list.entries()));
        }
        let mut times = Vec::new();
        let mut new = New::default();
        // In the order in which they were written.
        for entry in entries.iter().rev() {
            let at = self.list.at(entry);
            times.extend(at);
            if at.is_some_and(|at| self.round.since().is_some_and(|since| at < since)) {
                continue;
            }
            self.entry(&body, entry, &mut new).await?;
        }
        // What cannot be kept is a dead letter, after the rest is taken: there may be no room for it.
        let (unkept, tally) = self.round.take(new.happenings).await?;
        for Unkept { external_id, why } in unkept {
            let page = external_id.and_then(|id| new.pages.get(&id).cloned());
            if let Some(page) = page {
                self.round.letter(page.as_bytes(), &why).await?;
            }
        }
        self.round.tally(tally).await?;
        for (page, why) in new.unread {
            if self.round.letter(page.as_bytes(), &why).await? {
                self.round.refuse(&why.to_string()).await?;
            }
        }
        new.digests.into_iter().for_each(|digest| self.walk.saw(digest));
        let next = self.list.next(&body, page);
        Ok((times, next.filter(|next| (1..=PAGE_NAME_MAX).contains(&next.len()))))
    }

    /// Reads an entry, and what is new in it.
    async fn entry(&mut self, body: &Value, entry: &Value, new: &mut New) -> Result<(), Broke> {
        let mut entry = entry.clone();
        if let Some(inner) = self.list.inner()
            && let Some(rest) = inner.rest(&entry)
        {
            let digest = self.round.digest(&rest);
            if !self.walk.has_seen(&digest) && self.inner < INNER_MAX {
                self.inner += 1;
                if self.rest(inner, &mut entry, &digest).await? {
                    new.digests.push(digest);
                }
            }
        }
        let mut alone = json!({ self.list.entries(): [entry] });
        if let Some(kind) = body.get("kind") {
            alone["kind"] = kind.clone();
        }
        let page: Arc<str> = alone.to_string().into();
        match self.list.read(&alone) {
            Ok(happenings) => {
                for happening in happenings {
                    let digest = self.round.digest(&format!("{happening:?}"));
                    if !self.walk.has_seen(&digest) {
                        if let Happening::Message(message) = &happening {
                            new.pages.insert(message.external_id.clone(), Arc::clone(&page));
                        }
                        new.digests.push(digest);
                        new.happenings.push(happening);
                    }
                }
            }
            Err(malformed) => {
                let digest = self.round.digest(&page);
                if !self.walk.has_seen(&digest) {
                    new.digests.push(digest);
                    new.unread.push((page, malformed));
                }
            }
        }
        Ok(())
    }

    /// Asks for the list within an entry, on from where the last round came. Whether all of it was asked for now; else the
    /// next round goes on.
    async fn rest(&mut self, inner: &dyn Inner, entry: &mut Value, digest: &str) -> Result<bool, Broke> {
        let mut page = self.walk.inner(digest).map(str::to_owned);
        for _ in 0..INNER_PAGES_MAX {
            let asked = &*entry;
            let body = match self.json(|_, config| inner.call(config, asked, page.as_deref())).await {
                Ok(body) => body,
                Err(broke) => {
                    // The names of its pages end, too.
                    if page.is_some() && is_no_page(&broke) {
                        self.walk.inner_goes_on(digest, None);
                        self.round.remember(&self.walk).await?;
                    }
                    return Err(broke);
                }
            };
            page = inner.put(entry, body).filter(|next| (1..=PAGE_NAME_MAX).contains(&next.len()));
            if page.is_none() {
                break;
            }
        }
        let all = page.is_none();
        self.walk.inner_goes_on(digest, page);
        Ok(all)
    }

    async fn json(
        &mut self,
        call: impl Fn(&'static dyn List, &Config) -> Result<Call, Unsayable> + Send + Sync,
    ) -> Result<Value, Broke> {
        let list = self.list;
        let make =
            |config: &Config| call(list, config).map_err(|error| Failure::Account(error.to_string()).into());
        let body = self.round.call(PAGE_BYTES_MAX, make).await?;
        serde_json::from_slice(&body).map_err(|_| unreadable("it is no JSON"))
    }
}

/// Whether the platform does not know the page that it named.
fn is_no_page(broke: &Broke) -> bool {
    matches!(broke.failure, Failure::Status(400 | 404 | 410))
}

fn unreadable(what: &str) -> Broke {
    Failure::Unreadable(what.to_owned()).into()
}

/// A setting that has to be there for an account to be asked.
pub(super) fn named<'a>(via: &'a Via, name: &str) -> Option<&'a str> {
    via.settings.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
}

/// The time at a path of an entry.
pub(super) fn time(entry: &Value, path: &str) -> Option<Timestamp> {
    entry.pointer(path)?.as_str()?.parse().ok()
}

/// The text at a path of a page.
pub(super) fn text(body: &Value, path: &str) -> Option<String> {
    body.pointer(path)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}
