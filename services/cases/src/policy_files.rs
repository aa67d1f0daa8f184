//! Policy files: TOML in, a checked set of documents out, or everything that is wrong with file, line and column.
//!
//! A table of a file is a document, called as its kind: `[[team]]`, `[[account]]`, `[[case]]`. Which file a document stands
//! in, and in which order, means nothing.

use std::ops::Range;

use domain::policy::{self, Draft, Set};
use serde_json::Value;
use toml_edit::{Document, Item, Table, TableLike};

/// The most files of one apply.
pub const FILES_MAX: usize = 1_000;
/// The longest file, in bytes.
pub const FILE_LEN_MAX: usize = 1024 * 1024;

/// A file, as somebody wrote it.
#[derive(Clone, Copy, Debug)]
pub struct File<'a> {
    /// As problems are to name it.
    pub name: &'a str,
    /// TOML.
    pub text: &'a str,
}

/// What is wrong, where, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file's name; empty if it is about all of them.
    pub file: String,
    /// The line, counted from 1; 0 if it is about the whole file.
    pub line: u32,
    /// The column in characters, counted from 1; 0 if it is about the whole file.
    pub column: u32,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { file, line, column, message, remedy } = self;
        write!(f, "{file}:{line}:{column}: {message}; {remedy}")
    }
}

/// Reads the files as one set. While a file is no TOML, nothing is said of what the others refer to in it.
pub fn read(files: &[File<'_>]) -> Result<Set, Vec<Problem>> {
    if files.len() > FILES_MAX {
        let message = format!("there are {} files", files.len());
        return Err(vec![about(
            "",
            message,
            format!("at most {FILES_MAX} can be applied at once: join some"),
        )]);
    }
    let mut problems = Vec::new();
    let parsed: Vec<Option<Document<&str>>> =
        files.iter().map(|file| parse(file).map_err(|problem| problems.push(problem)).ok()).collect();
    let mut sources = Vec::new();
    for (file, document) in files.iter().zip(&parsed) {
        let Some(document) = document else { continue };
        for (kind, item) in document.iter() {
            collect(*file, kind, item, &mut sources, &mut problems);
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let drafts: Vec<Draft> = sources.iter().map(Source::draft).collect();
    Set::check(&drafts)
        .map_err(|problems| problems.into_iter().map(|problem| locate(problem, &sources)).collect())
}

/// A document where it stands.
struct Source<'a> {
    file: File<'a>,
    kind: &'a str,
    table: &'a dyn TableLike,
    span: Option<Range<usize>>,
}

impl Source<'_> {
    fn draft(&self) -> Draft {
        Draft { kind: self.kind.to_owned(), fields: fields(self.table) }
    }

    /// Where the field at a JSON pointer stands, or what holds it if it is not there.
    fn span(&self, pointer: &str) -> Option<Range<usize>> {
        let mut span = self.span.clone();
        let mut here: Option<At<'_>> = Some(At::Table(self.table));
        for token in pointer.split('/').skip(1) {
            let token = token.replace("~1", "/").replace("~0", "~");
            let Some((next, place)) = here.and_then(|at| at.step(&token)) else { break };
            (here, span) = (next, place.or(span));
        }
        span
    }
}

/// A place on the way along a pointer.
enum At<'a> {
    Table(&'a dyn TableLike),
    Array(&'a toml_edit::Array),
    Tables(&'a toml_edit::ArrayOfTables),
}

impl<'a> At<'a> {
    /// What is at the next token, and where it stands: a key at its name, an item of a list at its value.
    fn step(self, token: &str) -> Option<(Option<Self>, Option<Range<usize>>)> {
        match self {
            Self::Table(table) => {
                let (key, item) = table.get_key_value(token)?;
                Some((Self::of(item), key.span().or_else(|| item.span())))
            }
            Self::Array(array) => {
                let value = array.get(token.parse().ok()?)?;
                let next = match value {
                    toml_edit::Value::Array(array) => Some(Self::Array(array)),
                    toml_edit::Value::InlineTable(table) => Some(Self::Table(table)),
                    _ => None,
                };
                Some((next, value.span()))
            }
            Self::Tables(tables) => {
                let table = tables.get(token.parse().ok()?)?;
                Some((Some(Self::Table(table)), table.span()))
            }
        }
    }

    fn of(item: &'a Item) -> Option<Self> {
        item.as_table_like()
            .map(Self::Table)
            .or_else(|| item.as_array().map(Self::Array))
            .or_else(|| item.as_array_of_tables().map(Self::Tables))
    }
}

fn parse<'a>(file: &File<'a>) -> Result<Document<&'a str>, Problem> {
    if file.text.len() > FILE_LEN_MAX {
        let message = format!("the file has {} bytes", file.text.len());
        return Err(about(file.name, message, format!("a file has at most {FILE_LEN_MAX}: split it")));
    }
    Document::parse(file.text).map_err(|error| {
        let message = format!("this is no TOML: {}", error.message().trim());
        at(file, error.span(), message, "see https://toml.io for how it is written".to_owned())
    })
}

/// Takes the documents out of a table of the file.
fn collect<'a>(
    file: File<'a>,
    kind: &'a str,
    item: &'a Item,
    sources: &mut Vec<Source<'a>>,
    problems: &mut Vec<Problem>,
) {
    match item {
        Item::None => {}
        Item::Table(table) => sources.push(Source { file, kind, table, span: span_of(table) }),
        Item::ArrayOfTables(tables) => {
            sources.extend(tables.iter().map(|table| Source { file, kind, table, span: span_of(table) }));
        }
        Item::Value(toml_edit::Value::InlineTable(table)) => {
            sources.push(Source { file, kind, table, span: table.span() });
        }
        Item::Value(toml_edit::Value::Array(array))
            if array.iter().all(toml_edit::Value::is_inline_table) && !array.is_empty() =>
        {
            let tables = array.iter().filter_map(toml_edit::Value::as_inline_table);
            sources.extend(tables.map(|table| Source { file, kind, table, span: table.span() }));
        }
        Item::Value(value) => {
            let example = if policy::kind_names().any(|name| name == kind) { kind } else { "team" };
            let message = format!("\"{kind}\" stands outside of any document");
            problems.push(at(
                &file,
                value.span(),
                message,
                format!("put it below a line such as [[{example}]]"),
            ));
        }
    }
}

