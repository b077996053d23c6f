//! The clean-up of files that nobody names. What PyIceberg names stays; what is deleted is compared with what it names.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use logmill_queue::{BoxFuture, Class, QueueError, Sink};
use logmill_sink_iceberg::catalog::{Answer, Base, Catalog, Change, Creation, TableName};
use logmill_sink_iceberg::{Limits, Orphans};
use logmill_store::StoreConfig;

use crate::sqlite::catalog;
use crate::support::clock::Hand;
use crate::support::faulty::{Fault, Faulty};
use crate::support::{Lane, Reader, bodies, commit, config, done, lease, sink, sink_in, table};
use crate::upkeep::{expected, fill, upkeep};

const DAY: Duration = Duration::from_hours(24);
const ID: &str = "0191d3a4-7c1e-4c7a-9b57-0a1b2c3d4e5f";

/// All files below the table's folder, links left out.
fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let (mut found, mut folders) = (BTreeSet::new(), vec![folder.join("otel/logs")]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            match entry.file_type().unwrap() {
                kind if kind.is_dir() => folders.push(entry.path()),
                kind if kind.is_file() => drop(found.insert(entry.path())),
                _ => {}
            }
        }
    }
    found
}

/// Makes files four days older than they are.
fn age<'a>(files: impl IntoIterator<Item = &'a PathBuf>) {
    let at = SystemTime::now() - 4 * DAY;
    for file in files {
        std::fs::File::options().write(true).open(file).unwrap().set_modified(at).unwrap();
    }
}

fn bytes<'a>(files: impl IntoIterator<Item = &'a PathBuf>) -> u64 {
    files.into_iter().map(|file| std::fs::metadata(file).unwrap().len()).sum()
}

/// As if logmill had written to the table for a long time.
fn long_ago(folder: &Path) {
    Reader::sqlite(folder).ask("property", &["logmill.since", "0"]);
}

async fn clean(folder: &Path, is_trial: bool) -> Result<Orphans, QueueError> {
    clean_by(catalog(folder), is_trial).await
}

async fn clean_by(catalog: Arc<dyn Catalog>, is_trial: bool) -> Result<Orphans, QueueError> {
    upkeep(catalog, StoreConfig::default(), Limits::default()).orphans(3 * DAY, is_trial).await
}

/// One row is committed, and of another commit only the files are there. Answers those.
async fn failed_commit(folder: &Path) -> BTreeSet<PathBuf> {
    let faulty = Faulty::new(catalog(folder), &[]);
    let sink = sink(faulty.clone(), config(StoreConfig::default()));
    let mut lane = Lane::open(&sink, lease(0, 1), None).await;
    fill(&sink, &mut lane, 0..1).await;
    let before = files(folder);
    faulty.next(&[Fault::LostBefore; 3]);
    let range = [lane.range(&["19000|a|lost\n19001|a|lost"])];
    assert!(sink.commit(&range).await.is_err());
    let left: BTreeSet<PathBuf> = files(folder).difference(&before).cloned().collect();
    assert_eq!(left.len(), 2 + 3 + 3, "two days, and a manifest and a list for each attempt: {left:?}");
    left
}

