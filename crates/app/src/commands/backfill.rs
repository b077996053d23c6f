//! `logmill backfill`: hours counted anew, from the hourly files or the queue, while no process is at work.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use logmill_admin::PartState;
use logmill_analytics::{Analytics, Recount, Recounted, parse_time, write_time};
use logmill_model::{Customer, Format};
use logmill_queue::embedded::EmbeddedQueue;
use logmill_queue::{Delivery, Queue, Start, Topic};
use logmill_rollup::Batch;
use logmill_sink_files::hourly_files;
use logmill_world::{Fs, Mode, World};
use tokio::sync::watch;

use crate::cli::{BackfillArgs, BackfillSource};
use crate::exit::{CONFIG, Failure, IO, USAGE};
use crate::serve::log::{embedded, needs_files};
use crate::serve::parts::Pipelines;
use crate::serve::{counting, raw_batches};
use crate::settings::{Destination, Role, Settings};

const HOUR: u64 = 3600;
/// Bytes of an hourly file that are read at once.
const BLOCK: usize = 1 << 20;
/// The longest line of an hourly file: a batch may be one record.
const LONGEST_LINE: usize = 256 << 20;
/// How often it is looked whether everything is counted.
const LOOK: Duration = Duration::from_millis(100);
/// Nothing moves for so long: it says why and gives up.
const PATIENCE: u32 = 600;

