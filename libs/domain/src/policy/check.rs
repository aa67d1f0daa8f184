//! Checking drafts: each by itself and all together.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    DOCUMENT_LEN_MAX, DOCUMENTS_MAX, cascade,
    document::{Document, Draft, Key, Level},
    kinds::{self, Kind},
    problem::{Fault, Problem, suggest},
    schema::{self, Reference},
    set::{LOCKED, Set, covers, locks},
};
use crate::{
    ids::{Invalid, TeamId},
    stored::Fields,
};

impl Set {
    /// Checks drafts, each by itself and all together. Answers everything that is wrong with them, as far as one problem
    /// does not hide another.
    pub fn check(drafts: &[Draft]) -> Result<Self, Vec<Problem>> {
        if drafts.len() > DOCUMENTS_MAX {
            let message = format!("there are {} documents", drafts.len());
            let remedy = format!("a site has at most {DOCUMENTS_MAX}: split the organisation into sites");
            return Err(vec![Fault::new("", message, remedy).of(DOCUMENTS_MAX)]);
        }
        let mut checked = Checked::default();
        for (index, draft) in drafts.iter().enumerate() {
            checked.shape(index, draft);
        }
        checked.references();
        checked.locks();
        if checked.problems.is_empty() {
            checked.meaning();
        }
        let Checked { set, mut problems, .. } = checked;
        problems.sort_by_key(|problem| problem.draft);
        if problems.is_empty() { Ok(set) } else { Err(problems) }
    }
}

/// Drafts on their way to a set.
#[derive(Default)]
struct Checked<'d> {
    set: Set,
    problems: Vec<Problem>,
    /// Where each document comes from, those with problems too, so that no reference to them is called unknown.
    drafts: BTreeMap<Key, usize>,
    references: Vec<(usize, Reference<'d>)>,
}

impl<'d> Checked<'d> {
    /// What can be said of a draft by itself.
    fn shape(&mut self, index: usize, draft: &'d Draft) {
        let Some(kind) = kinds::find(&draft.kind) else {
            let remedy = suggest(&draft.kind, kinds::names(), "the kinds are");
            return self.fault(index, Fault::new("", format!("unknown kind \"{}\"", draft.kind), remedy));
        };
        let mut faults = Vec::new();
        let mut references = Vec::new();
        schema::check(kind.fields, kind.own_fields(), &draft.fields, &mut faults, &mut references);
        let id = kind.id_of(&draft.fields, &mut faults);
        kind.check_locks(&draft.fields, &mut faults);
        let mut body = draft.fields.clone();
        body.remove(kind.id_field());
        let len = Value::Object(body.clone()).to_string().len();
        if len > DOCUMENT_LEN_MAX {
            let remedy = format!("a document has at most {DOCUMENT_LEN_MAX}: make several of it");
            faults.push(Fault::new("", format!("it has {len} bytes"), remedy));
        }
        if let Some(id) = id {
            let key = Key::new(kind.name, id);
            if self.drafts.contains_key(&key) {
                let pointer = format!("/{}", kind.id_field());
                faults.push(Fault::new(
                    pointer,
                    format!("{key} stands twice"),
                    "take one away, or give it another id",
                ));
            } else {
                self.drafts.insert(key.clone(), index);
                self.set.put(Document::new(key, body));
            }
        }
        self.references.extend(references.into_iter().map(|reference| (index, reference)));
        self.problems.extend(faults.into_iter().map(|fault| fault.of(index)));
    }

    /// Whether everything that is referred to is there.
    fn references(&mut self) {
        for (index, Reference { pointer, kind, id }) in std::mem::take(&mut self.references) {
            if !self.drafts.contains_key(&Key::new(kind, id)) {
                self.unknown(index, pointer, kind, id);
            }
        }
        for (key, index) in self.drafts.clone() {
            if kinds::find(&key.kind).is_some_and(|kind| kind.cascades) {
                match key.id.split_once('/') {
                    Some((kind, id)) if !self.drafts.contains_key(&Key::new(kind, id)) => {
                        self.unknown(index, "/level".into(), kind, id);
                    }
                    Some(_) | None => {}
                }
            }
        }
    }

