//! `logmill lake`: all of it beside a running logmill, because a change of the table is one step that the catalog judges.

mod log_ends;
mod progress;
mod show;

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use indicatif::ProgressBar;
use logmill_queue::{Class, QueueError};
use logmill_sink_iceberg::catalog::TableName;
use logmill_sink_iceberg::{Effort, Limits, Maintenance, Orphans, Round, SmallFiles};
use logmill_world::World;
use tokio::runtime::Runtime;

use super::shown::{bytes, grouped};
use crate::cli::{ExpireArgs, LakeAction, OrphansArgs, ReportFormat};
use crate::exit::{CONFIG, Failure, IO, UNAVAILABLE, USAGE};
use crate::serve::lake;
use crate::settings::{CatalogKind, LakeOrphans, Settings};

/// The table of the settings.
struct Table<'a> {
    settings: &'a Settings,
    name: TableName,
    keeper: Maintenance,
    runtime: Runtime,
    line: ProgressBar,
}

pub(crate) fn run(settings: &Settings, action: &LakeAction) -> anyhow::Result<()> {
    let mut limits = lake::limits(settings);
    if let LakeAction::Expire(args) = action {
        limits.keep_for = args.keep_for.unwrap_or(limits.keep_for);
        let at_least = args.keep_at_least.and_then(|number| usize::try_from(number).ok());
        limits.keep_at_least = at_least.unwrap_or(limits.keep_at_least);
    }
    let table = Table::of(settings, limits)?;
    match action {
        LakeAction::Status { format } => table.status(*format),
        LakeAction::Positions { format } => table.positions(*format),
        LakeAction::Compact { dry_run: true } => table.small_files(),
        LakeAction::Compact { dry_run: false } => table.compact(),
        LakeAction::Expire(args) => table.expire(args),
        LakeAction::Orphans(args) => table.orphans(args),
    }
}

impl<'a> Table<'a> {
    fn of(settings: &'a Settings, limits: Limits) -> anyhow::Result<Self> {
        let world = World::real();
        let (keeper, name) = lake::keeper(&world, settings, limits)?;
        let warehouse = &settings.lake.warehouse;
        // Opening a catalog in a file makes it, and looking changes nothing.
        let is_file = settings.lake.catalog.kind == CatalogKind::Sqlite;
        if is_file && !world.fs().exists(&Path::new(warehouse).join("catalog.db"))? {
            return Err(absent(&name, warehouse).into());
        }
        let (line, progress) = progress::line();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        Ok(Self { settings, name, keeper: keeper.telling(progress), runtime, line })
    }

    /// Waits for the outcome, with a line that shows how far it is.
    fn wait<T>(&self, job: impl Future<Output = Result<T, QueueError>>) -> Result<T, Failure> {
        let done = self.runtime.block_on(job);
        self.line.finish_and_clear();
        done.map_err(|error| failed(&error))
    }

    fn absent(&self) -> Failure {
        let catalog = &self.settings.lake.catalog;
        let is_file = catalog.kind == CatalogKind::Sqlite;
        absent(&self.name, if is_file { &self.settings.lake.warehouse } else { &catalog.uri })
    }

    fn status(&self, format: ReportFormat) -> anyhow::Result<()> {
        let status = self.wait(self.keeper.status())?.ok_or_else(|| self.absent())?;
        let ends = log_ends::of(self.settings)?;
        let report = show::Report { table: self.name.to_string(), status, ends };
        Ok(report.print(&mut io::stdout().lock(), format, World::real().clock().wall())?)
    }

    fn positions(&self, format: ReportFormat) -> anyhow::Result<()> {
        let positions = self.wait(self.keeper.positions())?.ok_or_else(|| self.absent())?;
        let ends = log_ends::of(self.settings)?;
        Ok(show::positions(&mut io::stdout().lock(), format, &positions, &ends)?)
    }

