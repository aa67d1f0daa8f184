//! Settings and where each comes from: flag, then environment, then `dossier.toml`, then default.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

use clap::{ArgMatches, parser::ValueSource};

use super::error::Failure;

/// The configuration file that is read if it is there.
const FILE_DEFAULT: &str = "dossier.toml";
/// The largest configuration file, in bytes.
const FILE_LEN_MAX: u64 = 1024 * 1024;

/// A setting of the client.
#[derive(Debug)]
pub struct Key {
    /// In the file; with `-` for `_` the flag.
    pub name: &'static str,
    /// The environment variable.
    pub env: &'static str,
    /// What holds if nobody says anything.
    pub default: Option<&'static str>,
    /// Never shown.
    pub secret: bool,
}

/// The settings of the client.
pub const KEYS: &[Key] = &[
    Key::new("server", "DOSSIER_SERVER", Some("http://127.0.0.1:7401")),
    Key { secret: true, ..Key::new("token", "DOSSIER_TOKEN", None) },
    Key::new("token_file", "DOSSIER_TOKEN_FILE", None),
    Key::new("data", "DOSSIER_DATA", Some("./dossier-data")),
    Key::new("ca_file", "DOSSIER_CA_FILE", None),
    Key::new("output", "DOSSIER_OUTPUT", Some("table")),
    Key::new("timeout", "DOSSIER_TIMEOUT", Some("30s")),
    Key::new("no_color", "DOSSIER_NO_COLOR", Some("false")),
];

impl Key {
    const fn new(name: &'static str, env: &'static str, default: Option<&'static str>) -> Self {
        Self { name, env, default, secret: false }
    }
}

/// Where a value comes from. The greater outranks the lesser.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// The configuration file.
    File(PathBuf),
    /// An environment variable.
    Env(&'static str),
    /// The command line.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Env(name) => write!(f, "env {name}"),
            Self::Flag(name) => write!(f, "flag --{}", name.replace('_', "-")),
        }
    }
}

/// The value of one setting.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Which.
    pub key: &'static Key,
    /// What; none where there is no default.
    pub value: Option<String>,
    /// From where.
    pub origin: Origin,
}

/// All settings of the client.
#[derive(Clone, Debug)]
pub struct Settings(Vec<Setting>);

impl Settings {
    /// What the command line, the environment and the file say together.
    pub fn resolve(matches: &ArgMatches) -> Result<Self, Failure> {
        let named = matches.get_one::<PathBuf>("config_file");
        let path = named.map_or_else(|| PathBuf::from(FILE_DEFAULT), Clone::clone);
        let file = read(&path, named.is_some())?;
        let values = KEYS.iter().map(|key| setting(key, matches, &file, &path)).collect::<Result<_, _>>()?;
        Ok(Self(values))
    }

    /// Each of them, in the order of [`KEYS`].
    pub fn iter(&self) -> impl Iterator<Item = &Setting> {
        self.0.iter()
    }

    /// The value of `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.find(name).and_then(|setting| setting.value.as_deref())
    }

    /// Where the value of `name` comes from.
    pub fn origin(&self, name: &str) -> &Origin {
        self.find(name).map_or(&Origin::Default, |setting| &setting.origin)
    }

    /// The value of `name` as a `T`; the error names where it stands.
    pub fn parsed<T>(&self, name: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Result<T, Failure> {
        let text = self.get(name).unwrap_or_default();
        parse(text).map_err(|why| Failure::invalid(format!("{name} ({}): {why}", self.origin(name))))
    }

    fn find(&self, name: &str) -> Option<&Setting> {
        self.0.iter().find(|setting| setting.key.name == name)
    }
}

