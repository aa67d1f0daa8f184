//! The flags that every command takes. Those with an environment variable are also keys of `dossier.toml`.

use std::path::PathBuf;

use clap::Args;

use super::output::Format;

/// Everywhere.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Everywhere")]
pub struct Globals {
    /// How results are written; `table` is tab-separated where stdout is no terminal
    #[arg(
        long,
        short,
        global = true,
        value_enum,
        value_name = "FORMAT",
        env = "DOSSIER_OUTPUT",
        hide_env = true
    )]
    #[arg(hide_possible_values = true, long_help = LONG_OUTPUT)]
    pub output: Option<Format>,
    /// The server's gRPC address [default: http://127.0.0.1:7401]
    #[arg(long, global = true, value_name = "URL", env = "DOSSIER_SERVER", hide_env = true)]
    pub server: Option<String>,
    /// A bearer token. Others can read arguments: --token-file or DOSSIER_TOKEN is better
    #[arg(long, global = true, value_name = "TOKEN", env = "DOSSIER_TOKEN", hide_env = true)]
    pub token: Option<String>,
    /// A file with a bearer token [default: admin.token in the data folder]
    #[arg(long, global = true, value_name = "FILE", env = "DOSSIER_TOKEN_FILE", hide_env = true)]
    pub token_file: Option<PathBuf>,
    /// The data folder of `dossier up` [default: ./dossier-data]
    #[arg(long, global = true, value_name = "DIR", env = "DOSSIER_DATA", hide_env = true)]
    pub data: Option<PathBuf>,
    /// Certificates (PEM) to trust for an https server [default: the system's]
    #[arg(long, global = true, value_name = "FILE", env = "DOSSIER_CA_FILE", hide_env = true)]
    pub ca_file: Option<PathBuf>,
    /// How long one call may take: 30s, 2m [default: 30s]
    #[arg(long, global = true, value_name = "TIME", env = "DOSSIER_TIMEOUT", hide_env = true)]
    pub timeout: Option<String>,
    /// The state as of then: an RFC 3339 time, or a position
    #[arg(long, global = true, value_name = "TIME|POSITION")]
    pub as_of: Option<String>,
    /// Answer only when this position is applied (read your writes)
    #[arg(long, global = true, value_name = "POSITION")]
    pub wait: Option<String>,
    /// Results and errors only
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// Tell what is called; -vv also what is sent back beside the answer
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// No colours
    #[arg(long, global = true, env = "DOSSIER_NO_COLOR", hide_env = true)]
    #[arg(value_parser = clap::builder::FalseyValueParser::new())]
    pub no_color: bool,
    /// The configuration file [default: dossier.toml, if it is there]
    #[arg(long, global = true, value_name = "FILE", env = "DOSSIER_CONFIG_FILE", hide_env = true)]
    pub config_file: Option<PathBuf>,
}

const LONG_OUTPUT: &str = "\
How results are written:
  table   columns on a terminal, tab-separated values elsewhere
  wide    the table with all its columns
  json    the answer of the API (proto3 JSON)
  ndjson  one JSON value a line
  yaml    the answer of the API as YAML
  csv     all columns
  name    what things are called, one a line";