    fn expire(&self, args: &ExpireArgs) -> anyhow::Result<()> {
        let done =
            if args.dry_run { self.wait(self.keeper.expirable()) } else { self.wait(self.keeper.expire()) }?;
        let Round { snapshots, files, .. } = done;
        let (snapshots, files) = (grouped(snapshots as u64), grouped(files as u64));
        let verb = if args.dry_run { "would go" } else { "were removed" };
        writeln!(
            io::stdout(),
            "{snapshots} old snapshots of {} {verb}, with {files} lists and manifests that only they name",
            self.name
        )?;
        Ok(())
    }

    fn small_files(&self) -> anyhow::Result<()> {
        let SmallFiles { files, bytes: size, days } = self.wait(self.keeper.small_files())?;
        let (files, days) = (grouped(files as u64), grouped(days as u64));
        writeln!(
            io::stdout(),
            "{files} small files ({}) of {} in {days} days would be merged",
            bytes(size),
            self.name
        )?;
        Ok(())
    }

    fn compact(&self) -> anyhow::Result<()> {
        let done = self.wait(self.keeper.compact(Effort::Thorough))?;
        let mut out = io::stdout().lock();
        writeln!(
            out,
            "{} small files ({}) of {} became {} ({})",
            grouped(done.files_before),
            bytes(done.bytes_before),
            self.name,
            grouped(done.files_after),
            bytes(done.bytes_after)
        )?;
        if done.given_up > 0 {
            let times = grouped(done.given_up);
            writeln!(
                out,
                "{times} merges were given up, because rows of their day were deleted or rewritten meanwhile"
            )?;
        }
        let Some((day, error)) = done.failures.first() else { return Ok(()) };
        let days = grouped(done.failures.len() as u64);
        let text = format!("{days} days are as they were, the first is {day}: {error}");
        Err(Failure::new(UNAVAILABLE, text).into())
    }

    fn orphans(&self, args: &OrphansArgs) -> anyhow::Result<()> {
        let older_than = self.age(args.older_than)?;
        let Orphans { files, bytes: size, left, reason } =
            self.wait(self.keeper.orphans(older_than, args.dry_run))?;
        let verb = if args.dry_run { "would go" } else { "were removed" };
        let removed = grouped(files.saturating_sub(left) as u64);
        if left > 0 {
            let text = format!(
                "{removed} files that no state of {} names {verb}, {} could not be: {}",
                self.name,
                grouped(left as u64),
                reason.unwrap_or_default()
            );
            return Err(Failure::new(IO, text).into());
        }
        writeln!(
            io::stdout(),
            "{removed} files ({}) that no state of {} names {verb}",
            bytes(size),
            self.name
        )?;
        Ok(())
    }

    /// The age from which files go.
    fn age(&self, asked: Option<Duration>) -> Result<Duration, Failure> {
        match asked {
            Some(age) if age < LakeOrphans::LEAST => {
                let text =
                    "--older-than: write at least 1d, because younger files may be about to be committed";
                Err(Failure::new(USAGE, text))
            }
            Some(age) => Ok(age),
            None if self.settings.lake.orphans.older_than.is_zero() => {
                let text = "lake.orphans.older_than is off: name the age with --older-than, for example 3d";
                Err(Failure::new(USAGE, text))
            }
            None => Ok(self.settings.lake.orphans.older_than),
        }
    }
}

fn absent(table: &TableName, place: &str) -> Failure {
    let text = format!("{place} has no table {table}; `logmill serve` makes it for the first record");
    Failure::new(UNAVAILABLE, text)
}

fn failed(error: &QueueError) -> Failure {
    let code = match error.class {
        Class::Unavailable | Class::Full => UNAVAILABLE,
        Class::Corrupt | Class::Rejected => IO,
        Class::Invalid => CONFIG,
        Class::Bug => crate::exit::INTERNAL,
    };
    Failure::new(code, error.to_string())
}