fn setting(
    key: &'static Key,
    matches: &ArgMatches,
    file: &toml::Table,
    path: &Path,
) -> Result<Setting, Failure> {
    let raw = || {
        let mut raw = matches.get_raw(key.name)?;
        raw.next().map(|value| value.to_string_lossy().into_owned())
    };
    let (value, origin) = match matches.value_source(key.name) {
        // A switch has no value on the command line.
        Some(ValueSource::CommandLine) => (raw().or_else(|| Some("true".to_owned())), Origin::Flag(key.name)),
        Some(ValueSource::EnvVariable) => (raw(), Origin::Env(key.env)),
        _ => (None, Origin::Default),
    };
    // Only a token can be empty here, and that is for whoever sends it to refuse.
    if let Some(value) = value {
        return Ok(Setting { key, value: Some(value), origin });
    }
    Ok(match file.get(key.name) {
        Some(toml::Value::String(text)) => {
            Setting { key, value: Some(text.clone()), origin: Origin::File(path.to_owned()) }
        }
        Some(toml::Value::Boolean(flag)) => {
            Setting { key, value: Some(flag.to_string()), origin: Origin::File(path.to_owned()) }
        }
        Some(other) => {
            let what = format!("{}: `{}` is of type {}", path.display(), key.name, other.type_str());
            return Err(Failure::invalid(what).next(format!("write {} = \"…\"", key.name)));
        }
        None => Setting { key, value: key.default.map(str::to_owned), origin: Origin::Default },
    })
}

/// The file; empty if it is not there and need not be. Keys that are not the client's are the roles'.
fn read(path: &Path, needed: bool) -> Result<toml::Table, Failure> {
    let text = match fs::metadata(path) {
        Ok(meta) if meta.len() > FILE_LEN_MAX => {
            return Err(Failure::invalid(format!("{} is larger than {FILE_LEN_MAX} bytes", path.display())));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound && !needed => return Ok(toml::Table::new()),
        _ => fs::read_to_string(path).map_err(|error| {
            Failure::invalid(format!("the configuration file {} cannot be read", path.display()))
                .because(error.to_string())
        })?,
    };
    text.parse().map_err(|error: toml::de::Error| {
        Failure::invalid(format!("the configuration file {} is not TOML", path.display()))
            .because(error.to_string().replace('\n', " "))
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::{super::Cli, *};

    fn settings(args: &[&str], file: &str) -> Result<Settings, Failure> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("d.toml");
        fs::write(&path, file).unwrap();
        let path = path.to_str().unwrap();
        let all = ["dossier", "--config-file", path].into_iter().chain(args.iter().copied());
        Settings::resolve(&Cli::command().try_get_matches_from(all).unwrap())
    }

    #[test]
    fn a_flag_outranks_the_file_and_the_file_the_default() {
        let file = "server = 'http://file:1'\ntimeout = '5s'\nno_color = true\nnats = 'of a role'";
        let settings = settings(&["version", "--server", "http://flag:1"], file).unwrap();
        assert_eq!(settings.get("server"), Some("http://flag:1"));
        assert_eq!(settings.origin("server").to_string(), "flag --server");
        assert_eq!(settings.get("timeout"), Some("5s"));
        assert!(matches!(settings.origin("timeout"), Origin::File(_)));
        assert_eq!(settings.get("no_color"), Some("true"));
        assert_eq!(
            (settings.get("data"), settings.origin("data")),
            (Some("./dossier-data"), &Origin::Default)
        );
    }

    #[test]
    fn a_switch_on_the_command_line_is_true() {
        let settings = settings(&["--no-color", "version"], "no_color = false").unwrap();
        assert_eq!(settings.get("no_color"), Some("true"));
        assert_eq!(settings.origin("no_color").to_string(), "flag --no-color");
    }

    #[test]
    fn what_is_wrong_in_the_file_is_named() {
        assert!(
            settings(&["version"], "server = 1").unwrap_err().what.contains("`server` is of type integer")
        );
        assert!(settings(&["version"], "server =").unwrap_err().what.contains("is not TOML"));
        let missing = Cli::command().try_get_matches_from(["d", "--config-file", "/nowhere.toml", "version"]);
        assert!(Settings::resolve(&missing.unwrap()).is_err());
    }

    #[test]
    fn every_key_is_a_flag_and_has_its_variable() {
        let command = Cli::command();
        for key in KEYS {
            let arg = command.get_arguments().find(|arg| arg.get_id() == key.name).unwrap();
            assert_eq!(arg.get_env().and_then(|env| env.to_str()), Some(key.env));
            assert_eq!(arg.get_long(), Some(key.name.replace('_', "-").as_str()));
        }
    }
}
