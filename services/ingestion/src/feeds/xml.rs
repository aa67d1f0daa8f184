//! XML as a tree, within bounds.
//!
//! What is written by hand is read as far as it goes: elements may end in the wrong order, `&` may stand alone, HTML's names
//! of characters may be used without having been declared. Entities that a document declares are never expanded and nothing
//! outside of it is ever fetched: a reference to one stays as it is written.

use std::borrow::Cow;

use quick_xml::{
    Reader,
    events::{BytesStart, Event},
};

use super::{
    feed::{
        Error, Flaw, Flaws,
        limits::{ATTRIBUTES_MAX, DEPTH_MAX, ELEMENTS_MAX, NAMESPACES_MAX},
    },
    names::Namespace,
    references::{characters, of_windows, unescaped},
};

/// An element with all that it holds.
#[derive(Debug)]
pub(super) struct Element {
    pub(super) namespace: Namespace,
    /// Without its prefix, in lower case.
    pub(super) name: Box<str>,
    pub(super) attributes: Vec<Attribute>,
    pub(super) children: Vec<Node>,
}

/// Something within an element.
#[derive(Debug)]
pub(super) enum Node {
    Element(Element),
    Text(String),
}

/// An attribute of an element.
#[derive(Debug)]
pub(super) struct Attribute {
    pub(super) namespace: Namespace,
    /// Without its prefix, in lower case.
    pub(super) name: Box<str>,
    pub(super) value: Box<str>,
}

impl Element {
    /// The elements within.
    pub(super) fn elements(&self) -> impl Iterator<Item = &Self> {
        self.children.iter().filter_map(|child| match child {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        })
    }

    /// The text within, that of elements within included, without blanks around.
    pub(super) fn text(&self) -> Cow<'_, str> {
        if let [Node::Text(text)] = &self.children[..] {
            return Cow::Borrowed(text.trim());
        }
        let mut text = String::new();
        self.append_text(&mut text);
        Cow::Owned(text.trim().to_owned())
    }

    fn append_text(&self, into: &mut String) {
        for child in &self.children {
            match child {
                Node::Text(text) => into.push_str(text),
                Node::Element(element) => element.append_text(into),
            }
        }
    }

    /// The attribute of that name, whatever its namespace, without blanks around; not if there is nothing in it.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        let mut named = self.attributes.iter().filter(|attribute| &*attribute.name == name);
        let own = named.clone().find(|attribute| attribute.namespace == Namespace::None);
        let value =
            own.or_else(|| named.find(|attribute| attribute.namespace != Namespace::Xml))?.value.trim();
        Some(value).filter(|value| !value.is_empty())
    }

    /// The attribute `xml:NAME`.
    pub(super) fn xml(&self, name: &str) -> Option<&str> {
        let mut attributes = self.attributes.iter();
        let is = |attribute: &&Attribute| attribute.namespace == Namespace::Xml && &*attribute.name == name;
        attributes.find(is).map(|attribute| attribute.value.trim())
    }
}

/// The root of the document in `text`.
pub(super) fn read(text: &str, flaws: &mut Flaws) -> Result<Element, Error> {
    let mut reader = Reader::from_str(text);
    let config = reader.config_mut();
    config.check_end_names = false;
    config.allow_unmatched_ends = true;
    config.allow_dangling_amp = true;
    config.expand_empty_elements = false;
    let mut tree = Tree { root: None, open: Vec::new(), scope: Scope::default(), elements: 0 };
    loop {
        match reader.read_event() {
            Ok(Event::Start(start)) => tree.start(&start, flaws)?,
            Ok(Event::Empty(start)) => {
                tree.start(&start, flaws)?;
                tree.end();
            }
            Ok(Event::End(end)) => tree.end_named(end.name().0, flaws),
            Ok(Event::Text(text)) => tree.text(&text.xml10_content()),
            Ok(Event::CData(text)) => tree.text(&text.xml10_content()),
            Ok(Event::GeneralRef(reference)) => {
                let name = reference.into_inner();
                match characters(&name) {
                    Some(characters) => tree.text(&characters),
                    None => {
                        flaws.insert(Flaw::UnknownEntity);
                        tree.text(&format!("&{name};"));
                    }
                }
            }
            Ok(Event::DocType(doctype)) => {
                if doctype.contains("<!ENTITY") {
                    flaws.insert(Flaw::DeclaredEntities);
                }
            }
            Ok(Event::Comment(_) | Event::Decl(_) | Event::PI(_)) => {}
            Ok(Event::Eof) => break,
            Err(_) => {
                flaws.insert(Flaw::IllFormed);
                break;
            }
        }
    }
    if !tree.open.is_empty() {
        flaws.insert(Flaw::IllFormed);
    }
    while !tree.open.is_empty() {
        tree.end();
    }
    tree.root.ok_or(Error::NotAFeed)
}

