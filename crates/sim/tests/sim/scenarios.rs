//! What an operator or a bad disk does to the folders while nothing runs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use logmill_pipeline::SinkState;
use logmill_sim::{Ending, LifePlan, Lived, QUEUE, Settings, Stage, at_most_once};
use logmill_world::sim::Image;

const SEEDS: std::ops::Range<u64> = 0..12;

fn stage(seed: u64) -> Stage {
    let settings = Settings {
        partitions: 2,
        writers: 2,
        retention_bytes: 1 << 30,
        flush_interval: Duration::from_millis(50),
        large_every: if seed.is_multiple_of(2) { 6 } else { 1000 },
    };
    Stage::new(settings).unwrap()
}

/// A life of some 300 batches, ended in order or killed by the seed.
fn busy(seed: u64) -> LifePlan {
    let mut plan = LifePlan::orderly(seed, Duration::from_secs(2));
    plan.ending = if seed.is_multiple_of(3) { Ending::Kill } else { Ending::Drain };
    plan
}

/// A life in which the sink may stop; the writers go on by the seed.
fn doubtful(seed: u64) -> LifePlan {
    let mut plan = LifePlan::orderly(seed + 1000, Duration::from_secs(1));
    (plan.may_stop, plan.writes) = (true, seed.is_multiple_of(2));
    plan
}

fn must_have_stopped(lived: &Lived, seed: u64) {
    let SinkState::Stopped(reason) = &lived.sink else { panic!("seed {seed}: {lived:?}") };
    assert!(reason.contains("logmill queue adopt"), "seed {seed}: {reason}");
}

#[test]
fn a_sink_stops_when_the_queue_was_wiped() {
    for seed in SEEDS {
        let mut stage = stage(seed);
        stage.live(&busy(seed)).unwrap();
        let mut image = stage.take_out();
        image.wipe(Path::new(QUEUE));
        let before = image.clone();
        stage.insert(&image);
        stage.oracle.log_was_replaced();
        must_have_stopped(&stage.live(&doubtful(seed)).unwrap(), seed);
        let after = stage.take_out();
        assert_eq!(hours(&before), hours(&after), "seed {seed}");
    }
}

#[test]
fn a_sink_stops_when_the_queue_is_an_older_copy() {
    for seed in SEEDS {
        let mut stage = stage(seed);
        stage.live(&LifePlan::orderly(seed, Duration::from_secs(1))).unwrap();
        let backup = stage.take_out();
        stage.live(&busy(seed)).unwrap();
        let mut image = stage.take_out();
        image.restore(Path::new(QUEUE), &backup);
        stage.insert(&image);
        stage.oracle.log_was_replaced();
        must_have_stopped(&stage.live(&doubtful(seed)).unwrap(), seed);
        at_most_once(&mut stage).unwrap();
    }
}

/// Before anything was written there is nothing that a new log would not fit to.
#[test]
fn outputs_that_hold_nothing_fit_to_any_queue() {
    let mut stage = stage(1);
    let mut idle = LifePlan::orderly(1, Duration::from_secs(1));
    idle.writes = false;
    stage.live(&idle).unwrap();
    let mut image = stage.take_out();
    image.wipe(Path::new(QUEUE));
    stage.insert(&image);
    stage.oracle.log_was_replaced();
    stage.live(&busy(1)).unwrap();
    stage.live(&busy(2)).unwrap();
    stage.settle(3).unwrap().check(&stage.oracle, false).unwrap();
}

fn hours(image: &Image) -> Vec<(PathBuf, Vec<u8>)> {
    let hours = image.iter().filter(|(path, _)| path.to_string_lossy().ends_with(".log.json"));
    hours.map(|(path, bytes)| (path.to_path_buf(), bytes.to_vec())).collect()
}

/// Places in the part of the log's segments that was written.
fn written(image: &Image) -> Vec<(PathBuf, usize)> {
    let segments =
        image.iter().filter(|(path, _)| path.starts_with(QUEUE).then_some(path).is_some_and(is_main));
    let end = |bytes: &[u8]| bytes.iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1);
    segments.map(|(path, bytes)| (path.to_path_buf(), end(bytes))).collect()
}

