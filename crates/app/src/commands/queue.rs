//! `logmill queue`.

use std::io::{self, Write};
use std::path::PathBuf;

use logmill_queue::embedded::tools::{Finding, LogFiles};
use logmill_queue::{Group, Queue, Topic};
use logmill_world::World;

use super::{export, kafka_tools, look};
use crate::cli::{AdoptFrom, GroupsAction, QueueAction};
use crate::exit::{CONFIG, Failure, IO, USAGE};
use crate::serve::log::{embedded, needs_files};
use crate::serve::{counting, parts, raw_batches};
use crate::settings::Settings;

/// The logs of a data folder, by name.
pub(crate) fn logs(settings: &Settings) -> [(&'static str, PathBuf); 2] {
    let queue = settings.data_dir.join("queue");
    [("main", queue.join("main")), ("side", queue.join("side"))]
}

pub(crate) fn run(settings: &Settings, action: QueueAction) -> anyhow::Result<()> {
    if let Some(instead) = kafka_tools::instead_of(settings, &action) {
        needs_files(settings, &instead)?;
    }
    match action {
        QueueAction::Inspect => look::open(settings)?.inspect(&mut io::stdout().lock()),
        QueueAction::Verify => verify(settings),
        QueueAction::Repair => repair(settings),
        QueueAction::Export { topic } => {
            export::export(settings, topic.as_deref().unwrap_or(&settings.web.topic))
        }
        QueueAction::Replay { file, url } => export::replay(&file, &url),
        QueueAction::Groups { action: GroupsAction::List } => {
            look::open(settings)?.groups(&mut io::stdout().lock())
        }
        QueueAction::Groups { action: GroupsAction::Drop { group } } => drop_group(settings, &group),
        QueueAction::Adopt { from } => adopt(settings, from),
    }
}

pub(crate) fn unreadable(folder: &std::path::Path, error: &io::Error) -> Failure {
    Failure::new(IO, format!("cannot read the log in {}: {error}", folder.display()))
}

fn verify(settings: &Settings) -> anyhow::Result<()> {
    let world = World::real();
    let mut out = io::stdout().lock();
    let mut bad = 0;
    for (name, folder) in logs(settings) {
        let findings = LogFiles::new(world.fs().clone(), &folder).verify(|_, _| {});
        for finding in findings.map_err(|error| unreadable(&folder, &error))? {
            bad += 1;
            print_finding(&mut out, name, &finding)?;
        }
    }
    if bad == 0 {
        writeln!(out, "every checksum holds")?;
        return Ok(());
    }
    let ranges = if bad == 1 { "range" } else { "ranges" };
    Err(Failure::new(IO, format!("{bad} {ranges} cannot be read; all other frames are whole")).into())
}

fn repair(settings: &Settings) -> anyhow::Result<()> {
    let world = World::real();
    let _lock = embedded::lock(&world, settings)?;
    let mut out = io::stdout().lock();
    for (name, folder) in logs(settings) {
        let repaired = LogFiles::new(world.fs().clone(), &folder).repair();
        for (finding, copy) in repaired.map_err(|error| unreadable(&folder, &error))? {
            print_finding(&mut out, name, &finding)?;
            writeln!(out, "  a copy is in {}", copy.display())?;
        }
    }
    writeln!(out, "all other frames are whole")?;
    Ok(())
}

fn print_finding(out: &mut impl Write, log: &str, finding: &Finding) -> io::Result<()> {
    write!(
        out,
        "damaged: log {log} segment {:016x} bytes {}..{}",
        finding.segment, finding.from, finding.to
    )?;
    if let Some((topic, partition, offset)) = &finding.frame {
        write!(out, " topic {topic} partition {partition} offset {offset}")?;
    }
    if let Some(records) = finding.records {
        write!(out, " records {records}")?;
    }
    writeln!(out)
}

fn drop_group(settings: &Settings, group: &str) -> anyhow::Result<()> {
    let group = Group::new(group)?;
    let queue = embedded::open(&World::real(), settings)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let dropped = runtime.block_on(queue.drop_group(&group));
    match dropped.map_err(|error| Failure::new(IO, error.to_string()))? {
        0 => Err(Failure::new(
            USAGE,
            format!("no group {group} has a position; `queue groups list` names them"),
        )
        .into()),
        n => {
            println!("{n} positions of {group} were dropped");
            Ok(())
        }
    }
}

fn adopt(settings: &Settings, from: AdoptFrom) -> anyhow::Result<()> {
    let world = World::real();
    let queue = embedded::open(&world, settings)?;
    if let Some(error) = queue.trouble() {
        return Err(Failure::new(IO, error.to_string()).into());
    }
    let topic = Topic::new(&settings.web.topic)?;
    let shared = raw_batches::around(settings, queue.clone())?;
    let folder = settings.files.dir.folder().filter(|_| settings.files.enabled);
    let files = folder.map(|folder| parts::folder_sink(&world, settings, &shared, folder)).transpose()?;
    let counts = counting::open(&world, settings, &shared)?;
    if files.is_none() && counts.is_none() {
        let text = "files.dir: objects have no position of their own; the group's decides where they go on";
        return Err(Failure::new(CONFIG, text).into());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut positions = Vec::new();
    runtime.block_on(async {
        for partition in queue.partitions(&topic).await? {
            let (oldest, end) = queue.bounds(&topic, partition).await?;
            positions.push((partition, if from == AdoptFrom::Oldest { oldest } else { end }));
        }
        // Of a group that never read the log knows all that it still holds.
        let all = queue.depth(&topic, &Group::new("adopt")?).await?.records.unwrap_or_default();
        let kept = if from == AdoptFrom::Oldest { all.queued } else { 0 };
        let (log, before) = (queue.log_id(&topic)?, all.accepted.saturating_sub(kept));
        if let Some(files) = &files {
            files.adopt(log, &positions, before).await?;
        }
        if let Some(counts) = &counts {
            counts.adopt(log, &positions, before)?;
        }
        anyhow::Ok(())
    })?;
    let who = match (&files, &counts) {
        (Some(_), Some(_)) => "the hourly files and the counts go on",
        (Some(_), None) => "the hourly files go on",
        (None, _) => "the counts go on",
    };
    for (partition, offset) in positions {
        println!("{who} at {topic} {partition} offset {offset}");
    }
    Ok(())
}
