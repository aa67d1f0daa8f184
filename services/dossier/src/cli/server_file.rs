//! The configuration file of `up` and `serve`: every flag of theirs is a key of `dossier.toml`, below the flag and its
//! environment variable, above the default.

use std::ffi::OsString;

use clap::{ArgMatches, Command, error::ErrorKind, parser::ValueSource};

use super::{config::KEYS, empty};

/// The file that is read if none is named.
const FILE: &str = "dossier.toml";
/// The commands whose flags it may hold.
const SERVERS: [&str; 2] = ["up", "serve"];
/// How alike, from 0 to 1, a key must be to a setting for it to be what was meant.
const ALIKE: f64 = 0.8;

/// The arguments of the process, with those of the file that nobody gave.
pub fn arguments(given: impl IntoIterator<Item = OsString>) -> Result<Vec<OsString>, clap::Error> {
    let mut all: Vec<OsString> = given.into_iter().collect();
    let mut command = empty::command();
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
    for key in table.keys() {
        known(&mut command, key)
            .map_err(|text| wrong(&mut command, format!("{}: {text}", path.display())))?;
    }
    for (key, value) in &table {
        // The other keys are those of the client and of the other command, which share the file.
        let Some((id, long)) = flags.iter().find(|(id, long)| is(key, id, long)) else { continue };
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

/// Whether `key` of the file is the flag `--long`, called `id`.
fn is(key: &str, id: &str, long: &str) -> bool {
    key == id || key.replace('_', "-") == long
}

/// That the file may have this key; else what is wrong. A key that nobody reads would be a setting that does not hold.
fn known(command: &mut Command, key: &str) -> Result<(), String> {
    let servers = SERVERS.iter().filter_map(|name| command.find_subcommand(name));
    let flags = servers.flat_map(Command::get_arguments).chain(command.get_arguments());
    let mut names: Vec<String> = KEYS.iter().map(|key| key.name.to_owned()).collect();
    for flag in flags {
        let Some(long) = flag.get_long() else { continue };
        if is(key, flag.get_id().as_str(), long) {
            return Ok(());
        }
        names.push(long.replace('-', "_"));
    }
    if names.iter().any(|name| name == key) {
        return Ok(());
    }
    let likeness = |name: &String| strsim::jaro_winkler(name, key);
    let nearest = names.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    match nearest.filter(|name| likeness(name) > ALIKE) {
        Some(name) => Err(format!("`{key}` is no setting; did you mean `{name}`?")),
        None => Err(format!("`{key}` is no setting; every key is a flag of `dossier up` or `dossier serve`")),
    }
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
    use clap::{CommandFactory, FromArgMatches};

    use super::*;
    use crate::cli::{self, Cli, server::ServeArgs};

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
        assert_eq!(serve(&[], "sample = true").site, "main", "a key of `up`");
    }

    #[test]
    fn a_key_that_nobody_reads_is_refused() {
        let said = |key: &str| known(&mut Cli::command(), key).unwrap_err();
        assert_eq!(said("nats_replica"), "`nats_replica` is no setting; did you mean `nats_replicas`?");
        assert!(said("xyz").ends_with("a flag of `dossier up` or `dossier serve`"));
        for key in KEYS {
            known(&mut Cli::command(), key.name).unwrap();
        }
    }
}