struct Tree {
    root: Option<Element>,
    /// The elements that have not ended, outermost first, with their names as they are written.
    open: Vec<(Element, Box<str>)>,
    scope: Scope,
    elements: usize,
}

impl Tree {
    fn start(&mut self, start: &BytesStart<'_>, flaws: &mut Flaws) -> Result<(), Error> {
        self.elements += 1;
        if self.elements > ELEMENTS_MAX {
            return Err(Error::TooMany { what: "elements", max: ELEMENTS_MAX });
        }
        if self.open.len() >= DEPTH_MAX {
            return Err(Error::TooMany { what: "levels of elements", max: DEPTH_MAX });
        }
        let depth = self.open.len();
        let mut attributes = Vec::new();
        for attribute in start.html_attributes().with_checks(false).take(ATTRIBUTES_MAX) {
            let Ok(attribute) = attribute else {
                flaws.insert(Flaw::IllFormed);
                continue;
            };
            let value = unescaped(&attribute.value, flaws).into_owned();
            match attribute.key.0 {
                "xmlns" => self.scope.declare(depth, "", &value)?,
                name => match name.strip_prefix("xmlns:") {
                    Some(prefix) => self.scope.declare(depth, prefix, &value)?,
                    None => attributes.push((name, value)),
                },
            }
        }
        let attributes = attributes.into_iter().map(|(name, value)| {
            let (prefix, local) = name.split_once(':').unwrap_or(("", name));
            // An attribute without a prefix is in no namespace.
            let namespace = if prefix.is_empty() { Namespace::None } else { self.scope.namespace(prefix) };
            Attribute { namespace, name: local.to_lowercase().into(), value: value.into() }
        });
        let attributes = attributes.collect();
        let written = start.name().0;
        let (prefix, local) = written.split_once(':').unwrap_or(("", written));
        let namespace = self.scope.namespace(prefix);
        let name = local.to_lowercase().into();
        self.open.push((Element { namespace, name, attributes, children: Vec::new() }, written.into()));
        Ok(())
    }

    /// Ends the innermost element.
    fn end(&mut self) {
        let Some((element, _)) = self.open.pop() else { return };
        self.scope.leave(self.open.len());
        match self.open.last_mut() {
            Some((parent, _)) => parent.children.push(Node::Element(element)),
            None => {
                self.root.get_or_insert(element);
            }
        }
    }

    /// Ends the innermost element of that name, with all within that have not ended; if there is one.
    fn end_named(&mut self, name: &str, flaws: &mut Flaws) {
        let Some(at) = self.open.iter().rposition(|(_, open)| **open == *name) else {
            flaws.insert(Flaw::IllFormed);
            return;
        };
        if at + 1 < self.open.len() {
            flaws.insert(Flaw::IllFormed);
        }
        while self.open.len() > at {
            self.end();
        }
    }

    fn text(&mut self, text: &str) {
        let Some((element, _)) = self.open.last_mut() else { return };
        let kept = text.chars().filter_map(|character| match character {
            '\n' | '\t' => Some(character),
            '\u{80}'..='\u{9f}' => Some(of_windows(character)),
            character => (!character.is_ascii_control()).then_some(character),
        });
        match element.children.last_mut() {
            Some(Node::Text(before)) => before.extend(kept),
            _ => element.children.push(Node::Text(kept.collect())),
        }
    }
}

