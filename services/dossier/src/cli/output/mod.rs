//! What a command says: results on stdout in the format that was asked for, everything else on stderr.

pub mod escape;
mod format;
pub mod json;
mod paint;
pub mod table;
mod yaml;

use std::io::{self, IsTerminal, Write};

use jiff::Timestamp;
use serde_json::Value;

pub use format::Format;
pub use paint::{Colour, Paint};
pub use table::{Cell, Table};

use super::error::Failure;
use escape::Lines;

/// The width of a terminal that does not say how wide it is.
const WIDTH_DEFAULT: u16 = 100;

/// The result of a command, ready for every format.
#[derive(Clone, Debug, Default)]
pub struct Document {
    /// The answer as the JSON API has it.
    pub whole: Value,
    /// What it is a list of, each as the JSON API has it; of a single thing, that.
    pub items: Vec<Value>,
    /// What each item is called in other commands.
    pub names: Vec<String>,
    /// The items as rows.
    pub table: Table,
    /// What a person at a terminal is shown instead of the table; already free of control characters.
    pub human: Option<String>,
    /// Whether programs that asked for no format are shown the same.
    pub human_always: bool,
}

impl Document {
    /// One thing with a name.
    pub fn one(value: Value, name: impl Into<String>, table: Table) -> Self {
        Self { items: vec![value.clone()], whole: value, names: vec![name.into()], table, ..Self::default() }
    }

    /// Shows people `text` where others get the table.
    #[must_use]
    pub fn human(mut self, text: String) -> Self {
        self.human = Some(text);
        self
    }

    /// Shows `text` instead of the table, on a terminal and in a pipe.
    #[must_use]
    pub fn line(self, text: String) -> Self {
        Self { human_always: true, ..self.human(text) }
    }
}

/// Where results and remarks go, and how they look.
#[derive(Clone, Debug)]
pub struct Out {
    /// The format of results.
    pub format: Format,
    /// Whether results go to a terminal.
    pub terminal: bool,
    /// How results are coloured.
    pub paint: Paint,
    /// How remarks are coloured.
    pub paint_err: Paint,
    /// Whether there may be progress bars.
    pub bars: bool,
    /// No remarks.
    pub quiet: bool,
    /// How much to tell of the way: 0, 1, 2.
    pub verbose: u8,
    /// Columns of the terminal.
    pub width: u16,
}

impl Out {
    /// For this process: asks its standard streams and the environment what they are.
    pub fn of_process(format: Format, no_color: bool, quiet: bool, verbose: u8) -> Self {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let plain = no_color || dumb || set("NO_COLOR");
        let (terminal, terminal_err) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        Self {
            format,
            terminal,
            paint: Paint(terminal && !plain),
            paint_err: Paint(terminal_err && !plain),
            bars: terminal_err && !plain && !quiet && !set("CI"),
            quiet,
            verbose,
            width: table::terminal_width().unwrap_or(WIDTH_DEFAULT),
        }
    }

    /// Writes a result.
    pub fn print(&self, document: &Document) -> Result<(), Failure> {
        self.write(&self.render(document, Timestamp::now()))
    }

    /// Writes one item of a stream: a line in every format but YAML.
    pub fn print_item(&self, document: &Document, first: bool) -> Result<(), Failure> {
        let text = match self.format {
            Format::Json => self.render_as(Format::Ndjson, document, first),
            Format::Yaml => format!("---\n{}", self.render_as(Format::Yaml, document, first)),
            format => self.render_as(format, document, first),
        };
        self.write(&text)
    }

    /// The text of a result.
    pub fn render(&self, document: &Document, now: Timestamp) -> String {
        match (self.format, &document.human) {
            (Format::Table | Format::Wide, Some(human)) if self.terminal || document.human_always => {
                human.clone()
            }
            (Format::Table | Format::Wide, _) if self.terminal => {
                document.table.columns(self.format == Format::Wide, now, self.paint, self.width)
            }
            (format, _) => self.render_as(format, document, true),
        }
    }

