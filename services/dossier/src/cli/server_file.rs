//! The configuration file of `up` and `serve`: every flag of theirs is a key of `dossier.toml`, below the flag and its
//! environment variable, above the default.

use std::ffi::OsString;

use clap::{ArgMatches, Command, CommandFactory, error::ErrorKind, parser::ValueSource};

use super::Cli;

/// The file that is read if none is named.
const FILE: &str = "dossier.toml";
/// The commands whose flags it may hold.
const SERVERS: [&str; 2] = ["up", "serve"];

/// The arguments of the process, with those of the file that nobody gave.
pub fn arguments(given: impl IntoIterator<Item = OsString>) -> Result<Vec<OsString>, clap::Error> {
    let mut all: Vec<OsString> = given.into_iter().collect();
    let mut command = Cli::command();
    // What is wrong with the arguments themselves is told by whoever parses them in earnest.
    let Ok(matches) = command.try_get_matches_from_mut(&all) else { return Ok(all) };
    let Some((name, server)) = matches.subcommand().filter(|(name, _)| SERVERS.contains(name)) else {
        return Ok(all);
    };
    let named = server.get_one::<std::path::PathBuf>("config_file").cloned();
    let path = named.clone().unwrap_or_else(|| FILE.into());
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => return Ok(all),
        Err(error) => return Err(wrong(&mut command, format!("{}: {error}", path.display()))),
    };
    let table: toml::Table =
        text.parse().map_err(|error| wrong(&mut command, format!("{}: {error}", path.display())))?;
    let flags: Vec<(String, String)> = command
        .find_subcommand(name)
        .into_iter()
        .flat_map(Command::get_arguments)
        .filter_map(|arg| Some((arg.get_id().to_string(), arg.get_long()?.to_owned())))
        .collect();
    for (key, value) in &table {
        // The other keys are those of the client, which share the file.
        let Some((id, long)) = flags.iter().find(|(id, long)| id == key || *long == key.replace('_', "-"))
        else {
            continue;
        };
        if said(server, id) {
            continue;
        }
        match value {
            toml::Value::Boolean(false) => {}
            toml::Value::Boolean(true) => all.push(format!("--{long}").into()),
            toml::Value::Array(list) => {
                for one in list {
                    all.push(format!("--{long}={}", plain(one)).into());
                }
            }
            one => all.push(format!("--{long}={}", plain(one)).into()),
        }
    }
    Ok(all)
}

/// Whether somebody said it on the command line or in the environment.
fn said(matches: &ArgMatches, id: &str) -> bool {
    matches!(matches.value_source(id), Some(ValueSource::CommandLine | ValueSource::EnvVariable))
}

fn plain(value: &toml::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn wrong(command: &mut Command, message: String) -> clap::Error {
    command.error(ErrorKind::Io, message)
}

#[cfg(test)]
mod tests {
    use clap::FromArgMatches;

    use super::*;
    use crate::cli::{self, server::ServeArgs};

    fn serve(arguments: &[&str], file: &str) -> ServeArgs {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dossier.toml");
        std::fs::write(&path, file).unwrap();
        let given = ["dossier", "serve", "all", "--config-file", path.to_str().unwrap()];
        let given = given.iter().chain(arguments).map(OsString::from);
        let all = super::arguments(given).unwrap();
        let matches = Cli::command().try_get_matches_from(all).unwrap();
        match Cli::from_arg_matches(&matches).unwrap().command {
            cli::Command::Serve(args) => *args,
            _ => panic!("serve"),
        }
    }

    #[test]
    fn a_flag_wins_over_the_file_and_the_file_over_the_default() {
        let file = "site = \"paris\"\nnats_replicas = 5\nissuer = [\"a=a.pem\", \"b=b.pem\"]\nunsynced_for_tests = true\n";
        let args = serve(&["--site", "berlin"], file);
        assert_eq!((args.site.as_str(), args.nats_replicas, args.unsynced_for_tests), ("berlin", 5, true));
        assert_eq!(args.issuer, ["a=a.pem", "b=b.pem"]);
        assert_eq!(serve(&[], "server = \"http://elsewhere\"").site, "main");
    }
}