    fn unknown(&mut self, index: usize, pointer: String, kind: &str, id: &str) {
        let known: Vec<String> =
            self.drafts.keys().filter(|key| &*key.kind == kind).map(|key| key.id.to_string()).collect();
        let remedy = suggest(id, known.iter().map(String::as_str), &format!("the {kind}s"));
        self.fault(index, Fault::new(pointer, format!("there is no {kind} \"{id}\""), remedy));
    }

    /// Whether nobody sets what is locked above.
    fn locks(&mut self) {
        let mut faults = Vec::new();
        for (key, index) in &self.drafts {
            let Some(document) = self.set.get(key) else { continue };
            let Ok(level) = key.id.parse::<Level>() else { continue };
            for above in self.set.above(&level) {
                let locked =
                    self.set.document(&key.kind, &above.to_string()).map_or_else(BTreeSet::new, locks);
                for path in cascade::paths(document) {
                    if locked.iter().any(|lock| covers(lock, &path)) {
                        let message = format!("\"{path}\" is locked by {}/{above}", key.kind);
                        let pointer = format!("/{}", path.replace('.', "/"));
                        let remedy = "take it away here, or unlock it there";
                        faults.push(Fault::new(pointer, message, remedy).of(*index));
                    }
                }
            }
        }
        self.problems.extend(faults);
    }

    /// What can be said only once every document is right in itself.
    fn meaning(&mut self) {
        for (key, index) in self.drafts.clone() {
            let Some((document, kind)) = self.set.get(&key).and_then(|d| Some((d, d.kind()?))) else {
                continue;
            };
            let mut faults = (kind.check)(&self.set, &key.id, document.body());
            if faults.is_empty() && !document.is_read() {
                faults.push(Fault::new("", "it cannot be read", "compare it with the reference of its kind"));
            }
            self.problems.extend(faults.into_iter().map(|fault| fault.of(index)));
        }
    }

    fn fault(&mut self, index: usize, fault: Fault) {
        self.problems.push(fault.of(index));
    }
}

impl Kind {
    /// The fields that every kind has, which no kind declares.
    const fn own_fields(&self) -> &'static [&'static str] {
        if self.cascades { &["level", LOCKED] } else { &["id"] }
    }

    fn id_of<'d>(&self, fields: &'d Fields, faults: &mut Vec<Fault>) -> Option<&'d str> {
        let name = self.id_field();
        let check = |text: &str| {
            if self.cascades {
                text.parse::<Level>().map(drop)
            } else {
                TeamId::new(text).map(drop).map_err(|e| Invalid { what: "an id", ..e })
            }
        };
        match fields.get(name) {
            Some(Value::String(text)) => match check(text) {
                Ok(()) => return Some(text),
                Err(error) => faults.push(Fault::new(
                    format!("/{name}"),
                    format!("this is not {}", error.what),
                    format!("{} is {}", error.what, error.rule),
                )),
            },
            Some(_) => {
                faults.push(Fault::new(format!("/{name}"), "this is not a text", "write it in quotes"));
            }
            // Without a level it stands for the whole organisation.
            None if self.cascades => return Some("global"),
            None => faults.push(Fault::new("", "\"id\" is missing", "add it: 1 to 64 of a-z, 0-9 and '-'")),
        }
        None
    }

    /// Whether the locks name fields of this kind.
    fn check_locks(&self, fields: &Fields, faults: &mut Vec<Fault>) {
        if !self.cascades {
            return;
        }
        let pointer = format!("/{LOCKED}");
        match fields.get(LOCKED) {
            None => {}
            Some(Value::Array(locks)) => {
                for (index, lock) in locks.iter().enumerate() {
                    let field = lock
                        .as_str()
                        .map(|lock| lock.split_once('.').map_or((lock, false), |(f, _)| (f, true)));
                    let known = field.is_some_and(|(field, member)| {
                        self.fields.iter().any(|f| f.name == field) && (!member || self.is_map(field))
                    });
                    if !known {
                        let names = self.fields.iter().map(|field| field.name);
                        let remedy = suggest(
                            lock.as_str().unwrap_or_default(),
                            names,
                            "fields that can be locked are",
                        );
                        faults.push(Fault::new(format!("{pointer}/{index}"), "this is no field", remedy));
                    }
                }
            }
            Some(_) => faults.push(Fault::new(pointer, "this is not a list", "write the fields in brackets")),
        }
    }
}
