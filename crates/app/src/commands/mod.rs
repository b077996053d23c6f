//! One file a command.

mod check;
mod config;
mod dlq;
mod export;
mod generate;
mod post;
mod queue;
mod verify;
mod whole;

use clap::CommandFactory;

use crate::cli::{Cli, Command};
use crate::serve;

pub(crate) use config::load;

/// Runs the command that was asked for.
pub(crate) fn run(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        Command::Serve { roles } => serve::run(&|| load(&cli.settings, roles.as_deref())),
        Command::Config { action } => config::run(&cli.settings, action),
        Command::Check { what } => check::run(&load(&cli.settings, None)?.settings, what),
        Command::Queue { action } => queue::run(&load(&cli.settings, None)?.settings, action),
        Command::Dlq { action } => dlq::run(&load(&cli.settings, None)?.settings, &action),
        Command::Generate(args) => generate::run(&args),
        Command::Verify(args) => verify::run(&load(&cli.settings, None)?.settings, &args),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "logmill", &mut std::io::stdout());
            Ok(())
        }
    }
}
