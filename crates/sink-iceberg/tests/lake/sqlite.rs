//! The catalog in one file, read and changed by PyIceberg.

use std::path::Path;
use std::sync::Arc;

use logmill_queue::{Outcome, Partition, Sink, SinkError, Start};
use logmill_sink_iceberg::IcebergSink;
use logmill_sink_iceberg::catalog::{Catalog, SqliteCatalog};
use logmill_store::StoreConfig;
use logmill_world::World;

use crate::support::{LOG, Lane, Reader, bodies, commit, commits, config, done, lease, position, sink};

pub(crate) fn catalog(folder: &Path) -> Arc<dyn Catalog> {
    Arc::new(SqliteCatalog::new(&World::real(), folder).unwrap())
}

fn lake(folder: &Path) -> IcebergSink {
    sink(catalog(folder), config(StoreConfig::default()))
}

#[tokio::test(flavor = "multi_thread")]
async fn two_partitions_and_two_days_become_one_snapshot_that_pyiceberg_reads() {
    let folder = tempfile::tempdir().unwrap();
    let sink = lake(folder.path());
    let mut first = Lane::open(&sink, lease(0, 1), None).await;
    let mut second = Lane::open(&sink, lease(1, 1), None).await;
    assert_eq!(first.start, Start::Oldest);
    let staged = [
        first.range(&["19000|b|one\n19001|a|two", "19000||three"]),
        second.range(&["19000|a|four\n19000|c|five"]),
    ];
    assert_eq!(done(&sink.commit(&staged).await.unwrap()), [2, 1]);

    let look = Reader::sqlite(folder.path()).look();
    assert_eq!(bodies(&look), ["five", "four", "one", "three", "two"]);
    assert_eq!(commits(&look).len(), 1);
    assert_eq!((position(&look, 0), position(&look, 1)), (Some(2), Some(1)));
    let summary = &look["snapshots"][0]["summary"];
    assert_eq!((&summary["added-records"], &summary["total-records"]), (&"5".into(), &"5".into()));
    assert_eq!(
        (&summary["added-data-files"], &summary["changed-partition-count"]),
        (&"2".into(), &"2".into())
    );
    let log = "07".repeat(16);
    let totals = format!("logmill.totals.{log}.otel-logs.0");
    assert!(look["properties"][&totals].as_str().unwrap().starts_with("read=3,delivered=3,"));
    assert_eq!(summary[&totals], look["properties"][&totals]);
    assert_eq!(sink.totals().iter().map(|(_, totals)| totals.delivered).sum::<u64>(), 5);

    // One file a day, over both partitions, in the table's order.
    let files = look["files"].as_array().unwrap();
    assert_eq!(files.len(), 2);
    let long = files.iter().find(|file| file["records"] == 4).unwrap();
    assert_eq!(long["order"], 1);
    assert!(long["path"].as_str().unwrap().contains("/data/timestamp_day=2022-01-08/logmill-"), "{long}");
    assert_eq!((&long["lower"]["8"], &long["upper"]["8"]), (&"a".into(), &"c".into()));
    assert_eq!((&long["lower"]["5"], &long["upper"]["5"]), (&"five".into(), &"three".into()));
    assert_eq!(
        (&long["nulls"]["8"], &long["values"]["8"], &long["nulls"]["6"]),
        (&1.into(), &4.into(), &4.into())
    );
    let path = long["path"].as_str().unwrap().trim_start_matches("file://");
    assert_eq!(std::fs::metadata(path).unwrap().len(), long["size"].as_u64().unwrap());
    let file = Reader::sqlite(folder.path()).ask("parquet", &[path]);
    assert_eq!(file["services"], serde_json::json!([null, "a", "b", "c"]));
    assert_eq!(file["compression"], "ZSTD");
    assert_eq!(file["ids"], serde_json::json!([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15]));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_files_that_can_match_are_planned() {
    let folder = tempfile::tempdir().unwrap();
    let sink = lake(folder.path());
    let mut lane = Lane::open(&sink, lease(0, 1), None).await;
    for service in ["a", "b", "c"] {
        let range = lane.range(&[&format!("19000|{service}|{service}")]);
        commit(&sink, range).await;
    }
    let reader = Reader::sqlite(folder.path());
    assert_eq!(reader.ask("scan", &["b"]).as_array().unwrap().len(), 1);
    assert_eq!(reader.ask("scan", &["z"]).as_array().unwrap().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_goes_on_at_the_tables_position() {
    let folder = tempfile::tempdir().unwrap();
    let note = {
        let sink = lake(folder.path());
        let mut lane = Lane::open(&sink, lease(0, 1), None).await;
        let range = lane.range(&["19000|a|one", "19000|a|two"]);
        let Outcome::Done(_, Some(committed)) = commit(&sink, range).await else { panic!() };
        committed.note.as_str().to_owned()
    };
    let sink = lake(folder.path());
    let mut lane = Lane::open(&sink, lease(0, 2), Some(&note)).await;
    assert_eq!(lane.start, Start::At(LOG, 2));
    let range = lane.range(&["19000|a|three"]);
    commit(&sink, range).await;
    let look = Reader::sqlite(folder.path()).look();
    assert_eq!(bodies(&look), ["one", "three", "two"]);
    assert_eq!(note, format!("t1 {}", look["uuid"].as_str().unwrap()));
    assert_eq!(sink.totals()[0].1.delivered, 3, "the totals before the restart count");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_without_rows_moves_the_position_with_an_empty_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let sink = lake(folder.path());
    let mut lane = Lane::open(&sink, lease(0, 1), None).await;
    let range = lane.range(&["no row"]);
    assert_eq!(done(&[commit(&sink, range).await]), [1]);
    let look = Reader::sqlite(folder.path()).look();
    assert_eq!((position(&look, 0), bodies(&look).len(), commits(&look).len()), (Some(1), 0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_owners_one_wins_and_the_other_hears_where_the_table_stands() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, theirs) = (lake(folder.path()), lake(folder.path()));
    let mut mine = Lane::open(&ours, lease(0, 1), None).await;
    let mut other = Lane::open(&theirs, lease(0, 1), None).await;
    let mut beside = Lane::open(&theirs, lease(1, 1), None).await;
    let (short, long) = (mine.range(&["19000|a|one"]), other.range(&["19000|a|one", "19000|a|two"]));
    let more = beside.range(&["19000|a|beside"]);
    assert_eq!(done(&[commit(&ours, short).await]), [1]);
    let outcomes = theirs.commit(&[long, more]).await.unwrap();
    assert!(matches!(outcomes[0], Outcome::Moved { partition: Partition(0), at: 1 }), "{outcomes:?}");
    assert!(matches!(outcomes[1], Outcome::Done(Partition(1), Some(_))), "{outcomes:?}");
    let look = Reader::sqlite(folder.path()).look();
    assert_eq!(bodies(&look), ["beside", "one"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_committers_at_the_same_time_lose_and_repeat_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let run = |partition: u16| {
        let sink = lake(folder.path());
        async move {
            let mut lane = Lane::open(&sink, lease(partition, 1), None).await;
            for at in 0..8 {
                let range = lane.range(&[&format!("19000|a|{partition}-{at}")]);
                commit(&sink, range).await;
            }
        }
    };
    let (one, two) = (tokio::spawn(run(0)), tokio::spawn(run(1)));
    one.await.unwrap();
    two.await.unwrap();
    let look = Reader::sqlite(folder.path()).look();
    let mut expected: Vec<String> = (0..8).flat_map(|at| [format!("0-{at}"), format!("1-{at}")]).collect();
    expected.sort();
    assert_eq!(bodies(&look), expected);
    assert_eq!((position(&look, 0), position(&look, 1)), (Some(8), Some(8)));
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_of_pyiceberg_between_ours_keep_the_positions() {
    let folder = tempfile::tempdir().unwrap();
    let (sink, reader) = (lake(folder.path()), Reader::sqlite(folder.path()));
    let mut lane = Lane::open(&sink, lease(0, 1), None).await;
    let (one, two) = (lane.range(&["19000|a|one"]), lane.range(&["19000|a|two"]));
    commit(&sink, one).await;
    reader.ask("append", &["theirs"]);
    reader.ask("property", &["owner", "them"]);
    commit(&sink, two).await;
    let look = reader.look();
    assert_eq!(bodies(&look), ["one", "theirs", "two"]);
    assert_eq!((position(&look, 0), &look["properties"]["owner"]), (Some(2), &"them".into()));
    // The snapshots of a table have no order in its metadata.
    let mut snapshots = look["snapshots"].as_array().unwrap().iter();
    assert!(snapshots.any(|snapshot| snapshot["summary"]["total-records"] == "3"), "{look}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rolled_back_rows_stay_out() {
    let folder = tempfile::tempdir().unwrap();
    let (sink, reader) = (lake(folder.path()), Reader::sqlite(folder.path()));
    let mut lane = Lane::open(&sink, lease(0, 1), None).await;
    for body in ["one", "two"] {
        let range = lane.range(&[&format!("19000|a|{body}")]);
        commit(&sink, range).await;
    }
    reader.ask("rollback", &[]);
    let range = lane.range(&["19000|a|three"]);
    commit(&sink, range).await;
    let look = reader.look();
    assert_eq!((bodies(&look), position(&look, 0)), (vec!["one".to_owned(), "three".to_owned()], Some(3)));
}

async fn stopped(sink: &IcebergSink, lane: &mut Lane) -> String {
    let range = lane.range(&["19000|a|more"]);
    match sink.commit(&[range]).await {
        Err(SinkError::Stop(error)) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_not_ours_any_more_stops_the_sink() {
    for (verb, argument, expected) in [
        ("drop", "", "is gone"),
        ("widen", "", "severity_number"),
        ("forget", "logmill.position", "logmill lake positions"),
        ("property", "logmill.position", "did not write"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (sink, reader) = (lake(folder.path()), Reader::sqlite(folder.path()));
        let mut lane = Lane::open(&sink, lease(0, 1), None).await;
        let range = lane.range(&["19000|a|one"]);
        commit(&sink, range).await;
        let name = format!("{argument}.{}.otel-logs.0", "07".repeat(16));
        reader.ask(verb, &[&name, "nonsense"]);
        let reason = stopped(&sink, &mut lane).await;
        assert!(reason.contains(expected), "{verb}: {reason}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_table_than_the_notes_stops_the_sink() {
    let folder = tempfile::tempdir().unwrap();
    let note = "t1 00000000-0000-0000-0000-000000000001";
    let committed =
        logmill_queue::Committed { offset: 5, note: logmill_queue::Note::new(note.to_owned()).unwrap() };
    let sink = lake(folder.path());
    let Err(SinkError::Stop(gone)) = sink.open(lease(0, 1), Some(&committed)).await else { panic!() };
    assert!(gone.to_string().contains("is gone"), "{gone}");
    let mut beside = Lane::open(&sink, lease(9, 1), None).await;
    let range = beside.range(&["19000|a|one"]);
    commit(&sink, range).await;
    let Err(SinkError::Stop(other)) = sink.open(lease(0, 2), Some(&committed)).await else { panic!() };
    assert!(other.to_string().contains("logmill queue groups drop"), "{other}");

    // The table is the one of the note, but has never heard of the partition.
    let uuid = Reader::sqlite(folder.path()).look()["uuid"].as_str().unwrap().to_owned();
    let committed = logmill_queue::Committed {
        note: logmill_queue::Note::new(format!("t1 {uuid}")).unwrap(),
        ..committed
    };
    let Err(SinkError::Stop(lost)) = sink.open(lease(0, 3), Some(&committed)).await else { panic!() };
    assert!(lost.to_string().contains("no position"), "{lost}");
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_metadata_is_an_error_and_never_a_panic() {
    let folder = tempfile::tempdir().unwrap();
    let sink = lake(folder.path());
    let mut lane = Lane::open(&sink, lease(0, 1), None).await;
    let range = lane.range(&["19000|a|one"]);
    commit(&sink, range).await;
    let look = Reader::sqlite(folder.path()).look();
    let path = look["metadata_location"].as_str().unwrap().trim_start_matches("file://").to_owned();
    let good = std::fs::read_to_string(&path).unwrap();
    let id = look["snapshots"][0]["id"].to_string();
    let mut damages: Vec<String> = (1..20).map(|part| good[..good.len() * part / 20].to_owned()).collect();
    for (from, to) in [
        ("\"current-schema-id\":0", "\"current-schema-id\":7"),
        ("\"default-spec-id\":0", "\"default-spec-id\":7"),
        ("\"default-sort-order-id\":1", "\"default-sort-order-id\":7"),
        (&format!("\"current-snapshot-id\":{id}"), "\"current-snapshot-id\":7"),
        (&format!("\"snapshot-id\":{id}"), "\"snapshot-id\":8"),
        ("\"last-sequence-number\":1", "\"last-sequence-number\":9223372036854775807"),
        ("\"format-version\":2", "\"format-version\":9"),
        ("snap-", "snop-"),
    ] {
        assert!(good.contains(from), "{from} is in {good}");
        damages.push(good.replace(from, to));
    }
    let range = [lane.range(&["19000|a|two"])];
    for damage in damages {
        std::fs::write(&path, &damage).unwrap();
        assert!(sink.commit(&range).await.is_err(), "{damage}");
    }
    std::fs::write(&path, good).unwrap();
    let list = look["snapshots"][0]["list"].as_str().unwrap().trim_start_matches("file://").to_owned();
    let sound = std::fs::read(&list).unwrap();
    for at in (0..sound.len()).step_by(sound.len() / 40) {
        std::fs::write(&list, &sound[..at]).unwrap();
        let cut = sink.commit(&range).await;
        assert!(cut.is_err(), "cut at {at}: {cut:?}");
    }
    std::fs::write(&list, sound).unwrap();
    assert_eq!(done(&sink.commit(&range).await.unwrap()), [2]);
}
