//! Small documents in XML, read as a list of texts: no document type, no entities of one's own, bounded depth and size.

use quick_xml::{Reader, XmlVersion, events::Event};

use super::Malformed;

/// How deep elements may be nested.
const DEPTH_MAX: usize = 16;

/// How many elements a document may have.
const ELEMENTS_MAX: usize = 2_000;

/// The longest name of an element, in bytes: a path is a name at most [`DEPTH_MAX`] times.
const NAME_MAX: usize = 128;

/// The texts of a document, each with the path of its element below the root: `SendLocationInfo/Label`.
#[derive(Debug, Default)]
pub(super) struct Document {
    /// The name of the root, without its prefix.
    pub(super) root: String,
    texts: Vec<(String, String)>,
}

/// Reads a document. Names lose their prefix. References other than to characters, and a document type, are refused: there
/// is nothing that they could be needed for, and expanding them is how small documents become large ones.
pub(super) fn parse(bytes: &[u8]) -> Result<Document, Malformed> {
    let text = std::str::from_utf8(bytes).map_err(|_| Malformed::new("body", "XML in UTF-8"))?;
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    let mut document = Document::default();
    let mut open: Vec<String> = Vec::new();
    let mut said: Vec<String> = Vec::new();
    let mut elements = 0;
    loop {
        let event = reader.read_event().map_err(|_| not_xml())?;
        match event {
            Event::Start(start) => {
                elements += 1;
                open.push(document.enter(start.local_name().into_inner(), &open, elements)?);
                said.push(String::new());
            }
            Event::End(_) => {
                let (Some(path), Some(text)) = (open.pop(), said.pop()) else { return Err(not_xml()) };
                if !path.is_empty() {
                    document.texts.push((path, text));
                }
            }
            Event::Empty(empty) => {
                elements += 1;
                let path = document.enter(empty.local_name().into_inner(), &open, elements)?;
                if !path.is_empty() {
                    document.texts.push((path, String::new()));
                }
            }
            Event::Text(text) => {
                if let Some(said) = said.last_mut() {
                    said.push_str(&text.xml_content(XmlVersion::Implicit1_0));
                }
            }
            Event::CData(text) => {
                if let Some(said) = said.last_mut() {
                    said.push_str(&text.xml_content(XmlVersion::Implicit1_0));
                }
            }
            Event::GeneralRef(reference) => {
                let character = match &*reference {
                    "lt" => '<',
                    "gt" => '>',
                    "amp" => '&',
                    "apos" => '\'',
                    "quot" => '"',
                    _ => reference.resolve_char_ref().ok().flatten().ok_or_else(|| {
                        Malformed::new("body", "XML without entities: only characters may be referred to")
                    })?,
                };
                if let Some(said) = said.last_mut() {
                    said.push(character);
                }
            }
            Event::DocType(_) => return Err(Malformed::new("body", "XML without a document type")),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::Eof if open.is_empty() && !document.root.is_empty() => return Ok(document),
            Event::Eof => return Err(not_xml()),
        }
    }
}

fn not_xml() -> Malformed {
    Malformed::new("body", "well-formed XML")
}

impl Document {
    /// The path of an element of this name within those that are open; of the root it is empty.
    fn enter(&mut self, name: &str, open: &[String], elements: usize) -> Result<String, Malformed> {
        if open.len() >= DEPTH_MAX || elements > ELEMENTS_MAX || name.len() > NAME_MAX {
            return Err(Malformed::new(
                "body",
                format_args!("XML, nested at most {DEPTH_MAX} deep, of at most {ELEMENTS_MAX} elements"),
            ));
        }
        match open.last().map(String::as_str) {
            None if self.root.is_empty() => {
                name.clone_into(&mut self.root);
                Ok(String::new())
            }
            None => Err(not_xml()),
            Some("") => Ok(name.to_owned()),
            Some(above) => Ok(format!("{above}/{name}")),
        }
    }

    /// The first text at this path that says something.
    pub(super) fn text(&self, path: &str) -> Option<&str> {
        let found = self.texts.iter().filter(|(name, _)| name == path);
        found.map(|(_, text)| text.trim()).find(|text| !text.is_empty())
    }

    /// The text at this path, which must be there.
    pub(super) fn need(&self, path: &str) -> Result<&str, Malformed> {
        self.text(path).ok_or_else(|| Malformed::new(format!("{}/{path}", self.root), "a text"))
    }

    /// Whether there is an element at this path.
    pub(super) fn has(&self, path: &str) -> bool {
        self.texts.iter().any(|(name, _)| name == path)
    }
}