    /// Writes text that is free of control characters.
    pub fn write(&self, text: &str) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        Ok(stdout.flush()?)
    }

    /// Tells something beside the result.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            eline(&escape::for_terminal(text, Lines::Many));
        }
    }

    /// Tells something of the way, if that is wanted.
    pub fn verbose(&self, level: u8, text: impl FnOnce() -> String) {
        if self.verbose >= level {
            let text = text();
            eline(&self.paint_err.dim(&escape::for_terminal(&text, Lines::One)));
        }
    }

    /// Tells why a command was not done.
    pub fn failure(&self, failure: &Failure) {
        if !failure.what.is_empty() {
            eline(&failure_text(failure, self.paint_err));
        }
    }

    fn render_as(&self, format: Format, document: &Document, heading: bool) -> String {
        let wide = format == Format::Wide;
        match format {
            Format::Table | Format::Wide if self.terminal => match &document.human {
                Some(human) => human.clone(),
                None => document.table.line(wide, Timestamp::now(), self.paint),
            },
            Format::Table | Format::Wide => document.table.tsv(wide, heading),
            Format::Csv if self.terminal => {
                escape::for_terminal(&document.table.csv(heading), Lines::Many).into_owned()
            }
            Format::Csv => document.table.csv(heading),
            Format::Json => self.safe(&(json::pretty(&document.whole) + "\n")),
            Format::Ndjson => {
                self.safe(&document.items.iter().map(|item| format!("{item}\n")).collect::<String>())
            }
            Format::Yaml => self.safe(&yaml::document(&document.whole)),
            Format::Name => {
                document.names.iter().map(|name| escape::for_tsv(name).into_owned() + "\n").collect()
            }
        }
    }

    /// Machines get JSON as it is; a terminal gets it without what it would obey.
    fn safe(&self, json: &str) -> String {
        if self.terminal { escape::for_json(json).into_owned() } else { json.to_owned() }
    }
}

/// The failure as it stands on stderr.
pub fn failure_text(failure: &Failure, paint: Paint) -> String {
    let mut text = format!(
        "{} {}",
        paint.colour("error:", Colour::Red),
        escape::for_terminal(&failure.what, Lines::One)
    );
    for why in &failure.why {
        text += &format!("\n  {}", escape::for_terminal(why, Lines::One));
    }
    if let Some(next) = &failure.next {
        text += &format!("\n{} {}", paint.bold("next:"), escape::for_terminal(next, Lines::One));
    }
    text
}

/// A line on stderr. If nobody hears it there is nobody to tell.
fn eline(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

#[cfg(test)]
pub mod tests {
    use serde_json::json;

    use super::{super::error::Exit, *};

    /// Output as a test wants it, with nothing of the process it runs in.
    pub fn out(format: Format, terminal: bool) -> Out {
        Out {
            format,
            terminal,
            paint: Paint(false),
            paint_err: Paint(false),
            bars: false,
            quiet: false,
            verbose: 0,
            width: 100,
        }
    }

    fn document() -> Document {
        let mut table = Table::new(&["NUMBER", "TITLE"]).wide(&["OPENED"]);
        let opened = Cell::time("2026-03-01T10:00:00Z".parse().ok());
        table.push(vec![Cell::text("PAR-1"), Cell::text("Late\u{1b}[2J\nagain"), opened]);
        let item = json!({"number": "PAR-1", "title": "Late\u{9b}"});
        Document {
            whole: json!({"cases": [item], "position": "par.1.7"}),
            items: vec![item],
            names: vec!["PAR-1".to_owned()],
            table,
            ..Document::default()
        }
    }

    fn rendered(format: Format, terminal: bool) -> String {
        out(format, terminal).render(&document(), Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn machines_get_tabs_whole_values_and_rfc_3339() {
        assert_eq!(rendered(Format::Table, false), "NUMBER\tTITLE\nPAR-1\tLate\\u{1b}[2J\\nagain\n");
        assert_eq!(
            rendered(Format::Wide, false),
            "NUMBER\tTITLE\tOPENED\nPAR-1\tLate\\u{1b}[2J\\nagain\t2026-03-01T10:00:00Z\n"
        );
        assert_eq!(
            rendered(Format::Csv, false),
            "number,title,opened\nPAR-1,\"Late\u{1b}[2J\nagain\",2026-03-01T10:00:00Z\n"
        );
        assert_eq!(rendered(Format::Ndjson, false), "{\"number\":\"PAR-1\",\"title\":\"Late\u{9b}\"}\n");
        assert_eq!(rendered(Format::Name, false), "PAR-1\n");
    }

    #[test]
    fn terminals_get_columns_and_nothing_they_would_obey() {
        assert_eq!(rendered(Format::Table, true), "NUMBER  TITLE\nPAR-1   Late\\u{1b}[2J again\n");
        assert!(rendered(Format::Wide, true).contains("2026-03-01 10:00Z"));
        for format in Format::ALL {
            let text = rendered(format, true);
            let hostile = |c: char| c.is_control() && c != '\n';
            assert!(!text.chars().any(hostile), "{format:?}: {text:?}");
        }
    }

    #[test]
    fn a_failure_says_what_why_and_what_now() {
        let failure = Failure::new(Exit::Refused, "no \u{1b}[2J").because("reason STALE").next("try again");
        assert_eq!(
            failure_text(&failure, Paint(false)),
            "error: no \\u{1b}[2J\n  reason STALE\nnext: try again"
        );
    }
}