/// A table's header; of one that has none (`[a.b]` makes an `a`), the first thing in it that has a place.
fn span_of(table: &Table) -> Option<Range<usize>> {
    table.span().or_else(|| {
        table.iter().find_map(|(name, item)| {
            table.get_key_value(name).and_then(|(key, _)| key.span()).or_else(|| item.span())
        })
    })
}

fn fields(table: &dyn TableLike) -> serde_json::Map<String, Value> {
    table
        .iter()
        .filter(|(_, item)| !item.is_none())
        .map(|(name, item)| (name.to_owned(), json(item)))
        .collect()
}

fn json(item: &Item) -> Value {
    match item {
        Item::None => Value::Null,
        Item::Value(value) => json_value(value),
        Item::Table(table) => Value::Object(fields(table)),
        Item::ArrayOfTables(tables) => tables.iter().map(|table| Value::Object(fields(table))).collect(),
    }
}

fn json_value(value: &toml_edit::Value) -> Value {
    match value {
        toml_edit::Value::String(text) => text.value().as_str().into(),
        toml_edit::Value::Integer(number) => (*number.value()).into(),
        // What JSON cannot hold (nan, inf) becomes nothing, which no field takes.
        toml_edit::Value::Float(number) => (*number.value()).into(),
        toml_edit::Value::Boolean(value) => (*value.value()).into(),
        toml_edit::Value::Datetime(time) => time.value().to_string().into(),
        toml_edit::Value::Array(array) => array.iter().map(json_value).collect(),
        toml_edit::Value::InlineTable(table) => Value::Object(fields(table)),
    }
}