fn is_main(path: &&Path) -> bool {
    path.starts_with(Path::new(QUEUE).join("main")) && path.extension().is_some_and(|e| e == "seg")
}

#[test]
fn damage_below_the_durable_mark_is_counted_and_the_rest_arrives() {
    let mut hits = 0;
    for seed in 0..40 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut stage = stage(seed);
        let mut plan = LifePlan::orderly(seed, Duration::from_secs(2));
        plan.sinks = false;
        stage.live(&plan).unwrap();
        let mut image = stage.take_out();
        let places = written(&image);
        let (path, end) = places.get(rng.usize(..places.len())).cloned().unwrap();
        let at = rng.usize(..end);
        image.get_mut(&path).unwrap()[at] ^= 1 << rng.u8(0..8);
        stage.insert(&image);
        let settled =
            stage.settle(seed).unwrap_or_else(|e| panic!("seed {seed}, {}, {at}: {e}", path.display()));
        let checked = settled.check(&stage.oracle, true);
        checked.unwrap_or_else(|e| panic!("seed {seed}, {}, {at} of {end}: {e}", path.display()));
        hits += u32::from(settled.lived.totals.damaged > 0);
    }
    assert!(hits > 20, "only {hits} flips hit a frame with records");
}

/// The greatest durable mark that the frames of a segment carry, as FORMAT.md places it.
fn durable_mark(number: u64, segment: &[u8]) -> usize {
    let word = |frame: &[u8], at: usize| u32::from_le_bytes(frame[at..at + 4].try_into().unwrap());
    let frames = segment.chunks(8).enumerate().filter(|(_, word)| word.starts_with(b"LMF1"));
    let whole = frames.filter_map(|(index, _)| segment.get(index * 8..index * 8 + 64));
    let ours = whole.filter(|frame| [24, 48].map(|at| word(frame, at)) == [number as u32; 2]);
    ours.map(|frame| word(frame, 56) as usize).max().unwrap_or(0)
}

#[test]
fn offsets_of_frames_that_were_lost_to_damage_are_not_used_again() {
    let mut damaged = 0;
    for seed in 0..300 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut stage = stage(1);
        let mut plan = LifePlan::orderly(seed, Duration::from_millis(200));
        (plan.sinks, plan.ending) = (false, Ending::Kill);
        stage.live(&plan).unwrap();
        let mut image = stage.take_out();
        let (path, _) = written(&image).pop().unwrap();
        let number = u64::from_str_radix(path.file_stem().unwrap().to_str().unwrap(), 16).unwrap();
        let mark = durable_mark(number, image.get(&path).unwrap());
        // Near the border, so that the newest frame of a partition may be hit.
        let at = mark - 1 - rng.usize(..mark.min(1200));
        image.get_mut(&path).unwrap()[at] ^= 1;
        stage.insert(&image);
        stage.oracle.leave_alone();
        let lived = stage.live(&LifePlan::orderly(seed + 1000, Duration::from_millis(400)));
        damaged += lived.unwrap_or_else(|e| panic!("seed {seed}, {at}: {e}")).totals.damaged;
        at_most_once(&mut stage).unwrap();
    }
    assert!(damaged > 20, "only {damaged} records were hit");
}

#[test]
fn a_torn_record_at_the_end_of_the_journal_is_dropped() {
    for seed in SEEDS {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut stage = stage(seed);
        stage.live(&busy(seed)).unwrap();
        let mut image = stage.take_out();
        let names = image.iter().map(|(path, _)| path.to_path_buf());
        let journal = names.filter(|path| path.to_string_lossy().contains("journal-")).max().unwrap();
        let bytes = image.get_mut(&journal).unwrap();
        // A length and a checksum, or zeros, and less behind them than they promise.
        let torn = if rng.bool() { vec![0; rng.usize(1..600)] } else { vec![rng.u8(1..); rng.usize(1..600)] };
        bytes.extend(torn);
        stage.insert(&image);
        stage.settle(seed).unwrap().check(&stage.oracle, false).unwrap();
    }
}
