//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

/// Takes logs from where they are made to where they are used, and never loses or doubles one that it accepted.
#[derive(Debug, Parser)]
#[command(name = "logmill", version, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) settings: SettingsArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Settings that every command takes.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct SettingsArgs {
    /// The settings file [default: `LOGMILL_CONFIG`, ./logmill.yaml, ~/.config/logmill/config.yaml]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The folder of everything that is kept on this machine [default: ./data]
    #[arg(long, global = true, value_name = "FOLDER")]
    pub(crate) data_dir: Option<String>,
    /// error, warn, info, debug or trace [default: info]
    #[arg(long, global = true, value_name = "LEVEL")]
    pub(crate) log_level: Option<String>,
    /// Sets any setting, for example `--set http.listen=127.0.0.1:9000`
    #[arg(long, global = true, value_name = "NAME=VALUE")]
    pub(crate) set: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs the pipeline
    Serve {
        /// The parts to run, for example `ingest,files` [default: all]
        #[arg(long, value_name = "ROLES")]
        roles: Option<String>,
    },
    /// Checks, explains and describes the settings
    Config {
        #[command(subcommand)]
        action: ConfigAction,
    },
    /// Looks at the queue's files
    Queue {
        #[command(subcommand)]
        action: QueueAction,
    },
    /// Looks at the dead letters
    Dlq {
        #[command(subcommand)]
        action: DlqAction,
    },
    /// Prints completions for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum QueueAction {
    /// Lists segments, partitions and the groups' positions; the process may be at work
    Inspect,
    /// Checks every checksum and names the ranges that cannot be read
    Verify,
    /// Decides where the hourly files go on when they do not fit to the queue; the process must not be at work
    Adopt {
        /// `oldest`: everything that the queue holds is written, again if it was before; `end`: only what comes
        #[arg(long, value_name = "oldest|end")]
        from: AdoptFrom,
    },
}

/// Where a sink goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum AdoptFrom {
    /// At the oldest frame that the queue holds.
    Oldest,
    /// Behind the newest frame.
    End,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DlqAction {
    /// Lists the dead letters, oldest first
    List,
    /// Prints one dead letter with its payload
    Show {
        /// Its number, as `list` shows it
        letter: u64,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigAction {
    /// Finds everything that a start would fail on
    Check,
    /// Prints each value and where it comes from
    Explain,
    /// Prints the JSON Schema of the settings file
    Schema,
    /// Writes a settings file with all defaults, commented
    Init {
        /// The file to write [default: standard output]
        file: Option<PathBuf>,
    },
}
