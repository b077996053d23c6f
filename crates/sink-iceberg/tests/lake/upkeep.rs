//! Expiry and merging of manifests, while others commit.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use logmill_sink_iceberg::catalog::Catalog;
use logmill_sink_iceberg::{IcebergSink, Limits, Maintenance};
use logmill_store::StoreConfig;
use logmill_world::World;

use crate::sqlite::catalog;
use crate::support::faulty::{Fault, Faulty};
use crate::support::{Lane, Reader, bodies, commit, config, lease, position, sink, table};

pub(crate) const FEW: Limits = Limits {
    keep_for: Duration::ZERO,
    keep_at_least: 5,
    keep_at_most: 1000,
    manifests: 10,
    commit_within: Duration::from_secs(3600),
};

pub(crate) fn upkeep(catalog: Arc<dyn Catalog>, store: StoreConfig, limits: Limits) -> Maintenance {
    Maintenance::new(&World::real(), catalog, table(), store, limits)
}

pub(crate) async fn fill(sink: &IcebergSink, lane: &mut Lane, rows: std::ops::Range<usize>) {
    for row in rows {
        let range = lane.range(&[&format!("{}|a|row {row:03}", 19000 + row % 3)]);
        commit(sink, range).await;
    }
}

pub(crate) fn expected(rows: usize) -> Vec<String> {
    (0..rows).map(|row| format!("row {row:03}")).collect()
}