fn locate(problem: policy::Problem, sources: &[Source<'_>]) -> Problem {
    let policy::Problem { draft, pointer, message, remedy } = problem;
    match sources.get(draft) {
        Some(source) => at(&source.file, source.span(&pointer), message, remedy),
        None => about("", message, remedy),
    }
}

fn at(file: &File<'_>, span: Option<Range<usize>>, message: String, remedy: String) -> Problem {
    let before = span.and_then(|span| file.text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Problem { file: file.name.to_owned(), line: number(line), column: number(column), message, remedy }
}

fn about(file: &str, message: String, remedy: String) -> Problem {
    Problem { file: file.to_owned(), line: 0, column: 0, message, remedy }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORGANISATION: &str = r#"
[[region]]
id = "emea"
name = "Europe"
time_zone = "Europe/Paris"
languages = ["fr", "en"]

[[team]]
id = "billing"
name = "Billing"
region = "emea"

[[person]]
id = "ann"
name = "Ann"
teams = ["billing"]
roles = ["agent"]
"#;

    const RULES: &str = r#"
account = [
  { id = "support", channel = "email", name = "Support", region = "emea", team = "billing" },
]

[case]
reopen_window = "14 days"
locked = ["fields.order"]

[case.fields.order]
name = "Order"
type = "text"

[case.fields]
serial = { name = "Serial", type = "text" }
"#;

    #[test]
    fn files_are_one_set_however_they_are_cut_and_written() {
        let one = format!("{RULES}{ORGANISATION}");
        let set = read(&files(&[("rules.toml", RULES), ("organisation.toml", ORGANISATION)])).unwrap();
        assert_eq!(read(&files(&[("all.toml", &one)])).unwrap(), set);
        assert_eq!(set.len(), 5);
        assert_eq!(set.case_rules(None, None).fields.len(), 2);
        assert_eq!(set.accounts().next().unwrap().team.as_str(), "billing");
        assert!(read(&[]).unwrap().is_empty());
        assert!(read(&files(&[("empty.toml", "# nothing\n")])).unwrap().is_empty());
    }

    #[test]
    fn every_problem_has_its_place_and_all_are_said_at_once() {
        let text = "\
[[team]]
id = \"tech\"
name = \"Téch\"; regoin = \"emea\"
";
        assert_eq!(places(&[("a.toml", text)]), ["a.toml:3:14"]);

        let text = r#"
[[team]]
id = "tech"
name = "Tech"
regoin = "emea"

[[person]]
id = "zoe"
name = "Zoë"
teams = ["billing", "teck"]
roles = ["agent", "boss"]

[[account]]
id = "x"
channel = "email"
name = "Ü"   # two bytes, one column
region = "emea"
team = "tech"
secrets = { "api_token" = "hunter2" }

[case.fields.order]
name = "O"
type = "txt"

[case]
level = "region/emea"
"#;
        let places = places(&[("org.toml", ORGANISATION), ("b.toml", text)]);
        let expected =
            ["b.toml:5:1", "b.toml:2:1", "b.toml:10:21", "b.toml:11:19", "b.toml:19:13", "b.toml:23:1"];
        let mut sorted = (places, expected.map(str::to_owned).to_vec());
        sorted.0.sort_unstable();
        sorted.1.sort_unstable();
        assert_eq!(sorted.0, sorted.1);
    }

    #[test]
    fn a_problem_says_what_and_what_to_do() {
        let text = ORGANISATION.replace("region = \"emea\"", "region = \"emae\"");
        let problems = read(&files(&[("organisation.toml", &text)])).unwrap_err();
        let expected = "organisation.toml:11:1: there is no region \"emae\"; did you mean \"emea\"?";
        assert_eq!(problems.iter().map(ToString::to_string).collect::<Vec<_>>(), [expected]);
    }

    #[test]
    fn what_is_outside_of_any_document_is_refused() {
        let problems = read(&files(&[("a.toml", "team = \"billing\"\nname = 7\n")])).unwrap_err();
        assert_eq!(problems.len(), 2);
        assert!(problems[0].remedy.contains("[[team]]"), "{}", problems[0]);
    }

    #[test]
    fn what_is_no_toml_is_said_for_every_file_and_nothing_follows_from_it() {
        let broken = files(&[("a.toml", "[[team]\n"), ("b.toml", ORGANISATION), ("c.toml", "x = = 1")]);
        let problems = read(&broken).unwrap_err();
        assert_eq!(
            problems.iter().map(|p| (&p.file[..], p.line)).collect::<Vec<_>>(),
            [("a.toml", 1), ("c.toml", 1)]
        );
    }

    #[test]
    fn bounds_hold() {
        let long = "#".repeat(FILE_LEN_MAX + 1);
        assert!(read(&files(&[("long.toml", &long)])).unwrap_err()[0].message.contains("bytes"));
        let many = vec![File { name: "x.toml", text: "" }; FILES_MAX + 1];
        assert!(read(&many).unwrap_err()[0].message.contains("files"));
    }

    fn places(named: &[(&str, &str)]) -> Vec<String> {
        let problems = read(&files(named)).unwrap_err();
        problems.iter().map(|p| format!("{}:{}:{}", p.file, p.line, p.column)).collect()
    }

    fn files<'a>(named: &[(&'a str, &'a str)]) -> Vec<File<'a>> {
        named.iter().map(|(name, text)| File { name, text }).collect()
    }
}
