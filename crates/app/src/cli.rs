//! The command line.

mod lake;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

use crate::settings;

pub(crate) use lake::{ExpireArgs, LakeAction, OrphansArgs, ReportFormat};

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
    /// Reaches what the settings name, and says what is wrong with it
    Check {
        /// What to reach
        #[arg(value_enum)]
        what: Dependency,
    },
    /// Looks at the queue
    Queue {
        #[command(subcommand)]
        action: QueueAction,
    },
    /// Looks at the dead letters
    Dlq {
        /// The topic whose dead letters are meant [default: that of web logs; `otlp.topic` has the other one]
        #[arg(long, global = true, value_name = "TOPIC")]
        topic: Option<String>,
        #[command(subcommand)]
        action: DlqAction,
    },
    /// Looks at the lake's table and keeps it in order; logmill may be at work
    Lake {
        #[command(subcommand)]
        action: LakeAction,
    },
    /// Makes web logs with a number and a checksum in each record, and posts them
    Generate(GenerateArgs),
    /// Compares the hourly files with what `generate` was told to be stored
    Verify(VerifyArgs),
    /// Asks a running logmill what was counted, and shows it as a plot and a table
    Analytics(AnalyticsArgs),
    /// Asks the lake (table `logs`) and the hourly files (table `web_logs`) in SQL; a logmill may be at work
    Query(QueryArgs),
    /// Counts hours anew from the hourly files or the queue, and replaces what differs; the process must not be at work
    Backfill(BackfillArgs),
    /// Prints completions for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// Something beside logmill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Dependency {
    /// The brokers of queue.kafka.brokers, and the topic.
    Kafka,
    /// The object store of files.dir.
    S3,
    /// The REST catalog of lake.catalog.uri, and the table.
    Lake,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct BackfillArgs {
    /// The first hour: YYYY-MM-DD, YYYY-MM-DDTHH or an RFC 3339 time (UTC)
    #[arg(long, value_name = "TIME")]
    pub(crate) from: String,
    /// The hour behind the last one
    #[arg(long, value_name = "TIME")]
    pub(crate) to: String,
    /// What is counted: the hourly files, or the queue if it still holds all that it ever held
    #[arg(long, value_name = "files|queue", default_value = "files")]
    pub(crate) source: BackfillSource,
    /// Replaces hours also where that leaves fewer records, for example after files were deleted on purpose
    #[arg(long)]
    pub(crate) fewer: bool,
}

