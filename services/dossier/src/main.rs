//! `dossier`: the platform and its command line in one binary.
//!
//! The command line knows the gRPC contracts, readers of files, and how tokens are made; `servers` starts the roles.

mod cli;
mod servers;

use std::process::ExitCode;

fn main() -> ExitCode {
    let parsed = match cli::arguments() {
        Ok(parsed) => parsed,
        Err(code) => return code,
    };
    match &parsed.cli.command {
        cli::Command::Up(args) => servers::up(args, &parsed.cli.globals),
        cli::Command::Serve(args) => servers::serve(args),
        _ => cli::run(parsed),
    }
}
