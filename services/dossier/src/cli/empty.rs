//! Values with nothing in them. `--as-of "$SINCE"` with nothing in `$SINCE` would be a question without a time, and
//! `--expected-position ""` a command without its check: so an empty value is refused, and an empty variable is none.

use std::ffi::OsString;

use clap::{
    Arg, ArgMatches, Command, CommandFactory, builder::Resettable, error::ErrorKind, parser::ValueSource,
};

use super::Cli;

/// The variable that says who asks. Empty it is refused where it is used: the local administrator is not meant by it.
const TOKEN: &str = "DOSSIER_TOKEN";

/// The command line, to which empty environment variables are not set.
pub fn command() -> Command {
    without_empty_variables(Cli::command())
}

/// Reads the arguments; refuses those that were given with nothing in them.
pub fn matches(
    command: &mut Command,
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<ArgMatches, clap::Error> {
    let matches = command.try_get_matches_from_mut(arguments)?;
    let Some(arg) = find(command, &matches) else { return Ok(matches) };
    let text =
        format!("{arg} is given with nothing in it; leave it out, or is a variable of the shell not set?");
    Err(command.error(ErrorKind::ValueValidation, text))
}

fn without_empty_variables(command: Command) -> Command {
    let is_empty = |arg: &Arg| {
        let name = arg.get_env().filter(|name| *name != TOKEN);
        name.and_then(std::env::var_os).is_some_and(|value| value.is_empty())
    };
    command
        .mut_args(|arg| if is_empty(&arg) { arg.env(Resettable::Reset) } else { arg })
        .mut_subcommands(without_empty_variables)
}

/// The first argument of the command line that is empty. What must be there in any case (a text, a name) is judged by
/// whoever knows what it is for.
fn find(command: &Command, matches: &ArgMatches) -> Option<String> {
    let here = command.get_arguments().find(|arg| {
        let id = arg.get_id().as_str();
        let optional = !arg.is_positional() || !arg.is_required_set();
        let given = matches!(matches.try_contains_id(id), Ok(true))
            && matches.value_source(id) == Some(ValueSource::CommandLine);
        let nothing = |value: &std::ffi::OsStr| value.to_str().is_some_and(|text| text.trim().is_empty());
        optional && given && matches.get_raw(id).is_some_and(|mut values| values.any(nothing))
    });
    here.map(ToString::to_string).or_else(|| {
        let (name, matches) = matches.subcommand()?;
        find(command.find_subcommand(name)?, matches)
    })
}
