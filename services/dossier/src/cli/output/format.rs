//! The formats of results.

use clap::ValueEnum;

/// How results are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Columns on a terminal, tab-separated values elsewhere
    #[default]
    Table,
    /// The table with all its columns
    Wide,
    /// The answer of the API, proto3 JSON
    Json,
    /// One JSON value a line
    Ndjson,
    /// The answer of the API as YAML
    Yaml,
    /// All columns, RFC 4180
    Csv,
    /// What things are called, one a line
    Name,
}

impl Format {
    /// Every format.
    #[cfg(test)]
    pub const ALL: [Self; 7] =
        [Self::Table, Self::Wide, Self::Json, Self::Ndjson, Self::Yaml, Self::Csv, Self::Name];
}
