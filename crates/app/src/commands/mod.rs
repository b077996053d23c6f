//! One file a command.

mod analytics;
mod backfill;
mod check;
mod config;
mod dlq;
mod export;
mod generate;
mod kafka_tools;
mod lake;
mod look;
mod post;
mod query;
mod queue;
mod shown;
mod verify;

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
        Command::Dlq { topic, action } => {
            dlq::run(&load(&cli.settings, None)?.settings, topic.as_deref(), &action)
        }
        Command::Lake { action } => lake::run(&load(&cli.settings, None)?.settings, &action),
        Command::Generate(args) => generate::run(&args),
        Command::Verify(args) => verify::run(&load(&cli.settings, None)?.settings, &args),
        Command::Backfill(args) => backfill::run(&load(&cli.settings, None)?.settings, &args),
        Command::Analytics(args) => analytics::run(&cli.settings, &args),
        Command::Query(args) => query::run(&load(&cli.settings, None)?.settings, &args),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "logmill", &mut std::io::stdout());
            Ok(())
        }
    }
}
