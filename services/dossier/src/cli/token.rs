//! Where the bearer token comes from.

use std::{fs, io, path::Path};

use super::{
    config::{Origin, Settings},
    error::{Exit, Failure},
};

/// The token that `dossier up` leaves in its data folder.
const ADMIN_TOKEN: &str = "admin.token";
/// The largest token file, in bytes.
const FILE_LEN_MAX: usize = 16 * 1024;

/// A token and where it was found.
#[derive(Clone)]
pub struct Token {
    /// As it is sent.
    pub text: String,
    /// To tell people.
    pub found: String,
}

impl Token {
    /// The token for a server at `host`, if there is one.
    pub fn find(settings: &Settings, host: &str) -> Result<Option<Self>, Failure> {
        let (token, file) = (settings.origin("token"), settings.origin("token_file"));
        // Whichever was said more explicitly; the token itself if they are level.
        if let Some(text) = settings.get("token").filter(|_| rank(token) >= rank(file)) {
            if text.is_empty() {
                return Err(Failure::invalid(format!("the token is empty ({token})"))
                    .next("set it, or unset it: the token of the data folder is not taken in its place"));
            }
            return Ok(Some(Self { text: clean(text)?, found: token.to_string() }));
        }
        if let Some(path) = settings.get("token_file") {
            let text = read(Path::new(path)).map_err(|error| {
                Failure::new(Exit::NotAllowed, format!("the token file {path} cannot be read"))
                    .because(error.to_string())
            })?;
            return Ok(Some(Self { text: clean(&text)?, found: path.to_owned() }));
        }
        // What lies in the working directory is for this machine only: a foreign server must not get it by accident.
        if !(is_loopback(host) || *settings.origin("data") > Origin::Default) {
            return Ok(None);
        }
        let path = Path::new(settings.get("data").unwrap_or_default()).join(ADMIN_TOKEN);
        match read(&path) {
            Ok(text) => Ok(Some(Self { text: clean(&text)?, found: path.display().to_string() })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Failure::new(
                Exit::NotAllowed,
                format!("the token file {} cannot be read", path.display()),
            )
            .because(error.to_string())
            .next("give a token of your own with --token-file FILE or DOSSIER_TOKEN")),
        }
    }
}

/// Whether `host` is this machine.
pub fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

fn rank(origin: &Origin) -> u8 {
    match origin {
        Origin::Default => 0,
        Origin::File(_) => 1,
        Origin::Env(_) => 2,
        Origin::Flag(_) => 3,
    }
}

fn read(path: &Path) -> io::Result<String> {
    let bytes = fs::read(path)?;
    if bytes.len() > FILE_LEN_MAX {
        return Err(io::Error::other("too long for a token"));
    }
    String::from_utf8(bytes).map_err(|_| io::Error::other("not a token"))
}

/// Without the line break that files end with. What cannot be a header is refused here, without repeating it.
fn clean(text: &str) -> Result<String, Failure> {
    let text = text.trim();
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Failure::invalid("the token is not one: it is empty or has blanks in it"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::{super::Cli, *};

    fn find(args: &[&str], host: &str) -> Option<String> {
        let all = ["dossier", "version"].into_iter().chain(args.iter().copied());
        let matches = Cli::command().try_get_matches_from(all).unwrap();
        Token::find(&Settings::resolve(&matches).unwrap(), host).unwrap().map(|token| token.text)
    }

    #[test]
    fn beside_dossier_up_no_flag_is_needed() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().to_str().unwrap();
        assert_eq!(find(&["--data", data], "127.0.0.1"), None);
        fs::write(dir.path().join(ADMIN_TOKEN), "secret\n").unwrap();
        assert_eq!(find(&["--data", data], "127.0.0.1").as_deref(), Some("secret"));
        assert_eq!(
            find(&["--data", data], "example.org").as_deref(),
            Some("secret"),
            "it was said explicitly"
        );
        assert_eq!(find(&["--data", data, "--token", "mine"], "::1").as_deref(), Some("mine"));
    }

    #[test]
    fn a_token_that_cannot_be_read_is_not_one_that_is_missing() {
        let dir = tempfile::tempdir().unwrap();
        // Whoever runs the tests may read every file; nobody reads a folder as one.
        fs::create_dir(dir.path().join(ADMIN_TOKEN)).unwrap();
        let line = ["dossier", "version", "--data", dir.path().to_str().unwrap()];
        let settings = Settings::resolve(&Cli::command().try_get_matches_from(line).unwrap()).unwrap();
        let failure = Token::find(&settings, "localhost").err().unwrap();
        assert_eq!(failure.exit, Exit::NotAllowed);
        assert!(failure.what.contains("admin.token cannot be read"), "{failure:?}");
        assert!(failure.next.unwrap().contains("--token-file"));
    }

    #[test]
    fn a_token_that_is_none_is_not_sent() {
        assert!(clean("a b").is_err());
        assert!(clean(" \n").is_err());
        assert!(clean("ü").is_err());
        assert_eq!(clean(" abc\n").unwrap(), "abc");
    }

    #[test]
    fn this_machine_is_known_by_its_names() {
        assert!(["localhost", "127.0.0.1", "127.9.9.9", "[::1]", "::1"].into_iter().all(is_loopback));
        assert!(!["example.org", "10.0.0.1", "localhost.example.org"].into_iter().any(is_loopback));
    }
}
