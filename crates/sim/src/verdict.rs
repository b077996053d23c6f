//! What has to hold once everything was delivered.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use logmill_queue::{Delivery, Frame, Partition, Queue, Start, Topic};

use crate::Checked;
use crate::batch::Batch;
use crate::follower::{Files, files_of};
use crate::life::Life;
use crate::oracle::{Fate, Oracle, Shared};
use crate::plan::LifePlan;
use crate::stage::{Lived, Stage};

/// What a log and its outputs hold at the end.
pub struct Settled {
    /// The last life.
    pub lived: Lived,
    /// All frames that the log keeps.
    frames: BTreeMap<Partition, Vec<Frame>>,
    /// Records that the log says were lost.
    damaged: u64,
    /// The frame that each dead letter is about.
    letters: Vec<u64>,
    files: Files,
}

/// How many lines there are of each batch.
type Counts = HashMap<u64, usize>;

impl Stage {
    /// A last life without faults: everything open is sent, everything stored is delivered.
    ///
    /// # Errors
    /// Whatever did not hold.
    pub fn settle(&mut self, seed: u64) -> Checked<Settled> {
        drop(self.take_out());
        let plan = LifePlan::orderly(seed, std::time::Duration::MAX);
        let (lived, (frames, damaged), letters) = self.within(async |stage| {
            let mut life = Life::begin(stage, &plan)?;
            life.settle_writers(stage, seed).await?;
            life.deliver_all(stage).await?;
            let scanned = scan(&life, &stage.topic).await?;
            let letters = Topic::new("web.dlq").map_err(|error| error.to_string())?;
            let (letters, _) = scan(&life, &letters).await?;
            let letters = letters.values().flatten().map(|frame| Batch::number_of(&frame.header)).collect();
            Ok((life.finish(stage, false).await?, scanned, letters))
        })?;
        let files = files_of(&self.take_out());
        self.observe(&files)?;
        Ok(Settled { lived, frames, damaged, letters, files })
    }
}

async fn scan(life: &Life, topic: &Topic) -> Checked<(BTreeMap<Partition, Vec<Frame>>, u64)> {
    let failed = |error: &dyn std::fmt::Display| format!("a scan failed: {error}");
    let (mut frames, mut damaged) = (BTreeMap::new(), 0);
    for partition in life.queue.partitions(topic).await.map_err(|e| failed(&e))? {
        let found: &mut Vec<Frame> = frames.entry(partition).or_default();
        let mut scan = life.queue.scan(topic, partition, Start::Oldest).await.map_err(|e| failed(&e))?;
        while let Some(delivery) = scan.next().await.map_err(|e| failed(&e))? {
            match delivery {
                Delivery::Frame(frame) => found.push(frame),
                Delivery::Damaged { records, .. } => damaged += records,
            }
        }
    }
    Ok((frames, damaged))
}

impl Settled {
    /// Checks everything against the oracle. Without `damage` the log must not have lost anything.
    ///
    /// # Errors
    /// The first thing that does not hold.
    pub fn check(&self, oracle: &Shared, damage: bool) -> Checked {
        let oracle = oracle.lock();
        if !damage && (self.damaged, self.lived.totals.damaged) != (0, 0) {
            let ledger = self.lived.totals.damaged;
            return Err(format!("{} records are damaged by the log, {ledger} by the sink", self.damaged));
        }
        let in_log = self.check_log(&oracle, damage)?;
        let counts = check_lines(&oracle, &self.files)?;
        self.check_fates(&oracle, &counts, &in_log, damage)?;
        self.check_letters(&oracle, &in_log)?;
        self.check_ledger(&counts)
    }

    /// Frames are what was appended, each once, and none that was acknowledged is missing.
    fn check_log(&self, oracle: &Oracle, damage: bool) -> Checked<BTreeSet<u64>> {
        let mut numbers = BTreeSet::new();
        for (partition, frames) in &self.frames {
            for frame in frames {
                let number = Batch::number_of(&frame.header);
                check_frame(oracle, *partition, frame, number)?;
                if !numbers.insert(number) {
                    return Err(format!("batch {number} is in the log twice"));
                }
            }
        }
        for tracked in &oracle.batches {
            let Fate::Stored(at) = tracked.fate else { continue };
            let oldest = self.frames.get(&at.partition).and_then(|frames| frames.first());
            let kept = oldest.is_some_and(|oldest| oldest.offset <= at.offset);
            let number = tracked.batch.number;
            if kept && !damage && !numbers.contains(&number) {
                return Err(format!("batch {number} was acknowledged at {at:?} and is not in the log"));
            }
        }
        Ok(numbers)
    }

