//! `logmill lake`.

use std::time::Duration;

use clap::{Args, Subcommand};

use crate::settings;

/// What to do with the table.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum LakeAction {
    /// Shows what the table holds, and how far it is behind the log of this data folder
    Status {
        /// Lines to read, or one JSON object
        #[arg(long, value_enum, default_value = "table")]
        format: ReportFormat,
    },
    /// Shows how far the table holds each partition of each log
    Positions {
        /// Lines to read, or one JSON object
        #[arg(long, value_enum, default_value = "table")]
        format: ReportFormat,
    },
    /// Merges the small files of each day into files of about 256 MiB; rows stay
    Compact {
        /// Says what there is to merge, and changes nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Removes old states of the table with what only they named; rows stay
    Expire(ExpireArgs),
    /// Removes files of ours that no state of the table names: those of failed commits, and of states that are gone
    Orphans(OrphansArgs),
}

/// Which states stay.
#[derive(Args, Clone, Debug)]
pub(crate) struct ExpireArgs {
    /// Younger ones stay: 90m, 6h, 7d [default: lake.snapshots.keep_for]
    #[arg(long, value_name = "DURATION", value_parser = settings::duration)]
    pub(crate) keep_for: Option<Duration>,
    /// So many of the newest stay [default: lake.snapshots.keep_at_least]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) keep_at_least: Option<u32>,
    /// Says what would go, and removes nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Which files go.
#[derive(Args, Clone, Debug)]
pub(crate) struct OrphansArgs {
    /// Younger ones stay, at least 1d [default: lake.orphans.older_than]
    #[arg(long, value_name = "DURATION", value_parser = settings::duration)]
    pub(crate) older_than: Option<Duration>,
    /// Says what would go, and removes nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// How a report is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ReportFormat {
    Table,
    Json,
}
