//! `dossier`: the platform and its command line in one binary.
//!
//! The command line knows the gRPC contracts and nothing else of the services; roles are plugged in here.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    let parsed = match cli::arguments() {
        Ok(parsed) => parsed,
        Err(code) => return code,
    };
    // Seam: `up` and `serve` are matched here on `parsed.cli.command` (their arguments are `cli::server`), and everything
    // else goes to the client.
    cli::run(parsed)
}
