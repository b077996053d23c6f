//! Small files become large ones, while others append, delete and lose answers.

use std::path::Path;
use std::sync::{Arc, Mutex};

use logmill_queue::{BoxFuture, QueueError};
use logmill_sink_iceberg::catalog::{Answer, Base, Catalog, Change, Creation, TableName};
use logmill_sink_iceberg::{Compacted, Effort, IcebergSink, Maintenance, SmallFiles};
use logmill_store::StoreConfig;
use serde_json::Value;

use crate::sqlite::catalog;
use crate::support::faulty::{Fault, Faulty};
use crate::support::{Lane, Reader, bodies, commit, config, lease, position, sink};
use crate::upkeep::{FEW, expected, fill, upkeep};

/// What a test compacts.
pub(crate) async fn compact(upkeep: &Maintenance, effort: Effort) -> Compacted {
    let done = upkeep.compact(effort).await.unwrap();
    assert!(done.failures.is_empty(), "{:?}", done.failures);
    done
}

/// A table of so many commits in three days.
async fn filled(folder: &Path, rows: std::ops::Range<usize>) -> (IcebergSink, Lane) {
    let sink = sink(catalog(folder), config(StoreConfig::default()));
    let mut lane = Lane::open(&sink, lease(0, 1), None).await;
    fill(&sink, &mut lane, rows).await;
    (sink, lane)
}

fn local(catalog: Arc<dyn Catalog>) -> Maintenance {
    upkeep(catalog, StoreConfig::default(), FEW)
}

