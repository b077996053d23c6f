//! What a table is said to hold, compared with PyIceberg.

use std::path::Path;
use std::time::Duration;

use logmill_sink_iceberg::{HeldPosition, History, Limits, LiveFiles, Status};
use logmill_store::StoreConfig;

use crate::sqlite::catalog;
use crate::support::{LOG, Lane, Reader, commit, commits, config, lease, sink};
use crate::upkeep::{fill, upkeep};

async fn status(folder: &Path) -> Status {
    let upkeep = upkeep(catalog(folder), StoreConfig::default(), Limits::default());
    let status = upkeep.status().await.unwrap().unwrap();
    assert_eq!(upkeep.positions().await.unwrap().as_ref(), Some(&status.positions));
    status
}

fn histories(status: &Status) -> Vec<(u16, u64, History)> {
    status.positions.iter().map(|of| (of.partition.0, of.next, of.history)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_what_pyiceberg_says_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let upkeep = upkeep(catalog(folder), StoreConfig::default(), Limits::default());
    assert_eq!((upkeep.status().await.unwrap(), upkeep.positions().await.unwrap()), (None, None));
    let sink = sink(catalog(folder), config(StoreConfig::default()));
    let mut lane = Lane::open(&sink, lease(3, 1), None).await;
    fill(&sink, &mut lane, 0..5).await;
    Reader::sqlite(folder).ask("append", &["theirs"]);
    let look = Reader::sqlite(folder).look();
    let status = status(folder).await;
    let files = look["files"].as_array().unwrap();
    let sum = |name: &str| files.iter().map(|file| file[name].as_u64().unwrap()).sum::<u64>();
    let expected =
        LiveFiles { manifests: 6, data: 6, rows: sum("records"), bytes: sum("size"), small: 6, deletes: 0 };
    assert_eq!((status.files, look["manifests"].as_u64()), (expected, Some(6)));
    assert_eq!((status.uuid.as_str(), status.snapshots), (look["uuid"].as_str().unwrap(), 6));
    assert_eq!(status.location, look["location"].as_str().unwrap());
    let last = look["snapshots"].as_array().unwrap().last().unwrap();
    let (id, at) = status.current.unwrap();
    assert_eq!((Some(id), Some(at / 1000)), (last["id"].as_i64(), last["at"].as_i64()));
    let [HeldPosition { log, topic, partition, next, commit, totals, history }] = &status.positions[..]
    else {
        panic!("{status:?}")
    };
    assert_eq!((log, topic.as_str(), partition.0), (&LOG.to_string(), "otel-logs", 3));
    assert_eq!((*next, totals.delivered, *history), (5, 5, History::Holds));
    assert_eq!(Some(commit), commits(&look).last());
    assert!(status.rolled_back.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_was_rolled_back_past_a_position_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let sink = sink(catalog(folder), config(StoreConfig::default()));
    let (mut one, mut two) =
        (Lane::open(&sink, lease(0, 1), None).await, Lane::open(&sink, lease(1, 1), None).await);
    fill(&sink, &mut one, 0..3).await;
    fill(&sink, &mut two, 3..4).await;
    let look = Reader::sqlite(folder).look();
    let ids: Vec<i64> =
        look["snapshots"].as_array().unwrap().iter().map(|of| of["id"].as_i64().unwrap()).collect();
    Reader::sqlite(folder).ask("rollback", &[]);
    Reader::sqlite(folder).ask("rollback", &[]);
    let said = status(folder).await;
    let back = [(0, 3, History::RolledBack(Some(2))), (1, 1, History::RolledBack(None))];
    assert_eq!((histories(&said), said.files.rows), (back.to_vec(), 2));
    let mut taken = ids[2..].to_vec();
    taken.sort_unstable();
    assert_eq!(said.rolled_back, taken);
    // A later commit of the partition hides the gap from the positions, but not from the snapshots.
    fill(&sink, &mut one, 4..5).await;
    let said = status(folder).await;
    assert_eq!(histories(&said), [(0, 4, History::Holds), (1, 1, History::RolledBack(None))]);
    assert_eq!(said.rolled_back, taken);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_without_rows_for_long_is_not_taken_for_rolled_back() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let sink = sink(catalog(folder), config(StoreConfig::default()));
    let (mut busy, mut idle) =
        (Lane::open(&sink, lease(0, 1), None).await, Lane::open(&sink, lease(1, 1), None).await);
    let range = idle.range(&["19000|a|once"]);
    commit(&sink, range).await;
    Reader::sqlite(folder).ask("tag", &["audit", "0"]);
    fill(&sink, &mut busy, 0..4).await;
    let few = Limits { keep_for: Duration::ZERO, keep_at_least: 2, manifests: 100, ..Limits::default() };
    let upkeep = upkeep(catalog(folder), StoreConfig::default(), few);
    let planned = upkeep.expirable().await.unwrap();
    assert_eq!((planned.snapshots, status(folder).await.snapshots), (2, 5), "a plan changes nothing");
    assert_eq!(upkeep.expire().await.unwrap(), planned);
    let said = status(folder).await;
    assert_eq!((said.snapshots, &said.rolled_back), (3, &vec![]));
    assert_eq!(histories(&said), [(0, 4, History::Holds), (1, 1, History::Expired)]);
}
