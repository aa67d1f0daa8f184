//! What every command is given: the settings, the output, and the server when it asks for it.

use clap::{ArgMatches, ValueEnum};

use super::{
    client::Client,
    config::Settings,
    error::Failure,
    globals::Globals,
    output::{Format, Out},
};

/// What every command is given.
pub struct Context {
    /// The settings and where they come from.
    pub settings: Settings,
    /// Where results go.
    pub out: Out,
    /// The state as of then.
    pub as_of: Option<String>,
    /// Answers only when this position is applied.
    pub wait: Option<String>,
}

impl Context {
    /// From the command line.
    pub fn new(matches: &ArgMatches, globals: &Globals) -> Result<Self, Failure> {
        let settings = Settings::resolve(matches)?;
        let format = settings.parsed("output", |text| Format::from_str(text, true).map_err(choices))?;
        let no_color = settings.get("no_color").is_some_and(|value| !matches!(value, "false" | "0" | "no"));
        let out = Out::of_process(format, no_color, globals.quiet, globals.verbose);
        Ok(Self { settings, out, as_of: globals.as_of.clone(), wait: globals.wait.clone() })
    }

    /// The server of the settings.
    pub fn client(&self) -> Result<Client, Failure> {
        Client::new(&self.settings, &self.out)
    }

    /// For a field `at_least`.
    pub fn at_least(&self) -> String {
        self.wait.clone().unwrap_or_default()
    }

    /// For a field `as_of`.
    pub fn as_of(&self) -> String {
        self.as_of.clone().unwrap_or_default()
    }
}

fn choices(_: String) -> String {
    let names: Vec<String> = Format::value_variants()
        .iter()
        .filter_map(ValueEnum::to_possible_value)
        .map(|value| value.get_name().to_owned())
        .collect();
    format!("write one of {}", names.join(", "))
}
