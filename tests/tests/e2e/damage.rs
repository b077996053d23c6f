//! Bytes of the log that change on the disk.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use logmill_e2e::{Setup, eventually, records_of};

use crate::process::copy_folder;
use crate::samples::{batch, ids, padded, sorted};

const BATCHES: usize = 40;
const RECORDS: usize = 60;
/// Inside the smallest header, counted from its end.
const HEADER: [usize; 3] = [1, 80, 165];

/// Where the test's own batches lie in the segments.
struct Log {
    folder: PathBuf,
    /// Segment, begin and end of the payload of each batch.
    places: Vec<(PathBuf, usize, usize)>,
}

/// One byte of a segment, and the batch that is lost with it.
struct Flip {
    segment: PathBuf,
    at: usize,
    lost: Option<usize>,
}

fn setup(dir: &Path) -> Setup {
    let settings =
        ["limits.max_batch_bytes=256KiB", "queue.segment_bytes=1MiB", "queue.retention_bytes=1GiB"];
    settings.iter().fold(Setup::new(dir), |setup, setting| setup.set(setting))
}

fn names(batch: usize) -> Vec<String> {
    ids(&format!("batch-{batch}"), RECORDS)
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let mut hits = haystack.windows(needle.len().min(80)).enumerate();
    hits.find(|(at, head)| needle.starts_with(head) && haystack[*at..].starts_with(needle)).map(|(at, _)| at)
}

/// Whether something was written behind the last byte of `body`.
fn is_marked(segment: &Path, body: &[u8]) -> bool {
    let bytes = std::fs::read(segment).unwrap();
    let end = find(&bytes, body).map_or(bytes.len(), |at| at + body.len());
    bytes[end..].iter().any(|byte| *byte != 0)
}

fn segments(log: &Path) -> Vec<PathBuf> {
    let mut segments: Vec<_> = std::fs::read_dir(log).unwrap().map(|e| e.unwrap().path()).collect();
    segments.retain(|path| path.extension().is_some_and(|e| e == "seg"));
    segments.sort();
    segments
}

/// Fills a log that nobody reads, and kills the process when a mark has covered the last batch.
fn filled(folder: &Path) -> Log {
    let data = folder.join("original");
    let mut server = setup(&data).argument("--roles").argument("ingest").start_ready();
    let mut connection = server.connect();
    let bodies: Vec<Vec<u8>> = (0..BATCHES).map(|n| padded(&names(n), 600).body).collect();
    for body in &bodies {
        assert_eq!(connection.post(&logmill_e2e::Post::json(body.clone())).unwrap().status, 202);
    }
    let log = data.join("queue/main");
    let last = segments(&log).pop().unwrap();
    eventually("a mark covers the last batch", Duration::from_secs(30), || {
        is_marked(&last, &bodies[BATCHES - 1]).then_some(())
    });
    server.kill();
    let segments: Vec<_> =
        segments(&log).into_iter().map(|path| (std::fs::read(&path).unwrap(), path)).collect();
    let place = |body: &Vec<u8>| {
        let found = segments.iter().find_map(|(bytes, path)| Some((path, find(bytes, body)?)));
        let (path, at) = found.expect("the segments hold each body as it came");
        (path.strip_prefix(&data).unwrap().to_owned(), at, at + body.len())
    };
    let places: Vec<_> = bodies.iter().map(place).collect();
    assert!(places[0].0 != places[BATCHES - 1].0, "the test needs a closed segment");
    Log { folder: data, places }
}

impl Log {
    fn flips(&self) -> Vec<Flip> {
        let last = BATCHES - 1;
        let flip =
            |batch: usize, at: usize| Flip { segment: self.places[batch].0.clone(), at, lost: Some(batch) };
        let harmless = |batch: usize, at: usize| Flip { lost: None, ..flip(batch, at) };
        let mut flips = Vec::new();
        let first_of_last_segment =
            self.places.iter().position(|place| place.0 == self.places[last].0).unwrap();
        let last_of_first_segment = first_of_last_segment - 1;
        for batch in [0, 7, last_of_first_segment, first_of_last_segment, first_of_last_segment + 3, last] {
            let (_, from, to) = self.places[batch];
            flips.extend([from, from + (to - from) / 2, to - 1].map(|at| flip(batch, at)));
            flips.extend(HEADER.map(|back| flip(batch, from - back)));
        }
        // The snapshots at the begin of the segments, the mark behind the last frame, and what was never written.
        flips.extend([0, 30, 150].map(|at| harmless(0, at)));
        flips.extend([0, 30, 150].map(|at| harmless(last, at)));
        let end = self.places[last].2;
        flips.extend([end + 16, end + 100, end + 20_000].map(|at| harmless(last, at)));
        flips
    }

    /// Starts on a copy with these bytes flipped, and compares what arrives and what is told.
    fn survives(&self, folder: &Path, flips: &[&Flip]) {
        copy_folder(&self.folder, folder);
        for flip in flips {
            let path = folder.join(&flip.segment);
            let mut bytes = std::fs::read(&path).unwrap();
            bytes[flip.at] ^= 0x40;
            std::fs::write(&path, bytes).unwrap();
        }
        let named: Vec<String> = flips
            .iter()
            .map(|flip| format!("{}@{} {:?}", flip.segment.display(), flip.at, flip.lost))
            .collect();
        let lost: BTreeSet<usize> = flips.iter().filter_map(|flip| flip.lost).collect();
        let server = setup(folder).start();
        let ledger = server.drained();
        let row = &ledger["ledger"][0];
        assert_eq!(row["damaged"], lost.len() * RECORDS, "{named:?}: {row}\n{}", server.output());
        let kept = (0..BATCHES).filter(|batch| !lost.contains(batch));
        let mut expected: Vec<String> = kept.flat_map(names).collect();
        assert!(records_of(folder, "id") == sorted(expected.clone()), "{named:?}: other records arrived");
        // What comes later is neither taken for the damage nor hidden by it.
        let later = ids("later", 5);
        assert_eq!(server.post(&batch(&later)).status, 202, "{named:?}");
        let row = &server.drained()["ledger"][0];
        expected.extend(later);
        assert_eq!(row["delivered"], expected.len(), "{named:?}: {row}");
        assert_eq!(row["accepted"], BATCHES * RECORDS + 5, "{named:?}: {row}");
        assert!(records_of(folder, "id") == sorted(expected), "{named:?}: other records arrived later");
        assert_eq!(server.get("/readyz").status, 200, "{named:?}");
        drop(server);
        std::fs::remove_dir_all(folder).unwrap();
    }
}

#[test]
fn a_flipped_byte_costs_the_records_of_its_frame_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let log = filled(folder.path());
    for flip in &log.flips() {
        log.survives(&folder.path().join("copy"), &[flip]);
    }
}

#[test]
fn many_flipped_bytes_at_once_are_all_told() {
    let folder = tempfile::tempdir().unwrap();
    let log = filled(folder.path());
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut rng = fastrand::Rng::with_seed(seed);
    for _ in 0..3 {
        let chosen: Vec<usize> = rng.choose_multiple(0..BATCHES, 8);
        let flip = |rng: &mut fastrand::Rng, batch: usize| {
            let (segment, from, to) = log.places[batch].clone();
            Flip { segment, at: rng.usize(from - HEADER[2]..to), lost: Some(batch) }
        };
        let flips: Vec<Flip> = chosen.into_iter().map(|batch| flip(&mut rng, batch)).collect();
        log.survives(&folder.path().join("copy"), &flips.iter().collect::<Vec<_>>());
    }
}
