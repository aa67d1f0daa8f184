//! Rows and columns: laid out for people on terminals, tab-separated or CSV for everything else.

use comfy_table::{ContentArrangement, presets};
use jiff::{Timestamp, Unit};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::{
    Paint,
    escape::{self, Lines},
};

/// The widest value that a column of a terminal shows, in cells.
const CELL_MAX: usize = 60;
/// A column of text is not made narrower than this, in cells: the row is then longer than the terminal.
const CELL_MIN: usize = 12;
/// The blanks between two columns.
const GAP: u16 = 2;

/// A value in a table.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Some text.
    Text(String),
    /// An instant.
    Time(Option<Timestamp>),
    /// An instant of which people want to know how long ago it was.
    Since(Option<Timestamp>),
}

impl Cell {
    /// Some text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// An instant.
    pub fn time(time: Option<Timestamp>) -> Self {
        Self::Time(time)
    }

    /// For machines: whole, times in RFC 3339 and UTC.
    fn exact(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Time(time) | Self::Since(time) => time.map(|time| time.to_string()).unwrap_or_default(),
        }
    }

    /// For people: on one line, nothing active.
    fn shown(&self, now: Timestamp) -> String {
        match self {
            Self::Text(text) => escape::for_terminal(text, Lines::One).into_owned(),
            Self::Time(time) => time.map(minute).unwrap_or_default(),
            Self::Since(time) => time.map(|time| since(time, now)).unwrap_or_default(),
        }
    }
}

/// Rows under headings. The last columns may be for `wide` only.
#[derive(Clone, Debug, Default)]
pub struct Table {
    head: Vec<&'static str>,
    narrow: usize,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// With these columns, in capitals.
    pub fn new(head: &[&'static str]) -> Self {
        Self { head: head.to_vec(), narrow: head.len(), rows: Vec::new() }
    }

    /// And these where there is room.
    #[must_use]
    pub fn wide(mut self, head: &[&'static str]) -> Self {
        self.head.extend(head);
        self
    }

    /// Adds a row: a cell for each column, the wide ones included.
    pub fn push(&mut self, row: Vec<Cell>) {
        debug_assert_eq!(row.len(), self.head.len(), "a cell for each column");
        self.rows.push(row);
    }

    /// For a terminal.
    pub fn columns(&self, wide: bool, now: Timestamp, paint: Paint, width: u16) -> String {
        let shown = self.shown(wide);
        let mut table = comfy_table::Table::new();
        table.load_style(presets::NOTHING).force_no_tty();
        table.set_content_arrangement(ContentArrangement::Disabled).set_width(width);
        table.set_header(self.head[..shown].iter().map(ToString::to_string));
        let widest = if wide { vec![usize::MAX; shown] } else { self.widths(now, usize::from(width)) };
        for row in &self.rows {
            let cells = row[..shown].iter().zip(&widest);
            table.add_row(cells.map(|(cell, &widest)| shortened(&cell.shown(now), widest)));
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, GAP));
        }
        let mut text = String::new();
        for (at, line) in table.lines().enumerate() {
            let line = line.trim_end();
            text += &if at == 0 { paint.bold(line) } else { line.to_owned() };
            text.push('\n');
        }
        text
    }

    /// The rows of a stream for a terminal, whose widths nobody knows before its end.
    pub fn line(&self, wide: bool, now: Timestamp, paint: Paint) -> String {
        let shown = self.shown(wide);
        let mut text = String::new();
        for row in &self.rows {
            for (at, cell) in row[..shown].iter().enumerate() {
                let value = cell.shown(now);
                match at {
                    0 => text += &paint.dim(&value),
                    _ if value.is_empty() => {}
                    _ => text += &format!("  {value}"),
                }
            }
            text.push('\n');
        }
        text
    }

    /// Tab-separated values, with a line of headings if asked for.
    pub fn tsv(&self, wide: bool, heading: bool) -> String {
        let shown = self.shown(wide);
        let mut text = String::new();
        if heading {
            text += &self.head[..shown].join("\t");
            text.push('\n');
        }
        for row in &self.rows {
            let cells: Vec<String> =
                row[..shown].iter().map(|cell| escape::for_tsv(&cell.exact()).into_owned()).collect();
            text += &cells.join("\t");
            text.push('\n');
        }
        text
    }

    /// CSV with all columns.
    pub fn csv(&self, heading: bool) -> String {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let head =
            heading.then(|| self.head.iter().map(|name| name.to_lowercase().replace(' ', "_")).collect());
        let rows = self.rows.iter().map(|row| row.iter().map(Cell::exact).collect());
        for row in head.into_iter().chain(rows) {
            let row: Vec<String> = row;
            // Writing to memory does not fail, and every row has the columns of the heading.
            let _ = writer.write_record(&row);
        }
        writer.into_inner().ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
    }