    /// Stored batches are in the files as a whole, others as a whole or not at all.
    fn check_fates(&self, oracle: &Oracle, counts: &Counts, in_log: &BTreeSet<u64>, damage: bool) -> Checked {
        let mut missing = 0;
        for tracked in &oracle.batches {
            let (number, fate) = (tracked.batch.number, tracked.fate);
            let (lines, all) = (counts.get(&number).copied().unwrap_or(0), tracked.batch.expected.len());
            let due = matches!(fate, Fate::Stored(_)) || in_log.contains(&number);
            let good = match (fate, lines) {
                (Fate::Absent, lines) => lines == 0,
                (_, 0) => !due || all == 0 || (damage && !in_log.contains(&number)),
                (_, lines) => lines == all,
            };
            if !good {
                return Err(format!("batch {number} ({fate:?}) has {lines} of {all} lines in the files"));
            }
            if due && lines == 0 && !in_log.contains(&number) {
                missing += u64::from(tracked.batch.append.header.count);
            }
        }
        let damaged = self.lived.totals.damaged;
        if damage && missing != damaged {
            return Err(format!("{missing} records are missing, the ledger says that {damaged} are damaged"));
        }
        Ok(())
    }

    /// Each stored batch that is none of web logs is one dead letter, and nothing else is.
    fn check_letters(&self, oracle: &Oracle, in_log: &BTreeSet<u64>) -> Checked {
        let mut letters = BTreeSet::new();
        for number in &self.letters {
            let tracked = usize::try_from(*number).ok().and_then(|number| oracle.batches.get(number));
            let due =
                tracked.is_some_and(|tracked| tracked.batch.is_opaque() && tracked.fate != Fate::Absent);
            if !due || !letters.insert(*number) {
                return Err(format!("a dead letter about batch {number} is one too many"));
            }
        }
        let opaque = oracle.batches.iter().filter(|tracked| tracked.batch.is_opaque());
        let mut numbers = opaque.map(|tracked| tracked.batch.number).filter(|number| in_log.contains(number));
        match numbers.find(|number| !letters.contains(number)) {
            Some(number) => Err(format!("batch {number} is no dead letter")),
            None => Ok(()),
        }
    }

    fn check_ledger(&self, counts: &Counts) -> Checked {
        let (totals, depth) = (self.lived.totals, self.lived.depth);
        let parts = totals.delivered
            + totals.deduplicated
            + totals.dead_lettered
            + totals.rejected
            + totals.damaged
            + totals.expired;
        let lines: usize = counts.values().sum();
        if totals.read != parts
            || depth.records.is_none_or(|records| records.accepted != totals.read)
            || totals.delivered != lines as u64
        {
            return Err(format!("the ledger does not add up: {totals:?}, {depth:?}, {lines} lines"));
        }
        Ok(())
    }
}

fn check_frame(oracle: &Oracle, partition: Partition, frame: &Frame, number: u64) -> Checked {
    let tracked = usize::try_from(number).ok().and_then(|number| oracle.batches.get(number));
    let Some(tracked) = tracked else { return Err(format!("the log invented batch {number}")) };
    let sent = &tracked.batch.append;
    let same = frame.payload == sent.payload
        && frame.header.rejected == sent.header.rejected
        && frame.header.key == sent.header.key
        && frame.header.customer == sent.header.customer;
    match tracked.fate {
        Fate::Absent => Err(format!("batch {number} was refused and is in the log")),
        Fate::Stored(at) if (at.partition, at.offset) != (partition, frame.offset) => Err(format!(
            "batch {number} was acknowledged at {at:?} and lies at {partition}, {}",
            frame.offset
        )),
        _ if !same => Err(format!("batch {number} is not what was appended")),
        _ => Ok(()),
    }
}

/// Each line is one that was appended, in the file of its customer and hour, once.
fn check_lines(oracle: &Oracle, files: &Files) -> Checked<Counts> {
    let (mut counts, mut seen) = (Counts::new(), BTreeSet::new());
    for (path, bytes) in files {
        let text = std::str::from_utf8(bytes).map_err(|e| format!("{}: {e}", path.display()))?;
        if !text.is_empty() && !text.ends_with('\n') {
            return Err(format!("the last line of {} is not finished", path.display()));
        }
        for line in text.lines() {
            let number = check_line(oracle, path, line)?;
            if !seen.insert(line) {
                return Err(format!("a line of batch {number} is in {} twice", path.display()));
            }
            *counts.entry(number).or_default() += 1;
        }
    }
    Ok(counts)
}

fn check_line(oracle: &Oracle, path: &Path, line: &str) -> Checked<u64> {
    match oracle.lines.get(line) {
        Some((number, expected)) if expected == path => Ok(*number),
        Some((number, _)) => Err(format!("a line of batch {number} is in {}", path.display())),
        None => Err(format!("{} holds a line that nobody wrote: {line:?}", path.display())),
    }
}

/// Checks that no line is in the files twice, whatever is missing.
///
/// # Errors
/// The line, or one that nobody wrote.
pub fn at_most_once(stage: &mut Stage) -> Checked {
    let files = files_of(&stage.take_out());
    check_lines(&stage.oracle.lock(), &files).map(drop)
}
