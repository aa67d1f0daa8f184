//! `dossier completions SHELL`.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Cli, context::Context, error::Failure};

/// Completions for a shell
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  dossier completions bash > ~/.local/share/bash-completion/completions/dossier
  dossier completions zsh  > ~/.zfunc/_dossier
  dossier completions fish > ~/.config/fish/completions/dossier.fish")]
pub struct CompletionsArgs {
    /// Which shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Writes the script.
pub fn run(args: &CompletionsArgs, context: &Context) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "dossier", &mut script);
    context.out.write(&String::from_utf8_lossy(&script))
}