pub(crate) fn run(settings: &Settings, args: &BackfillArgs) -> anyhow::Result<()> {
    needs_files(settings, "counts are kept beside the embedded log only")?;
    let hours = hours(args)?;
    let files = folder(settings, args)?;
    let world = World::real();
    let mut settings = settings.clone();
    settings.roles.only(&[Role::Files, Role::Aggregate]);
    let queue = embedded::open(&world, &settings)?;
    if let Some(error) = queue.trouble() {
        return Err(Failure::new(IO, error.to_string()).into());
    }
    let shared = raw_batches::around(&settings, queue.clone())?;
    let Some(analytics) = counting::open(&world, &settings, &shared)? else {
        return Err(Failure::new(CONFIG, "aggregation.enabled is false: nothing is counted").into());
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    // Files and counts both end where the log ends, so that they are about the same records.
    drain(&world, &settings, &shared, &analytics, &runtime)?;
    let mut recount = analytics.recount(hours.clone()).context("the counts")?;
    let unread = match files {
        Some(folder) => from_files(&world, &folder, &hours, &mut recount)?,
        None => runtime.block_on(from_queue(&settings, &queue, &shared, &mut recount))?,
    };
    let report = recount.end(args.fewer).context("the counts")?;
    say(&report, unread, args.fewer)
}

fn hours(args: &BackfillArgs) -> anyhow::Result<Range<u32>> {
    let seconds = |name: &str, text: &str| {
        let time = parse_time(text);
        time.map(|time| time.seconds())
            .map_err(|error| Failure::new(USAGE, format!("--{name}: {text:?} {error}")))
    };
    let (from, to) = (seconds("from", &args.from)?, seconds("to", &args.to)?);
    let hours = u32::try_from(from / HOUR)?..u32::try_from(to.div_ceil(HOUR))?;
    if hours.is_empty() {
        return Err(Failure::new(USAGE, "--to: is not behind --from").into());
    }
    Ok(hours)
}

/// The folder whose files are read; none if the queue is.
fn folder(settings: &Settings, args: &BackfillArgs) -> anyhow::Result<Option<std::path::PathBuf>> {
    match (args.source, &settings.files.dir) {
        (BackfillSource::Queue, _) => Ok(None),
        (BackfillSource::Files, Destination::Folder(folder)) if settings.files.enabled => {
            Ok(Some(folder.clone()))
        }
        (BackfillSource::Files, _) => {
            let text = "files.dir: the hourly files are not in a folder; use `--source queue`";
            Err(Failure::new(CONFIG, text).into())
        }
    }
}

fn drain(
    world: &World,
    settings: &Settings,
    queue: &Arc<dyn Queue>,
    analytics: &Analytics,
    runtime: &tokio::runtime::Runtime,
) -> anyhow::Result<()> {
    let (stop, draining) = watch::channel(false);
    let pipelines = Pipelines::start(world, settings, queue, runtime, &draining, Some(analytics), None)?;
    runtime.block_on(async {
        let mut patience = PATIENCE;
        let mut before = u64::MAX;
        loop {
            let mut left = 0;
            for delivery in pipelines.deliveries() {
                let lags = delivery.queue.lags(&delivery.topic, &delivery.group).await?;
                left += lags.iter().map(|(_, lag)| lag).sum::<u64>();
            }
            if left == 0 {
                break;
            }
            patience = if left < before { PATIENCE } else { patience.saturating_sub(1) };
            before = left;
            if patience == 0 {
                let failing = pipelines.parts().into_iter().filter_map(|part| match part.state() {
                    PartState::Failing(reason) => Some(reason),
                    PartState::Ready | PartState::Notice(_) => None,
                });
                bail!("{left} batches cannot be read to the end: {}", failing.collect::<Vec<_>>().join("; "));
            }
            world.clock().sleep(LOOK).await;
        }
        stop.send_replace(true);
        pipelines.ended().await;
        Ok(())
    })
}

/// Reads the hourly files; answers how many of their lines are no records.
fn from_files(
    world: &World,
    folder: &Path,
    hours: &Range<u32>,
    recount: &mut Recount,
) -> anyhow::Result<u64> {
    let fs = &**world.fs();
    let files = hourly_files(fs, folder, &Customer::default(), hours);
    let mut unread = 0;
    for file in files.with_context(|| folder.display().to_string())? {
        let mut add = |lines: &[u8]| {
            let (customer, format) = (file.customer.as_str(), Format::Ndjson);
            Ok(recount.add(&Batch { customer, format, body: lines, rejected: &[], received_at: i64::MAX })?)
        };
        unread += lines(fs, &file.path, &mut add).with_context(|| file.path.display().to_string())?;
    }
    Ok(unread)
}

/// Gives whole lines of a file away, some at once. An unfinished last one is left out: it is being written, or was cut off.
fn lines(fs: &dyn Fs, path: &Path, add: &mut dyn FnMut(&[u8]) -> anyhow::Result<u64>) -> anyhow::Result<u64> {
    let file = fs.open(path, Mode::Read)?;
    let (mut block, mut at, mut kept, mut unread) = (vec![0; BLOCK], 0, 0, 0);
    loop {
        let read = file.read_at(block.get_mut(kept..).unwrap_or_default(), at)?;
        at += read as u64;
        let filled = block.get(..kept + read).unwrap_or_default();
        let end = filled.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        if end > 0 {
            unread += add(filled.get(..end).unwrap_or_default())?;
        }
        if read == 0 {
            return Ok(unread);
        }
        kept = filled.len() - end;
        block.copy_within(end..end + kept, 0);
        if kept == block.len() {
            if kept >= LONGEST_LINE {
                bail!("a line is longer than {} MiB", LONGEST_LINE >> 20);
            }
            block.resize(kept * 2, 0);
        }
    }
}

/// Reads all that the queue holds; it must be all that it ever held.
async fn from_queue(
    settings: &Settings,
    embedded: &EmbeddedQueue,
    queue: &Arc<dyn Queue>,
    recount: &mut Recount,
) -> anyhow::Result<u64> {
    let topic = Topic::new(&settings.web.topic)?;
    let mut unread = 0;
    for partition in embedded.partitions(&topic).await? {
        let (oldest, _) = embedded.bounds(&topic, partition).await?;
        if oldest > 0 {
            let text = format!(
                "--source queue: partition {partition} begins at offset {oldest}, what came before is gone; \
                 use `--source files`"
            );
            return Err(Failure::new(IO, text).into());
        }
        let mut scan = queue.scan(&topic, partition, Start::Oldest).await?;
        while let Some(delivery) = scan.next().await? {
            match delivery {
                Delivery::Frame(frame) => {
                    let Some(format) = Format::from_code(frame.header.encoding.0) else { continue };
                    unread += recount.add(&Batch {
                        customer: &frame.header.customer,
                        format,
                        body: &frame.payload,
                        rejected: &frame.header.rejected,
                        received_at: frame.header.received_at,
                    })?;
                }
                Delivery::Damaged { records, .. } => unread += records,
            }
        }
    }
    Ok(unread)
}

fn say(report: &Recounted, unread: u64, fewer: bool) -> anyhow::Result<()> {
    if unread > 0 {
        eprintln!("{unread} records could not be read and are not counted");
    }
    if !report.fewer.is_empty() && !fewer {
        let first = report
            .fewer
            .iter()
            .take(5)
            .map(|key| format!("{} of {}", write_time(u64::from(key.hour) * HOUR), key.customer));
        let text = format!(
            "{} hours would hold fewer records than now, for example {}; nothing was replaced. If what is missing was \
             removed on purpose, repeat with --fewer",
            report.fewer.len(),
            first.collect::<Vec<_>>().join(", ")
        );
        return Err(Failure::new(IO, text).into());
    }
    println!(
        "{} hours of customers were counted anew, {} of them differed and were replaced",
        report.hours, report.replaced
    );
    Ok(())
}