    /// How wide the values of each column may be so that a row fits into `terminal`: what is over is taken from the
    /// widest column of text, so long as there is one.
    fn widths(&self, now: Timestamp, terminal: usize) -> Vec<usize> {
        let column = |at: usize| self.rows.iter().map(move |row| &row[at]);
        let widest = |at| column(at).map(|cell| cell.shown(now).width()).max().unwrap_or(0).min(CELL_MAX);
        let mut widths: Vec<usize> =
            (0..self.narrow).map(|at| widest(at).max(self.head[at].width())).collect();
        let row = |widths: &[usize]| widths.iter().map(|width| width + usize::from(GAP)).sum::<usize>();
        let is_text = |&at: &usize| column(at).all(|cell| matches!(cell, Cell::Text(_)));
        let texts: Vec<usize> = (0..self.narrow).filter(is_text).collect();
        while row(&widths) > terminal + usize::from(GAP) {
            let widest = texts.iter().copied().max_by_key(|&at| widths[at]);
            let Some(at) = widest.filter(|&at| widths[at] > CELL_MIN) else { break };
            widths[at] -= 1;
        }
        widths
    }

    fn shown(&self, wide: bool) -> usize {
        if wide { self.head.len() } else { self.narrow }
    }
}

/// How many columns the terminal has, if it is one.
pub fn terminal_width() -> Option<u16> {
    let width = comfy_table::Table::new().width();
    width.filter(|&width| width > 0)
}

/// An instant to the minute, in UTC.
pub fn minute(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%MZ").to_string()
}

/// How long ago: `3d 4h`, `2h 14m`, `5m`, `12s`.
pub fn since(time: Timestamp, now: Timestamp) -> String {
    let seconds = now.since((Unit::Second, time)).map_or(0, |span| span.get_seconds()).max(0);
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m"),
        (0, _, _) => format!("{hours}h {minutes}m"),
        _ => format!("{days}d {hours}h"),
    }
}

/// `text` in so many cells, with a sign where it was cut; never within what is seen as one character.
fn shortened(text: &str, cells: usize) -> String {
    if text.width() <= cells {
        return text.to_owned();
    }
    let mut short = String::new();
    let mut left = cells.saturating_sub(1);
    for grapheme in text.graphemes(true) {
        let Some(rest) = left.checked_sub(grapheme.width()) else { break };
        left = rest;
        short += grapheme;
    }
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_fit_the_widest_value_and_long_ones_are_shortened() {
        let mut table = Table::new(&["A", "B"]);
        table.push(vec![Cell::text("日本"), Cell::text("x".repeat(80))]);
        table.push(vec![Cell::text("wider"), Cell::text("y")]);
        let text = table.columns(false, Timestamp::UNIX_EPOCH, Paint(false), 80);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "A      B");
        assert_eq!(lines[1], format!("日本   {}…", "x".repeat(CELL_MAX - 1)));
        assert_eq!(lines[2], "wider  y");
    }

    #[test]
    fn a_row_fits_the_terminal() {
        let mut table = Table::new(&["NUMBER", "STATUS", "TEAM", "TITLE", "UPDATED"]);
        for title in
            ["x".repeat(90), "返金".repeat(45), "👩\u{200d}👩\u{200d}👧".repeat(40), "short".to_owned()]
        {
            let cells = ["LOC-1000", "open", "support"].map(Cell::text).into_iter();
            let time = Cell::time(Some(Timestamp::UNIX_EPOCH));
            table.push(cells.chain([Cell::text(title), time]).collect());
        }
        for width in [66, 80, 100, 120, 200] {
            let text = table.columns(false, Timestamp::UNIX_EPOCH, Paint(false), width);
            assert!(text.lines().all(|line| line.width() <= usize::from(width)), "{width}:\n{text}");
            assert_eq!(text.lines().filter(|line| line.contains("1970-01-01 00:00Z")).count(), 4, "{text}");
            assert!(text.contains("LOC-1000  open    support  "), "only what is widest is cut:\n{text}");
            let widest = text.lines().map(UnicodeWidthStr::width).max();
            assert!(width > 110 || widest > Some(usize::from(width) - 3), "no more than needed:\n{text}");
        }
        let wide = table.columns(true, Timestamp::UNIX_EPOCH, Paint(false), 80);
        assert!(wide.contains(&"x".repeat(90)), "whoever asks for everything gets it");
    }

    #[test]
    fn what_is_seen_as_one_is_cut_as_one() {
        assert_eq!(shortened("返金お願い", 10), "返金お願い");
        assert_eq!(shortened("返金お願い", 9), "返金お願…");
        assert_eq!(shortened("返金お願い", 8), "返金お…");
        let family = "👩\u{200d}👩\u{200d}👧";
        assert_eq!(shortened(&family.repeat(4), 6), format!("{}…", family.repeat(2)));
        assert_eq!(shortened("e\u{301}e\u{301}e\u{301}", 2), "e\u{301}…");
    }

    #[test]
    fn how_long_ago_is_told_by_its_two_largest_units() {
        let now: Timestamp = "2026-03-05T12:00:00Z".parse().unwrap();
        let told = |text: &str| since(text.parse().unwrap(), now);
        assert_eq!(told("2026-03-02T08:30:00Z"), "3d 3h");
        assert_eq!(told("2026-03-05T09:46:00Z"), "2h 14m");
        assert_eq!(told("2026-03-05T11:55:01Z"), "4m");
        assert_eq!(told("2026-03-05T11:59:48Z"), "12s");
        assert_eq!(told("2026-03-05T12:00:09Z"), "0s", "clocks differ a little");
    }
}