fn metadata_files(folder: &Path, end: &str) -> usize {
    let names = std::fs::read_dir(folder.join("otel/logs/metadata")).unwrap();
    names.filter(|name| name.as_ref().unwrap().file_name().to_string_lossy().ends_with(end)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn many_commits_become_few_snapshots_and_manifests_with_the_same_rows() {
    let folder = tempfile::tempdir().unwrap();
    let (reader, store) = (Reader::sqlite(folder.path()), StoreConfig::default);
    let sink = sink(catalog(folder.path()), config(store()));
    let mut lane = Lane::open(&sink, lease(0, 1), None).await;
    fill(&sink, &mut lane, 0..30).await;
    reader.ask("tag", &["audit", "2"]);
    let upkeep = upkeep(catalog(folder.path()), store(), FEW);
    let before = reader.look();
    let round = upkeep.round().await.unwrap();
    // 30 commits, of which five and the tagged one stay; the manifests are still named by the newest list.
    assert_eq!((round.snapshots, round.files, round.merged), (24, 24, 30));

    let look = reader.look();
    assert_eq!(bodies(&look), expected(30));
    assert_eq!((look["snapshots"].as_array().unwrap().len(), &look["manifests"]), (7, &1.into()));
    assert_eq!(position(&look, 0), Some(30));
    for (name, value) in before["properties"].as_object().unwrap() {
        assert_eq!(&look["properties"][name], value, "{name}");
    }
    assert_eq!(reader.ask("at", &["audit"]), 3, "a tag can still be read");
    assert_eq!(look["snapshots"].as_array().unwrap().last().unwrap()["summary"]["total-records"], "30");

    // The appender goes on, and the next rounds take what only the old snapshots named.
    fill(&sink, &mut lane, 30..36).await;
    let round = upkeep.round().await.unwrap();
    // Of seven snapshots and six new ones, five and the tagged one stay.
    assert_eq!((round.snapshots, round.merged), (7, 0));
    let look = reader.look();
    assert_eq!((bodies(&look), position(&look, 0)), (expected(36), Some(36)));
    // The tag's three manifests, the merged one, six new ones, and six lists.
    assert_eq!(metadata_files(folder.path(), ".avro"), 3 + 1 + 6 + 6);
    assert_eq!(reader.ask("at", &["audit"]), 3);
    assert_eq!(
        upkeep.round().await.unwrap(),
        logmill_sink_iceberg::Round::default(),
        "nothing is left to do"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn young_snapshots_go_too_if_they_are_too_many_and_not_on_a_branch_or_tag() {
    let folder = tempfile::tempdir().unwrap();
    let reader = Reader::sqlite(folder.path());
    let sink = sink(catalog(folder.path()), config(StoreConfig::default()));
    let mut lane = Lane::open(&sink, lease(0, 1), None).await;
    fill(&sink, &mut lane, 0..12).await;
    reader.ask("tag", &["audit", "2"]);
    let limits = Limits { keep_at_most: 7, keep_at_least: 5, ..Limits::default() };
    let round = upkeep(catalog(folder.path()), StoreConfig::default(), limits).round().await.unwrap();
    assert_eq!(round.snapshots, 4, "of twelve the newest seven and the tagged one stay");
    assert_eq!(bodies(&reader.look()), expected(12));
    assert_eq!(reader.ask("at", &["audit"]), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_answers_and_commits_beside_lose_nothing() {
    use Fault::{Conflict, LostAfter, LostBefore, Pass};
    for plan in [[LostAfter, LostAfter], [LostBefore, Conflict], [Pass, LostAfter], [Conflict, LostAfter]] {
        let folder = tempfile::tempdir().unwrap();
        let store = StoreConfig::default;
        let sink = sink(catalog(folder.path()), config(store()));
        let mut lane = Lane::open(&sink, lease(0, 1), None).await;
        fill(&sink, &mut lane, 0..14).await;
        let upkeep = upkeep(Faulty::new(catalog(folder.path()), &plan), store(), FEW);
        let (round, ()) = tokio::join!(upkeep.round(), fill(&sink, &mut lane, 14..20));
        assert!(round.unwrap().merged >= 14, "{plan:?}");
        let look = Reader::sqlite(folder.path()).look();
        assert_eq!((bodies(&look), position(&look, 0)), (expected(20), Some(20)), "{plan:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_without_an_answer_is_found_and_not_done_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = StoreConfig::default;
    let sink = sink(catalog(folder.path()), config(store()));
    let mut lane = Lane::open(&sink, lease(0, 1), None).await;
    fill(&sink, &mut lane, 0..14).await;
    let upkeep = upkeep(Faulty::new(catalog(folder.path()), &[Fault::LostAfter; 2]), store(), FEW);
    let round = upkeep.round().await.unwrap();
    assert_eq!((round.snapshots, round.files, round.merged), (9, 9, 14));
    let look = Reader::sqlite(folder.path()).look();
    assert_eq!((bodies(&look), look["snapshots"].as_array().unwrap().len()), (expected(14), 6));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_young_table_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = StoreConfig::default;
    let upkeep = upkeep(catalog(folder.path()), store(), Limits::default());
    assert_eq!(upkeep.round().await.unwrap(), logmill_sink_iceberg::Round::default(), "there is no table");
    let sink = sink(catalog(folder.path()), config(store()));
    let mut lane = Lane::open(&sink, lease(0, 1), None).await;
    fill(&sink, &mut lane, 0..3).await;
    assert_eq!(upkeep.round().await.unwrap(), logmill_sink_iceberg::Round::default());
    assert_eq!(Reader::sqlite(folder.path()).look()["snapshots"].as_array().unwrap().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn old_metadata_files_go() {
    let folder = tempfile::tempdir().unwrap();
    let reader = Reader::sqlite(folder.path());
    let sink = sink(catalog(folder.path()), config(StoreConfig::default()));
    let mut lane = Lane::open(&sink, lease(0, 1), None).await;
    fill(&sink, &mut lane, 0..1).await;
    reader.ask("property", &["write.metadata.previous-versions-max", "4"]);
    fill(&sink, &mut lane, 1..9).await;
    // The current one and four before it.
    assert_eq!(metadata_files(folder.path(), ".metadata.json"), 5);
    assert_eq!(bodies(&reader.look()), expected(9));
}