fn files(look: &Value) -> usize {
    look["files"].as_array().unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn many_small_files_become_one_a_day_with_the_same_rows() {
    let folder = tempfile::tempdir().unwrap();
    let (sink, mut lane) = filled(folder.path(), 0..30).await;
    let reader = Reader::sqlite(folder.path());
    let (before, digest) = (reader.look(), reader.ask("digest", &[]));
    let upkeep = local(catalog(folder.path()));
    let bytes = before["files"].as_array().unwrap().iter().map(|file| file["size"].as_u64().unwrap()).sum();
    assert_eq!(upkeep.small_files().await.unwrap(), SmallFiles { files: 30, bytes, days: 3 });

    let done = compact(&upkeep, Effort::Steady).await;
    assert_eq!((done.commits, done.files_before, done.files_after), (3, 30, 3));
    assert_eq!((done.bytes_before, done.given_up), (bytes, 0));

    let look = reader.look();
    assert_eq!((bodies(&look), files(&look)), (expected(30), 3));
    assert_eq!(reader.ask("digest", &[]), digest);
    assert_eq!(reader.ask("sorted", &[]), serde_json::json!([true, true, true]));
    assert_eq!(look["properties"], before["properties"], "positions are as they were");
    let summary = &look["snapshots"].as_array().unwrap().last().unwrap()["summary"];
    for (name, value) in [
        ("operation", "replace"),
        ("added-data-files", "1"),
        ("deleted-data-files", "10"),
        ("added-records", "10"),
        ("deleted-records", "10"),
        ("total-data-files", "3"),
        ("total-records", "30"),
    ] {
        assert_eq!(summary[name], value, "{name}");
    }
    let sizes: u64 =
        look["files"].as_array().unwrap().iter().map(|file| file["size"].as_u64().unwrap()).sum();
    assert_eq!(
        (summary["total-files-size"].as_str().unwrap(), done.bytes_after),
        (&*sizes.to_string(), sizes)
    );

    // The appender goes on; three more files of a day do not pay, with the command they do.
    fill(&sink, &mut lane, 30..39).await;
    assert_eq!(compact(&upkeep, Effort::Steady).await.commits, 0);
    let done = compact(&upkeep, Effort::Thorough).await;
    assert_eq!((done.files_before, done.files_after), (12, 3));
    let look = reader.look();
    assert_eq!((bodies(&look), files(&look), position(&look, 0)), (expected(39), 3, Some(39)));
    assert_eq!(compact(&upkeep, Effort::Thorough).await.commits, 0, "nothing is left to do");

    // Once their snapshots have gone nobody names the small files any more.
    upkeep.round().await.unwrap();
    assert_eq!(bodies(&reader.look()), expected(39));
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_answers_and_commits_beside_change_no_row() {
    use Fault::{Conflict, LostAfter, LostBefore, Pass};
    for plan in [[LostAfter, LostAfter], [LostBefore, Conflict], [Pass, LostAfter], [Conflict, LostBefore]] {
        let folder = tempfile::tempdir().unwrap();
        let (sink, mut lane) = filled(folder.path(), 0..18).await;
        let upkeep = local(Faulty::new(catalog(folder.path()), &plan));
        let (done, ()) = tokio::join!(compact(&upkeep, Effort::Thorough), fill(&sink, &mut lane, 18..24));
        assert!(done.commits >= 3 && done.files_before >= 18, "{plan:?} {done:?}");
        assert_eq!(done.given_up, 0, "{plan:?}");
        let look = Reader::sqlite(folder.path()).look();
        assert_eq!((bodies(&look), position(&look, 0)), (expected(24), Some(24)), "{plan:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_were_deleted_merge_on_read_stay_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let (_sink, _lane) = filled(folder.path(), 0..18).await;
    let reader = Reader::sqlite(folder.path());
    // The rows 0, 3, 6, … are of the first day, whose files have to stay.
    assert_eq!(reader.ask("hide", &["row 003"]), 1);
    let left: Vec<String> = expected(18).into_iter().filter(|body| body != "row 003").collect();
    assert_eq!(bodies(&reader.look()), left);
    let upkeep = local(catalog(folder.path()));
    let done = compact(&upkeep, Effort::Thorough).await;
    assert_eq!((done.files_before, done.files_after), (12, 2));
    let look = reader.look();
    assert_eq!((bodies(&look), files(&look)), (left.clone(), 6 + 2));
    upkeep.round().await.unwrap();
    assert_eq!(bodies(&reader.look()), left);
}

/// Does something right before a commit arrives, once.
struct Meanwhile<F> {
    inner: Arc<dyn Catalog>,
    job: Mutex<Option<F>>,
}

impl<F: FnOnce() + Send> Catalog for Meanwhile<F> {
    fn load<'a>(&'a self, table: &'a TableName) -> BoxFuture<'a, Result<Option<Base>, QueueError>> {
        self.inner.load(table)
    }

    fn create<'a>(
        &'a self,
        table: &'a TableName,
        creation: Creation,
    ) -> BoxFuture<'a, Result<(), QueueError>> {
        self.inner.create(table, creation)
    }

    fn commit<'a>(&'a self, table: &'a TableName, base: &'a Base, change: Change) -> BoxFuture<'a, Answer> {
        if let Some(job) = self.job.lock().unwrap().take() {
            job();
        }
        self.inner.commit(table, base, change)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delete_that_comes_during_the_merge_wins() {
    let folder = tempfile::tempdir().unwrap();
    let (_sink, _lane) = filled(folder.path(), 0..18).await;
    let reader = Reader::sqlite(folder.path());
    let left: Vec<String> = expected(18).into_iter().filter(|body| body != "row 003").collect();
    let at = folder.path().to_owned();
    let job = move || assert_eq!(Reader::sqlite(&at).ask("hide", &["row 003"]), 1);
    let upkeep = local(Arc::new(Meanwhile { inner: catalog(folder.path()), job: Mutex::new(Some(job)) }));
    let done = compact(&upkeep, Effort::Thorough).await;
    assert_eq!((done.given_up, done.commits, done.files_before), (1, 2, 12));
    assert_eq!(bodies(&reader.look()), left);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_compactions_one_wins() {
    let folder = tempfile::tempdir().unwrap();
    let (_sink, _lane) = filled(folder.path(), 0..18).await;
    let (one, other) = (local(catalog(folder.path())), local(catalog(folder.path())));
    let (one, other) = tokio::join!(compact(&one, Effort::Thorough), compact(&other, Effort::Thorough));
    assert!(one.commits + other.commits >= 3, "{one:?} {other:?}");
    let look = Reader::sqlite(folder.path()).look();
    assert_eq!((bodies(&look), files(&look)), (expected(18), 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_other_engines_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (_sink, _lane) = filled(folder.path(), 0..6).await;
    let reader = Reader::sqlite(folder.path());
    for at in 0..4 {
        reader.ask("append", &[&format!("theirs {at}")]);
    }
    let done = compact(&local(catalog(folder.path())), Effort::Thorough).await;
    assert_eq!((done.files_before, done.files_after), (6, 3));
    let look = reader.look();
    assert_eq!((files(&look), bodies(&look).len()), (3 + 4, 10));
}

/// Rows with bodies that do not compress, so that a file is read in parts and has several row groups.
pub(crate) async fn bulk(sink: &IcebergSink, lane: &mut Lane, seed: u64) {
    let mut state = seed;
    let mut frames = Vec::new();
    for frame in 0..15 {
        let lines: Vec<String> = (0..10_000)
            .map(|row| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let service = ["", "a", "checkout", "z"][usize::try_from(state >> 62).unwrap()];
                format!(
                    "19000|{service}|{state:016x}{:016x} {frame} {row}",
                    state.rotate_left(29).wrapping_mul(seed)
                )
            })
            .collect();
        frames.push(lines.join("\n"));
    }
    let texts: Vec<&str> = frames.iter().map(String::as_str).collect();
    let range = lane.range(&texts);
    commit(sink, range).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn large_files_are_read_in_parts() {
    let folder = tempfile::tempdir().unwrap();
    let (sink, mut lane) = filled(folder.path(), 0..3).await;
    bulk(&sink, &mut lane, 7).await;
    bulk(&sink, &mut lane, 9).await;
    let reader = Reader::sqlite(folder.path());
    let digest = reader.ask("digest", &[]);
    assert_eq!(digest[0], 300_003);
    let done = compact(&local(catalog(folder.path())), Effort::Thorough).await;
    assert_eq!((done.files_before, done.files_after), (3, 1));
    assert!(done.bytes_before > 8 << 20, "{done:?}");
    assert_eq!(reader.ask("digest", &[]), digest);
    assert_eq!(reader.ask("sorted", &[]), serde_json::json!([true, true, true]));
}