/// Which namespace a prefix means.
#[derive(Default)]
struct Scope {
    /// With the depth of the element that declares it.
    declared: Vec<(usize, Box<str>, Namespace)>,
}

impl Scope {
    fn declare(&mut self, depth: usize, prefix: &str, uri: &str) -> Result<(), Error> {
        if self.declared.len() >= NAMESPACES_MAX {
            return Err(Error::TooMany { what: "namespaces", max: NAMESPACES_MAX });
        }
        self.declared.push((depth, prefix.into(), Namespace::of(uri)));
        Ok(())
    }

    /// Forgets what elements of this depth have declared.
    fn leave(&mut self, depth: usize) {
        while self.declared.last().is_some_and(|(declared, ..)| *declared >= depth) {
            self.declared.pop();
        }
    }

    fn namespace(&self, prefix: &str) -> Namespace {
        let declared = self.declared.iter().rev().find(|(_, declared, _)| **declared == *prefix);
        // Feeds that are put together by hand use the usual prefixes and forget to declare them.
        declared.map_or_else(|| Namespace::of_prefix(prefix), |(.., namespace)| *namespace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(text: &str) -> (Element, Flaws) {
        let mut flaws = Flaws::default();
        (read(text, &mut flaws).unwrap(), flaws)
    }

    #[test]
    fn references_are_read_as_browsers_do() {
        let (root, flaws) =
            root("<a b='&#x27;&amp;&eacute;&lt; a&b'>&eacute;&Kappa;&#146;&#x2019;&amp;lt; AT&T &bogus;</a>");
        assert_eq!(root.attribute("b"), Some("'&é< a&b"));
        assert_eq!(root.text(), "éΚ’’&lt; AT&T &bogus;");
        assert!(flaws.contains(&Flaw::UnknownEntity));
    }

    #[test]
    fn what_ends_in_the_wrong_order_is_read_as_far_as_it_goes() {
        let (found, flaws) = root("<a><b><c>1</b><d>2</d></z></a");
        let names: Vec<_> = found.elements().map(|element| &*element.name).collect();
        assert_eq!(names, ["b", "d"]);
        assert!(flaws.contains(&Flaw::IllFormed));
        assert!(root("<a><b/></a>").1.is_empty());
    }

    #[test]
    fn a_prefix_means_what_its_element_says() {
        let (found, _) = root(
            "<a xmlns:x='http://purl.org/dc/elements/1.1/'><x:b xmlns:x='http://elsewhere.example/'/><x:b/><dc:c/></a>",
        );
        let namespaces: Vec<_> = found.elements().map(|element| element.namespace).collect();
        assert_eq!(namespaces, [Namespace::Other, Namespace::Dc, Namespace::Dc]);
    }

    #[test]
    fn entities_of_a_document_are_neither_expanded_nor_fetched() {
        let bomb = "<!DOCTYPE a [<!ENTITY x 'haha'><!ENTITY y '&x;&x;&x;'><!ENTITY f SYSTEM 'file:///etc/hostname'>]>\
                    <a>&y; &f;</a>";
        let (root, flaws) = root(bomb);
        assert_eq!(root.text(), "&y; &f;");
        assert_eq!(flaws, Flaws::from([Flaw::DeclaredEntities, Flaw::UnknownEntity]));
    }

    #[test]
    fn depth_breadth_and_namespaces_have_bounds() {
        let flaws = &mut Flaws::default();
        for (text, what) in [
            ("<a>".repeat(DEPTH_MAX + 1), "levels of elements"),
            (format!("<a>{}", "<b/>".repeat(ELEMENTS_MAX)), "elements"),
            (format!("<a>{}", "<b xmlns='u'>".repeat(NAMESPACES_MAX + 1)), "namespaces"),
        ] {
            assert!(
                matches!(read(&text, flaws), Err(Error::TooMany { what: found, .. }) if found == what),
                "{what}"
            );
        }
        assert!(matches!(read("no element", flaws), Err(Error::NotAFeed)));
    }
}