/// Rows that are written now, on the table as it is.
async fn go_on(folder: &Path, rows: std::ops::Range<usize>) {
    let sink = sink(catalog(folder), config(StoreConfig::default()));
    let mut lane = Lane::open(&sink, lease(0, 9), None).await;
    fill(&sink, &mut lane, rows).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_a_failed_commit_go_after_their_age_and_nothing_else_does() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let left = failed_commit(folder).await;
    long_ago(folder);
    assert_eq!(clean(folder, false).await.unwrap(), Orphans::default(), "they are young");

    // Whatever a table's folder may hold beside them, all of it old.
    let (data, metadata) = (folder.join("otel/logs/data"), folder.join("otel/logs/metadata"));
    let beside = tempfile::tempdir().unwrap();
    let theirs = [
        data.join(format!("timestamp_day=2022-01-08/00000-0-{ID}.parquet")),
        data.join("timestamp_day=2022-01-08/logmill.parquet"),
        metadata.join(format!("{ID}-m0.avro")),
        metadata.join(format!("snap-1-0-{ID}.avro")),
        metadata.join("version-hint.text"),
        folder.join(format!("otel/logs/logmill-{ID}.parquet")),
        beside.path().join(format!("logmill-{ID}.parquet")),
    ];
    let ours = metadata.join(format!("00007-{ID}.metadata.json"));
    theirs.iter().chain([&ours]).for_each(|path| std::fs::write(path, "content").unwrap());
    std::os::unix::fs::symlink(beside.path(), data.join("link")).unwrap();
    age(files(folder).iter().chain(&theirs));
    go_on(folder, 1..2).await;
    let young = data.join(format!("timestamp_day=2022-01-09/logmill-{ID}.parquet"));
    std::fs::write(&young, "is being written").unwrap();

    let due: BTreeSet<PathBuf> = left.iter().chain([&ours]).cloned().collect();
    let expected = Orphans { files: due.len(), bytes: bytes(&due), ..Orphans::default() };
    let before = files(folder);
    assert_eq!(clean(folder, true).await.unwrap(), expected);
    assert_eq!(files(folder), before, "a trial removes nothing");
    assert_eq!(clean(folder, false).await.unwrap(), expected);
    assert_eq!(files(folder), before.difference(&due).cloned().collect());
    assert!(young.exists() && theirs.iter().all(|path| path.exists()));
    assert_eq!(bodies(&Reader::sqlite(folder).look()), self::expected(2));
    assert_eq!(clean(folder, false).await.unwrap(), Orphans::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_table_or_its_first_commit_there_is_nothing_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    assert_eq!(clean(folder, false).await.unwrap(), Orphans::default());
    // Nobody noted when logmill began to write: nothing says that these files belong to this table.
    failed_commit(folder).await;
    Reader::sqlite(folder).ask("forget", &["logmill.since"]);
    age(&files(folder));
    Reader::sqlite(folder).ask("append", &["theirs"]);
    assert_eq!(clean(folder, false).await.unwrap(), Orphans::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_a_table_that_had_the_place_before_stay() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    failed_commit(folder).await;
    age(&files(folder));
    Reader::sqlite(folder).ask("drop", &[]);
    let before = files(folder);
    go_on(folder, 0..1).await;
    assert_eq!(clean(folder, false).await.unwrap(), Orphans::default());
    assert!(before.is_subset(&files(folder)));
    long_ago(folder);
    assert!(clean(folder, true).await.unwrap().files > 0, "only the time of the first commit keeps them");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_tag_reaches_stays_until_the_tag_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    go_on(folder, 0..6).await;
    long_ago(folder);
    let reader = Reader::sqlite(folder);
    reader.ask("tag", &["audit", "2"]);
    for row in expected(6) {
        reader.ask("delete", &[&row]);
    }
    // The newest state, whose manifests say which files were removed.
    let few = Limits { keep_for: Duration::ZERO, keep_at_least: 1, manifests: 100, ..Limits::default() };
    let expire = || async { upkeep(catalog(folder), StoreConfig::default(), few).round().await.unwrap() };
    expire().await;
    age(&files(folder));
    std::fs::write(folder.join("otel/logs/data/now"), "").unwrap();
    let data =
        || files(folder).iter().filter(|file| file.extension().is_some_and(|end| end == "parquet")).count();
    assert_eq!(data(), 6);
    clean(folder, false).await.unwrap();
    assert_eq!((data(), reader.ask("at", &["audit"])), (3, 3.into()), "the tagged rows can be read");
    go_on(folder, 6..7).await;
    reader.ask("untag", &["audit"]);
    expire().await;
    clean(folder, false).await.unwrap();
    assert_eq!((data(), bodies(&reader.look())), (1, expected(7)[6..].to_vec()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_that_cannot_be_read_ends_it_with_nothing_removed() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let left = failed_commit(folder).await;
    long_ago(folder);
    go_on(folder, 1..2).await;
    let manifest = |file: &&PathBuf| file.to_string_lossy().ends_with("-m0.avro") && !left.contains(*file);
    let live: Vec<PathBuf> = files(folder).iter().filter(manifest).cloned().collect();
    age(&files(folder));
    std::fs::write(folder.join("otel/logs/data/now"), "").unwrap();
    let before = files(folder);
    for victim in [&live[0], &live[1]] {
        let whole = std::fs::read(victim).unwrap();
        std::fs::write(victim, &whole[..whole.len() / 2]).unwrap();
        assert_eq!(clean(folder, false).await.unwrap_err().class, Class::Corrupt);
        std::fs::remove_file(victim).unwrap();
        let said = clean(folder, false).await.unwrap_err().to_string();
        assert!(said.contains(victim.file_name().unwrap().to_str().unwrap()), "{said}");
        std::fs::write(victim, &whole).unwrap();
        assert_eq!(files(folder), before);
    }
    age(&live);
    assert_eq!(clean(folder, false).await.unwrap().files, left.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_catalog_that_is_away_for_longer_than_the_age_costs_nothing_that_is_live() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (faulty, hand) = (Faulty::new(catalog(folder), &[]), Hand::default());
    let mut config = config(StoreConfig::default());
    config.rewrite_after = DAY;
    let sink = sink_in(&hand.world(), faulty.clone(), config);
    let mut lane = Lane::open(&sink, lease(0, 1), None).await;
    fill(&sink, &mut lane, 0..1).await;
    long_ago(folder);
    let before = files(folder);
    faulty.next(&[Fault::LostBefore; 3]);
    let range = [lane.range(&["19001|a|row 001"])];
    assert!(sink.commit(&range).await.is_err());
    let left: Vec<PathBuf> = files(folder).difference(&before).cloned().collect();

    // Four days later, of which the machine slept some: its monotonic clock knows of none.
    faulty.away(true);
    age(&files(folder));
    hand.set(4 * DAY);
    std::fs::write(folder.join("otel/logs/data/now"), "").unwrap();
    assert!(sink.commit(&range).await.is_err());
    assert_eq!(clean_by(faulty.clone(), false).await.unwrap_err().class, Class::Unavailable);
    assert!(left.iter().all(|file| file.exists()), "without the catalog nothing is removed");
    faulty.away(false);
    assert_eq!(clean_by(faulty, false).await.unwrap().files, left.len());
    assert_eq!(done(&sink.commit(&range).await.unwrap()), [2]);
    assert_eq!(bodies(&Reader::sqlite(folder).look()), expected(2), "its files were written again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_clock_removes_nothing_that_is_being_written() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    failed_commit(folder).await;
    long_ago(folder);
    let hand = Hand::default();
    hand.set(1000 * DAY);
    let (store, limits) = (StoreConfig::default(), Limits::default());
    let ahead =
        logmill_sink_iceberg::Maintenance::new(&hand.world(), catalog(folder), table(), store, limits);
    assert_eq!(ahead.orphans(3 * DAY, false).await.unwrap(), Orphans::default());
    // The same for a storage whose clock was ahead once.
    let future = folder.join("otel/logs/data/future");
    std::fs::write(&future, "").unwrap();
    std::fs::File::options()
        .write(true)
        .open(&future)
        .unwrap()
        .set_modified(SystemTime::now() + 1000 * DAY)
        .unwrap();
    assert_eq!(clean(folder, false).await.unwrap(), Orphans::default());
}

/// A catalog that once answers an older state of its table, as one does that is asked just before a change.
struct Behind {
    inner: Arc<dyn Catalog>,
    /// How many answers are right before that.
    stale: Mutex<(usize, Option<Base>)>,
}

impl Catalog for Behind {
    fn load<'a>(&'a self, table: &'a TableName) -> BoxFuture<'a, Result<Option<Base>, QueueError>> {
        let mut stale = self.stale.lock().unwrap();
        if stale.0 > 0 {
            stale.0 -= 1;
        } else if let Some(base) = stale.1.take() {
            return Box::pin(async { Ok(Some(base)) });
        }
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
        self.inner.commit(table, base, change)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_comes_while_the_table_is_read_keeps_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    go_on(folder, 0..1).await;
    long_ago(folder);
    let before = catalog(folder).load(&table()).await.unwrap();
    go_on(folder, 1..2).await;
    age(&files(folder));
    std::fs::write(folder.join("otel/logs/data/now"), "").unwrap();
    let behind = Behind { inner: catalog(folder), stale: Mutex::new((1, before)) };
    assert_eq!(clean_by(Arc::new(behind), false).await.unwrap(), Orphans::default());
    assert_eq!(bodies(&Reader::sqlite(folder).look()), expected(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expiry_beside_it_is_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let left = failed_commit(folder).await;
    go_on(folder, 1..5).await;
    long_ago(folder);
    let before = catalog(folder).load(&table()).await.unwrap();
    let few = Limits { keep_for: Duration::ZERO, keep_at_least: 1, manifests: 100, ..Limits::default() };
    assert!(upkeep(catalog(folder), StoreConfig::default(), few).expire().await.unwrap().files > 0);
    age(&files(folder));
    go_on(folder, 5..6).await;
    let behind = Behind { inner: catalog(folder), stale: Mutex::new((1, before)) };
    assert_eq!(clean_by(Arc::new(behind), false).await.unwrap().files, left.len());
    assert_eq!(bodies(&Reader::sqlite(folder).look()), expected(6));
    // A range that comes after it finds the table as it was.
    let sink = sink(catalog(folder), config(StoreConfig::default()));
    let mut lane = Lane::open(&sink, lease(0, 10), None).await;
    let range = lane.range(&["19000|a|row 006"]);
    commit(&sink, range).await;
    assert_eq!(bodies(&Reader::sqlite(folder).look()), expected(7));
}