/// What hours are counted anew from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum BackfillSource {
    /// The hourly files in their folder.
    Files,
    /// The queue.
    Queue,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum QueueAction {
    /// Lists segments, partitions and the groups' positions, on Kafka topics and their offsets; the process may be at work
    Inspect,
    /// Checks every checksum and names the ranges that cannot be read
    Verify,
    /// Copies what cannot be read to the quarantine and makes the indexes anew; the process must not be at work
    Repair,
    /// Prints the frames of a topic, one JSON object a line
    Export {
        /// The topic [default: web.topic]
        #[arg(long)]
        topic: Option<String>,
    },
    /// Posts exported web-log batches to a running logmill; each is stored once, however often it is replayed
    Replay {
        /// What `export` printed
        file: PathBuf,
        /// Where to post
        #[arg(long, default_value = "http://127.0.0.1:8080")]
        url: String,
    },
    /// The groups that hold back retention, on Kafka how far they are behind
    Groups {
        #[command(subcommand)]
        action: GroupsAction,
    },
    /// Decides where the hourly files and the counts go on when they do not fit to the queue; the process must not be at work
    Adopt {
        /// `oldest`: everything that the queue holds is written, again if it was before; `end`: only what comes
        #[arg(long, value_name = "oldest|end")]
        from: AdoptFrom,
    },
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum GroupsAction {
    /// Lists groups and their positions
    List,
    /// Forgets a group's positions; the process must not be at work
    Drop {
        /// The group
        group: String,
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
    /// Leaves the letters up to this one out of `list`; their bytes go with retention (dead_letters.max_bytes, on Kafka the
    /// topic's own)
    Drop {
        /// The last one that is dealt with
        letter: u64,
    },
    /// Posts a dead letter to a running logmill again; it is stored once, however often it is replayed
    Replay {
        /// Its number, as `list` shows it
        letter: u64,
        /// Where to post
        #[arg(long, default_value = "http://127.0.0.1:8080")]
        url: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigAction {
    /// Finds everything that a start would fail on
    Check {
        /// Also reaches every broker and bucket that the settings name
        #[arg(long)]
        connect: bool,
    },
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

/// What to generate.
#[derive(Args, Clone, Debug)]
pub(crate) struct GenerateArgs {
    /// Where to post
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    pub(crate) url: String,
    /// How many records
    #[arg(long, default_value_t = 100_000)]
    pub(crate) records: u64,
    /// Records of a batch
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub(crate) batch: u64,
    /// Records a second, 0 for as many as can be had
    #[arg(long, default_value_t = 0)]
    pub(crate) rate: u64,
    /// Customers that the batches belong to in turn; 1 is `default`
    #[arg(long, default_value_t = 1)]
    pub(crate) customers: u64,
    /// Connections
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=256))]
    pub(crate) connections: u64,
    /// Makes the same records again
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Gets a line for each batch that was stored; `verify` reads it
    #[arg(long, value_name = "FILE", default_value = "receipts.ndjson")]
    pub(crate) receipts: PathBuf,
}

/// What to ask the counts.
#[derive(Args, Clone, Debug)]
pub(crate) struct AnalyticsArgs {
    /// The server to ask [default: the one of http.listen]
    #[arg(long)]
    pub(crate) url: Option<String>,
    /// Whose records
    #[arg(long, default_value = "default")]
    pub(crate) customer: String,
    /// Where the range begins: an RFC 3339 time, or YYYY-MM-DD, YYYY-MM-DDTHH or YYYY-MM-DDTHH:MM in UTC
    #[arg(long, value_name = "TIME", conflicts_with = "last")]
    pub(crate) from: Option<String>,
    /// Where it ends; what begins then is outside [default: now]
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<String>,
    /// How long it is, up to its end: 90m, 6h, 7d [default: 1h]
    #[arg(long, value_name = "DURATION", value_parser = settings::duration)]
    pub(crate) last: Option<Duration>,
    /// How long a window is; at most 1,500 of them [default: minute up to 6 h, hour up to 15 d, then day]
    #[arg(long, value_enum)]
    pub(crate) window: Option<WindowWidth>,
    /// What is counted
    #[arg(long, value_enum, default_value = "path")]
    pub(crate) by: CountBy,
    /// Keys of a window, the largest first; 0 for totals only
    #[arg(long, default_value_t = 10)]
    pub(crate) limit: u64,
    /// A plot with a table, or the answer as it came
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: OutputFormat,
}

/// How long a window is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum WindowWidth {
    Minute,
    Hour,
    /// Of UTC.
    Day,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum CountBy {
    /// Method and path.
    Path,
    /// Families of user agents.
    UserAgent,
}

/// How an answer is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum OutputFormat {
    Table,
    Json,
    Csv,
}

/// What to ask in SQL.
#[derive(Args, Clone, Debug)]
pub(crate) struct QueryArgs {
    /// The statement, for example `SELECT service_name, count(*) FROM logs GROUP BY 1`
    #[arg(value_name = "SQL")]
    pub(crate) sql: String,
    /// A table, an object a line, CSV, or an Arrow IPC stream
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: QueryFormat,
    /// Prints so many rows at most [default: all, up to `query.max_rows`, which is an error beyond]
    #[arg(long, value_name = "ROWS")]
    pub(crate) limit: Option<usize>,
    /// Says on standard error how many files were opened, and how many were left out
    #[arg(long)]
    pub(crate) stats: bool,
}

/// How rows are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum QueryFormat {
    Table,
    Json,
    Csv,
    Arrow,
}

/// What to compare.
#[derive(Args, Clone, Debug)]
pub(crate) struct VerifyArgs {
    /// What `generate` wrote
    #[arg(long, value_name = "FILE", default_value = "receipts.ndjson")]
    pub(crate) receipts: PathBuf,
}
